package proxy

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"synctv/providers"
)

// Bounds of a subtitle.
const (
	maxSubtitle = 2 << 20
	maxCues     = 50_000
	maxCueTime  = 100 * time.Hour
)

const (
	vttType = "text/vtt; charset=utf-8"
	assType = "text/x-ssa; charset=utf-8"
)

// subtitle answers with the track as WebVTT, or as it is when ass is asked for
// and it is one. The text is UTF-8 in either case.
func (p *Proxy) subtitle(ctx context.Context, cancel context.CancelCauseFunc, t Ticket, _ Request) (*Response, error) {
	var text []byte
	var err error
	if t.Path != "" {
		f, openErr := p.openFile(ctx, t)
		if openErr != nil {
			return nil, openErr
		}
		text, err = readAtMost(f, maxSubtitle)
		f.Close()
	} else {
		text, _, err = p.whole(ctx, cancel, t, maxSubtitle)
	}
	if err != nil {
		return nil, err
	}
	text = toUTF8(text)
	if isASS(text) && (t.Format == "ass" || t.Format == "ssa") {
		return memory(t.header(assType), text), nil
	}
	out, err := ToVTT(text)
	if err != nil {
		return nil, err
	}
	return memory(t.header(vttType), out), nil
}

// ToVTT converts SubRip, ASS or WebVTT in any usual encoding to WebVTT. Cues are
// ordered; what is no cue is left out. Class bad_upstream when nothing is left.
func ToVTT(raw []byte) ([]byte, error) {
	if len(raw) > maxSubtitle {
		return nil, &providers.Error{Class: providers.ClassTooLarge, Reason: "the subtitle is too large"}
	}
	text := strings.ReplaceAll(string(toUTF8(raw)), "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	if isVTT(text) {
		return []byte(text), nil
	}
	var cues []cue
	if isASS([]byte(text)) {
		cues = readASS(text)
	} else {
		cues = readSRT(text)
	}
	if len(cues) == 0 {
		return nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "this is not a subtitle"}
	}
	slices.SortStableFunc(cues, func(a, b cue) int { return cmp.Compare(a.from, b.from) })
	var b bytes.Buffer
	b.WriteString("WEBVTT\n")
	for _, c := range cues {
		fmt.Fprintf(&b, "\n%s --> %s\n%s\n", stamp(c.from), stamp(c.to), c.text)
	}
	return b.Bytes(), nil
}

func isVTT(text string) bool {
	rest, ok := strings.CutPrefix(text, "WEBVTT")
	return ok && (rest == "" || rest[0] == '\n' || rest[0] == ' ' || rest[0] == '\t')
}

func isASS(text []byte) bool {
	head := bytes.ToLower(bytes.TrimSpace(text[:min(len(text), 4096)]))
	return bytes.HasPrefix(head, []byte("[script info]")) || bytes.Contains(head, []byte("\n[v4+ styles]")) || bytes.Contains(head, []byte("\n[events]"))
}

// cue is one text with its times; the text is safe inside a WebVTT cue.
type cue struct {
	from, to time.Duration
	text     string
}

func stamp(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

// parseStamp reads [H+:]MM:SS with a fraction behind "," or ".".
func parseStamp(s string) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	whole, frac := s, ""
	if i := strings.IndexAny(s, ",."); i >= 0 {
		whole, frac = s[:i], s[i+1:]
	}
	var sec int64
	parts := 0
	for part := range strings.SplitSeq(whole, ":") {
		n, ok := digits(part)
		if parts++; !ok || parts > 3 || n > 100_000 {
			return 0, false
		}
		sec = sec*60 + n
	}
	d := time.Duration(sec) * time.Second
	if frac != "" {
		n, ok := digits((frac + "000")[:3])
		if !ok {
			return 0, false
		}
		d += time.Duration(n) * time.Millisecond
	}
	return d, parts > 1 && d < maxCueTime
}

// readSRT takes a cue wherever a line holds an arrow between two times; its
// text runs to the next empty line or arrow. Numbers and junk between are ignored.
func readSRT(text string) []cue {
	var cues []cue
	var body []string
	var at *cue
	flush := func() {
		if at != nil && len(body) > 0 && at.to > at.from {
			at.text = strings.Join(body, "\n")
			cues = append(cues, *at)
		}
		at, body = nil, nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if len(cues) >= maxCues {
			break
		}
		if from, to, ok := arrow(line); ok {
			if n := len(body); n > 0 && allDigits(body[n-1]) { // the number of this cue, after a missing empty line
				body = body[:n-1]
			}
			flush()
			at = &cue{from: from, to: to}
			continue
		}
		if line == "" {
			flush()
			continue
		}
		if at != nil {
			if s := srtText(line); s != "" {
				body = append(body, s)
			}
		}
	}
	flush()
	return cues
}

func allDigits(s string) bool {
	_, ok := digits(s)
	return ok
}

// arrow reads the times of a cue, in whatever order they are.
func arrow(line string) (from, to time.Duration, ok bool) {
	a, b, ok := strings.Cut(line, "-->")
	if !ok {
		return 0, 0, false
	}
	b, _, _ = strings.Cut(strings.TrimSpace(b), " ") // positions may follow
	from, okA := parseStamp(a)
	to, okB := parseStamp(b)
	return from, to, okA && okB
}

// srtText keeps the tags that WebVTT has as well, drops the others and the
// {\an8} of some tools, and escapes the rest.
func srtText(line string) string {
	return markup(dropBraces(line))
}

// dropBraces removes {...} that begin with a backslash.
func dropBraces(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, `{\`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if _, s, ok = strings.Cut(rest, "}"); !ok {
			return b.String()
		}
	}
}

func markup(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "<>&")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		c := s[i]
		s = s[i+1:]
		switch c {
		case '&':
			b.WriteString("&amp;")
		case '>':
			b.WriteString("&gt;")
		default:
			end := strings.IndexByte(s[:min(len(s), 200)], '>')
			if end < 0 {
				b.WriteString("&lt;")
				continue
			}
			tag := strings.ToLower(s[:end])
			switch tag {
			case "i", "b", "u", "/i", "/b", "/u":
				b.WriteString("<" + tag + ">")
				s = s[end+1:]
			default:
				if looksLikeTag(tag) {
					s = s[end+1:]
				} else {
					b.WriteString("&lt;")
				}
			}
		}
	}
	return strings.TrimSpace(b.String())
}

// looksLikeTag tells <font color=...> from a smaller-than sign.
func looksLikeTag(s string) bool {
	s = strings.TrimPrefix(s, "/")
	return s != "" && s[0] >= 'a' && s[0] <= 'z'
}
