package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"synctv/realtime"
	"synctv/realtime/playback"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// noRoom is a Backing with nothing in it.
type noRoom struct{}

func (noRoom) Load(context.Context, string) (playback.Snapshot, error) {
	return playback.Snapshot{State: playback.State{Epoch: 1, Version: 1, Rate: 1}}, nil
}
func (noRoom) Save(context.Context, string, playback.State) error { return nil }
func (noRoom) Select(context.Context, string, playback.SelectRequest) (playback.Selection, error) {
	return playback.Selection{}, errors.New("no media")
}

func (noRoom) Next(context.Context, string, playback.State) (playback.Selection, bool, error) {
	return playback.Selection{}, false, nil
}

// socketServer is the socket alone: real fiber, real TCP, real hub. A ticket is
// "<person>-<n>" and is good once; guests begin with "g:".
type socketServer struct {
	addr    string
	hub     *realtime.Hub
	metrics *prometheus.Registry
	mu      sync.Mutex
	used    map[string]bool
}

func newSocketServer(t *testing.T, change func(*socketDeps)) *socketServer {
	t.Helper()
	return newSocketServerThat(t, true, change)
}

func newSocketServerThat(t *testing.T, keep bool, change func(*socketDeps)) *socketServer {
	t.Helper()
	s := &socketServer{used: map[string]bool{}, metrics: prometheus.NewRegistry()}
	s.hub = realtime.NewHub(realtime.Config{Backing: noRoom{}, Metrics: s.metrics})
	deps := socketDeps{
		Hub: s.hub, Enter: s.enter, Origins: func() []string { return []string{"https://friend.example"} },
		Address: func(c *fiber.Ctx) string { return c.IP() }, PerUser: 10, PerGuest: 3, PerAddress: func() int { return 256 },
		Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&deps)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		status := http.StatusInternalServerError
		switch {
		case errors.Is(err, ErrTicket):
			status = http.StatusUnauthorized
		case errors.Is(err, ErrOrigin):
			status = http.StatusForbidden
		case errors.Is(err, ErrTooManySockets):
			status = http.StatusTooManyRequests
		case errors.Is(err, fiber.ErrUpgradeRequired):
			status = http.StatusUpgradeRequired
		}
		return c.SendStatus(status)
	}})
	app.Server().KeepHijackedConns = keep
	app.Get("/ws/rooms/:room_id", serveSocket(deps))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); _ = app.Listener(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.hub.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		_ = app.Shutdown()
		<-done
	})
	return s
}

func (s *socketServer) enter(_ context.Context, ticket, room string) (realtime.Seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _, ok := strings.Cut(ticket, "-")
	if !ok || s.used[ticket] {
		return realtime.Seat{}, ErrTicket
	}
	s.used[ticket] = true
	kind := "user"
	if strings.HasPrefix(name, "g:") {
		kind = "guest"
	}
	return realtime.Seat{Person: protocol.Person{ID: name, Kind: kind, Name: name}, Room: room, Mask: perm.All}, nil
}

// ask sends the upgrade request and returns the answer.
func (s *socketServer) ask(t *testing.T, ticket string, header http.Header) (*http.Response, net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	rq := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/ws/rooms/r1", RawQuery: "ticket=" + url.QueryEscape(ticket)}, Host: s.addr, Header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		"Sec-Websocket-Protocol": {"synctv.v1"},
	}}
	for k, v := range header {
		rq.Header[k] = v
		if k == "Host" {
			rq.Host = v[0]
		}
	}
	if err := rq.Write(conn); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(conn)
	rs, err := http.ReadResponse(br, rq)
	if err != nil {
		t.Fatal(err)
	}
	return rs, conn, br
}

// viewer is a WebSocket client without a library, so that it can misbehave.
type viewer struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
}

func (s *socketServer) join(t *testing.T, ticket string) *viewer {
	t.Helper()
	rs, conn, br := s.ask(t, ticket, nil)
	if rs.StatusCode != http.StatusSwitchingProtocols || rs.Header.Get("Sec-Websocket-Protocol") != subprotocol {
		t.Fatalf("status = %d, protocol = %q", rs.StatusCode, rs.Header.Get("Sec-Websocket-Protocol"))
	}
	v := &viewer{t: t, conn: conn, br: br}
	v.text(`{"type":"hello","data":{"resume":null}}`)
	v.until("welcome")
	return v
}

