package protocol

import (
	"encoding/json"
	"math"
	"unicode/utf8"

	"synctv/realtime/playback"
)

// Types of the messages that a client sends.
const (
	TypeHello           = "hello"
	TypeClockPing       = "clock.ping"
	TypePlaybackCommand = "playback.command"
	TypePlaybackReport  = "playback.report"
	TypeSyncGet         = "sync.get"
)

// Command is a decoded message of a client: *Hello, *ClockPing,
// *PlaybackCommand, *PlaybackReport, *SyncGet or *ChatTyping.
type Command interface {
	check() string // the name of the first field that cannot be, "" when all is well
}

// Resume is the last event that a client saw.
type Resume struct {
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Hello is the first message of a client, within five seconds.
type Hello struct {
	Resume *Resume  `json:"resume"`
	Client string   `json:"client,omitempty"`
	Caps   []string `json:"caps,omitempty"`
}

func (h *Hello) check() string {
	if !short(h.Client, 64) {
		return "client"
	}
	if len(h.Caps) > 32 {
		return "caps"
	}
	for _, c := range h.Caps {
		if !short(c, 32) {
			return "caps"
		}
	}
	return ""
}

// ClockPing asks for the time of the room.
type ClockPing struct {
	T0 float64 `json:"t0"`
}

func (c *ClockPing) check() string {
	if !finite(c.T0) || math.Abs(c.T0) > 1e15 {
		return "t0"
	}
	return ""
}

// PlaybackCommand asks to change what the room watches.
type PlaybackCommand struct {
	Op                 string          `json:"op,omitempty" maxLength:"64"`
	Do                 playback.Do     `json:"do" enum:"play,pause,seek,rate,select,next,prev,stop"`
	Position           *float64        `json:"position,omitempty" minimum:"0" maximum:"10000000"`
	Rate               *float64        `json:"rate,omitempty" minimum:"0.25" maximum:"4"`
	MediaID            string          `json:"media_id,omitempty" maxLength:"20"`
	Target             json.RawMessage `json:"target,omitempty"`
	At                 *float64        `json:"at,omitempty"`
	ExpectedGeneration *int64          `json:"expected_generation,omitempty"`
	ExpectedVersion    *int64          `json:"expected_version,omitempty"`
}

// Check returns the name of the first field that cannot be, "" when all is
// well. A command that came by REST is checked by it too.
func (c *PlaybackCommand) Check() string { return c.check() }

func (c *PlaybackCommand) check() string {
	switch {
	case !short(c.Op, 64):
		return "op"
	case c.Position != nil && (!finite(*c.Position) || *c.Position < 0 || *c.Position > playback.MaxPosition):
		return "position"
	case c.Rate != nil && (!finite(*c.Rate) || *c.Rate < playback.MinRate || *c.Rate > playback.MaxRate):
		return "rate"
	case !short(c.MediaID, 20):
		return "media_id"
	case len(c.Target) > 16<<10:
		return "target"
	case c.At != nil && !finite(*c.At):
		return "at"
	}
	switch c.Do {
	case playback.Play, playback.Pause, playback.Next, playback.Prev, playback.Stop:
	case playback.Seek:
		if c.Position == nil {
			return "position"
		}
	case playback.Rate:
		if c.Rate == nil {
			return "rate"
		}
	case playback.Select:
		if c.MediaID == "" && len(c.Target) == 0 {
			return "media_id"
		}
	default:
		return "do"
	}
	return ""
}

// PlaybackReport says how a client's player is doing.
type PlaybackReport struct {
	Version     int64          `json:"version"`
	Generation  int64          `json:"generation"`
	State       playback.Doing `json:"state"`
	Position    float64        `json:"position"`
	At          float64        `json:"at"`
	DriftMS     float64        `json:"drift_ms"`
	BufferedS   float64        `json:"buffered_s"`
	RTTMS       float64        `json:"rtt_ms"`
	OffsetErrMS float64        `json:"offset_err_ms"`
	Rate        float64        `json:"rate"`
	Duration    float64        `json:"duration"`
	Stalls      int64          `json:"stalls"`
	Dropped     int64          `json:"dropped"`
	Engine      string         `json:"engine"`
}

func (r *PlaybackReport) check() string {
	switch {
	case !r.State.Valid():
		return "state"
	case !within(r.Position, 0, playback.MaxPosition):
		return "position"
	case !finite(r.At):
		return "at"
	case !within(r.DriftMS, -1e9, 1e9):
		return "drift_ms"
	case !within(r.BufferedS, 0, playback.MaxPosition):
		return "buffered_s"
	case !within(r.RTTMS, 0, 60_000):
		return "rtt_ms"
	case !finite(r.OffsetErrMS):
		return "offset_err_ms"
	case !within(r.Rate, 0, 16):
		return "rate"
	case r.Duration != 0 && !playback.ValidDuration(r.Duration):
		return "duration"
	case !short(r.Engine, 32):
		return "engine"
	}
	return ""
}

// SyncGet asks for the state, also when it is the one that the client has.
type SyncGet struct {
	Epoch   uint64 `json:"epoch"`
	Version int64  `json:"version"`
}

func (*SyncGet) check() string { return "" }

// ChatTyping says that the sender is writing.
type ChatTyping struct{}

func (*ChatTyping) check() string { return "" }

func short(s string, runes int) bool { return utf8.RuneCountInString(s) <= runes }

func within(f, low, high float64) bool { return finite(f) && f >= low && f <= high }

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
