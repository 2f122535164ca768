package realtime

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"synctv/realtime/protocol"
)

// pair is a Socket without a network: messages go in by a channel, frames come
// out as a stream of bytes, of which it takes only so many at a time.
type pair struct {
	in     chan []byte
	closed chan struct{}
	once   sync.Once
	slow   bool // has no Try

	mu    sync.Mutex
	out   []byte        // written, not yet read by the client
	got   []byte        // read by the client, the last frame perhaps in part
	space int           // what out may hold; what TCP calls the buffers
	moved chan struct{} // closed and replaced when out changes
}

func newPair(space int) *pair {
	return &pair{in: make(chan []byte), closed: make(chan struct{}), space: space, moved: make(chan struct{})}
}

func (p *pair) Read(func([]byte)) ([]byte, error) {
	select {
	case m := <-p.in:
		return m, nil
	case <-p.closed:
		return nil, io.EOF
	}
}

func (p *pair) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

func (p *pair) Try(b []byte) (int, error) {
	if p.slow {
		return 0, ErrNoTry
	}
	if p.isClosed() {
		return 0, net.ErrClosed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.put(b), nil
}

func (p *pair) put(b []byte) int {
	n := min(len(b), max(0, p.space-len(p.out)))
	p.out = append(p.out, b[:n]...)
	p.stir()
	return n
}

func (p *pair) stir() {
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *pair) Write(bufs *net.Buffers) error {
	deadline := time.NewTimer(writeWithin)
	defer deadline.Stop()
	for _, b := range *bufs {
		for len(b) > 0 {
			if p.isClosed() {
				return net.ErrClosed
			}
			p.mu.Lock()
			n, moved := p.put(b), p.moved
			p.mu.Unlock()
			if b = b[n:]; n > 0 {
				continue
			}
			select {
			case <-moved:
			case <-p.closed:
			case <-deadline.C:
				return errors.New("deadline")
			}
		}
	}
	return nil
}

func (p *pair) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// frame returns the next whole frame, or false when the server closed first.
func (p *pair) frame() (op byte, payload []byte, ok bool) {
	for {
		op, payload, ok := p.poll()
		if ok {
			return op, payload, true
		}
		p.mu.Lock()
		more, moved := len(p.out) > 0, p.moved
		p.mu.Unlock()
		if more {
			continue
		}
		select {
		case <-moved:
		case <-p.closed:
			if op, payload, ok := p.poll(); ok {
				return op, payload, true
			}
			return 0, nil, false
		}
	}
}

// poll returns the next frame if all of it has come.
func (p *pair) poll() (op byte, payload []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.out) > 0 {
		p.got, p.out = append(p.got, p.out...), p.out[:0]
		p.stir()
	}
	op, payload, n := parseFrame(p.got)
	p.got = p.got[n:]
	return op, payload, n > 0
}

// parseFrame reads one frame as a client does; n is 0 while it is incomplete.
func parseFrame(b []byte) (op byte, payload []byte, n int) {
	if len(b) < 2 {
		return 0, nil, 0
	}
	if b[0]&0xf0 != 0x80 || b[1]&0x80 != 0 {
		panic(fmt.Sprintf("frames are interleaved: % x", b[:min(len(b), 40)]))
	}
	head, size := 2, int(b[1])
	switch size {
	case 126:
		if head = 4; len(b) < head {
			return 0, nil, 0
		}
		size = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if head = 10; len(b) < head {
			return 0, nil, 0
		}
		size = int(binary.BigEndian.Uint64(b[2:]))
	}
	if len(b) < head+size {
		return 0, nil, 0
	}
	return b[0] & 0xf, append([]byte(nil), b[head:head+size]...), head + size
}

// message is what a client receives.
type message struct {
	Seq  uint64          `json:"seq"`
	Type string          `json:"type"`
	At   float64         `json:"at"`
	Data json.RawMessage `json:"data"`

	close int // code of a close frame
	ping  bool
}

func (m message) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(m.Data, v); err != nil {
		t.Fatalf("%s: %v in %s", m.Type, err, m.Data)
	}
}

