package realtime

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"synctv/realtime/playback"
	"synctv/realtime/protocol"
)

// inboxSize is how many operations a room may be behind. Whoever brings more
// waits, which slows the sender and never the room.
const inboxSize = 256

// lingerFor is how long a room without people stays alive: whoever comes back
// in time resumes where the events were.
const lingerFor = 60_000.0 // ms

// room is one live room. Its goroutine alone touches what is below "owned".
type room struct {
	hub    *Hub
	id     string
	log    *slog.Logger
	inbox  chan func()
	quit   chan struct{} // closed by stop
	once   sync.Once
	done   chan struct{} // closed when the goroutine has ended
	jobs   sync.WaitGroup
	people atomic.Int32 // distinct persons, read by anyone
	refs   int          // guarded by hub.mu

	// owned by the room goroutine
	ctx      func() context.Context // of jobs for the backing
	failed   error                  // why the room could not be loaded
	closing  bool                   // nobody enters any more
	state    playback.State
	opts     playback.Options
	audience *playback.Audience
	conns    []*conn
	persons  map[string]int // person → connections
	ring     ring
	seq      uint64
	due      agenda
	acks     acks
	rest     map[string]*bucket // playback class of people who command by REST
	next     *upcoming
	endFor   int64 // version whose end has been handled
	saving   bool
	unsaved  *playback.State
	busy     int  // jobs that run
	limited  bool // the room said that it no longer waits for viewers
	peers    map[uint64]bool
}

func newRoom(h *Hub, id string) *room {
	return &room{
		hub: h, id: id, log: h.log.With(slog.String("room", id)), inbox: make(chan func(), inboxSize),
		quit: make(chan struct{}), done: make(chan struct{}), audience: playback.NewAudience(),
		persons: map[string]int{}, rest: map[string]*bucket{}, peers: map[uint64]bool{}, acks: acks{},
	}
}

// stop asks the room to send everyone away and to end.
func (r *room) stop() { r.once.Do(func() { close(r.quit) }) }

// run is the room's goroutine.
func (r *room) run() {
	ctx, cancel := context.WithCancel(context.Background()) // the room outlives whoever woke it
	defer cancel()
	defer close(r.done)
	defer r.jobs.Wait()
	defer cancel()
	defer r.hub.retire(r, true)
	r.ctx = func() context.Context { return ctx }
	r.hub.metrics.rooms.Inc()
	defer r.hub.metrics.rooms.Dec()
	defer r.abandon()
	r.load(ctx)

	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	armed := 0.0
	for {
		if at := r.due.first(); at != armed {
			armed = at
			timer.Reset(r.until(at))
		}
		select {
		case op := <-r.inbox:
			op()
		case <-timer.C:
			armed = 0
			if r.tick() {
				return
			}
		case <-r.quit:
			r.drain()
			return
		}
	}
}

func (r *room) until(at float64) time.Duration {
	if at == 0 {
		return time.Hour
	}
	return max(0, time.Duration((at-r.hub.now())*1e6)+time.Microsecond)
}

// load wakes the state. A room that cannot be loaded answers everyone with the
// reason and ends.
func (r *room) load(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	snap, err := r.hub.cfg.Backing.Load(ctx, r.id)
	now := r.hub.now()
	r.due.set(dueRetire, now+lingerFor)
	if err != nil {
		r.failed = err
		r.due.set(dueRetire, now+1)
		r.log.Warn("room did not load", slog.Any("err", err))
		return
	}
	r.state, r.opts = awake(snap.State, wallNow(), now), snap.Options
	r.due.set(dueSweep, now+float64(sweepEvery.Milliseconds()))
	r.due.set(dueResend, now+resendEvery)
	r.settle(now)
	r.log.Debug("room opened")
}

// awake puts a stored state on the media clock. A room that played until a
// moment ago plays on: its viewers never stopped. Later it starts paused where
// it was last seen.
func awake(s playback.State, wall, now float64) playback.State {
	age := wall - s.UpdatedAt
	if s.Rate < playback.MinRate || s.Rate > playback.MaxRate {
		s.Rate = 1
	}
	s.Hold, s.Op, s.Actor, s.Reason, s.ChangedAt = nil, "", "", playback.ReasonResync, 0
	switch {
	case s.Media == nil:
		s.Playing, s.Position = false, 0
	case !s.Playing || s.Media.Live:
	case age >= 0 && age <= lingerFor:
		s.Position += age / 1000 * s.Rate
	default:
		s.Playing = false
	}
	s.UpdatedAt = playback.Round3(now)
	s.Position = playback.Round3(s.At(now))
	return s
}

// abandon lets nobody wait on a room that ended in a panic.
func (r *room) abandon() {
	for _, c := range r.conns {
		c.close(protocol.CloseInternal, "")
	}
	r.hub.metrics.connections.Sub(float64(len(r.conns)))
	r.conns = nil
}

