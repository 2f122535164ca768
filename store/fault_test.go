package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	_ "modernc.org/sqlite"

	"synctv/store"
	"synctv/store/storetest"
)

// refused opens a folder that must be refused with this error, and checks that
// the message tells what to do.
func refused(t *testing.T, dir string, want error, hint string) {
	t.Helper()
	db, err := store.Open(context.Background(), store.Config{Dir: dir})
	if err == nil {
		_ = db.Close()
	}
	if !errors.Is(err, want) {
		t.Fatalf("open = %v, want %v", err, want)
	}
	if !strings.Contains(err.Error(), hint) {
		t.Errorf("%q does not mention %q", err, hint)
	}
}

// content is all files of a folder but the lock.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		if filepath.Base(name) == "synctv.lock" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = string(text)
	}
	return all
}

// untouched runs f and checks that no file changed.
func untouched(t *testing.T, dir string, f func()) {
	t.Helper()
	before := content(t, dir)
	f()
	after := content(t, dir)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s changed", name)
		}
	}
}

func TestR07ASecondServerOnTheFolderIsRefused(t *testing.T) {
	dir := storetest.Dir(t)
	first := storetest.Open(t, dir)
	refused(t, dir, store.ErrLocked, fmt.Sprintf("process %d", os.Getpid()))

	// The other program is another process: the lock is not ours alone.
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=ledger", "SYNCTV_STORE_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "in use") {
		t.Errorf("a second process: %v: %s", err, out)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Open(t, dir) // free again
}

func TestR07WhileAnotherProgramHoldsTheFileReadsGoOnAndWritesGiveUp(t *testing.T) {
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) { // the five seconds pass at once
		db, err := store.Open(t.Context(), store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := put(t.Context(), db, "before"); err != nil {
			t.Fatal(err)
		}
		other, err := sql.Open("sqlite", filepath.Join(dir, "synctv.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		conn, err := other.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		errs := make(chan error, 3)
		for range cap(errs) {
			go func() { errs <- put(t.Context(), db, "during") }()
		}
		if got := settingKeys(t, db); len(got) != 1 {
			t.Errorf("a read during the lock: %v", got)
		}
		for range cap(errs) {
			if err := <-errs; !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("a write during the lock: %v", err)
			}
		}
		if waited := time.Since(began); waited > 11*time.Second {
			t.Errorf("writes waited %v", waited)
		}
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		if err := put(t.Context(), db, "after"); err != nil {
			t.Errorf("a write after the lock: %v", err)
		}
	})
}

func TestR07ARealSQLiteShellHoldsTheFile(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sqlite3"); err != nil {
		missing(t, "sqlite3")
	}
	dir := storetest.Dir(t)
	db := storetest.Open(t, dir)
	shell := exec.Command("sqlite3", filepath.Join(dir, "synctv.db"))
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shell.Process.Kill(); _ = shell.Wait() })
	if _, err := io.WriteString(in, "BEGIN EXCLUSIVE;\nSELECT 'held';\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the shell says %q, %v", line, err)
	}
	if got := settingKeys(t, db); len(got) != 0 {
		t.Errorf("a read during the lock: %v", got)
	}
	if err := put(t.Context(), db, "during"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a write during the lock: %v", err)
	}
	in.Close()
	if err := shell.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := put(t.Context(), db, "after"); err != nil {
		t.Errorf("a write after the lock: %v", err)
	}
}

