package telemetry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	fileSize = 10 << 20        // a log file is put away when the next record would make it larger
	fileKeep = 5               // of those put away: <name>.1 is the newest
	lookAt   = 2 * time.Second // how often the name is compared with the open file
)

// file is a log file that puts itself away when it is full, and is opened anew
// when somebody else has moved or deleted it.
type file struct {
	path string
	max  int64
	keep int

	mu     sync.Mutex
	f      *os.File
	size   int64
	looked time.Time
}

func openFile(path string, maxSize int64, keep int) (*file, error) {
	l := &file{path: path, max: maxSize, keep: keep}
	return l, l.open()
}

func (l *file) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.f, l.size, l.looked = f, info.Size(), time.Now()
	return nil
}

// Write adds one record. When the disk refuses a new file the old one goes on:
// a log that grows is better than none.
func (l *file) Write(record []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return 0, fs.ErrClosed
	}
	full := l.size > 0 && l.size+int64(len(record)) > l.max
	if full {
		l.shift()
	}
	if full || l.moved() {
		old := l.f
		if l.open() == nil {
			old.Close()
		}
	}
	n, err := l.f.Write(record)
	l.size += int64(n)
	return n, err
}

// shift renames the full file to .1, .1 to .2 and so on; the oldest goes.
func (l *file) shift() {
	for n := l.keep - 1; n >= 1; n-- {
		_ = os.Rename(l.old(n), l.old(n+1)) // a gap in the row is fine
	}
	_ = os.Rename(l.path, l.old(1))
}

func (l *file) old(n int) string { return fmt.Sprintf("%s.%d", l.path, n) }

// moved tells whether the path leads to another file than the open one.
func (l *file) moved() bool {
	if time.Since(l.looked) < lookAt {
		return false
	}
	l.looked = time.Now()
	there, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	open, errOpen := l.f.Stat()
	return err == nil && errOpen == nil && !os.SameFile(there, open)
}

// Close closes the file; later writes fail.
func (l *file) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
