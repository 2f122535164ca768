package sqlgen

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// ErrCursor is a cursor that is no cursor, or of another list.
var ErrCursor = errors.New("cursor does not belong to this list")

// maxCursor is the length of a cursor as the API promises it.
const maxCursor = 256

// Sort is one order in which a list can be asked for. The last key must be
// unique, so that no row is shown twice or skipped.
type Sort struct {
	Keys []Key
	Desc bool // all keys in the same direction: one row comparison serves both
}

// Key is one expression to sort by.
type Key struct {
	Expr string // SQL
	Text bool   // a text; otherwise an integer
}

// OrderBy is the ORDER BY clause.
func (s Sort) OrderBy() string {
	direction := ""
	if s.Desc {
		direction = " DESC"
	}
	terms := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		terms[i] = k.Expr + direction
	}
	return "ORDER BY " + strings.Join(terms, ", ")
}

// After is the condition for the rows behind a cursor; its values are those
// of Cursor.Values.
func (s Sort) After() string {
	exprs := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		exprs[i] = k.Expr
	}
	compare := " > "
	if s.Desc {
		compare = " < "
	}
	return "(" + strings.Join(exprs, ", ") + ")" + compare + "(" + Marks(len(s.Keys)) + ")"
}

// Cursor makes the opaque text that continues a list after the row with these
// key values. scope names the list: filter and sort. The values are int64 or
// string, one for each key; texts must be short (ids and names of rows).
func (s Sort) Cursor(scope string, values ...any) string {
	raw, err := json.Marshal(values)
	if err != nil || len(values) != len(s.Keys) {
		panic("sqlgen: cursor values do not fit the sort") // ours, never a user's
	}
	return base64.RawURLEncoding.EncodeToString(append(tag(scope), raw...))
}

// Values reads a cursor of this list back. Anything that Cursor did not make
// for the same scope is ErrCursor.
func (s Sort) Values(scope, cursor string) ([]any, error) {
	if len(cursor) > maxCursor {
		return nil, ErrCursor
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < tagSize || string(raw[:tagSize]) != string(tag(scope)) {
		return nil, ErrCursor
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(raw[tagSize:], &parts); err != nil || len(parts) != len(s.Keys) {
		return nil, ErrCursor
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		if values[i], err = s.Keys[i].decode(part); err != nil {
			return nil, ErrCursor
		}
	}
	return values, nil
}

func (k Key) decode(part json.RawMessage) (any, error) {
	if string(part) == "null" {
		return nil, ErrCursor
	}
	if k.Text {
		var text string
		err := json.Unmarshal(part, &text)
		return text, err
	}
	var n int64
	err := json.Unmarshal(part, &n)
	return n, err
}

const tagSize = 6

// tag binds a cursor to its list. It guards against mistakes, not against
// forgery: a forged cursor shows nothing that the list would not.
func tag(scope string) []byte {
	sum := sha256.Sum256([]byte(scope))
	return sum[:tagSize]
}
