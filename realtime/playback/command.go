package playback

import (
	"errors"
	"math"
)

// Do is what a command asks for.
type Do string

// What people ask for.
const (
	Play   Do = "play"
	Pause  Do = "pause"
	Seek   Do = "seek"
	Rate   Do = "rate"
	Select Do = "select"
	Next   Do = "next"
	Prev   Do = "prev"
	Stop   Do = "stop"
)

// What only the server asks for.
const (
	Advance  Do = "advance"  // auto-next: Selection, or nil to start the same media over
	End      Do = "end"      // nothing follows: stay at the end, paused
	Empty    Do = "empty"    // nobody is connected
	Wait     Do = "wait"     // enter a hold: HoldFor, Waiting
	Release  Do = "release"  // leave the hold
	Duration Do = "duration" // Position is the length that viewers agreed on
	Gone     Do = "gone"     // the current media was deleted and nothing follows
)

// Command is one request to change the state. Pointers that are nil mean "not
// said".
type Command struct {
	Do         Do
	Actor      string
	Op         string
	Position   *float64
	Rate       float64
	At         float64 // the sender's media time of the gesture, 0: now
	Generation *int64  // expected
	Version    *int64  // expected
	Selection  *Selection
	Lead       float64 // ms until a scheduled start, 0: LeadDefault
	StartPause bool    // option start_paused
	Hold       bool    // wait for viewers after a select
	Waiting    []string
}

// Effect is something the owner of the state must do after a transition.
type Effect uint8

// The effects.
const (
	Broadcast Effect = iota + 1 // everybody gets the new state
	Answer                      // nothing changed: the sender alone gets the state, as its acknowledgement
	SaveNow
	SaveSoon // after a second without another one
)

// Errors of Apply; none of them changes the state.
var (
	ErrStale    = errors.New("stale generation")
	ErrConflict = errors.New("version changed")
	ErrInvalid  = errors.New("invalid value")
	ErrLive     = errors.New("not possible with live media")
	ErrNoMedia  = errors.New("nothing is selected")
)

var (
	changed     = []Effect{Broadcast, SaveNow}
	changedSoon = []Effect{Broadcast, SaveSoon}
	unchanged   = []Effect{Answer}
)

// Apply returns the state after c, accepted at media time now in ms, and what
// to do about it. On an error the state is s itself.
func Apply(s State, c Command, now float64) (State, []Effect, error) {
	if !finite(now) {
		return s, nil, ErrInvalid
	}
	now = Round3(now)
	if c.Generation != nil && *c.Generation != s.Generation {
		return s, nil, ErrStale
	}
	if c.Version != nil && *c.Version != s.Version {
		return s, nil, ErrConflict
	}
	if s.same(c, now) {
		return s, unchanged, nil
	}
	next, effects, err := s.step(c, now)
	if err != nil {
		return s, nil, err
	}
	if effects[0] == Answer {
		return s, effects, nil
	}
	next.Version, next.Actor, next.Op, next.ChangedAt = s.Version+1, c.Actor, c.Op, now
	next.Position, next.UpdatedAt = Round3(next.Position), Round3(next.UpdatedAt)
	if next.Live() {
		next.Position, next.Rate = 0, 1
	}
	if d := next.Duration(); d > 0 && next.Position > d {
		next.Position = d
	}
	return next, effects, nil
}

// same says whether another actor did the same a moment ago: people press a
// button together, and a second "next" would skip what nobody has seen.
func (s State) same(c Command, now float64) bool {
	if c.Actor == "" || c.Actor == s.Actor || now-s.ChangedAt > SameWindow || string(c.Do) != string(s.Reason) {
		return false
	}
	switch c.Do {
	case Next, Prev, Stop:
		return true
	case Select:
		return c.Selection != nil && sameMedia(c.Selection.Media, s.Media)
	case Seek:
		return c.Position != nil && math.Abs(*c.Position-s.Position) < 0.5
	default:
		return false
	}
}

func sameMedia(a, b *Current) bool {
	return a != nil && b != nil && a.ID == b.ID && a.TargetHash == b.TargetHash
}

func (s State) step(c Command, now float64) (State, []Effect, error) {
	switch c.Do {
	case Play:
		return s.play(c, now)
	case Pause:
		return s.pause(c, now)
	case Seek:
		return s.seek(c, now)
	case Rate:
		return s.rate(c, now)
	case Select, Next, Prev:
		return s.open(c, now, Reason(c.Do))
	case Stop, Gone:
		return s.stop(now)
	case Advance:
		return s.advance(c, now)
	case End:
		return s.end(now)
	case Empty:
		return s.empty(now)
	case Wait, Release:
		return s.wait(c, now)
	case Duration:
		return s.learn(c)
	default:
		return s, nil, ErrInvalid
	}
}

func (s State) play(c Command, now float64) (State, []Effect, error) {
	if s.Media == nil {
		return s, nil, ErrNoMedia
	}
	s.Reason = ReasonPlay
	switch {
	case s.Playing && s.Hold != nil: // "start now"
		s.Hold, s.Reason = nil, ReasonWait
	case s.Playing:
		return s, unchanged, nil
	case s.Duration() > 0 && s.Position >= s.Duration()-endSlack:
		s.Position = 0 // what has ended starts over: at the end it would end again at once
	}
	s.Playing, s.UpdatedAt = true, now+c.lead()
	return s, changedSoon, nil
}

