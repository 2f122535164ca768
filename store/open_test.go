package store_test

import (
	"context"
	"testing"

	"synctv/store"
	"synctv/store/storetest"
)

// write runs fn in a transaction that must succeed.
func write(t testing.TB, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := db.Write(ctx, func(tx *store.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// read is write for reading.
func read(t testing.TB, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := db.Read(ctx, func(tx *store.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatalf("read: %v", err)
	}
}

// addUser stores an active user.
func addUser(t testing.TB, db *store.DB, name string) store.User {
	t.Helper()
	u := store.User{ID: store.NewID(), Username: name, Role: "user", Status: "active", SignupMethod: "password"}
	write(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.AddUser(ctx, &u) })
	return u
}

func TestAStoredUserIsReadBackWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		want := addUser(t, db, "Zoë_Ångström")
		read(t, db, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.UserByName(ctx, store.Fold("ZOË_ÅNGSTRÖM"))
			if err == nil && got != want {
				t.Errorf("user = %+v, want %+v", got, want)
			}
			return err
		})
	})
}
