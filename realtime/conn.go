package realtime

import (
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"synctv/realtime/protocol"
)

// closeGrace is how long a peer has to answer a close frame before its
// connection is cut.
const closeGrace = 2 * time.Second

// closeStalled is the same for a peer that does not even take the close frame.
const closeStalled = 5 * time.Second

// writeBatch is how many waiting messages one vectored write takes.
const writeBatch = 64

// item is one thing that waits in an outbox. A pong is encoded when it is
// written, because it carries the instant of the write.
type item struct {
	wire   []byte
	key    string
	pong   bool
	t0, t1 float64
}

func (i item) size() int {
	if i.pong {
		return 128
	}
	return len(i.wire)
}

// conn is one connection of a room.
//
// Whoever has something to send writes it directly while nothing waits. The
// rest of what did not fit, and all that comes after it, waits in the outbox:
// 256 messages or 1 MiB, then the connection is closed with 1013. A writer
// goroutine runs only while the outbox holds something.
type conn struct {
	id     uint64
	sock   Socket
	now    func() float64
	limits Limits
	m      *metrics
	log    *slog.Logger
	answer func([]byte) // made once, so that a read allocates nothing
	seen   atomic.Int64 // media time in µs at which the peer was last heard

	mu      sync.Mutex
	writer  sync.WaitGroup // the writer goroutine, joined by finish
	queue   []item
	sent    int // bytes of queue[0] that are on the wire already
	waiting int // bytes that wait, those in a write included
	flying  int // messages in a write
	writing bool
	closing bool // a close frame is the last thing to go
	ended   bool // nothing goes out any more
	grace   *time.Timer

	// Only the reader touches these.
	messages bucket
	over     strikes
	badJSON  int
	typing   bucket

	// Only the room goroutine touches these.
	seat     Seat
	slot     int // place in room.conns
	pinged   float64
	playback bucket
	report   *protocol.PlaybackReport
}

func (h *Hub) newConn(sock Socket, seat Seat) *conn {
	now := h.now()
	c := &conn{
		id: h.connIDs.Add(1), sock: sock, now: h.now, limits: h.cfg.Limits, m: h.metrics, seat: seat, slot: -1,
		messages: newBucket(30, 60), typing: newBucket(1.0/3, 1), playback: newBucket(1, 10), pinged: now,
		log: h.log,
	}
	c.answer = c.control
	c.seen.Store(int64(now * 1000))
	return c
}

func (c *conn) name() string { return strconv.FormatUint(c.id, 36) }

// send hands a frame to the peer, or to its outbox. It never waits for the
// peer and reports whether the frame went out directly.
func (c *conn) send(f *protocol.Frame) (direct bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.put(item{wire: f.Wire(), key: f.Key()})
}

// pong answers a clock ping that was read at t1.
func (c *conn) pong(t0, t1 float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(item{pong: true, t0: t0, t1: t1})
}

