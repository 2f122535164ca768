package room

import (
	"sync"
	"time"
)

// Guessing a room password: per person or address and room, and per room over
// all addresses.
const (
	triesEach   = 5
	triesRoom   = 20
	triesWindow = time.Minute
	triesKept   = 10_000 // keys; beyond it the table is swept
)

// tries counts wrong passwords of the last minute.
type tries struct {
	mu    sync.Mutex
	wrong map[string][]time.Time
}

func newTries() *tries { return &tries{wrong: map[string][]time.Time{}} }

// take counts an attempt before it is judged, so that parallel guesses cannot
// outrun the count. A right password takes its attempt back.
func (t *tries) take(room, who string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	each, all := room+"|"+who, room
	for _, k := range []struct {
		key   string
		limit int
	}{{each, triesEach}, {all, triesRoom}} {
		recent := t.recent(k.key, now)
		if len(recent) >= k.limit {
			return &TooManyError{After: triesWindow - now.Sub(recent[0])}
		}
	}
	if len(t.wrong) > triesKept {
		t.sweep(now)
	}
	t.wrong[each] = append(t.wrong[each], now)
	t.wrong[all] = append(t.wrong[all], now)
	return nil
}

// right takes the last attempt back: only wrong ones count.
func (t *tries) right(room, who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range []string{room + "|" + who, room} {
		if list := t.wrong[key]; len(list) > 1 {
			t.wrong[key] = list[:len(list)-1]
		} else {
			delete(t.wrong, key)
		}
	}
}

// recent needs mu. It forgets what lies before the window.
func (t *tries) recent(key string, now time.Time) []time.Time {
	list := t.wrong[key]
	for len(list) > 0 && now.Sub(list[0]) >= triesWindow {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(t.wrong, key)
		return nil
	}
	t.wrong[key] = list
	return list
}

// sweep needs mu.
func (t *tries) sweep(now time.Time) {
	for key := range t.wrong {
		t.recent(key, now)
	}
}
