package providers

import (
	"net/url"
	"strconv"
	"time"
)

// maxExpiry is how far ahead the expiry of a URL is believed.
const maxExpiry = 30 * 24 * time.Hour

// absoluteExpiry lists query keys that hold a Unix time, and in which base.
var absoluteExpiry = []struct {
	key  string
	base int
}{{"deadline", 10}, {"expires", 10}, {"Expires", 10}}

var laterExpiry = []struct {
	key  string
	base int
}{{"wsTime", 16}, {"txTime", 16}, {"e", 10}}

// URLExpiry reads from the query of a signed URL when it ends; zero when it
// says nothing that can be true.
func URLExpiry(raw string, now time.Time) time.Time {
	u, err := url.Parse(raw)
	if err != nil {
		return time.Time{}
	}
	q := u.Query()
	for _, k := range absoluteExpiry {
		if t := unixExpiry(q.Get(k.key), k.base, now); !t.IsZero() {
			return t
		}
	}
	for _, k := range [][2]string{{"x-oss-date", "x-oss-expires"}, {"X-Amz-Date", "X-Amz-Expires"}} {
		from, err := time.Parse("20060102T150405Z", q.Get(k[0]))
		sec, err2 := strconv.ParseUint(q.Get(k[1]), 10, 31)
		if err == nil && err2 == nil {
			return plausible(from.Add(time.Duration(sec)*time.Second), now)
		}
	}
	if t, err := time.Parse(time.RFC3339, q.Get("se")); err == nil {
		return plausible(t, now)
	}
	for _, k := range laterExpiry {
		if t := unixExpiry(q.Get(k.key), k.base, now); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func unixExpiry(s string, base int, now time.Time) time.Time {
	n, err := strconv.ParseInt(s, base, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return plausible(time.Unix(n, 0), now)
}

func plausible(t, now time.Time) time.Time {
	if t.Before(now) || t.After(now.Add(maxExpiry)) {
		return time.Time{}
	}
	return t
}
