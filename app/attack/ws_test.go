package attack

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// socket is a WebSocket client that can misbehave: it writes any bytes.
type socket struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

// ticket asks for a socket ticket.
func (s *site) ticket(token, room string) string {
	s.t.Helper()
	var k struct{ Ticket string }
	s.want(http.StatusCreated, &k, "POST", "/tickets", token, map[string]any{"room_id": room, "purpose": "ws"})
	return k.Ticket
}

// upgrade asks for a socket and returns the status; the socket is nil unless it
// is 101.
func (s *site) upgrade(room, ticket string, headers ...string) (int, *socket) {
	s.t.Helper()
	nc, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = nc.Close() })
	var b strings.Builder
	fmt.Fprintf(&b, "GET /ws/rooms/%s?ticket=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", room, ticket, s.addr)
	b.WriteString("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: synctv.v1\r\n")
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	b.WriteString("\r\n")
	if _, err := io.WriteString(nc, b.String()); err != nil {
		s.t.Fatal(err)
	}
	r := bufio.NewReader(nc)
	_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return resp.StatusCode, nil
	}
	if resp.Header.Get("Sec-Websocket-Extensions") != "" {
		s.t.Errorf("an extension was accepted: %q", resp.Header.Get("Sec-Websocket-Extensions"))
	}
	return resp.StatusCode, &socket{t: s.t, nc: nc, r: r}
}

// join is a guest with an open socket that has said hello.
func (s *site) join(name string) (*socket, string) {
	s.t.Helper()
	token, id := s.guest(name)
	status, ws := s.upgrade(s.room, s.ticket(token, s.room))
	if ws == nil {
		s.t.Fatalf("upgrade = %d", status)
	}
	ws.say(map[string]any{"type": "hello", "data": map[string]any{"resume": nil, "client": "attack", "caps": []string{}}})
	ws.hear("welcome")
	return ws, id
}

// frame sends one masked frame; head is its first byte.
func (w *socket) frame(head byte, payload []byte) {
	w.t.Helper()
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0) // a mask of zeros changes nothing
	_, _ = w.nc.Write(append(b, payload...))
}

func (w *socket) say(m any) {
	w.t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	w.frame(0x81, raw)
}

