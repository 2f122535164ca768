package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"synctv/app/telemetry"
	"synctv/realtime"
	"synctv/realtime/protocol"
)

// Why a socket is not opened. The error handler makes problems of them.
var (
	ErrTicket         = errors.New("ticket is not valid, or no longer")
	ErrOrigin         = errors.New("page of another site")
	ErrTooManySockets = errors.New("too many connections")
)

const subprotocol = "synctv.v1"

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
	upgrade := websocket.New(open.upgraded, websocket.Config{
		Subprotocols: []string{subprotocol}, ReadBufferSize: 128, WriteBufferPool: &sync.Pool{}, RecoverHandler: open.broken,
	})
	return func(c *fiber.Ctx) error {
		if !websocket.IsWebSocketUpgrade(c) {
			return fiber.ErrUpgradeRequired
		}
		if !originAllowed(c.Get(fiber.HeaderOrigin), string(c.Context().Host()), d.Origins()) {
			return ErrOrigin
		}
		a := &admission{address: "a:" + d.Address(c), keep: c.App().Server().KeepHijackedConns}
		if open.full(a.address, d.PerAddress()) {
			return ErrTooManySockets
		}
		var err error
		if a.seat, err = d.Enter(c.UserContext(), c.Query("ticket"), c.Params("room_id")); err != nil {
			return err
		}
		a.person, a.limit = "p:"+a.seat.Person.ID, d.PerUser
		if a.seat.Person.Kind == "guest" {
			a.limit = d.PerGuest
		}
		if open.full(a.person, a.limit) {
			return ErrTooManySockets
		}
		c.Locals("admission", a)
		return upgrade(c)
	}
}

// admission is what was judged before the upgrade.
type admission struct {
	seat            realtime.Seat
	person, address string // what the connection is counted by
	limit           int    // of the person
	keep            bool   // the server leaves the connection to us
}

// sockets counts the open ones by person and address. Entries go with the last
// connection.
type sockets struct {
	deps socketDeps

	mu sync.Mutex
	by map[string]int
}

func (s *sockets) full(key string, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[key] >= limit
}

// enter counts a connection under both keys. It is done after the upgrade,
// because an upgrade that fails never gets to give its place back.
func (s *sockets) enter(a *admission) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[a.person] >= a.limit || s.by[a.address] >= s.deps.PerAddress() {
		return false
	}
	s.by[a.person]++
	s.by[a.address]++
	return true
}

func (s *sockets) leave(a *admission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range []string{a.person, a.address} {
		if s.by[key]--; s.by[key] <= 0 {
			delete(s.by, key)
		}
	}
}

// upgraded takes the connection over. c and what hangs on it goes back to
// pools when this returns: whoever kept it would write to a stranger.
//
// Where the server leaves the connection to us, it is served by a goroutine of
// our own, and fasthttp's ends here with its request and its buffers: 17 KiB
// that an idle viewer would hold for hours. The hub waits for that goroutine
// when it drains.
func (s *sockets) upgraded(c *websocket.Conn) {
	a, ok := c.Locals("admission").(*admission)
	if !ok {
		return
	}
	conn := c.NetConn()
	rest := leftover(conn)
	if hijacked, ok := conn.(interface{ UnsafeConn() net.Conn }); ok {
		conn = hijacked.UnsafeConn()
	}
	if !a.keep {
		s.serve(conn, rest, a)
		return
	}
	go func() {
		defer telemetry.Rescue(s.deps.Log, "socket")
		defer conn.Close() // the outermost one, which is counted
		s.serve(conn, rest, a)
	}()
}

// leftover returns what was read with the request and belongs to the socket:
// a deadline in the past reads buffers and nothing else.
func leftover(conn net.Conn) []byte {
	if conn.SetReadDeadline(time.Unix(1, 0)) != nil {
		return nil
	}
	p := make([]byte, 1024)
	n := 0
	for n < len(p) {
		m, err := conn.Read(p[n:])
		if n += m; err != nil {
			break
		}
	}
	_ = conn.SetReadDeadline(time.Time{}) // a dead connection fails in the next read
	return p[:n:n]
}

// webSocket is a WebSocket as the hub sees it.
type webSocket struct {
	*realtime.Wire
	*realtime.Frames
}

var _ realtime.Socket = webSocket{}

// serve runs one connection to its end.
func (s *sockets) serve(conn net.Conn, rest []byte, a *admission) {
	wire := realtime.NewWire(conn)
	sock := webSocket{Wire: wire, Frames: realtime.NewFrames(wire.Conn(), rest)}
	defer func() { _ = sock.Close() }() // already, when the hub let it go
	defer func() {
		if v := recover(); v != nil { // the library would send the panic to the peer
			s.deps.Log.Error("panic", slog.String("what", "socket"), slog.Any("value", v), slog.String("stack", string(debug.Stack())))
			_, _ = sock.Try(protocol.CloseFrame(protocol.CloseInternal, "")) // it is closed either way
		}
	}()
	if !s.enter(a) {
		_, _ = sock.Try(protocol.CloseFrame(protocol.CloseSlow, "too many connections")) // it is closed either way
		return
	}
	defer s.leave(a)
	err := s.deps.Hub.Serve(context.Background(), sock, a.seat)
	if err != nil && !errors.Is(err, realtime.ErrDraining) && !errors.Is(err, realtime.ErrFull) {
		s.deps.Log.Warn("socket was not served", slog.String("room", a.seat.Room), slog.Any("err", err))
	}
}

// broken logs a panic of the upgrade itself.
func (s *sockets) broken(*websocket.Conn) {
	if v := recover(); v != nil {
		s.deps.Log.Error("panic", slog.String("what", "socket upgrade"), slog.Any("value", v), slog.String("stack", string(debug.Stack())))
	}
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
