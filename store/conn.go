package store

import (
	"context"
	"database/sql"
)

// maxStatements bounds the prepared statements of one connection. Queries are
// constants but for the length of their lists, so the bound is rarely met;
// then all are dropped and made again as needed.
const maxStatements = 256

// conn is one database connection with its prepared statements. One goroutine
// uses it at a time.
type conn struct {
	sql        *sql.Conn
	statements map[string]*sql.Stmt
}

func dial(ctx context.Context, pool *sql.DB) (*conn, error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{sql: c, statements: map[string]*sql.Stmt{}}, nil
}

// prepare makes a statement once and keeps it.
func (c *conn) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := c.statements[query]; ok {
		return stmt, nil
	}
	if len(c.statements) >= maxStatements {
		c.forget()
	}
	stmt, err := c.sql.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.statements[query] = stmt
	return stmt, nil
}

// run executes one of the store's own commands (BEGIN, COMMIT, ...).
func (c *conn) run(ctx context.Context, command string) error {
	stmt, err := c.prepare(ctx, command) //nolint:sqlclosecheck // kept as long as the connection
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx)
	return err
}

func (c *conn) forget() {
	for _, stmt := range c.statements {
		_ = stmt.Close()
	}
	clear(c.statements)
}

// close ends the connection. Its statements go first, or SQLite would keep the
// file open.
func (c *conn) close() {
	c.forget()
	_ = c.sql.Close()
}