// control sends the answer to a control frame of the peer and notes that it is
// alive. Control frames count as messages: a flood of them is a flood.
func (c *conn) control(frame []byte) {
	now := c.now()
	c.seen.Store(int64(now * 1000))
	if frame == nil {
		return
	}
	if !c.messages.take(now) {
		if c.strike(now, "") != nil {
			c.close(protocol.ClosePolicy, "too many messages")
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(item{wire: frame})
}

// put needs mu.
func (c *conn) put(it item) (direct bool) {
	if c.closing || c.ended {
		return true
	}
	if !c.writing {
		if c.try(&it) {
			return true
		}
		if c.ended {
			return false
		}
	}
	c.enqueue(it)
	return false
}

// try writes it without waiting. False: some of it is left, from sent on.
func (c *conn) try(it *item) (done bool) {
	c.fill(it)
	n, err := c.sock.Try(it.wire)
	switch {
	case n == len(it.wire) && err == nil:
		return true
	case err != nil && !errors.Is(err, ErrNoTry):
		c.end()
		return false
	}
	if c.sent = n; n == 0 && it.pong {
		it.wire = nil // its instant is still to come
	}
	return false
}

// fill encodes a pong for a write that is about to happen.
func (c *conn) fill(it *item) {
	if it.pong && it.wire == nil {
		it.wire = protocol.AppendPong(make([]byte, 0, 128), protocol.ClockPong{T0: it.t0, T1: round3(it.t1), T2: round3(c.now())})
	}
}

// enqueue needs mu. It makes room by dropping the older one of messages of
// which only the newest counts.
func (c *conn) enqueue(it item) {
	if it.key != "" {
		c.drop(it.key)
	}
	if len(c.queue)+c.flying >= c.limits.Messages || c.waiting+it.size() > c.limits.Bytes {
		c.shut(protocol.CloseSlow, "too slow")
		return
	}
	c.queue = append(c.queue, it)
	c.waiting += it.size()
	c.start()
}

// drop removes what waits under key, except the message that is partly sent.
func (c *conn) drop(key string) {
	first := 0
	if c.sent > 0 {
		first = 1
	}
	for i := first; i < len(c.queue); i++ {
		if c.queue[i].key == key {
			c.waiting -= c.queue[i].size()
			c.queue = slices.Delete(c.queue, i, i+1)
			return
		}
	}
}

func (c *conn) start() {
	if c.writing || c.ended {
		return
	}
	c.writing = true
	c.writer.Go(func() { defer rescue(c.log, "connection writer"); c.write() })
}

// write empties the outbox and ends.
func (c *conn) write() {
	bufs := make(net.Buffers, 0, writeBatch)
	for {
		bufs = c.take(bufs[:0])
		if len(bufs) == 0 {
			return
		}
		size := 0
		for _, b := range bufs {
			size += len(b)
		}
		out := bufs // WriteTo consumes its receiver
		err := c.sock.Write(&out)
		c.mu.Lock()
		c.waiting -= size
		c.flying = 0
		if err != nil {
			c.end()
		}
		c.mu.Unlock()
	}
}

// take moves what waits into bufs. Nothing waits: the writer is over.
func (c *conn) take(bufs net.Buffers) net.Buffers {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || len(c.queue) == 0 {
		c.writing, c.queue = false, nil // an idle connection keeps no memory for its outbox
		if c.closing {
			c.linger(closeGrace)
		}
		return nil
	}
	n := min(len(c.queue), writeBatch)
	for i := range n {
		it := &c.queue[i]
		was := it.size()
		c.fill(it)
		p := it.wire
		if i == 0 {
			p = p[c.sent:]
			c.sent = 0
		}
		c.waiting += len(p) - was
		bufs = append(bufs, p)
	}
	c.queue = slices.Delete(c.queue, 0, n)
	c.flying = n
	return bufs
}

// close tells the peer why, as the last thing it hears.
func (c *conn) close(code protocol.CloseCode, detail string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut(code, detail)
}

// shut needs mu. What waits is dropped, except the rest of a message that the
// peer has the beginning of.
func (c *conn) shut(code protocol.CloseCode, detail string) {
	if c.closing || c.ended {
		return
	}
	c.m.closes.WithLabelValues(code.String()).Inc()
	bye := protocol.Direct(protocol.TypeBye, 0, protocol.Bye{Code: code.String(), Detail: detail})
	last := item{wire: append(slices.Clone(bye.Wire()), protocol.CloseFrame(code, code.String())...)}
	kept := 0
	if c.sent > 0 && len(c.queue) > 0 {
		kept = 1
	}
	for _, it := range c.queue[kept:] {
		c.waiting -= it.size()
	}
	c.queue = c.queue[:kept]
	c.closing = true
	if !c.writing && c.try(&last) {
		c.linger(closeGrace)
		return
	}
	if c.ended {
		return
	}
	c.linger(closeStalled)
	c.queue = append(c.queue, last)
	c.waiting += last.size()
	c.start()
}

// linger needs mu. The peer answers the close frame within d or is cut.
func (c *conn) linger(d time.Duration) {
	switch {
	case c.ended:
	case c.grace != nil:
		c.grace.Reset(d)
	default:
		c.grace = time.AfterFunc(d, func() { c.sock.Close() })
	}
}

// end needs mu. The connection is broken: nothing goes out any more.
func (c *conn) end() {
	if !c.ended {
		c.ended, c.queue = true, nil
		c.sock.Close()
	}
}

// finish ends the connection and waits for its writer.
func (c *conn) finish() {
	c.mu.Lock()
	c.end()
	if c.grace != nil {
		c.grace.Stop()
	}
	c.mu.Unlock()
	c.writer.Wait()
}
