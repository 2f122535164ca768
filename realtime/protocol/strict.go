package protocol

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// encoding/json takes duplicate keys (the last wins), matches names without
// case and turns broken text into U+FFFD. Everything from outside passes this
// scanner first, so that what we checked is what we decode.

const (
	maxDepth = 32
	maxKeys  = 10_000
)

var (
	errSyntax    = errors.New("not JSON")
	errObject    = errors.New("not an object")
	errDepth     = errors.New("nested too deeply")
	errKeys      = errors.New("too many keys")
	errDuplicate = errors.New("duplicate key")
	errText      = errors.New("broken text")
)

// field is one name of an object with its raw value.
type field struct {
	name  []byte
	value []byte
}

type scanner struct {
	p     []byte
	i     int
	depth int
	keys  int
}

// scan checks the whole of p, which must be one JSON object, and appends its
// outermost fields to fields. They point into p where they can.
func scan(p []byte, fields []field) ([]field, error) {
	if !utf8.Valid(p) {
		return nil, errText
	}
	s := scanner{p: p}
	s.space()
	if s.peek() != '{' {
		if err := s.value(); err != nil {
			return nil, err
		}
		return nil, errObject
	}
	if err := s.object(&fields); err != nil {
		return nil, err
	}
	s.space()
	if s.i != len(p) {
		return nil, errSyntax
	}
	return fields, nil
}

func (s *scanner) peek() byte {
	if s.i < len(s.p) {
		return s.p[s.i]
	}
	return 0
}

func (s *scanner) space() {
	for s.i < len(s.p) {
		switch s.p[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(nil)
	case c == '[':
		return s.array()
	case c == '"':
		_, err := s.str()
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	default:
		return s.literal()
	}
}

// object reads an object and collects its fields into out when it is not nil.
func (s *scanner) object(out *[]field) error {
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	s.i++
	var names nameSet
	for first := true; ; first = false {
		s.space()
		if first && s.peek() == '}' {
			break
		}
		if s.peek() != '"' {
			return errSyntax
		}
		name, err := s.str()
		if err != nil {
			return err
		}
		if s.keys++; s.keys > maxKeys {
			return errKeys
		}
		if !names.add(name) {
			return errDuplicate
		}
		s.space()
		if s.peek() != ':' {
			return errSyntax
		}
		s.i++
		s.space()
		start := s.i
		if err := s.value(); err != nil {
			return err
		}
		if out != nil {
			*out = append(*out, field{name: name, value: s.p[start:s.i]})
		}
		s.space()
		if s.peek() == ',' {
			s.i++
			continue
		}
		if s.peek() != '}' {
			return errSyntax
		}
		break
	}
	s.i++
	s.depth--
	return nil
}

func (s *scanner) array() error {
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	s.i++
	for first := true; ; first = false {
		s.space()
		if first && s.peek() == ']' {
			break
		}
		if err := s.value(); err != nil {
			return err
		}
		s.space()
		if s.peek() == ',' {
			s.i++
			continue
		}
		if s.peek() != ']' {
			return errSyntax
		}
		break
	}
	s.i++
	s.depth--
	return nil
}

// str reads a string and returns what it means. Only a string with escapes is
// copied.
func (s *scanner) str() ([]byte, error) {
	s.i++
	start, plain := s.i, true
	for s.i < len(s.p) {
		switch c := s.p[s.i]; {
		case c == '"':
			raw := s.p[start:s.i]
			s.i++
			if plain {
				return raw, nil
			}
			return unescape(raw)
		case c == '\\':
			plain = false
			s.i += 2
		case c < 0x20:
			return nil, errText
		default:
			s.i++
		}
	}
	return nil, errSyntax
}

func unescape(raw []byte) ([]byte, error) {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case '"', '\\', '/':
			out = append(out, raw[i])
		case 'b', 'f', 'n', 'r', 't':
			out = append(out, map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}[raw[i]])
		case 'u':
			r, n, err := escaped(raw[i-1:])
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
			i += n - 2
		default:
			return nil, errSyntax
		}
	}
	return out, nil
}

// escaped reads \uXXXX, or two of them that make one rune, and returns how
// many bytes that took.
func escaped(p []byte) (rune, int, error) {
	hi, err := hex4(p)
	switch {
	case err != nil:
		return 0, 0, err
	case hi == 0 || hi >= 0xdc00 && hi <= 0xdfff:
		return 0, 0, errText // NUL, or the second half of a pair alone
	case hi < 0xd800 || hi > 0xdbff:
		return hi, 6, nil
	}
	lo, err := hex4(p[6:])
	if err != nil || lo < 0xdc00 || lo > 0xdfff {
		return 0, 0, errText
	}
	return (hi-0xd800)<<10 | (lo - 0xdc00) + 0x10000, 12, nil
}

func hex4(p []byte) (rune, error) {
	if len(p) < 6 || p[0] != '\\' || p[1] != 'u' {
		return 0, errText
	}
	for _, c := range p[2:6] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return 0, errSyntax
		}
	}
	n, err := strconv.ParseUint(string(p[2:6]), 16, 32)
	if err != nil {
		return 0, errSyntax
	}
	return rune(n), nil
}

func (s *scanner) number() error {
	start := s.i
	if s.peek() == '-' {
		s.i++
	}
	switch c := s.peek(); {
	case c == '0':
		s.i++
	case c >= '1' && c <= '9':
		s.digits()
	default:
		return errSyntax
	}
	if s.peek() == '.' {
		s.i++
		if !s.digits() {
			return errSyntax
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if !s.digits() {
			return errSyntax
		}
	}
	if s.i-start > 40 { // no number of ours is longer
		return errSyntax
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.i
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.i++
	}
	return s.i > start
}

func (s *scanner) literal() error {
	for _, word := range []string{"true", "false", "null"} {
		if len(s.p)-s.i >= len(word) && string(s.p[s.i:s.i+len(word)]) == word {
			s.i += len(word)
			return nil
		}
	}
	return errSyntax
}

// nameSet finds duplicates: by comparing while there are few, by a map when
// somebody sends thousands.
type nameSet struct {
	few  [16][]byte
	n    int
	many map[string]struct{}
}

func (s *nameSet) add(name []byte) bool {
	if s.many != nil {
		_, dup := s.many[string(name)]
		s.many[string(name)] = struct{}{}
		return !dup
	}
	for _, n := range s.few[:s.n] {
		if bytes.Equal(n, name) {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	s.many = make(map[string]struct{}, 64)
	for _, n := range s.few {
		s.many[string(n)] = struct{}{}
	}
	s.many[string(name)] = struct{}{}
	return true
}
