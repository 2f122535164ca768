package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"synctv/store"
	"synctv/store/storetest"
)

// films are n media of the root playlist, in order.
func films(w world, n int) []store.Media {
	list := make([]store.Media, n)
	for i := range list {
		list[i] = store.Media{
			ID: store.NewID(), RoomID: w.room.ID, PlaylistID: w.root.ID, CreatorID: &w.ann.ID, Name: fmt.Sprintf("Film %03d", i),
			SourceProvider: "direct", SourceConfig: json.RawMessage(`{"url":"https://example.org/a.mp4"}`), Position: int64(i),
		}
	}
	return list
}

func ids(list []store.Media) []string {
	var out []string
	for _, m := range list {
		out = append(out, m.ID)
	}
	return out
}

func TestPlaylists(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		root, err := tx.RootPlaylist(ctx, w.room.ID)
		same(t, "root", root, err, w.root)
		second := store.Playlist{ID: store.NewID(), RoomID: w.room.ID, IsRoot: true}
		taken(t, "second root", tx.AddPlaylist(ctx, &second), "playlists.room_id")
		var kids []store.Playlist
		for i := range 3 {
			p := store.Playlist{ID: store.NewID(), RoomID: w.room.ID, ParentID: &w.root.ID, Name: fmt.Sprint("List ", i), Position: int64(i)}
			if err := tx.AddPlaylist(ctx, &p); err != nil {
				return err
			}
			kids = append(kids, p)
		}
		if err := tx.OrderPlaylists(ctx, w.root.ID, []string{kids[2].ID, kids[0].ID, kids[1].ID}); err != nil {
			return err
		}
		kids[2].Position, kids[0].Position, kids[1].Position = 0, 1, 2
		all, err := tx.Playlists(ctx, w.room.ID)
		same(t, "playlists", all, err, []store.Playlist{w.root, kids[2], kids[0], kids[1]})

		kids[0].Kind, kids[0].SourceProvider, kids[0].SourceConfig, kids[0].Instance = "dynamic", new("local"), json.RawMessage(`{"path":""}`), new("films")
		if err := tx.UpdatePlaylist(ctx, &kids[0]); err != nil {
			return err
		}
		got, err := tx.Playlist(ctx, w.room.ID, kids[0].ID)
		same(t, "dynamic playlist", got, err, kids[0])
		_, err = tx.Playlist(ctx, store.NewID(), kids[0].ID)
		fails(t, "playlist of another room", err, store.ErrNotFound)

		if err := tx.AddMedia(ctx, films(w, 2)); err != nil {
			return err
		}
		counts, err := tx.PlaylistCounts(ctx, w.room.ID)
		same(t, "counts", counts, err, map[string]int{w.root.ID: 2})
		taken(t, "delete with children", tx.DeletePlaylist(ctx, w.room.ID, w.root.ID), "foreign_key")
		return tx.DeletePlaylist(ctx, w.room.ID, kids[1].ID)
	})
}

