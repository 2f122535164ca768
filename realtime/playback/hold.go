package playback

import (
	"math"
	"slices"
)

// Doing is what a viewer's player says it does.
type Doing string

// The states of a player, as reported.
const (
	Playing    Doing = "playing"
	Paused     Doing = "paused"
	Buffering  Doing = "buffering"
	Seeking    Doing = "seeking"
	Blocked    Doing = "blocked" // the browser wants a gesture first
	Ended      Doing = "ended"
	Failed     Doing = "error"
	Background Doing = "background"
)

// Valid says whether d is one of the states above.
func (d Doing) Valid() bool {
	switch d {
	case Playing, Paused, Buffering, Seeking, Blocked, Ended, Failed, Background:
		return true
	}
	return false
}

// Report is what one viewer says about its player. It never moves the room; it
// tells when to wait, when the media is over and how long it is.
type Report struct {
	State      Doing
	Version    int64
	Generation int64
	Position   float64
	Buffered   float64 // seconds ahead of the position
	RTT        float64 // ms, the lowest that the viewer measured
	Duration   float64 // 0: not known to the viewer
}

type viewer struct {
	person  string
	mute    bool // cannot report, so nobody waits for it
	last    Report
	heard   bool
	at      float64 // media time of the last report
	stalled float64 // since when it buffers, 0: it does not
	ended   float64 // since when it says that the media is over, 0: it does not
}

// Audience is what a room knows of its viewers' players. It belongs to one
// goroutine, like the state it serves.
type Audience struct {
	viewers map[uint64]*viewer
	since   map[int64]float64 // generation → media time of the first report
	holds   []float64         // instants of the last stall holds
}

// NewAudience returns an empty audience.
func NewAudience() *Audience {
	return &Audience{viewers: map[uint64]*viewer{}, since: map[int64]float64{}}
}

// Join adds a viewer; mute ones cannot report and count as ready.
func (a *Audience) Join(id uint64, person string, mute bool) {
	a.viewers[id] = &viewer{person: person, mute: mute}
}

// Leave removes a viewer.
func (a *Audience) Leave(id uint64) { delete(a.viewers, id) }

// Len returns the number of viewers.
func (a *Audience) Len() int { return len(a.viewers) }

// Report takes what a viewer says at media time now and tells whether its
// state changed.
func (a *Audience) Report(id uint64, r Report, now float64) bool {
	v := a.viewers[id]
	if v == nil || !r.State.Valid() {
		return false
	}
	was := v.last.State
	if r.Generation != v.last.Generation {
		v.stalled, v.ended = 0, 0
	}
	if r.RTT <= 0 || !finite(r.RTT) {
		r.RTT = v.last.RTT
	}
	v.last, v.heard, v.at = r, true, now
	v.stalled = begin(v.stalled, r.State == Buffering, now)
	v.ended = begin(v.ended, r.State == Ended, now)
	if _, ok := a.since[r.Generation]; !ok && r.Duration > 0 {
		clear(a.since) // only the newest generation matters
		a.since[r.Generation] = now
	}
	return was != r.State
}

func begin(since float64, is bool, now float64) float64 {
	switch {
	case !is:
		return 0
	case since == 0:
		return now
	}
	return since
}

// Lead returns how far ahead a start must be scheduled so that the command
// reaches nearly everyone before it.
func (a *Audience) Lead() float64 {
	rtts := make([]float64, 0, len(a.viewers))
	for _, v := range a.viewers {
		if v.last.RTT > 0 {
			rtts = append(rtts, v.last.RTT)
		}
	}
	if len(rtts) == 0 {
		return LeadDefault
	}
	slices.Sort(rtts)
	slowest := rtts[int(math.Ceil(0.95*float64(len(rtts))))-1]
	return math.Min(LeadMax, math.Max(LeadMin, LeadBase+slowest/2))
}

// Waiting returns the people that a hold of state s waits for, at most a few.
func (a *Audience) Waiting(s State) []string {
	var ids []string
	for _, v := range a.viewers {
		if !v.ready(s) && !slices.Contains(ids, v.person) {
			ids = append(ids, v.person)
		}
	}
	slices.Sort(ids)
	return ids[:min(len(ids), waitingMax)]
}

// Ready says whether the hold of s is over at media time now: four fifths are
// ready, or it has lasted long enough.
func (a *Audience) Ready(s State, now float64) bool {
	if s.Hold == nil {
		return false
	}
	if now >= s.Hold.Deadline {
		return true
	}
	ready := 0
	for _, v := range a.viewers {
		if v.ready(s) {
			ready++
		}
	}
	return 10*ready >= 8*len(a.viewers)
}

func (v *viewer) ready(s State) bool {
	if v.mute {
		return true
	}
	if !v.heard || v.last.Generation != s.Generation {
		return false
	}
	switch v.last.State {
	case Background, Blocked, Failed, Ended:
		return true
	case Playing, Paused:
		left := s.Duration() - s.Position
		return v.last.Buffered >= 2 || s.Live() || s.Duration() > 0 && v.last.Buffered >= left-0.25
	case Buffering, Seeking:
	}
	return false
}

// Stalled says whether so many viewers have been buffering for so long that
// the room should wait, and how that would be over the budget.
func (a *Audience) Stalled(s State, now float64) (wait, spent bool) {
	if !s.Playing || s.Hold != nil || s.Media == nil || s.Live() || now < s.UpdatedAt {
		return false, false
	}
	stalled := 0
	for _, v := range a.viewers {
		if v.last.Generation == s.Generation && v.stalled > 0 && now-max(v.stalled, s.UpdatedAt) > stallAfter {
			stalled++
		}
	}
	if stalled == 0 || 2*stalled < len(a.viewers) {
		return false, false
	}
	a.holds = slices.DeleteFunc(a.holds, func(t float64) bool { return now-t > holdWindow })
	return len(a.holds) < holdsPerWindow, len(a.holds) >= holdsPerWindow
}

// Held notes that a stall hold began at now, for the budget.
func (a *Audience) Held(now float64) { a.holds = append(a.holds, now) }

// Over says whether half of the viewers that can be seen say that the media of
// s has ended, within the last ten seconds, and whether anyone says so.
func (a *Audience) Over(s State, now float64) (half, some bool) {
	ended, visible := 0, 0
	for _, v := range a.viewers {
		if v.mute || v.heard && v.last.State == Background {
			continue
		}
		visible++
		if v.last.Generation == s.Generation && v.ended > 0 && now-v.ended <= 10_000 && v.ended >= s.UpdatedAt {
			ended++
		}
	}
	return ended > 0 && 2*ended >= visible, ended > 0
}

// Length returns the duration that the viewers' reports give for the current
// media of s: two that agree within a second, or any one after ten seconds.
func (a *Audience) Length(s State, now float64) (float64, bool) {
	var seen []float64
	for _, v := range a.viewers {
		if v.heard && v.last.Generation == s.Generation && ValidDuration(v.last.Duration) {
			seen = append(seen, v.last.Duration)
		}
	}
	slices.Sort(seen)
	for i := 1; i < len(seen); i++ {
		if seen[i]-seen[i-1] <= 1 {
			return seen[i], true
		}
	}
	since, ok := a.since[s.Generation]
	if len(seen) > 0 && ok && now-since >= 10_000 {
		return seen[len(seen)-1], true
	}
	return 0, false
}
