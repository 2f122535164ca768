package realtime

import (
	"fmt"
	"testing"

	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// void is a Socket that takes everything.
type void struct{ pair }

func (*void) Try(p []byte) (int, error) { return len(p), nil }

func seatConns(b *testing.B, n int, sock func() Socket) *room {
	b.Helper()
	h := NewHub(Config{Backing: newShelf()})
	r := newRoom(h, "r")
	for i := range n {
		c := h.newConn(sock(), user(fmt.Sprint("u", i), "r", perm.All))
		c.slot = i
		r.conns = append(r.conns, c)
	}
	return r
}

// BenchmarkFanOut encodes one chat message, frames it and hands it to everyone.
func BenchmarkFanOut(b *testing.B) {
	ev := protocol.Event{Type: protocol.TypeChatMessage, Data: protocol.ChatMessage{ID: "x", Kind: "text", Content: "hello everyone"}}
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := seatConns(b, n, func() Socket { return new(void) })
			b.ReportAllocs()
			for b.Loop() {
				data, _ := protocol.Encode(ev)
				r.publish(ev, data)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
		})
	}
}
