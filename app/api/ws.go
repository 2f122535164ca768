package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"synctv/realtime"
	"synctv/realtime/protocol"
)

// Why a socket is not opened. The error handler makes problems of them.
var (
	ErrTicket         = errors.New("ticket is not valid, or no longer")
	ErrOrigin         = errors.New("page of another site")
	ErrTooManySockets = errors.New("too many connections")
)

const (
	subprotocol = "synctv.v1"
	// messageWithin bounds a message in pieces, from its first byte.
	messageWithin = 10 * time.Second
	// lingerWithin is how long a peer that broke the protocol may take to read
	// why: closing with its bytes unread would reset the connection instead.
	lingerWithin = time.Second
	lingerBytes  = 1 << 20
)

// socketDeps is what the room socket needs.
type socketDeps struct {
	Hub *realtime.Hub
	// Enter spends a ticket and finds the seat of its owner in the room.
	Enter func(ctx context.Context, ticket, roomID string) (realtime.Seat, error)
	// Origins are the sites besides our own whose pages may connect.
	Origins func() []string
	// Address is what connections are counted by.
	Address func(*fiber.Ctx) string

	PerUser, PerGuest int
	PerAddress        func() int
	Log               *slog.Logger
}

// serveSocket upgrades GET /ws/rooms/{room_id}?ticket=. Everything is judged
// before the upgrade, so a refusal is an ordinary problem.
func serveSocket(d socketDeps) fiber.Handler {
	open := &sockets{deps: d, by: map[string]int{}}
	upgrade := websocket.New(open.serve, websocket.Config{
		Subprotocols: []string{subprotocol}, ReadBufferSize: 1024, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{},
		RecoverHandler: open.recovered,
	})
	return func(c *fiber.Ctx) error {
		if !websocket.IsWebSocketUpgrade(c) {
			return fiber.ErrUpgradeRequired
		}
		if !originAllowed(c.Get(fiber.HeaderOrigin), string(c.Context().Host()), d.Origins()) {
			return ErrOrigin
		}
		address := "a:" + d.Address(c)
		if open.full(address, d.PerAddress()) {
			return ErrTooManySockets
		}
		seat, err := d.Enter(c.UserContext(), c.Query("ticket"), c.Params("room_id"))
		if err != nil {
			return err
		}
		person, limit := open.person(seat)
		if open.full(person, limit) {
			return ErrTooManySockets
		}
		c.Locals("seat", seat)
		c.Locals("address", address)
		return upgrade(c)
	}
}

// sockets counts the open ones by person and address. Entries go with the last
// connection.
type sockets struct {
	deps socketDeps

	mu sync.Mutex
	by map[string]int
}

func (s *sockets) person(seat realtime.Seat) (key string, limit int) {
	if seat.Person.Kind == "guest" {
		return "p:" + seat.Person.ID, s.deps.PerGuest
	}
	return "p:" + seat.Person.ID, s.deps.PerUser
}

func (s *sockets) full(key string, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[key] >= limit
}

// enter counts a connection under both keys. It is done after the upgrade,
// because an upgrade that fails never gets to give its place back.
func (s *sockets) enter(person string, personal int, address string, each int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[person] >= personal || s.by[address] >= each {
		return false
	}
	s.by[person]++
	s.by[address]++
	return true
}

func (s *sockets) leave(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if s.by[key]--; s.by[key] <= 0 {
			delete(s.by, key)
		}
	}
}

// serve runs one connection. fasthttp's goroutine is its reader.
func (s *sockets) serve(c *websocket.Conn) {
	conn := c.Conn // c itself goes back to a pool: whoever kept it would write to a stranger
	seat, _ := c.Locals("seat").(realtime.Seat)
	address, _ := c.Locals("address").(string)
	person, limit := s.person(seat)
	sock := newWebSocket(conn)
	if !s.enter(person, limit, address, s.deps.PerAddress()) {
		_, _ = sock.Try(protocol.CloseFrame(protocol.CloseSlow, "too many connections")) // it is closed either way
		_ = sock.Close()
		return
	}
	defer s.leave(person, address)
	err := s.deps.Hub.Serve(context.Background(), sock, seat)
	if err != nil && !errors.Is(err, realtime.ErrDraining) && !errors.Is(err, realtime.ErrFull) {
		s.deps.Log.Warn("socket was not served", slog.String("room", seat.Room), slog.Any("err", err))
	}
}

// recovered keeps a panic inside its connection. The library's own would send
// the panic to the peer.
func (s *sockets) recovered(c *websocket.Conn) {
	v := recover()
	if v == nil {
		return
	}
	s.deps.Log.Error("panic", slog.String("what", "socket"), slog.Any("value", v), slog.String("stack", string(debug.Stack())))
	sock := newWebSocket(c.Conn)
	_, _ = sock.Try(protocol.CloseFrame(protocol.CloseInternal, "")) // it is closed either way
	_ = sock.Close()
}

// frames is the part of the WebSocket library that we use: it reads, and our
// wire writes.
type frames interface {
	NextReader() (int, io.Reader, error)
	SetReadLimit(int64)
	SetReadDeadline(time.Time) error
	SetPingHandler(func(string) error)
	SetPongHandler(func(string) error)
	SetCloseHandler(func(int, string) error)
	NetConn() net.Conn
}