func TestMedia(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		list := films(w, 250) // more than two statements
		list[7].Duration, list[7].HeadersEnc, list[7].Live, list[7].Name = new(90.5), []byte{0, 1}, true, "Ночь 100%"
		if err := tx.AddMedia(ctx, list); err != nil {
			return err
		}
		got, err := tx.Media(ctx, w.room.ID, list[7].ID)
		same(t, "media", got, err, list[7])
		_, err = tx.Media(ctx, store.NewID(), list[7].ID)
		fails(t, "media of another room", err, store.ErrNotFound)
		order, err := tx.MediaIDs(ctx, w.room.ID, w.root.ID)
		same(t, "order", order, err, ids(list))
		some, err := tx.MediaByIDs(ctx, w.room.ID, []string{list[240].ID, store.NewID(), list[3].ID})
		same(t, "by ids", some, err, []store.Media{list[240], list[3]})
		at, err := tx.MediaAt(ctx, w.room.ID, w.root.ID, 42)
		same(t, "at 42", at, err, list[42])
		_, err = tx.MediaAt(ctx, w.room.ID, w.root.ID, 250)
		fails(t, "behind the end", err, store.ErrNotFound)
		for _, q := range []string{"ночь", "0%"} {
			found, next, err := tx.MediaPage(ctx, w.room.ID, w.root.ID, store.MediaFilter{Query: q})
			same(t, "search "+q, found, err, list[7:8])
			same(t, "search end", next, nil, "")
		}
		var paged []store.Media
		f := store.MediaFilter{Limit: 100}
		for {
			page, next, err := tx.MediaPage(ctx, w.room.ID, w.root.ID, f)
			if err != nil {
				return err
			}
			paged = append(paged, page...)
			if f.Cursor = next; next == "" {
				break
			}
		}
		same(t, "pages", paged, nil, list)

		old := list[7]
		list[7].Description = "a night"
		if err := tx.UpdateMedia(ctx, &list[7]); err != nil {
			return err
		}
		fails(t, "stale update", tx.UpdateMedia(ctx, &old), store.ErrVersion)
		n, err := tx.CountMedia(ctx, w.room.ID)
		same(t, "count", n, err, 250)
		n, err = tx.CountPlaylistMedia(ctx, w.root.ID)
		same(t, "count in playlist", n, err, 250)
		bad := films(w, 2)
		bad[1].Name = ""
		if tx.AddMedia(ctx, bad) == nil {
			t.Error("media without a name is stored")
		}
		return nil
	})
}

func TestPositions(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		list := films(w, 120)
		if err := tx.AddMedia(ctx, list); err != nil {
			return err
		}
		want := ids(list)
		check := func(what string) {
			t.Helper()
			got, err := tx.MediaIDs(ctx, w.room.ID, w.root.ID)
			same(t, what, got, err, want)
			for i, id := range want {
				if m, err := tx.Media(ctx, w.room.ID, id); err != nil || m.Position != int64(i) {
					t.Fatalf("%s: media %d has position %d, %v", what, i, m.Position, err)
				}
			}
		}
		slices.Reverse(want)
		if err := tx.OrderMedia(ctx, w.root.ID, want); err != nil {
			return err
		}
		check("reversed")

		if err := tx.OrderMedia(ctx, store.NewID(), want[:5]); err != nil { // not their playlist
			return err
		}
		check("another playlist")

		extra := films(w, 2)
		for i := range extra {
			extra[i].Position = int64(10 + i)
		}
		if err := errors.Join(tx.ShiftMedia(ctx, w.root.ID, 10, 2), tx.AddMedia(ctx, extra)); err != nil {
			return err
		}
		want = slices.Insert(want, 10, ids(extra)...)
		check("inserted")

		gone := []string{want[0], want[5], want[121], store.NewID()}
		n, err := tx.DeleteMedia(ctx, w.room.ID, gone)
		same(t, "deleted", n, err, 3)
		if err := tx.RenumberMedia(ctx, w.root.ID); err != nil {
			return err
		}
		want = slices.DeleteFunc(want, func(id string) bool { return slices.Contains(gone, id) })
		check("deleted")
		return nil
	})
}

func TestTracks(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		list := films(w, 1)
		if err := tx.AddMedia(ctx, list); err != nil {
			return err
		}
		subs := []store.Track{
			{ID: store.NewID(), MediaID: list[0].ID, Kind: "subtitle", Name: "English", Lang: "en", Format: "srt", URL: new("https://example.org/a.srt")},
			{ID: store.NewID(), MediaID: list[0].ID, Kind: "subtitle", Name: "中文", Lang: "zh", Format: "ass", Position: 1},
		}
		if err := tx.AddTracks(ctx, subs); err != nil {
			return err
		}
		got, err := tx.TracksOf(ctx, list[0].ID)
		same(t, "tracks", got, err, subs)
		if _, err := tx.DeleteMedia(ctx, w.room.ID, ids(list)); err != nil {
			return err
		}
		got, err = tx.TracksOf(ctx, list[0].ID)
		same(t, "tracks of deleted media", got, err, []store.Track{})
		return tx.DeleteTracks(ctx, list[0].ID)
	})
}

