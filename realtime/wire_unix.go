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
			w.n, w.err = syscall.Write(int(fd), w.p)
			if w.err != syscall.EINTR { //nolint:errorlint // a bare errno, compared for each delivery
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
	w.p = p
	err := w.raw.Control(w.call)
	w.p = nil
	switch {
	case err != nil:
		return 0, err
	case w.err == syscall.EAGAIN: //nolint:errorlint // as above
		return 0, nil
	case w.err != nil:
		return 0, w.err
	}
	return w.n, nil
}
