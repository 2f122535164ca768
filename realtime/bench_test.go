package realtime

import (
	"fmt"
	"io"
	"net"
	"sync"
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

// tcpPairs returns n connected loopback sockets whose far ends are read and
// forgotten.
func tcpPairs(b *testing.B, n int) []net.Conn {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var readers sync.WaitGroup
	conns := make([]net.Conn, n)
	for i := range n {
		far, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		if conns[i], err = ln.Accept(); err != nil {
			b.Fatal(err)
		}
		readers.Go(func() { _, _ = io.Copy(io.Discard, far); far.Close() })
	}
	b.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
		readers.Wait()
		ln.Close()
	})
	return conns
}

// BenchmarkLoopback compares a delivery over real sockets with a bare
// net.Conn.Write of the same bytes.
func BenchmarkLoopback(b *testing.B) {
	const n = 100
	frame := protocol.NewFrame(1, protocol.TypeChatMessage, 1790000000000, make([]byte, 200))
	b.Run("bare", func(b *testing.B) {
		conns := tcpPairs(b, n)
		for b.Loop() {
			for _, c := range conns {
				if _, err := c.Write(frame.Wire()); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
	})
	b.Run("hub", func(b *testing.B) {
		conns := tcpPairs(b, n)
		i := 0
		r := seatConns(b, n, func() Socket { i++; return &wired{Wire: NewWire(conns[i-1])} })
		b.ReportAllocs()
		for b.Loop() {
			r.fan(frame, 0, "")
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
	})
}

type wired struct{ *Wire }

func (*wired) Read(func([]byte)) ([]byte, error) { return nil, io.EOF }
