// Package realtime is the live half of a room: who is connected, what it plays
// and who hears about it.
//
// One goroutine per room owns its state, and nobody else touches it. A message
// is encoded and framed once; the room writes it to every viewer itself, one
// non-blocking write each, and never waits for one: what does not fit goes to
// the bounded outbox of that connection.
//
// Imported by realtime's own sub-packages, app/api and app. Imports
// realtime/playback, realtime/protocol, realtime/bus and store/perm.
package realtime

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"synctv/realtime/bus"
	"synctv/realtime/playback"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// Errors of a hub.
var (
	ErrDraining = errors.New("node is draining")
	ErrFull     = errors.New("room is full")
	errRevoked  = errors.New("the right to be here has ended")
)

// Backing is what a live room needs from durable storage. app/library
// implements it.
type Backing interface {
	// Load is called once when a room comes alive; it bumps the epoch.
	Load(ctx context.Context, room string) (playback.Snapshot, error)
	// Save keeps s. UpdatedAt is on the wall clock, and Position is where the
	// room was at that instant.
	Save(ctx context.Context, room string, s playback.State) error
	// Select finds the media that a select, next or prev means. A next past the
	// last one is no error but a Selection without media.
	Select(ctx context.Context, room string, rq playback.SelectRequest) (playback.Selection, error)
	// Next finds what follows after the end of the current media; false: nothing.
	Next(ctx context.Context, room string, after playback.State) (playback.Selection, bool, error)
}

// Peeker is a Backing that can show a sleeping room without waking it. Without
// it, State wakes the room.
type Peeker interface {
	Peek(ctx context.Context, room string) (playback.Snapshot, error)
}

// Seat is one connection's place in a room.
type Seat struct {
	Person        protocol.Person
	Room          string
	RoomName      string
	Role          string
	Rank          int
	Mask          perm.Mask
	Session       string // "" for guests
	GuestEpoch    int64
	MayResumeFree bool
}

// Limits bound what one node takes.
type Limits struct {
	RoomViewers int // connections per room when its options say nothing; 0: 2000
	Messages    int // waiting per connection; 0: 256
	Bytes       int // waiting per connection; 0: 1 MiB
}

// Config is what a hub is built from.
type Config struct {
	Bus     bus.Bus // nil: a single node
	Backing Backing
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: not registered
	Limits  Limits
	Server  protocol.Server
	// Judge decides again about a seat after its hello, right before it is
	// taken: up to five seconds have passed since it was found. false refuses
	// it. nil takes every seat as it came.
	Judge    func(context.Context, Seat) (Seat, bool)
	MediaNow func() float64 // nil: a MediaClock started by NewHub
}

// Hub holds the live rooms of this node. All methods are safe for concurrent
// use.
type Hub struct {
	cfg     Config
	log     *slog.Logger
	now     func() float64
	metrics *metrics
	connIDs atomic.Uint64
	judged  atomic.Uint64  // how often rights may have changed: Reseat and Cut
	writers sync.WaitGroup // rooms
	serving sync.WaitGroup // Serve calls

	mu       sync.Mutex
	rooms    map[string]*room
	draining bool
}

// NewHub returns a hub without rooms. Nothing runs until somebody enters one.
func NewHub(cfg Config) *Hub {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.MediaNow == nil {
		cfg.MediaNow = NewMediaClock().Now
	}
	if cfg.Limits.RoomViewers <= 0 {
		cfg.Limits.RoomViewers = 2000
	}
	if cfg.Limits.Messages <= 0 {
		cfg.Limits.Messages = 256
	}
	if cfg.Limits.Bytes <= 0 {
		cfg.Limits.Bytes = 1 << 20
	}
	return &Hub{
		cfg: cfg, log: cfg.Log.With(slog.String("part", "realtime")), now: cfg.MediaNow,
		metrics: newMetrics(cfg.Metrics), rooms: map[string]*room{},
	}
}

// MediaNow returns the media clock in ms: it never steps.
func (h *Hub) MediaNow() float64 { return playback.Round3(h.now()) }

// Run waits until ctx ends and then drains.
func (h *Hub) Run(ctx context.Context) error {
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return h.Drain(ctx)
}

// Drain tells everyone to come back elsewhere, closes all connections with
// 1012, saves every room a last time and waits for all of that. Nobody can
// enter afterwards.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	for _, r := range rooms {
		r.stop()
	}
	done := make(chan struct{})
	go func() {
		defer rescue(h.log, "wait for the rooms")
		defer close(done)
		h.writers.Wait()
		h.serving.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// acquire returns the live room, waking it when wake is set, and keeps it
// alive until release. Nil without an error: it sleeps.
func (h *Hub) acquire(id string, wake bool) (*room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[id]
	if r == nil {
		if !wake {
			return nil, nil
		}
		if h.draining {
			return nil, ErrDraining
		}
		r = newRoom(h, id)
		h.rooms[id] = r
		h.writers.Go(func() { defer rescue(h.log, "room"); r.run() })
	}
	r.refs++
	return r, nil
}

func (h *Hub) release(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.refs--
}

// retire removes r unless somebody holds it. The room calls it before it ends.
func (h *Hub) retire(r *room, anyway bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.refs > 0 && !anyway {
		return false
	}
	if h.rooms[r.id] == r {
		delete(h.rooms, r.id)
	}
	return true
}

// live returns the rooms that are alive, each held until release.
func (h *Hub) live(id string) []*room {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []*room
	for _, r := range h.rooms {
		if id == "" || r.id == id {
			r.refs++
			list = append(list, r)
		}
	}
	return list
}
