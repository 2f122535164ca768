package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"synctv/store"
	"synctv/store/storetest"
)

// story runs f in one write transaction on a fresh database of every kind,
// with a user and a room that has a root playlist and a playback row.
func story(t *testing.T, f func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		write(t, db, func(ctx context.Context, tx *store.Tx) error { return f(ctx, t, tx, w) })
	})
}

// world is the least that most rows refer to.
type world struct {
	ann, bob store.User
	room     store.Room
	root     store.Playlist
}

func newWorld(t testing.TB, db *store.DB) world {
	t.Helper()
	w := world{ann: addUser(t, db, "ann"), bob: addUser(t, db, "bob")}
	w.room = store.Room{ID: store.NewID(), Name: "Film Night", CreatorID: w.ann.ID, Visibility: "public", Status: "active"}
	w.root = store.Playlist{ID: store.NewID(), RoomID: w.room.ID, IsRoot: true}
	write(t, db, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(tx.AddRoom(ctx, &w.room), tx.AddPlaylist(ctx, &w.root), tx.AddPlayback(ctx, &store.Playback{RoomID: w.room.ID}))
	})
	return w
}

// same compares what was read with what was written.
func same[R any](t *testing.T, what string, got R, err error, want R) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	} else if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// fails checks for a sentinel.
func fails(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// taken checks for a conflict on a key.
func taken(t *testing.T, what string, err error, key string) {
	t.Helper()
	var conflict *store.ConflictError
	if !errors.As(err, &conflict) || conflict.Key != key || !errors.Is(err, store.ErrConflict) {
		t.Errorf("%s: %v, want a conflict on %s", what, err, key)
	}
}

func TestUsers(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		got, err := tx.User(ctx, w.ann.ID)
		same(t, "user", got, err, w.ann)
		_, err = tx.User(ctx, store.NewID())
		fails(t, "unknown user", err, store.ErrNotFound)
		taken(t, "same name", tx.AddUser(ctx, &store.User{ID: store.NewID(), Username: "ANN", Role: "user", Status: "active", SignupMethod: "setup"}), "users.username_key")

		w.bob.Role, w.bob.PasswordHash, w.bob.DisplayName = "root", new("$argon2id$"), "Bob 🎬"
		if err := tx.UpdateUser(ctx, &w.bob); err != nil || w.bob.Version != 2 || w.bob.UpdatedAt != tx.Now() {
			t.Errorf("update: %v, version %d", err, w.bob.Version)
		}
		stale := w.bob
		stale.Version = 1
		fails(t, "stale update", tx.UpdateUser(ctx, &stale), store.ErrVersion)
		if err := tx.TouchUser(ctx, w.bob.ID, 77); err != nil {
			t.Error(err)
		}
		w.bob.LastSeenAt = new(store.Millis(77))
		all, err := tx.Users(ctx, w.ann.ID, w.bob.ID, store.NewID())
		same(t, "users", all, err, map[string]store.User{w.ann.ID: w.ann, w.bob.ID: w.bob})
		for role, want := range map[string]int{"root": 1, "user": 1, "admin": 0, "": 2} {
			n, err := tx.CountUsers(ctx, role)
			same(t, "count of role "+role, n, err, want)
		}

		w.bob.DeletedAt = new(tx.Now())
		if err := tx.UpdateUser(ctx, &w.bob); err != nil {
			t.Error(err)
		}
		_, err = tx.UserByName(ctx, "bob")
		fails(t, "deleted user by name", err, store.ErrNotFound)
		return tx.AddUser(ctx, &store.User{ID: store.NewID(), Username: "Bob", Role: "user", Status: "active", SignupMethod: "setup"})
	})
}

