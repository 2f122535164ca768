package playback

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

const t0 = 1_790_000_000_000.0

var (
	film  = &Current{ID: "film", PlaylistID: "list", Kind: "direct", Name: "Film", Duration: 600}
	other = &Current{ID: "other", PlaylistID: "list", Kind: "direct", Name: "Other", Duration: 100}
	feed  = &Current{ID: "feed", PlaylistID: "list", Kind: "livestream", Name: "Feed", Live: true}
)

// at returns a state of ten versions at position 50 s.
func at(m *Current, playing bool) State {
	s := State{Epoch: 1, Version: 10, Generation: 3, Media: m, Playing: playing, Position: 50, Rate: 1, UpdatedAt: t0, ChangedAt: t0 - 60_000, Actor: "ann"}
	if m == nil || m.Live {
		s.Position = 0
	}
	return s
}

func held(m *Current) State {
	s := at(m, true)
	s.Hold = &Hold{Since: t0, Deadline: t0 + 10_000, Waiting: []string{"bob"}}
	return s
}

func ended() State {
	s := at(film, false)
	s.Position, s.Reason = 600, ReasonEnded
	return s
}

func TestApply(t *testing.T) {
	now := t0 + 10_000 // a playing state is at 60 s by now
	for name, c := range map[string]struct {
		from    State
		do      Command
		want    func(s State) State // from the state before, version and actor aside
		effects []Effect
		err     error
	}{
		"play starts everyone at the same instant": {
			at(film, false),
			Command{Do: Play, Lead: 250},
			func(s State) State { s.Playing, s.UpdatedAt, s.Reason = true, now+250, ReasonPlay; return s }, changedSoon, nil,
		},
		"play without a known lead waits 300 ms": {
			at(film, false),
			Command{Do: Play, Lead: 9000},
			func(s State) State { s.Playing, s.UpdatedAt, s.Reason = true, now+LeadDefault, ReasonPlay; return s }, changedSoon, nil,
		},
		"play while playing changes nothing": {at(film, true), Command{Do: Play}, nil, unchanged, nil},
		"play of nothing":                    {at(nil, false), Command{Do: Play}, nil, nil, ErrNoMedia},
		"play of live starts at the edge":    {at(feed, false), Command{Do: Play}, func(s State) State { s.Playing, s.UpdatedAt, s.Reason = true, now+300, ReasonPlay; return s }, changedSoon, nil},
		"play during a hold starts now":      {held(film), Command{Do: Play}, func(s State) State { s.Hold, s.UpdatedAt, s.Reason = nil, now+300, ReasonWait; return s }, changedSoon, nil},
		"play of what has ended starts it again": {ended(), Command{Do: Play}, func(s State) State {
			s.Position, s.Playing, s.UpdatedAt, s.Reason = 0, true, now+300, ReasonPlay
			return s
		}, changedSoon, nil},
		"pause keeps the sender's frame": {
			at(film, true),
			Command{Do: Pause, Position: new(59.4), At: now - 400},
			func(s State) State {
				s.Playing, s.Position, s.UpdatedAt, s.Reason = false, 59.4, now, ReasonPause
				return s
			}, changed, nil,
		},
		"pause does not believe a position far off": {
			at(film, true),
			Command{Do: Pause, Position: new(12.0), At: now},
			func(s State) State {
				s.Playing, s.Position, s.UpdatedAt, s.Reason = false, 60, now, ReasonPause
				return s
			}, changed, nil,
		},
		"pause counts an instant from the past as the sender's": {
			at(film, true),
			Command{Do: Pause, At: now - 1000},
			func(s State) State {
				s.Playing, s.Position, s.UpdatedAt, s.Reason = false, 59, now, ReasonPause
				return s
			}, changed, nil,
		},
		"pause counts an instant too long ago as now": {
			at(film, true),
			Command{Do: Pause, At: now - 1501},
			func(s State) State {
				s.Playing, s.Position, s.UpdatedAt, s.Reason = false, 60, now, ReasonPause
				return s
			}, changed, nil,
		},
		"pause counts an instant to come as now": {
			at(film, true),
			Command{Do: Pause, At: now + 51},
			func(s State) State {
				s.Playing, s.Position, s.UpdatedAt, s.Reason = false, 60, now, ReasonPause
				return s
			}, changed, nil,
		},
		"pause while paused changes nothing": {at(film, false), Command{Do: Pause}, nil, unchanged, nil},
		"pause of nothing changes nothing":   {at(nil, false), Command{Do: Pause}, nil, unchanged, nil},
		"pause of live stays at zero":        {at(feed, true), Command{Do: Pause}, func(s State) State { s.Playing, s.UpdatedAt, s.Reason = false, now, ReasonPause; return s }, changed, nil},
		"pause ends a hold":                  {held(film), Command{Do: Pause}, func(s State) State { s.Playing, s.Hold, s.UpdatedAt, s.Reason = false, nil, now, ReasonPause; return s }, changed, nil},
		"pause at a negative position":       {at(film, true), Command{Do: Pause, Position: new(-1.0)}, nil, nil, ErrInvalid},
		"seek while playing is scheduled": {
			at(film, true),
			Command{Do: Seek, Position: new(200.0), Lead: 400},
			func(s State) State { s.Position, s.UpdatedAt, s.Reason = 200, now+400, ReasonSeek; return s }, changedSoon, nil,
		},
		"seek while paused is at once": {
			at(film, false),
			Command{Do: Seek, Position: new(200.0)},
			func(s State) State { s.Position, s.UpdatedAt, s.Reason = 200, now, ReasonSeek; return s }, changedSoon, nil,
		},
		"seek a little past the end stops there": {at(film, false), Command{Do: Seek, Position: new(600.9)}, func(s State) State { s.Position, s.UpdatedAt, s.Reason = 600, now, ReasonSeek; return s }, changedSoon, nil},
		"seek far past the end":                  {at(film, false), Command{Do: Seek, Position: new(601.1)}, nil, nil, ErrInvalid},
		"seek keeps three decimals":              {at(film, false), Command{Do: Seek, Position: new(1.23456)}, func(s State) State { s.Position, s.UpdatedAt, s.Reason = 1.235, now, ReasonSeek; return s }, changedSoon, nil},
		"seek nowhere":                           {at(film, false), Command{Do: Seek}, nil, nil, ErrInvalid},
		"seek to NaN":                            {at(film, true), Command{Do: Seek, Position: new(math.NaN())}, nil, nil, ErrInvalid},
		"seek to infinity":                       {at(film, true), Command{Do: Seek, Position: new(math.Inf(1))}, nil, nil, ErrInvalid},
		"seek before the beginning":              {at(film, true), Command{Do: Seek, Position: new(-1.0)}, nil, nil, ErrInvalid},
		"seek beyond everything":                 {at(&Current{ID: "x"}, true), Command{Do: Seek, Position: new(1e7 + 1)}, nil, nil, ErrInvalid},
		"seek in live":                           {at(feed, true), Command{Do: Seek, Position: new(1.0)}, nil, nil, ErrLive},
		"seek in nothing":                        {at(nil, false), Command{Do: Seek, Position: new(1.0)}, nil, nil, ErrNoMedia},
		"seek during a hold stays held":          {held(film), Command{Do: Seek, Position: new(5.0)}, func(s State) State { s.Position, s.UpdatedAt, s.Reason = 5, now, ReasonSeek; return s }, changedSoon, nil},
		"rate goes on from where the room is": {
			at(film, true),
			Command{Do: Rate, Rate: 1.51},
			func(s State) State { s.Rate, s.Position, s.UpdatedAt, s.Reason = 1.5, 60, now, ReasonRate; return s }, changed, nil,
		},
		"rate that is the same changes nothing": {at(film, true), Command{Do: Rate, Rate: 1.01}, nil, unchanged, nil},
		"rate of zero":                          {at(film, true), Command{Do: Rate}, nil, nil, ErrInvalid},
		"rate backwards":                        {at(film, true), Command{Do: Rate, Rate: -1}, nil, nil, ErrInvalid},
		"rate of a thousand":                    {at(film, true), Command{Do: Rate, Rate: 1000}, nil, nil, ErrInvalid},
		"rate of live":                          {at(feed, true), Command{Do: Rate, Rate: 1.5}, nil, nil, ErrLive},
		"select opens another media": {
			at(film, true),
			Command{Do: Select, Selection: &Selection{Media: other}},
			func(s State) State {
				s.Generation++
				s.Media, s.Position, s.UpdatedAt, s.Reason = other, 0, now+SelectLead, ReasonSelect
				return s
			}, changed, nil,
		},
		"select resumes": {
			at(film, false),
			Command{Do: Select, Selection: &Selection{Media: other, Position: 42}},
			func(s State) State {
				s.Generation++
				s.Media, s.Position, s.Playing, s.UpdatedAt, s.Reason = other, 42, true, now+SelectLead, ReasonSelect
				return s
			}, changed, nil,
		},
		"select does not resume at the end": {
			at(film, false),
			Command{Do: Select, Selection: &Selection{Media: other, Position: 99.8}, StartPause: true},
			func(s State) State {
				s.Generation++
				s.Media, s.Position, s.UpdatedAt, s.Reason = other, 0, now+SelectLead, ReasonSelect
				return s
			}, changed, nil,
		},
		"select that waits for viewers": {
			at(film, true),
			Command{Do: Select, Selection: &Selection{Media: other}, Hold: true, Waiting: []string{"bob"}},
			func(s State) State {
				s.Generation++
				s.Media, s.Position, s.UpdatedAt, s.Reason = other, 0, now+SelectLead, ReasonSelect
				s.Hold = &Hold{Since: now, Deadline: now + 10_000, Waiting: []string{"bob"}}
				return s
			}, changed, nil,
		},
		"select of live has rate one": {
			State{Version: 10, Generation: 3, Media: film, Rate: 2, ChangedAt: t0 - 1e6},
			Command{Do: Select, Selection: &Selection{Media: feed}, Hold: true},
			func(s State) State {
				s.Generation++
				s.Media, s.Playing, s.Rate, s.UpdatedAt, s.Reason = feed, true, 1, now+SelectLead, ReasonSelect
				return s
			}, changed, nil,
		},
		"select of nothing": {at(film, true), Command{Do: Select}, nil, nil, ErrInvalid},
		"next and prev are selections too": {
			at(film, true),
			Command{Do: Next, Selection: &Selection{Media: other}},
			func(s State) State {
				s.Generation++
				s.Media, s.Position, s.UpdatedAt, s.Reason = other, 0, now+SelectLead, ReasonNext
				return s
			}, changed, nil,
		},
		"stop": {at(film, true), Command{Do: Stop}, func(s State) State {
			s.Generation++
			s.Media, s.Playing, s.Position, s.UpdatedAt, s.Reason = nil, false, 0, now, ReasonStop
			return s
		}, changed, nil},
		"stop of nothing changes nothing": {at(nil, false), Command{Do: Stop}, nil, unchanged, nil},
		"advance plays what follows, also in a room that starts paused": {
			at(film, true),
			Command{Do: Advance, Selection: &Selection{Media: other}, StartPause: true},
			func(s State) State {
				s.Generation++
				s.Media, s.Position, s.UpdatedAt, s.Reason = other, 0, now+SelectLead, ReasonAutoAdvance
				return s
			}, changed, nil,
		},
		"advance to the same media keeps its generation": {
			at(film, true),
			Command{Do: Advance},
			func(s State) State { s.Position, s.UpdatedAt, s.Reason = 0, now+300, ReasonAutoAdvance; return s }, changed, nil,
		},
		"end stays at the end": {at(film, true), Command{Do: End}, func(s State) State {
			s.Playing, s.Position, s.UpdatedAt, s.Reason = false, 600, now, ReasonEnded
			return s
		}, changed, nil},
		"empty pauses": {at(film, true), Command{Do: Empty}, func(s State) State {
			s.Playing, s.Position, s.UpdatedAt, s.Reason = false, 60, now, ReasonEmpty
			return s
		}, changed, nil},
		"wait holds where the room is": {at(film, true), Command{Do: Wait, Waiting: []string{"bob"}}, func(s State) State {
			s.Position, s.UpdatedAt, s.Reason = 60, now, ReasonWait
			s.Hold = &Hold{Since: now, Deadline: now + 5_000, Waiting: []string{"bob"}, Stall: true}
			return s
		}, changedSoon, nil},
		"wait while paused changes nothing":    {at(film, false), Command{Do: Wait}, nil, unchanged, nil},
		"release starts everyone together":     {held(film), Command{Do: Release, Lead: 350}, func(s State) State { s.Hold, s.UpdatedAt, s.Reason = nil, now+350, ReasonWait; return s }, changedSoon, nil},
		"release without hold changes nothing": {at(film, true), Command{Do: Release}, nil, unchanged, nil},
		"duration is learned once":             {at(&Current{ID: "x"}, true), Command{Do: Duration, Position: new(99.9994)}, func(s State) State { s.Media, s.Reason = &Current{ID: "x", Duration: 99.999}, ReasonResync; return s }, changedSoon, nil},
		"duration that is known stays":         {at(film, true), Command{Do: Duration, Position: new(9.0)}, nil, unchanged, nil},
		"duration of a month":                  {at(&Current{ID: "x"}, true), Command{Do: Duration, Position: new(86400 * 30.0)}, nil, nil, ErrInvalid},
		"a stale generation":                   {at(film, true), Command{Do: Pause, Generation: new(int64(2))}, nil, nil, ErrStale},
		"the right generation":                 {at(film, false), Command{Do: Play, Generation: new(int64(3)), Version: new(int64(10))}, func(s State) State { s.Playing, s.UpdatedAt, s.Reason = true, now+300, ReasonPlay; return s }, changedSoon, nil},
		"a changed version":                    {at(film, true), Command{Do: Pause, Version: new(int64(9))}, nil, nil, ErrConflict},
		"an unknown command":                   {at(film, true), Command{Do: "explode"}, nil, nil, ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			c.do.Actor, c.do.Op = "bob", "op1"
			got, effects, err := Apply(c.from, c.do, now)
			if !errors.Is(err, c.err) {
				t.Fatalf("error = %v, want %v", err, c.err)
			}
			want := c.from
			if c.want != nil {
				want = c.want(want)
				want.Version, want.Actor, want.Op, want.ChangedAt = 11, "bob", "op1", now
			}
			if !same(got, want) {
				t.Errorf("state\n  %+v, want\n  %+v", got, want)
			}
			if len(effects) != len(c.effects) || len(effects) > 0 && effects[len(effects)-1] != c.effects[len(effects)-1] {
				t.Errorf("effects = %v, want %v", effects, c.effects)
			}
		})
	}
}

