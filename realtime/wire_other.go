//go:build !unix

package realtime

import "syscall"

// open does nothing: here every delivery goes through the writer.
func (w *Wire) open(syscall.Conn) {}

// Try is not possible.
func (w *Wire) Try([]byte) (int, error) { return 0, ErrNoTry }
