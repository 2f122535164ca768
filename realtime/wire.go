package realtime

import (
	"net"
	"syscall"
	"time"
)

// writeWithin is how long a peer may take nothing before a waiting write gives
// up on it.
const writeWithin = 10 * time.Second

// Wire is the sending half of a Socket over a net.Conn.
//
// Its Try is one system call on the socket below, without the locks and
// deadlines that net.Conn.Write needs for waiting: a room with 500 viewers
// makes 500 of them per message. A connection that is not a plain socket, like
// TLS, has only Write.
type Wire struct {
	conn net.Conn
	raw  syscall.RawConn // nil: ErrNoTry
	call func(fd uintptr)
	p    []byte // argument and results of call
	n    int
	err  error
}

// NewWire returns the wire of conn, looking through wrappers that offer the
// connection below as UnsafeConn, as fasthttp's hijacked connections do.
func NewWire(conn net.Conn) *Wire {
	for {
		w, ok := conn.(interface{ UnsafeConn() net.Conn })
		if !ok {
			break
		}
		conn = w.UnsafeConn()
	}
	w := &Wire{conn: conn}
	switch c := conn.(type) {
	case *net.TCPConn:
		w.open(c)
	case *net.UnixConn:
		w.open(c)
	}
	return w
}

// Write waits until all of bufs is written.
func (w *Wire) Write(bufs *net.Buffers) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := bufs.WriteTo(w.conn)
	return err
}

// Close closes the socket itself: closing TLS would first try to send an
// alert to a peer that may not read.
func (w *Wire) Close() error {
	if below, ok := w.conn.(interface{ NetConn() net.Conn }); ok {
		return below.NetConn().Close()
	}
	return w.conn.Close()
}
