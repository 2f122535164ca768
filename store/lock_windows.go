//go:build windows

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes the lock that ends with the process, however it ends. taken
// means that somebody else holds it. It covers a byte far behind the text, so
// that the process number in the file can still be read.
func tryLock(f *os.File) (taken bool, err error) {
	at := &windows.Overlapped{OffsetHigh: 1}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	return errors.Is(err, windows.ERROR_LOCK_VIOLATION), err
}

// fullDisk and readOnlyDisk tell why the system refused to make a file.
func fullDisk(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL)
}

func readOnlyDisk(err error) bool {
	return errors.Is(err, windows.ERROR_WRITE_PROTECT) || errors.Is(err, os.ErrPermission)
}
