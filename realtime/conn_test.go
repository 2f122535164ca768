package realtime

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"synctv/realtime/protocol"
	"synctv/store/perm"
)

func chat(content string) protocol.Event {
	return protocol.Event{Type: protocol.TypeChatMessage, Data: protocol.ChatMessage{Content: content}}
}

func TestSlowReaderIsClosedAndOthersHearOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		bob := join(t, h, user("bob", "r", perm.All)) // reads nothing from here on: 64 KiB fit
		for i := range 2000 {
			if err := h.Publish(t.Context(), "r", chat(string(bytes.Repeat([]byte{'x'}, 400)))); err != nil {
				t.Fatal(err)
			}
			if i%50 == 0 {
				synctest.Wait()
				ann.drop()
			}
		}
		synctest.Wait()
		ann.drop()
		_ = h.Publish(t.Context(), "r", chat("still here"))
		ann.wait("chat.message")
		if code, word := bob.closed(); code != int(protocol.CloseSlow) || word != "overloaded" {
			t.Errorf("closed with %d %q, want 1013", code, word)
		}
	})
}

func TestStalledReaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ann := join(t, h, user("ann", "r", perm.All))
		bob := join(t, h, user("bob", "r", perm.All))
		for range 1000 {
			_ = h.Publish(t.Context(), "r", chat(string(bytes.Repeat([]byte{'x'}, 400))))
			synctest.Wait()
			ann.drop()
		}
		synctest.Wait()
		time.Sleep(closeStalled + time.Second)
		synctest.Wait()
		select {
		case <-bob.done:
		default:
			t.Error("a peer that takes not even the close frame is still served")
		}
		if n := h.Viewers("r")["r"]; n != 1 {
			t.Errorf("viewers = %d, want 1", n)
		}
	})
}

func TestStatesThatWaitAreReplacedByTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		sock := newPair(1 << 16)
		bob := dial(t, h, user("bob", "r", perm.All), sock)
		bob.say("hello", map[string]any{})
		bob.wait(protocol.TypeWelcome)
		time.Sleep(time.Second)
		bob.drop()
		sock.mu.Lock()
		sock.space = 40 // less than a state: each is stuck in the middle
		sock.mu.Unlock()
		ann := join(t, h, user("ann", "r", perm.All))
		ann.command("select", map[string]any{"media_id": "m1"})
		for i := range 8 {
			if _, no := ann.command("seek", map[string]any{"position": i}); no != nil {
				t.Fatal(no)
			}
		}
		_ = h.Publish(t.Context(), "r", chat("after"))
		synctest.Wait()
		var versions []int64
		for {
			m := bob.next()
			if m.Type == protocol.TypePlaybackState {
				var s protocol.PlaybackState
				m.into(t, &s)
				versions = append(versions, s.Version)
			}
			if m.Type == "chat.message" {
				break
			}
			if m.close != 0 {
				t.Fatalf("closed with %d", m.close)
			}
		}
		// One was being written, a second waited in the same write; of the rest the newest is left.
		if n := len(versions); n > 3 || versions[n-1] != 10 {
			t.Errorf("versions = %v, want at most three and version 10 last", versions)
		}
	})
}

func TestFramesNeverInterleave(t *testing.T) {
	for name, slow := range map[string]bool{"with partial writes": false, "without a way to try": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, _ := newTestHub(t)
				sock := newPair(1000)
				sock.slow = slow
				bob := dial(t, h, user("bob", "r", perm.All), sock)
				bob.say("hello", map[string]any{})
				bob.wait(protocol.TypeWelcome)
				rnd := rand.New(rand.NewPCG(1, 2))
				sent := make(chan int)
				go func() {
					n := 0
					for range 400 {
						if h.Publish(context.Background(), "r", chat(string(bytes.Repeat([]byte{'x'}, rnd.IntN(900))))) == nil {
							n++
						}
						time.Sleep(time.Millisecond)
					}
					sent <- n
				}()
				go func() {
					for range 50 {
						bob.say("clock.ping", map[string]any{"t0": 1})
						time.Sleep(8 * time.Millisecond)
					}
				}()
				got, pongs, last := 0, 0, uint64(0)
				for got < 400 || pongs < 50 { // parseFrame panics on the first byte out of place
					m := bob.next()
					switch m.Type {
					case "chat.message":
						if got++; m.Seq <= last {
							t.Fatalf("number %d after %d", m.Seq, last)
						}
						last = m.Seq
					case protocol.TypeClockPong:
						pongs++
					}
					if m.close != 0 {
						t.Fatalf("closed with %d", m.close)
					}
				}
				if n := <-sent; n != 400 {
					t.Errorf("sent %d", n)
				}
			})
		})
	}
}

func TestIdleConnectionHasNoWriterAndNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		c := h.newConn(&pair{in: make(chan []byte), closed: make(chan struct{}), space: 10, moved: make(chan struct{})}, user("a", "r", 0))
		f := protocol.NewFrame(1, "x", 0, []byte("{}"))
		if c.send(f) {
			t.Error("a frame larger than the buffers went out directly")
		}
		synctest.Wait()
		c.mu.Lock()
		if !c.writing {
			t.Error("no writer while something waits")
		}
		c.mu.Unlock()
		cl := &client{t: t, sock: c.sock.(*pair)}
		cl.next()
		synctest.Wait()
		c.mu.Lock()
		if c.writing || c.queue != nil || c.waiting != 0 || c.flying != 0 || c.sent != 0 {
			t.Errorf("after the last byte: writing %v, %d items, %d bytes, %d in flight", c.writing, len(c.queue), c.waiting, c.flying)
		}
		c.mu.Unlock()
		c.finish()
	})
}

func TestKickReseatAndDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newTestHub(t)
		ann, bob := join(t, h, user("ann", "r", perm.All)), join(t, h, user("bob", "r", perm.All))
		bob2, cat := join(t, h, user("bob", "r2", perm.All)), join(t, h, guest("cat", "r"))

		if n := h.Cut(t.Context(), Match{Room: "r", Person: "bob"}, protocol.CloseKicked, "by ann"); n != 1 {
			t.Errorf("cut %d, want 1", n)
		}
		if code, word := bob.closed(); code != 4004 || word != "kicked" {
			t.Errorf("closed with %d %q", code, word)
		}
		if n := h.Cut(t.Context(), Match{Session: "s-bob"}, protocol.CloseSessionRevoked, ""); n != 1 {
			t.Errorf("cut %d, want 1 in the other room", n)
		}
		if code, _ := bob2.closed(); code != 4001 {
			t.Errorf("closed with %d", code)
		}
		if n := h.Cut(t.Context(), Match{}, protocol.CloseIdle, ""); n != 0 {
			t.Errorf("an empty match cut %d", n)
		}

		h.Reseat(t.Context(), "r", func(s Seat) (Seat, bool) {
			s.Mask &^= perm.PlayControl
			return s, s.Person.Kind != "guest"
		})
		if code, _ := cat.closed(); code != 4005 {
			t.Errorf("guest closed with %d, want 4005", code)
		}
		var p protocol.PermissionsChanged
		ann.wait(protocol.TypePermissions).into(t, &p)
		if p.PermissionsMask != (perm.All &^ perm.PlayControl).String() {
			t.Errorf("mask = %s", p.PermissionsMask)
		}
		if _, no := ann.command("play", nil); no == nil || no.Code != protocol.RejectDenied {
			t.Errorf("the next command is judged by the new mask: %+v", no)
		}

		drained := make(chan error)
		go func() { drained <- h.Drain(context.Background()) }()
		if code, word := ann.closed(); code != 1012 || word != "node_draining" {
			t.Errorf("closed with %d %q", code, word)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if s.saves("r") == 0 {
			t.Error("a drained room was not saved")
		}
		late := dial(t, h, user("ann", "r", 0), newPair(1<<16))
		if code, _ := late.closed(); code != 1012 {
			t.Errorf("after the drain: %d", code)
		}
	})
}

func TestRunDrainsWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		ann := join(t, h, user("ann", "r", perm.All))
		cancel()
		if code, _ := ann.closed(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestBucketAndStrikes(t *testing.T) {
	b := newBucket(2, 3)
	took := 0
	for range 10 {
		if b.take(1000) {
			took++
		}
	}
	if took != 3 || !b.take(1500) || b.take(1500) {
		t.Errorf("took %d of a burst of 3, then one more after half a second", took)
	}
	var s strikes
	for i, c := range []struct {
		at         float64
		first, out bool
	}{{1000, true, false}, {1500, false, false}, {2000, true, false}, {90_000, true, false}, {91_000, true, false}, {92_000, true, true}} {
		if first, out := s.add(c.at); first != c.first || out != c.out {
			t.Errorf("%d: first %v, out %v", i, first, out)
		}
	}
}