// send writes one masked frame with whatever first byte is asked.
func (v *viewer) send(first byte, payload []byte) {
	v.t.Helper()
	if _, err := v.conn.Write(masked(first, payload)); err != nil {
		v.t.Fatal(err)
	}
}

func masked(first byte, payload []byte) []byte {
	p := []byte{first}
	switch n := len(payload); {
	case n < 126:
		p = append(p, 0x80|byte(n))
	case n <= 0xffff:
		p = binary.BigEndian.AppendUint16(append(p, 0x80|126), uint16(n))
	default:
		p = binary.BigEndian.AppendUint64(append(p, 0x80|127), uint64(n))
	}
	key := [4]byte{1, 2, 3, 4}
	p = append(p, key[:]...)
	for i, b := range payload {
		p = append(p, b^key[i%4])
	}
	return p
}

func (v *viewer) text(s string) { v.t.Helper(); v.send(0x81, []byte(s)) }

// read returns the next frame.
func (v *viewer) read() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(v.br, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xf0 != 0x80 || head[1]&0x80 != 0 {
		v.t.Fatalf("a frame that is no frame: % x", head)
	}
	size := uint64(head[1])
	switch size {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(v.br, b[:])
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(v.br, b[:])
		size = binary.BigEndian.Uint64(b[:])
	}
	payload = make([]byte, size)
	if err == nil {
		_, err = io.ReadFull(v.br, payload)
	}
	return head[0] & 0xf, payload, err
}

func (v *viewer) until(typ string) json.RawMessage {
	v.t.Helper()
	for {
		op, p, err := v.read()
		if err != nil || op == protocol.OpClose {
			v.t.Fatalf("waiting for %s: closed, %v % x", typ, err, p)
		}
		var m struct {
			Type string
			Data json.RawMessage
		}
		if op == 1 && json.Unmarshal(p, &m) == nil && m.Type == typ {
			return m.Data
		}
	}
}

// closed reads on to the close frame and returns its code, 0 without one.
func (v *viewer) closed() int {
	v.t.Helper()
	for {
		op, p, err := v.read()
		if err != nil {
			return 0
		}
		if op == protocol.OpClose {
			_, _ = v.conn.Write(masked(0x88, p[:2])) // the server may be gone already
			return int(binary.BigEndian.Uint16(p))
		}
	}
}

func TestSocketRefusesBeforeTheUpgrade(t *testing.T) {
	s := newSocketServer(t, nil)
	own, host := "http://"+s.addr, s.addr
	n := 0
	for _, c := range []struct {
		name, origin, host string
		want               int // with a good ticket
	}{
		{"no origin", "", "", 101},
		{"our own", own, "", 101},
		{"our own in capitals", "HTTP://LOCALHOST:8080", "localhost:8080", 101},
		{"listed", "https://friend.example", "", 101},
		{"foreign", "https://evil.example", "", 403},
		{"null", "null", "", 403},
		{"our name as a prefix", own + ".evil.example", "", 403},
		{"other port", "http://127.0.0.1:1", "", 403},
		{"trailing slash", own + "/", "", 403},
		{"userinfo", "http://" + host + "@evil.example", "", 403},
		{"our name as a user", "http://me@" + host, "", 403},
		{"a rebound name brings its own Host", "http://rebound.example", "rebound.example", 101},
		{"listed by another scheme", "http://friend.example", "", 403},
	} {
		for ticket, want := range map[string]int{"": 401, "junk": 401, "good": c.want} {
			if c.want == 403 {
				want = 403
			}
			n++
			if ticket == "good" {
				ticket = fmt.Sprintf("u%d-1", n)
			}
			h := http.Header{}
			if c.origin != "" {
				h.Set("Origin", c.origin)
			}
			if c.host != "" {
				h.Set("Host", c.host)
			}
			rs, conn, _ := s.ask(t, ticket, h)
			if rs.StatusCode != want {
				t.Errorf("%s, ticket %q: status = %d, want %d", c.name, ticket, rs.StatusCode, want)
			}
			conn.Close()
		}
	}
	rs, err := http.Get("http://" + s.addr + "/ws/rooms/r1?ticket=u-1")
	if err != nil {
		t.Fatal(err)
	}
	rs.Body.Close()
	if rs.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("plain GET: %d", rs.StatusCode)
	}
}

