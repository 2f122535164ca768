package realtime

import (
	"syscall"
	"unsafe"
)

// writeNow writes p, which is not empty, to a descriptor that never blocks.
//
// An ordinary system call tells the scheduler that it may take long, and on a
// busy machine the scheduler then gives the processor away: measured on two
// busy cores, a delivery by the raw call costs 9.0 us of CPU, by the ordinary
// one 13.1 and by net.Conn.Write 13.2. This call cannot take long: what does
// not fit is refused.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
