package library_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"synctv/app/library"
	"synctv/realtime"
	"synctv/realtime/playback"
	"synctv/store"
)

func (w *world) read(f func(*store.Tx) error) {
	w.t.Helper()
	if err := w.db.Read(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) playback() (p store.Playback) {
	w.t.Helper()
	w.read(func(tx *store.Tx) (err error) { p, err = tx.Playback(w.t.Context(), w.room); return err })
	return p
}

func (w *world) backing() *library.Backing {
	return library.NewBacking(w.db)
}

// playing saves a room that plays a media.
func (w *world) playing(id string) {
	w.t.Helper()
	b := w.backing()
	snap, err := b.Load(w.t.Context(), w.room)
	if err != nil {
		w.t.Fatal(err)
	}
	sel, err := b.Select(w.t.Context(), w.room, playback.SelectRequest{Do: playback.Select, MediaID: id})
	if err != nil {
		w.t.Fatal(err)
	}
	s := snap.State
	s.Media, s.Playing, s.Generation, s.Version, s.UpdatedAt = sel.Media, true, s.Generation+1, s.Version+1, float64(time.Now().UnixMilli())
	if err := b.Save(w.t.Context(), w.room, s); err != nil {
		w.t.Fatal(err)
	}
}

func TestLoadCountsEpochsAndGivesBackWhatWasSaved(t *testing.T) {
	w := newWorld(t, `{"auto_play":{"mode":"repeat_all"},"wait_for_ready":"soft"}`, nil)
	id := w.add(w.ann, "a")[0]
	w.playing(id)
	b := w.backing()
	snap, err := b.Load(t.Context(), w.room)
	if err != nil || snap.State.Epoch != 2 || snap.State.Media == nil || snap.State.Media.ID != id || snap.State.Media.Name != "a" || !snap.State.Playing {
		t.Errorf("loaded %+v, %v", snap.State, err)
	}
	if o := snap.Options; o.AutoPlay.Mode != playback.RepeatAll || !o.WaitForReady || o.AutoPlay.Delay != 3*time.Second || o.EmptyPause != time.Minute {
		t.Errorf("options = %+v", o)
	}
	if peek, err := b.Peek(t.Context(), w.room); err != nil || peek.State.Epoch != 2 {
		t.Errorf("peek = %+v, %v", peek.State, err)
	}
	late := snap.State
	late.Epoch, late.Position = 1, 500
	if err := b.Save(t.Context(), w.room, late); err != nil || w.playback().Position == 500 {
		t.Errorf("a save of an older life of the room was taken: %v", err)
	}
	if _, err := b.Load(t.Context(), store.NewID()); err == nil {
		t.Error("a room that does not exist was loaded")
	}
}

func TestAfterACrashAPlayingRoomPlaysOnForAMinute(t *testing.T) {
	for _, tt := range []struct {
		away     time.Duration
		playing  bool
		position float64
	}{
		{40 * time.Second, true, 50}, {10 * time.Minute, false, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, `{}`, nil)
			id := w.add(w.ann, "a")[0]
			b := w.backing()
			snap, err := b.Load(t.Context(), w.room)
			if err != nil {
				t.Fatal(err)
			}
			s := snap.State
			s.Media, s.Playing, s.Position, s.UpdatedAt = &playback.Current{ID: id, Duration: 3600}, true, 10, float64(time.Now().UnixMilli())
			if err := b.Save(t.Context(), w.room, s); err != nil { // the last heartbeat
				t.Fatal(err)
			}
			time.Sleep(tt.away)
			hub := realtime.NewHub(realtime.Config{Backing: w.backing()})
			defer hub.Drain(context.WithoutCancel(t.Context()))
			got, err := hub.State(t.Context(), w.room)
			if err != nil || got.Playing != tt.playing {
				t.Fatalf("after %s the room plays: %v, %v", tt.away, got.Playing, err)
			}
			at := playback.State{Media: got.Media, Playing: got.Playing, Position: got.Position, Rate: got.Rate, UpdatedAt: got.UpdatedAt}.At(hub.MediaNow())
			if at < tt.position-0.1 || at > tt.position+0.1 {
				t.Errorf("after %s it is at %v, want %v", tt.away, at, tt.position)
			}
		})
	}
}

