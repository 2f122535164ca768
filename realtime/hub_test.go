package realtime

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"synctv/realtime/playback"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

func TestWelcomeTellsEverythingOneNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", playback.Options{ToleranceMS: 200, WelcomeMessage: "hi"})
		c := dial(t, h, user("ann", "r", perm.PlayControl|perm.SendChat), newPair(1<<16))
		c.say("hello", map[string]any{"resume": nil, "client": "test/1", "caps": []string{"hls"}})
		var w protocol.Welcome
		c.wait(protocol.TypeWelcome).into(t, &w)
		if w.User.ID != "ann" || w.Room.ID != "r" || w.PermissionsMask != "1025" || len(w.Permissions) != 2 || w.Epoch != 1 ||
			w.MembersCount != 1 || w.HeartbeatS != 20 || w.ToleranceMS != 200 || w.WelcomeMessage != "hi" || w.State.Version != 1 {
			t.Errorf("welcome = %+v", w)
		}
	})
}

func TestPlayReachesEveryoneAndAcknowledges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, guest("bob", "r"))
		if _, no := ann.command("select", map[string]any{"media_id": "m1"}); no != nil {
			t.Fatal(no)
		}
		s, no := ann.command("pause", map[string]any{"expected_generation": 2})
		if no != nil || s.Playing || s.Media.ID != "m1" {
			t.Fatalf("state = %+v, reject = %+v", s, no)
		}
		s, _ = ann.command("play", nil)
		if !s.Playing || s.Actor != "ann" || s.UpdatedAt <= h.MediaNow() {
			t.Errorf("state = %+v, want a scheduled start", s)
		}
		for {
			var seen protocol.PlaybackState
			m := bob.wait(protocol.TypePlaybackState)
			m.into(t, &seen)
			if m.Seq == 0 || m.At == 0 {
				t.Errorf("event without number or time: %+v", m)
			}
			if seen.Version == s.Version {
				break
			}
		}
	})
}

func TestWithoutPermissionNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		bob := join(t, h, guest("bob", "r"))
		for do, more := range map[string]map[string]any{
			"play": nil, "pause": nil, "seek": {"position": 3}, "rate": {"rate": 2}, "select": {"media_id": "m1"}, "next": nil, "stop": nil,
		} {
			if s, no := bob.command(do, more); no == nil || no.Code != protocol.RejectDenied || s.Version != 1 {
				t.Errorf("%s: reject = %+v, version = %d", do, no, s.Version)
			}
		}
	})
}

func TestRejects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		for name, c := range map[string]struct {
			do   string
			more map[string]any
			want protocol.RejectCode
		}{
			"stale":      {"pause", map[string]any{"expected_generation": 1}, protocol.RejectStale},
			"conflict":   {"pause", map[string]any{"expected_version": 1}, protocol.RejectConflict},
			"no media":   {"select", map[string]any{"media_id": "mars"}, protocol.RejectValidation},
			"far beyond": {"seek", map[string]any{"position": 5000}, protocol.RejectValidation},
		} {
			if _, no := ann.command(c.do, c.more); no == nil || no.Code != c.want {
				t.Errorf("%s: reject = %+v, want %s", name, no, c.want)
			}
		}
		// What cannot be decoded is told with the operation, and the connection stays.
		for _, bad := range []string{
			`{"type":"playback.command","data":{"op":"x","do":"seek","position":-1}}`,
			`{"type":"playback.command","data":{"op":"x","do":"rate","rate":0}}`,
			`{"type":"playback.command","data":{"op":"x","do":"seek","position":1e308}}`,
			`{"type":"playback.command","data":{"op":"x","do":"seek"}}`,
		} {
			ann.raw([]byte(bad))
			var e protocol.Error
			if ann.wait(protocol.TypeError).into(t, &e); e.Code != "validation" || e.Op != "x" {
				t.Errorf("%s: error = %+v", bad, e)
			}
		}
	})
}

func TestPlaybackCommandsAreLimitedPerConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		refused := 0
		for i := range 12 {
			if _, no := ann.command("seek", map[string]any{"position": i}); no != nil && no.Code == protocol.RejectRate {
				refused++
			}
		}
		if refused != 3 {
			t.Errorf("refused = %d, want 3: a burst of ten, one of them the select", refused)
		}
		time.Sleep(time.Second)
		if _, no := ann.command("seek", map[string]any{"position": 50}); no != nil {
			t.Errorf("a second later: %+v", no)
		}
	})
}

func TestTheSameOperationIsAcknowledgedAgainAndNotApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		first, _ := ann.command("seek", map[string]any{"position": 30, "op": "again"})
		ann.quit()
		ann = join(t, h, user("ann", "r", perm.All))
		second, no := ann.command("seek", map[string]any{"position": 30, "op": "again"})
		if no != nil || second.Version != first.Version || second.Op != "again" {
			t.Errorf("state = %+v, reject = %+v, want version %d again", second, no, first.Version)
		}
		for range 3 {
			time.Sleep(21 * time.Second)
			ann.say("clock.ping", map[string]any{"t0": 1})
		}
		synctest.Wait()
		ann.drop() // the state is repeated every 30 s, operation and all
		if third, _ := ann.command("seek", map[string]any{"position": 40, "op": "again"}); third.Version == first.Version {
			t.Error("a minute later the id is free again")
		}
	})
}

func TestCommandByREST(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		seat := user("ann", "r", perm.All)
		s, no, err := h.Command(t.Context(), seat, protocol.PlaybackCommand{Do: playback.Select, MediaID: "m2"})
		if err != nil || no != nil || s.Media.ID != "m2" {
			t.Fatalf("state = %+v, reject = %v, err = %v", s, no, err)
		}
		got, err := h.State(t.Context(), "r")
		if err != nil || got.Version != s.Version {
			t.Errorf("state = %+v, err = %v", got, err)
		}
		_, no, err = h.Command(t.Context(), guest("bob", "r"), protocol.PlaybackCommand{Do: playback.Pause})
		if err != nil || no == nil || no.Code != protocol.RejectDenied {
			t.Errorf("reject = %v, err = %v", no, err)
		}
	})
}

func TestEventsGoToWhoMaySeeThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		bob := join(t, h, user("bob", "r", perm.All))
		cat := join(t, h, user("cat", "r", 0))
		publish := func(ev protocol.Event) {
			if err := h.Publish(t.Context(), "r", ev); err != nil {
				t.Fatal(err)
			}
		}
		publish(protocol.Event{Type: "chat.message", Data: protocol.ChatMessage{ID: "1"}, Need: perm.ViewChatHistory})
		publish(protocol.Event{Type: "permissions.changed", Data: protocol.PermissionsChanged{}, To: "bob"})
		publish(protocol.Event{Type: "room.updated", Data: protocol.RoomUpdated{ID: "r"}})
		synctest.Wait()
		for who, want := range map[*client]string{
			ann: "chat.message room.updated", bob: "chat.message permissions.changed room.updated", cat: "room.updated",
		} {
			if got := types(who.pending(), "presence"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if err := h.Publish(t.Context(), "nowhere", protocol.Event{Type: "room.updated"}); err != nil {
			t.Errorf("to an empty room: %v", err)
		}
	})
}

// types joins the types of messages, those beginning with one of skip aside.
func types(list []message, skip ...string) string {
	var out []string
	for _, m := range list {
		skipped := false
		for _, s := range skip {
			skipped = skipped || strings.HasPrefix(m.Type, s)
		}
		if !skipped && m.Type != "" {
			out = append(out, m.Type)
		}
	}
	return strings.Join(out, " ")
}

