package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	databaseName = "synctv.db"
	lockName     = "synctv.lock"
)

// Config is what the store needs to know. Only Dir is required.
type Config struct {
	URL     string                // "sqlite:" (also empty) is synctv.db in Dir; "sqlite:FILE" another file, relative to Dir
	Dir     string                // the data folder; made if missing, locked while open
	Readers int                   // reader connections; 0 = 4 to 8 by the number of processors
	Log     *slog.Logger          // nil = silent
	Metrics prometheus.Registerer // nil = none
}

// Open locks the data folder, brings the schema up to date and starts the
// writer. Its errors name a sentinel and end with a sentence that tells the
// operator what to do: ErrLocked, ErrReadOnly, ErrStorageFull, ErrCorrupt,
// ErrNewerSchema, ErrUnavailable. A file that is no database of ours is never
// changed.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	path, err := cfg.path()
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Readers <= 0 {
		cfg.Readers = min(max(4, 2*runtime.GOMAXPROCS(0)), 8)
	}
	db := &DB{
		log:     cfg.Log.With(slog.String("part", "store")),
		readers: make(chan *conn, cfg.Readers),
		queue:   make(chan *call, queueSize),
		done:    make(chan struct{}),
		closing: make(chan struct{}),
	}
	if db.metrics, err = newMetrics(cfg.Metrics, func() int { return len(db.queue) }); err != nil {
		return nil, fmt.Errorf("store metrics: %w", err)
	}
	if err := db.open(ctx, cfg.Dir, path); err != nil {
		_ = db.release()
		return nil, err
	}
	for range cfg.Readers {
		db.readers <- nil
	}
	go func() { //nolint:contextcheck // the writer outlives the call that opens the database
		defer rescue(db.log, "store writer")
		defer close(db.done)
		defer db.writer.abort()
		db.writer.loop()
	}()
	return db, nil
}

// open does what can fail. What it opened before it failed is closed by
// release.
func (db *DB) open(ctx context.Context, dir, path string) error {
	for _, folder := range folders(dir, path) {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return explain(err, folder)
		}
		f, err := lockFolder(folder)
		if err != nil {
			return err
		}
		db.locks = append(db.locks, f)
	}
	if err := prepareFile(path); err != nil {
		return err
	}
	if err := inspect(ctx, path, db.log); err != nil {
		return explain(err, path)
	}
	writers, err := openPool(path, 1, pragmas)
	if err != nil {
		return err
	}
	db.pools = append(db.pools, writers)
	if err := migrate(ctx, writers, path, sqliteMigrations(), db.log); err != nil {
		return explain(err, path)
	}
	readers, err := openPool(path, cap(db.readers), append(append([]pragma{}, pragmas...), pragma{"query_only", "ON", "1"}))
	if err != nil {
		return err
	}
	db.pools = append(db.pools, readers)
	c, err := dial(ctx, writers)
	if err != nil {
		return explain(err, path)
	}
	db.writer = &writer{db: db, conn: c}
	return nil
}

// path is where the database file is.
func (cfg Config) path() (string, error) {
	if cfg.Dir == "" {
		return "", errors.New("store: no data folder given; set --data-dir")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	name := databaseName
	if cfg.URL != "" {
		rest, ok := strings.CutPrefix(cfg.URL, "sqlite:")
		if !ok {
			kind, _, _ := strings.Cut(cfg.URL, ":") // the rest may hold a password
			return "", fmt.Errorf("store.url: %q is no database that this version can use; give sqlite: or sqlite:FILE", kind)
		}
		if rest != "" {
			name = rest
		}
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name), nil
	}
	return filepath.Join(dir, name), nil
}

// folders are those to lock: the data folder, and the database's own when it
// lies elsewhere.
func folders(dir, path string) []string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if own := filepath.Dir(path); own != dir {
		return []string{dir, own}
	}
	return []string{dir}
}

// lockFolder keeps a second server off the folder.
func lockFolder(folder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain(err, folder)
	}
	taken, err := tryLock(f)
	if err != nil {
		holder := make([]byte, 20)
		n, _ := f.ReadAt(holder, 0)
		f.Close()
		if !taken {
			return nil, fmt.Errorf("lock %s: %w", folder, err)
		}
		return nil, fmt.Errorf("%w: another SyncTV%s has opened %s; stop it, or give this one a folder of its own with --data-dir",
			ErrLocked, process(holder[:n]), folder)
	}
	// Only for the message above; a full disk must not keep us from starting.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return f, nil
}

func process(text []byte) string {
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// unlock lets go of the folders. The files stay: removing them would let two
// servers lock two different files of one name.
func unlock(locks []*os.File) {
	for _, f := range locks {
		f.Close()
	}
}

// explain adds to an error of the file system or of SQLite what the operator
// can do about it.
func explain(err error, path string) error {
	_, err = translate(err)
	switch {
	case err == nil:
		return nil
	case fullDisk(err):
		err = fmt.Errorf("%w: %w", ErrStorageFull, err)
	case readOnlyDisk(err):
		err = fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	switch {
	case errors.Is(err, ErrStorageFull):
		return fmt.Errorf("open %s: %w; free some space on this disk and start again", path, err)
	case errors.Is(err, ErrReadOnly):
		return fmt.Errorf("open %s: %w; let this user write there, mount it writable, or choose another folder with --data-dir", path, err)
	case errors.Is(err, ErrCorrupt):
		return fmt.Errorf("open %s: %w; nothing was changed: move the file away and run `synctv restore FILE` with your last backup", path, err)
	case errors.Is(err, ErrUnavailable):
		return fmt.Errorf("open %s: %w; close every other program that uses this file and start again", path, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}
