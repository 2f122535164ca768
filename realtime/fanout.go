package realtime

import (
	"context"
	"time"

	"synctv/realtime/playback"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// Publish tells the people in a room. It does nothing when nobody is there:
// what matters is stored, and whoever comes later asks.
func (h *Hub) Publish(ctx context.Context, roomID string, ev protocol.Event) error {
	r, err := h.acquire(roomID, false)
	if r == nil || err != nil {
		return err
	}
	defer h.release(r)
	data, err := protocol.Encode(ev) // in the caller's goroutine: the room only adds the number
	if err != nil {
		return err
	}
	return r.post(ctx, func() { r.publish(ev, data) })
}

// publish numbers, keeps and sends an event.
func (r *room) publish(ev protocol.Event, data []byte) {
	if len(r.conns) == 0 && ev.Soft {
		return
	}
	at := round3(r.hub.now())
	if ev.Soft {
		r.fan(protocol.NewFrame(0, ev.Type, at, data), ev.Need, ev.To)
		return
	}
	r.seq++
	f := protocol.NewFrame(r.seq, ev.Type, at, data)
	r.ring.add(kept{seq: r.seq, frame: f, need: ev.Need, to: ev.To})
	r.fan(f, ev.Need, ev.To)
}

// event publishes one of the room's own.
func (r *room) event(ev protocol.Event) {
	data, err := protocol.Encode(ev)
	if err != nil {
		r.log.Error("event was not encoded")
		return
	}
	r.publish(ev, data)
}

// fan sends one frame to everyone who may see it: the same bytes, one
// non-blocking write each.
func (r *room) fan(f *protocol.Frame, need perm.Mask, to string) {
	start := time.Now()
	direct, queued := 0, 0
	for _, c := range r.conns {
		if !c.seat.Mask.Has(need) || to != "" && to != c.seat.Person.ID {
			continue
		}
		if c.send(f) {
			direct++
		} else {
			queued++
		}
	}
	m := r.hub.metrics
	m.direct.Add(float64(direct))
	if queued > 0 {
		m.queued.Add(float64(queued))
	}
	m.fanout.Observe(time.Since(start).Seconds())
}

// welcome answers hello and sends what was missed.
func (r *room) welcome(c *conn, hello *protocol.Hello) {
	missed, resumed := []kept(nil), false
	if re := hello.Resume; re != nil && re.Epoch == r.state.Epoch {
		missed, resumed = r.ring.after(re.Seq, r.seq)
	}
	at := round3(r.hub.now())
	state := protocol.StateOf(r.state)
	c.send(protocol.Direct(protocol.TypeWelcome, at, protocol.Welcome{
		ConnID: c.name(), User: c.seat.Person, Role: c.seat.Role,
		Room:        protocol.RoomRef{ID: r.id, Name: c.seat.RoomName},
		Permissions: perm.Names(c.seat.Mask), PermissionsMask: c.seat.Mask.String(),
		Epoch: r.state.Epoch, Seq: r.seq, State: state, MembersCount: len(r.persons),
		Server: r.hub.cfg.Server, HeartbeatS: int(pingEvery.Seconds()), ToleranceMS: r.opts.ToleranceMS,
		AllowMemberRate: r.opts.AllowMemberRate, WelcomeMessage: r.opts.WelcomeMessage, Resumed: resumed,
	}))
	if hello.Resume != nil && !resumed {
		why := "gap"
		if hello.Resume.Epoch != r.state.Epoch {
			why = "epoch"
		}
		c.send(protocol.Direct(protocol.TypeResync, at, protocol.Resync{
			Epoch: r.state.Epoch, Seq: r.seq, State: state, Presence: r.presenceFor(c.seat), Reason: why,
		}))
		return
	}
	for _, k := range missed {
		if k.frame.Type() != protocol.TypePlaybackState && k.visible(c.seat) { // welcome has the newest state
			c.send(k.frame)
		}
	}
}

// tellState sends the state to one connection, as the answer to op.
func (r *room) tellState(c *conn, op string) {
	s := protocol.StateOf(r.state)
	if op != "" {
		s.Op = op
	}
	c.send(protocol.Direct(protocol.TypePlaybackState, round3(r.hub.now()), s))
}

// syncGet answers a client that wants to be sure.
func (r *room) syncGet(ctx context.Context, c *conn) {
	_ = r.post(ctx, func() { r.tellState(c, "") }) // an ended room closes the connection
}

// typing tells the others that somebody writes.
func (r *room) typing(ctx context.Context, c *conn) {
	_ = r.post(ctx, func() {
		if c.slot < 0 || !c.seat.Mask.Has(perm.SendChat) {
			return
		}
		r.event(protocol.Event{
			Type: protocol.TypeChatTyping, Data: protocol.Typing{ID: c.seat.Person.ID, Name: c.seat.Person.Name},
			Need: perm.ViewChatHistory, Soft: true,
		})
	})
}

// State returns what a room watches. A room that sleeps is not woken when the
// backing can be asked.
func (h *Hub) State(ctx context.Context, roomID string) (protocol.PlaybackState, error) {
	peeker, ok := h.cfg.Backing.(Peeker)
	r, err := h.acquire(roomID, !ok)
	if err != nil {
		return protocol.PlaybackState{}, err
	}
	if r == nil {
		snap, err := peeker.Peek(ctx, roomID)
		if err != nil {
			return protocol.PlaybackState{}, err
		}
		return protocol.StateOf(awake(snap.State, wallNow(), h.now())), nil
	}
	defer h.release(r)
	var s playback.State
	var failed error
	if err := r.do(ctx, func() { s, failed = r.state, r.failed }); err != nil {
		return protocol.PlaybackState{}, err
	}
	return protocol.StateOf(s), failed
}
