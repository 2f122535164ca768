//go:build unix && !linux

package realtime

import (
	"errors"
	"syscall"
)

// writeNow writes p to a descriptor that never blocks.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), p)
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = syscall.EIO
	}
	return max(n, 0), errno
}
