package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// scenes are films that look like something, made on the spot.
var scenes = []struct{ name, source string }{
	{"The Night Ferry", "gradients=s=960x540:r=25:c0=0x0b1a33:c1=0x27406b:c2=0xd98e4a:c3=0x120c08:x0=0:y0=0:x1=0:y1=540:speed=0.004:d=%d"},
	{"Slack Water", "gradients=s=960x540:r=25:c0=0x02323a:c1=0x0f7d86:c2=0x9fd8cf:c3=0x03181c:x0=0:y0=540:x1=300:y1=0:speed=0.005:d=%d"},
	{"Cartographer of Dust", "gradients=s=960x540:r=25:c0=0xf2c27a:c1=0xb05f2a:c2=0x40200f:c3=0xe8d3a8:x0=0:y0=0:x1=900:y1=540:speed=0.003:d=%d"},
	{"Signal Hill, episode 4", "gradients=s=960x540:r=25:c0=0x2a1450:c1=0xc04d7b:c2=0x0b0618:c3=0xe58a6b:x0=0:y0=540:x1=960:y1=0:speed=0.004:d=%d"},
	{"Nine Rivers", "gradients=s=960x540:r=25:c0=0xd7e3dc:c1=0x6f9b8b:c2=0x24463e:c3=0xb6cfc2:x0=0:y0=0:x1=0:y1=540:speed=0.003:d=%d"},
}

