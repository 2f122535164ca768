package realtime

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"synctv/realtime/protocol"
)

const (
	// messageWithin bounds a message that does not come at once, from its first
	// byte.
	messageWithin = 10 * time.Second
	// maxPieces bounds the frames of one message.
	maxPieces = 4096
)

// errPeerClosed says that the peer has said goodbye.
var errPeerClosed = errors.New("closed by the peer")

// Frames is the receiving half of a Socket over a net.Conn: it reads what
// WebSocket clients send (RFC 6455, no extensions).
//
// It is our own because it decides what an idle connection costs: 512 bytes
// here, against two buffers and the whole HTTP request in the library's
// server; and because it only reads. Whatever must be answered, close frames
// after a fault included, goes the one way that keeps frames apart.
type Frames struct {
	conn   net.Conn
	buf    [512]byte
	at, to int     // buf[at:to] has been read and not used
	msg    *[]byte // the message of the last Read
	late   bool    // a read deadline is set
	broken bool    // where the next frame begins is not known
}

// messages hold what is being read, so that an idle connection has no buffer.
var messages = sync.Pool{New: func() any { p := make([]byte, 0, 1024); return &p }}

// NewFrames reads from conn, after rest, which was read with the upgrade.
func NewFrames(conn net.Conn, rest []byte) *Frames {
	f := &Frames{conn: conn}
	if n := copy(f.buf[:], rest); n < len(rest) {
		f.broken = true // nobody sends that much before the welcome
	} else {
		f.to = n
	}
	return f
}

// head is the header of a frame.
type head struct {
	op   byte
	last bool
	size uint64
	key  [4]byte
}

const (
	opMore   = 0x0
	opText   = 0x1
	opBinary = 0x2
)

// Read returns the next text message, valid until the next call. Pings are
// answered through answer, which is also told, with nil, of every pong. A peer
// that breaks the protocol makes a *CloseError; after it, Read only waits for
// the end.
func (f *Frames) Read(answer func([]byte)) ([]byte, error) {
	f.forget()
	if f.broken {
		return nil, f.discard()
	}
	for pieces := 0; ; {
		h, err := f.head()
		if err == nil && h.op >= protocol.OpClose {
			if err = f.control(h, answer); err != nil {
				return nil, err
			}
			continue
		}
		if err == nil {
			pieces++
			err = f.piece(h, pieces)
		}
		if err != nil {
			return nil, f.fault(err)
		}
		if !h.last {
			continue
		}
		f.onTime()
		if !utf8.Valid(*f.msg) {
			return nil, &CloseError{Code: protocol.CloseInvalid, Detail: "not UTF-8"}
		}
		return *f.msg, nil
	}
}

// head reads and judges a header, as far as it can be judged alone.
func (f *Frames) head() (head, error) {
	b, err := f.next(2)
	if err != nil {
		return head{}, err
	}
	h := head{op: b[0] & 0xf, last: b[0]&0x80 != 0, size: uint64(b[1] & 0x7f)}
	control := h.op >= protocol.OpClose
	switch {
	case b[0]&0x70 != 0:
		return h, violation("reserved bits")
	case b[1]&0x80 == 0:
		return h, violation("not masked")
	case h.op > opBinary && h.op < protocol.OpClose || h.op > protocol.OpPong:
		return h, violation("reserved opcode")
	case control && (!h.last || h.size > 125):
		return h, violation("control frame in pieces or too long")
	case (h.op == opMore) != (f.msg != nil) && !control:
		return h, violation("piece out of order")
	}
	switch h.size {
	case 126:
		if b, err = f.next(2); err == nil {
			h.size = uint64(binary.BigEndian.Uint16(b))
		}
	case 127:
		if b, err = f.next(8); err == nil {
			h.size = binary.BigEndian.Uint64(b)
		}
	}
	if err != nil {
		return h, err
	}
	if h.size>>63 != 0 {
		return h, violation("length")
	}
	if b, err = f.next(4); err == nil {
		h.key = [4]byte(b)
	}
	return h, err
}

