package library_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"synctv/app/auth"
	"synctv/app/library"
	"synctv/app/room"
	"synctv/app/settings"
	"synctv/providers"
	"synctv/providers/proxy"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/storetest"
)

// quiet is a live side where nobody is; it remembers what it was told.
type quiet struct {
	mu      sync.Mutex
	events  []protocol.Event
	removed []string
}

func (q *quiet) Publish(_ context.Context, _ string, ev protocol.Event) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = append(q.events, ev)
	return nil
}

func (q *quiet) MediaRemoved(_ context.Context, _ string, ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.removed = append(q.removed, ids...)
}
func (*quiet) Reseat(context.Context, string, func(room.Seat) (room.Seat, bool)) {}
func (*quiet) Cut(context.Context, string, string, protocol.CloseCode, string)   {}
func (*quiet) Configure(context.Context, string, room.Settings)                  {}
func (*quiet) Viewers(...string) map[string]int                                  { return nil }
func (*quiet) Presence(context.Context, string) []protocol.PresenceMember        { return nil }

// changes are the library events so far.
func (q *quiet) changes() []protocol.LibraryChanged {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := []protocol.LibraryChanged{}
	for _, e := range q.events {
		if c, ok := e.Data.(protocol.LibraryChanged); ok {
			out = append(out, c)
		}
	}
	return out
}

// films is a source without an outside: what it answers is in its addresses.
type films struct{}

var filmsFactory = providers.Factory{
	Kind: providers.KindDirect, BuiltIn: true, Keep: time.Minute,
	New: func(providers.Deps, providers.InstanceConfig) (providers.Provider, error) { return films{}, nil },
}

func (films) Kind() providers.Kind { return providers.KindDirect }
func (films) Caps() providers.Caps { return providers.CapParse }
func (films) Validate(raw json.RawMessage) (json.RawMessage, error) {
	var src struct{ URL string }
	if json.Unmarshal(raw, &src) != nil || !strings.HasPrefix(src.URL, "https://") {
		return nil, providers.Invalid("not an address")
	}
	return json.RawMessage(fmt.Sprintf(`{"url":%q}`, src.URL)), nil
}

func (films) Resolve(_ context.Context, rq providers.ResolveRequest) (*providers.PlayInfo, error) {
	var src struct{ URL string }
	_ = json.Unmarshal(rq.Source, &src)
	v := providers.Variant{ID: "src", Container: "mp4", URLs: []providers.Upstream{{URL: src.URL, Header: rq.Headers}}}
	switch {
	case strings.Contains(src.URL, "gone"):
		return nil, &providers.Error{Class: providers.ClassNotFound, Reason: "it is gone"}
	case strings.Contains(src.URL, "optional"):
		v.Proxy = providers.ProxyOptional
	case strings.Contains(src.URL, "required"), len(rq.Headers) > 0:
		v.Proxy, v.Reason = providers.ProxyRequired, providers.ReasonCredentials
	}
	return &providers.PlayInfo{
		Duration: 90 * time.Second, Variants: []providers.Variant{v},
		Subs: []providers.Subtitle{{ID: "s1", Label: "English", Lang: "en", Format: "ass", Up: providers.Upstream{URL: src.URL + ".ass"}, Default: true}},
	}, nil
}
func (films) Match(string) providers.Score { return providers.ScoreAny }
func (films) Parse(_ context.Context, rq providers.ParseRequest) (*providers.ParseResult, error) {
	return &providers.ParseResult{Candidates: []providers.Candidate{{Provider: providers.KindDirect, Name: rq.Input}}}, nil
}

// folders is a source with folders that are not for everybody.
type folders struct{ films }

var foldersFactory = providers.Factory{
	Kind: providers.KindLocal,
	New:  func(providers.Deps, providers.InstanceConfig) (providers.Provider, error) { return folders{}, nil },
}

func (folders) Kind() providers.Kind { return providers.KindLocal }
func (folders) Browse(context.Context, providers.BrowseRequest) (*providers.Page, error) {
	return &providers.Page{Items: []providers.Item{{Name: "a.mkv", Type: providers.ItemMedia, Thumbnail: "a"}, {Name: "b", Type: providers.ItemFolder}}}, nil
}

func (folders) Next(context.Context, providers.NextRequest) (*providers.Item, error) { return nil, nil }

