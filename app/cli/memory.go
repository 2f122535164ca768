package cli

import (
	"bufio"
	"bytes"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory tells the garbage collector to work harder before the machine or
// the container runs out: 80 % of the container's limit or of half the RAM,
// whichever is less. GOMEMLIMIT set by the operator stays.
func limitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := min(memInfo(read("/proc/meminfo"))/2, cgroupLimit(read("/sys/fs/cgroup/memory.max")))
	if limit > 1<<50 || limit < 64<<20 {
		return // unknown, or so small that a limit would only burn time
	}
	limit = limit / 10 * 8
	debug.SetMemoryLimit(limit)
	log.Debug("memory limit set", slog.Int64("bytes", limit))
}

// read returns a small file's text, nothing when it cannot be read.
func read(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return text
}

// memInfo is the machine's RAM in bytes, the largest number when it is unknown.
func memInfo(text []byte) int64 {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemTotal:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 53)
			if err == nil {
				return kib << 10
			}
		}
	}
	return math.MaxInt64
}

// cgroupLimit is the container's limit in bytes, the largest number when there
// is none.
func cgroupLimit(text []byte) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
}