// client is the other end of a pair.
type client struct {
	t    *testing.T
	sock *pair
	done chan error // what Serve returned
	ops  int
}

// dial opens a connection without saying hello.
func dial(t *testing.T, h *Hub, seat Seat, sock *pair) *client {
	t.Helper()
	c := &client{t: t, sock: sock, done: make(chan error, 1)}
	go func() {
		defer rescue(slog.Default(), "test")
		c.done <- h.Serve(t.Context(), sock, seat)
	}()
	return c
}

// join opens a connection and reads its welcome.
func join(t *testing.T, h *Hub, seat Seat) *client {
	t.Helper()
	c := dial(t, h, seat, newPair(1<<16))
	c.say("hello", map[string]any{"resume": nil})
	c.wait(protocol.TypeWelcome)
	return c
}

func (c *client) say(typ string, data any) {
	c.t.Helper()
	p, err := json.Marshal(map[string]any{"type": typ, "data": data})
	if err != nil {
		c.t.Fatal(err)
	}
	c.raw(p)
}

func (c *client) raw(p []byte) {
	select {
	case c.sock.in <- p:
	case <-c.sock.closed:
	}
}

// next returns the next message; a closed connection is a close of 1006.
func (c *client) next() message {
	c.t.Helper()
	op, p, ok := c.sock.frame()
	if !ok {
		return message{close: 1006}
	}
	return c.parse(op, p)
}

func (c *client) parse(op byte, p []byte) message {
	c.t.Helper()
	switch op {
	case protocol.OpClose:
		return message{close: int(binary.BigEndian.Uint16(p))}
	case protocol.OpPing:
		return message{ping: true}
	}
	var m message
	if err := json.Unmarshal(p, &m); err != nil {
		c.t.Fatalf("%v: %s", err, p)
	}
	return m
}

// wait skips messages until one of type typ.
func (c *client) wait(typ string) message {
	c.t.Helper()
	for {
		m := c.next()
		if m.close != 0 {
			c.t.Fatalf("closed with %d while waiting for %s", m.close, typ)
		}
		if m.Type == typ {
			return m
		}
	}
}

// closed skips messages until the close frame, answers it and returns its code
// with the code word of the bye.
func (c *client) closed() (int, string) {
	c.t.Helper()
	var bye protocol.Bye
	for {
		m := c.next()
		if m.Type == protocol.TypeBye {
			m.into(c.t, &bye)
		}
		if m.close != 0 {
			c.sock.Close()
			<-c.done
			return m.close, bye.Code
		}
	}
}

// quit is the client that goes away.
func (c *client) quit() {
	c.sock.Close()
	<-c.done
}

// drop reads and forgets what has come so far.
func (c *client) drop() {
	for _, _, ok := c.sock.poll(); ok; _, _, ok = c.sock.poll() {
	}
}

// pending returns what has come so far.
func (c *client) pending() []message {
	c.t.Helper()
	var list []message
	for op, p, ok := c.sock.poll(); ok; op, p, ok = c.sock.poll() {
		list = append(list, c.parse(op, p))
	}
	return list
}

// command sends a playback command and returns the state or the reject that
// answers it.
func (c *client) command(do string, more map[string]any) (protocol.PlaybackState, *protocol.PlaybackReject) {
	c.t.Helper()
	c.ops++
	op := fmt.Sprintf("op-%p-%d", c, c.ops)
	data := map[string]any{"op": op, "do": do}
	maps.Copy(data, more)
	c.say("playback.command", data)
	return c.answer(data["op"].(string))
}

func (c *client) answer(op string) (protocol.PlaybackState, *protocol.PlaybackReject) {
	c.t.Helper()
	for {
		switch m := c.next(); {
		case m.close != 0:
			c.t.Fatalf("closed with %d", m.close)
		case m.Type == protocol.TypePlaybackState:
			var s protocol.PlaybackState
			if m.into(c.t, &s); s.Op == op {
				return s, nil
			}
		case m.Type == protocol.TypePlaybackReject:
			var r protocol.PlaybackReject
			if m.into(c.t, &r); r.Op == op {
				return r.State, &r
			}
		}
	}
}
