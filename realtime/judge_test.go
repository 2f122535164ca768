package realtime

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"synctv/realtime/protocol"
	"synctv/store/perm"
)

func TestASeatIsJudgedWhenItIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub(t)
		mask, allowed, asked := perm.DefaultMember, true, 0
		h.cfg.Judge = func(_ context.Context, s Seat) (Seat, bool) {
			asked++
			s.Mask = mask
			return s, allowed
		}
		// Found with every right, and taken four seconds after most were lost.
		late := dial(t, h, user("ann", "r", perm.All), newPair(1<<16))
		time.Sleep(4 * time.Second)
		mask = perm.ViewPlaylist
		h.Reseat(t.Context(), "r", func(s Seat) (Seat, bool) { return s, true })
		late.say("hello", map[string]any{"resume": nil})
		late.wait(protocol.TypeWelcome)
		if _, no := late.command("play", nil); no == nil || no.Code != protocol.RejectDenied {
			t.Errorf("a right that was lost before the hello still works: %+v", no)
		}
		// Rights that change while somebody is judged: judged again.
		asked = 0
		h.cfg.Judge = func(_ context.Context, s Seat) (Seat, bool) {
			if asked++; asked == 1 {
				h.Cut(t.Context(), Match{Person: "nobody"}, protocol.CloseKicked, "")
			}
			return s, true
		}
		join(t, h, user("bob", "r", perm.DefaultMember))
		if asked != 2 {
			t.Errorf("judged %d times, want 2", asked)
		}
		allowed = false
		h.cfg.Judge = func(_ context.Context, s Seat) (Seat, bool) { return s, allowed }
		gone := dial(t, h, user("eve", "r", perm.All), newPair(1<<16))
		gone.say("hello", map[string]any{"resume": nil})
		synctest.Wait()
		if n := h.Viewers("r")["r"]; n != 2 {
			t.Errorf("%d viewers, want 2: a refused seat was taken", n)
		}
	})
}
