package httpstrict

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a JSON text; its size is bounded by whoever reads it.
const (
	MaxDepth  = 32
	MaxKeys   = 10_000
	maxNumber = 64
	// maxMagnitude keeps every number readable after it was written again.
	maxMagnitude = 1 << 63
	fewMembers   = 16 // up to here keys are compared one by one, beyond by hash
)

var (
	// ErrJSON matches a text that is not JSON, or not only one way to read it: 400.
	ErrJSON = errors.New("malformed JSON")
	// ErrValue matches proper JSON that holds what nothing here can keep: 422.
	ErrValue = errors.New("unusable JSON value")
)

// JSONError says where and why a text was refused; it matches ErrJSON or ErrValue.
type JSONError struct {
	Offset int
	Reason string
	kind   error
}

// Error names the offset, never the content.
func (e *JSONError) Error() string {
	return fmt.Sprintf("%v: %s at byte %d", e.kind, e.Reason, e.Offset)
}

// Unwrap gives ErrJSON or ErrValue.
func (e *JSONError) Unwrap() error { return e.kind }

// CheckJSON accepts exactly one JSON value that every reader reads alike:
// no duplicate keys, no invalid UTF-8, no lone surrogate, no NUL, no number
// beyond what Go keeps, at most MaxDepth levels and MaxKeys members.
func CheckJSON(data []byte) error { return check(data, nil) }

// Unmarshal is json.Unmarshal behind CheckJSON that also refuses a member name
// which differs from a field of v by case alone. Unknown names pass: refusing
// them is the schema's business. It fits huma.Format.
func Unmarshal(data []byte, v any) error {
	if err := check(data, reflect.TypeOf(v)); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrValue, err)
	}
	return nil
}

func check(data []byte, t reflect.Type) error {
	s := &scanner{data: data, fields: map[reflect.Type]fields{}}
	s.space()
	if err := s.value(t, 1); err != nil {
		return err
	}
	if s.space(); s.at < len(s.data) {
		return s.bad("data after the value")
	}
	return nil
}

type scanner struct {
	data   []byte
	at     int
	keys   int
	fields map[reflect.Type]fields
}

func (s *scanner) bad(reason string) error {
	return &JSONError{Offset: s.at, Reason: reason, kind: ErrJSON}
}

func (s *scanner) unusable(reason string) error {
	return &JSONError{Offset: s.at, Reason: reason, kind: ErrValue}
}

// peek is 0 at the end; a NUL in the text is refused wherever it is met.
func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) value(t reflect.Type, depth int) error {
	if depth > MaxDepth {
		return s.bad("nested too deeply")
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object(t, depth)
	case c == '[':
		return s.array(t, depth)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(string(s.data[s.at:min(s.at+len(word), len(s.data))]), word) {
			s.at += len(word)
			return nil
		}
	}
	return s.bad("no value")
}

func (s *scanner) array(t reflect.Type, depth int) error {
	elem := elemOf(t)
	s.at++
	if s.space(); s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		s.space()
		if err := s.value(elem, depth+1); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return s.bad("no , or ] in an array")
		}
	}
}

func (s *scanner) object(t reflect.Type, depth int) error {
	known, elem := s.membersOf(t)
	var seen members
	s.at++
	if s.space(); s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		if s.space(); s.peek() != '"' {
			return s.bad("no member name")
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if s.keys++; s.keys > MaxKeys {
			return s.bad("too many members")
		}
		if !seen.add(key) {
			return s.bad("duplicate member name")
		}
		sub := elem
		if known != nil {
			var other bool
			if sub, other = known.find(key); other {
				return s.unusable("member name in another case")
			}
		}
		if s.space(); s.peek() != ':' {
			return s.bad("no : after a member name")
		}
		s.at++
		s.space()
		if err := s.value(sub, depth+1); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
		case '}':
			s.at++
			return nil
		default:
			return s.bad("no , or } in an object")
		}
	}
}

// members is a set that stays cheap for the usual handful.
type members struct {
	few  []string
	many map[string]struct{}
}

func (m *members) add(key string) bool {
	if m.many == nil {
		if slices.Contains(m.few, key) {
			return false
		}
		if m.few = append(m.few, key); len(m.few) > fewMembers {
			m.many = make(map[string]struct{}, 4*fewMembers)
			for _, k := range m.few {
				m.many[k] = struct{}{}
			}
		}
		return true
	}
	if _, twice := m.many[key]; twice {
		return false
	}
	m.many[key] = struct{}{}
	return true
}

// text reads a string and returns what it means.
func (s *scanner) text() (string, error) {
	s.at++
	start := s.at
	var out []byte // only when there is an escape
	for {
		c := s.peek()
		switch {
		case s.at >= len(s.data):
			return "", s.bad("string without end")
		case c == '"':
			text := string(s.data[start:s.at])
			if out != nil {
				text = string(out)
			}
			s.at++
			return text, nil
		case c < ' ':
			return "", s.bad("control character in a string")
		case c == '\\':
			if out == nil {
				out = append(make([]byte, 0, s.at-start+16), s.data[start:s.at]...)
			}
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		default:
			n := 1
			if c >= utf8.RuneSelf {
				var r rune
				if r, n = utf8.DecodeRune(s.data[s.at:]); r == utf8.RuneError && n == 1 {
					return "", s.bad("invalid UTF-8")
				}
			}
			if out != nil {
				out = append(out, s.data[s.at:s.at+n]...)
			}
			s.at += n
		}
	}
}

func (s *scanner) escape() (rune, error) {
	s.at++
	c := s.peek()
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 && c != 0 {
		s.at++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return 0, s.bad("unknown escape")
	}
	r, ok := s.hex4()
	switch {
	case !ok:
		return 0, s.bad("escape without four digits")
	case r == 0:
		return 0, s.unusable("NUL character")
	case r >= 0xdc00 && r <= 0xdfff:
		return 0, s.unusable("lone surrogate")
	case r < 0xd800 || r > 0xdbff:
		return r, nil
	}
	if s.peek() != '\\' || s.at+1 >= len(s.data) || s.data[s.at+1] != 'u' {
		return 0, s.unusable("lone surrogate")
	}
	s.at++
	low, ok := s.hex4()
	if !ok {
		return 0, s.bad("escape without four digits")
	}
	if low < 0xdc00 || low > 0xdfff {
		return 0, s.unusable("lone surrogate")
	}
	return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, nil
}

// hex4 stands on the u.
func (s *scanner) hex4() (rune, bool) {
	if s.at+5 > len(s.data) {
		return 0, false
	}
	var r rune
	for _, c := range s.data[s.at+1 : s.at+5] {
		i := strings.IndexByte("0123456789abcdef", c|0x20)
		if i < 0 || c < '0' {
			return 0, false
		}
		r = r<<4 | rune(i)
	}
	s.at += 5
	return r, true
}

func (s *scanner) digits() bool {
	start := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > start
}

func (s *scanner) number() error {
	start := s.at
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return s.bad("number without digits")
	}
	whole := true
	if s.peek() == '.' {
		whole = false
		if s.at++; !s.digits() {
			return s.bad("number without digits")
		}
	}
	if s.peek()|0x20 == 'e' {
		whole = false
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.bad("number without digits")
		}
	}
	text := string(s.data[start:s.at])
	if len(text) > maxNumber {
		return s.unusable("number too long")
	}
	if whole {
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return s.unusable("integer out of range")
		}
		return nil
	}
	if f, err := strconv.ParseFloat(text, 64); err != nil || math.Abs(f) >= maxMagnitude {
		return s.unusable("number out of range")
	}
	return nil
}