func (s State) pause(c Command, now float64) (State, []Effect, error) {
	if c.Position != nil && !validPosition(*c.Position) {
		return s, nil, ErrInvalid
	}
	if !s.Playing {
		return s, unchanged, nil
	}
	at := trusted(c.At, now)
	p := s.At(at)
	if c.Position != nil && s.Hold == nil && math.Abs(*c.Position-p) <= PositionTrust {
		p = *c.Position
	}
	s.Playing, s.Hold, s.Position, s.UpdatedAt, s.Reason = false, nil, p, now, ReasonPause
	return s, changed, nil
}

func (s State) seek(c Command, now float64) (State, []Effect, error) {
	switch {
	case c.Position == nil || !validPosition(*c.Position):
		return s, nil, ErrInvalid
	case s.Media == nil:
		return s, nil, ErrNoMedia
	case s.Media.Live:
		return s, nil, ErrLive
	case s.Duration() > 0 && *c.Position > s.Duration()+1:
		return s, nil, ErrInvalid
	}
	s.Position, s.UpdatedAt, s.Reason = *c.Position, now, ReasonSeek
	if s.Playing && s.Hold == nil {
		s.UpdatedAt = now + c.lead()
	}
	return s, changedSoon, nil
}

func (s State) rate(c Command, now float64) (State, []Effect, error) {
	if !finite(c.Rate) || c.Rate < MinRate || c.Rate > MaxRate {
		return s, nil, ErrInvalid
	}
	if s.Live() {
		return s, nil, ErrLive
	}
	r := math.Round(c.Rate*20) / 20
	if r == s.Rate {
		return s, unchanged, nil
	}
	// A start that is still to come stays where it was scheduled.
	s.Position, s.UpdatedAt = s.At(now), math.Max(now, s.UpdatedAt)
	s.Rate, s.Reason = r, ReasonRate
	return s, changed, nil
}

func (s State) open(c Command, now float64, why Reason) (State, []Effect, error) {
	if c.Selection == nil || c.Selection.Media == nil {
		return s, nil, ErrInvalid
	}
	p := c.Selection.Position
	if !validPosition(p) {
		p = 0
	}
	s.Generation++
	s.Media, s.Position, s.Reason = c.Selection.Media, p, why
	if d := s.Duration(); d > 0 && p >= d-endSlack {
		s.Position = 0
	}
	s.Playing, s.Hold, s.UpdatedAt = !c.StartPause, nil, now+SelectLead
	if s.Playing && c.Hold && !s.Live() {
		s.Hold = &Hold{Since: now, Deadline: now + holdSelect, Waiting: c.Waiting}
	}
	return s, changed, nil
}

func (s State) stop(now float64) (State, []Effect, error) {
	if s.Media == nil && !s.Playing {
		return s, unchanged, nil
	}
	s.Generation++
	s.Media, s.Playing, s.Hold, s.Position, s.UpdatedAt, s.Reason = nil, false, nil, 0, now, ReasonStop
	return s, changed, nil
}

func (s State) advance(c Command, now float64) (State, []Effect, error) {
	if c.Selection != nil {
		c.StartPause = false // the room was playing, so it plays on
		return s.open(c, now, ReasonAutoAdvance)
	}
	if s.Media == nil {
		return s, nil, ErrNoMedia
	}
	s.Position, s.Playing, s.Hold, s.UpdatedAt, s.Reason = 0, true, nil, now+c.lead(), ReasonAutoAdvance
	return s, changed, nil
}

func (s State) end(now float64) (State, []Effect, error) {
	if !s.Playing {
		return s, unchanged, nil
	}
	p := s.At(now)
	if d := s.Duration(); d > 0 {
		p = d
	}
	s.Playing, s.Hold, s.Position, s.UpdatedAt, s.Reason = false, nil, p, now, ReasonEnded
	return s, changed, nil
}

func (s State) empty(now float64) (State, []Effect, error) {
	if !s.Playing {
		return s, unchanged, nil
	}
	s.Position = s.At(now)
	s.Playing, s.Hold, s.UpdatedAt, s.Reason = false, nil, now, ReasonEmpty
	return s, changed, nil
}

func (s State) wait(c Command, now float64) (State, []Effect, error) {
	switch {
	case c.Do == Wait && s.Playing && s.Hold == nil && s.Media != nil && !s.Live():
		s.Position = s.At(now)
		s.Hold = &Hold{Since: now, Deadline: now + holdStall, Waiting: c.Waiting, Stall: true}
		s.UpdatedAt = now
	case c.Do == Release && s.Hold != nil:
		s.Hold, s.UpdatedAt = nil, now+c.lead()
	default:
		return s, unchanged, nil
	}
	s.Reason = ReasonWait
	return s, changedSoon, nil
}

func (s State) learn(c Command) (State, []Effect, error) {
	if c.Position == nil || !ValidDuration(*c.Position) || s.Media == nil || s.Media.Live {
		return s, nil, ErrInvalid
	}
	if s.Media.Duration > 0 {
		return s, unchanged, nil
	}
	media := *s.Media
	media.Duration = Round3(*c.Position)
	s.Media, s.Reason = &media, ReasonResync
	return s, changedSoon, nil
}

func validPosition(p float64) bool { return finite(p) && p >= 0 && p <= MaxPosition }

// ValidDuration says whether d can be the length of a media.
func ValidDuration(d float64) bool { return finite(d) && d > 0 && d <= MaxDuration }

func (c Command) lead() float64 {
	if c.Lead < LeadMin || c.Lead > LeadMax || !finite(c.Lead) {
		return LeadDefault
	}
	return c.Lead
}

// trusted returns the sender's instant when it can be true, else now.
func trusted(at, now float64) float64 {
	if finite(at) && at >= now-TrustPast && at <= now+TrustFuture {
		return at
	}
	return now
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