// read returns the next frame: its opcode and payload.
func (w *socket) read() (op byte, payload []byte, err error) {
	_ = w.nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	var head [2]byte
	if _, err = io.ReadFull(w.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		if _, err = io.ReadFull(w.r, b[:]); err != nil {
			return 0, nil, err
		}
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err = io.ReadFull(w.r, b[:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(b[:])
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(w.r, payload)
	return head[0] & 0x0f, payload, err
}

// message is what a server says.
type message struct {
	Type string
	Seq  int64
	Data json.RawMessage
}

// hear waits for a message of a type.
func (w *socket) hear(kind string) message {
	w.t.Helper()
	for {
		op, payload, err := w.read()
		if err != nil {
			w.t.Fatalf("waiting for %s: %v", kind, err)
		}
		if op == 8 {
			w.t.Fatalf("waiting for %s: closed with %d %s", kind, binary.BigEndian.Uint16(payload), payload[2:])
		}
		var m message
		if op == 1 && json.Unmarshal(payload, &m) == nil && m.Type == kind {
			return m
		}
	}
}

// closed waits for the end and returns its close code, 0 without one.
func (w *socket) closed() int {
	w.t.Helper()
	for {
		op, payload, err := w.read()
		if err != nil {
			return 0
		}
		if op == 8 && len(payload) >= 2 {
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

func TestA32_CrossSiteSocket(t *testing.T) {
	s := furnished(t, map[string]string{"rate_limit.ws_connect.max": "1000", "rate_limit.ws_connect.window": "1s"})
	token, _ := s.guest("Jo")
	own := "http://" + s.addr
	for name, origin := range map[string]string{
		"another site": "https://evil.example", "null": "null", "a suffix": own + ".evil.example", "a prefix": "http://evil" + s.addr,
		"another port": "http://127.0.0.1:1", "userinfo": "http://" + s.addr + "@evil.example", "a path": own + "/x", "no scheme": s.addr,
	} {
		if status, _ := s.upgrade(s.room, s.ticket(token, s.room), "Origin", origin); status != http.StatusForbidden {
			t.Errorf("%s (%s): %d, want 403", name, origin, status)
		}
	}
	for name, ticket := range map[string]string{"none": "", "made up": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "a token": token, "of another room": s.ticket(s.root, s.other)} {
		if status, _ := s.upgrade(s.room, ticket, "Origin", own); status != http.StatusUnauthorized {
			t.Errorf("ticket %s: %d, want 401", name, status)
		}
	}
	ticket := s.ticket(token, s.room)
	if status, _ := s.upgrade(s.room, ticket, "Origin", own); status != http.StatusSwitchingProtocols {
		t.Errorf("our own page: %d, want 101", status)
	}
	if status, _ := s.upgrade(s.room, ticket, "Origin", own); status != http.StatusUnauthorized {
		t.Errorf("a spent ticket: %d, want 401", status)
	}
}

func TestA55_BrokenFrames(t *testing.T) {
	s := furnished(t, map[string]string{
		"rate_limit.ws_connect.max": "1000", "rate_limit.ws_connect.window": "1s", "rate_limit.guest.max": "1000", "rate_limit.guest.window": "1s",
	})
	for name, c := range map[string]struct {
		bytes []byte
		codes []int
	}{
		"64 KiB and one":       {append([]byte{0x81, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}, make([]byte, 1<<16+1)...), []int{1009}},
		"2^63 announced":       {[]byte{0x81, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []int{1009, 1002, 0}},
		"2^40 announced":       {[]byte{0x81, 0x80 | 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []int{1009}},
		"unmasked":             {[]byte{0x81, 0x02, '{', '}'}, []int{1002}},
		"reserved bits":        {[]byte{0xf1, 0x82, 0, 0, 0, 0, '{', '}'}, []int{1002}},
		"reserved opcode":      {[]byte{0x83, 0x80, 0, 0, 0, 0}, []int{1002}},
		"long control frame":   {append([]byte{0x89, 0x80 | 126, 0, 126, 0, 0, 0, 0}, make([]byte, 126)...), []int{1002}},
		"fragmented control":   {[]byte{0x09, 0x80, 0, 0, 0, 0}, []int{1002}},
		"continuation first":   {[]byte{0x80, 0x80, 0, 0, 0, 0}, []int{1002}},
		"text inside a text":   {[]byte{0x01, 0x81, 0, 0, 0, 0, '{', 0x01, 0x81, 0, 0, 0, 0, '}'}, []int{1002}},
		"invalid UTF-8, twice": {[]byte{0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe, 0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe}, []int{1007}},
		"binary":               {[]byte{0x82, 0x82, 0, 0, 0, 0, '{', '}'}, []int{1003}},
		"malformed, twice":     {[]byte{0x81, 0x81, 0, 0, 0, 0, '{', 0x81, 0x81, 0, 0, 0, 0, '{'}, []int{1007}},
	} {
		ws, _ := s.join("Eve")
		_, _ = ws.nc.Write(c.bytes)
		got := ws.closed()
		ok := false
		for _, want := range c.codes {
			ok = ok || got == want
		}
		if !ok {
			t.Errorf("%s: closed with %d, want one of %v", name, got, c.codes)
		}
	}
	ws, _ := s.join("Jo")
	ws.say(map[string]any{"type": "no.such.thing", "data": map[string]any{}})
	if m := ws.hear("error"); !strings.Contains(string(m.Data), "unknown-type") {
		t.Errorf("an unknown type: %s", m.Data)
	}
	ws.say(map[string]any{"type": "clock.ping", "data": map[string]any{"t0": 1.5}})
	ws.hear("clock.pong") // and the connection goes on
	s.alive()
}

func TestA56_Flood(t *testing.T) {
	s := furnished(t, nil)
	good, _ := s.join("Jo")
	bad, _ := s.join("Eve")
	go func() {
		batch := bytes.Repeat([]byte{0x81, 0x82, 0, 0, 0, 0, '{', '}'}, 500)
		for begun := time.Now(); time.Since(begun) < 20*time.Second; {
			if _, err := bad.nc.Write(batch); err != nil {
				return
			}
		}
	}()
	// Who never stops writing may see a reset in place of the code.
	if code := bad.closed(); code != 1008 && code != 1007 && code != 0 {
		t.Errorf("the flood was closed with %d, want 1008 or 1007", code)
	}
	good.say(map[string]any{"type": "clock.ping", "data": map[string]any{"t0": 1.5}})
	good.hear("clock.pong")
}

func TestA57_SlowReader(t *testing.T) {
	s := furnished(t, map[string]string{"rate_limit.chat.max": "100000", "rate_limit.chat.window": "1s", "rate_limit.write.max": "100000", "rate_limit.write.window": "1s"})
	good, _ := s.join("Jo")
	slow, _ := s.join("Eve")
	if err := slow.nc.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("🎞", 490) // two kilobytes: more than any socket buffer holds of all of them
	seen := make(chan int64, 1)
	const messages, posters = 4800, 16
	go func() {
		var last int64
		for range messages {
			m := good.hear("chat.message")
			if m.Seq <= last {
				t.Errorf("event %d after %d", m.Seq, last)
			}
			last = m.Seq
		}
		seen <- last
	}()
	var all sync.WaitGroup
	for p := range posters {
		all.Go(func() {
			for i := range messages / posters {
				if resp, raw := s.ask("POST", "/rooms/"+s.room+"/chat", s.root, map[string]any{"content": fmt.Sprintf("%d.%d %s", p, i, text)}); resp.StatusCode != http.StatusCreated {
					t.Errorf("post = %d %s", resp.StatusCode, raw)
				}
			}
		})
	}
	all.Wait()
	select {
	case <-seen:
	case <-time.After(60 * time.Second):
		t.Fatal("the good viewer did not get every message while another read nothing")
	}
	if code := slow.closed(); code != 1013 && code != 0 {
		t.Errorf("the slow one was closed with %d, want 1013", code)
	}
}

func TestA27_PlaybackAbuse(t *testing.T) {
	s := furnished(t, map[string]string{"rate_limit.playback.max": "100000", "rate_limit.playback.window": "1s"})
	var before, after json.RawMessage
	s.want(http.StatusOK, &before, "GET", "/rooms/"+s.room+"/playback", s.root, nil)
	for _, body := range []string{
		`{"op":"a1","do":"seek","position":-1}`, `{"op":"a2","do":"seek","position":1e308}`, `{"op":"a3","do":"seek","position":1e400}`,
		`{"op":"a4","do":"seek","position":NaN}`, `{"op":"a5","do":"seek","position":"12"}`, `{"op":"a6","do":"rate","rate":0}`,
		`{"op":"a7","do":"rate","rate":-1}`, `{"op":"a8","do":"rate","rate":1000}`, `{"op":"a9","do":"fly"}`, `{"op":"b1"}`,
		`{"op":"b2","do":"seek","position":10000001}`, `{"op":"b3","do":"play","at":-1e300}`,
		`{"op":"b4","do":"select","media_id":"00000000000000000000"}`, `{"op":"b5","do":"select","media_id":"../../x"}`,
		`{"op":"b6","do":"seek","position":5,"expected_generation":99}`,
	} {
		resp, raw := s.ask("POST", "/rooms/"+s.room+"/playback", s.root, body)
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%s = %d %s", body, resp.StatusCode, raw)
		}
	}
	s.want(http.StatusOK, &after, "GET", "/rooms/"+s.room+"/playback", s.root, nil)
	strip := func(raw json.RawMessage) string {
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{"server_time_ms", "updated_at", "epoch", "reason"} {
			delete(m, k)
		}
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if strip(before) != strip(after) {
		t.Errorf("the state changed:\n%s\n%s", before, after)
	}
	ws, _ := s.join("Jo")
	for _, body := range []string{`{"type":"playback.command","data":{"op":"w1","do":"seek","position":-5}}`, `{"type":"playback.command","data":{"op":"w2","do":"play"}}`} {
		ws.frame(0x81, []byte(body))
		for {
			op, payload, err := ws.read()
			if err != nil || op == 8 {
				t.Fatalf("%s ended the connection: %v %s", body, err, payload)
			}
			if strings.Contains(string(payload), "playback.reject") || strings.Contains(string(payload), `"error"`) {
				break
			}
		}
	}
}

func TestA23_SenderFieldsAreSetByTheServer(t *testing.T) {
	s := furnished(t, nil)
	jo, _ := s.join("Jo")
	token, id := s.guest("Eve")
	s.refused("validation", "POST", "/rooms/"+s.room+"/chat", token, map[string]any{"content": "x", "user_id": "06f1c2g9s3k5m7p9r1t3", "author": map[string]any{"name": "mia"}})
	s.want(http.StatusCreated, nil, "POST", "/rooms/"+s.room+"/chat", token, map[string]any{"content": "it is me"})
	m := jo.hear("chat.message")
	if !strings.Contains(string(m.Data), id) {
		t.Errorf("the message names %s, want %s as its author", m.Data, id)
	}
}

func TestA53_SlowHeadersAndBodies(t *testing.T) {
	s := furnished(t, nil)
	var open []net.Conn
	for i := range 200 {
		nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		text := "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: "
		if i%2 == 0 {
			text = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
		}
		if _, err := io.WriteString(nc, text); err != nil {
			t.Fatal(err)
		}
		open = append(open, nc)
	}
	s.alive() // others are served meanwhile
	_ = open[0].SetReadDeadline(time.Now().Add(25 * time.Second))
	if _, err := io.ReadAll(open[0]); err != nil {
		t.Errorf("a request that never ends is still open after 25 s: %v", err)
	}
}

func TestA26_KickedBetweenTicketAndHello(t *testing.T) {
	s := furnished(t, nil)
	token, id := s.guest("Eve")
	_, ws := s.upgrade(s.room, s.ticket(token, s.room))
	if ws == nil {
		t.Fatal("no socket")
	}
	s.want(http.StatusNoContent, nil, "DELETE", "/rooms/"+s.room+"/members/"+id, s.root, nil)
	ws.say(map[string]any{"type": "hello", "data": map[string]any{"resume": nil, "client": "attack", "caps": []string{}}})
	if code := ws.closed(); code != 4003 {
		t.Errorf("who was kicked before the hello was answered with %d, want 4003", code)
	}
	s.refused("kick-cooldown", "POST", "/tickets", token, map[string]any{"room_id": s.room, "purpose": "ws"})
}
