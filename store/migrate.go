package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// sqliteMigrations are the embedded files of SQLite.
func sqliteMigrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		panic(err) // a folder missing from the binary
	}
	return files
}

// migrate brings the schema of a SQLite file up to date, each step in a
// transaction of its own. A database that holds something is copied first.
func migrate(ctx context.Context, db *sql.DB, path string, files fs.FS, log *slog.Logger) error {
	goose, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	have, want, err := goose.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	if have >= want {
		return nil
	}
	if have > 0 {
		backup := fmt.Sprintf("%s.bak-%d", path, have)
		if err := copyDatabase(ctx, db, backup); err != nil {
			return fmt.Errorf("copy before migration: %w", err)
		}
		log.Info("database copied before migration", slog.String("path", backup))
	}
	steps, err := goose.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate from version %d: %w", have, err)
	}
	log.Info("database migrated", slog.Int64("from", have), slog.Int64("to", want), slog.Int("steps", len(steps)))
	return nil
}

// copyDatabase writes a whole and consistent copy beside the database, under
// its name only when it is on disk.
func copyDatabase(ctx context.Context, db *sql.DB, target string) error {
	temp := target + ".tmp"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = db.ExecContext(ctx, "VACUUM INTO ?", temp); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(temp, target)
	}
	if err != nil {
		_ = os.Remove(temp)
		return err
	}
	syncFolder(filepath.Dir(target))
	return nil
}

// syncFolder makes a new name durable where the system knows how to.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
