package config

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every printed form of a secret shows.
const hidden = "***"

// Secret is a value that no log line, error, listing or JSON document shows.
// Only Reveal gives it away, so every use can be found by that word. The zero
// value is "not set".
type Secret struct {
	value *string // a pointer: in an unexported field fmt calls no method, and prints the address
}

// NewSecret wraps a text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{value: &text}
}

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet tells whether there is anything to hide.
func (s Secret) IsSet() bool { return s.value != nil }

// String returns three stars, or nothing when the secret is not set.
func (s Secret) String() string {
	if !s.IsSet() {
		return ""
	}
	return hidden
}

// Format makes every verb print what String prints: fmt would otherwise reach
// into the struct for %#v and for verbs that do not fit a string.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalJSON encodes what String prints.
func (s Secret) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", s.String()), nil }

// MarshalText encodes what String prints.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue logs what String prints.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
