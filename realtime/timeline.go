package realtime

import (
	"context"
	"log/slog"
	"slices"

	"synctv/realtime/playback"
	"synctv/realtime/protocol"
)

const (
	heartbeatEvery = 10_000.0 // ms between saves while playing
	saveQuiet      = 1_000.0
	resendEvery    = 30_000.0
	endWait        = 1_500.0
	retryAfter     = 5_000.0
)

// upcoming is the media that follows, found and announced.
type upcoming struct {
	generation int64
	selection  *playback.Selection
}

// apply makes a transition and does what follows from it.
func (r *room) apply(c playback.Command) ([]playback.Effect, error) {
	now := r.hub.now()
	next, effects, err := playback.Apply(r.state, c, now)
	if err != nil {
		return nil, err
	}
	if c.Actor != "" {
		r.cancelNext() // also when nothing changed: somebody is there and decides
	}
	if effects[0] == playback.Answer {
		return effects, nil
	}
	r.state = next
	for _, e := range effects {
		switch e {
		case playback.Answer: // alone, and dealt with above
		case playback.Broadcast:
			r.sendState()
		case playback.SaveNow:
			r.save(now)
		case playback.SaveSoon:
			r.due.set(dueSave, now+saveQuiet)
		}
	}
	r.settle(now)
	return effects, nil
}

// server applies a command of the room itself, which can only be refused when
// there is nothing to do.
func (r *room) server(c playback.Command) {
	if _, err := r.apply(c); err != nil {
		r.log.Debug("nothing to do", slog.String("do", string(c.Do)), slog.Any("err", err))
	}
}

func (r *room) sendState() {
	r.event(protocol.Event{Type: protocol.TypePlaybackState, Data: protocol.StateOf(r.state)})
	r.due.set(dueResend, r.hub.now()+resendEvery)
}

// settle sets the times that follow from the state.
func (r *room) settle(now float64) {
	s := r.state
	r.due.clear(dueHold)
	if s.Hold != nil {
		r.due.set(dueHold, s.Hold.Deadline)
	}
	r.due.clear(dueEnd)
	if at, ok := s.EndsAt(); ok && r.endFor != s.Version {
		r.due.set(dueEnd, max(at, now))
	}
	if !s.Playing {
		r.due.clear(dueHeartbeat)
		r.due.clear(dueOver)
		r.due.clear(dueStall)
	} else {
		r.due.soon(dueHeartbeat, now+heartbeatEvery)
	}
	if len(r.conns) == 0 && s.Playing && r.opts.EmptyPause > 0 {
		r.due.soon(dueEmpty, now+float64(r.opts.EmptyPause.Milliseconds()))
	}
}

// tick does what is due. True: the room has ended.
func (r *room) tick() bool {
	now := r.hub.now()
	for {
		switch {
		case r.due.take(dueHold, now):
			r.listened(now)
		case r.due.take(dueEnd, now):
			r.due.set(dueOver, now+endWait)
			r.listened(now)
		case r.due.take(dueOver, now):
			r.over()
		case r.due.take(dueNext, now):
			r.goOn()
		case r.due.take(dueRetry, now):
			r.findNext(false)
		case r.due.take(dueStall, now):
			r.stalled(now)
		case r.due.take(dueSave, now):
			r.save(now)
		case r.due.take(dueHeartbeat, now):
			r.save(now)
			r.settle(now)
		case r.due.take(dueResend, now):
			r.resend(now)
		case r.due.take(duePeers, now):
			r.sendPeers()
		case r.due.take(duePresence, now):
			r.sendPresence()
		case r.due.take(dueEmpty, now):
			if len(r.conns) == 0 {
				r.server(playback.Command{Do: playback.Empty})
			}
		case r.due.take(dueSweep, now):
			r.sweep(now)
		case r.due.take(dueRetire, now):
			if r.sleep(now) {
				return true
			}
		default:
			return false
		}
	}
}

