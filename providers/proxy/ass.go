package proxy

import "strings"

// maxASSFields bounds the columns of an event line.
const maxASSFields = 32

// readASS takes the dialogue lines as plain text: no styles, positions or
// drawings. It is for players without an ASS renderer.
func readASS(text string) []cue {
	var cues []cue
	events := false
	start, end, body, fields := 1, 2, 9, 10 // the usual columns, when Format is missing
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if len(cues) >= maxCues {
			break
		}
		if strings.HasPrefix(line, "[") {
			events = strings.EqualFold(line, "[events]")
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !events || !ok {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "format":
			cols := strings.SplitN(value, ",", maxASSFields)
			s, e := column(cols, "start"), column(cols, "end")
			if b := column(cols, "text"); s >= 0 && e >= 0 && b == len(cols)-1 {
				start, end, body, fields = s, e, b, len(cols)
			}
		case "dialogue":
			cols := strings.SplitN(value, ",", fields)
			if len(cols) != fields {
				continue
			}
			from, okA := parseStamp(cols[start])
			to, okB := parseStamp(cols[end])
			if s := assText(cols[body]); okA && okB && to > from && s != "" {
				cues = append(cues, cue{from: from, to: to, text: s})
			}
		}
	}
	return cues
}

func column(cols []string, name string) int {
	for i, c := range cols {
		if strings.EqualFold(strings.TrimSpace(c), name) {
			return i
		}
	}
	return -1
}

var assBreaks = strings.NewReplacer(`\N`, "\n", `\n`, "\n", `\h`, "\u00a0")

// assText drops the override blocks, and the whole line when one begins a drawing.
func assText(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "{")
		b.WriteString(before)
		if !ok {
			break
		}
		block, after, closed := strings.Cut(rest, "}")
		if !closed {
			break
		}
		if drawing(block) {
			return ""
		}
		s = after
	}
	var lines []string
	for line := range strings.SplitSeq(assBreaks.Replace(b.String()), "\n") {
		if line = markup(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// drawing reports \p1 and above; \pos and \pbo are something else.
func drawing(block string) bool {
	for {
		_, after, ok := strings.Cut(block, `\p`)
		if !ok {
			return false
		}
		if after != "" && after[0] >= '1' && after[0] <= '9' {
			return true
		}
		block = after
	}
}
