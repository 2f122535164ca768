//go:build unix

package realtime

import "syscall"

// open prepares Try. The function that writes is made once, so that a delivery
// allocates nothing.
func (w *Wire) open(c syscall.Conn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	w.raw = raw
	w.call = func(fd uintptr) {
		for {
			w.n, w.errno = writeNow(fd, w.p)
			if w.errno != syscall.EINTR {
				return
			}
		}
	}
}

// Try writes what fits into the socket's buffer now.
//
// It goes through Control and not through Write of the raw connection: that
// one takes the descriptor's write lock, on which a writer may be waiting for
// a slow peer, and the room would wait with it.
func (w *Wire) Try(p []byte) (int, error) {
	if w.raw == nil {
		return 0, ErrNoTry
	}
	if len(p) == 0 {
		return 0, nil
	}
	w.p = p
	err := w.raw.Control(w.call)
	w.p = nil
	switch {
	case err != nil:
		return 0, err
	case w.errno == syscall.EAGAIN:
		return 0, nil
	case w.errno != 0:
		return 0, w.errno
	}
	return w.n, nil
}