func TestTicketWorksOnce(t *testing.T) {
	s := newSocketServer(t, nil)
	s.join(t, "ann-1")
	if rs, _, _ := s.ask(t, "ann-1", nil); rs.StatusCode != http.StatusUnauthorized {
		t.Errorf("status = %d for a used ticket", rs.StatusCode)
	}
}

func TestTooManySockets(t *testing.T) {
	s := newSocketServer(t, func(d *socketDeps) { d.PerAddress = func() int { return 5 } })
	var open []*viewer
	for i := range 3 {
		open = append(open, s.join(t, fmt.Sprintf("g:bob-%d", i)))
	}
	if rs, _, _ := s.ask(t, "g:bob-9", nil); rs.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a guest's fourth: %d", rs.StatusCode)
	}
	s.join(t, "ann-1")
	s.join(t, "ann-2")
	if rs, _, _ := s.ask(t, "cat-1", nil); rs.StatusCode != http.StatusTooManyRequests {
		t.Errorf("an address' sixth: %d", rs.StatusCode)
	}
	for _, v := range open {
		v.send(0x88, []byte{3, 232})
		if code := v.closed(); code != 1000 {
			t.Errorf("close answered with %d", code)
		}
		_, _ = io.Copy(io.Discard, v.br) // until the server has let go
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		rs, _, _ := s.ask(t, fmt.Sprintf("g:bob-%d", time.Now().UnixNano()), nil)
		if rs.StatusCode == http.StatusSwitchingProtocols {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("places were not given back: %d", rs.StatusCode)
		}
	}
}

func TestBrokenFramesEndTheirConnection(t *testing.T) {
	s := newSocketServer(t, nil)
	big := bytes.Repeat([]byte("x"), 64<<10)
	for i, c := range []struct {
		name string
		send func(v *viewer)
		want int
	}{
		{"64 KiB and one", func(v *viewer) { v.send(0x81, append(big, 'x')) }, 1009},
		{"2^63 bytes", func(v *viewer) { _, _ = v.conn.Write([]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}) }, 1002},
		{"2^62 bytes", func(v *viewer) { _, _ = v.conn.Write([]byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}) }, 1009},
		{"too many pieces", func(v *viewer) {
			v.send(0x01, big)
			v.send(0x00, []byte("x"))
		}, 1009},
		{"unmasked", func(v *viewer) { _, _ = v.conn.Write([]byte{0x81, 2, '{', '}'}) }, 1002},
		{"reserved bits", func(v *viewer) { v.send(0x81|0x40, []byte("{}")) }, 1002},
		{"reserved opcode", func(v *viewer) { v.send(0x83, []byte("{}")) }, 1002},
		{"a ping of 126 bytes", func(v *viewer) { v.send(0x89, big[:126]) }, 1002},
		{"a ping in pieces", func(v *viewer) { v.send(0x09, nil) }, 1002},
		{"a piece of nothing", func(v *viewer) { v.send(0x80, nil) }, 1002},
		{"binary", func(v *viewer) { v.send(0x82, []byte("{}")) }, 1003},
		{"invalid UTF-8", func(v *viewer) { v.send(0x81, []byte("\xff\xfe")) }, 1007},
		{"malformed twice", func(v *viewer) { v.text("{"); v.text("}") }, 1007},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := s.join(t, fmt.Sprintf("u%d-1", i))
			start := time.Now()
			c.send(v)
			if code := v.closed(); code != c.want {
				t.Errorf("closed with %d, want %d", code, c.want)
			}
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
	v := s.join(t, "last-1")
	v.send(0x01, []byte(`{"type":"clock.`))
	for range 1000 {
		v.send(0x00, nil)
	}
	v.send(0x80, []byte(`ping","data":{"t0":7}}`))
	v.until("clock.pong")
	v.send(0x89, []byte("alive?"))
	for {
		op, p, err := v.read()
		if err != nil {
			t.Fatal(err)
		}
		if op == protocol.OpPong {
			if string(p) != "alive?" {
				t.Errorf("pong = %q", p)
			}
			break
		}
	}
}

