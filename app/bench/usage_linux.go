package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// sampleOf is what a process has used so far.
type sampleOf struct {
	cpu time.Duration
	rss int64
}

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux.
const tick = 10 * time.Millisecond

// usage looks at a process; 0 is none.
func usage(pid int) (sampleOf, error) {
	if pid == 0 {
		return sampleOf{}, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return sampleOf{}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	_, after, ok := strings.Cut(string(stat), ") ") // the name before may hold spaces
	fields := strings.Fields(after)
	if !ok || len(fields) < 22 {
		return sampleOf{}, fmt.Errorf("look at process %d: unknown format", pid)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	pages, err3 := strconv.ParseInt(fields[21], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return sampleOf{}, fmt.Errorf("look at process %d: unknown format", pid)
	}
	return sampleOf{cpu: time.Duration(user+system) * tick, rss: pages * int64(os.Getpagesize())}, nil
}
