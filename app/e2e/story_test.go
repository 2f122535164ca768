package e2e

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// press clicks the first visible button or link that says, or is named, text.
func (p *person) press(text string) {
	p.t.Helper()
	find := fmt.Sprintf(`[...(document.querySelector('dialog[open]') || document).querySelectorAll('button, a, [role=menuitem], label.tile')].filter(e => e.offsetParent && !e.disabled).find(e =>
		e.innerText.trim() === %q || e.getAttribute('aria-label') === %q || e.querySelector('[aria-label=%q]'))`, text, text, text)
	// Found and pressed in one step: a page that moves on between the two is no fault.
	p.wait(text, `(e => e && (e.click(), true))(`+find+`)`)
}

// fill types into the field with a name or label.
func (p *person) fill(selector, text string) {
	p.t.Helper()
	p.wait(selector, fmt.Sprintf(`document.querySelector(%q)`, selector))
	p.do(chromedp.Focus(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// says waits until the page shows a text.
func (p *person) says(text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%q", text), fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

// film is where a person's film is.
type reel struct {
	Time   float64
	Paused bool
	Ready  int
}

func (p *person) reel() reel {
	p.t.Helper()
	return eval[reel](p, `(() => { const v = document.querySelector('video'); return { Time: v.currentTime, Paused: v.paused, Ready: v.readyState } })()`)
}

// TestAnEveningTogether is the whole slice as people use it: set-up, room,
// a film from a folder, a guest, chat, control, reload, a lost network, and a
// server whose plug is pulled.
func TestAnEveningTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("drives two browsers through an evening; run without -short")
	}
	films := film(t, 200)
	s := start(t, "--library", films)
	browser := browsers(t)

	mia := newPerson(browser, t, "Mia")
	mia.do(chromedp.Navigate(s.URL() + "/setup#token=" + s.setup))
	setUp(mia)
	invitation := openRoom(mia)
	addFilm(mia)

	jo := newPerson(browser, t, "Jo")
	jo.do(chromedp.Navigate(invitation))
	jo.fill("input[autocomplete=nickname]", "Jo")
	jo.press("Take your seat")
	jo.wait("the film", `document.querySelector('video')?.readyState >= 2`)
	both(t, "play", mia, jo, false)
	mia.says("Jo")

	talk(mia, jo)
	control(t, mia, jo)
	mia.shot("evening")

	jo.do(chromedp.Reload())
	jo.wait("the film again", `document.querySelector('video')?.readyState >= 2`)
	both(t, "reload", mia, jo, false)

	lostNetwork(t, s, mia, invitation)
	pullThePlug(t, s, mia, jo)
	for _, p := range []*person{mia, jo} {
		p.faultless()
	}
}

func setUp(p *person) {
	p.t.Helper()
	p.says("Who keeps the keys?")
	if hash := eval[string](p, "location.hash"); hash != "" {
		p.t.Errorf("the set-up token stays in the address bar: %s", hash)
	}
	p.fill("input[name=username]", "mia")
	p.fill("input[type=password]", password)
	p.shot("setup")
	p.press("Next")
	p.fill("input[name=server_name]", "Kino Küche")
	p.press("Open the house")
	p.says("Lights down.")
}

// openRoom makes a room from the set-up page and returns its invitation link.
func openRoom(p *person) string {
	p.t.Helper()
	p.press("Create the first room")
	p.fill("input[name=name]", "Friday film club")
	p.press("Create room")
	p.says("The room is ready")
	link := eval[string](p, `[...document.querySelectorAll('input')].map(i => i.value).find(v => v.includes('/r/'))`)
	p.press("Enter the room")
	return link
}

func addFilm(p *person) {
	p.t.Helper()
	p.wait("the room", `location.pathname.startsWith('/r/') && document.querySelector('.stage')`)
	p.press("Add media")
	p.wait("the folder", `document.querySelector('label.tile')`)
	p.shot("add")
	p.press("The Night Ferry")
	p.says("1 title selected")
	p.press("More ways to add")
	p.press("Play now")
	p.wait("the film", `document.querySelector('video')?.currentTime > 0.5`)
}

// both waits until two films agree: running within the limits, or on the same
// frame.
func both(t *testing.T, after string, a, b *person, paused bool) {
	t.Helper()
	limit := 0.15
	if paused {
		limit = 0.011
	}
	var x, y reel
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); linger(t, 200*time.Millisecond) {
		before := time.Now()
		x, y = a.reel(), b.reel()
		took := time.Since(before).Seconds() // the two readings are one round trip apart
		off := math.Abs(x.Time - y.Time)
		if !paused {
			off = math.Max(0, off-took)
		}
		if x.Paused == paused && y.Paused == paused && off <= limit {
			return
		}
	}
	a.shot("apart")
	b.shot("apart")
	t.Fatalf("after %s: %s %+v, %s %+v", after, a.name, x, b.name, y)
}

func talk(mia, jo *person) {
	mia.fill("textarea", "Who has the good chair?")
	mia.press("Send")
	jo.says("Who has the good chair?")
	jo.fill("textarea", "I do. <b>Sorry.</b>")
	jo.press("Send")
	mia.says("I do. <b>Sorry.</b>")
}

// control seeks, pauses and plays from the controls of the host.
func control(t *testing.T, mia, jo *person) {
	t.Helper()
	eval[bool](mia, `document.activeElement.blur(), true`)
	mia.do(chromedp.KeyEvent("5")) // half of the film
	mia.wait("the seek", `Math.abs(document.querySelector('video').currentTime - 100) < 5`)
	jo.wait("the seek", `Math.abs(document.querySelector('video').currentTime - 100) < 5`)
	both(t, "seek", mia, jo, false)
	mia.do(chromedp.KeyEvent("k"))
	both(t, "pause", mia, jo, true)
	mia.do(chromedp.KeyEvent("k"))
	both(t, "resume", mia, jo, false)
	jo.do(chromedp.KeyEvent("k")) // a guest may not
	linger(t, time.Second)
	if x := mia.reel(); x.Paused {
		t.Error("a guest without the right has paused the room")
	}
}

// lostNetwork takes the network away from a guest for ten seconds, in which the
// room moves on.
func lostNetwork(t *testing.T, s *server, mia *person, invitation string) {
	t.Helper()
	l := newLink(t, s.addr, 0, 0)
	path := invitation[len(s.URL()):]
	if os.Getenv("SYNCTV_DEBUG") != "" {
		t.Logf("joining by %s", l.URL()+path)
	}
	ada := newPerson(mia.ctx, t, "Ada")
	ada.do(chromedp.Navigate(l.URL() + path))
	ada.fill("input[autocomplete=nickname]", "Ada")
	ada.press("Take your seat")
	ada.wait("the film", `document.querySelector('video')?.currentTime > 1`)
	both(t, "joining", mia, ada, false)
	l.cut()
	ada.says("Reconnecting")
	mia.fill("textarea", "Ada is in a tunnel")
	mia.press("Send")
	eval[bool](mia, `document.activeElement.blur(), true`)
	mia.do(chromedp.KeyEvent("2"))
	linger(t, 8*time.Second)
	l.mend()
	ada.says("Ada is in a tunnel")
	ada.wait("the right place", `Math.abs(document.querySelector('video').currentTime - 50) < 25`)
	both(t, "the tunnel", mia, ada, false)
	if n := eval[int](ada, `document.body.innerText.split('Ada is in a tunnel').length - 1`); n != 1 {
		t.Errorf("the message of the tunnel is there %d times", n)
	}
	ada.faultless()
}

// pullThePlug kills the server and starts it again.
func pullThePlug(t *testing.T, s *server, mia, jo *person) {
	t.Helper()
	mia.fill("textarea", "Last words")
	mia.press("Send")
	jo.says("Last words")
	s.stop(os.Kill)
	jo.says("Reconnecting")
	s.run()
	for _, p := range []*person{mia, jo} {
		p.waitFor(30*time.Second, "the connection", `!document.body.innerText.includes('Reconnecting')`)
		p.says("Last words")
	}
	both(t, "the restart", mia, jo, false)
	mia.fill("textarea", "Still here")
	mia.press("Send")
	jo.says("Still here")
}