func TestSessionsAndTheirTokens(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		var made []store.Session
		for i := range 3 {
			s := store.Session{
				ID: store.NewID(), UserID: w.ann.ID, FamilyID: fmt.Sprint("f", i%2), UserAgent: strings.Repeat("ü", 300),
				AuthMethods: json.RawMessage(`["password"]`), ExpiresAt: tx.Now() + 1000, IdleExpiresAt: tx.Now() + 1000, CreatedAt: tx.Now() + store.Millis(i),
			}
			if err := tx.AddSession(ctx, &s); err != nil {
				return err
			}
			made = append(made, s)
		}
		got, err := tx.Sessions(ctx, w.ann.ID)
		same(t, "sessions", got, err, []store.Session{made[2], made[1], made[0]})
		made[0].StepUpAt, made[0].IP = new(tx.Now()), "::1"
		if err := tx.UpdateSession(ctx, &made[0]); err != nil {
			return err
		}
		one, err := tx.Session(ctx, made[0].ID)
		same(t, "session", one, err, made[0])

		hash := func(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }
		first := store.RefreshToken{ID: store.NewID(), SessionID: made[0].ID, TokenHash: hash("first"), ExpiresAt: tx.Now() + 1000}
		second := store.RefreshToken{ID: store.NewID(), SessionID: made[0].ID, TokenHash: hash("second"), ExpiresAt: tx.Now() + 1000}
		if err := errors.Join(tx.AddRefreshToken(ctx, &first), tx.AddRefreshToken(ctx, &second), tx.RotateRefreshToken(ctx, first.ID, 5, second.ID)); err != nil {
			return err
		}
		fails(t, "second rotation", tx.RotateRefreshToken(ctx, first.ID, 6, second.ID), store.ErrVersion)
		fails(t, "replacing a used token", tx.ReplaceRefreshToken(ctx, first.ID, hash("x"), 6), store.ErrVersion)
		if err := tx.ReplaceRefreshToken(ctx, second.ID, hash("third"), 6); err != nil {
			return err
		}
		token, err := tx.RefreshToken(ctx, hash("first"))
		first.RotatedAt, first.ReplacedBy = new(store.Millis(5)), &second.ID
		same(t, "used token", token, err, first)
		_, err = tx.RefreshToken(ctx, hash("second"))
		fails(t, "replaced secret", err, store.ErrNotFound)

		ended, err := tx.RevokeFamily(ctx, "f1", "reuse")
		same(t, "family", ended, err, []string{made[1].ID})
		ended, err = tx.RevokeSessions(ctx, w.ann.ID, made[0].ID, "password")
		same(t, "all but one", ended, err, []string{made[2].ID})
		if err := errors.Join(tx.RevokeSession(ctx, made[0].ID, "logout"), tx.RevokeSession(ctx, made[0].ID, "again")); err != nil {
			return err
		}
		one, err = tx.Session(ctx, made[0].ID)
		if err != nil || one.RevokeReason == nil || *one.RevokeReason != "logout" {
			t.Errorf("revoked session = %+v, %v", one, err)
		}
		fails(t, "unknown session", tx.RevokeSession(ctx, store.NewID(), "x"), store.ErrNotFound)
		for _, want := range []int{2, 1, 0} {
			n, err := tx.PurgeSessions(ctx, tx.Now()+1, 2)
			same(t, "purged", n, err, want)
		}
		_, err = tx.RefreshToken(ctx, hash("third"))
		fails(t, "token of a purged session", err, store.ErrNotFound)
		return nil
	})
}

