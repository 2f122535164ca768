package realtime

import (
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"synctv/realtime/playback"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// state returns what the room watches now.
func state(t *testing.T, h *Hub) protocol.PlaybackState {
	t.Helper()
	s, err := h.State(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// report sends a player report for the state as it is.
func (c *client) report(s protocol.PlaybackState, doing playback.Doing, more map[string]any) {
	c.t.Helper()
	data := map[string]any{"version": s.Version, "generation": s.Generation, "state": doing, "buffered_s": 10, "rtt_ms": 100}
	maps.Copy(data, more)
	c.say("playback.report", data)
	synctest.Wait()
	c.drop()
}

func auto(mode playback.Mode, delay time.Duration) playback.Options {
	return playback.Options{AutoPlay: playback.AutoPlay{Enabled: true, Mode: mode, Delay: delay}}
}

func TestAutoNextOnceAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", auto(playback.Sequential, 3*time.Second))
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, user("bob", "r", perm.All))
		go ann.listen()
		go bob.listen()
		ann.say("playback.command", map[string]any{"do": "select", "media_id": "m1"})
		synctest.Wait()
		began := state(t, h)
		// 1.5 s to load, 100 s of film, 1.5 s for those whose film is longer, 3 s of delay.
		time.Sleep(time.Duration(1500+100_000+1500)*time.Millisecond + 2900*time.Millisecond)
		if got := state(t, h); got.Generation != began.Generation {
			t.Fatalf("advanced too early: %+v", got)
		}
		time.Sleep(200 * time.Millisecond)
		got := state(t, h)
		if got.Media.ID != "m2" || got.Generation != began.Generation+1 || !got.Playing || got.Reason != playback.ReasonAutoAdvance {
			t.Errorf("state = %+v, want m2 playing", got)
		}
		if s.nexts != 1 {
			t.Errorf("the backing was asked %d times", s.nexts)
		}
	})
}

// listen keeps a connection alive: it reads everything and pings.
func (c *client) listen() {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-c.sock.closed:
			return
		case <-tick.C:
			c.drop()
			c.raw([]byte(`{"type":"clock.ping","data":{"t0":1}}`))
		}
	}
}

func TestViewersWhoSayItIsOverEndItSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", auto(playback.Sequential, 0))
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m4"}) // its length is not known
		began := state(t, h)
		for range 4 {
			time.Sleep(20 * time.Second)
			ann.report(began, playback.Playing, nil)
		}
		if got := state(t, h); got.Media.ID != "m4" {
			t.Fatalf("media = %s", got.Media.ID)
		}
		ann.report(began, playback.Ended, nil)
		if got := state(t, h); got.Playing || got.Reason != playback.ReasonEnded {
			t.Errorf("state = %+v, want ended: nothing follows", got)
		}
	})
}

func TestRepeatOneStartsOverInTheSameGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", auto(playback.RepeatOne, 3*time.Second))
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		began := state(t, h)
		go ann.listen()
		time.Sleep(320 * time.Second)
		if got := state(t, h); got.Generation != began.Generation || got.Version != began.Version+3 || !got.Playing {
			t.Errorf("state = %+v, want the third round of the same generation", got)
		}
	})
}

func TestAnybodyWhoDecidesCancelsTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", auto(playback.Sequential, 10*time.Second))
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		go ann.listen()
		time.Sleep(105 * time.Second)
		for _, r := range h.live("r") {
			announced := false
			_ = r.do(t.Context(), func() { announced = r.next != nil })
			if h.release(r); !announced {
				t.Fatal("nothing was announced")
			}
		}
		ann.say("playback.command", map[string]any{"do": "seek", "position": 50})
		time.Sleep(30 * time.Second)
		if got := state(t, h); got.Media.ID != "m1" {
			t.Errorf("media = %s, want m1 still", got.Media.ID)
		}
		time.Sleep(40 * time.Second)
		if got := state(t, h); got.Media.ID != "m2" {
			t.Errorf("media = %s, want m2 after the end was reached again", got.Media.ID)
		}
	})
}

func TestNextPastTheLastRestsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", auto(playback.Sequential, 0))
		ann := join(t, h, user("ann", "r", perm.All))
		last := s.media[len(s.media)-1]
		ann.command("select", map[string]any{"media_id": last.ID})
		got, no := ann.command("next", nil)
		if no != nil || got.Playing || got.Position != last.Duration || got.Media == nil || got.Media.ID != last.ID {
			t.Errorf("state = %+v, reject = %+v; want %s paused at its end", got, no, last.ID)
		}
	})
}

func TestNextThatCannotBeFoundIsTriedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			errs []error
			want string
		}{
			"heals":     {[]error{errors.New("provider down"), nil}, "m2"},
			"stays bad": {[]error{errors.New("provider down"), errors.New("provider down")}, "m1"},
		} {
			h, s := newTestHub(t)
			s.room("r", auto(playback.Sequential, 0))
			s.nextErr = c.errs
			ann := join(t, h, user("ann", "r", perm.All))
			ann.command("select", map[string]any{"media_id": "m1"})
			go ann.listen()
			time.Sleep(112 * time.Second)
			if got := state(t, h); got.Media.ID != c.want || s.nexts != 2 {
				t.Errorf("%s: media = %s after %d calls", name, got.Media.ID, s.nexts)
			}
			ann.quit()
		}
	})
}

func TestHoldAfterSelect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", playback.Options{WaitForReady: true})
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, user("bob", "r", perm.All))
		st, _ := ann.command("select", map[string]any{"media_id": "m1"})
		if st.Hold == nil || len(st.Hold.Waiting) != 2 || st.Hold.Deadline != st.Hold.Since+10_000 {
			t.Fatalf("hold = %+v", st.Hold)
		}
		ann.report(st, playback.Paused, nil)
		if state(t, h).Hold == nil {
			t.Error("released with one of two ready")
		}
		bob.report(st, playback.Paused, nil)
		got := state(t, h)
		if got.Hold != nil || got.Reason != playback.ReasonWait || got.UpdatedAt != h.MediaNow()+200 {
			t.Errorf("state = %+v, want a start in 150 + 100/2 ms", got)
		}

		st, _ = ann.command("select", map[string]any{"media_id": "m2"})
		time.Sleep(10*time.Second + time.Millisecond)
		if got = state(t, h); got.Hold != nil || got.Version != st.Version+1 {
			t.Errorf("state = %+v, want released at the deadline", got)
		}
		ann.drop()
		ann.command("select", map[string]any{"media_id": "m3"})
		if st, _ = ann.command("play", nil); st.Hold != nil || !st.Playing {
			t.Errorf("state = %+v: play means start now", st)
		}

		ann.command("select", map[string]any{"media_id": "m1"})
		st = state(t, h)
		ann.report(st, playback.Paused, nil)
		bob.quit()
		if got = state(t, h); got.Hold != nil {
			t.Error("the one that was waited for has left, and the room still waits")
		}
	})
}

func TestHoldWhenViewersRunDry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", playback.Options{WaitForReady: true})
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, user("bob", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		ann.command("play", nil)
		time.Sleep(5 * time.Second)
		for i := range 4 {
			st := state(t, h)
			bob.report(st, playback.Buffering, map[string]any{"buffered_s": 0})
			time.Sleep(1100 * time.Millisecond)
			got := state(t, h)
			if held := got.Hold != nil; held != (i < 3) {
				t.Fatalf("stall %d: held %v", i, held)
			}
			bob.report(got, playback.Playing, nil)
			ann.report(got, playback.Playing, nil)
			time.Sleep(5 * time.Second)
		}
	})
}

func TestEmptyRoomPausesWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", playback.Options{EmptyPause: 20 * time.Second})
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		time.Sleep(11500 * time.Millisecond)
		ann.quit()
		synctest.Wait()
		if got := s.last("r"); !got.Playing || got.Position != 10 {
			t.Errorf("saved when the last one left: %+v, want position 10", got)
		}
		time.Sleep(21 * time.Second)
		if got := state(t, h); got.Playing || got.Reason != playback.ReasonEmpty || got.Position != 30 {
			t.Errorf("state = %+v, want paused at 30", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := len(h.live("")); n != 0 {
			t.Errorf("%d rooms are alive after two minutes alone", n)
		}
		if got := s.last("r"); got.Playing || got.Position != 30 {
			t.Errorf("last saved %+v", got)
		}
	})
}

func TestEmptyRoomThatNeverPausesStaysAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", auto(playback.Sequential, 0))
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		ann.quit()
		time.Sleep(150 * time.Second)
		if got := state(t, h); got.Media.ID != "m2" || !got.Playing {
			t.Errorf("state = %+v, want m2 playing to nobody", got)
		}
	})
}

