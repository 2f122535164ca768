package library_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"synctv/app/auth"
	"synctv/app/library"
	"synctv/app/room"
	"synctv/providers"
	"synctv/store"
	"synctv/store/perm"
)

func TestBatchOfAnySizeIsAddedInOrder(t *testing.T) {
	for _, n := range []int{1, 10, 100, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, `{}`, nil)
			before := w.version()
			out, err := w.lib.AddMedia(t.Context(), w.bob, w.room, library.Batch{Items: films1(n)})
			if err != nil || len(out.Media) != n {
				t.Fatalf("added %d, %v", len(out.Media), err)
			}
			if got := w.names(); len(got) != n || !slices.IsSorted(got) {
				t.Errorf("the playlist holds %d, sorted %v", len(got), slices.IsSorted(got))
			}
			said := w.live.changes()
			if w.version() != before+1 || len(said) != 1 || said[0].Version != before+1 || said[0].Op != "added" {
				t.Errorf("version %d after %d, said %d times", w.version(), before, len(said))
			}
			if many := n > 100; said[0].Reload != many || many && len(said[0].IDs) != 0 || !many && len(said[0].IDs) != n {
				t.Errorf("said reload=%v with %d ids", said[0].Reload, len(said[0].IDs))
			}
		})
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	w := newWorld(t, `{}`, map[string]string{"room.max_items_per_playlist": "1000"})
	w.add(w.ann, "there")
	before, said := w.version(), len(w.live.changes())
	bad := films1(999)
	bad[998] = library.Item{Provider: "direct", Source: json.RawMessage(`{"url":"ftp://x"}`)}
	bad[0].Headers = map[string]string{"Host": "evil"}
	_, err := w.lib.AddMedia(t.Context(), w.bob, w.room, library.Batch{Items: bad})
	var v *room.ValidationError
	if !errors.As(err, &v) || len(v.Fields) != 2 || v.Fields[0].Location != "body.items[0].headers" || v.Fields[1].Location != "body.items[998].source" {
		t.Errorf("refusal = %v, want both offenders", err)
	}
	for name, tt := range map[string]struct {
		items []library.Item
		err   error
	}{
		"0":                {nil, room.ErrInvalid},
		"1001":             {films1(1001), room.ErrInvalid},
		"one too many":     {films1(1000), room.ErrQuota},
		"unknown provider": {[]library.Item{{Provider: "nope", Source: json.RawMessage(`{}`)}}, room.ErrInvalid},
		"unknown instance": {[]library.Item{{Provider: "local", Instance: "x", Source: json.RawMessage(`{}`)}}, room.ErrInvalid},
		"no source":        {[]library.Item{{Provider: "direct"}}, room.ErrInvalid},
	} {
		_, err := w.lib.AddMedia(t.Context(), w.bob, w.room, library.Batch{Items: tt.items})
		want(t, name, err, tt.err)
	}
	index := 3
	_, err = w.lib.AddMedia(t.Context(), w.bob, w.room, library.Batch{Items: films1(1), Index: &index})
	want(t, "index beyond the end", err, room.ErrInvalid)
	if got := w.names(); len(got) != 1 || w.version() != before || len(w.live.changes()) != said {
		t.Errorf("after refusals the playlist holds %v at version %d, want %d", got, w.version(), before)
	}
}

func TestIndexAndDedupe(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	w.add(w.ann, "a", "d")
	index := 1
	out, err := w.lib.AddMedia(t.Context(), w.bob, w.room, library.Batch{Items: []library.Item{film("b"), film("a"), film("c"), film("b")}, Index: &index, Dedupe: true})
	if err != nil || !slices.Equal(out.Skipped, []int{1, 3}) {
		t.Errorf("skipped %v, %v; want 1 and 3", out.Skipped, err)
	}
	if got := strings.Join(w.names(), ""); got != "abcd" {
		t.Errorf("order = %s, want abcd", got)
	}
	before := w.version()
	out, err = w.lib.AddMedia(t.Context(), w.bob, w.room, library.Batch{Items: []library.Item{film("a")}, Dedupe: true})
	if err != nil || len(out.Media) != 0 || w.version() != before {
		t.Errorf("nothing new: %d added, version %d, %v", len(out.Media), w.version(), err)
	}
}

