package store

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// TestALostTransactionIsNotContinued simulates what a full disk does in the
// middle of a group: everybody else gets another try with the records as they
// were, and a function that ignores the error cannot go on outside the
// transaction.
func TestALostTransactionIsNotContinued(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(t.Context(), Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		ctx := t.Context()
		user := User{ID: NewID(), Username: "ann", Role: "user", Status: "active", SignupMethod: "password"}
		if err := db.Write(ctx, func(tx *Tx) error { return tx.AddUser(ctx, &user) }); err != nil {
			t.Fatal(err)
		}

		hold := make(chan struct{})
		runs, after := 0, 0
		innocent, guilty := make(chan error, 1), make(chan error, 1)
		go func() {
			innocent <- db.Write(ctx, func(tx *Tx) error {
				runs++
				tx.AfterCommit(func() { after++ })
				<-hold
				user.DisplayName = "Ann"
				return tx.UpdateUser(ctx, &user)
			})
		}()
		synctest.Wait()
		go func() {
			guilty <- db.Write(ctx, func(tx *Tx) error {
				if err := tx.PutSetting(ctx, "guilty", []byte("1"), ""); err != nil {
					return err
				}
				_, _ = tx.exec(ctx, "ROLLBACK") // as SQLite does by itself
				tx.broken = fmt.Errorf("%w: simulated", ErrStorageFull)
				if err := tx.PutSetting(ctx, "guilty", []byte("2"), ""); !errors.Is(err, ErrStorageFull) {
					t.Errorf("a statement after the loss: %v", err)
				}
				return nil
			})
		}()
		synctest.Wait() // the second write is queued
		close(hold)
		if err := <-innocent; err != nil || runs != 2 || after != 1 || user.Version != 2 {
			t.Errorf("the innocent: %v, ran %d times, announced %d times, version %d", err, runs, after, user.Version)
		}
		if err := <-guilty; !errors.Is(err, ErrStorageFull) {
			t.Errorf("the guilty: %v", err)
		}
		err = db.Read(ctx, func(tx *Tx) error {
			list, err := tx.Settings(ctx)
			if len(list) != 0 {
				t.Errorf("settings = %v", list)
			}
			stored, userErr := tx.User(ctx, user.ID)
			if stored.DisplayName != "Ann" || stored.Version != 2 {
				t.Errorf("user = %+v", stored)
			}
			return errors.Join(err, userErr)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestALostSyncStopsWritingForGood: what is on the disk is unknown then.
func TestALostSyncStopsWritingForGood(t *testing.T) {
	db, _ := openTemp(t)
	ctx := t.Context()
	put := func() error {
		return db.Write(ctx, func(tx *Tx) error { return tx.PutSetting(ctx, "a", []byte("1"), "") })
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	// The writer is idle and owned by this test until the next Write.
	db.writer.failed = fmt.Errorf("%w: simulated", ErrUnavailable)
	for range 2 {
		if err := put(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("error = %v", err)
		}
	}
	if err := db.Ping(ctx); !errors.Is(err, ErrUnavailable) {
		t.Errorf("ping = %v", err)
	}
	if err := db.Read(ctx, func(tx *Tx) error { _, err := tx.Settings(ctx); return err }); err != nil {
		t.Errorf("reads stop too: %v", err)
	}
}

func TestConflictKey(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{"constraint failed: UNIQUE constraint failed: rooms.creator_id, rooms.name_key (2067)", "rooms.creator_id,rooms.name_key"},
		{"UNIQUE constraint failed: users.username_key", "users.username_key"},
		{"constraint failed: UNIQUE constraint failed: index 'x' (2067)", "index 'x'"},
		{"something else", ""},
	} {
		if got := conflictKey(c.message); got != c.want {
			t.Errorf("conflictKey(%q) = %q, want %q", c.message, got, c.want)
		}
	}
}
