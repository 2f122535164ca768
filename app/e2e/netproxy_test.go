package e2e

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// link is a TCP proxy on loopback that makes a near server far: every piece of
// bytes arrives delay ± jitter later, in order, on both ways. It can be cut.
type link struct {
	ln            net.Listener
	target        string
	delay, jitter time.Duration
	rate          int // bytes a second towards the client, 0 = unlimited

	mu    sync.Mutex
	conns map[net.Conn]bool
	down  bool
	wg    sync.WaitGroup
}

// newLink puts a link in front of target until the test ends.
func newLink(t *testing.T, target string, delay, jitter time.Duration) *link {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{ln: ln, target: target, delay: delay, jitter: jitter, conns: map[net.Conn]bool{}}
	l.wg.Go(func() { l.accept(t.Context()) })
	t.Cleanup(func() {
		_ = ln.Close()
		l.cut()
		l.wg.Wait()
	})
	return l
}

// URL is where a browser finds the server through this link.
func (l *link) URL() string { return "http://" + l.ln.Addr().String() }

// cut ends every connection and refuses new ones.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for c := range l.conns {
		_ = c.Close()
	}
}

// mend lets connections through again.
func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

func (l *link) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		_ = c.Close()
		return false
	}
	l.conns[c] = true
	return true
}

func (l *link) drop(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	_ = c.Close()
}

func (l *link) accept(ctx context.Context) {
	for {
		client, err := l.ln.Accept()
		if err != nil {
			return
		}
		if !l.keep(client) {
			continue
		}
		l.wg.Go(func() {
			defer l.drop(client)
			server, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.target)
			if err != nil || !l.keep(server) {
				return
			}
			defer l.drop(server)
			var both sync.WaitGroup
			both.Go(func() { l.pipe(server, client, 0); _ = server.Close() })
			l.pipe(client, server, l.rate)
			_ = client.Close()
			both.Wait()
		})
	}
}

type piece struct {
	due  time.Time
	data []byte
}

// pipe copies from one side to the other, late and in order.
func (l *link) pipe(to io.Writer, from io.Reader, rate int) {
	queue := make(chan piece, 4096)
	var done sync.WaitGroup
	done.Go(func() {
		defer func() {
			for range queue { // drained, so that the reader ends
			}
		}()
		timer := time.NewTimer(0)
		defer timer.Stop()
		for p := range queue {
			timer.Reset(time.Until(p.due))
			<-timer.C
			if _, err := to.Write(p.data); err != nil {
				return
			}
		}
	})
	var last time.Time
	for {
		buf := make([]byte, 32<<10)
		n, err := from.Read(buf)
		if n > 0 {
			due := time.Now().Add(l.delay + time.Duration((rand.Float64()*2-1)*float64(l.jitter)))
			if rate > 0 {
				due = due.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
				if floor := last.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second))); due.Before(floor) {
					due = floor
				}
			}
			if due.Before(last) {
				due = last
			}
			last = due
			queue <- piece{due, buf[:n]}
		}
		if err != nil {
			close(queue)
			done.Wait()
			return
		}
	}
}
