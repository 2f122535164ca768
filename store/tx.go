package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"

	"synctv/store/sqlgen"
)

// Tx is one transaction, a consistent view of the database. It belongs to the
// function it was given to and is dead when that function returns. It is not
// safe for concurrent use.
type Tx struct {
	conn     *conn
	dialect  sqlgen.Dialect
	now      Millis
	writable bool
	broken   error    // the whole transaction is lost: nothing may run any more
	after    []func() // AfterCommit
	undo     []func() // put back into records what a rolled-back run wrote into them
}

var (
	errReadTx = errors.New("store: write inside Read")
	errNoJSON = errors.New("store: value is not valid JSON")
)

// Now is one instant for the whole run of the function.
func (tx *Tx) Now() Millis { return tx.now }

// AfterCommit runs f once the transaction is durable, before Write returns, in
// the goroutine that called Write and in the order of registration. It never
// runs when the transaction fails.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// statement makes query ready on this connection. The context it returns is
// the one to run it with: a write is never interrupted half way, because
// SQLite would roll back everybody else in the group with it.
func (tx *Tx) statement(ctx context.Context, query string) (*sql.Stmt, context.Context, error) {
	if tx.broken != nil {
		return nil, nil, tx.broken
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if tx.writable {
		ctx = context.WithoutCancel(ctx)
	}
	stmt, err := tx.conn.prepare(ctx, tx.dialect.Rebind(query))
	if err != nil {
		return nil, nil, tx.failed(ctx, err)
	}
	return stmt, ctx, nil
}

// failed translates what the database said, and remembers when it took the
// transaction down with it.
func (tx *Tx) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	fatal, err := translate(err)
	if fatal && tx.writable {
		tx.broken = err
	}
	return err
}

// exec runs a statement and tells how many rows it touched.
func (tx *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if !tx.writable {
		return 0, errReadTx
	}
	stmt, ctx, err := tx.statement(ctx, query) //nolint:sqlclosecheck // kept as long as the connection
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, tx.failed(ctx, err)
	}
	return res.RowsAffected()
}

// execOne is exec for a statement that must touch a row: none is ErrNotFound.
func (tx *Tx) execOne(ctx context.Context, query string, args ...any) error {
	n, err := tx.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// query runs a statement and calls scan for each of its rows.
func (tx *Tx) query(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	stmt, ctx, err := tx.statement(ctx, query) //nolint:sqlclosecheck // kept as long as the connection
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return tx.failed(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read row: %w", err)
		}
	}
	return tx.failed(ctx, rows.Err())
}

// value reads a single value. No row is ErrNotFound.
func value[V any](ctx context.Context, tx *Tx, query string, args ...any) (V, error) {
	var v V
	found := false
	err := tx.query(ctx, query, args, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&v)
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	return v, err
}

// values reads a column. The answer is never nil.
func values[V any](ctx context.Context, tx *Tx, query string, args ...any) ([]V, error) {
	list := []V{}
	err := tx.query(ctx, query, args, func(rows *sql.Rows) error {
		var v V
		if err := rows.Scan(&v); err != nil {
			return err
		}
		list = append(list, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// jsonText carries a json.RawMessage to and from a column of JSON. The empty
// value is NULL.
type jsonText struct{ raw *json.RawMessage }

// Value gives the text to the database, which keeps JSON as text.
func (j jsonText) Value() (driver.Value, error) {
	if len(*j.raw) == 0 {
		return nil, nil
	}
	if !json.Valid(*j.raw) {
		return nil, errNoJSON
	}
	return string(*j.raw), nil
}

// Scan takes the text from the database.
func (j jsonText) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*j.raw = nil
	case string:
		*j.raw = json.RawMessage(v)
	case []byte:
		*j.raw = append(json.RawMessage(nil), v...)
	default:
		return fmt.Errorf("JSON column holds %T", src)
	}
	return nil
}

// execVersion is exec for an update that holds only for the state it was
// decided on: no row is ErrVersion.
func (tx *Tx) execVersion(ctx context.Context, query string, args ...any) error {
	n, err := tx.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return ErrVersion
	}
	return err
}
