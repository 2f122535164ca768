package protocol

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
)

// Frame is one message of the server, ready for the wire. It never changes, so
// every connection sends the same bytes.
type Frame struct {
	wire []byte // RFC 6455 header and payload, unmasked as servers send
	head int    // length of the header
	typ  string
	key  string // coalescing key: a newer frame replaces an older one that waits
}

// NewFrame wraps data, a JSON object, in the envelope. A seq of 0 leaves the
// number out, an at of 0 the time.
func NewFrame(seq uint64, typ string, at float64, data []byte) *Frame {
	const room = 10 // the longest header
	p := make([]byte, room, room+len(data)+len(typ)+64)
	p = append(p, '{')
	if seq > 0 {
		p = append(p, `"seq":`...)
		p = strconv.AppendUint(p, seq, 10)
		p = append(p, ',')
	}
	p = append(p, `"type":"`...)
	p = append(p, typ...)
	p = append(p, '"')
	if at > 0 {
		p = append(p, `,"at":`...)
		p = appendMillis(p, at)
	}
	p = append(p, `,"data":`...)
	p = append(p, data...)
	p = append(p, '}')
	f := &Frame{typ: typ}
	f.wire, f.head = withHeader(p, room)
	if typ == TypePlaybackState || typ == TypePlaybackPeers || typ == TypePresenceChanged || typ == TypePresenceCount {
		f.key = typ
	}
	return f
}

// Direct makes the frame of a message to one connection. It has no number.
func Direct(typ string, at float64, data any) *Frame {
	p, err := json.Marshal(data)
	if err != nil { // only a number that is not finite; no struct of ours holds one
		p = []byte("{}")
	}
	return NewFrame(0, typ, at, p)
}

// NewRaw makes a frame of bytes that are one already, like a ping.
func NewRaw(wire []byte) *Frame { return &Frame{wire: wire, head: len(wire)} }

// withHeader writes the header of a final text frame right before the payload
// that starts at room.
func withHeader(p []byte, room int) (wire []byte, head int) {
	n := len(p) - room
	switch {
	case n < 126:
		head = 2
		p[room-1] = byte(n)
	case n <= 0xffff:
		head = 4
		p[room-3] = 126
		binary.BigEndian.PutUint16(p[room-2:], uint16(n))
	default:
		head = 10
		p[room-9] = 127
		binary.BigEndian.PutUint64(p[room-8:], uint64(n))
	}
	p[room-head] = 0x81 // final, text
	return p[room-head:], head
}

// AppendPong appends the clock.pong frame to p. It is written by whoever is
// about to send it, because t2 must be the instant of the write.
func AppendPong(p []byte, pong ClockPong) []byte {
	start := len(p)
	p = append(p, 0x81, 0)
	p = append(p, `{"type":"clock.pong","data":{"t0":`...)
	p = appendMillis(p, pong.T0)
	p = append(p, `,"t1":`...)
	p = appendMillis(p, pong.T1)
	p = append(p, `,"t2":`...)
	p = appendMillis(p, pong.T2)
	p = append(p, `}}`...)
	p[start+1] = byte(len(p) - start - 2) // always below 126: three numbers of at most 24 bytes
	return p
}

func appendMillis(p []byte, ms float64) []byte {
	format := byte('f')
	if a := math.Abs(ms); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e' // a t0 like 1e-300 must stay short
	}
	return strconv.AppendFloat(p, ms, format, -1, 64)
}

// Wire returns the WebSocket frame. Callers must not change it.
func (f *Frame) Wire() []byte { return f.wire }

// Text returns the message without its frame. Callers must not change it.
func (f *Frame) Text() []byte { return f.wire[f.head:] }

// Type returns the type of the message.
func (f *Frame) Type() string { return f.typ }

// Key is empty, or names the messages of which only the newest counts.
func (f *Frame) Key() string { return f.key }
