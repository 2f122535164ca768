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
	conn  net.Conn
	raw   syscall.RawConn // nil: ErrNoTry
	call  func(fd uintptr)
	p     []byte // argument and results of call
	n     int
	errno syscall.Errno
}

// NewWire returns the wire of conn. It looks through fasthttp's hijacked
// connections, which show the one below as UnsafeConn, and through wrappers
// that admit to be a plain socket by SyscallConn and show it as NetConn.
func NewWire(conn net.Conn) *Wire {
	for {
		w, ok := conn.(interface{ UnsafeConn() net.Conn })
		if !ok {
			break
		}
		conn = w.UnsafeConn()
	}
	w := &Wire{conn: conn}
	if sc, ok := conn.(syscall.Conn); ok { // TLS is none, so it keeps its own Write
		w.open(sc)
	}
	if w.raw != nil {
		w.conn = below(conn) // its Write is vectored, that of a wrapper is not
	}
	return w
}

// below returns the innermost connection.
func below(conn net.Conn) net.Conn {
	for {
		w, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = w.NetConn()
	}
}

// Conn returns the connection that is written to, for its reader.
func (w *Wire) Conn() net.Conn { return w.conn }

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
func (w *Wire) Close() error { return below(w.conn).Close() }
