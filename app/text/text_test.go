package text_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"synctv/app/text"
)

func TestCleaningKeepsWhatCanBeSeen(t *testing.T) {
	tests := []struct{ name, in, line, block string }{
		{"plain", "  Film night ", "Film night", "Film night"},
		{"html is data", "<b>hi</b><script>alert(1)</script>", "<b>hi</b><script>alert(1)</script>", "<b>hi</b><script>alert(1)</script>"},
		{"newline", "a\r\nb\rc", "a b c", "a\nb\nc"},
		{"tab", "a\tb", "a b", "a\tb"},
		{"nul and escape", "a\x00b\x1b[31mc\u0085d", "ab[31mcd", "ab[31mcd"},
		{"bidi override", "user\u202egpj.exe", "usergpj.exe", "usergpj.exe"},
		{"isolates", "\u2066x\u2069\u061c", "x", "x"},
		{"zero width", "pay\u200bpal\ufeff\u2060", "paypal", "paypal"},
		{"decomposed", "e\u0301", "\u00e9", "\u00e9"},
		{"decomposed around a zero width", "e\u200b\u0301", "\u00e9", "\u00e9"},
		{"emoji joiner stays", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\U0001F468\u200d\U0001F469\u200d\U0001F467"},
		{"heart on fire", "\u2764\ufe0f\u200d\U0001F525", "\u2764\ufe0f\u200d\U0001F525", "\u2764\ufe0f\u200d\U0001F525"},
		{"joiner between letters", "a\u200db\u200d", "ab", "ab"},
		{"chinese", "你好，世界", "你好，世界", "你好，世界"},
		{"broken utf-8", "a\xffb", "ab", "ab"},
		{"only blanks", " \u3000\t\n", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := text.Line(tt.in); got != tt.line {
				t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.line)
			}
			if got := text.Block(tt.in); got != tt.block {
				t.Errorf("Block(%q) = %q, want %q", tt.in, got, tt.block)
			}
		})
	}
}

func TestRules(t *testing.T) {
	name := text.Rule{Min: 1, Max: 5, Collapse: true}
	chat := text.Rule{Min: 1, Max: 20, Lines: 3}
	tests := []struct {
		name string
		rule text.Rule
		in   string
		want string
		err  error
	}{
		{"collapsed", name, " a \n  b ", "a b", nil},
		{"empty", name, " \u200b ", "", text.ErrEmpty},
		{"optional", text.Rule{Max: 5}, "", "", nil},
		{"at the limit in runes", name, "你好你好你", "你好你好你", nil},
		{"over", name, "abcdef", "", text.ErrLong},
		{"too short", text.Rule{Min: 3, Max: 5}, "ab", "", text.ErrShort},
		{"encoding", name, "a\xff", "", text.ErrEncoding},
		{"three lines", chat, "a\nb\nc", "a\nb\nc", nil},
		{"four lines", chat, "a\nb\nc\nd", "", text.ErrLines},
		{"invisible filler counts nothing", name, strings.Repeat("\u200b", 99) + "ab", "ab", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.rule.Clean(tt.in)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("Clean(%q) = %q, %v; want %q, %v", tt.in, got, err, tt.want, tt.err)
			}
		})
	}
}

func FuzzNormalizeName(f *testing.F) {
	for _, s := range []string{"", "a", "e\u200b\u0301", "\u202eabc", "\U0001F468\u200d\U0001F469", "a\u200d\u200db", "\xff\xfe", "\u1100\u200b\u1161", "  a  b\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for what, clean := range map[string]func(string) string{"Name": text.Name, "Line": text.Line, "Block": text.Block} {
			once := clean(s)
			if !utf8.ValidString(once) {
				t.Fatalf("%s(%q) = %q is not UTF-8", what, s, once)
			}
			if twice := clean(once); twice != once {
				t.Fatalf("%s is not idempotent: %q -> %q -> %q", what, s, once, twice)
			}
			if strings.ContainsAny(once, "\x00\r\u202e\u2066\u200b\ufeff") || what != "Block" && strings.ContainsAny(once, "\n\t") {
				t.Fatalf("%s(%q) = %q keeps what it must drop", what, s, once)
			}
		}
	})
}
