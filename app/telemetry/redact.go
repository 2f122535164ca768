package telemetry

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	hidden    = "***"
	textLimit = 256      // of what users may have written
	errLimit  = 1 << 10  // of an error's message
	longLimit = 16 << 10 // of the stack of a panic
)

// secretWords are the attribute names whose value is never written. A name of
// several words counts by its last one: access_token, room_password.
var secretWords = []string{
	"token", "password", "secret", "key", "cookie", "authorization", "code", "ticket", "sdp",
	"credential", "credentials", "passphrase", "tokens", "passwords", "secrets", "keys", "cookies", "codes", "tickets", "headers", "source",
}

// redact is the ReplaceAttr of every logger.
func redact(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return a
	}
	if secret(a.Key, a.Value) || slices.ContainsFunc(groups, func(g string) bool { return secretName(g) }) {
		a.Value = slog.StringValue(hidden)
		return a
	}
	limit := textLimit
	switch a.Key {
	case "err":
		limit = errLimit
	case "stack":
		limit = longLimit
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(clean(a.Value.String(), limit))
	case slog.KindAny:
		a.Value = slog.StringValue(clean(flat(a.Value.Any()), max(limit, errLimit)))
	default: // numbers, switches and times hide nothing
	}
	return a
}

// secret tells whether the value under that name is to be hidden. A number
// under a name of several words (close_code, sort_key) is no secret; a code
// alone may be the six digits of a mail.
func secret(name string, v slog.Value) bool {
	if !secretName(name) {
		return false
	}
	switch v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindBool, slog.KindDuration, slog.KindTime:
		return !strings.Contains(name, "_")
	default:
		return true
	}
}

func secretName(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(secretWords, name[strings.LastIndexAny(name, "_-.")+1:])
}

// flat is the text of any value. Structures go through JSON, so that their
// fields meet the same rule as attributes.
func flat(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case error:
		return v.Error()
	case *url.URL:
		return v.String()
	case http.Header:
		return strings.Join(slices.Sorted(keysOf(v)), " ") // names only
	case []byte:
		return strconv.Itoa(len(v)) + " bytes"
	case fmt.Stringer:
		return v.String()
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%T", v)
	}
	var tree any
	if json.Unmarshal(text, &tree) != nil {
		return fmt.Sprintf("%T", v)
	}
	if text, err = json.Marshal(prune(tree)); err != nil {
		return fmt.Sprintf("%T", v)
	}
	return string(text)
}

func keysOf(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range h {
			if !yield(name) {
				return
			}
		}
	}
}

// prune hides the secrets of a JSON tree.
func prune(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		for name, below := range v {
			if secretName(name) {
				v[name] = hidden
			} else {
				v[name] = prune(below)
			}
		}
	case []any:
		for i, below := range v {
			v[i] = prune(below)
		}
	}
	return tree
}

// clean makes one printable line of s, without the secret parts of addresses
// and without anything that looks like a token.
func clean(s string, limit int) string {
	s = words(s)
	if len(s) > limit {
		cut := limit
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	if !strings.ContainsFunc(s, unprintable) && utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if unprintable(r) || r == utf8.RuneError {
			quoted := strconv.QuoteRuneToASCII(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// unprintable finds control characters (C0, C1, escape) and the marks that
// turn the direction of text around. A tab does no harm, and both handlers
// write a line end as \n.
func unprintable(r rune) bool {
	return r != '\t' && r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// words looks at s word by word: addresses lose host and parameter values,
// tokens everything.
func words(s string) string {
	if !strings.Contains(s, "/") && !strings.Contains(s, "?") && longestWord(s) < tokenLength {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		end := strings.IndexFunc(s, separates)
		if end < 0 {
			end = len(s)
		}
		if end > 0 {
			out.WriteString(word(s[:end]))
			s = s[end:]
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		out.WriteString(s[:size])
		s = s[size:]
	}
	return out.String()
}

func separates(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'<>`,;(){}[]|", r) }

func longestWord(s string) int {
	longest, at := 0, 0
	for i, r := range s {
		if separates(r) {
			at = i + utf8.RuneLen(r)
		}
		longest = max(longest, i+1-at)
	}
	return longest
}

// word reduces one word. An address becomes its path and the names of its
// parameters; in a path, what is as long as a ticket is one.
func word(w string) string {
	if _, rest, ok := strings.Cut(w, "://"); ok {
		rest, _, _ = strings.Cut(rest, "#")
		if slash := strings.IndexAny(rest, "/?"); slash >= 0 {
			w = rest[slash:]
		} else {
			w = "/"
		}
	}
	path, query, asked := strings.Cut(w, "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if looksLikeToken(part) {
			parts[i] = hidden
		}
	}
	path = strings.Join(parts, "/")
	if !asked {
		return path
	}
	var names []string
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, ok := strings.Cut(pair, "="); ok && !looksLikeToken(name) {
			names = append(names, name)
		}
	}
	return path + "?" + strings.Join(names, "&")
}

const tokenLength = 40 // ids have 20 characters, tickets, signatures and JWTs 43 and more

// looksLikeToken finds long runs of base64 or hexadecimal: letters and digits
// mixed, no dots but those of a JWT.
func looksLikeToken(s string) bool {
	if len(s) < tokenLength {
		return false
	}
	digits, letters := 0, 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			letters++
		case strings.ContainsRune("-_+=.~%:", r):
		default:
			return false
		}
	}
	return digits > 0 && letters > 0
}