// programme makes a folder with all scenes.
func programme(t *testing.T) string {
	t.Helper()
	ffmpeg := need(t, "ffmpeg")
	dir := filepath.Join(t.TempDir(), "films")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, s := range scenes {
		n := 45 + 10*i
		cmd := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf(s.source, n), "-f", "lavfi", "-i", "anullsrc=d="+strconv.Itoa(n),
			"-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "32k", "-movflags", "+faststart", filepath.Join(dir, s.name+".mp4"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
	}
	subs := "WEBVTT\n\n00:00.000 --> 00:44.000\nWhoever stays on deck sees the lights first.\n"
	if err := os.WriteFile(filepath.Join(dir, "The Night Ferry.en.vtt"), []byte(subs), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// look is a size and a theme.
type look struct {
	width int64
	theme string
}

var looks = []look{{1440, "dark"}, {1440, "light"}, {390, "dark"}, {390, "light"}}

// TestScreens opens every page in every size and theme, fails on anything that
// breaks the content policy, throws, scrolls sideways or fails an accessibility
// rule of its own, and keeps the pictures where SYNCTV_SHOTS says.
func TestScreens(t *testing.T) {
	if testing.Short() {
		t.Skip("opens every page in a browser; run without -short")
	}
	s := start(t, "--library", programme(t))
	browser := browsers(t)
	first := newPerson(browser, t, "Mia")
	for _, l := range looks {
		first.dress(l)
		first.do(chromedp.Navigate(s.URL() + "/setup#token=" + s.setup))
		first.says("Who keeps the keys?")
		first.picture("setup", l)
		first.do(chromedp.Navigate("about:blank"))
	}
	token := s.root()
	first.do(chromedp.Navigate(s.URL() + "/docs"))
	first.wait("the API reference", `document.querySelectorAll('.opblock-tag').length > 8`)
	first.faultless()
	s.call(http.MethodPatch, "/me", token, map[string]any{"display_name": "Mia"}, nil, http.StatusOK)
	room := furnish(s, token)
	jo := newPerson(browser, t, "Jo")
	jo.do(chromedp.Navigate(s.URL() + "/r/" + room + "/join"))
	jo.fill("input[autocomplete=nickname]", "Jo")
	jo.press("Take your seat")
	jo.wait("the film", `document.querySelector('video')?.currentTime > 0`)
	for i, line := range []string{"Tea is on. Who has the good chair?", "Me. I was here first, there is a log.", "Go back to 0:14 and watch the gulls.", "一镜到底，而且是实拍。我查过了。"} {
		if i%2 == 0 {
			s.call(http.MethodPost, "/rooms/"+room+"/chat", token, map[string]any{"content": line}, nil, http.StatusCreated)
			continue
		}
		jo.fill("textarea", line)
		jo.press("Send")
	}
	mia := newPerson(browser, t, "Mia")
	for _, l := range looks {
		tour(mia, s, room, l)
	}
	guest := newPerson(browser, t, "Guest")
	for _, l := range looks {
		guest.dress(l)
		guest.do(chromedp.Navigate(s.URL() + "/r/" + room + "/join"))
		guest.wait("the lobby", `document.querySelector('input[autocomplete=nickname]')`)
		guest.picture("lobby", l)
	}
}

// furnish makes rooms with films and lets one run.
func furnish(s *server, token string) string {
	s.t.Helper()
	var first string
	for _, r := range []struct {
		name, visibility string
		films            []int
	}{{"Friday film club", "public", []int{0, 1, 2, 3, 4}}, {"Third floor, left", "unlisted", []int{3}}, {"深夜放映室", "public", []int{4, 1}}, {"Sunday matinee", "public", nil}} {
		var room struct{ ID string }
		s.call(http.MethodPost, "/rooms", token, map[string]any{"name": r.name, "visibility": r.visibility, "settings": map[string]any{"allow_guests": true, "empty_pause_seconds": 0, "max_members": 12}}, &room, http.StatusCreated)
		items := []map[string]any{}
		for _, i := range r.films {
			items = append(items, map[string]any{"provider": "local", "instance": "films", "source": map[string]any{"path": scenes[i].name + ".mp4"}, "name": scenes[i].name})
		}
		if first == "" {
			first = room.ID
		}
		if len(items) == 0 {
			continue
		}
		var added struct{ Items []struct{ ID string } }
		s.call(http.MethodPost, "/rooms/"+room.ID+"/media/batch", token, map[string]any{"items": items}, &added, http.StatusCreated)
		if room.ID == first {
			s.call(http.MethodPost, "/rooms/"+room.ID+"/playback", token, map[string]any{"op": "o1", "do": "select", "media_id": added.Items[0].ID, "expected_generation": 1}, nil, http.StatusOK)
		}
	}
	return first
}

// dress sets size and theme for the next page.
func (p *person) dress(l look) {
	p.t.Helper()
	height := int64(900)
	opts := []chromedp.EmulateViewportOption{}
	if l.width < 700 {
		height = 844
		opts = append(opts, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	p.do(chromedp.EmulateViewport(l.width, height, opts...), prefer(l.theme))
}

// tour takes the pictures of somebody who is signed in.
func tour(p *person, s *server, room string, l look) {
	p.t.Helper()
	p.dress(l)
	if eval[bool](p, `location.protocol === 'about:'`) {
		p.do(chromedp.Navigate(s.URL() + "/login"))
		p.wait("the form", `document.querySelector('input[type=password]')`)
		for _, each := range looks {
			p.dress(each)
			p.picture("login", each)
		}
		p.dress(l)
		p.fill("input[autocomplete=username]", "mia")
		p.fill("input[type=password]", password)
		p.press("Sign in")
		p.says("Tonight")
	}
	p.do(chromedp.Navigate(s.URL() + "/"))
	p.says("Friday film club")
	p.settled()
	p.picture("home", l)
	p.do(chromedp.Navigate(s.URL() + "/?create=1"))
	p.wait("the dialog", `document.querySelector('dialog[open] input[name=name]')`)
	p.picture("create-room", l)
	p.do(chromedp.Navigate(s.URL() + "/rooms"))
	p.says("Sunday matinee")
	p.picture("rooms", l)
	p.do(chromedp.Navigate(s.URL() + "/r/" + room))
	p.wait("the film", `document.querySelector('video')?.readyState >= 3`)
	p.says("the good chair")
	p.settled()
	p.picture("room", l)
	p.tab("Playlist")
	p.says("Slack Water")
	p.picture("room-playlist", l)
	p.tab("People")
	p.says("Jo")
	p.picture("room-people", l)
	p.press("Add media")
	p.wait("the folder", `document.querySelectorAll('label.tile img').length > 3 && [...document.querySelectorAll('label.tile img')].every(i => i.complete)`)
	p.picture("add-media", l)
	p.do(chromedp.Navigate(s.URL() + "/nothing-here"))
	p.wait("the page", `document.querySelector('h1')`)
	p.picture("missing", l)
}

// tab opens a panel of the room.
func (p *person) tab(name string) {
	p.t.Helper()
	p.wait(name, fmt.Sprintf(`(e => e && (e.click(), true))([...document.querySelectorAll('[role=tab]')].find(e => e.offsetParent && e.innerText.trim().startsWith(%q)))`, name))
}

// settled waits until pictures are there and nothing moves.
func (p *person) settled() {
	p.t.Helper()
	p.wait("the pictures", `[...document.images].filter(i => i.offsetParent && i.getBoundingClientRect().top < innerHeight && i.getBoundingClientRect().bottom > 0).every(i => i.complete)`)
	linger(p.t, 400*time.Millisecond)
}

// picture checks a page and keeps its picture.
func (p *person) picture(name string, l look) {
	p.t.Helper()
	p.faultless()
	if wide := eval[float64](p, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		p.t.Errorf("%s at %d scrolls sideways by %.0f px", name, l.width, wide)
	}
	if n := eval[int](p, `document.querySelectorAll('h1').length`); n != 1 {
		p.t.Errorf("%s at %d has %d headings of the first rank", name, l.width, n)
	}
	for _, e := range eval[[]string](p, `[...document.querySelectorAll('button, a[href], input, textarea, select')].filter(e => e.offsetParent && !e.innerText?.trim() && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby') && !e.labels?.length && !e.title).map(e => e.outerHTML.slice(0, 120))`) {
		p.t.Errorf("%s: a control without a name: %s", name, e)
	}
	p.shotAs(fmt.Sprintf("%s-%s-%d", name, l.theme, l.width))
}

func prefer(theme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	})
}