func TestR08WhatIsNoDatabaseOfOursIsNeverTouched(t *testing.T) {
	for name, text := range map[string]string{
		"a letter":       "Dear Ann,\n" + strings.Repeat("see you soon ", 500),
		"a short letter": "Hi",
		"zeros":          strings.Repeat("\x00", 8192),
		"a header alone": "SQLite format 3\x00",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "synctv.db"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			untouched(t, dir, func() { refused(t, dir, store.ErrCorrupt, "synctv restore") })
		})
	}
	t.Run("a database of another program", func(t *testing.T) {
		dir := t.TempDir()
		other, err := sql.Open("sqlite", filepath.Join(dir, "synctv.db"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Exec("CREATE TABLE photos (name TEXT)"); err != nil {
			t.Fatal(err)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		untouched(t, dir, func() { refused(t, dir, store.ErrCorrupt, "another program") })
	})
	t.Run("an empty file with a log", func(t *testing.T) {
		dir := t.TempDir()
		for name, text := range map[string]string{"synctv.db": "", "synctv.db-wal": "rows"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		untouched(t, dir, func() { refused(t, dir, store.ErrCorrupt, "synctv.db-wal") })
	})
	t.Run("a folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "synctv.db"), 0o700); err != nil {
			t.Fatal(err)
		}
		if db, err := store.Open(t.Context(), store.Config{Dir: dir}); err == nil {
			_ = db.Close()
			t.Error("a folder is opened as a database")
		}
	})
}

// filled is a closed database with rows in it, so that many pages matter.
func filled(t *testing.T) (dir string, rows int) {
	t.Helper()
	dir = storetest.Dir(t)
	db := storetest.Open(t, dir)
	rows = 300
	write(t, db, func(ctx context.Context, tx *store.Tx) error {
		for i := range rows {
			line := store.Audit{ActorType: "system", Action: "fill.row", TargetType: "row", TargetID: fmt.Sprint(i), UserAgent: strings.Repeat("x", 200)}
			if err := tx.AddAudit(ctx, &line); err != nil {
				return err
			}
		}
		return nil
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, rows
}

// TestR08FlippedBytesAreRefusedOrHarmless damages the file in many places, one
// at a time. It is opened or refused as damaged; it never panics and a refused
// file is not changed.
func TestR08FlippedBytesAreRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	whole, _ := filled(t)
	file, err := os.ReadFile(filepath.Join(whole, "synctv.db"))
	if err != nil {
		t.Fatal(err)
	}
	places := 200
	if testing.Short() {
		places = 20
	}
	dir := t.TempDir()
	found := 0
	for i := range places {
		at := i * (len(file) - 1) / places
		if i%4 == 0 {
			at -= at % 4096 // the head of a page: always something that matters
		}
		damaged := []byte(string(file))
		damaged[at] ^= 0xff
		for _, side := range []string{"-wal", "-shm"} {
			_ = os.Remove(filepath.Join(dir, "synctv.db"+side))
		}
		if err := os.WriteFile(filepath.Join(dir, "synctv.db"), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), store.Config{Dir: dir})
		if err == nil {
			_ = db.Read(t.Context(), func(tx *store.Tx) error {
				_, _, err := tx.Audits(t.Context(), store.AuditFilter{Limit: 1000})
				return err
			})
			if err := db.Close(); err != nil {
				t.Errorf("byte %d: close: %v", at, err)
			}
			continue
		}
		found++
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("byte %d: %v", at, err)
		}
		if after := content(t, dir)["synctv.db"]; after != string(damaged) {
			t.Errorf("byte %d: the refused file was changed", at)
		}
	}
	if found < places/5 {
		t.Errorf("%d of %d damages were found", found, places)
	}
	t.Logf("%d of %d flipped bytes refused, the others were inside values", found, places)
}

// TestR08ADamagedLogEndsAtTheLastGoodCommit cuts and damages the end of the
// log that a crash leaves.
func TestR08ADamagedLogEndsAtTheLastGoodCommit(t *testing.T) {
	dir := storetest.Dir(t)
	db := storetest.Open(t, dir)
	keys := []string{"a", "b", "c", "d"}
	for _, key := range keys {
		if err := put(t.Context(), db, key); err != nil {
			t.Fatal(err)
		}
	}
	crashed := content(t, dir) // as the disk looks while the server runs
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wal := crashed["synctv.db-wal"]
	if wal == "" {
		t.Fatal("there is no log")
	}
	for name, tail := range map[string]string{
		"whole":   wal,
		"cut":     wal[:len(wal)-100],
		"flipped": wal[:len(wal)-50] + "x" + wal[len(wal)-49:],
		"grown":   wal + strings.Repeat("garbage ", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"synctv.db": crashed["synctv.db"], "synctv.db-wal": tail} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want := len(keys)
			if name == "cut" || name == "flipped" {
				want--
			}
			if got := settingKeys(t, storetest.Open(t, dir)); len(got) != want {
				t.Errorf("settings = %v, want the first %d", got, want)
			}
		})
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	db := storetest.Open(t, dir)
	if err := put(t.Context(), db, "a"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "..": 0o700, "synctv.db": 0o600, "synctv.db-wal": 0o600, "synctv.db-shm": 0o600, "synctv.lock": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestWhereTheDatabaseIs(t *testing.T) {
	elsewhere := t.TempDir()
	for name, c := range map[string]struct{ url, file string }{
		"default":  {"", "synctv.db"},
		"sqlite":   {"sqlite:", "synctv.db"},
		"relative": {"sqlite:odd name?#%.db", "odd name?#%.db"},
		"absolute": {"sqlite:" + filepath.Join(elsewhere, "other.db"), filepath.Join(elsewhere, "other.db")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db, err := store.Open(t.Context(), store.Config{Dir: dir, URL: c.url})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			if !filepath.IsAbs(c.file) {
				c.file = filepath.Join(dir, c.file)
			}
			if info, err := os.Stat(c.file); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", c.file, err)
			}
		})
	}
	for _, url := range []string{"postgres://user:secret@host/db", "synctv.db", "mysql:x"} {
		_, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), URL: url})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("URL %q: %v", url, err)
		}
	}
	if _, err := store.Open(t.Context(), store.Config{}); err == nil {
		t.Error("no folder is no error")
	}
}
