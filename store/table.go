package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"synctv/store/sqlgen"
)

// table knows how a record lies in its table: the columns, key first, and for
// a record the place of each column's value. One list serves reading and
// writing, so the two cannot drift apart.
type table[R any] struct {
	name    string
	columns []string
	keys    int // how many leading columns are the primary key
	fields  func(*R) []any

	selects  string // SELECT columns FROM name
	update   string // by key
	updateAt string // by key and version; empty when the table has no version
	mutable  []int  // indexes of the columns that the updates set
	version  int    // index of the column, -1 without
	updated  int    // index of updated_at, -1 without
}

// created holds the names of columns that say when a row was made: set once.
var created = []string{"created_at", "at"}

func newTable[R any](name string, keys int, columns string, fields func(*R) []any) table[R] {
	t := table[R]{name: name, columns: strings.Fields(columns), keys: keys, fields: fields}
	t.version = slices.Index(t.columns, "version")
	t.updated = slices.Index(t.columns, "updated_at")
	t.selects = "SELECT " + t.qualified() + " FROM " + name
	var set []string
	for i, c := range t.columns[keys:] {
		if !slices.Contains(created, c) {
			set, t.mutable = append(set, c), append(t.mutable, keys+i)
		}
	}
	if len(set) > 0 {
		where := strings.Join(t.columns[:keys], " = ? AND ") + " = ?"
		t.update = sqlgen.Update(name, set, where)
		if t.version >= 0 {
			t.updateAt = sqlgen.Update(name, set, where+" AND version = ?")
		}
	}
	return t
}

// qualified lists the columns with the table's name, so that they stay clear
// in a join.
func (t table[R]) qualified() string {
	return t.name + "." + strings.Join(t.columns, ", "+t.name+".")
}

// one reads the record that tail (JOIN, WHERE, ...) selects. None is
// ErrNotFound.
func (t table[R]) one(ctx context.Context, tx *Tx, tail string, args ...any) (R, error) {
	list, err := t.list(ctx, tx, tail+" LIMIT 1", args...)
	if err != nil || len(list) == 0 {
		var none R
		if err == nil {
			err = ErrNotFound
		}
		return none, err
	}
	return list[0], nil
}

// list reads the records that tail selects. The answer is never nil.
func (t table[R]) list(ctx context.Context, tx *Tx, tail string, args ...any) ([]R, error) {
	list := []R{}
	err := tx.query(ctx, t.selects+" "+tail, args, func(rows *sql.Rows) error {
		var rec R
		if err := rows.Scan(t.fields(&rec)...); err != nil {
			return err
		}
		list = append(list, rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// byKeys reads the records whose column is one of keys, in any order.
func (t table[R]) byKeys(ctx context.Context, tx *Tx, cond, column string, args []any, keys []string) ([]R, error) {
	all := []R{}
	for part := range slices.Chunk(keys, sqlgen.MaxRows) {
		list, err := t.list(ctx, tx, "WHERE "+cond+column+" IN ("+sqlgen.Marks(len(part))+")", append(slices.Clone(args), anys(part)...)...)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// add inserts the records, many per statement, and fills in what a new row
// gets by itself: its times and its first version.
func (t table[R]) add(ctx context.Context, tx *Tx, recs ...*R) error {
	for part := range slices.Chunk(recs, sqlgen.MaxRows) {
		args := make([]any, 0, len(part)*len(t.columns))
		for _, rec := range part {
			fields := t.fields(rec)
			t.birth(tx, fields)
			args = append(args, fields...)
		}
		if _, err := tx.exec(ctx, sqlgen.Insert(t.name, t.columns, len(part)), args...); err != nil {
			return err
		}
	}
	return nil
}

func (t table[R]) birth(tx *Tx, fields []any) {
	for i, column := range t.columns {
		if at, ok := fields[i].(*Millis); ok && *at == 0 && (i == t.updated || slices.Contains(created, column)) {
			*at = tx.now
		}
	}
	if t.version >= 0 {
		if v := fields[t.version].(*int64); *v == 0 {
			*v = 1
		}
	}
}

// put inserts the record or, when its key exists, replaces all but the time
// of creation.
func (t table[R]) put(ctx context.Context, tx *Tx, rec *R) error {
	fields := t.fields(rec)
	t.birth(tx, fields)
	_, err := tx.exec(ctx, sqlgen.Upsert(t.name, t.columns, t.columns[:t.keys], created), fields...)
	return err
}

// save writes the record over the row with its key and, where the table has
// versions, only over the version it was read with. Version and updated_at of
// the record become the new ones, and go back if the transaction does.
func (t table[R]) save(ctx context.Context, tx *Tx, rec *R) error {
	fields := t.fields(rec)
	if t.updated >= 0 {
		restoreLater(tx, fields[t.updated].(*Millis), tx.now)
	}
	query, missing := t.update, ErrNotFound
	var tail []any
	if t.version >= 0 {
		v := fields[t.version].(*int64)
		query, missing, tail = t.updateAt, ErrVersion, []any{*v}
		restoreLater(tx, v, *v+1)
	}
	args := make([]any, 0, len(t.mutable)+t.keys+1)
	for _, i := range t.mutable {
		args = append(args, fields[i])
	}
	args = append(append(args, fields[:t.keys]...), tail...)
	n, err := tx.exec(ctx, query, args...)
	if err == nil && n == 0 {
		err = missing
	}
	return err
}

// restoreLater sets *p and puts the old value back when this run of the
// caller's function does not become durable: it may run again with the same
// record.
func restoreLater[V any](tx *Tx, p *V, v V) {
	old := *p
	*p = v
	tx.undo = append(tx.undo, func() { *p = old })
}

func anys[V any](list []V) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