func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		bob := join(t, h, user("bob", "r", perm.All))
		publish := func(n int) {
			for range n {
				_ = h.Publish(t.Context(), "r", protocol.Event{Type: "chat.message", Data: protocol.ChatMessage{}, Need: perm.ViewChatHistory})
				_ = h.Publish(t.Context(), "r", protocol.Event{Type: "member.updated", Data: protocol.MemberUpdated{}, To: "ann"})
				synctest.Wait()
				ann.drop()
			}
		}
		publish(1)
		last := bob.wait("chat.message").Seq
		bob.quit()
		publish(3)
		ann.command("select", map[string]any{"media_id": "m1"})

		back := func(epoch, seq uint64) ([]message, protocol.Welcome) {
			c := dial(t, h, user("bob", "r", perm.All), newPair(1<<22))
			c.say("hello", map[string]any{"resume": map[string]any{"epoch": epoch, "seq": seq}})
			var w protocol.Welcome
			c.wait(protocol.TypeWelcome).into(t, &w)
			synctest.Wait()
			list := c.pending()
			c.quit()
			return list, w
		}
		list, w := back(1, last)
		if got := types(list, "presence"); got != "chat.message chat.message chat.message" || !w.Resumed {
			t.Errorf("missed %q, resumed %v: want three messages, the state being in the welcome", got, w.Resumed)
		}
		for i, m := range list {
			if m.Type == "chat.message" && m.Seq <= last {
				t.Errorf("message %d has number %d, after %d", i, m.Seq, last)
			}
		}
		if list, w = back(1, w.Seq); types(list, "presence") != "" || !w.Resumed {
			t.Errorf("nothing missed: %q", types(list, "presence"))
		}
		for name, c := range map[string][2]uint64{"another epoch": {7, last}, "the future": {1, w.Seq + 1}} {
			if list, w = back(c[0], c[1]); types(list, "presence") != "resync" || w.Resumed {
				t.Errorf("%s: %q, want resync", name, types(list, "presence"))
			}
		}
		publish(300) // two events each
		if list, _ = back(1, last); types(list, "presence") != "resync" {
			t.Errorf("after 600 events: %q, want resync", types(list, "presence"))
		}
	})
}

func TestClockPongCarriesTheInstants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", 0))
		time.Sleep(3 * time.Second)
		before := h.MediaNow()
		ann.say("clock.ping", map[string]any{"t0": 123.4})
		var p protocol.ClockPong
		ann.wait(protocol.TypeClockPong).into(t, &p)
		if p.T0 != 123.4 || p.T1 != before || p.T2 != before {
			t.Errorf("pong = %+v, want t1 = t2 = %v: no time passes in here", p, before)
		}
	})
}

func TestPongThatWaitedIsStampedWhenItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		sock := newPair(400)
		ann := dial(t, h, user("ann", "r", 0), sock)
		ann.say("hello", map[string]any{})
		synctest.Wait()
		read := h.MediaNow()
		ann.say("clock.ping", map[string]any{"t0": 1})
		synctest.Wait()
		time.Sleep(4 * time.Second) // the welcome is stuck in the buffers
		written := h.MediaNow()
		var p protocol.ClockPong
		ann.wait(protocol.TypeClockPong).into(t, &p)
		if p.T1 != read || p.T2 < read || p.T2 > written {
			t.Errorf("pong = %+v, want t1 %v and t2 up to %v", p, read, written)
		}
	})
}

func TestSilenceIsPingedAndThenDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		start := time.Now()
		ann := join(t, h, user("ann", "r", 0))
		pings := 0
		for {
			m := ann.next()
			if m.ping {
				pings++
			}
			if m.close != 0 {
				if m.close != int(protocol.CloseAway) {
					t.Errorf("closed with %d, want 1001", m.close)
				}
				break
			}
		}
		if d := time.Since(start); d < 55*time.Second || d > 60*time.Second || pings != 2 {
			t.Errorf("dropped after %v and %d pings, want a minute and two", d, pings)
		}
		if n := h.Viewers("r")["r"]; n != 1 {
			t.Errorf("viewers = %d while the peer may still answer", n)
		}
		time.Sleep(closeGrace)
		synctest.Wait()
		if n := h.Viewers("r")["r"]; n != 0 {
			t.Errorf("viewers = %d", n)
		}
	})
}

func TestAnythingHeardKeepsAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", 0))
		for range 10 {
			time.Sleep(30 * time.Second)
			ann.drop()
			ann.say("clock.ping", map[string]any{"t0": 1})
			ann.wait(protocol.TypeClockPong)
		}
	})
}

func TestHelloMustComeSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		start := time.Now()
		ann := dial(t, h, user("ann", "r", 0), newPair(1<<16))
		ann.say("chat.typing", map[string]any{})
		var e protocol.Error
		if ann.wait(protocol.TypeError).into(t, &e); e.Code != "hello-expected" {
			t.Errorf("error = %+v", e)
		}
		if code, _ := ann.closed(); code != int(protocol.ClosePolicy) || time.Since(start) != 5*time.Second {
			t.Errorf("closed with %d after %v, want 1008 after 5 s", code, time.Since(start))
		}
	})
}

func TestMalformedTwiceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", 0))
		ann.say("dance", map[string]any{})
		var e protocol.Error
		if ann.wait(protocol.TypeError).into(t, &e); e.Code != "unknown-type" || e.Type != "dance" {
			t.Errorf("error = %+v", e)
		}
		ann.raw([]byte(`{"type":`))
		if ann.wait(protocol.TypeError).into(t, &e); e.Code != "malformed" {
			t.Errorf("error = %+v", e)
		}
		ann.raw([]byte(`[]`))
		if code, word := ann.closed(); code != 1007 || word != "malformed" {
			t.Errorf("closed with %d %q, want 1007", code, word)
		}
	})
}

func TestFloodIsDroppedAndThenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, user("bob", "r", perm.All))
		limited := 0
		for second := 0; ; second++ {
			if second > 5 {
				t.Fatal("never closed")
			}
			for range 200 {
				ann.raw([]byte(`{"type":"sync.get","data":{}}`))
			}
			synctest.Wait()
			closed := false
			for _, m := range ann.pending() {
				if m.Type == protocol.TypeError {
					limited++
				}
				closed = closed || m.close == int(protocol.ClosePolicy)
			}
			if closed {
				break
			}
			time.Sleep(1100 * time.Millisecond)
		}
		if limited != 2 {
			t.Errorf("told %d times, want once for each strike before the last", limited)
		}
		_ = h.Publish(t.Context(), "r", protocol.Event{Type: "room.updated", Data: protocol.RoomUpdated{}})
		bob.wait("room.updated")
	})
}

func TestLoadFailureEndsTheConnectionAndHealsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.loadErr = errors.New("disk on fire")
		ann := dial(t, h, user("ann", "r", 0), newPair(1<<16))
		ann.say("hello", map[string]any{})
		if code, _ := ann.closed(); code != int(protocol.CloseInternal) {
			t.Errorf("closed with %d, want 1011", code)
		}
		s.mu.Lock()
		s.loadErr = nil
		s.mu.Unlock()
		time.Sleep(2 * time.Second)
		join(t, h, user("ann", "r", 0))
	})
}

func TestRoomIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		s.room("r", playback.Options{MaxViewers: 1})
		join(t, h, user("ann", "r", 0))
		bob := dial(t, h, user("bob", "r", 0), newPair(1<<16))
		bob.say("hello", map[string]any{})
		if code, _ := bob.closed(); code != int(protocol.CloseSlow) {
			t.Errorf("closed with %d, want 1013", code)
		}
	})
}

func TestPanicEndsItsRoomOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, user("bob", "other", perm.All))
		h.Reseat(t.Context(), "r", func(Seat) (Seat, bool) { panic("a rule went wrong, on purpose") })
		if code, _ := ann.closed(); code != int(protocol.CloseInternal) {
			t.Errorf("closed with %d, want 1011", code)
		}
		if _, no := bob.command("select", map[string]any{"media_id": "m1"}); no != nil {
			t.Errorf("the other room: %v", no)
		}
		join(t, h, user("ann", "r", perm.All)) // and it comes alive again
	})
}
