package chat

import (
	"sync"
	"time"

	"synctv/app/room"
)

// maxPaced bounds the authors that are remembered; beyond it the table is
// swept of those who may write again.
const maxPaced = 10_000

// pace is slow mode: when each author of each room wrote last. It is in memory,
// because a restart may forgive.
type pace struct {
	mu   sync.Mutex
	last map[[2]string]stroke // by room and author
}

type stroke struct {
	op    string
	at    time.Time
	until time.Time
}

func newPace() *pace { return &pace{last: map[[2]string]stroke{}} }

// take claims the author's turn for a message. The same message may ask again:
// a transaction that runs twice is one message.
func (p *pace) take(roomID, author, op string, slow time.Duration, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]string{roomID, author}
	before, ok := p.last[key]
	if wait := before.at.Add(slow).Sub(now); ok && before.op != op && wait > 0 {
		return &room.TooManyError{After: wait}
	}
	if len(p.last) >= maxPaced {
		for k, s := range p.last {
			if now.After(s.until) {
				delete(p.last, k)
			}
		}
	}
	p.last[key] = stroke{op: op, at: now, until: now.Add(slow)}
	return nil
}

// release gives the turn back when the message was not stored after all.
func (p *pace) release(roomID, author, op string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]string{roomID, author}
	if p.last[key].op == op {
		delete(p.last, key)
	}
}
