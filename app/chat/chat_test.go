package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"synctv/app/auth"
	"synctv/app/chat"
	"synctv/app/room"
	"synctv/app/settings"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
	"synctv/store/storetest"
)

// quiet is a live side where nobody is; it remembers what was published.
type quiet struct {
	mu     sync.Mutex
	events []protocol.Event
}

func (q *quiet) Publish(_ context.Context, _ string, ev protocol.Event) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = append(q.events, ev)
	return nil
}
func (*quiet) Reseat(context.Context, string, func(room.Seat) (room.Seat, bool)) {}
func (*quiet) Cut(context.Context, string, string, protocol.CloseCode, string)   {}
func (*quiet) Configure(context.Context, string, room.Settings)                  {}
func (*quiet) Viewers(...string) map[string]int                                  { return nil }

func (*quiet) Presence(context.Context, string) []protocol.PresenceMember { return nil }

type world struct {
	t     *testing.T
	db    *store.DB
	rooms *room.Service
	chat  *chat.Service
	live  *quiet
	token *auth.Tokens
	ann   auth.Actor // creator of the room
	bob   auth.Actor // member
	room  string
}

func newWorld(t *testing.T, roomSettings string, fixed map[string]string) *world {
	t.Helper()
	db := storetest.New(t)
	set, err := settings.New(db, fixed)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, live: &quiet{}, token: auth.NewTokens("test")}
	if err := w.token.SetKeys([]auth.Key{signingKey()}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w.rooms = room.New(room.Config{DB: db, Settings: set, Passwords: auth.NewPasswords(2, 8<<30), Tokens: w.token, Publisher: w.live, Live: w.live, Log: log})
	w.chat = chat.NewService(chat.Config{DB: db, Rooms: w.rooms, Publisher: w.live, Settings: set, Log: log})
	w.ann, w.bob = w.user("ann"), w.user("bob")
	v, err := w.rooms.Create(t.Context(), w.ann, room.Draft{Name: "Film night", Settings: json.RawMessage(roomSettings)})
	if err != nil {
		t.Fatal(err)
	}
	w.room = v.Room.ID
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

func (w *world) user(name string) auth.Actor {
	w.t.Helper()
	u := &store.User{ID: store.NewID(), Username: name, Role: "user", Status: "active", SignupMethod: "admin"}
	if err := w.db.Write(w.t.Context(), func(tx *store.Tx) error { return tx.AddUser(w.t.Context(), u) }); err != nil {
		w.t.Fatal(err)
	}
	return auth.Actor{Kind: auth.User, ID: u.ID, Name: name, SiteRole: "user", Status: "active"}
}

func (w *world) join(who auth.Actor) {
	w.t.Helper()
	if _, err := w.rooms.Join(w.t.Context(), who, w.room, room.Application{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) guest(name string) auth.Actor {
	w.t.Helper()
	g, err := w.rooms.Guest(w.t.Context(), auth.Actor{}, w.room, name, "")
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := w.token.Verify("guest", g.Token)
	if err != nil {
		w.t.Fatal(err)
	}
	return auth.Actor{Kind: auth.Guest, ID: c.Subject, Name: c.Name, Room: c.Room, GuestEpoch: c.Epoch}
}

func (w *world) post(who auth.Actor, text string) protocol.ChatMessage {
	w.t.Helper()
	m, _, err := w.chat.Post(w.t.Context(), who, w.room, chat.Draft{Content: text})
	if err != nil {
		w.t.Fatalf("post %q: %v", text, err)
	}
	return m
}

func want(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestMessagesAreCleanedNumberedAndSaidToThoseWhoMayRead(t *testing.T) {
	w := newWorld(t, `{"allow_guests":true}`, nil)
	first := w.post(w.ann, "  <b>hi</b>\u202e\r\nthere ")
	if first.Content != "<b>hi</b>\nthere" || first.Seq != 1 || first.Author.Name != "ann" || first.Author.Kind != "user" {
		t.Errorf("message = %+v", first)
	}
	gus := w.guest("gus")
	second := w.post(gus, "hello")
	if second.Seq != 2 || second.Author.ID != gus.ID || second.Author.Kind != "guest" || second.Author.Name != "gus" {
		t.Errorf("guest's message = %+v %+v", second, second.Author)
	}
	last := w.live.events[len(w.live.events)-1]
	if last.Type != protocol.TypeChatMessage || last.Need != perm.ViewChatHistory || last.Data.(protocol.ChatMessage).ID != second.ID {
		t.Errorf("said %+v", last)
	}
}

func TestMessagesAreRefused(t *testing.T) {
	w := newWorld(t, `{}`, map[string]string{"chat.word_filter": "Spam"})
	tests := []struct {
		name string
		who  auth.Actor
		d    chat.Draft
		err  error
	}{
		{"empty", w.bob, chat.Draft{Content: " \u200b\n "}, room.ErrInvalid},
		{"501 characters", w.bob, chat.Draft{Content: strings.Repeat("好", 501)}, room.ErrInvalid},
		{"21 lines", w.bob, chat.Draft{Content: strings.Repeat("a\n", 20) + "a"}, room.ErrInvalid},
		{"a word the site does not want", w.bob, chat.Draft{Content: "Buy ＳＰＡＭ now"}, room.ErrInvalid},
		{"long client_id", w.bob, chat.Draft{Content: "x", ClientID: strings.Repeat("x", 65)}, room.ErrInvalid},
		{"reply to nothing", w.bob, chat.Draft{Content: "x", ReplyTo: store.NewID()}, store.ErrNotFound},
		{"outsider", w.user("eve"), chat.Draft{Content: "x"}, room.ErrNotMember},
		{"nobody", auth.Actor{}, chat.Draft{Content: "x"}, room.ErrSignIn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := w.chat.Post(t.Context(), tt.who, w.room, tt.d)
			want(t, "Post", err, tt.err)
		})
	}
	if m := w.post(w.bob, strings.Repeat("好", 500)); m.Seq != 1 {
		t.Errorf("refused messages used up numbers: seq = %d", m.Seq)
	}
	off := newWorld(t, `{"chat_enabled":false}`, nil)
	_, _, err := off.chat.Post(t.Context(), off.ann, off.room, chat.Draft{Content: "x"})
	want(t, "chat is off, even for the creator", err, room.ErrDenied)
}

func TestTheSameClientIDIsOneMessage(t *testing.T) {
	w := newWorld(t, `{"allow_guests":true}`, nil)
	ctx := t.Context()
	gus := w.guest("gus")
	for _, who := range []auth.Actor{w.bob, gus} {
		d := chat.Draft{Content: "once", ClientID: "abc-1"}
		one, replay, err := w.chat.Post(ctx, who, w.room, d)
		if err != nil || replay {
			t.Fatalf("first = %v, %v", replay, err)
		}
		two, replay, err := w.chat.Post(ctx, who, w.room, d)
		if err != nil || !replay || two.ID != one.ID {
			t.Errorf("again = %s, %v, %v; want %s as a replay", two.ID, replay, err, one.ID)
		}
		_, _, err = w.chat.Post(ctx, who, w.room, chat.Draft{Content: "other", ClientID: "abc-1"})
		want(t, "another text under the same id", err, chat.ErrReused)
	}
	said := 0
	for _, e := range w.live.events {
		if e.Type == protocol.TypeChatMessage {
			said++
		}
	}
	if said != 2 {
		t.Errorf("said %d messages, want 2", said)
	}
}

func TestParallelMessagesLeaveNoGap(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if _, _, err := w.chat.Post(t.Context(), w.bob, w.room, chat.Draft{Content: fmt.Sprint("m", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, next, err := w.chat.List(t.Context(), w.bob, w.room, chat.Page{Limit: 100})
	if err != nil || next != 0 || len(list) != 40 {
		t.Fatalf("list = %d, %d, %v", len(list), next, err)
	}
	for i, m := range list {
		if m.Seq != int64(40-i) {
			t.Fatalf("message %d has seq %d", i, m.Seq)
		}
	}
}

func TestPagesGoBothWays(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	for i := range 5 {
		w.post(w.ann, fmt.Sprint(i))
	}
	ctx := t.Context()
	seqs := func(p chat.Page) (out []int64, next int64) {
		t.Helper()
		list, next, err := w.chat.List(ctx, w.bob, w.room, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			out = append(out, m.Seq)
		}
		return out, next
	}
	for _, tt := range []struct {
		page chat.Page
		want string
	}{
		{chat.Page{Limit: 2}, "[5 4] 4"},
		{chat.Page{Before: 4, Limit: 2}, "[3 2] 2"},
		{chat.Page{Before: 2, Limit: 2}, "[1] 0"},
		{chat.Page{After: 1, Limit: 2}, "[2 3] 3"},
		{chat.Page{After: 3, Limit: 2}, "[4 5] 0"},
		{chat.Page{After: 5, Limit: 2}, "[] 0"},
	} {
		got, next := seqs(tt.page)
		if s := fmt.Sprint(got, next); s != tt.want {
			t.Errorf("page %+v = %s, want %s", tt.page, s, tt.want)
		}
	}
	_, _, err := w.chat.List(ctx, w.bob, w.room, chat.Page{Before: 1, After: 1})
	want(t, "both ways at once", err, room.ErrInvalid)
	_, _, err = w.chat.List(ctx, w.user("eve"), w.room, chat.Page{})
	want(t, "an outsider", err, room.ErrNotMember)
}

func TestDeleteOwnOrWithTheRight(t *testing.T) {
	w := newWorld(t, `{"allow_guests":true}`, nil)
	ctx := t.Context()
	gus, other := w.guest("gus"), w.guest("hal")
	mine, anns, guests := w.post(w.bob, "bob's"), w.post(w.ann, "ann's"), w.post(gus, "gus's")
	want(t, "another's", w.chat.Delete(ctx, w.bob, w.room, anns.ID, ""), room.ErrDenied)
	want(t, "another guest's", w.chat.Delete(ctx, other, w.room, guests.ID, ""), room.ErrDenied)
	want(t, "unknown", w.chat.Delete(ctx, w.bob, w.room, store.NewID(), ""), store.ErrNotFound)
	want(t, "malformed", w.chat.Delete(ctx, w.bob, w.room, "x", ""), store.ErrNotFound)
	if err := w.chat.Delete(ctx, w.bob, w.room, mine.ID, ""); err != nil {
		t.Errorf("own = %v", err)
	}
	if err := w.chat.Delete(ctx, w.bob, w.room, mine.ID, ""); err != nil {
		t.Errorf("again = %v, want no error", err)
	}
	if err := w.chat.Delete(ctx, w.ann, w.room, guests.ID, "rude"); err != nil {
		t.Errorf("a guest's by the creator = %v", err)
	}
	list, _, err := w.chat.List(ctx, w.bob, w.room, chat.Page{})
	if err != nil || len(list) != 3 || !list[0].Deleted || list[0].Content != "" || !list[2].Deleted || list[1].Deleted {
		t.Errorf("list = %+v, %v", list, err)
	}
	audits := 0
	if err := w.db.Read(ctx, func(tx *store.Tx) error {
		rows, _, err := tx.Audits(ctx, store.AuditFilter{RoomID: w.room, Action: "chat.deleted_by_moderator"})
		audits = len(rows)
		return err
	}); err != nil || audits != 1 {
		t.Errorf("audit rows = %d, %v; want 1", audits, err)
	}
}

func TestA19MessagesOfAnotherRoomAreNotThere(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	msg := w.post(w.ann, "here")
	v, err := w.rooms.Create(t.Context(), w.bob, room.Draft{Name: "Bob's"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "delete", w.chat.Delete(t.Context(), w.bob, v.Room.ID, msg.ID, ""), store.ErrNotFound)
	_, _, err = w.chat.Post(t.Context(), w.bob, v.Room.ID, chat.Draft{Content: "x", ReplyTo: msg.ID})
	want(t, "reply", err, store.ErrNotFound)
}

func TestSlowModeSlowsEverybodyButModerators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, `{"chat_slow_mode_seconds":10}`, nil)
		w.post(w.ann, "one")
		w.post(w.ann, "two") // holds DELETE_CHAT
		w.post(w.bob, "one")
		_, _, err := w.chat.Post(t.Context(), w.bob, w.room, chat.Draft{Content: "two"})
		var wait *room.TooManyError
		if !errors.As(err, &wait) || wait.After <= 0 || wait.After > 10*time.Second {
			t.Errorf("too soon = %v", err)
		}
		_, _, err = w.chat.Post(t.Context(), w.bob, w.room, chat.Draft{Content: "", ClientID: "x"})
		want(t, "invalid", err, room.ErrInvalid)
		time.Sleep(10 * time.Second) // instant: the bubble's clock
		w.post(w.bob, "two")
	})
}

func TestNewcomersSeeWhatIsSaidFromNowOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, `{"chat_history_visible":false,"allow_guests":true}`, nil)
		w.post(w.ann, "before")
		time.Sleep(time.Second)
		cid := w.user("cid")
		w.join(cid)
		gus := w.guest("gus")
		time.Sleep(time.Second)
		w.post(w.ann, "after")
		for who, n := range map[auth.Actor]int{w.ann: 2, w.bob: 2, cid: 1, gus: 1} {
			list, next, err := w.chat.List(t.Context(), who, w.room, chat.Page{})
			if err != nil || len(list) != n || next != 0 {
				t.Errorf("%s sees %d messages (next %d), %v; want %d", who.Name, len(list), next, err, n)
			}
		}
	})
}

func TestOldMessagesGo(t *testing.T) {
	w := newWorld(t, `{"chat_max_messages":3}`, nil)
	for i := range 5 {
		w.post(w.ann, fmt.Sprint(i))
	}
	list, _, err := w.chat.List(t.Context(), w.ann, w.room, chat.Page{})
	if err != nil || len(list) != 3 || list[2].Seq != 3 {
		t.Errorf("kept %d, %v", len(list), err)
	}
}
