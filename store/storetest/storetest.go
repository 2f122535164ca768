// Package storetest gives tests a fresh database with the current schema.
//
// The schema is migrated once per test binary and the file copied for each
// test, so a database costs milliseconds and no test sees another's rows. It
// is the real store on a real file, in t.TempDir, closed when the test ends.
//
// Imported by tests only. Imports store.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"synctv/store"
)

// New is a fresh database for one test. Inside a synctest bubble call it
// inside, so that its goroutines belong to the bubble.
func New(t testing.TB) *store.DB {
	t.Helper()
	return Open(t, Dir(t))
}

// Dir is a data folder that holds a fresh, closed database.
func Dir(t testing.TB) string {
	t.Helper()
	file, err := template()
	if err != nil {
		t.Fatalf("migrate the template database: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "synctv.db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Open opens the database of a data folder and closes it when the test ends.
// A test may close it earlier.
func Open(t testing.TB, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}

// Each runs f once for every kind of database that is supported, each time on
// a fresh one.
func Each(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, New(t)) })
}

// template is the content of a database that was migrated and closed.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := store.Open(context.Background(), store.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "synctv.db"))
})
