package playback

import (
	"encoding/json"
	"time"
)

// Mode is what comes after the current media.
type Mode string

// The modes of auto-play.
const (
	Sequential Mode = "sequential"
	RepeatOne  Mode = "repeat_one"
	RepeatAll  Mode = "repeat_all"
	Shuffle    Mode = "shuffle"
)

// AutoPlay says whether and how a room goes on at the end of a media.
type AutoPlay struct {
	Enabled bool
	Mode    Mode
	Delay   time.Duration
}

// Options are the room settings that the state machine and the hub obey.
type Options struct {
	AutoPlay        AutoPlay
	StartPaused     bool
	WaitForReady    bool
	EmptyPause      time.Duration // 0: never
	ToleranceMS     int           // hint for clients
	AllowMemberRate bool
	MaxViewers      int // connections, 0: the limit of the hub
	WelcomeMessage  string
}

// Snapshot is what a room starts from when it comes alive. UpdatedAt of its
// State is on the wall clock, as Save was given it.
type Snapshot struct {
	State   State
	Options Options
}

// SelectRequest asks which media a select, next or prev means.
type SelectRequest struct {
	Do      Do
	MediaID string          // of select
	Target  json.RawMessage // of select in a dynamic playlist
	Mode    Mode            // of next and prev
	Current State
	Actor   string // user or guest id
}

// Selection is a media found for a request.
type Selection struct {
	Media    *Current
	Position float64 // where the room was in it, 0: at the start
}
