package account

import (
	"sync"
	"time"
)

// The steps of a lock-out per account and address, and the one per address.
var lockSteps = []struct {
	failures int
	wait     time.Duration
}{{15, 15 * time.Minute}, {10, 5 * time.Minute}, {5, time.Minute}}

const (
	addressFailures = 20
	addressWait     = 10 * time.Minute
	// lockMemory is how long failures are remembered.
	lockMemory = 30 * time.Minute
	// maxLocks bounds the table; the oldest entries go first.
	maxLocks = 100_000
)

// lockout counts wrong passwords per (account, address) and per address, so
// that a stranger's guesses do not lock out the owner at home.
type lockout struct {
	mu   sync.Mutex
	keys map[string]failures
}

type failures struct {
	n    int
	last time.Time
}

func newLockout() *lockout { return &lockout{keys: map[string]failures{}} }

func pairKey(account, addr string) string { return account + "\x00" + addr }

// wait returns how long the next try must wait, 0 for not at all. Known and
// unknown names wait alike.
func (l *lockout) wait(account, addr string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	left := time.Duration(0)
	if f := l.keys[pairKey(account, addr)]; f.n > 0 {
		for _, step := range lockSteps {
			if f.n >= step.failures {
				left = f.last.Add(step.wait).Sub(now)
				break
			}
		}
	}
	if f := l.keys[addr]; f.n >= addressFailures {
		left = max(left, f.last.Add(addressWait).Sub(now))
	}
	return max(0, left)
}

func (l *lockout) failed(account, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, key := range []string{pairKey(account, addr), addr} {
		f := l.keys[key]
		if now.Sub(f.last) > lockMemory {
			f.n = 0
		}
		l.keys[key] = failures{f.n + 1, now}
	}
	if len(l.keys) > maxLocks {
		l.sweep(now)
	}
}

func (l *lockout) succeeded(account, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, pairKey(account, addr))
}

// sweep forgets what is old, or everything when an attack has filled the table
// within its memory: the rate limits still hold then.
func (l *lockout) sweep(now time.Time) {
	for key, f := range l.keys {
		if now.Sub(f.last) > lockMemory {
			delete(l.keys, key)
		}
	}
	if len(l.keys) > maxLocks {
		clear(l.keys)
	}
}