type world struct {
	t     testing.TB
	db    *store.DB
	rooms *room.Service
	lib   *library.Service
	reg   *providers.Registry
	proxy *proxy.Proxy
	live  *quiet
	token *auth.Tokens
	ann   auth.Actor // creator of the room
	bob   auth.Actor // member
	room  string
	root  string // playlist
}

func newWorld(t testing.TB, roomSettings string, fixed map[string]string) *world {
	t.Helper()
	db := storetest.New(t)
	set, err := settings.New(db, fixed)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w := &world{t: t, db: db, live: &quiet{}, token: auth.NewTokens("test")}
	if err := w.token.SetKeys([]auth.Key{signingKey()}); err != nil {
		t.Fatal(err)
	}
	w.reg = providers.NewRegistry(providers.Deps{}, filmsFactory, foldersFactory)
	t.Cleanup(func() { w.reg.Close() })
	w.proxy = proxy.New(proxy.Config{Key: make([]byte, 32), HTTP: http.DefaultClient, Files: w.reg})
	t.Cleanup(w.proxy.Close)
	master, err := auth.LoadMaster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	w.rooms = room.New(room.Config{DB: db, Settings: set, Passwords: auth.NewPasswords(2, 8<<30), Tokens: w.token, Publisher: w.live, Live: w.live, Log: log})
	w.lib = library.NewService(library.Config{DB: db, Rooms: w.rooms, Live: w.live, Settings: set, Registry: w.reg, Proxy: w.proxy, Sealer: master, Log: log})
	w.ann, w.bob = w.user("ann", "user"), w.user("bob", "user")
	v, err := w.rooms.Create(t.Context(), w.ann, room.Draft{Name: "Film night", Settings: json.RawMessage(roomSettings)})
	if err != nil {
		t.Fatal(err)
	}
	w.room, w.root = v.Room.ID, v.RootPlaylist
	w.join(w.bob)
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

func (w *world) user(name, role string) auth.Actor {
	w.t.Helper()
	u := &store.User{ID: store.NewID(), Username: name, Role: role, Status: "active", SignupMethod: "admin"}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.AddUser(ctx, u) })
	return auth.Actor{Kind: auth.User, ID: u.ID, Name: name, SiteRole: role, Status: "active"}
}

func (w *world) write(f func(context.Context, *store.Tx) error) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := w.db.Write(ctx, func(tx *store.Tx) error { return f(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) join(who auth.Actor) {
	w.t.Helper()
	if _, err := w.rooms.Join(w.t.Context(), who, w.room, room.Application{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) guest() auth.Actor {
	w.t.Helper()
	g, err := w.rooms.Guest(w.t.Context(), auth.Actor{}, w.room, "gus", "")
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := w.token.Verify("guest", g.Token)
	if err != nil {
		w.t.Fatal(err)
	}
	return auth.Actor{Kind: auth.Guest, ID: c.Subject, Name: c.Name, Room: c.Room, GuestEpoch: c.Epoch}
}

func film(name string) library.Item {
	return library.Item{Provider: "direct", Source: json.RawMessage(fmt.Sprintf(`{"url":"https://films.example/%s.mp4"}`, name)), Name: name}
}

func films1(n int) []library.Item {
	out := make([]library.Item, n)
	for i := range out {
		out[i] = film(fmt.Sprintf("f%04d", i))
	}
	return out
}

// add puts films into the root playlist and returns their ids.
func (w *world) add(who auth.Actor, names ...string) []string {
	w.t.Helper()
	b := library.Batch{}
	for _, n := range names {
		b.Items = append(b.Items, film(n))
	}
	out, err := w.lib.AddMedia(w.t.Context(), who, w.room, b)
	if err != nil {
		w.t.Fatalf("add %v: %v", names, err)
	}
	ids := []string{}
	for _, m := range out.Media {
		ids = append(ids, m.Media.ID)
	}
	return ids
}

// names lists the root playlist and checks that its positions are dense.
func (w *world) names() []string {
	w.t.Helper()
	list, _, err := w.lib.Items(w.t.Context(), w.ann, w.room, w.root, store.MediaFilter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	out := []string{}
	for i, m := range list {
		if m.Media.Position != int64(i) {
			w.t.Errorf("%s lies at %d, want %d", m.Media.Name, m.Media.Position, i)
		}
		out = append(out, m.Media.Name)
	}
	return out
}

func (w *world) version() int64 {
	w.t.Helper()
	p, err := w.lib.Playlist(w.t.Context(), w.ann, w.room, w.root)
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Playlist.Version
}

func want(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}
