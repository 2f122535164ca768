package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"synctv/app/account"
	"synctv/app/auth"
	"synctv/app/chat"
	"synctv/app/files"
	"synctv/app/library"
	"synctv/app/room"
	"synctv/app/settings"
	"synctv/providers"
	"synctv/providers/direct"
	"synctv/providers/proxy"
	"synctv/realtime"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/storetest"
)

// hubRooms is the hub in the words of the rules, as app wires it.
type hubRooms struct{ *realtime.Hub }

func (h hubRooms) Reseat(ctx context.Context, id string, f func(room.Seat) (room.Seat, bool)) {
	h.Hub.Reseat(ctx, id, func(s realtime.Seat) (realtime.Seat, bool) {
		next, ok := f(room.Seat(s))
		return realtime.Seat(next), ok
	})
}

func (h hubRooms) Cut(ctx context.Context, id, person string, code protocol.CloseCode, detail string) {
	h.Hub.Cut(ctx, realtime.Match{Room: id, Person: person}, code, detail)
}

func (h hubRooms) Configure(ctx context.Context, id string, s room.Settings) {
	h.Options(ctx, id, library.OptionsOf(s))
}

// desk is the whole edge over real parts, without a listener.
type desk struct {
	t   *testing.T
	srv *Server
	db  *store.DB
}

const deskPassword = "a lamp for the herring fleet"

func newDesk(t *testing.T) *desk {
	t.Helper()
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	db := storetest.New(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	set, err := settings.New(db, map[string]string{
		"rate_limit.write.max": "100000", "rate_limit.write.window": "1s", "rate_limit.guest.max": "1000", "rate_limit.guest.window": "1s",
		"rate_limit.playback.max": "1000", "rate_limit.playback.window": "1s", "rate_limit.chat.max": "1000", "rate_limit.chat.window": "1s",
		"rate_limit.batch.max": "1000", "rate_limit.batch.window": "1s", "rate_limit.auth.max": "1000", "rate_limit.auth.window": "1s",
	})
	must(err)
	dir := t.TempDir()
	master, err := auth.LoadMaster(dir, "")
	must(err)
	passwords := auth.NewPasswords(4, 8<<30)
	accounts := account.New(account.Config{DB: db, Settings: set, Passwords: passwords, Master: master, Log: log, Dir: dir})
	must(accounts.Start(ctx))
	t.Cleanup(accounts.Close)
	must(accounts.CreateRoot(ctx, "mia", deskPassword))
	pictures, err := files.New(files.Config{DB: db, Dir: dir, Key: master.Derive("files"), Log: log})
	must(err)
	reg := providers.NewRegistry(providers.Deps{HTTP: http.DefaultClient, Log: log}, direct.Factory())
	t.Cleanup(func() { reg.Close() })
	media := proxy.New(proxy.Config{Key: master.Derive("proxy"), HTTP: http.DefaultClient, Files: reg, Log: log})
	t.Cleanup(media.Close)
	hub := realtime.NewHub(realtime.Config{Backing: library.NewBacking(db), Log: log})
	t.Cleanup(func() { _ = hub.Drain(context.WithoutCancel(ctx)) })
	rooms := room.New(room.Config{DB: db, Settings: set, Passwords: passwords, Tokens: accounts.Tokens(), Publisher: hub, Live: hubRooms{hub}, Log: log})
	lib := library.NewService(library.Config{DB: db, Rooms: rooms, Live: hub, Settings: set, Registry: reg, Proxy: media, Sealer: master, Log: log})
	chats := chat.NewService(chat.Config{DB: db, Rooms: rooms, Publisher: hub, Settings: set, Log: log})
	srv, err := New(Deps{
		Accounts: accounts, Settings: set, Rooms: rooms, Library: lib, Chat: chats, Files: pictures, Hub: hub, Registry: reg, Proxy: media,
		UI: fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}, Metrics: prometheus.NewRegistry(), Log: log, Version: "test",
	})
	must(err)
	t.Cleanup(srv.Close)
	return &desk{t: t, srv: srv, db: db}
}

