// Package playback is the state machine of what a room watches: which media,
// playing or paused, where, how fast.
//
// It is pure: no clock, no I/O, no goroutine. Time is an argument, so every
// node and every test that applies the same commands reaches the same state.
//
// Imported by realtime, its sub-packages, app/library and app/api. Imports
// nothing of ours.
package playback

import (
	"encoding/json"
	"math"
)

// Constants of the server side; the web UI has the same names in its own file.
const (
	LeadMin        = 200.0  // ms: shortest scheduled start
	LeadMax        = 600.0  // ms: longest scheduled start
	LeadDefault    = 300.0  // ms: while no round trip is known
	LeadBase       = 150.0  // ms: added to half of the slowest round trip
	SelectLead     = 1500.0 // ms: time to load a media before its start
	TrustPast      = 1500.0 // ms: how old a sender's instant may be
	TrustFuture    = 50.0   // ms: how far ahead it may be
	PositionTrust  = 2.0    // s: a pause position further off than this is not believed
	SameWindow     = 300.0  // ms: two actors with the same effect make one transition
	MaxPosition    = 1e7    // s
	MaxDuration    = 86400 * 7.0
	MinRate        = 0.25
	MaxRate        = 4.0
	endSlack       = 0.5 // s: play this close to the end starts over
	holdSelect     = 10_000.0
	holdStall      = 5_000.0
	stallAfter     = 1000.0 // ms of buffering before a viewer counts as stalled
	holdWindow     = 5 * 60_000.0
	holdsPerWindow = 3
	waitingMax     = 16 // ids listed in a hold: the state stays small
)

// Current is the media a room watches. It is shared by states and must not be
// changed in place.
type Current struct {
	ID            string          `json:"id"`
	PlaylistID    string          `json:"playlist_id"`
	Kind          string          `json:"kind"`
	Name          string          `json:"name"`
	Duration      float64         `json:"duration"` // seconds, 0 unknown
	Live          bool            `json:"live"`
	Restricted    bool            `json:"restricted"`
	LiveLatencyMS int             `json:"live_latency_ms,omitempty"`
	TargetHash    string          `json:"-"`
	Target        json.RawMessage `json:"-"` // entry of a dynamic playlist, nil else
}

// Hold says that the room waits for viewers to buffer.
type Hold struct {
	Since    float64  `json:"since"`
	Deadline float64  `json:"deadline"`
	Waiting  []string `json:"waiting"` // users or guests that were not ready when it began
	Stall    bool     `json:"-"`       // in the middle of playing, not after a select
}

// Reason names the transition that made a state.
type Reason string

// The reasons of a state.
const (
	ReasonPlay        Reason = "play"
	ReasonPause       Reason = "pause"
	ReasonSeek        Reason = "seek"
	ReasonRate        Reason = "rate"
	ReasonSelect      Reason = "select"
	ReasonNext        Reason = "next"
	ReasonPrev        Reason = "prev"
	ReasonStop        Reason = "stop"
	ReasonEnded       Reason = "ended"
	ReasonAutoAdvance Reason = "auto_advance"
	ReasonWait        Reason = "wait"
	ReasonEmpty       Reason = "empty"
	ReasonResync      Reason = "resync"
)

// State is what a room watches. Copy it freely: Apply never changes what its
// pointers refer to.
type State struct {
	Epoch      uint64   // lease epoch of the home node; a higher epoch always wins
	Version    int64    // +1 per accepted transition, never reused
	Generation int64    // +1 when the current media or its target changes
	Media      *Current // nil: nothing selected
	Playing    bool
	Position   float64 // seconds, valid at UpdatedAt
	Rate       float64
	UpdatedAt  float64 // media clock, ms; may lie in the future: a scheduled start
	Hold       *Hold
	Reason     Reason
	Actor      string  // user or guest id, "" = the server
	Op         string  // the sender's operation id, which makes the state its acknowledgement
	ChangedAt  float64 // media clock, ms: when the last transition was made
}

// At returns the position at media time t in ms. It is the only formula for a
// position.
func (s State) At(t float64) float64 {
	p := s.Position
	if s.Playing && s.Hold == nil && t > s.UpdatedAt {
		p += (t - s.UpdatedAt) / 1000 * s.Rate
	}
	if d := s.Duration(); d > 0 && p > d {
		p = d
	}
	return p
}

// Duration returns the length of the current media in seconds, 0 when it is
// unknown, live or absent.
func (s State) Duration() float64 {
	if s.Media == nil || s.Media.Live {
		return 0
	}
	return s.Media.Duration
}

// Live says whether the current media has no positions.
func (s State) Live() bool { return s.Media != nil && s.Media.Live }

// EndsAt returns the media time in ms at which the position reaches the
// duration, and false when that never happens as things are.
func (s State) EndsAt() (float64, bool) {
	d := s.Duration()
	if d <= 0 || !s.Playing || s.Hold != nil || s.Rate <= 0 {
		return 0, false
	}
	return s.UpdatedAt + math.Max(0, d-s.Position)/s.Rate*1000, true
}

// Newer says whether s replaces old: the higher pair of epoch and version wins.
func (s State) Newer(old State) bool {
	if s.Epoch != old.Epoch {
		return s.Epoch > old.Epoch
	}
	return s.Version > old.Version
}

// Round3 keeps three decimals, the precision of every time and position that
// travels.
func Round3(f float64) float64 { return math.Round(f*1000) / 1000 }
