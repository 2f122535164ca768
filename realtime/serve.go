package realtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"synctv/realtime/protocol"
)

const (
	helloWithin = 5 * time.Second
	pingEvery   = 20 * time.Second
	deadAfter   = 58 * time.Second // with the sweep of two seconds: gone within a minute
	sweepEvery  = 2 * time.Second
)

func round3(f float64) float64 { return math.Round(f*1000) / 1000 }

// Serve runs one connection until it ends: hello, welcome, then messages. It
// closes the socket and returns nil for every ordinary end.
func (h *Hub) Serve(ctx context.Context, sock Socket, seat Seat) error {
	h.mu.Lock()
	if h.draining {
		h.mu.Unlock()
		refuse(sock, protocol.CloseRestart)
		return ErrDraining
	}
	h.serving.Add(1)
	h.mu.Unlock()
	defer h.serving.Done()

	c := h.newConn(sock, seat)
	defer c.finish()
	defer context.AfterFunc(ctx, func() { sock.Close() })()

	hello, err := c.hello()
	if err != nil {
		return c.farewell(err)
	}
	r, err := h.acquire(seat.Room, true)
	if err != nil {
		c.close(protocol.CloseRestart, "")
		return c.drain(err)
	}
	defer h.release(r)
	if err := h.admit(ctx, r, c, hello); err != nil {
		code := protocol.CloseInternal
		switch {
		case errors.Is(err, errRevoked):
			code = protocol.CloseRoomRevoked
		case errors.Is(err, ErrFull):
			code = protocol.CloseSlow
		case errors.Is(err, ErrDraining):
			code = protocol.CloseRestart
		}
		c.close(code, "")
		return c.drain(err)
	}
	defer r.leave(c)
	return c.farewell(c.listen(ctx, r))
}

// maxJudgements bounds how often rights may change under somebody who enters.
const maxJudgements = 8

// admit judges the seat of c anew and lets it in, as long as nobody's rights
// have changed in between: a decision is never older than the last change.
func (h *Hub) admit(ctx context.Context, r *room, c *conn, hello *protocol.Hello) error {
	for range maxJudgements {
		at := h.judged.Load()
		if h.cfg.Judge != nil {
			seat, ok := h.cfg.Judge(ctx, c.seat)
			if !ok {
				return errRevoked
			}
			c.seat = seat
		}
		in, err := r.enter(ctx, c, hello, at)
		if in || err != nil {
			return err
		}
	}
	return ErrDraining // come back at once: rights change faster than anybody enters
}

// refuse says goodbye on a socket that never got a connection.
func refuse(sock Socket, code protocol.CloseCode) {
	defer sock.Close()
	_, _ = sock.Try(protocol.CloseFrame(code, code.String())) // the peer sees a closed connection either way
}

// hello waits for the first message.
func (c *conn) hello() (*protocol.Hello, error) {
	late := time.AfterFunc(helloWithin, func() { c.close(protocol.ClosePolicy, "no hello within five seconds") })
	defer late.Stop()
	for {
		cmd, err := c.next()
		if err != nil {
			return nil, err
		}
		switch cmd := cmd.(type) {
		case *protocol.Hello:
			return cmd, nil
		case *protocol.ClockPing: // a client may measure while it waits
			c.pong(cmd.T0, c.now())
		case nil:
		default:
			c.tell(protocol.Error{Code: "hello-expected"})
		}
	}
}

// listen takes messages until the connection ends.
func (c *conn) listen(ctx context.Context, r *room) error {
	for {
		cmd, err := c.next()
		if err != nil {
			return err
		}
		switch cmd := cmd.(type) {
		case nil, *protocol.Hello: // refused already, or said twice
		case *protocol.ClockPing:
			c.pong(cmd.T0, float64(c.seen.Load())/1000)
		case *protocol.ChatTyping:
			if c.typing.take(c.now()) {
				r.typing(ctx, c)
			}
		case *protocol.PlaybackCommand:
			r.command(ctx, c, cmd)
		case *protocol.PlaybackReport:
			r.reported(ctx, c, cmd)
		case *protocol.SyncGet:
			r.syncGet(ctx, c)
		}
	}
}

// next reads, limits and decodes one message. Nil without an error: it was
// refused, and the sender has been told.
func (c *conn) next() (protocol.Command, error) {
	p, err := c.sock.Read(c.answer)
	now := c.now() // right after the read: this is t1 of a clock ping
	if err != nil {
		return nil, err
	}
	c.seen.Store(int64(now * 1000))
	if !c.messages.take(now) {
		return nil, c.strike(now, "rate-limited")
	}
	cmd, err := protocol.Decode(p)
	if err == nil {
		return cmd, nil
	}
	var unknown *protocol.UnknownTypeError
	var field *protocol.FieldError
	switch {
	case errors.As(err, &unknown):
		c.tell(protocol.Error{Code: "unknown-type", Type: unknown.Type})
	case errors.As(err, &field):
		c.tell(protocol.Error{Code: "validation", Type: field.Type, Detail: field.Field, Op: field.Op})
	default:
		if c.badJSON++; c.badJSON >= 2 {
			return nil, &CloseError{Code: protocol.CloseInvalid, Detail: "not JSON"}
		}
		c.tell(protocol.Error{Code: "malformed"})
	}
	return nil, nil
}

// strike notes a message over the limit. Enough of them end the connection.
func (c *conn) strike(now float64, code string) error {
	first, out := c.over.add(now)
	if out {
		return &CloseError{Code: protocol.ClosePolicy, Detail: "too many messages"}
	}
	if first && code != "" {
		c.tell(protocol.Error{Code: code})
	}
	return nil
}

func (c *conn) tell(e protocol.Error) { c.send(protocol.Direct(protocol.TypeError, 0, e)) }

// farewell ends the connection for the reason that its reader met.
func (c *conn) farewell(err error) error {
	var why *CloseError
	if errors.As(err, &why) {
		c.close(why.Code, why.Detail)
		return c.drain(nil)
	}
	return nil // the peer went away, or the server closed it
}

// drain reads on until the peer has answered the close frame or is cut, so
// that what it is told is not lost in a reset.
func (c *conn) drain(err error) error {
	for {
		if _, rerr := c.sock.Read(c.answer); rerr != nil {
			if err != nil {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		}
	}
}