func same(a, b State) bool {
	if (a.Hold == nil) != (b.Hold == nil) || (a.Media == nil) != (b.Media == nil) {
		return false
	}
	if a.Hold != nil && (a.Hold.Since != b.Hold.Since || a.Hold.Deadline != b.Hold.Deadline || a.Hold.Stall != b.Hold.Stall) {
		return false
	}
	if a.Media != nil && (a.Media.ID != b.Media.ID || a.Media.Duration != b.Media.Duration) {
		return false
	}
	a.Hold, b.Hold, a.Media, b.Media = nil, nil, nil, nil
	return a == b
}

func TestAt(t *testing.T) {
	for name, c := range map[string]struct {
		s    State
		t    float64
		want float64
	}{
		"paused stays":               {at(film, false), t0 + 5000, 50},
		"playing moves":              {at(film, true), t0 + 5000, 55},
		"faster":                     {State{Media: film, Playing: true, Rate: 2, UpdatedAt: t0}, t0 + 5000, 10},
		"a start to come has to":     {State{Media: film, Playing: true, Position: 7, Rate: 1, UpdatedAt: t0 + 300}, t0, 7},
		"held stays":                 {held(film), t0 + 5000, 50},
		"the end is the end":         {at(film, true), t0 + 1e9, 600},
		"an unknown length goes on":  {at(&Current{ID: "x"}, true), t0 + 1e6, 1050},
		"a paused state past an end": {State{Media: other, Position: 700}, t0, 100},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.s.At(c.t); got != c.want {
				t.Errorf("At = %v, want %v", got, c.want)
			}
		})
	}
}

