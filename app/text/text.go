// Package text cleans what people type before it is stored.
//
// Everything is plain text: HTML-looking input stays as it is and is shown as
// it is. What goes is what cannot be seen or turns a line around: controls,
// bidi overrides and isolates, zero-width characters (the joiner between emoji
// stays). Cleaning is idempotent and never fails but on broken UTF-8.
//
// Imported by every rule package of app. Imports nothing of ours.
package text

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Why a text was refused. The API answers each with 422 "validation".
var (
	ErrEncoding = errors.New("text is not valid UTF-8")
	ErrEmpty    = errors.New("text is empty")
	ErrShort    = errors.New("text is too short")
	ErrLong     = errors.New("text is too long")
	ErrLines    = errors.New("text has too many lines")
)

const joiner = '\u200d' // ZERO WIDTH JOINER: family and flag emoji need it

// Rule says what a field takes. Max counts characters (runes); the byte length
// is bounded by four times that, which NFC text cannot pass.
type Rule struct {
	Min, Max int
	Lines    int  // most lines; 0 = a single-line field
	Collapse bool // runs of white space become one blank
}

// Clean applies the rule: UTF-8, NFC, invisible characters out, trimmed,
// then measured. An empty text passes when Min is 0.
func (r Rule) Clean(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", ErrEncoding
	}
	if r.Lines > 0 {
		s = Block(s)
	} else {
		s = Line(s)
	}
	if r.Collapse {
		s = strings.Join(strings.Fields(s), " ")
	}
	switch n := utf8.RuneCountInString(s); {
	case n == 0 && r.Min > 0:
		return "", ErrEmpty
	case n < r.Min:
		return "", ErrShort
	case n > r.Max || len(s) > 4*r.Max:
		return "", ErrLong
	}
	if r.Lines > 0 && strings.Count(s, "\n") >= r.Lines {
		return "", ErrLines
	}
	return s, nil
}

// Line cleans a single-line text: no control character at all, a line break
// counts as a blank.
func Line(s string) string { return clean(s, false) }

// Block cleans a text of several lines: line breaks and tabs stay, CRLF and CR
// become LF.
func Block(s string) string { return clean(s, true) }

// Name cleans a display name or a title: one line, runs of white space become
// one blank.
func Name(s string) string { return strings.Join(strings.Fields(Line(s)), " ") }

func clean(s string, lines bool) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	// Twice at most: removing a character can bring a base and its accent
	// together, and composing them again must not change a second cleaning.
	s = norm.NFC.String(strip(norm.NFC.String(s), lines))
	return strings.TrimSpace(s)
}

func strip(s string, lines bool) string {
	var b strings.Builder
	b.Grow(len(s))
	var last rune // the last character written
	for i, c := range s {
		switch {
		case c == '\n' || c == '\t':
			if lines {
				b.WriteRune(c)
			} else {
				b.WriteByte(' ')
			}
		case c == joiner:
			next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(c):])
			if !joins(last) || !pictographic(next) {
				continue
			}
			b.WriteRune(c)
		case c >= 0xe0020 && c <= 0xe007f: // tags: only behind the black flag (England, Scotland, Wales)
			if last != 0x1f3f4 && (last < 0xe0020 || last > 0xe007f) {
				continue
			}
			b.WriteRune(c)
		case invisible(c):
			continue
		default:
			b.WriteRune(c)
		}
		last = c
	}
	return b.String()
}

// invisible reports characters that never belong into a stored text.
func invisible(c rune) bool {
	switch {
	case unicode.IsControl(c): // C0, DEL, C1
		return true
	case c >= '\u202a' && c <= '\u202e', c >= '\u2066' && c <= '\u2069', c == '\u061c': // bidi
		return true
	case c >= '\u200b' && c <= '\u200f' && c != joiner, c == '\u2060', c == '\ufeff', c == '\u00ad', c == '\u180e':
		return true
	case c >= '\u2061' && c <= '\u2064', c >= '\u206a' && c <= '\u206f', c >= '\ufff9' && c <= '\ufffb':
		return true
	case c >= 0xe0000 && c <= 0xe0fff:
		return true
	}
	return false
}

// joins reports whether an emoji sequence may go on after c: a picture, a
// variation selector, a skin tone or a key cap.
func joins(c rune) bool {
	return pictographic(c) || c == '\ufe0f' || c >= 0x1f3fb && c <= 0x1f3ff
}

// pictographic is a coarse Extended_Pictographic: symbols and the emoji planes.
func pictographic(c rune) bool {
	switch {
	case c >= 0x1f000 && c <= 0x1faff, c >= 0x2600 && c <= 0x27bf, c >= 0x2190 && c <= 0x21ff, c >= 0x2b00 && c <= 0x2bff:
		return true
	case c >= 0x2300 && c <= 0x23ff, c == 0x2640, c == 0x2642, c == 0x25aa, c == 0x3030, c == 0x303d:
		return true
	}
	return false
}
