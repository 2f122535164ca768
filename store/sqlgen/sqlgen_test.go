package sqlgen_test

import (
	"errors"
	"strings"
	"testing"

	"synctv/store/sqlgen"
)

func TestRebind(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"SELECT 1", "SELECT 1"},
		{"a = ? AND b = ?", "a = $1 AND b = $2"},
		{"a = '?' AND b = ?", "a = '?' AND b = $1"},
		{"a = 'it''s ?' AND b = ?", "a = 'it''s ?' AND b = $1"},
		{`"odd?" = ?`, `"odd?" = $1`},
		{"? -- why?\n, ?", "$1 -- why?\n, $2"},
		{"? /* ? */ ?", "$1 /* ? */ $2"},
		{"'open ?", "'open ?"},
		{`x LIKE ? ESCAPE '\'`, `x LIKE $1 ESCAPE '\'`},
	} {
		if got := sqlgen.Postgres.Rebind(c.query); got != c.want {
			t.Errorf("Postgres.Rebind(%q) = %q, want %q", c.query, got, c.want)
		}
		if got := sqlgen.SQLite.Rebind(c.query); got != c.query {
			t.Errorf("SQLite.Rebind(%q) = %q, want no change", c.query, got)
		}
	}
}

func TestStatements(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{sqlgen.Insert("t", []string{"a", "b"}, 2), "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)"},
		{sqlgen.Update("t", []string{"a", "b"}, "id = ?"), "UPDATE t SET a = ?, b = ? WHERE id = ?"},
		{
			sqlgen.Upsert("t", []string{"id", "a", "created_at"}, []string{"id"}, []string{"created_at"}),
			"INSERT INTO t (id, a, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET a = excluded.a",
		},
		{sqlgen.Marks(0), ""},
		{sqlgen.Marks(3), "?, ?, ?"},
		{sqlgen.Like(`50%_\x`), `%50\%\_\\x%`},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
}

var byAge = sqlgen.Sort{Keys: []sqlgen.Key{{Expr: "age"}, {Expr: "id", Text: true}}, Desc: true}

func TestSortClauses(t *testing.T) {
	if got, want := byAge.OrderBy(), "ORDER BY age DESC, id DESC"; got != want {
		t.Errorf("OrderBy = %q, want %q", got, want)
	}
	if got, want := byAge.After(), "(age, id) < (?, ?)"; got != want {
		t.Errorf("After = %q, want %q", got, want)
	}
}

func TestACursorFitsItsOwnListOnly(t *testing.T) {
	cursor := byAge.Cursor("people|all", int64(-5), "c9f0")
	got, err := byAge.Values("people|all", cursor)
	if err != nil || len(got) != 2 || got[0] != int64(-5) || got[1] != "c9f0" {
		t.Fatalf("Values = %v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"other filter": byAge.Cursor("people|some", int64(-5), "c9f0"),
		"other types":  sqlgen.Sort{Keys: []sqlgen.Key{{Text: true}, {Text: true}}}.Cursor("people|all", "x", "c9f0"),
		"other length": sqlgen.Sort{Keys: []sqlgen.Key{{}}}.Cursor("people|all", int64(1)),
		"cut":          cursor[:len(cursor)-2],
		"not base64":   "????",
		"padded":       cursor + "=",
		"too long":     strings.Repeat("a", 257),
	} {
		if got, err := byAge.Values("people|all", bad); !errors.Is(err, sqlgen.ErrCursor) {
			t.Errorf("cursor of %s: %v, %v", name, got, err)
		}
	}
}

func TestTheLongestCursorIsWithinTheLimit(t *testing.T) {
	// The beginning of a room name (24 characters) and an id.
	sort := sqlgen.Sort{Keys: []sqlgen.Key{{Text: true}, {Text: true}}}
	for _, r := range []string{"<", "\U0001F600", "\u2028"} {
		cursor := sort.Cursor("rooms", strings.Repeat(r, 24), strings.Repeat("v", 20))
		if len(cursor) > 256 {
			t.Errorf("cursor of %q has %d characters", r, len(cursor))
		}
		if _, err := sort.Values("rooms", cursor); err != nil {
			t.Errorf("cursor of %q: %v", r, err)
		}
	}
}

// FuzzRebind compares with the obvious: nothing outside of strings, names and
// comments is a ? afterwards, and the rest of the text stays.
func FuzzRebind(f *testing.F) {
	for _, seed := range []string{"a = ? AND b = '?'", `"?" /* ? */ ? -- ?`, "'''?'''", "/*", "--\n?", "'?"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		out := sqlgen.Postgres.Rebind(query)
		if strings.Contains(query, "$") {
			return // its own $ cannot be told from ours
		}
		if got := strings.ReplaceAll(out, "$", "?"); digits(got) != digits(query) {
			t.Fatalf("Rebind(%q) = %q changes more than placeholders", query, out)
		}
		if again := sqlgen.Postgres.Rebind(out); again != out {
			t.Fatalf("Rebind(%q) left a placeholder: %q then %q", query, out, again)
		}
	})
}

// digits drops what follows a placeholder and could be taken for its number.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}

func FuzzCursor(f *testing.F) {
	f.Add("scope", byAge.Cursor("scope", int64(1), "id"), int64(7), "x")
	f.Add("", "AAAAAAAA", int64(-1), "\x00\xff")
	f.Add("scope", "bnVsbA", int64(0), "")
	f.Fuzz(func(t *testing.T, scope, cursor string, number int64, text string) {
		if values, err := byAge.Values(scope, cursor); err == nil {
			if again, err := byAge.Values(scope, byAge.Cursor(scope, values...)); err != nil || again[0] != values[0] || again[1] != values[1] {
				t.Fatalf("cursor %q reads %v, its own cursor %v, %v", cursor, values, again, err)
			}
		} else if !errors.Is(err, sqlgen.ErrCursor) {
			t.Fatalf("cursor %q: %v", cursor, err)
		}
		if len(text) > 24 {
			return
		}
		text = strings.ToValidUTF8(text, "?")
		got, err := byAge.Values(scope, byAge.Cursor(scope, number, text))
		if err != nil || got[0] != number || got[1] != text {
			t.Fatalf("cursor of %d and %q reads %v, %v", number, text, got, err)
		}
	})
}
