package playback

import (
	"slices"
	"testing"
)

// crowd returns an audience of n viewers with ids from 1, named a, b, c, ...
func crowd(n int) *Audience {
	a := NewAudience()
	for i := range n {
		a.Join(uint64(i+1), string(rune('a'+i)), false)
	}
	return a
}

func TestLeadWaitsForTheSlowestButOne(t *testing.T) {
	a := crowd(20)
	if got := a.Lead(); got != LeadDefault {
		t.Errorf("lead = %v before anyone is known, want %v", got, LeadDefault)
	}
	for i := range 20 {
		rtt := 300.0
		if i == 7 {
			rtt = 5000
		}
		a.Report(uint64(i+1), Report{State: Paused, RTT: rtt}, t0)
	}
	if got := a.Lead(); got != 300 {
		t.Errorf("lead = %v, want 150 + 300/2: one viewer far away does not slow the room", got)
	}
	b := crowd(1)
	b.Report(1, Report{State: Paused, RTT: 10}, t0)
	if got := b.Lead(); got != LeadMin {
		t.Errorf("lead = %v, want the least", got)
	}
	b.Report(1, Report{State: Paused, RTT: 9000}, t0)
	if got := b.Lead(); got != LeadMax {
		t.Errorf("lead = %v, want the most", got)
	}
}

func TestHoldEndsWhenFourFifthsAreReady(t *testing.T) {
	s := held(film)
	a := crowd(5)
	ready := Report{State: Paused, Generation: s.Generation, Buffered: 2}
	for i := range 3 {
		a.Report(uint64(i+1), ready, t0)
	}
	if a.Ready(s, t0) {
		t.Error("ready with three of five")
	}
	if got := a.Waiting(s); !slices.Equal(got, []string{"d", "e"}) {
		t.Errorf("waiting = %v, want d and e", got)
	}
	a.Report(4, ready, t0)
	if !a.Ready(s, t0) {
		t.Error("not ready with four of five")
	}
	if b := crowd(5); !b.Ready(s, s.Hold.Deadline) || b.Ready(s, s.Hold.Deadline-1) {
		t.Error("the deadline, and only it, ends a hold of nobody ready")
	}
}

func TestWhoIsReady(t *testing.T) {
	for name, c := range map[string]struct {
		r    Report
		want bool
	}{
		"buffered":              {Report{State: Paused, Generation: 3, Buffered: 2}, true},
		"not enough":            {Report{State: Paused, Generation: 3, Buffered: 1.9}, false},
		"buffering":             {Report{State: Buffering, Generation: 3, Buffered: 9}, false},
		"seeking":               {Report{State: Seeking, Generation: 3, Buffered: 9}, false},
		"of the media before":   {Report{State: Playing, Generation: 2, Buffered: 9}, false},
		"in the background":     {Report{State: Background, Generation: 3}, true},
		"blocked":               {Report{State: Blocked, Generation: 3}, true},
		"failed":                {Report{State: Failed, Generation: 3}, true},
		"nothing more to fetch": {Report{State: Paused, Generation: 3, Buffered: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := crowd(1)
			a.Report(1, c.r, t0)
			if got := a.Ready(held(film), t0); got != c.want {
				t.Errorf("ready = %v, want %v", got, c.want)
			}
		})
	}
	a := NewAudience()
	a.Join(1, "listener", true)
	if !a.Ready(held(film), t0) {
		t.Error("nobody waits for a viewer that cannot report")
	}
	s := held(film)
	s.Position = 599.5
	b := crowd(1)
	b.Report(1, Report{State: Paused, Generation: 3, Buffered: 0.4}, t0)
	if !b.Ready(s, t0) {
		t.Error("half a second before the end there is no more to buffer")
	}
}

func TestStallsAreWaitedForThreeTimes(t *testing.T) {
	s := at(film, true)
	a := crowd(2)
	a.Report(1, Report{State: Buffering, Generation: s.Generation}, t0+100)
	if wait, _ := a.Stalled(s, t0+1100); wait {
		t.Error("waits after exactly a second")
	}
	for i := range holdsPerWindow {
		if wait, spent := a.Stalled(s, t0+1101); !wait || spent {
			t.Fatalf("hold %d: wait %v, spent %v", i, wait, spent)
		}
		a.Held(t0 + 1101)
	}
	if wait, spent := a.Stalled(s, t0+1102); wait || !spent {
		t.Errorf("a fourth hold: wait %v, spent %v", wait, spent)
	}
	if wait, _ := a.Stalled(s, t0+1102+holdWindow); !wait {
		t.Error("the budget comes back after five minutes")
	}
	many := crowd(3)
	many.Report(1, Report{State: Buffering, Generation: s.Generation}, t0)
	if wait, _ := many.Stalled(s, t0+5000); wait {
		t.Error("one of three makes everyone wait")
	}
}

func TestOver(t *testing.T) {
	s := at(film, true)
	a := crowd(4)
	a.Report(1, Report{State: Background, Generation: s.Generation}, t0)
	end := Report{State: Ended, Generation: s.Generation}
	a.Report(2, end, t0+1)
	if half, some := a.Over(s, t0+1); half || !some {
		t.Errorf("one of three: half %v, some %v", half, some)
	}
	a.Report(3, end, t0+2)
	if half, _ := a.Over(s, t0+2); !half {
		t.Error("two of three are half")
	}
	if half, _ := a.Over(s, t0+20_000); half {
		t.Error("what was said long ago does not count")
	}
	s.UpdatedAt = t0 + 10
	if half, _ := a.Over(s, t0+11); half {
		t.Error("an end of the round before does not end this one")
	}
	if half, _ := NewAudience().Over(s, t0); half {
		t.Error("nobody says so")
	}
}

func TestLengthNeedsTwoOrTime(t *testing.T) {
	s := at(&Current{ID: "x"}, true)
	a := crowd(3)
	report := func(id uint64, d, now float64) {
		a.Report(id, Report{State: Playing, Generation: s.Generation, Duration: d}, now)
	}
	report(1, 600, t0)
	if _, ok := a.Length(s, t0+9_999); ok {
		t.Error("one is believed before ten seconds")
	}
	if d, ok := a.Length(s, t0+10_000); !ok || d != 600 {
		t.Errorf("length = %v %v after ten seconds, want 600", d, ok)
	}
	report(2, 300, t0)
	if _, ok := a.Length(s, t0+1); ok {
		t.Error("two that differ are believed")
	}
	report(3, 600.9, t0)
	if d, ok := a.Length(s, t0+1); !ok || d != 600.9 {
		t.Errorf("length = %v %v, want 600.9", d, ok)
	}
}

func TestReportTellsWhetherTheStateChanged(t *testing.T) {
	a := crowd(1)
	for i, c := range []struct {
		r    Report
		want bool
	}{
		{Report{State: Playing}, true}, {Report{State: Playing}, false}, {Report{State: Buffering}, true}, {Report{State: "dancing"}, false},
	} {
		if got := a.Report(1, c.r, t0); got != c.want {
			t.Errorf("%d: changed = %v, want %v", i, got, c.want)
		}
	}
	if a.Report(9, Report{State: Playing}, t0) {
		t.Error("a viewer who is not there changed")
	}
}
