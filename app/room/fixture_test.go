package room_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/app/settings"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/storetest"
)

// recorder is a live side that remembers what it was told.
type recorder struct {
	mu      sync.Mutex
	events  []protocol.Event
	cuts    map[string]protocol.CloseCode // by person, "" = everybody
	seats   []room.Seat
	viewers map[string]int
	config  []room.Settings
}

func (r *recorder) Publish(_ context.Context, _ string, ev protocol.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, ev)
	return nil
}

func (r *recorder) Reseat(_ context.Context, _ string, f func(room.Seat) (room.Seat, bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seats = slices.DeleteFunc(slices.Clone(r.seats), func(s room.Seat) bool { _, ok := f(s); return !ok })
	for i, s := range r.seats {
		r.seats[i], _ = f(s)
	}
}

func (r *recorder) Cut(_ context.Context, _, person string, code protocol.CloseCode, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cuts == nil {
		r.cuts = map[string]protocol.CloseCode{}
	}
	r.cuts[person] = code
	r.seats = slices.DeleteFunc(r.seats, func(s room.Seat) bool { return person == "" || s.Person.ID == person })
}

func (r *recorder) Configure(_ context.Context, _ string, s room.Settings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.config = append(r.config, s)
}

func (r *recorder) Viewers(...string) map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.viewers
}

func (r *recorder) Presence(context.Context, string) []protocol.PresenceMember {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []protocol.PresenceMember{}
	for _, s := range r.seats {
		out = append(out, protocol.PresenceMember{Person: s.Person, Role: s.Role, Devices: 1})
	}
	return out
}

func (r *recorder) sit(s room.Seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seats = append(r.seats, s)
}

func (r *recorder) types() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []string{}
	for _, e := range r.events {
		out = append(out, e.Type)
	}
	return out
}

// world is a site with one node.
type world struct {
	t     *testing.T
	db    *store.DB
	rooms *room.Service
	live  *recorder
	token *auth.Tokens
	root  auth.Actor
}

func newWorld(t *testing.T, fixed map[string]string) *world {
	t.Helper()
	db := storetest.New(t)
	set, err := settings.New(db, fixed)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, live: &recorder{}, token: auth.NewTokens("test")}
	if err := w.token.SetKeys([]auth.Key{signingKey()}); err != nil {
		t.Fatal(err)
	}
	w.rooms = room.New(room.Config{
		DB: db, Settings: set, Passwords: auth.NewPasswords(4, 8<<30), Tokens: w.token, Publisher: w.live, Live: w.live, Log: slog.New(slog.DiscardHandler),
	})
	w.root = w.user("rootuser", "root")
	return w
}

var signingKey = sync.OnceValue(func() auth.Key {
	k, err := auth.NewKey()
	if err != nil {
		panic(err)
	}
	k.Active = true
	return k
})

// user makes an account and is its actor.
func (w *world) user(name, role string) auth.Actor {
	w.t.Helper()
	u := &store.User{ID: store.NewID(), Username: name, Role: role, Status: "active", SignupMethod: "admin"}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.AddUser(ctx, u) })
	return auth.Actor{Kind: auth.User, ID: u.ID, Name: name, SiteRole: role, Status: "active", IP: "192.0.2.1"}
}

func (w *world) write(f func(context.Context, *store.Tx) error) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := w.db.Write(ctx, func(tx *store.Tx) error { return f(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) create(who auth.Actor, d room.Draft) room.View {
	w.t.Helper()
	if d.Name == "" {
		d.Name = "Film night"
	}
	v, err := w.rooms.Create(w.t.Context(), who, d)
	if err != nil {
		w.t.Fatalf("create room: %v", err)
	}
	return v
}

func (w *world) join(who auth.Actor, id string) {
	w.t.Helper()
	if _, err := w.rooms.Join(w.t.Context(), who, id, room.Application{}); err != nil {
		w.t.Fatalf("join: %v", err)
	}
}

// promote makes a member an admin of the room.
func (w *world) promote(who auth.Actor, id string) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.Member(ctx, id, who.ID)
		if err != nil {
			return err
		}
		m.Role = "admin"
		return tx.UpdateMember(ctx, &m)
	})
}

// guest admits a visitor and is its actor, as the token says.
func (w *world) guest(id, name, password string) auth.Actor {
	w.t.Helper()
	g, err := w.rooms.Guest(w.t.Context(), auth.Actor{IP: "192.0.2.9"}, id, name, password)
	if err != nil {
		w.t.Fatalf("guest: %v", err)
	}
	return w.actor(g)
}

func (w *world) actor(g room.GuestToken) auth.Actor {
	w.t.Helper()
	c, err := w.token.Verify("guest", g.Token)
	if err != nil {
		w.t.Fatal(err)
	}
	return auth.Actor{Kind: auth.Guest, ID: c.Subject, Name: c.Name, Room: c.Room, GuestEpoch: c.Epoch, IP: "192.0.2.9"}
}

func (w *world) enter(who auth.Actor, id string) room.Seat {
	w.t.Helper()
	s, err := w.rooms.Enter(w.t.Context(), who, id)
	if err != nil {
		w.t.Fatalf("enter: %v", err)
	}
	w.live.sit(s)
	return s
}

func want(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

const openDoor = `{"allow_guests":true}`