func TestNamesComeFromTheSource(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	for url, name := range map[string]string{
		"https://films.example/dir/My%20film.mp4?token=x": "My film.mp4",
		"https://films.example/":                          "films.example",
		"https://films.example/%E2%80%AEgpj.exe":          "gpj.exe",
	} {
		raw, err := json.Marshal(map[string]string{"url": url})
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.lib.AddMedia(t.Context(), w.ann, w.room, library.Batch{Items: []library.Item{{Provider: "direct", Source: raw}}})
		if err != nil || out.Media[0].Media.Name != name {
			t.Errorf("%s is called %q, want %q (%v)", url, out.Media[0].Media.Name, name, err)
		}
	}
}

func TestA19MediaAndPlaylistsOfAnotherRoomAreNotThere(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	ids := w.add(w.ann, "a", "b")
	eve := w.user("eve", "user")
	v, err := w.rooms.Create(t.Context(), eve, room.Draft{Name: "Eve's"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, hers := t.Context(), v.Room.ID
	name := "stolen"
	before := w.version()
	for call, f := range map[string]func() error{
		"playlist": func() error { _, err := w.lib.Playlist(ctx, eve, hers, w.root); return err },
		"items":    func() error { _, _, err := w.lib.Items(ctx, eve, hers, w.root, store.MediaFilter{}); return err },
		"media":    func() error { _, err := w.lib.Media(ctx, eve, hers, ids[0]); return err },
		"play":     func() error { _, err := w.lib.Play(ctx, eve, hers, ids[0], ""); return err },
		"update": func() error {
			_, err := w.lib.UpdateMedia(ctx, eve, hers, ids[0], library.MediaPatch{Name: &name})
			return err
		},
		"delete": func() error { _, err := w.lib.DeleteMedia(ctx, eve, hers, ids, true); return err },
		"add": func() error {
			_, err := w.lib.AddMedia(ctx, eve, hers, library.Batch{Playlist: w.root, Items: films1(1)})
			return err
		},
		"reorder": func() error {
			_, _, err := w.lib.Reorder(ctx, eve, hers, w.root, library.Order{Order: ids})
			return err
		},
		"reorder own with foreign ids": func() error {
			_, _, err := w.lib.Reorder(ctx, eve, hers, v.RootPlaylist, library.Order{Order: ids})
			return err
		},
	} {
		want(t, call, f(), store.ErrNotFound)
	}
	for call, f := range map[string]func() error{
		"playlists": func() error { _, err := w.lib.Playlists(ctx, eve, w.room); return err },
		"media":     func() error { _, err := w.lib.Media(ctx, eve, w.room, ids[0]); return err },
		"play":      func() error { _, err := w.lib.Play(ctx, eve, w.room, ids[0], ""); return err },
		"delete":    func() error { _, err := w.lib.DeleteMedia(ctx, eve, w.room, ids, true); return err },
	} {
		want(t, call+" through its own room, from outside", f(), room.ErrNotMember)
	}
	if got := w.names(); len(got) != 2 || w.version() != before {
		t.Errorf("the room holds %v at version %d, want %d", got, w.version(), before)
	}
}

func TestDeleteIsAllOrNothing(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	anns, bobs := w.add(w.ann, "a", "b"), w.add(w.bob, "c", "d")
	ctx := t.Context()
	_, err := w.lib.DeleteMedia(ctx, w.bob, w.room, []string{bobs[0], anns[0]}, false)
	want(t, "one that is not his", err, room.ErrDenied)
	_, err = w.lib.DeleteMedia(ctx, w.bob, w.room, []string{bobs[0], bobs[0]}, false)
	want(t, "named twice", err, room.ErrInvalid)
	_, err = w.lib.DeleteMedia(ctx, w.bob, w.room, nil, false)
	want(t, "none", err, room.ErrInvalid)
	_, err = w.lib.DeleteMedia(ctx, w.bob, w.room, make([]string, 1001), false)
	want(t, "1001", err, room.ErrInvalid)
	_, err = w.lib.DeleteMedia(ctx, w.bob, w.room, []string{bobs[0], store.NewID(), "x"}, false)
	var missing *library.MissingError
	if !errors.As(err, &missing) || len(missing.Fields) != 2 || !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown ids = %v, want both listed", err)
	}
	if got := w.names(); len(got) != 4 {
		t.Fatalf("after refusals the playlist holds %v", got)
	}
	n, err := w.lib.DeleteMedia(ctx, w.ann, w.room, []string{anns[0], bobs[0]}, false)
	if err != nil || n != 2 || strings.Join(w.names(), "") != "bd" {
		t.Errorf("deleted %d, left %v, %v", n, w.names(), err)
	}
}

func TestTheMediaThatPlaysGoesOnlyWithForce(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	ids := w.add(w.ann, "a", "b", "c")
	w.playing(ids[0])
	_, err := w.lib.DeleteMedia(t.Context(), w.ann, w.room, ids[:2], false)
	want(t, "without force", err, library.ErrInUse)
	if _, err := w.lib.DeleteMedia(t.Context(), w.ann, w.room, ids[:2], true); err != nil {
		t.Fatal(err)
	}
	if p := w.playback(); p.MediaID == nil || *p.MediaID != ids[2] || !p.Playing || p.Position != 0 {
		t.Errorf("the room goes on with %v", p.MediaID)
	}
	if !slices.Equal(w.live.removed, ids[:2]) {
		t.Errorf("told the live room %v", w.live.removed)
	}
	if _, err := w.lib.DeleteMedia(t.Context(), w.ann, w.room, ids[2:], true); err != nil {
		t.Fatal(err)
	}
	if p := w.playback(); p.MediaID != nil || p.Playing {
		t.Errorf("after the last one the room plays %v", p.MediaID)
	}
}

func TestOnlyEditorsEdit(t *testing.T) {
	w := newWorld(t, `{"allow_guests":true}`, nil)
	id := w.add(w.bob, "a")[0]
	cid := w.user("cid", "user")
	w.join(cid)
	ctx := t.Context()
	for who, editor := range map[auth.Actor]bool{w.ann: true, w.bob: true, cid: false, w.guest(): false} {
		m, err := w.lib.Media(ctx, who, w.room, id)
		if err != nil || m.Editor != editor {
			t.Errorf("%s: editor = %v, %v", who.Name, m.Editor, err)
		}
	}
	name, empty := " new  name ", ""
	_, err := w.lib.UpdateMedia(ctx, cid, w.room, id, library.MediaPatch{Name: &name})
	want(t, "another member", err, room.ErrDenied)
	m, err := w.lib.UpdateMedia(ctx, w.bob, w.room, id, library.MediaPatch{Version: 1, Name: &name})
	if err != nil || m.Media.Name != "new name" || m.Media.Version != 2 {
		t.Errorf("update = %+v, %v", m.Media, err)
	}
	_, err = w.lib.UpdateMedia(ctx, w.bob, w.room, id, library.MediaPatch{Version: 1, Name: &name})
	want(t, "stale", err, room.ErrVersion)
	_, err = w.lib.UpdateMedia(ctx, w.bob, w.room, id, library.MediaPatch{Source: json.RawMessage(`{"url":"javascript:alert(1)"}`)})
	want(t, "a bad source", err, room.ErrInvalid)
	m, err = w.lib.UpdateMedia(ctx, w.bob, w.room, id, library.MediaPatch{Name: &empty, Source: json.RawMessage(`{"url":"https://films.example/z.mp4"}`)})
	if err != nil || m.Media.Name != "z.mp4" {
		t.Errorf("an empty name becomes %q, %v", m.Media.Name, err)
	}
	_, err = w.lib.AddMedia(ctx, w.guest(), w.room, library.Batch{Items: films1(1)})
	want(t, "a guest adds", err, room.ErrDenied)
}

func TestReorder(t *testing.T) {
	w := newWorld(t, `{"member_added":["reorder_playlist"]}`, nil)
	ids := w.add(w.ann, "a", "b", "c", "d")
	ctx := t.Context()
	v := w.version()
	list, order, err := w.lib.Reorder(ctx, w.bob, w.room, w.root, library.Order{Version: v, Moves: []library.Move{{ID: ids[3], Position: 0}, {ID: ids[0], Position: 2}}})
	if err != nil || list.Version != v+1 || order[0] != ids[3] || strings.Join(w.names(), "") != "dbac" {
		t.Errorf("moves: %v at %d, %v", w.names(), list.Version, err)
	}
	_, _, err = w.lib.Reorder(ctx, w.bob, w.room, w.root, library.Order{Version: v, Order: ids})
	want(t, "stale", err, room.ErrVersion)
	if _, _, err := w.lib.Reorder(ctx, w.bob, w.room, w.root, library.Order{Order: ids}); err != nil || strings.Join(w.names(), "") != "abcd" {
		t.Errorf("order: %v, %v", w.names(), err)
	}
	said := len(w.live.changes())
	if list, _, err := w.lib.Reorder(ctx, w.bob, w.room, w.root, library.Order{Order: ids}); err != nil || list.Version != v+2 || len(w.live.changes()) != said {
		t.Errorf("the same order again: version %d, %v", list.Version, err)
	}
	for name, o := range map[string]library.Order{
		"both":          {Order: ids, Moves: []library.Move{{ID: ids[0]}}},
		"neither":       {},
		"not all":       {Order: ids[:3]},
		"twice":         {Order: []string{ids[0], ids[0], ids[1], ids[2]}},
		"beyond":        {Moves: []library.Move{{ID: ids[0], Position: 4}}},
		"negative":      {Moves: []library.Move{{ID: ids[0], Position: -1}}},
		"same place":    {Moves: []library.Move{{ID: ids[0], Position: 1}, {ID: ids[1], Position: 1}}},
		"the same item": {Moves: []library.Move{{ID: ids[0], Position: 1}, {ID: ids[0], Position: 2}}},
	} {
		_, _, err := w.lib.Reorder(ctx, w.bob, w.room, w.root, o)
		want(t, name, err, room.ErrInvalid)
	}
	_, _, err = w.lib.Reorder(ctx, w.bob, w.room, w.root, library.Order{Moves: []library.Move{{ID: store.NewID()}}})
	want(t, "unknown id", err, store.ErrNotFound)
	plain := newWorld(t, `{}`, nil)
	_, _, err = plain.lib.Reorder(ctx, plain.bob, plain.room, plain.root, library.Order{Order: plain.add(plain.ann, "a")})
	want(t, "without the right", err, room.ErrDenied)
}

func TestReorderOfAThousand(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	if _, err := w.lib.AddMedia(t.Context(), w.ann, w.room, library.Batch{Items: films1(1000)}); err != nil {
		t.Fatal(err)
	}
	names := w.names()
	var ids []string
	w.read(func(tx *store.Tx) (err error) { ids, err = tx.MediaIDs(t.Context(), w.room, w.root); return err })
	slices.Reverse(ids)
	slices.Reverse(names)
	if _, _, err := w.lib.Reorder(t.Context(), w.ann, w.room, w.root, library.Order{Order: ids}); err != nil || !slices.Equal(w.names(), names) {
		t.Errorf("reversed = %v", err)
	}
}

func TestPlayGoesThroughUsOnlyWhereItMust(t *testing.T) {
	w := newWorld(t, `{"allow_guests":true}`, nil)
	ctx, gus := t.Context(), w.guest()
	secret := film("plain")
	secret.Headers = map[string]string{"Authorization": "Bearer canary"}
	on, off := film("plain"), film("required")
	on.Proxy, off.Proxy = "on", "off"
	tests := []struct {
		name string
		item library.Item
		via  string
	}{
		{"plain", film("plain"), "direct"},
		{"optional", film("optional"), "direct proxy"},
		{"required", film("required"), "proxy"},
		{"with headers", secret, "proxy"},
		{"proxy on", on, "proxy"},
		{"proxy off but required", off, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := w.lib.AddMedia(ctx, w.ann, w.room, library.Batch{Items: []library.Item{tt.item}})
			if err != nil {
				t.Fatal(err)
			}
			info, err := w.lib.Play(ctx, gus, w.room, out.Media[0].Media.ID, "https://tv.example")
			if tt.via == "" {
				if providers.ClassOf(err) != providers.ClassUnsupported {
					t.Errorf("play = %v, want unsupported", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			via := []string{}
			for _, v := range info.Variants {
				via = append(via, v.Via)
				if v.Via == "proxy" != strings.HasPrefix(v.URL, "/media/") {
					t.Errorf("%s by %s", v.URL, v.Via)
				}
			}
			if got := strings.Join(via, " "); got != tt.via {
				t.Errorf("via = %s, want %s", got, tt.via)
			}
			if len(info.Subtitles) != 2 || info.Subtitles[0].Format != "ass" || info.Subtitles[1].Format != "vtt" || info.Expires.IsZero() {
				t.Errorf("subtitles = %+v", info.Subtitles)
			}
			if raw, _ := json.Marshal(info); strings.Contains(string(raw), "canary") {
				t.Errorf("the answer holds the header: %s", raw)
			}
		})
	}
	gone := w.add(w.ann, "gone")[0]
	_, err := w.lib.Play(ctx, w.ann, w.room, gone, "")
	want(t, "a source that fails", err, providers.ErrFailed)
}

func TestPlayKeepsTheDuration(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	id := w.add(w.ann, "a")[0]
	if _, err := w.lib.Play(t.Context(), w.bob, w.room, id, ""); err != nil {
		t.Fatal(err)
	}
	m, err := w.lib.Media(t.Context(), w.bob, w.room, id)
	if err != nil || m.Media.Duration == nil || *m.Media.Duration != 90 {
		t.Errorf("duration = %v, %v", m.Media.Duration, err)
	}
}

func TestSourcesAreForAccountsAndByVisibility(t *testing.T) {
	w := newWorld(t, `{"allow_guests":true}`, nil)
	ctx := t.Context()
	admin := w.user("adm", "admin")
	configs := []providers.InstanceConfig{
		{Name: "open", Kind: providers.KindLocal, Config: json.RawMessage(`{"visible_to":"everyone"}`)},
		{Name: "plain", Kind: providers.KindLocal, Config: json.RawMessage(`{"path":"/x"}`)},
		{Name: "admins", Kind: providers.KindLocal, Config: json.RawMessage(`{"visible_to":{"mode":"roles","roles":["admin"]}}`)},
		{Name: "anns", Kind: providers.KindLocal, Config: json.RawMessage(fmt.Sprintf(`{"visible_to":{"mode":"users","users":[%q]}}`, w.ann.ID))},
		{Name: "off", Kind: providers.KindLocal, Disabled: true},
	}
	if err := w.reg.Apply(ctx, configs); err != nil {
		t.Fatal(err)
	}
	for who, names := range map[auth.Actor]string{w.ann: "anns open plain", w.bob: "open plain", admin: "admins anns open plain"} {
		list, err := w.lib.Sources(ctx, who)
		if err != nil || len(list) != 2 {
			t.Fatalf("sources = %+v, %v", list, err)
		}
		got := []string{}
		for _, in := range list[1].Instances {
			got = append(got, in.Name)
		}
		if strings.Join(got, " ") != names {
			t.Errorf("%s sees %v, want %s", who.Name, got, names)
		}
	}
	_, err := w.lib.Browse(ctx, w.bob, providers.KindLocal, providers.BrowseRequest{Instance: "anns"})
	if providers.ClassOf(err) != providers.ClassNotFound {
		t.Errorf("browsing what is not visible = %v", err)
	}
	f, err := w.lib.Browse(ctx, w.bob, providers.KindLocal, providers.BrowseRequest{Instance: "open"})
	if err != nil || len(f.Page.Items) != 2 || !strings.HasPrefix(f.Thumbnails[0], "/media/") || f.Thumbnails[1] != "" {
		t.Errorf("browse = %+v, %v", f, err)
	}
	_, err = w.lib.AddMedia(ctx, w.bob, w.room, library.Batch{Items: []library.Item{{Provider: "local", Instance: "anns", Source: json.RawMessage(`{"url":"https://x"}`)}}})
	want(t, "adding from what is not visible", err, room.ErrInvalid)
	for name, who := range map[string]auth.Actor{"guest": w.guest(), "nobody": {}} {
		if _, err := w.lib.Guess(ctx, who, "https://films.example/a.mp4", ""); err == nil {
			t.Errorf("%s may parse", name)
		}
		if _, err := w.lib.Sources(ctx, who); err == nil {
			t.Errorf("%s may list sources", name)
		}
	}
	list, err := w.lib.Guess(ctx, w.bob, "https://films.example/a.mp4", "")
	if err != nil || len(list) != 1 {
		t.Errorf("guess = %v, %v", list, err)
	}
}

func TestMembersNeedTheRightToAdd(t *testing.T) {
	w := newWorld(t, `{"member_removed":["add_media","view_playlist"]}`, nil)
	_, err := w.lib.AddMedia(t.Context(), w.bob, w.room, library.Batch{Items: films1(1)})
	var denied *room.DeniedError
	if !errors.As(err, &denied) || denied.Permission != perm.Names(perm.AddMedia)[0] {
		t.Errorf("add = %v, want one that names the bit", err)
	}
	_, err = w.lib.Playlists(t.Context(), w.bob, w.room)
	want(t, "list", err, room.ErrDenied)
}