func TestSlowReaderIsClosedWhileOthersHear(t *testing.T) {
	s := newSocketServer(t, nil)
	slow := s.join(t, "slow-1") // reads nothing until the server has had enough
	fast := make([]*viewer, 10)
	for i := range fast {
		fast[i] = s.join(t, fmt.Sprintf("u%d-1", i))
	}
	chat := protocol.Event{Type: protocol.TypeChatMessage, Data: protocol.ChatMessage{Content: strings.Repeat("x", 16<<10)}}
	round := func() {
		for range 30 {
			if err := s.hub.Publish(t.Context(), "r1", chat); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.hub.Publish(t.Context(), "r1", protocol.Event{Type: protocol.TypeRoomUpdated, Data: protocol.RoomUpdated{}}); err != nil {
			t.Fatal(err)
		}
		for _, v := range fast {
			v.until("room.updated")
		}
	}
	for i := 0; s.closes(t, "overloaded") == 0; i++ {
		if i == 100 { // 48 MiB: more than the buffers of two kernels and an outbox
			t.Fatal("the slow one is still served")
		}
		round()
	}
	if got := slow.closed(); got != 1013 {
		t.Errorf("the slow one was closed with %d, want 1013", got)
	}
	round()
	if n := s.closes(t, "overloaded"); n != 1 {
		t.Errorf("%v were closed, want the slow one alone", n)
	}
}

// closes returns how many connections the hub has ended for a reason.
func (s *socketServer) closes(t *testing.T, code string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "synctv_realtime_closes_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == code {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestSocketServedByFasthttpsOwnGoroutine(t *testing.T) {
	s := newSocketServerThat(t, false, nil)
	v := s.join(t, "ann-1")
	v.text(`{"type":"clock.ping","data":{"t0":7}}`)
	v.until("clock.pong")
	v.send(0x88, []byte{3, 232})
	if code := v.closed(); code != 1000 {
		t.Errorf("close answered with %d", code)
	}
}

func TestHelloSentWithTheRequestIsHeard(t *testing.T) {
	s := newSocketServer(t, nil)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	rq := "GET /ws/rooms/r1?ticket=ann-1 HTTP/1.1\r\nHost: " + s.addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if _, err := conn.Write(append([]byte(rq), masked(0x81, []byte(`{"type":"hello","data":{}}`))...)); err != nil {
		t.Fatal(err)
	}
	v := &viewer{t: t, conn: conn, br: bufio.NewReader(conn)}
	if rs, err := http.ReadResponse(v.br, nil); err != nil || rs.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v", err)
	}
	v.until("welcome")
}

func TestPanicIsNotSentToThePeer(t *testing.T) {
	s := newSocketServer(t, func(d *socketDeps) { d.Hub = nil }) // serving panics
	rs, conn, br := s.ask(t, "ann-1", nil)
	if rs.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status = %d", rs.StatusCode)
	}
	v := &viewer{t: t, conn: conn, br: br}
	if code := v.closed(); code != 1011 {
		t.Errorf("closed with %d, want 1011", code)
	}
}

func FuzzOriginAllowed(f *testing.F) {
	for _, s := range [][2]string{
		{"", "tv.example"},
		{"null", "tv.example"},
		{"https://tv.example", "tv.example"},
		{"https://tv.example:443", "tv.example"},
		{"http://192.168.1.5:8080", "192.168.1.5:8080"},
		{"http://[::1]:8080", "[::1]:8080"},
		{"https://tv.example.evil", "tv.example"},
		{"https://tv.example/", "tv.example"},
		{"https://me@tv.example", "tv.example"},
		{"https://tv.example#@evil", "tv.example"},
		{"HTTPS://TV.Example", "tv.example"},
		{"ftp://tv.example", "tv.example"},
		{"https://tv.example:", "tv.example"},
		{"https://[::1", "[::1"},
		{"https://tv.example?x", "tv.example"},
		{"https://tv.example\\evil", "tv.example"},
		{"https://tv.exampl\u0435", "tv.example"},
		{"https://", ""},
		{"//tv.example", "tv.example"},
		{"https://synctv.local:8080", "synctv.local:8080"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, origin, host string) {
		if !originAllowed(origin, host, nil) || origin == "" {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
			t.Fatalf("%q allowed for %q", origin, host)
		}
		port := func(hostname, port string) string {
			if port == "" {
				port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
			}
			return strings.ToLower(hostname) + " " + port
		}
		own, err := url.Parse(u.Scheme + "://" + host)
		if err != nil || port(own.Hostname(), own.Port()) != port(u.Hostname(), u.Port()) {
			t.Fatalf("%q allowed for %q", origin, host)
		}
	})
}