// resend repeats the state, for a client that lost it. It keeps its version.
func (r *room) resend(now float64) {
	r.due.set(dueResend, now+resendEvery)
	if len(r.conns) > 0 {
		r.event(protocol.Event{Type: protocol.TypePlaybackState, Data: protocol.StateOf(r.state), Soft: true})
	}
}

// reported takes what a player says. It never moves the room.
func (r *room) reported(ctx context.Context, c *conn, rep *protocol.PlaybackReport) {
	_ = r.post(ctx, func() { // an ended room closes the connection
		if c.slot < 0 {
			return
		}
		now := r.hub.now()
		c.report = rep
		if rep.State == playback.Playing {
			r.hub.metrics.drift.Observe(max(rep.DriftMS, -rep.DriftMS))
		}
		changed := r.audience.Report(c.id, playback.Report{
			State: rep.State, Version: rep.Version, Generation: rep.Generation, Position: rep.Position,
			Buffered: rep.BufferedS, RTT: rep.RTTMS, Duration: rep.Duration,
		}, now)
		if changed {
			r.touchPeers(c, now)
		}
		r.learn(now)
		if rep.State == playback.Buffering && r.opts.WaitForReady {
			r.due.soon(dueStall, now+1001)
		}
		r.listened(now)
	})
}

// learn takes the length of the media from the viewers when nobody knew it.
func (r *room) learn(now float64) {
	if r.state.Media == nil || r.state.Media.Live || r.state.Media.Duration > 0 {
		return
	}
	if d, ok := r.audience.Length(r.state, now); ok {
		r.server(playback.Command{Do: playback.Duration, Position: &d})
	}
}

// listened looks at what the viewers say: a hold may be over, and so may the
// media.
func (r *room) listened(now float64) {
	if r.state.Hold != nil {
		if r.audience.Ready(r.state, now) {
			r.server(playback.Command{Do: playback.Release, Lead: r.audience.Lead()})
		} else {
			r.due.set(dueHold, r.state.Hold.Deadline)
		}
		return
	}
	if !r.state.Playing || r.state.Media == nil || r.state.Media.Live || r.endFor == r.state.Version {
		return
	}
	half, _ := r.audience.Over(r.state, now)
	if half && (r.due[dueOver] > 0 || r.state.Duration() == 0) {
		r.over()
	}
}

// stalled lets the room wait when too many viewers have run dry, at most three
// times in five minutes.
func (r *room) stalled(now float64) {
	if !r.opts.WaitForReady {
		return
	}
	wait, spent := r.audience.Stalled(r.state, now)
	switch {
	case wait:
		r.limited = false
		r.audience.Held(now)
		r.server(playback.Command{Do: playback.Wait, Waiting: r.audience.Waiting(r.state)})
	case spent && !r.limited:
		r.limited = true // said once, until the room waits again
		r.event(protocol.Event{Type: protocol.TypeWaitLimit, Data: protocol.WaitLimit{Until: round3(now + 5*60_000)}, Soft: true})
	}
}

// over begins what comes after the end, once per version of the state.
func (r *room) over() {
	r.due.clear(dueOver)
	r.due.clear(dueEnd)
	if r.endFor == r.state.Version || !r.state.Playing {
		return
	}
	r.endFor = r.state.Version
	switch auto := r.opts.AutoPlay; {
	case !auto.Enabled:
		r.server(playback.Command{Do: playback.End})
	case auto.Mode == playback.RepeatOne:
		g := r.state.Generation
		r.server(playback.Command{Do: playback.Advance, Generation: &g, Lead: r.audience.Lead()})
	default:
		r.findNext(true)
	}
}

// findNext asks the backing what follows. A failure is tried once more.
func (r *room) findNext(again bool) {
	after := r.state
	r.job(func(ctx context.Context) func() {
		sel, ok, err := r.hub.cfg.Backing.Next(ctx, r.id, after)
		return func() {
			switch {
			case r.state.Version != after.Version: // somebody chose meanwhile
			case err != nil:
				r.log.Warn("no next media", slog.Any("err", err))
				r.event(protocol.Event{
					Type: protocol.TypeAdvanceFailed,
					Data: protocol.AdvanceFailed{Generation: after.Generation, Retry: again},
				})
				if again {
					r.due.set(dueRetry, r.hub.now()+retryAfter)
					return
				}
				r.server(playback.Command{Do: playback.End})
			case !ok || sel.Media == nil:
				r.server(playback.Command{Do: playback.End})
			default:
				r.announce(sel)
			}
		}
	})
}