func TestComingBackInTimeKeepsPlaying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", playback.Options{EmptyPause: 20 * time.Second})
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		ann.quit()
		time.Sleep(19 * time.Second)
		ann = join(t, h, user("ann", "r", perm.All))
		go ann.listen()
		time.Sleep(10 * time.Second)
		if got := state(t, h); !got.Playing || got.Epoch != 1 {
			t.Errorf("state = %+v, want playing in the same epoch", got)
		}
	})
}

func TestHeartbeatAndQuietSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		synctest.Wait()
		n := s.saves("r")
		for i := range 5 {
			ann.command("seek", map[string]any{"position": 10 * i})
			time.Sleep(200 * time.Millisecond)
		}
		if got := s.saves("r") - n; got != 0 {
			t.Errorf("%d saves in the middle of a drag", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := s.saves("r") - n; got != 1 {
			t.Errorf("%d saves a second after it, want 1", got)
		}
		n = s.saves("r")
		go ann.listen()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := s.saves("r") - n; got != 3 {
			t.Errorf("%d heartbeats in 30 s, want 3", got)
		}
		ann.say("playback.command", map[string]any{"do": "pause"})
		synctest.Wait()
		n = s.saves("r")
		time.Sleep(time.Minute)
		if got := s.saves("r") - n; got != 0 {
			t.Errorf("%d saves while paused", got)
		}
	})
}

func TestAfterACrash(t *testing.T) {
	m := &playback.Current{ID: "m1", Duration: 100}
	saved := playback.State{Version: 5, Generation: 2, Media: m, Playing: true, Position: 40, Rate: 2, UpdatedAt: 1_000_000}
	for name, c := range map[string]struct {
		s       playback.State
		wall    float64
		playing bool
		at      float64
	}{
		"a moment later it plays on":        {saved, 1_010_000, true, 60},
		"a minute later it still does":      {saved, 1_000_000 + 60_000, true, 100},
		"later it waits where it was":       {saved, 1_000_000 + 60_001, false, 40},
		"a clock that went back is no help": {saved, 999_999, false, 40},
		"paused stays paused":               {func() playback.State { s := saved; s.Playing = false; return s }(), 1_010_000, false, 40},
		"nothing plays nothing":             {playback.State{Playing: true, Position: 3, Rate: 1, UpdatedAt: 1_000_000}, 1_000_001, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := awake(c.s, c.wall, 5000)
			if got.Playing != c.playing || got.At(5000) != c.at || got.UpdatedAt != 5000 {
				t.Errorf("state = %+v, want playing %v at %v", got, c.playing, c.at)
			}
		})
	}
}

func TestHandOverContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		time.Sleep(31500 * time.Millisecond)
		go func() { ann.closed() }()
		if err := h.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		next := NewHub(Config{Backing: s})
		got, err := next.State(t.Context(), "r")
		if err != nil || !got.Playing || got.Epoch != 2 || got.Position < 34.9 || got.Position > 38 {
			t.Errorf("state = %+v, err = %v, want playing on", got, err)
		}
		if err := next.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestTheStateIsRepeatedForThoseWhoLostIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", 0))
		m := ann.wait(protocol.TypePlaybackState)
		var s protocol.PlaybackState
		if m.into(t, &s); m.Seq != 0 || s.Version != 1 {
			t.Errorf("repeated state = %+v with number %d", s, m.Seq)
		}
		ann.say("sync.get", map[string]any{"epoch": 1, "version": 1})
		if ann.wait(protocol.TypePlaybackState).into(t, &s); s.Version != 1 {
			t.Errorf("asked for: %+v", s)
		}
	})
}

func TestMediaRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		h.MediaRemoved(t.Context(), "r", []string{"m9"})
		synctest.Wait()
		if got := state(t, h); got.Media.ID != "m1" {
			t.Errorf("media = %s", got.Media.ID)
		}
		h.MediaRemoved(t.Context(), "r", []string{"m1"})
		synctest.Wait()
		if got := state(t, h); got.Media.ID != "m2" || !got.Playing {
			t.Errorf("state = %+v, want m2", got)
		}
		h.MediaRemoved(t.Context(), "r", []string{"m2", "m3"})
		synctest.Wait()
		if got := state(t, h); got.Media != nil || got.Playing {
			t.Errorf("state = %+v, want nothing: what follows is gone too", got)
		}
	})
}

func TestViewersTeachTheLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, user("bob", "r", perm.All))
		st, _ := ann.command("select", map[string]any{"media_id": "m4"})
		ann.report(st, playback.Playing, map[string]any{"duration": 300.2})
		if got := state(t, h); got.Media.Duration != 0 {
			t.Errorf("duration = %v from one viewer", got.Media.Duration)
		}
		bob.report(st, playback.Playing, map[string]any{"duration": 300.0})
		if got := state(t, h); got.Media.Duration != 300.2 || got.Version != st.Version+1 || got.Generation != st.Generation {
			t.Errorf("state = %+v, want duration 300.2", got)
		}
	})
}

func TestPresenceAndPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.ViewMemberList))
		bob := join(t, h, user("bob", "r", 0))
		bob2 := join(t, h, user("bob", "r", 0))
		time.Sleep((presenceIn + 1) * time.Millisecond)
		synctest.Wait()
		var p protocol.PresenceChanged
		for _, m := range ann.pending() {
			if m.Type == protocol.TypePresenceChanged {
				m.into(t, &p)
			}
		}
		if p.Count != 2 || len(p.Members) != 2 || p.Members[1].ID != "bob" || p.Members[1].Devices != 2 {
			t.Errorf("presence = %+v", p)
		}
		if got := types(bob.pending()); got != "presence.count" {
			t.Errorf("bob, who may not see the list, got %q", got)
		}
		if n := h.Viewers("r", "elsewhere"); len(n) != 1 || n["r"] != 2 {
			t.Errorf("viewers = %v", n)
		}

		st := state(t, h)
		for range 20 {
			bob.report(st, playback.Buffering, map[string]any{"drift_ms": -12})
			bob.report(st, playback.Playing, map[string]any{"drift_ms": -12})
			bob2.report(st, playback.Paused, nil)
			time.Sleep(500 * time.Millisecond)
		}
		synctest.Wait()
		peers := 0
		for _, m := range ann.pending() {
			if m.Type == protocol.TypePlaybackPeers {
				peers++
				var p protocol.PlaybackPeers
				if m.into(t, &p); p.Items[0].ID != "bob" || p.Items[0].DriftMS != -12 {
					t.Errorf("peers = %+v", p)
				}
			}
		}
		if peers < 4 || peers > 5 {
			t.Errorf("%d peers messages in ten seconds, want one every two", peers)
		}
		list := h.Presence(t.Context(), "r")
		if len(list) != 2 || list[1].State != "playing" || *list[1].DriftMS != -12 {
			t.Errorf("presence = %+v, want the liveliest of bob's devices", list)
		}
	})
}

func TestTypingIsRelayedOnceInThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann, bob := join(t, h, user("ann", "r", perm.SendChat)), join(t, h, user("bob", "r", perm.ViewChatHistory))
		for range 5 {
			ann.say("chat.typing", map[string]any{})
		}
		bob.say("chat.typing", map[string]any{}) // may not send, so does not type
		synctest.Wait()
		if got := types(bob.pending(), "presence"); got != "chat.typing" {
			t.Errorf("got %q", got)
		}
		time.Sleep(3 * time.Second)
		ann.say("chat.typing", map[string]any{})
		var who protocol.Typing
		m := bob.wait(protocol.TypeChatTyping)
		if m.into(t, &who); who.ID != "ann" || m.Seq != 0 {
			t.Errorf("typing = %+v, number %d", who, m.Seq)
		}
	})
}

func TestOptionsChangeALiveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", playback.Options{WaitForReady: true})
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		h.Options(t.Context(), "r", playback.Options{StartPaused: true})
		if got := state(t, h); got.Hold != nil {
			t.Error("a hold outlives the setting")
		}
		if st, _ := ann.command("select", map[string]any{"media_id": "m2"}); st.Playing {
			t.Error("started, although the room starts paused")
		}
	})
}

func TestSelectThatTakesLongIsJudgedWhenItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.delay = 3 * time.Second
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, user("bob", "r", perm.All))
		ann.say("playback.command", map[string]any{"op": "a", "do": "select", "media_id": "m1"})
		time.Sleep(time.Second)
		bob.say("playback.command", map[string]any{"op": "b", "do": "stop"})
		bob.say("playback.command", map[string]any{"op": "b2", "do": "select", "media_id": "m2"})
		_ = h.Publish(t.Context(), "r", chat("the room goes on meanwhile"))
		bob.wait("chat.message")
		if s, no := ann.answer("a"); no != nil || s.Media.ID != "m1" {
			t.Errorf("ann: %+v %v", s, no)
		}
		if _, no := bob.answer("b2"); no == nil || no.Code != protocol.RejectStale {
			t.Errorf("bob: %+v, want stale: ann's select came first", no)
		}
	})
}
