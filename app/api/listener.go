package api

import (
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const (
	// writeStall is how long one write may wait for a client that does not read.
	// It is renewed by every write, so a film may take hours.
	writeStall = 30 * time.Second
)

// limitListener counts connections per address, refuses those over the limit,
// and gives every write a deadline.
func (s *Server) limitListener(ln net.Listener) net.Listener {
	return &listener{Listener: ln, limit: func() int { return s.Settings.Current().SocketsPerAddress }, open: map[string]int{}}
}

type listener struct {
	net.Listener
	limit func() int

	mu   sync.Mutex
	open map[string]int // connections by address key; an entry goes with the last one
}

// Accept returns the next connection within the limits.
func (l *listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, _ := netip.ParseAddrPort(nc.RemoteAddr().String())
		key := addressKey(peer.Addr().Unmap())
		if !l.enter(key) {
			_ = nc.Close()
			continue
		}
		return &conn{Conn: nc, leave: sync.OnceFunc(func() { l.exit(key) })}, nil
	}
}

func (l *listener) enter(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[key] >= l.limit() {
		return false
	}
	l.open[key]++
	return true
}

func (l *listener) exit(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[key]--; l.open[key] <= 0 {
		delete(l.open, key)
	}
}

// conn renews the write deadline with every write.
type conn struct {
	net.Conn
	leave func()
}

// Write writes within writeStall.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeStall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close closes the connection and gives its place back.
func (c *conn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// SyscallConn lets the hub try a write without waiting.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, syscall.ENOTSUP
	}
	return sc.SyscallConn()
}

// NetConn is the connection below.
func (c *conn) NetConn() net.Conn { return c.Conn }
