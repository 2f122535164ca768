package store

import (
	"context"
	"fmt"
	"strings"

	"synctv/store/sqlgen"
)

const (
	defaultLimit = 20
	maxLimit     = 1000
)

// pageQuery collects the conditions of a listing.
type pageQuery struct {
	sort   sqlgen.Sort
	scope  string // names filter and sort, for the cursor
	cursor string
	limit  int
	joins  string
	conds  []string
	args   []any
}

func newPage(sort sqlgen.Sort, cursor string, limit int, scope ...string) *pageQuery {
	if limit <= 0 {
		limit = defaultLimit
	}
	return &pageQuery{sort: sort, scope: fmt.Sprintf("%q", scope), cursor: cursor, limit: min(limit, maxLimit)}
}

func (q *pageQuery) where(cond string, args ...any) {
	q.conds = append(q.conds, cond)
	q.args = append(q.args, args...)
}

// equal narrows by a column unless the value is empty.
func (q *pageQuery) equal(column, val string) {
	if val != "" {
		q.where(column+" = ?", val)
	}
}

// page reads one page. keys gives the sort values of a record for the cursor
// that continues after it.
func page[R any](ctx context.Context, tx *Tx, t table[R], q *pageQuery, keys func(R) []any) (list []R, next string, err error) {
	if q.cursor != "" {
		after, err := q.sort.Values(q.scope, q.cursor)
		if err != nil {
			return nil, "", err
		}
		q.where(q.sort.After(), after...)
	}
	tail := q.joins + " WHERE " + strings.Join(q.conds, " AND ") + " " + q.sort.OrderBy() + " LIMIT ?"
	list, err = t.list(ctx, tx, tail, append(q.args, q.limit+1)...)
	if err != nil {
		return nil, "", err
	}
	if len(list) > q.limit {
		list = list[:q.limit]
		next = q.sort.Cursor(q.scope, keys(list[q.limit-1])...)
	}
	return list, next, nil
}
