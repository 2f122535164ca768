package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// queueSize is how many messages a subscriber may be behind; more are dropped,
// which is what at most once means.
const queueSize = 4096

// Memory is the bus of a single node and of tests. It starts no goroutine of
// its own, only one per subscription, which unsubscribe joins.
type Memory struct {
	log     *slog.Logger
	mu      sync.Mutex
	closed  bool
	subs    map[string][]*subscription
	replies map[string][]*responder
	leases  map[string]*held
	dropped uint64
}

var _ Bus = (*Memory)(nil)

type subscription struct {
	queue chan Message
	done  chan struct{}
}

type responder struct {
	fn    func(context.Context, []byte) ([]byte, error)
	calls sync.WaitGroup
}

type held struct {
	epoch  uint64
	until  time.Time
	active bool
}

// NewMemory returns an empty bus. A nil log is silent.
func NewMemory(log *slog.Logger) *Memory {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Memory{log: log, subs: map[string][]*subscription{}, replies: map[string][]*responder{}, leases: map[string]*held{}}
}

// Publish implements Bus.
func (m *Memory) Publish(ctx context.Context, subject string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	msg := Message{Subject: subject, Data: slices.Clone(data)}
	for _, s := range m.subs[subject] {
		select {
		case s.queue <- msg:
		default:
			m.dropped++
		}
	}
	return nil
}

// Subscribe implements Bus.
func (m *Memory) Subscribe(subject string, fn func(Message)) (func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	s := &subscription{queue: make(chan Message, queueSize), done: make(chan struct{})}
	m.subs[subject] = append(m.subs[subject], s)
	go func() {
		defer rescue(m.log, "bus subscription")
		defer close(s.done)
		for msg := range s.queue {
			m.handle(fn, msg)
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() { m.unsubscribe(subject, s) })
		<-s.done
	}, nil
}

// handle keeps a panic of one message from ending the subscription.
func (m *Memory) handle(fn func(Message), msg Message) {
	defer rescue(m.log, "bus message")
	fn(msg)
}

func (m *Memory) unsubscribe(subject string, s *subscription) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.Index(m.subs[subject], s)
	if at < 0 {
		return // Close took it
	}
	m.subs[subject] = slices.Delete(m.subs[subject], at, at+1)
	close(s.queue)
}

// Request implements Bus.
func (m *Memory) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, ErrClosed
	}
	list := m.replies[subject]
	if len(list) == 0 {
		m.mu.Unlock()
		return nil, fmt.Errorf("%s: %w", subject, ErrNoResponder)
	}
	r := list[0]
	r.calls.Add(1)
	m.mu.Unlock()
	defer r.calls.Done()
	out, err := r.fn(ctx, slices.Clone(data))
	return out, errors.Join(err, ctx.Err())
}

// Respond implements Bus.
func (m *Memory) Respond(subject string, fn func(context.Context, []byte) ([]byte, error)) (func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	r := &responder{fn: fn}
	m.replies[subject] = append(m.replies[subject], r)
	return func() {
		m.mu.Lock()
		if at := slices.Index(m.replies[subject], r); at >= 0 {
			m.replies[subject] = slices.Delete(m.replies[subject], at, at+1)
		}
		m.mu.Unlock()
		r.calls.Wait()
	}, nil
}

// Lease implements Bus.
func (m *Memory) Lease(ctx context.Context, name string, ttl time.Duration) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	h := m.leases[name]
	if h == nil {
		h = &held{}
		m.leases[name] = h
	}
	if h.active && time.Now().Before(h.until) {
		return nil, fmt.Errorf("%s: %w", name, ErrTaken)
	}
	h.epoch++
	h.active, h.until = true, time.Now().Add(ttl)
	return &memoryLease{bus: m, name: name, ttl: ttl, epoch: h.epoch}, nil
}

// Healthy implements Bus.
func (m *Memory) Healthy() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	return nil
}

// Close ends all subscriptions and waits for their handlers.
func (m *Memory) Close() error {
	m.mu.Lock()
	var ended []*subscription
	for _, list := range m.subs {
		ended = append(ended, list...)
	}
	m.closed = true
	clear(m.subs)
	for _, s := range ended {
		close(s.queue)
	}
	m.mu.Unlock()
	for _, s := range ended {
		<-s.done
	}
	return nil
}

type memoryLease struct {
	bus   *Memory
	name  string
	ttl   time.Duration
	epoch uint64
}

func (l *memoryLease) Epoch() uint64 { return l.epoch }

func (l *memoryLease) Renew(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	h := l.bus.leases[l.name]
	if h.epoch != l.epoch || !h.active || !time.Now().Before(h.until) {
		return fmt.Errorf("%s: %w", l.name, ErrLost)
	}
	h.until = time.Now().Add(l.ttl)
	return nil
}

func (l *memoryLease) Release(context.Context) error {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	if h := l.bus.leases[l.name]; h.epoch == l.epoch {
		h.active = false
	}
	return nil
}