// webSocket is a WebSocket as the hub sees it.
type webSocket struct {
	*realtime.Wire
	conn   frames
	answer func([]byte)
	buf    *[]byte     // message of the last Read
	shut   atomic.Bool // the library has sent a close frame of its own
}

var _ realtime.Socket = (*webSocket)(nil)

// buffers hold messages while they are handled, so that an idle connection
// has none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

func newWebSocket(conn frames) *webSocket {
	w := &webSocket{Wire: realtime.NewWire(conn.NetConn()), conn: conn}
	conn.SetReadLimit(protocol.MaxMessage)
	conn.SetPingHandler(func(data string) error {
		w.answer(protocol.Control(protocol.OpPong, []byte(data)))
		return nil
	})
	conn.SetPongHandler(func(string) error { w.answer(nil); return nil })
	conn.SetCloseHandler(func(code int, _ string) error {
		if code == websocket.CloseNoStatusReceived {
			code = websocket.CloseNormalClosure
		}
		w.answer(protocol.CloseFrame(protocol.CloseCode(code), ""))
		return nil
	})
	return w
}

// Try writes without waiting. After a close frame nothing is said any more.
func (w *webSocket) Try(p []byte) (int, error) {
	if w.shut.Load() {
		return len(p), nil
	}
	return w.Wire.Try(p)
}

// Read returns the next text message.
func (w *webSocket) Read(answer func([]byte)) ([]byte, error) {
	w.answer = answer
	w.forget()
	kind, r, err := w.conn.NextReader()
	if err != nil {
		return nil, w.failed(err)
	}
	if kind != websocket.TextMessage {
		return nil, &realtime.CloseError{Code: protocol.CloseUnsupported, Detail: "text messages only"}
	}
	_ = w.conn.SetReadDeadline(time.Now().Add(messageWithin)) // a dead connection fails in the read
	w.buf = buffers.Get().(*[]byte)
	*w.buf, err = readAll((*w.buf)[:0], r)
	if err != nil {
		return nil, w.failed(err)
	}
	_ = w.conn.SetReadDeadline(time.Time{}) // as above
	if !utf8.Valid(*w.buf) {
		return nil, &realtime.CloseError{Code: protocol.CloseInvalid, Detail: "not UTF-8"}
	}
	return *w.buf, nil
}

func (w *webSocket) forget() {
	if w.buf != nil && cap(*w.buf) <= 8<<10 {
		buffers.Put(w.buf)
	}
	w.buf = nil
}

func readAll(p []byte, r io.Reader) ([]byte, error) {
	for {
		if len(p) == cap(p) {
			p = append(p, 0)[:len(p)]
		}
		n, err := r.Read(p[len(p):cap(p)])
		p = p[:len(p)+n]
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
	}
}

// failed lets a peer that broke the protocol read the close frame that the
// library has sent it, and returns err.
func (w *webSocket) failed(err error) error {
	var broken net.Error
	if errors.As(err, &broken) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		websocket.IsUnexpectedCloseError(err) {
		return err // gone, or it closed by itself
	}
	w.shut.Store(true)
	conn := w.conn.NetConn()
	if conn.SetReadDeadline(time.Now().Add(lingerWithin)) == nil {
		_, _ = io.CopyN(io.Discard, conn, lingerBytes) // ends with the peer or the deadline
	}
	return err
}

// originAllowed says whether a page may open a socket: ours, one of a site
// that is listed, or no page at all. A ticket is needed in every case.
func originAllowed(origin, host string, listed []string) bool {
	if origin == "" {
		return true // not a browser
	}
	scheme, own, ok := splitOrigin(origin)
	if !ok {
		return false
	}
	for _, l := range listed {
		if s, h, ok := splitOrigin(l); ok && s == scheme && h == own {
			return true
		}
	}
	host, ok = hostPort(scheme, host)
	return ok && host == own
}

// splitOrigin returns scheme and host of an origin as browsers write them:
// nothing before, between or after.
func splitOrigin(origin string) (scheme, host string, ok bool) {
	scheme, host, ok = strings.Cut(strings.ToLower(origin), "://")
	if !ok || scheme != "http" && scheme != "https" {
		return "", "", false
	}
	host, ok = hostPort(scheme, host)
	return scheme, host, ok
}

// hostPort checks and folds a host with an optional port and leaves out the
// port that the scheme has anyway.
func hostPort(scheme, hp string) (string, bool) {
	if hp == "" || len(hp) > 300 {
		return "", false
	}
	for _, c := range []byte(hp) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(".-_:[]", c) >= 0:
		default:
			return "", false // userinfo, path, space, anything beyond ASCII
		}
	}
	hp = strings.ToLower(hp)
	host, port := hp, ""
	if i := strings.LastIndexByte(hp, ':'); i >= 0 && i > strings.LastIndexByte(hp, ']') {
		host, port = hp[:i], hp[i+1:]
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return "", false
		}
	}
	bracketed := strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")
	if host == "" || strings.ContainsAny(host, "[]:") && !bracketed || bracketed && strings.ContainsAny(host[1:len(host)-1], "[]") {
		return "", false
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return host, true
	}
	return host + ":" + port, true
}