func TestPlayAgainstPauseIsDecidedByOrder(t *testing.T) {
	s := at(film, false)
	s, _, _ = Apply(s, Command{Do: Play, Actor: "ann"}, t0+1000)
	s, _, _ = Apply(s, Command{Do: Pause, Actor: "bob"}, t0+1001)
	if s.Playing || s.Version != 12 || s.Actor != "bob" {
		t.Errorf("state = %+v, want paused by bob at version 12", s)
	}
}

func TestTwoWhoPressTogetherMakeOneTransition(t *testing.T) {
	for name, c := range map[string]struct {
		first, second Command
		after         float64
		want          int64
	}{
		"next within 300 ms":     {Command{Do: Next, Selection: &Selection{Media: other}}, Command{Do: Next, Selection: &Selection{Media: feed}}, 300, 11},
		"next after 301 ms":      {Command{Do: Next, Selection: &Selection{Media: other}}, Command{Do: Next, Selection: &Selection{Media: feed}}, 301, 12},
		"the same select":        {Command{Do: Select, Selection: &Selection{Media: other}}, Command{Do: Select, Selection: &Selection{Media: other}}, 100, 11},
		"another select":         {Command{Do: Select, Selection: &Selection{Media: other}}, Command{Do: Select, Selection: &Selection{Media: feed}}, 100, 12},
		"seek to the same place": {Command{Do: Seek, Position: new(10.0)}, Command{Do: Seek, Position: new(10.2)}, 100, 11},
		"seek elsewhere":         {Command{Do: Seek, Position: new(10.0)}, Command{Do: Seek, Position: new(20.0)}, 100, 12},
		"pause":                  {Command{Do: Pause}, Command{Do: Pause}, 100, 11},
	} {
		t.Run(name, func(t *testing.T) {
			c.first.Actor, c.second.Actor = "ann", "bob"
			s, _, err := Apply(at(film, true), c.first, t0+1000)
			if err != nil {
				t.Fatal(err)
			}
			if s, _, _ = Apply(s, c.second, t0+1000+c.after); s.Version != c.want {
				t.Errorf("version = %d, want %d", s.Version, c.want)
			}
		})
	}
}

