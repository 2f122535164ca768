package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// phase is a stretch of the drift test after one action.
type phase struct {
	name     string
	from, to float64 // ms on the common clock
	settle   float64 // ms after which the limits hold
	p95, med float64 // limits in ms of film
	viewers  int     // how many viewers were there
}

// linger lets the film run; the test is about what time does to it.
func linger(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// script plays, seeks, pauses, resumes, changes the rate and lets someone in
// late, and says when each was done.
func script(t *testing.T, s *show, people []*person, late func() *person) []phase {
	t.Helper()
	steady := 15 * time.Second
	if os.Getenv("SYNCTV_TEST_LONG") == "1" {
		steady = 2 * time.Minute
	}
	var phases []phase
	act := func(name string, settle time.Duration, p95, med float64, hold time.Duration, viewers int, do func()) {
		do()
		from := nowMS()
		linger(t, hold)
		phases = append(phases, phase{name, from, nowMS(), float64(settle.Milliseconds()), p95, med, viewers})
	}
	second := time.Second
	act("steady", 3*second, 50, 25, steady, 2, func() {})
	act("seek", second, 100, 100, 5*second, 2, func() { s.command("seek", map[string]any{"position": 120}) })
	act("pause", second, 10, 10, 2*second, 2, func() { s.command("pause", nil) })
	act("resume", second, 100, 100, 5*second, 2, func() { s.command("play", nil) })
	act("rate 1.5", second, 100, 100, 5*second, 2, func() { s.command("rate", map[string]any{"rate": 1.5}) })
	act("rate 1", second, 100, 100, 4*second, 2, func() { s.command("rate", map[string]any{"rate": 1}) })
	act("late join", 2*second, 100, 100, 6*second, 3, func() {
		p := late()
		p.wait("the film to run", `document.querySelector('video').currentTime > 100 && !document.querySelector('video').paused`)
	})
	return phases
}

// report prints what was measured and fails where it is beyond the limits.
func report(t *testing.T, people []*person, phases []phase) {
	t.Helper()
	tracks := make([]track, len(people))
	for i, p := range people {
		tracks[i] = p.track()
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%-10s %8s %8s %8s   limit p95\n", "phase", "median", "p95", "max")
	for _, ph := range phases {
		values := spread(tracks[:ph.viewers], ph.from+ph.settle, ph.to)
		med, p95, most := quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1)
		fmt.Fprintf(&out, "%-10s %7.1f %8.1f %8.1f   %.0f ms\n", ph.name, med, p95, most, ph.p95)
		if len(values) == 0 || p95 > ph.p95*margin || med > ph.med*margin {
			t.Errorf("%s: median %.1f ms, p95 %.1f ms of %d samples; limits %.0f and %.0f, margin %.1f", ph.name, med, p95, len(values), ph.med, ph.p95, margin)
		}
	}
	for _, p := range people {
		fmt.Fprintf(&out, "%s: %s\n", p.name, eval[string](p, `JSON.stringify(window.__sync, (k, v) => k === 'log' || typeof v === 'function' ? undefined : v)`))
	}
	t.Logf("spread between viewers, in ms of film\n%s", out.String())
}