func TestNextAndPrevStayInThePlaylist(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	ids := w.add(w.ann, "a", "b", "c")
	w.playing(ids[0])
	b := w.backing()
	ctx := t.Context()
	state := func(id string) playback.State { return playback.State{Media: &playback.Current{ID: id}} }
	sel, ok, err := b.Next(ctx, w.room, state(ids[0]))
	if err != nil || !ok || sel.Media.ID != ids[1] {
		t.Errorf("after the first = %v, %v, %v", sel.Media, ok, err)
	}
	if _, ok, err := b.Next(ctx, w.room, state(ids[2])); err != nil || ok {
		t.Errorf("after the last = %v, %v; want a stop", ok, err)
	}
	if _, ok, err := b.Next(ctx, w.room, playback.State{}); err != nil || ok {
		t.Errorf("after nothing = %v, %v", ok, err)
	}
	ask := func(do playback.Do, id string) error {
		_, err := b.Select(ctx, w.room, playback.SelectRequest{Do: do, Mode: playback.Sequential, Current: state(id)})
		return err
	}
	sel, err = b.Select(ctx, w.room, playback.SelectRequest{Do: playback.Next, Mode: playback.Sequential, Current: state(ids[2])})
	if err != nil || sel.Media != nil {
		t.Errorf("next of the last = %+v, %v; want nothing, and no error", sel, err)
	}
	want(t, "prev of the first", ask(playback.Prev, ids[0]), store.ErrNotFound)
	want(t, "prev of the second", ask(playback.Prev, ids[1]), nil)
	other, err := w.rooms.View(ctx, w.ann, w.room)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Select(ctx, store.NewID(), playback.SelectRequest{Do: playback.Select, MediaID: ids[0]})
	want(t, "a media of another room", err, store.ErrNotFound)
	_, err = b.Select(ctx, w.room, playback.SelectRequest{Do: playback.Select, MediaID: other.RootPlaylist})
	want(t, "a playlist as a media", err, store.ErrNotFound)
}

func TestDeletedCurrentMediaIsFollowedByWhatTheDeletionChose(t *testing.T) {
	w := newWorld(t, `{}`, nil)
	ids := w.add(w.ann, "a", "b")
	w.playing(ids[0])
	b := w.backing()
	live := playback.State{Epoch: 1, Media: &playback.Current{ID: ids[0]}, Playing: true, Rate: 1}
	if _, err := w.lib.DeleteMedia(t.Context(), w.ann, w.room, ids[:1], true); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(t.Context(), w.room, live); err != nil { // the room has not heard of it yet
		t.Errorf("a late save = %v, want it skipped", err)
	}
	sel, ok, err := b.Next(t.Context(), w.room, live)
	if err != nil || !ok || sel.Media.ID != ids[1] {
		t.Errorf("next = %v, %v, %v", sel.Media, ok, err)
	}
}

func TestMediaResumeWhereTheRoomLeftThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, `{}`, nil)
		ids := w.add(w.ann, "a", "b")
		w.playing(ids[0])
		time.Sleep(30 * time.Second)
		w.playing(ids[1]) // the heartbeat of the first was 30 s ago
		b := w.backing()
		sel, err := b.Select(t.Context(), w.room, playback.SelectRequest{Do: playback.Select, MediaID: ids[0]})
		if err != nil || sel.Position != 30 {
			t.Errorf("resumes at %v, %v; want 30", sel.Position, err)
		}
		if _, _, err := w.rooms.UpdateSettings(t.Context(), w.ann, w.room, 1, json.RawMessage(`{"resume_positions":false}`)); err != nil {
			t.Fatal(err)
		}
		if sel, err := b.Select(t.Context(), w.room, playback.SelectRequest{Do: playback.Select, MediaID: ids[0]}); err != nil || sel.Position != 0 {
			t.Errorf("with resume off it starts at %v, %v", sel.Position, err)
		}
	})
}

func TestShuffleBagIsKeptWithTheRoom(t *testing.T) {
	w := newWorld(t, `{"auto_play":{"mode":"shuffle"}}`, nil)
	ids := w.add(w.ann, "a", "b", "c", "d")
	b := w.backing()
	current, seen := ids[2], map[string]bool{ids[2]: true}
	for range 3 {
		w.playing(current)
		sel, ok, err := b.Next(t.Context(), w.room, playback.State{Media: &playback.Current{ID: current}})
		if err != nil || !ok || seen[sel.Media.ID] {
			t.Fatalf("next after %v = %v, %v, %v", seen, sel.Media, ok, err)
		}
		current = sel.Media.ID
		seen[current] = true
	}
	w.playing(current)
	if _, ok, err := b.Next(t.Context(), w.room, playback.State{Media: &playback.Current{ID: current}}); err != nil || ok {
		t.Errorf("when all were played = %v, %v; want a stop", ok, err)
	}
	again := ids[0]
	if again == current {
		again = ids[1]
	}
	w.playing(again) // people go on: a new round
	if _, ok, err := b.Next(t.Context(), w.room, playback.State{Media: &playback.Current{ID: again}}); err != nil || !ok {
		t.Errorf("in a new round = %v, %v", ok, err)
	}
}