func TestPlayback(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		list := films(w, 1)
		if err := tx.AddMedia(ctx, list); err != nil {
			return err
		}
		for want := range int64(2) {
			epoch, err := tx.NextEpoch(ctx, w.room.ID)
			same(t, "epoch", epoch, err, want+1)
		}
		p, err := tx.Playback(ctx, w.room.ID)
		if err != nil || p.Rate != 1 || p.Generation != 1 || p.Epoch != 2 || p.Playing {
			t.Errorf("first state = %+v, %v", p, err)
		}
		p.MediaID, p.PlaylistID, p.Playing, p.Position, p.Duration = &list[0].ID, &w.root.ID, true, 12.25, new(90.0)
		p.ModeState, p.UpdatedAt, p.Version, p.Generation = json.RawMessage(`["x"]`), 99, 7, 3
		stale := p
		stale.Epoch = 1 // no save can bring an old epoch back
		if err := tx.SavePlayback(ctx, &stale); err != nil {
			return err
		}
		got, err := tx.Playback(ctx, w.room.ID)
		same(t, "saved state", got, err, p)
		_, err = tx.DeleteMedia(ctx, w.room.ID, ids(list))
		taken(t, "delete what plays", err, "foreign_key")
		p.RoomID = store.NewID()
		fails(t, "save of an unknown room", tx.SavePlayback(ctx, &p), store.ErrNotFound)
		_, err = tx.NextEpoch(ctx, store.NewID())
		fails(t, "epoch of an unknown room", err, store.ErrNotFound)
		return nil
	})
}

func TestProgressAndHistory(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		key := func(i int) string { return fmt.Sprintf("%064x", i) }
		for i := range 503 {
			p := store.Progress{RoomID: w.room.ID, ItemKey: key(i), Position: float64(i), UpdatedAt: store.Millis(1000 + i)}
			if err := tx.PutProgress(ctx, &p); err != nil {
				return err
			}
		}
		_, err := tx.Progress(ctx, w.room.ID, key(2))
		fails(t, "forgotten progress", err, store.ErrNotFound)
		p := store.Progress{RoomID: w.room.ID, ItemKey: key(3), Position: 7.5, Duration: new(8.0), CreatedAt: 5, UpdatedAt: 9999}
		if err := tx.PutProgress(ctx, &p); err != nil {
			return err
		}
		got, err := tx.Progress(ctx, w.room.ID, key(3))
		if got.CreatedAt != tx.Now() {
			t.Errorf("created at %d, want the first time", got.CreatedAt)
		}
		p.CreatedAt = got.CreatedAt
		same(t, "progress", got, err, p)

		var made []store.History
		for i := range 3 {
			h := store.History{ID: store.NewID(), RoomID: w.room.ID, ItemKey: key(i), Name: "film", SelectedBy: &w.ann.ID, StartedAt: store.Millis(10 + i)}
			if err := tx.AddHistory(ctx, &h); err != nil {
				return err
			}
			made = append(made, h)
		}
		made[2].StopPosition, made[2].WatchedSeconds, made[2].PeakViewers = 1.5, 1.25, 4
		if err := tx.UpdateHistory(ctx, &made[2]); err != nil {
			return err
		}
		page, next, err := tx.Histories(ctx, w.room.ID, "", 2)
		same(t, "history", page, err, []store.History{made[2], made[1]})
		page, next, err = tx.Histories(ctx, w.room.ID, next, 2)
		same(t, "history, second page", page, err, made[:1])
		same(t, "end", next, nil, "")
		return nil
	})
}

