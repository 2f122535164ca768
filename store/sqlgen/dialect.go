// Package sqlgen is the only place that assembles SQL text: placeholders,
// multi-row statements, cursor paging, search patterns.
//
// Queries are written once, for SQLite and Postgres alike, with ? for every
// value. What still differs between the two is decided here and nowhere else.
// Only names from our own code become SQL text; what users send is always a
// bound value.
//
// Imported by store. Imports nothing of ours.
package sqlgen

import (
	"strconv"
	"strings"
)

// Dialect is a database product.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota
	Postgres
)

// String is the name of the dialect, also the folder of its migrations.
func (d Dialect) String() string {
	if d == Postgres {
		return "postgres"
	}
	return "sqlite"
}

// Rebind turns the ? of a query into what the dialect wants. Question marks
// in strings, quoted names and comments stay.
func (d Dialect) Rebind(query string) string {
	if d != Postgres || !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	n := 0
	for i := 0; i < len(query); {
		if end := opaque(query[i:]); end > 0 {
			b.WriteString(query[i : i+end])
			i += end
			continue
		}
		if query[i] == '?' {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		} else {
			b.WriteByte(query[i])
		}
		i++
	}
	return b.String()
}

// opaque is the length of the string, quoted name or comment that s starts
// with, 0 when it starts with none. One that never ends reaches to the end. A
// doubled quote inside a string ends one and starts the next, with the same
// result.
func opaque(s string) int {
	for _, p := range [...]struct{ open, end string }{{"'", "'"}, {`"`, `"`}, {"--", "\n"}, {"/*", "*/"}} {
		if !strings.HasPrefix(s, p.open) {
			continue
		}
		if i := strings.Index(s[len(p.open):], p.end); i >= 0 {
			return len(p.open) + i + len(p.end)
		}
		return len(s)
	}
	return 0
}
