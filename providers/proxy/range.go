package proxy

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// byteRange is the one range of a Range header. start < 0 means the last -start bytes.
type byteRange struct {
	start, end int64 // end is inclusive, -1 = to the end
}

// parseRange reads a Range header with a single range. Everything else (other
// units, several ranges, rubbish) is as if there were no header, which RFC 9110 allows.
func parseRange(header string) (byteRange, bool) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return byteRange{}, false
	}
	from, to, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return byteRange{}, false
	}
	if from == "" {
		n, ok := digits(to)
		if !ok {
			return byteRange{}, false
		}
		return byteRange{start: -n, end: -1}, ok && n > 0
	}
	r := byteRange{end: -1}
	if r.start, ok = digits(from); !ok {
		return byteRange{}, false
	}
	if to == "" {
		return r, true
	}
	if r.end, ok = digits(to); !ok || r.end < r.start {
		return byteRange{}, false
	}
	return r, true
}

func digits(s string) (int64, bool) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// String writes it as a header.
func (r byteRange) String() string {
	switch {
	case r.start < 0:
		return "bytes=" + strconv.FormatInt(r.start, 10)
	case r.end < 0:
		return fmt.Sprintf("bytes=%d-", r.start)
	}
	return fmt.Sprintf("bytes=%d-%d", r.start, r.end)
}

// within gives the part of a body of size bytes; false when there is none (416).
func (r byteRange) within(size int64) (start, length int64, ok bool) {
	start = r.start
	if start < 0 {
		start = max(size+start, 0)
	}
	if start >= size {
		return 0, 0, false
	}
	end := size - 1
	if r.end >= 0 {
		end = min(end, r.end)
	}
	return start, end - start + 1, true
}

func contentRange(start, length, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", start, start+length-1, size)
}

// parseContentRange reads "bytes a-b/n"; the size is -1 for "*".
func parseContentRange(s string) (start, length, size int64, ok bool) {
	spec, ok := strings.CutPrefix(s, "bytes ")
	if !ok {
		return 0, 0, 0, false
	}
	part, total, ok := strings.Cut(spec, "/")
	if !ok {
		return 0, 0, 0, false
	}
	from, to, ok := strings.Cut(part, "-")
	if !ok {
		return 0, 0, 0, false
	}
	a, okA := digits(from)
	b, okB := digits(to)
	size = -1
	okN := total == "*"
	if !okN {
		size, okN = digits(total)
	}
	if !okA || !okB || !okN || b < a || size >= 0 && b >= size {
		return 0, 0, 0, false
	}
	return a, b - a + 1, size, true
}

// validETag accepts a quoted tag of visible characters.
func validETag(s string) bool {
	s = strings.TrimPrefix(s, "W/")
	if len(s) < 2 || len(s) > 256 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		if s[i] <= ' ' || s[i] == '"' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// noneMatch reports whether If-None-Match names the tag (weak comparison).
func noneMatch(header, etag string) bool {
	if etag == "" {
		return false
	}
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// rangeHolds reports whether an If-Range lets the Range count: the very same
// strong tag, or the very same date.
func rangeHolds(ifRange, etag string, modified time.Time) bool {
	ifRange = strings.TrimSpace(ifRange)
	switch {
	case ifRange == "":
		return true
	case strings.HasPrefix(ifRange, `"`):
		return ifRange == etag
	case strings.HasPrefix(ifRange, "W/"):
		return false
	}
	t, err := http.ParseTime(ifRange)
	return err == nil && !modified.IsZero() && t.Equal(modified.Truncate(time.Second))
}