// announce says what comes next and waits for the delay of the room.
func (r *room) announce(sel playback.Selection) {
	r.next = &upcoming{generation: r.state.Generation, selection: &sel}
	delay := r.opts.AutoPlay.Delay
	if delay <= 0 {
		r.goOn()
		return
	}
	r.event(protocol.Event{Type: protocol.TypeNextIn, Data: protocol.NextIn{
		Seconds: delay.Seconds(), MediaID: sel.Media.ID, Media: sel.Media, Generation: r.state.Generation,
	}})
	r.due.set(dueNext, r.hub.now()+float64(delay.Milliseconds()))
}

func (r *room) goOn() {
	if r.next == nil {
		return
	}
	next := r.next
	r.next = nil
	r.server(playback.Command{
		Do: playback.Advance, Generation: &next.generation, Selection: next.selection, Lead: r.audience.Lead(),
		Hold:    r.opts.WaitForReady && r.audience.Len() > 0,
		Waiting: r.audience.Waiting(playback.State{Generation: -1}),
	})
}

func (r *room) cancelNext() {
	r.next = nil
	r.due.clear(dueNext)
	r.due.clear(dueRetry)
}

// MediaRemoved tells a live room that media are gone. When one of them is what
// it watches, it goes on to the next, or stops.
func (h *Hub) MediaRemoved(ctx context.Context, roomID string, ids []string) {
	r, err := h.acquire(roomID, false)
	if r == nil || err != nil {
		return
	}
	defer h.release(r)
	_ = r.post(ctx, func() { r.removed(ids) }) // an ended room watches nothing
}

func (r *room) removed(ids []string) {
	if r.state.Media == nil || !slices.Contains(ids, r.state.Media.ID) {
		return
	}
	after := r.state
	r.job(func(ctx context.Context) func() {
		sel, ok, err := r.hub.cfg.Backing.Next(ctx, r.id, after)
		return func() {
			switch {
			case r.state.Generation != after.Generation:
			case err != nil || !ok || sel.Media == nil || slices.Contains(ids, sel.Media.ID):
				r.server(playback.Command{Do: playback.Gone})
			default:
				r.server(playback.Command{Do: playback.Advance, Selection: &sel, StartPause: !after.Playing})
			}
		}
	})
}

// stored returns the state as it is kept: where the room is now, on the wall
// clock.
func (r *room) stored(now float64) playback.State {
	s := r.state
	s.Position, s.UpdatedAt = playback.Round3(s.At(now)), playback.Round3(wallNow())
	return s
}

// save gives the state to the backing, one save at a time and only the newest
// of those that wait.
func (r *room) save(now float64) {
	if r.failed != nil {
		return
	}
	r.due.clear(dueSave)
	s := r.stored(now)
	if r.saving {
		r.unsaved = &s
		return
	}
	r.saving = true
	r.job(func(ctx context.Context) func() {
		r.store(ctx, s)
		return func() {
			r.saving = false
			if r.unsaved != nil {
				r.unsaved = nil
				r.save(r.hub.now())
			}
		}
	})
}

// Options tells a live room that its settings changed.
func (h *Hub) Options(ctx context.Context, roomID string, o playback.Options) {
	r, err := h.acquire(roomID, false)
	if r == nil || err != nil {
		return
	}
	defer h.release(r)
	_ = r.post(ctx, func() { // an ended room reads them when it is woken
		r.opts = o
		if !o.WaitForReady && r.state.Hold != nil {
			r.server(playback.Command{Do: playback.Release, Lead: r.audience.Lead()})
		}
		r.settle(r.hub.now())
	})
}
