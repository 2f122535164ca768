package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// pragma is a setting of a connection, read back after it was made: a driver
// that ignores one silently must not cost anybody's data.
type pragma struct{ name, set, want string }

// pragmas are what every connection has. synchronous=FULL is what makes an
// acknowledged write survive a power cut: with NORMAL it did not in 6 of 10
// simulated ones.
var pragmas = []pragma{
	{"busy_timeout", "5000", "5000"},
	{"trusted_schema", "OFF", "0"},
	{"cell_size_check", "ON", "1"},
	{"foreign_keys", "ON", "1"},
	{"journal_mode", "WAL", "wal"},
	{"synchronous", "FULL", "2"},
	{"cache_size", "-16384", "-16384"},
	{"mmap_size", "0", "0"},
	{"temp_store", "MEMORY", "2"},
	{"wal_autocheckpoint", "1000", "1000"},
	{"journal_size_limit", "67108864", "67108864"}, // a log that grew is cut back to 64 MiB
}

// lookOnly are the settings of a connection that only looks at a file that
// may not be ours.
var lookOnly = []pragma{
	{"busy_timeout", "5000", "5000"},
	{"trusted_schema", "OFF", "0"},
	{"cell_size_check", "ON", "1"},
	{"query_only", "ON", "1"},
}

// probe is a write that changes nothing and still has to reach the disk.
const probe = "PRAGMA user_version = 0"

// connector opens SQLite connections and checks each.
type connector struct {
	driver.Connector
	pragmas []pragma
}

// openPool is a pool of connections to the file that all have these settings.
// It opens nothing yet.
func openPool(path string, size int, settings []pragma) (*sql.DB, error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "_error_rc=1&_dqs=0&_defensive=1"}
	if filepath.VolumeName(path) != "" {
		u.Path = "/" + u.Path // file:/C:/data/synctv.db
	}
	base, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	pool := sql.OpenDB(&connector{base, settings})
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

// Connect opens one connection, makes its settings and reads them back.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	dc, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range c.pragmas {
		if err := p.apply(ctx, dc); err != nil {
			_ = dc.Close()
			return nil, err
		}
	}
	return dc, nil
}

func (p pragma) apply(ctx context.Context, dc driver.Conn) error {
	if _, err := ask(ctx, dc, "PRAGMA "+p.name+" = "+p.set); err != nil {
		return fmt.Errorf("set %s: %w", p.name, err)
	}
	got, err := ask(ctx, dc, "PRAGMA "+p.name)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.name, err)
	}
	if got != p.want {
		return fmt.Errorf("SQLite setting %s is %q and not %q: %w", p.name, got, p.want, ErrUnavailable)
	}
	return nil
}

// ask runs a query on a bare connection and returns its first value, "" when
// there is none.
func ask(ctx context.Context, dc driver.Conn, query string) (string, error) {
	q, ok := dc.(driver.QueryerContext)
	if !ok {
		return "", errors.New("driver cannot query")
	}
	rows, err := q.QueryContext(ctx, query, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	row := make([]driver.Value, max(1, len(rows.Columns())))
	switch err := rows.Next(row); {
	case errors.Is(err, io.EOF):
		return "", nil
	case err != nil:
		return "", err
	}
	return fmt.Sprint(row[0]), nil
}

// translate turns an error of SQLite into one of ours. fatal tells that the
// transaction may be gone as a whole.
func translate(err error) (fatal bool, _ error) {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false, err
	}
	switch code := e.Code(); code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return false, &ConflictError{Key: conflictKey(e.Error())}
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.SQLITE_CONSTRAINT_TRIGGER: // the second is ON DELETE RESTRICT
		return false, &ConflictError{Key: "foreign_key"}
	case sqlite3.SQLITE_IOERR_SHMSIZE:
		return true, fmt.Errorf("%w: %w", ErrStorageFull, err)
	default:
		if ours := sentinel(code & 0xff); ours != nil {
			return true, fmt.Errorf("%w: %w", ours, err)
		}
		return false, err
	}
}

// sentinel maps the primary result codes after which SQLite may have rolled
// back the transaction by itself.
func sentinel(code int) error {
	switch code {
	case sqlite3.SQLITE_FULL:
		return ErrStorageFull
	case sqlite3.SQLITE_READONLY:
		return ErrReadOnly
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrCorrupt
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL:
		return ErrUnavailable
	}
	return nil
}

// lostSync reports that the disk failed to confirm a write. What is on it is
// unknown then, and asking again would only hide that.
func lostSync(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == sqlite3.SQLITE_IOERR_FSYNC || e.Code() == sqlite3.SQLITE_IOERR_DIR_FSYNC)
}

// conflictKey takes the columns out of "UNIQUE constraint failed: a.x, a.y".
func conflictKey(message string) string {
	_, key, _ := strings.Cut(message, "constraint failed: ")
	if _, inner, ok := strings.Cut(key, "constraint failed: "); ok { // the driver may say it twice
		key = inner
	}
	key, _, _ = strings.Cut(key, " (")
	return strings.ReplaceAll(key, ", ", ",")
}
