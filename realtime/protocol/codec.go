package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// MaxMessage is the largest message that a client may send, in bytes.
const MaxMessage = 64 << 10

// ErrMalformed says that a message is not JSON as we take it. The second one
// ends the connection.
var ErrMalformed = errors.New("malformed message")

// UnknownTypeError says that a message has a type that the server does not know.
type UnknownTypeError struct{ Type string }

func (e *UnknownTypeError) Error() string { return fmt.Sprintf("unknown message type %q", e.Type) }

// FieldError says that a field of a message cannot be.
type FieldError struct {
	Type  string
	Field string
	Op    string // of a playback command, so that its sender can be told
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s: %s is not valid", e.Type, e.Field) }

// shape is what the server knows of one message type before it decodes it.
type shape struct {
	kind   string
	fields []string
	make   func() Command
}

var shapes = map[string]*shape{
	TypeHello:     {TypeHello, []string{"resume", "client", "caps"}, func() Command { return new(Hello) }},
	TypeClockPing: {TypeClockPing, []string{"t0"}, func() Command { return new(ClockPing) }},
	TypePlaybackCommand: {
		TypePlaybackCommand,
		[]string{"op", "do", "position", "rate", "media_id", "target", "at", "expected_generation", "expected_version"},
		func() Command { return new(PlaybackCommand) },
	},
	TypePlaybackReport: {
		TypePlaybackReport,
		[]string{
			"version", "generation", "state", "position", "at", "drift_ms", "buffered_s", "rtt_ms",
			"offset_err_ms", "rate", "duration", "stalls", "dropped", "engine",
		},
		func() Command { return new(PlaybackReport) },
	},
	TypeSyncGet:    {TypeSyncGet, []string{"epoch", "version"}, func() Command { return new(SyncGet) }},
	TypeChatTyping: {TypeChatTyping, nil, func() Command { return new(ChatTyping) }},
}

// Decode reads one message of a client. Errors are ErrMalformed, *UnknownTypeError or
// *FieldError.
func Decode(p []byte) (Command, error) {
	if len(p) > MaxMessage {
		return nil, ErrMalformed
	}
	var few [4]field
	top, err := scan(p, few[:0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var kind, data []byte
	for _, f := range top {
		switch string(f.name) {
		case "type":
			if f.value[0] != '"' {
				return nil, fmt.Errorf("%w: type", ErrMalformed)
			}
			s := scanner{p: f.value}
			kind, _ = s.str() // it has been scanned already
		case "data":
			data = f.value
		default:
			return nil, &FieldError{Type: clip(string(kind), 64), Field: "envelope"}
		}
	}
	sh, ok := shapes[string(kind)]
	if !ok {
		return nil, &UnknownTypeError{Type: clip(string(kind), 64)}
	}
	return sh.decode(data)
}

func (sh *shape) decode(data []byte) (Command, error) {
	cmd, kind := sh.make(), sh.kind
	if len(data) == 0 {
		data = []byte("{}")
	}
	var few [16]field
	fields, err := scan(data, few[:0])
	if err != nil {
		return nil, &FieldError{Type: kind, Field: "data"} // valid JSON, but no object
	}
	for _, f := range fields {
		if !slices.Contains(sh.fields, string(f.name)) {
			return nil, &FieldError{Type: kind, Field: clip(string(f.name), 64)}
		}
		if string(f.name) == "resume" && !resumeNames(f.value) {
			return nil, &FieldError{Type: kind, Field: "resume"}
		}
	}
	if err := json.Unmarshal(data, cmd); err != nil {
		field := "data"
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			field = wrong.Field
		}
		return nil, &FieldError{Type: kind, Field: clip(field, 64)}
	}
	if field := cmd.check(); field != "" {
		e := &FieldError{Type: kind, Field: field}
		if c, ok := cmd.(*PlaybackCommand); ok {
			e.Op = clip(c.Op, 64)
		}
		return nil, e
	}
	return cmd, nil
}

func resumeNames(value []byte) bool {
	if string(value) == "null" {
		return true
	}
	fields, err := scan(value, nil)
	if err != nil {
		return false
	}
	for _, f := range fields {
		if string(f.name) != "epoch" && string(f.name) != "seq" {
			return false
		}
	}
	return true
}

func clip(s string, n int) string {
	for i := range s {
		if i >= n {
			return s[:i]
		}
	}
	return s
}
