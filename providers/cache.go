package providers

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// errPanicked is what callers of a load that panicked are told.
var errPanicked = errors.New("load panicked")

// CacheConfig bounds a Cache.
type CacheConfig struct {
	Entries int           // at most this many values; 0 = 4096
	Timeout time.Duration // of one load; 0 = 15 s
	Log     *slog.Logger
}

// Cache keeps results for as long as their loader says and lets concurrent
// callers of one key share one load. The load runs in a context of its own, so
// a caller who leaves does not fail those who stay. Safe for concurrent use;
// Close waits for the loads under way.
type Cache[V any] struct {
	entries int
	timeout time.Duration
	log     *slog.Logger
	loads   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	byKey   map[string]*list.Element // of *cached[V]
	recent  *list.List               // front = used last
	flights map[string]*flight[V]
}

type cached[V any] struct {
	key   string
	value V
	err   error
	until time.Time
}

type flight[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// Load makes a value and says how long it, or its error, may be kept; 0 = not
// at all, only for those who are waiting.
type Load[V any] func(ctx context.Context) (V, time.Duration, error)

// NewCache returns an empty cache.
func NewCache[V any](cfg CacheConfig) *Cache[V] {
	if cfg.Entries <= 0 {
		cfg.Entries = 4096
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 15 * time.Second
	}
	return &Cache[V]{
		entries: cfg.Entries, timeout: cfg.Timeout, log: orDiscard(cfg.Log),
		byKey: map[string]*list.Element{}, recent: list.New(), flights: map[string]*flight[V]{},
	}
}

// Outcome says where a value came from.
type Outcome string

// The outcomes.
const (
	Hit       Outcome = "hit"
	Miss      Outcome = "miss"
	Coalesced Outcome = "coalesced"
)

// Get answers from memory or loads. A fresh call skips what is kept but joins
// a load that is under way.
func (c *Cache[V]) Get(ctx context.Context, key string, fresh bool, load Load[V]) (V, Outcome, error) {
	c.mu.Lock()
	if el, ok := c.byKey[key]; ok {
		if hit := el.Value.(*cached[V]); !fresh && time.Now().Before(hit.until) {
			c.recent.MoveToFront(el)
			c.mu.Unlock()
			return hit.value, Hit, hit.err
		}
		c.drop(el)
	}
	f, joined := c.flights[key]
	if !joined {
		if c.closed {
			c.mu.Unlock()
			var zero V
			return zero, Miss, &Error{Class: ClassUnavailable, Reason: "the source is being switched off"}
		}
		f = &flight[V]{done: make(chan struct{})}
		c.flights[key] = f
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		c.loads.Go(func() {
			defer rescue(c.log, "provider cache load")
			defer cancel()
			c.run(detached, key, f, load)
		})
	}
	c.mu.Unlock()
	outcome := Miss
	if joined {
		outcome = Coalesced
	}
	select {
	case <-f.done:
		return f.value, outcome, f.err
	case <-ctx.Done():
		var zero V
		return zero, outcome, context.Cause(ctx)
	}
}

func (c *Cache[V]) run(ctx context.Context, key string, f *flight[V], load Load[V]) {
	var keep time.Duration
	f.err = errPanicked
	defer func() { // also when load panics: nobody may wait for ever
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.flights, key)
		if keep > 0 && !c.closed {
			c.byKey[key] = c.recent.PushFront(&cached[V]{key: key, value: f.value, err: f.err, until: time.Now().Add(keep)})
			for c.recent.Len() > c.entries {
				c.drop(c.recent.Back())
			}
		}
		close(f.done)
	}()
	f.value, keep, f.err = load(ctx)
}

// drop needs mu.
func (c *Cache[V]) drop(el *list.Element) {
	c.recent.Remove(el)
	delete(c.byKey, el.Value.(*cached[V]).key)
}

// Forget drops the value of a key.
func (c *Cache[V]) Forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.byKey[key]; ok {
		c.drop(el)
	}
}

// Len is how many values are kept.
func (c *Cache[V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}

// Close waits for the loads under way and keeps nothing from then on.
func (c *Cache[V]) Close() {
	c.mu.Lock()
	c.closed = true
	clear(c.byKey)
	c.recent.Init()
	c.mu.Unlock()
	c.loads.Wait()
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