func TestSigningKeysAndSettingsAndChallenges(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		key := store.SigningKey{Kid: "0123456789abcdef", PrivateEnc: []byte{1, 0, 255}, PublicPEM: "pem", State: "active"}
		if err := tx.AddSigningKey(ctx, &key); err != nil {
			return err
		}
		taken(t, "second active key", tx.AddSigningKey(ctx, &store.SigningKey{Kid: "fedcba9876543210", PrivateEnc: []byte{}, State: "active"}), "signing_keys.state")
		key.State, key.RetiredAt = "retired", new(tx.Now())
		if err := tx.UpdateSigningKey(ctx, &key); err != nil {
			return err
		}
		keys, err := tx.SigningKeys(ctx)
		same(t, "keys", keys, err, []store.SigningKey{key})
		if err := tx.DeleteSigningKey(ctx, key.Kid); err != nil {
			return err
		}

		if err := errors.Join(tx.PutSetting(ctx, "b", json.RawMessage(`{"x": 1}`), ""), tx.PutSetting(ctx, "a", json.RawMessage("1"), ""),
			tx.PutSetting(ctx, "a", json.RawMessage("2"), w.ann.ID)); err != nil {
			return err
		}
		set, err := tx.Settings(ctx)
		same(t, "settings", set, err, []store.Setting{
			{Key: "a", Value: json.RawMessage("2"), UpdatedBy: &w.ann.ID, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 2},
			{Key: "b", Value: json.RawMessage(`{"x": 1}`), CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1},
		})
		if tx.PutSetting(ctx, "c", json.RawMessage("{"), "") == nil {
			t.Error("broken JSON is stored")
		}
		if err := errors.Join(tx.DeleteSetting(ctx, "a"), tx.DeleteSetting(ctx, "a")); err != nil {
			return err
		}

		c := store.Challenge{ID: store.NewID(), Kind: "ws", UserID: &w.ann.ID, SecretHash: "h", ExpiresAt: tx.Now() + 10}
		old := store.Challenge{ID: store.NewID(), Kind: "ws", ExpiresAt: tx.Now()}
		if err := errors.Join(tx.AddChallenge(ctx, &c), tx.AddChallenge(ctx, &old)); err != nil {
			return err
		}
		got, err := tx.Challenge(ctx, "ws", c.ID)
		same(t, "challenge", got, err, c)
		_, err = tx.UseChallenge(ctx, "mfa", c.ID)
		fails(t, "use as another kind", err, store.ErrNotFound)
		got, err = tx.UseChallenge(ctx, "ws", c.ID)
		c.UsedAt = new(tx.Now())
		same(t, "used challenge", got, err, c)
		_, err = tx.UseChallenge(ctx, "ws", c.ID)
		fails(t, "second use", err, store.ErrNotFound)
		_, err = tx.UseChallenge(ctx, "ws", old.ID)
		fails(t, "expired", err, store.ErrNotFound)
		n, err := tx.PurgeChallenges(ctx, tx.Now()+5, 10)
		same(t, "purged", n, err, 1)
		return nil
	})
}

func TestFilesInstancesAndAudit(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		hash := strings.Repeat("a1", 32)
		f := store.File{ID: store.NewID(), OwnerID: &w.ann.ID, Kind: "avatar", Mime: "image/png", Size: 5, SHA256: hash, Width: new(int64(4)), StorageKey: "k"}
		if err := tx.AddFile(ctx, &f); err != nil {
			return err
		}
		same2 := f
		same2.ID = store.NewID()
		taken(t, "same content", tx.AddFile(ctx, &same2), "files.sha256,files.kind")
		got, err := tx.FileByHash(ctx, hash, "avatar")
		same(t, "file", got, err, f)
		orphans, err := tx.OrphanFiles(ctx, tx.Now()+1, 10)
		same(t, "orphans", orphans, err, []store.File{f})
		if err := tx.RefFile(ctx, f.ID, 1); err != nil {
			return err
		}
		fails(t, "delete in use", tx.DeleteFile(ctx, f.ID), store.ErrNotFound)
		if err := errors.Join(tx.RefFile(ctx, f.ID, -1), tx.DeleteFile(ctx, f.ID)); err != nil {
			return err
		}
		_, err = tx.File(ctx, f.ID)
		fails(t, "deleted file", err, store.ErrNotFound)

		p := store.ProviderInstance{Name: "nas", Providers: json.RawMessage(`["alist"]`), Kind: "server", Enabled: true, Priority: 2}
		q := store.ProviderInstance{Name: "a", Providers: json.RawMessage(`["emby"]`), Kind: "remote", ConfigEnc: []byte{9}, RatePerMin: new(int64(5))}
		if err := errors.Join(tx.PutProviderInstance(ctx, &p), tx.PutProviderInstance(ctx, &q)); err != nil {
			return err
		}
		p.Comment = "moved"
		if err := tx.PutProviderInstance(ctx, &p); err != nil || p.Version != 2 || p.TimeoutMS != 10000 {
			t.Errorf("update: %v, %+v", err, p)
		}
		p.ConfigEnc = nil // as an empty one is read
		list, err := tx.ProviderInstances(ctx)
		same(t, "instances", list, err, []store.ProviderInstance{p, q})
		if err := tx.DeleteProviderInstance(ctx, "a"); err != nil {
			return err
		}

		var lines []store.Audit
		for i := range 3 {
			a := store.Audit{
				At: tx.Now() + store.Millis(i), ActorID: &w.ann.ID, ActorName: strings.Repeat("é", 60), ActorType: "user",
				Action: "room.updated", TargetType: "room", TargetID: w.room.ID, RoomID: &w.room.ID, Details: bytes.Repeat([]byte("1"), 9000*i+1),
			}
			if err := tx.AddAudit(ctx, &a); err != nil {
				return err
			}
			lines = append(lines, a)
		}
		page, next, err := tx.Audits(ctx, store.AuditFilter{RoomID: w.room.ID, Actor: w.ann.ID, Action: "room.updated", Limit: 2})
		same(t, "audit", page, err, []store.Audit{lines[2], lines[1]})
		page, next, err = tx.Audits(ctx, store.AuditFilter{RoomID: w.room.ID, Actor: w.ann.ID, Action: "room.updated", Limit: 2, Cursor: next})
		same(t, "audit, second page", page, err, lines[:1])
		same(t, "end of the audit", next, nil, "")
		return nil
	})
}