func TestChat(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		guest := "g:" + store.NewID()
		var made []store.ChatMessage
		for i := range 6 {
			m := store.ChatMessage{ID: store.NewID(), RoomID: w.room.ID, UserID: &w.ann.ID, Content: strings.Repeat("好", 500), ClientID: new(fmt.Sprint("c", i))}
			if i%2 == 1 {
				m.UserID, m.GuestID, m.GuestName = nil, &guest, new("Gus")
			}
			if i == 4 {
				m.Kind, m.Danmaku, m.ReplyTo = "danmaku", json.RawMessage(`{"item_key":"k","position":1.5}`), &made[0].ID
			}
			if err := tx.AddChat(ctx, &m); err != nil {
				return err
			}
			if m.Seq != int64(i+1) {
				t.Errorf("message %d has number %d", i, m.Seq)
			}
			made = append(made, m)
		}
		for _, author := range []string{w.ann.ID, guest} {
			again := store.ChatMessage{ID: store.NewID(), RoomID: w.room.ID, Content: "x", ClientID: new("c0")}
			key := "chat_messages.room_id,chat_messages.user_id,chat_messages.client_id"
			if author == guest {
				again.GuestID, again.ClientID, key = &guest, new("c1"), "chat_messages.room_id,chat_messages.guest_id,chat_messages.client_id"
			} else {
				again.UserID = &author
			}
			taken(t, "same client id", tx.AddChat(ctx, &again), key)
			first, err := tx.ChatByClientID(ctx, w.room.ID, author, *again.ClientID)
			same(t, "by client id", first.ClientID, err, again.ClientID)
		}
		_, err := tx.ChatByClientID(ctx, w.room.ID, w.ann.ID, "c1")
		fails(t, "client id of another author", err, store.ErrNotFound)

		newest, err := tx.ChatPage(ctx, w.room.ID, 0, 0, 2)
		same(t, "newest", newest, err, []store.ChatMessage{made[5], made[4]})
		before, err := tx.ChatPage(ctx, w.room.ID, 5, 0, 2)
		same(t, "before 5", before, err, []store.ChatMessage{made[3], made[2]})
		after, err := tx.ChatPage(ctx, w.room.ID, 0, 2, 2)
		same(t, "after 2", after, err, made[2:4])

		if err := tx.MarkChatDeleted(ctx, w.room.ID, made[4].ID, w.ann.ID, "", 44); err != nil {
			return err
		}
		fails(t, "second delete", tx.MarkChatDeleted(ctx, w.room.ID, made[4].ID, w.ann.ID, "", 45), store.ErrNotFound)
		stone, err := tx.ChatMessage(ctx, w.room.ID, made[4].ID)
		if err != nil || stone.Content != "" || stone.Danmaku != nil || stone.DeletedAt == nil || *stone.DeletedAt != 44 || stone.Seq != 5 {
			t.Errorf("tombstone = %+v, %v", stone, err)
		}
		n, err := tx.TrimChat(ctx, w.room.ID, 2)
		same(t, "trimmed", n, err, 4)
		stone, err = tx.ChatMessage(ctx, w.room.ID, made[4].ID)
		if err != nil || stone.ReplyTo != nil {
			t.Errorf("the reply to a trimmed message: %+v, %v", stone, err)
		}
		n, err = tx.TrimChat(ctx, w.room.ID, 0)
		same(t, "trimmed to nothing", n, err, 1)
		m := store.ChatMessage{ID: store.NewID(), RoomID: w.room.ID, Kind: "system", Content: "hi"}
		if err := tx.AddChat(ctx, &m); err != nil || m.Seq != 7 {
			t.Errorf("the next number is %d, %v", m.Seq, err)
		}
		return nil
	})
}

// BenchmarkAddMedia1000 and BenchmarkOrderMedia1000 are the speed bars of
// domain.md section 9.
func BenchmarkAddMedia1000(b *testing.B) {
	db := storetest.New(b)
	w := newWorld(b, db)
	b.ReportAllocs()
	for b.Loop() {
		list := films(w, 1000)
		write(b, db, func(ctx context.Context, tx *store.Tx) error { return tx.AddMedia(ctx, list) })
		b.StopTimer()
		write(b, db, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.DeleteMedia(ctx, w.room.ID, ids(list))
			return err
		})
		b.StartTimer()
	}
}

func BenchmarkOrderMedia1000(b *testing.B) {
	db := storetest.New(b)
	w := newWorld(b, db)
	list := films(w, 1000)
	write(b, db, func(ctx context.Context, tx *store.Tx) error { return tx.AddMedia(ctx, list) })
	order := ids(list)
	b.ReportAllocs()
	for b.Loop() {
		slices.Reverse(order)
		write(b, db, func(ctx context.Context, tx *store.Tx) error { return tx.OrderMedia(ctx, w.root.ID, order) })
	}
}
