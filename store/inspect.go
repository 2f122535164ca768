package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"

	"github.com/pressly/goose/v3"
)

const (
	sqliteMagic = "SQLite format 3\x00"

	// checkUpTo is the size up to which a file is read whole at start, to
	// find damage before users do: about a second on a small machine.
	checkUpTo = 256 << 20
)

// prepareFile makes the file when it is missing, for us alone, and refuses one
// that is no database. It must come before SQLite opens the file: closing a
// second handle would drop the locks of the first.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return explain(err, path)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return explain(err, path)
	}
	if !info.Mode().IsRegular() {
		return explain(fmt.Errorf("%w: it is no regular file", ErrCorrupt), path)
	}
	if info.Size() == 0 {
		// SQLite would drop the log of an empty file, and with it the only
		// trace of what was lost.
		if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
			return explain(fmt.Errorf("%w: the file is empty but its log %s-wal is not", ErrCorrupt, path), path)
		}
		return nil
	}
	magic := make([]byte, len(sqliteMagic))
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != sqliteMagic {
		return explain(fmt.Errorf("%w: it is not an SQLite database", ErrCorrupt), path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		_ = f.Chmod(0o600) // ours, and full of other people's sessions
	}
	return nil
}

// inspect looks at an existing database before anything touches it: whole,
// ours, and not from a newer version.
func inspect(ctx context.Context, path string, log *slog.Logger) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return err
	}
	pool, err := openPool(path, 1, lookOnly)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	if info.Size() <= checkUpTo {
		var verdict string
		if err := pool.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("%w: %s", ErrCorrupt, verdict)
		}
	} else {
		log.Info("large database, not checked at start", slog.Int64("bytes", info.Size()))
	}
	return knownSchema(ctx, pool)
}

// knownSchema refuses a database of another program or of a newer version.
func knownSchema(ctx context.Context, pool *sql.DB) error {
	var tables, own int
	err := pool.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(name = ?), 0) FROM sqlite_schema WHERE type = 'table'",
		goose.DefaultTablename).Scan(&tables, &own)
	if err != nil || tables == 0 {
		return err
	}
	if own == 0 {
		return fmt.Errorf("%w: it belongs to another program", ErrCorrupt)
	}
	var have int64
	err = pool.QueryRowContext(ctx, "SELECT max(version_id) FROM "+goose.DefaultTablename+" WHERE is_applied").Scan(&have)
	if err != nil {
		return err
	}
	newest, err := newestSchema()
	if err != nil {
		return err
	}
	if have > newest {
		return fmt.Errorf("%w: it has schema %d and this SyncTV knows %d; nothing was changed: start the newer version, or put back a copy named like %s.bak-%d",
			ErrNewerSchema, have, newest, databaseName, newest)
	}
	return nil
}

// newestSchema is the last migration in this binary.
func newestSchema() (int64, error) {
	names, err := fs.Glob(sqliteMigrations(), "*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(errors.New("no migrations in this binary"), err)
	}
	return goose.NumericComponent(slices.Max(names))
}