func TestRateKeepsAScheduledStart(t *testing.T) {
	s, _, _ := Apply(at(film, false), Command{Do: Play, Actor: "ann"}, t0)
	s, _, _ = Apply(s, Command{Do: Rate, Rate: 2, Actor: "ann"}, t0+100)
	if s.UpdatedAt != t0+LeadDefault || s.Position != 50 {
		t.Errorf("starts at %v from %v, want %v from 50", s.UpdatedAt-t0, s.Position, LeadDefault)
	}
}

func TestEndsAt(t *testing.T) {
	s := at(film, true)
	s.Rate = 2
	if end, ok := s.EndsAt(); !ok || end != t0+275_000 {
		t.Errorf("EndsAt = %v %v, want %v", end-t0, ok, 275_000)
	}
	for _, s := range []State{at(film, false), at(feed, true), at(nil, false), held(film)} {
		if end, ok := s.EndsAt(); ok {
			t.Errorf("EndsAt = %v, want never", end)
		}
	}
}

func TestNewer(t *testing.T) {
	a, b := State{Epoch: 1, Version: 9}, State{Epoch: 2, Version: 1}
	if a.Newer(b) || !b.Newer(a) || a.Newer(a) || !(State{Epoch: 1, Version: 10}).Newer(a) {
		t.Error("the higher pair of epoch and version must win")
	}
}