func TestARequestThatComesTwiceIsAnsweredOnce(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, _ world) error {
		claim := func(expires store.Millis) (*store.Idempotency, *store.Idempotency, error) {
			rec := &store.Idempotency{Actor: "u", Route: "POST /x", Key: "key", BodyHash: "h", ExpiresAt: expires}
			existing, err := tx.BeginIdempotency(ctx, rec)
			return rec, existing, err
		}
		rec, existing, err := claim(tx.Now() + 100)
		if err != nil || existing != nil {
			return fmt.Errorf("first claim: %v, %w", existing, err)
		}
		_, existing, err = claim(tx.Now() + 100)
		if err != nil || existing == nil || existing.State != "running" {
			t.Errorf("second claim: %+v, %v", existing, err)
		}
		rec.Status, rec.Response = 201, []byte(`{"id":1}`)
		if err := tx.FinishIdempotency(ctx, rec); err != nil {
			return err
		}
		_, existing, err = claim(tx.Now() + 100)
		same(t, "stored answer", existing, err, rec)
		if err := tx.DropIdempotency(ctx, "u", "POST /x", "key"); err != nil {
			return err
		}
		fails(t, "finish without a claim", tx.FinishIdempotency(ctx, rec), store.ErrNotFound)
		for range 2 { // expired at once: free again
			if _, existing, err = claim(tx.Now()); err != nil || existing != nil {
				t.Errorf("claim after an expired one: %+v, %v", existing, err)
			}
		}
		n, err := tx.PurgeIdempotency(ctx, tx.Now()+1, 10)
		same(t, "purged", n, err, 1)
		return nil
	})
}

func TestFoldMakesOneKeyOfAllWaysToWriteAName(t *testing.T) {
	for _, names := range [][]string{
		{"ann", "ANN", "Ann", "ａｎｎ"},
		{"straße", "STRASSE", "Straße"},
		{"Å", "å", "A\u030a", "\u212b"},
		{"ﬁlm", "FILM"},
		{"Москва", "МОСКВА"},
		{"你好", "你好"},
	} {
		for _, name := range names {
			if got, want := store.Fold(name), store.Fold(names[0]); got != want {
				t.Errorf("Fold(%q) = %q, Fold(%q) = %q", name, got, names[0], want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		if once := store.Fold(s); store.Fold(once) != once {
			t.Fatalf("Fold(%q) = %q, folded again %q", s, once, store.Fold(once))
		}
	})
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		store.NewID():           true,
		"0123456789abcdefghij":  true,
		"":                      false,
		"0123456789abcdefghi":   false,
		"0123456789abcdefghijk": false,
		"0123456789abcdefghiw":  false,
		"0123456789ABCDEFGHIJ":  false,
		"0123456789abcdefgh/j":  false,
	} {
		if store.ValidID(id) != want {
			t.Errorf("ValidID(%q) = %v", id, !want)
		}
	}
}