// reply is what came back, but for the body.
type reply struct {
	StatusCode int
	Header     http.Header
}

// ask sends a request and returns what came back and the body.
func (d *desk) ask(method, path, token string, in any, headers ...string) (reply, []byte) {
	d.t.Helper()
	var rd io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			d.t.Fatal(err)
		}
		rd = bytes.NewReader(raw)
	}
	rq := httptest.NewRequestWithContext(d.t.Context(), method, Prefix+path, rd)
	if in != nil {
		rq.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		rq.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		rq.Header.Set(headers[i], headers[i+1])
	}
	resp, err := d.srv.app.Test(rq, -1)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header}, raw
}

// want asks, expects a status and decodes the answer.
func (d *desk) want(status int, out any, method, path, token string, in any, headers ...string) http.Header {
	d.t.Helper()
	resp, raw := d.ask(method, path, token, in, headers...)
	if resp.StatusCode != status {
		d.t.Fatalf("%s %s = %d, want %d: %s", method, path, resp.StatusCode, status, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			d.t.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
	return resp.Header
}

// refused asks and expects a problem; it returns the whole of it.
func (d *desk) refused(slug, method, path, token string, in any, headers ...string) map[string]any {
	d.t.Helper()
	resp, raw := d.ask(method, path, token, in, headers...)
	var p map[string]any
	if err := json.Unmarshal(raw, &p); err != nil || p["type"] != problemPrefix+slug || resp.StatusCode != statusOf(slug) {
		d.t.Errorf("%s %s = %d %s, want the problem %s", method, path, resp.StatusCode, raw, slug)
	}
	return p
}

func (d *desk) login(name string) string {
	d.t.Helper()
	var out struct {
		AccessToken string `json:"access_token"`
	}
	d.want(http.StatusOK, &out, "POST", "/auth/login", "", map[string]any{"login": name, "password": deskPassword})
	return out.AccessToken
}

// user makes an account with the root's password and signs it in.
func (d *desk) user(name string) string {
	d.t.Helper()
	ctx := d.t.Context()
	err := d.db.Write(ctx, func(tx *store.Tx) error {
		mia, err := tx.UserByName(ctx, store.Fold("mia"))
		if err != nil {
			return err
		}
		return tx.AddUser(ctx, &store.User{ID: store.NewID(), Username: name, Role: "user", Status: "active", SignupMethod: "admin", PasswordHash: mia.PasswordHash})
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.login(name)
}

type roomAnswer struct {
	ID, InviteURL, RootPlaylistID string
	Version                       int
	My                            RoomMine
	Settings                      map[string]any
}

func (r *roomAnswer) UnmarshalJSON(b []byte) error {
	var v Room
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	r.ID, r.InviteURL, r.RootPlaylistID, r.Version, r.My = v.ID, v.InviteURL, v.RootPlaylistID, int(v.Version), v.My
	raw, err := json.Marshal(v.Settings)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, &r.Settings)
}

func TestTheStoryOfARoom(t *testing.T) {
	d := newDesk(t)
	ann, bob := d.user("ann"), d.user("bob")
	var r roomAnswer
	h := d.want(http.StatusCreated, &r, "POST", "/rooms", ann, map[string]any{
		"name": "Film night", "slug": "film-night", "password": "popcorn",
		"settings": map[string]any{"allow_guests": true, "guest_removed": []string{}, "auto_play": map[string]any{"mode": "repeat_all"}},
	})
	if h.Get("ETag") != `"v1"` || r.My.Role != "creator" || !strings.HasSuffix(r.InviteURL, "/r/film-night") || r.Settings["allow_guests"] != true {
		t.Errorf("created %+v, %s", r, h.Get("ETag"))
	}
	at := "/rooms/" + r.ID

	d.refused("permission-denied", "GET", at, bob, nil)
	d.refused("room-password-required", "POST", at+"/join", bob, nil)
	d.refused("room-password-wrong", "POST", at+"/join", bob, map[string]any{"password": "pop"})
	var joined JoinAnswer
	d.want(http.StatusOK, &joined, "POST", at+"/join", bob, map[string]any{"password": "popcorn"})
	if joined.Status != "active" || joined.Member.User.Username != "bob" || len(joined.Member.Permissions) == 0 {
		t.Errorf("joined %+v", joined)
	}

	var g GuestToken
	d.want(http.StatusCreated, &g, "POST", at+"/guest", "", map[string]any{"name": "bob", "password": "popcorn"})
	if !strings.HasPrefix(g.Guest.Name, "bob#") || g.ExpiresIn < 14000 {
		t.Errorf("guest %+v", g)
	}
	d.want(http.StatusOK, &r, "GET", at, g.GuestToken, nil)
	if r.My.Role != "guest" || r.My.GuestID != g.Guest.ID {
		t.Errorf("guest sees %+v", r.My)
	}
	d.want(http.StatusOK, &g, "POST", at+"/guest/refresh", g.GuestToken, map[string]any{})
	d.refused("guest-not-allowed", "GET", at+"/settings", g.GuestToken, nil)
	d.refused("unauthenticated", "GET", "/me/rooms", g.GuestToken, nil)

	d.refused("precondition-required", "PATCH", at+"/settings", ann, map[string]any{"chat_enabled": false})
	p := d.refused("version-mismatch", "PATCH", at+"/settings", ann, map[string]any{"chat_enabled": false}, "If-Match", `"v9"`)
	if p["current_version"] != float64(1) {
		t.Errorf("mismatch = %v", p)
	}
	d.refused("validation", "PATCH", at+"/settings", ann, map[string]any{"nonsense": 1}, "If-Match", `"v1"`)
	var set map[string]any
	h = d.want(http.StatusOK, &set, "PATCH", at+"/settings", ann, map[string]any{"member_added": []string{"play_control"}}, "If-Match", `"v1"`)
	if h.Get("ETag") != `"v2"` || set["auto_play"].(map[string]any)["mode"] != "repeat_all" {
		t.Errorf("settings %v, %s", set, h.Get("ETag"))
	}
	d.want(http.StatusOK, &set, "PATCH", at+"/settings", ann, map[string]any{"member_added": []string{}}, "If-Match", `"v2"`)
	if list, ok := set["member_added"].([]any); !ok || len(list) != 0 {
		t.Errorf("an empty list was not taken: %v", set["member_added"])
	}

	p = d.refused("permission-denied", "POST", at+"/playback", bob, map[string]any{"do": "pause"})
	if p["title"] == "" {
		t.Errorf("problem %v", p)
	}
	var cards struct{ Items []RoomCard }
	d.want(http.StatusOK, &cards, "GET", "/public/rooms?sort=name", "", nil)
	if len(cards.Items) != 1 || !cards.Items[0].NeedPassword || !cards.Items[0].Guests || cards.Items[0].Members != 2 {
		t.Errorf("public rooms %+v", cards.Items)
	}
	d.want(http.StatusOK, &cards, "GET", "/me/rooms", bob, nil)
	if len(cards.Items) != 1 || cards.Items[0].MyStatus != "member" || cards.Items[0].MyRole != "member" {
		t.Errorf("bob's rooms %+v", cards.Items)
	}
	d.refused("validation", "DELETE", at, ann, map[string]any{"confirm": "film"})
	d.want(http.StatusNoContent, nil, "DELETE", at, ann, map[string]any{"confirm": "Film night"})
	d.refused("not-found", "GET", at, ann, nil)
}

func TestTheStoryOfAPlaylist(t *testing.T) {
	d := newDesk(t)
	ann, bob := d.user("ann"), d.user("bob")
	var r roomAnswer
	d.want(http.StatusCreated, &r, "POST", "/rooms", ann, map[string]any{"name": "Film night", "settings": map[string]any{"allow_guests": true}})
	at := "/rooms/" + r.ID
	d.want(http.StatusOK, nil, "POST", at+"/join", bob, nil)

	item := func(url string) map[string]any {
		return map[string]any{"provider": "direct", "source": map[string]any{"url": url}}
	}
	p := d.refused("validation", "POST", at+"/media", ann, item("ftp://films.example/a.mp4"))
	if errs := p["errors"].([]any); errs[0].(map[string]any)["location"] != "body.source" {
		t.Errorf("one media refused with %v", errs)
	}
	p = d.refused("validation", "POST", at+"/media/batch", ann, map[string]any{"items": []any{item("https://films.example/a.mp4"), item("x")}})
	if errs := p["errors"].([]any); errs[0].(map[string]any)["location"] != "body.items[1].source" {
		t.Errorf("a batch refused with %v", errs)
	}
	d.refused("validation", "POST", at+"/media/batch", ann, map[string]any{"items": []any{}})
	var added MediaAdded
	d.want(http.StatusCreated, &added, "POST", at+"/media/batch", ann, map[string]any{"items": []any{item("https://films.example/a.mp4"), item("https://films.example/b.mp4")}})
	a, b := added.Items[0], added.Items[1]
	if a.Name != "a.mp4" || a.Position != 0 || b.Position != 1 || a.Creator == nil || string(a.Source) == "" || added.Skipped == nil {
		t.Errorf("added %+v", added)
	}
	var one Media
	d.want(http.StatusOK, &one, "GET", at+"/media/"+a.ID, bob, nil)
	if one.Source != nil {
		t.Errorf("a member who may not edit it sees the source %s", one.Source)
	}
	d.refused("permission-denied", "PATCH", at+"/media/"+a.ID, bob, map[string]any{"name": "mine"})
	h := d.want(http.StatusOK, &one, "PATCH", at+"/media/"+a.ID, ann, map[string]any{"name": "First"}, "If-Match", `"v1"`)
	if one.Name != "First" || h.Get("ETag") != `"v2"` {
		t.Errorf("patched %+v", one)
	}
	var order ReorderAnswer
	d.want(http.StatusOK, &order, "POST", at+"/playlists/"+r.RootPlaylistID+"/reorder", ann, map[string]any{"order": []string{b.ID, a.ID}})
	if len(order.Items) != 2 || order.Items[0].ID != b.ID {
		t.Errorf("order %+v", order)
	}
	var lists struct{ Items []Playlist }
	d.want(http.StatusOK, &lists, "GET", at+"/playlists", bob, nil)
	if len(lists.Items) != 1 || !lists.Items[0].IsRoot || lists.Items[0].MediaCount != 2 {
		t.Errorf("playlists %+v", lists.Items)
	}

	var now PlaybackNow
	d.want(http.StatusOK, &now, "POST", at+"/playback", ann, map[string]any{"do": "select", "media_id": b.ID, "op": "op-1"})
	if now.Media == nil || now.Media.ID != b.ID || !now.Playing || now.ServerTimeMS == 0 {
		t.Errorf("selected %+v", now)
	}
	p = d.refused("conflict", "POST", at+"/playback", ann, map[string]any{"do": "pause", "expected_generation": 1})
	if state, ok := p["state"].(map[string]any); !ok || state["media"] == nil {
		t.Errorf("a stale command is answered %v", p)
	}
	d.refused("validation", "POST", at+"/playback", ann, map[string]any{"do": "select", "media_id": store.NewID()})
	d.refused("validation", "POST", at+"/playback", ann, map[string]any{"do": "seek"})
	d.want(http.StatusOK, &now, "GET", at+"/playback", bob, nil)
	if now.Media == nil || now.Media.ID != b.ID {
		t.Errorf("bob sees %+v", now)
	}
	d.refused("not-found", "POST", at+"/media/batch-delete", ann, map[string]any{"ids": []string{a.ID, store.NewID()}})
	var gone MediaDeleted
	d.want(http.StatusOK, &gone, "POST", at+"/media/batch-delete", ann, map[string]any{"ids": []string{a.ID, b.ID}, "force": true})
	if gone.Deleted != 2 {
		t.Errorf("deleted %d", gone.Deleted)
	}
}

func TestTheStoryOfAChat(t *testing.T) {
	d := newDesk(t)
	ann, bob := d.user("ann"), d.user("bob")
	var r roomAnswer
	d.want(http.StatusCreated, &r, "POST", "/rooms", ann, map[string]any{"name": "Film night"})
	at := "/rooms/" + r.ID
	d.want(http.StatusOK, nil, "POST", at+"/join", bob, nil)
	var m, again protocol.ChatMessage
	d.want(http.StatusCreated, &m, "POST", at+"/chat", bob, map[string]any{"content": "<b>hi</b>", "client_id": "c1"})
	d.want(http.StatusOK, &again, "POST", at+"/chat", bob, map[string]any{"content": "<b>hi</b>", "client_id": "c1"})
	if m.ID != again.ID || m.Content != "<b>hi</b>" || m.Author == nil || m.Author.Name != "bob" {
		t.Errorf("said %+v, then %+v", m, again)
	}
	d.refused("idempotency-key-reused", "POST", at+"/chat", bob, map[string]any{"content": "other", "client_id": "c1"})
	d.want(http.StatusCreated, nil, "POST", at+"/chat", ann, map[string]any{"content": "two"})
	var list struct {
		Items      []protocol.ChatMessage
		NextCursor *string `json:"next_cursor"`
	}
	d.want(http.StatusOK, &list, "GET", at+"/chat?limit=1", bob, nil)
	if len(list.Items) != 1 || list.Items[0].Seq != 2 || list.NextCursor == nil || *list.NextCursor != "2" {
		t.Errorf("chat %+v", list)
	}
	d.want(http.StatusOK, &list, "GET", at+"/chat?before="+*list.NextCursor, bob, nil)
	if len(list.Items) != 1 || list.Items[0].Seq != 1 || list.NextCursor != nil {
		t.Errorf("chat before %+v", list)
	}
	d.refused("permission-denied", "DELETE", at+"/chat/"+firstOther(list.Items, m.ID, d, at, ann), bob, nil)
	d.want(http.StatusNoContent, nil, "DELETE", at+"/chat/"+m.ID, bob, nil)
	d.want(http.StatusNoContent, nil, "DELETE", at+"/members/"+m.Author.ID+"?reason=enough", ann, nil)
	p := d.refused("kick-cooldown", "POST", at+"/join", bob, nil)
	if p["retry_at"] == nil {
		t.Errorf("cooldown %v", p)
	}
}

// firstOther is a message that is not id.
func firstOther(_ []protocol.ChatMessage, id string, d *desk, at, token string) string {
	d.t.Helper()
	var list struct{ Items []protocol.ChatMessage }
	d.want(http.StatusOK, &list, "GET", at+"/chat", token, nil)
	i := slices.IndexFunc(list.Items, func(m protocol.ChatMessage) bool { return m.ID != id })
	return list.Items[i].ID
}

// samples are bodies that each operation in a room accepts.
var samples = map[string]any{
	"update-room": map[string]any{}, "delete-room": map[string]any{"confirm": "Hidden"}, "update-room-settings": map[string]any{},
	"set-room-password": map[string]any{"password": "popcorn"}, "clear-room-password": nil,
	"join-room": map[string]any{}, "leave-room": nil, "enter-as-guest": map[string]any{}, "refresh-guest": nil, "revoke-guests": nil, "kick": nil,
	"reorder-playlist": map[string]any{"order": []string{"x"}},
	"add-media":        map[string]any{"provider": "direct", "source": map[string]any{"url": "https://films.example/a.mp4"}},
	"add-media-batch":  map[string]any{"items": []any{map[string]any{"provider": "direct", "source": map[string]any{"url": "https://films.example/a.mp4"}}}},
	"update-media":     map[string]any{}, "delete-media": nil, "delete-media-batch": map[string]any{"ids": []string{"x"}},
	"command-playback": map[string]any{"do": "pause"}, "post-chat": map[string]any{"content": "x"}, "delete-chat": nil,
}

func TestA19_A23PrivateRoomsAreNotThereInAnyOperation(t *testing.T) {
	d := newDesk(t)
	ann, eve := d.user("ann"), d.user("eve")
	var hidden, open roomAnswer
	d.want(http.StatusCreated, &hidden, "POST", "/rooms", ann, map[string]any{"name": "Hidden", "visibility": "private", "settings": map[string]any{"allow_guests": true}})
	d.want(http.StatusCreated, &open, "POST", "/rooms", eve, map[string]any{"name": "Open", "settings": map[string]any{"allow_guests": true}})
	var media Media
	d.want(http.StatusCreated, &media, "POST", "/rooms/"+hidden.ID+"/media", ann, samples["add-media"])
	var m protocol.ChatMessage
	d.want(http.StatusCreated, &m, "POST", "/rooms/"+hidden.ID+"/chat", ann, map[string]any{"content": "x"})
	var g GuestToken
	d.want(http.StatusCreated, &g, "POST", "/rooms/"+open.ID+"/guest", "", map[string]any{})
	fill := strings.NewReplacer("{playlist_id}", hidden.RootPlaylistID, "{media_id}", media.ID, "{message_id}", m.ID, "{user_id}", m.Author.ID)
	walked := 0
	for path, item := range d.srv.huma.OpenAPI().Paths {
		if !strings.Contains(path, "{room_id}") {
			continue
		}
		for method, op := range map[string]string{"GET": opID(item.Get), "POST": opID(item.Post), "PUT": opID(item.Put), "PATCH": opID(item.Patch), "DELETE": opID(item.Delete)} {
			if op == "" {
				continue
			}
			sample, known := samples[op]
			if !known && method != "GET" {
				t.Errorf("%s has no sample body in this test", op)
				continue
			}
			walked++
			for who, token := range map[string]string{"an outsider": eve, "a guest of another room": g.GuestToken} {
				for _, room := range []string{hidden.ID, store.NewID(), "x"} {
					resp, raw := d.ask(method, strings.ReplaceAll(fill.Replace(path), "{room_id}", room), token, sample, "If-Match", `"v1"`)
					guest := token == g.GuestToken
					fine := resp.StatusCode == http.StatusNotFound ||
						guest && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden && op == "leave-room")
					if !fine {
						t.Errorf("%s by %s = %d %s, want 404", op, who, resp.StatusCode, raw)
					}
				}
			}
			// The things of the hidden room through the caller's own room.
			own := strings.ReplaceAll(path, "{room_id}", open.ID)
			if foreign := fill.Replace(own); foreign != own && op != "kick" {
				if resp, raw := d.ask(method, foreign, eve, sample); resp.StatusCode != http.StatusNotFound {
					t.Errorf("%s of a foreign thing = %d %s, want 404", op, resp.StatusCode, raw)
				}
			}
		}
	}
	if walked < 25 {
		t.Errorf("walked %d operations only", walked)
	}
}

func opID(op *huma.Operation) string {
	if op == nil {
		return ""
	}
	return op.OperationID
}

func TestEveryOperationInARoomSaysWhatItDoes(t *testing.T) {
	d := newDesk(t)
	doc, err := json.Marshal(d.srv.huma.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Paths map[string]map[string]struct {
			OperationID string   `json:"operationId"`
			Summary     string   `json:"summary"`
			Problems    []string `json:"x-problems"`
			Tags        []string `json:"tags"`
		}
	}
	if err := json.Unmarshal(doc, &parsed); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(parsed.Paths)) {
		for method, op := range parsed.Paths[path] {
			if op.OperationID == "" || op.Summary == "" || len(op.Problems) == 0 || len(op.Tags) == 0 {
				t.Errorf("%s %s is described by %+v", method, path, op)
			}
			for _, slug := range op.Problems {
				if statusOf(slug) == 0 {
					t.Errorf("%s %s names the unknown problem %q", method, path, slug)
				}
			}
		}
	}
}