// command draws any command, most of them sensible.
func command(t *rapid.T) Command {
	c := Command{
		Do:       rapid.SampledFrom([]Do{Play, Pause, Seek, Rate, Select, Next, Prev, Stop, Advance, End, Empty, Wait, Release, Duration, Gone, "x"}).Draw(t, "do"),
		Actor:    rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(t, "actor"),
		Rate:     rapid.OneOf(rapid.Float64Range(0.25, 4), rapid.Float64()).Draw(t, "rate"),
		Lead:     rapid.Float64().Draw(t, "lead"),
		At:       rapid.OneOf(rapid.Float64Range(t0, t0+1e6), rapid.Float64()).Draw(t, "at"),
		Hold:     rapid.Bool().Draw(t, "hold"),
		Position: new(rapid.OneOf(rapid.Float64Range(0, 1000), rapid.Float64()).Draw(t, "position")),
	}
	if rapid.Bool().Draw(t, "selects") {
		c.Selection = &Selection{
			Media:    rapid.SampledFrom([]*Current{film, other, feed, {ID: "unknown"}, nil}).Draw(t, "media"),
			Position: rapid.Float64().Draw(t, "resume"),
		}
	}
	return c
}

func TestAnyCommandsKeepTheStateSane(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := State{Rate: 1, UpdatedAt: t0}
		now := t0
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now += rapid.Float64Range(0, 5000).Draw(t, "dt")
			before := s
			next, effects, err := Apply(s, command(t), now)
			switch {
			case err != nil || effects[0] == Answer:
				if !same(next, before) {
					t.Fatalf("refused, and yet changed: %+v → %+v", before, next)
				}
			case next.Version != before.Version+1:
				t.Fatalf("version %d → %d", before.Version, next.Version)
			}
			if next.Generation < before.Generation {
				t.Fatalf("generation %d → %d", before.Generation, next.Generation)
			}
			sane(t, next, now)
			s = next
		}
	})
}

type fataler interface{ Fatalf(string, ...any) }

func sane(t fataler, s State, now float64) {
	for _, at := range []float64{now, now + 1e5, now + 1e9} {
		p := s.At(at)
		if !finite(p) || p < 0 || s.Duration() > 0 && p > s.Duration() {
			t.Fatalf("position %v of %+v", p, s)
		}
		if !s.Playing && p != s.At(now) {
			t.Fatalf("a paused room moved: %+v", s)
		}
	}
	if s.Rate < MinRate || s.Rate > MaxRate || !finite(s.UpdatedAt) || s.UpdatedAt > now+SelectLead+1 {
		t.Fatalf("state %+v", s)
	}
	if s.Live() && (s.Position != 0 || s.Rate != 1) {
		t.Fatalf("live with a position: %+v", s)
	}
	if s.Media == nil && s.Playing {
		t.Fatalf("plays nothing: %+v", s)
	}
}
