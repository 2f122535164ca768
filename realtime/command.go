package realtime

import (
	"context"
	"errors"

	"synctv/realtime/playback"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// needs is the permission behind each command.
var needs = map[playback.Do]perm.Mask{
	playback.Play:   perm.PlayControl,
	playback.Pause:  perm.PlayControl,
	playback.Seek:   perm.PlayControl,
	playback.Rate:   perm.ChangePlaybackRate,
	playback.Select: perm.ChangeCurrentMedia,
	playback.Next:   perm.ChangeCurrentMedia,
	playback.Prev:   perm.ChangeCurrentMedia,
	playback.Stop:   perm.ChangeCurrentMedia,
}

// outcome is what became of a command.
type outcome struct {
	state   protocol.PlaybackState
	refused *protocol.PlaybackReject
	told    bool // everyone has been sent the state, its sender too
}

// reply takes the outcome of a command to whoever sent it.
type reply func(outcome)

// command takes one from a connection. Its mask is the one of this moment.
func (r *room) command(ctx context.Context, c *conn, cmd *protocol.PlaybackCommand) {
	_ = r.post(ctx, func() { // an ended room closes the connection
		if c.slot < 0 {
			return
		}
		answer := func(o outcome) {
			switch {
			case o.refused != nil:
				c.send(protocol.Direct(protocol.TypePlaybackReject, round3(r.hub.now()), o.refused))
			case !o.told:
				c.send(protocol.Direct(protocol.TypePlaybackState, round3(r.hub.now()), o.state))
			}
		}
		r.take(c.seat, &c.playback, cmd, answer)
	})
}

// Command is the REST twin of the socket's command: same rules, same rate,
// counted per person.
func (h *Hub) Command(ctx context.Context, seat Seat, cmd protocol.PlaybackCommand) (protocol.PlaybackState, *protocol.PlaybackReject, error) {
	r, err := h.acquire(seat.Room, true)
	if err != nil {
		return protocol.PlaybackState{}, nil, err
	}
	defer h.release(r)
	got := make(chan outcome, 1)
	var failed error
	err = r.do(ctx, func() {
		if failed = r.failed; failed != nil {
			return
		}
		b := r.rest[seat.Person.ID]
		if b == nil {
			fresh := newBucket(1, 10)
			b = &fresh
			r.rest[seat.Person.ID] = b
		}
		r.take(seat, b, &cmd, func(o outcome) { got <- o })
	})
	if err = errors.Join(err, failed); err != nil {
		return protocol.PlaybackState{}, nil, err
	}
	select {
	case o := <-got:
		return o.state, o.refused, nil
	case <-r.done:
		return protocol.PlaybackState{}, nil, ErrDraining
	case <-ctx.Done():
		return protocol.PlaybackState{}, nil, context.Cause(ctx)
	}
}

// take judges a command and applies it, or asks the backing first.
func (r *room) take(seat Seat, limit *bucket, cmd *protocol.PlaybackCommand, answer reply) {
	now := r.hub.now()
	refuse := func(code protocol.RejectCode) {
		r.count(cmd.Do, string(code))
		answer(r.refusal(cmd.Op, code))
	}
	need, known := needs[cmd.Do]
	switch {
	case !known || cmd.Check() != "":
		refuse(protocol.RejectValidation)
	case !seat.Mask.Has(need):
		refuse(protocol.RejectDenied)
	case r.acks.repeat(cmd.Op, seat.Person.ID, now):
		s := protocol.StateOf(r.state)
		s.Op = cmd.Op
		answer(outcome{state: s})
	case !limit.take(now):
		refuse(protocol.RejectRate)
	default:
		c := playback.Command{
			Do: cmd.Do, Actor: seat.Person.ID, Op: cmd.Op, Position: cmd.Position,
			Generation: cmd.ExpectedGeneration, Version: cmd.ExpectedVersion,
			Lead: r.audience.Lead(), StartPause: r.opts.StartPaused,
		}
		if cmd.Rate != nil {
			c.Rate = *cmd.Rate
		}
		if cmd.At != nil {
			c.At = *cmd.At
		}
		if cmd.Do == playback.Select || cmd.Do == playback.Next || cmd.Do == playback.Prev {
			r.look(c, cmd, answer)
			return
		}
		r.answer(c, answer)
	}
}

// look asks the backing which media is meant. The state may change meanwhile:
// the expected generation is judged when the answer is there.
func (r *room) look(c playback.Command, cmd *protocol.PlaybackCommand, answer reply) {
	if c.Generation == nil { // what the sender saw is what is there now
		g := r.state.Generation
		c.Generation = &g
	}
	rq := playback.SelectRequest{
		Do: cmd.Do, MediaID: cmd.MediaID, Target: cmd.Target, Mode: r.opts.AutoPlay.Mode, Current: r.state, Actor: c.Actor,
	}
	r.job(func(ctx context.Context) func() {
		sel, err := r.hub.cfg.Backing.Select(ctx, r.id, rq)
		return func() {
			if err == nil && sel.Media == nil && c.Do == playback.Next {
				c.Do = playback.End // past the last one the room rests at the end
				r.answer(c, answer)
				return
			}
			if err != nil || sel.Media == nil {
				r.reject(c, protocol.RejectValidation, answer)
				return
			}
			c.Selection = &sel
			r.answer(c, answer)
		}
	})
}

// answer applies c for somebody who waits for the outcome.
func (r *room) answer(c playback.Command, answer reply) {
	if r.opts.WaitForReady && r.audience.Len() > 0 {
		c.Hold, c.Waiting = true, r.audience.Waiting(playback.State{Generation: -1})
	}
	effects, err := r.apply(c)
	if err != nil {
		r.reject(c, rejectCode(err), answer)
		return
	}
	result, o := "ok", outcome{state: protocol.StateOf(r.state), told: true}
	if effects[0] == playback.Answer {
		result, o.state.Op, o.told = "unchanged", c.Op, false
	}
	answer(o)
	r.count(c.Do, result)
}

// reject refuses a command that was noted already, so that it may be tried
// again.
func (r *room) reject(c playback.Command, code protocol.RejectCode, answer reply) {
	r.acks.forget(c.Op, c.Actor)
	r.count(c.Do, string(code))
	answer(r.refusal(c.Op, code))
}

func (r *room) count(do playback.Do, result string) {
	r.hub.metrics.commands.WithLabelValues(doLabel(do), result).Inc()
}

func (r *room) refusal(op string, code protocol.RejectCode) outcome {
	s := protocol.StateOf(r.state)
	return outcome{state: s, refused: &protocol.PlaybackReject{Op: op, Code: code, State: s}}
}

func rejectCode(err error) protocol.RejectCode {
	switch {
	case errors.Is(err, playback.ErrStale):
		return protocol.RejectStale
	case errors.Is(err, playback.ErrConflict):
		return protocol.RejectConflict
	case errors.Is(err, playback.ErrLive):
		return protocol.RejectLive
	default:
		return protocol.RejectValidation
	}
}

// doLabel keeps the values of a metric few, whatever a client sends.
func doLabel(do playback.Do) string {
	if _, ok := needs[do]; ok {
		return string(do)
	}
	return "other"
}

// acks remembers the operations of the last minute, so that a client that
// sends one again after a reconnect gets its acknowledgement again.
type acks map[string]float64

const acksFor = 60_000.0 // ms

// repeat notes op and says whether it was seen before.
func (a acks) repeat(op, actor string, now float64) bool {
	if op == "" {
		return false
	}
	key := actor + "\x00" + op
	if at, ok := a[key]; ok && now-at <= acksFor {
		return true
	}
	if len(a) >= 256 {
		for k, at := range a {
			if now-at > acksFor {
				delete(a, k)
			}
		}
	}
	if len(a) < 4096 { // a room of command senders at full rate stays below this
		a[key] = now
	}
	return false
}

// forget lets a refused operation be tried again.
func (a acks) forget(op, actor string) { delete(a, actor+"\x00"+op) }
