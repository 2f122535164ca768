package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// openTemp opens a new database in a folder of its own.
func openTemp(t *testing.T) (db *DB, path string) {
	t.Helper()
	dir := t.TempDir()
	db, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, filepath.Join(dir, databaseName)
}

// raw is a plain connection to a database file that no server has open.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	pool, err := openPool(path, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func strs(t *testing.T, pool *sql.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := pool.Query(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// ours excludes the tables of SQLite and of the migration library, which are
// never replicated.
const ours = "name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'"

func TestTheSchemaCanBeReplicated(t *testing.T) {
	db, path := openTemp(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	pool := raw(t, path)
	want := []string{
		"audit_log", "challenges", "chat_messages", "files", "guest_epochs", "idempotency_keys", "kick_cooldowns", "media", "media_tracks",
		"playback_history", "playback_progress", "playback_state", "playlists", "provider_instances", "refresh_tokens", "room_members",
		"room_settings", "rooms", "sessions", "settings", "signing_keys", "users",
	}
	if got := strs(t, pool, "SELECT name FROM sqlite_schema WHERE type = 'table' AND "+ours+" ORDER BY name"); !slices.Equal(got, want) {
		t.Errorf("tables = %v, want %v", got, want)
	}
	if got := strs(t, pool, "SELECT name FROM sqlite_schema WHERE type IN ('trigger', 'view')"); len(got) > 0 {
		t.Errorf("triggers and views: %v", got)
	}
	clock := regexp.MustCompile(`(?i)autoincrement|current_time|current_date|datetime\s*\(|strftime|julianday|unixepoch|random`)
	for _, name := range want {
		text := strs(t, pool, "SELECT sql FROM sqlite_schema WHERE name = ?", name)[0]
		if word := clock.FindString(text); word != "" {
			t.Errorf("table %s takes %s from SQL", name, word)
		}
		if !strings.HasSuffix(strings.TrimSpace(text), "STRICT, WITHOUT ROWID") {
			t.Errorf("table %s has a hidden key or loose types", name)
		}
		if key := strs(t, pool, "SELECT name FROM pragma_table_info(?) WHERE pk > 0", name); len(key) == 0 {
			t.Errorf("table %s has no primary key", name)
		}
	}
}

// TestRecordsHaveEveryColumn keeps records and tables from drifting apart.
func TestRecordsHaveEveryColumn(t *testing.T) {
	db, path := openTemp(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	pool := raw(t, path)
	check := func(name string, columns []string, keys, fields int) {
		t.Helper()
		have := strs(t, pool, "SELECT name FROM pragma_table_info(?) ORDER BY name", name)
		sorted := slices.Sorted(slices.Values(columns))
		if !slices.Equal(have, sorted) {
			t.Errorf("%s has columns %v, its record %v", name, have, sorted)
		}
		key := strs(t, pool, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", name)
		if !slices.Equal(key, columns[:keys]) {
			t.Errorf("%s has key %v, its record %v", name, key, columns[:keys])
		}
		if fields != len(columns) {
			t.Errorf("record of %s gives %d fields for %d columns", name, fields, len(columns))
		}
	}
	check("users", users.columns, users.keys, len(users.fields(&User{})))
	check("sessions", sessions.columns, sessions.keys, len(sessions.fields(&Session{})))
	check("refresh_tokens", refreshTokens.columns, refreshTokens.keys, len(refreshTokens.fields(&RefreshToken{})))
	check("challenges", challenges.columns, challenges.keys, len(challenges.fields(&Challenge{})))
	check("signing_keys", signingKeys.columns, signingKeys.keys, len(signingKeys.fields(&SigningKey{})))
	check("settings", settings.columns, settings.keys, len(settings.fields(&Setting{})))
	check("rooms", rooms.columns, rooms.keys, len(rooms.fields(&Room{})))
	check("room_members", members.columns, members.keys, len(members.fields(&Member{})))
	check("room_settings", roomSettings.columns, roomSettings.keys, len(roomSettings.fields(&settingsOfRoom{})))
	check("playlists", playlists.columns, playlists.keys, len(playlists.fields(&Playlist{})))
	check("media", media.columns, media.keys, len(media.fields(&Media{})))
	check("media_tracks", tracks.columns, tracks.keys, len(tracks.fields(&Track{})))
	check("playback_state", playbacks.columns, playbacks.keys, len(playbacks.fields(&Playback{})))
	check("playback_progress", progress.columns, progress.keys, len(progress.fields(&Progress{})))
	check("playback_history", histories.columns, histories.keys, len(histories.fields(&History{})))
	check("chat_messages", chat.columns, chat.keys, len(chat.fields(&ChatMessage{})))
	check("files", files.columns, files.keys, len(files.fields(&File{})))
	check("provider_instances", instances.columns, instances.keys, len(instances.fields(&ProviderInstance{})))
	check("audit_log", audits.columns, audits.keys, len(audits.fields(&Audit{})))
	check("idempotency_keys", idempotencies.columns, idempotencies.keys, len(idempotencies.fields(&Idempotency{})))
}

func TestEveryConnectionReadsItsSettingsBack(t *testing.T) {
	_, path := openTemp(t)
	pool, err := openPool(path, 1, append(slices.Clone(pragmas), pragma{"page_size", "8192", "8192"})) // cannot change any more
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pool.Ping(); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "page_size") {
		t.Errorf("a setting that did not take: %v", err)
	}
}

func TestSettingsOfTheWriterAndTheReaders(t *testing.T) {
	db, _ := openTemp(t)
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "trusted_schema": "0", "cell_size_check": "1", "busy_timeout": "5000"}
	look := func(tx *Tx) error {
		for name, val := range want {
			if got, err := value[string](t.Context(), tx, "PRAGMA "+name); err != nil || got != val {
				t.Errorf("%s = %q, %v, want %q", name, got, err, val)
			}
		}
		return nil
	}
	if err := errors.Join(db.Write(t.Context(), look), db.Read(t.Context(), look)); err != nil {
		t.Error(err)
	}
}

var silent = slog.New(slog.DiscardHandler)

// migrateFile runs migrations on a file as Open does.
func migrateFile(t *testing.T, path string, files fs.FS) error {
	t.Helper()
	if err := prepareFile(path); err != nil {
		t.Fatal(err)
	}
	pool, err := openPool(path, 1, pragmas)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	return migrate(t.Context(), pool, path, files, silent)
}

func embedded(t *testing.T) string {
	t.Helper()
	text, err := fs.ReadFile(sqliteMigrations(), "00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestR10AnInterruptedMigrationLeavesTheOldSchema breaks the first migration
// after each of its statements and then lets it finish.
func TestR10AnInterruptedMigrationLeavesTheOldSchema(t *testing.T) {
	t.Parallel()
	statements := strings.SplitAfter(embedded(t), ";\n")
	step := 5
	if os.Getenv("SYNCTV_TEST_ALL") == "1" && !testing.Short() {
		step = 1
	}
	for n := 1; n < len(statements); n += step {
		path := filepath.Join(t.TempDir(), databaseName)
		broken := strings.Join(statements[:n], "") + "\nSELECT broken;\n"
		if err := migrateFile(t, path, fstest.MapFS{"00001_init.sql": {Data: []byte(broken)}}); err == nil {
			t.Fatalf("broken after %d statements: no error", n)
		}
		if got := strs(t, raw(t, path), "SELECT name FROM sqlite_schema WHERE "+ours); len(got) > 0 {
			t.Fatalf("broken after %d statements: %v is left", n, got)
		}
		db, err := Open(t.Context(), Config{Dir: filepath.Dir(path)})
		if err != nil {
			t.Fatalf("second try after %d statements: %v", n, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestR10ADatabaseIsCopiedBeforeItIsMigrated(t *testing.T) {
	db, path := openTemp(t)
	err := db.Write(t.Context(), func(tx *Tx) error { return tx.PutSetting(t.Context(), "server.name", []byte(`"old"`), "") })
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	next := fstest.MapFS{
		"00001_init.sql": {Data: []byte(embedded(t))},
		"00002_next.sql": {Data: []byte("-- +goose Up\nUPDATE settings SET value = '\"new\"';\nSELECT broken;\n")},
	}
	if err := migrateFile(t, path, next); err == nil {
		t.Fatal("a broken migration succeeds")
	}
	name := func(path string) string {
		return strings.Join(strs(t, raw(t, path), "SELECT value FROM settings"), ",")
	}
	if got := name(path); got != `"old"` {
		t.Errorf("after a broken migration the setting is %s", got)
	}
	next["00002_next.sql"].Data = []byte("-- +goose Up\nUPDATE settings SET value = '\"new\"';\n")
	if err := migrateFile(t, path, next); err != nil {
		t.Fatal(err)
	}
	if got := name(path); got != `"new"` {
		t.Errorf("after the migration the setting is %s", got)
	}
	if got := name(path + ".bak-1"); got != `"old"` {
		t.Errorf("in the copy the setting is %s", got)
	}
	if left, _ := filepath.Glob(path + "*.tmp"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if info, err := os.Stat(path + ".bak-1"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
}

func TestR11ANewerSchemaIsRefusedAndNotTouched(t *testing.T) {
	db, path := openTemp(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	pool := raw(t, path)
	if _, err := pool.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Config{Dir: filepath.Dir(path)})
	if !errors.Is(err, ErrNewerSchema) || !strings.Contains(err.Error(), "999") {
		t.Errorf("error = %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file changed: %v", err)
	}
}

// TestAReadThatTakesTooLongIsStopped uses a query that would run for years.
func TestAReadThatTakesTooLongIsStopped(t *testing.T) {
	db, _ := openTemp(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	started := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- db.Read(ctx, func(tx *Tx) error {
			close(started)
			_, err := value[int64](ctx, tx, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
			return err
		})
	}()
	<-started
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