// do runs op in the room and waits for it.
func (r *room) do(ctx context.Context, op func()) error {
	ran := make(chan struct{})
	if err := r.post(ctx, func() { op(); close(ran) }); err != nil {
		return err
	}
	select {
	case <-ran:
		return nil
	case <-r.done:
		return ErrDraining
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// post lets the room run op when it gets to it.
func (r *room) post(ctx context.Context, op func()) error {
	select {
	case r.inbox <- op:
		return nil
	case <-r.done:
		return ErrDraining
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// job runs work beside the room and its result inside: the backing may take
// its time, the room does not wait for it.
func (r *room) job(work func(ctx context.Context) (then func())) {
	r.busy++
	ctx := r.ctx()
	r.jobs.Go(func() {
		defer rescue(r.log, "room job")
		then := func() {}
		defer func() { // also after a panic: the room counts its jobs
			_ = r.post(ctx, func() { r.busy--; then() })
		}()
		limit, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		if t := work(limit); t != nil {
			then = t
		}
	})
}

// enter gives c its place and its welcome.
// enter seats c, unless rights have changed since its seat was judged at that
// count; then it reports false and has done nothing.
func (r *room) enter(ctx context.Context, c *conn, hello *protocol.Hello, judged uint64) (in bool, err error) {
	var refused error
	err = r.do(ctx, func() {
		if in = r.hub.judged.Load() == judged || r.hub.cfg.Judge == nil; in {
			refused = r.join(c, hello)
		}
	})
	if err == nil {
		err = refused
	}
	return in, err
}

func (r *room) join(c *conn, hello *protocol.Hello) error {
	limit := r.opts.MaxViewers
	if limit <= 0 {
		limit = r.hub.cfg.Limits.RoomViewers
	}
	switch {
	case r.failed != nil:
		return r.failed
	case r.closing:
		return ErrDraining
	case len(r.conns) >= limit:
		return ErrFull
	}
	now := r.hub.now()
	c.slot = len(r.conns)
	r.conns = append(r.conns, c)
	r.hub.metrics.connections.Inc()
	r.audience.Join(c.id, c.seat.Person.ID, false)
	r.persons[c.seat.Person.ID]++
	r.people.Store(int32(len(r.persons)))
	r.due.clear(dueEmpty)
	r.due.clear(dueRetire)
	r.welcome(c, hello)
	r.touchPresence(now)
	return nil
}

// leave takes c out. It does not return before the room has forgotten it.
func (r *room) leave(c *conn) {
	// The room may be full of work; this must not be lost, so no deadline.
	_ = r.do(context.Background(), func() { r.part(c) }) // an ended room has forgotten everyone
}

func (r *room) part(c *conn) {
	if c.slot < 0 || c.slot >= len(r.conns) || r.conns[c.slot] != c {
		return
	}
	now := r.hub.now()
	last := r.conns[len(r.conns)-1]
	r.conns[c.slot], last.slot = last, c.slot
	r.conns[len(r.conns)-1] = nil
	r.conns, c.slot = r.conns[:len(r.conns)-1], -1
	r.hub.metrics.connections.Dec()
	r.audience.Leave(c.id)
	delete(r.peers, c.id)
	if id := c.seat.Person.ID; r.persons[id] > 1 {
		r.persons[id]--
	} else {
		delete(r.persons, id)
	}
	r.people.Store(int32(len(r.persons)))
	if len(r.conns) == 0 {
		r.emptied(now)
		return
	}
	r.touchPresence(now)
	r.listened(now) // one that was waited for may have been the last
}

// emptied begins the time after which an empty room pauses and sleeps.
func (r *room) emptied(now float64) {
	r.save(now)
	if r.state.Playing && r.opts.EmptyPause > 0 {
		r.due.set(dueEmpty, now+float64(r.opts.EmptyPause.Milliseconds()))
	}
	r.due.set(dueRetire, now+max(lingerFor, float64(r.opts.EmptyPause.Milliseconds())+1))
}

// sleep ends an empty room that has nothing left to do. The room goroutine
// returns when it says true.
func (r *room) sleep(now float64) bool {
	if len(r.conns) > 0 {
		return false
	}
	if r.busy > 0 || r.failed == nil && r.state.Playing && r.opts.EmptyPause == 0 || !r.hub.retire(r, false) {
		r.due.set(dueRetire, now+1000)
		return false
	}
	r.lastSave(now)
	r.log.Debug("room closed")
	return true
}

// drain sends everyone away and keeps the state for whoever takes the room
// next, playing on.
func (r *room) drain() {
	r.closing = true
	for _, c := range r.conns {
		c.close(protocol.CloseRestart, "")
	}
	r.lastSave(r.hub.now())
}

// lastSave waits for saves that run, so that an older state cannot win.
func (r *room) lastSave(now float64) {
	for r.busy > 0 {
		op := <-r.inbox
		op()
	}
	if r.failed != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx()), 5*time.Second)
	defer cancel()
	r.store(ctx, r.stored(now))
}

// store gives s to the backing.
func (r *room) store(ctx context.Context, s playback.State) {
	err := r.hub.cfg.Backing.Save(ctx, r.id, s)
	result := "ok"
	if err != nil {
		result = "error"
		if !errors.Is(err, context.Canceled) {
			r.log.Error("playback state was not saved", slog.Any("err", err))
		}
	}
	r.hub.metrics.saves.WithLabelValues(result).Inc()
}
