package e2e

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// far describes the network and clock of one viewer.
type far struct {
	name          string
	delay, jitter time.Duration
	skew          float64 // ms that the viewer's clock is ahead
}

// sampler notes where the film is every 50 ms, on the machine's own clock, and
// then shifts the clock that the page may see.
func sampler(skew float64) string {
	return fmt.Sprintf(`(() => {
  const origin = performance.timeOrigin, now = performance.now.bind(performance)
  window.__log = []
  setInterval(() => {
    const v = document.querySelector('video')
    if (v) window.__log.push([origin + now(), v.currentTime, v.playbackRate, v.paused ? 1 : 0, v.seeking ? 1 : 0])
  }, 50)
  Object.defineProperty(performance, 'timeOrigin', { value: origin + %f })
  const wall = Date.now
  Date.now = () => wall() + %f
})()`, skew, skew)
}

// sample is one note of the sampler.
type sample struct{ t, pos, rate, paused, seeking float64 }

// track is what one viewer saw.
type track []sample

// at interpolates the position at an instant; false where nothing was noted.
func (tr track) at(t float64) (float64, bool) {
	i, _ := slices.BinarySearchFunc(tr, t, func(s sample, t float64) int {
		switch {
		case s.t < t:
			return -1
		case s.t > t:
			return 1
		}
		return 0
	})
	if i == 0 || i >= len(tr) || tr[i].t-tr[i-1].t > 400 {
		return 0, false
	}
	a, b := tr[i-1], tr[i]
	return a.pos + (b.pos-a.pos)*(t-a.t)/(b.t-a.t), true
}

// spread lists the distance between the first and the last viewer in ms, every
// 50 ms of a time span.
func spread(tracks []track, from, to float64) []float64 {
	var out []float64
	for t := from; t < to; t += 50 {
		low, high, all := math.Inf(1), math.Inf(-1), true
		for _, tr := range tracks {
			p, ok := tr.at(t)
			all = all && ok
			low, high = min(low, p), max(high, p)
		}
		if all {
			out = append(out, (high-low)*1000)
		}
	}
	return out
}

func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

// film makes a test film in a library folder, long enough not to end.
func film(t *testing.T, seconds int) (dir string) {
	t.Helper()
	ffmpeg := need(t, "ffmpeg")
	dir = filepath.Join(t.TempDir(), "films")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	n := strconv.Itoa(seconds)
	cmd := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d="+n,
		"-f", "lavfi", "-i", "sine=f=440:d="+n, "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p",
		"-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart", filepath.Join(dir, "The Night Ferry.mp4"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	subs := "1\n00:00:01,000 --> 00:00:04,000\nWhoever stays on deck sees the lights first.\n"
	if err := os.WriteFile(filepath.Join(dir, "The Night Ferry.en.srt"), []byte(subs), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// show is a room with a film, made by API.
type show struct {
	*server
	token, room, media string
}

func newShow(t *testing.T, seconds int, args ...string) *show {
	t.Helper()
	dir := film(t, seconds)
	s := &show{server: start(t, append([]string{"--library", dir}, args...)...)}
	s.token = s.root()
	var room struct{ ID string }
	s.call(http.MethodPost, "/rooms", s.token, map[string]any{"name": "Friday film club", "settings": map[string]any{"allow_guests": true, "auto_play": map[string]any{"enabled": false}}}, &room, http.StatusCreated)
	s.room = room.ID
	var media struct{ ID string }
	s.call(http.MethodPost, "/rooms/"+s.room+"/media", s.token, map[string]any{
		"provider": "local", "instance": "films", "source": map[string]any{"path": "The Night Ferry.mp4"},
	}, &media, http.StatusCreated)
	s.media = media.ID
	return s
}

// command controls the room and returns when the server has answered.
func (s *show) command(do string, more map[string]any) {
	s.t.Helper()
	var now struct{ Generation int64 }
	s.call(http.MethodGet, "/rooms/"+s.room+"/playback", s.token, nil, &now, http.StatusOK)
	rq := map[string]any{"op": fmt.Sprintf("op%d", time.Now().UnixNano()), "do": do, "expected_generation": now.Generation}
	maps.Copy(rq, more)
	s.call(http.MethodPost, "/rooms/"+s.room+"/playback", s.token, rq, nil, http.StatusOK)
}

// sit brings a viewer into the room as a guest, over a link of its own.
func (s *show) sit(p *person, base string) {
	p.t.Helper()
	p.do(chromedp.Navigate(base + "/r/" + s.room + "/join"))
	p.wait("the lobby", `document.querySelector('input[autocomplete=nickname]')`)
	p.do(chromedp.SendKeys(chromedp.CSS("input[autocomplete=nickname]"), p.name), chromedp.Click(chromedp.CSS("button[type=submit]")))
	p.wait("the room", `location.pathname === '/r/`+s.room+`' && document.querySelector('.stage')`)
	p.do(chromedp.Navigate(base + "/r/" + s.room + "?debug=sync")) // a reload keeps the seat
	p.wait("the player", `document.querySelector('video') && window.__sync`)
}

func (p *person) track() track {
	p.t.Helper()
	var tr track
	for _, row := range eval[[][5]float64](p, "window.__log") {
		tr = append(tr, sample{row[0], row[1], row[2], row[3], row[4]})
	}
	return tr
}

// nowMS is the common clock of the machine.
func nowMS() float64 { return float64(time.Now().UnixMicro()) / 1000 }

// limits of the drift test: the goals with the margin that shared machines need.
const margin = 1.5

func TestTwoPagesSeeTheSameFrame(t *testing.T) {
	if testing.Short() {
		t.Skip("drives two browsers for most of a minute; run without -short")
	}
	s := newShow(t, 320)
	browser := browsers(t)
	viewers := []far{
		{"Near", 20 * time.Millisecond, 10 * time.Millisecond, 0},
		{"Far", 80 * time.Millisecond, 40 * time.Millisecond, 3700},
		{"Farther", 80 * time.Millisecond, 40 * time.Millisecond, -1500},
	}
	var people []*person
	enter := func(f far) {
		p := newPerson(browser, t, f.name, sampler(f.skew))
		s.sit(p, newLink(t, s.addr, f.delay, f.jitter).URL())
		people = append(people, p)
	}
	enter(viewers[0])
	enter(viewers[1])
	s.command("select", map[string]any{"media_id": s.media})
	for _, p := range people {
		p.wait("the film to run", `document.querySelector('video').currentTime > 0.2`)
		p.wait("a clock", `window.__sync.sample() && window.__sync.samples >= 12`)
	}
	phases := script(t, s, people, func() *person { enter(viewers[2]); return people[2] })
	report(t, people, phases)
	for _, p := range people {
		p.faultless()
	}
}
