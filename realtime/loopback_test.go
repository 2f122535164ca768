//go:build unix

package realtime

import (
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"synctv/realtime/protocol"
)

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

// cpu returns what this process has used, readers included. It is steadier
// than the clock on a machine that does other things too.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Skip("getrusage")
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLoopback compares a delivery over real sockets with a bare
// net.Conn.Write of the same bytes.
func BenchmarkLoopback(b *testing.B) {
	const n = 100
	frame := protocol.NewFrame(1, protocol.TypeChatMessage, 1790000000000, make([]byte, 200))
	b.Run("bare", func(b *testing.B) {
		conns := tcpPairs(b, n)
		start := cpu(b)
		for b.Loop() {
			for _, c := range conns {
				if _, err := c.Write(frame.Wire()); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(cpu(b)-start)/float64(b.N*n), "cpu-ns/delivery")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
	})
	b.Run("hub", func(b *testing.B) {
		conns := tcpPairs(b, n)
		i := 0
		r := seatConns(b, n, func() Socket { i++; return &wired{Wire: NewWire(conns[i-1])} })
		b.ReportAllocs()
		start := cpu(b)
		for b.Loop() {
			r.fan(frame, 0, "")
		}
		b.ReportMetric(float64(cpu(b)-start)/float64(b.N*n), "cpu-ns/delivery")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
	})
}

type wired struct{ *Wire }

func (*wired) Read(func([]byte)) ([]byte, error) { return nil, io.EOF }