// piece reads a data frame into the message.
func (f *Frames) piece(h head, pieces int) error {
	if h.op == opBinary {
		return &CloseError{Code: protocol.CloseUnsupported, Detail: "text messages only"}
	}
	if f.msg == nil {
		f.msg, _ = messages.Get().(*[]byte)
		*f.msg = (*f.msg)[:0]
	}
	if h.size+uint64(len(*f.msg)) > protocol.MaxMessage {
		return &CloseError{Code: protocol.CloseTooBig, Detail: "message too large"}
	}
	if pieces > maxPieces {
		return &CloseError{Code: protocol.ClosePolicy, Detail: "too many pieces"}
	}
	if !h.last || int(h.size) > f.to-f.at {
		f.hurry()
	}
	start := len(*f.msg)
	for left := int(h.size); left > 0; {
		if f.at == f.to {
			if err := f.fill(); err != nil {
				return err
			}
		}
		n := min(left, f.to-f.at)
		*f.msg = append(*f.msg, f.buf[f.at:f.at+n]...)
		f.at += n
		left -= n
	}
	unmask((*f.msg)[start:], h.key)
	return nil
}

// control reads a control frame and answers it.
func (f *Frames) control(h head, answer func([]byte)) error {
	p, err := f.next(int(h.size))
	if err != nil {
		return err
	}
	unmask(p, h.key)
	switch h.op {
	case protocol.OpPing:
		answer(protocol.Control(protocol.OpPong, p))
	case protocol.OpPong:
		answer(nil)
	default:
		code := protocol.CloseNormal
		if len(p) > 0 {
			if len(p) < 2 || !utf8.Valid(p[2:]) || !sendable(binary.BigEndian.Uint16(p)) {
				return f.fault(violation("close frame"))
			}
			code = protocol.CloseCode(binary.BigEndian.Uint16(p))
		}
		answer(protocol.CloseFrame(code, ""))
		return errPeerClosed
	}
	return nil
}

// sendable says whether a peer may send this close code.
func sendable(code uint16) bool {
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006 || code >= 3000 && code <= 4999
}

// next returns the next n bytes, at most 125 and valid until the next call.
func (f *Frames) next(n int) ([]byte, error) {
	if f.to-f.at < n {
		f.to = copy(f.buf[:], f.buf[f.at:f.to])
		f.at = 0
		if f.to > 0 {
			f.hurry() // it has begun, so it must go on
		}
	}
	for f.to-f.at < n {
		m, err := f.conn.Read(f.buf[f.to:])
		f.to += m
		if err != nil && f.to-f.at < n {
			return nil, err
		}
	}
	p := f.buf[f.at : f.at+n]
	f.at += n
	return p, nil
}

// fill reads into an empty buffer.
func (f *Frames) fill() error {
	n, err := f.conn.Read(f.buf[:])
	f.at, f.to = 0, n
	if n > 0 {
		return nil
	}
	return err
}

// hurry sets the deadline of a message that has begun.
func (f *Frames) hurry() {
	if !f.late {
		f.late = true
		_ = f.conn.SetReadDeadline(time.Now().Add(messageWithin)) // a dead connection fails in the read
	}
}

// onTime takes the deadline back.
func (f *Frames) onTime() {
	if f.late {
		f.late = false
		_ = f.conn.SetReadDeadline(time.Time{}) // as above
	}
}

// forget gives the buffer of the last message back, unless it has grown.
func (f *Frames) forget() {
	if f.msg != nil && cap(*f.msg) <= 8<<10 {
		messages.Put(f.msg)
	}
	f.msg = nil
}

// fault notes that the rest of the stream means nothing.
func (f *Frames) fault(err error) error {
	f.broken = true
	f.onTime()
	return err
}

// discard reads until the end: a connection that is closed with unread bytes
// is reset, and the peer would not learn why.
func (f *Frames) discard() error {
	for {
		if _, err := f.conn.Read(f.buf[:]); err != nil {
			return err
		}
	}
}

func violation(detail string) error {
	return &CloseError{Code: protocol.CloseProtocol, Detail: detail}
}

func unmask(p []byte, key [4]byte) {
	for i := range p {
		p[i] ^= key[i&3]
	}
}
