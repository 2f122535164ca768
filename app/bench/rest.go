package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// wire is one connection that carries requests, and then perhaps the socket.
type wire struct {
	conn net.Conn
	br   *bufio.Reader
	base string
}

// dial connects. On a machine with its own server every viewer has an address
// of its own: the limits per address stay as they are.
func (c *ViewersConfig) dial(ctx context.Context, i int) (*wire, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	host, _, err := net.SplitHostPort(c.host())
	if err != nil {
		return nil, err
	}
	target := c.host()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() && ip.To4() != nil {
		d.LocalAddr = &net.TCPAddr{IP: ownAddress(i)}
		target = strings.Replace(target, "localhost", "127.0.0.1", 1)
	}
	conn, err := d.DialContext(ctx, "tcp4", target)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, br: bufio.NewReaderSize(conn, 4<<10), base: c.URL}, nil
}

// ownAddress returns the loopback address of viewer i.
func ownAddress(i int) net.IP { return net.IPv4(127, 1+byte(i/62500), byte(i/250%250), 1+byte(i%250)) }

// call makes one request on w and decodes its answer into out.
func (w *wire) call(ctx context.Context, method, path, token string, in, out any) error {
	var body io.Reader
	if in != nil {
		p, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(p)
	}
	rq, err := http.NewRequestWithContext(ctx, method, w.base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		rq.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		rq.Header.Set("Authorization", "Bearer "+token)
	}
	_ = w.conn.SetDeadline(time.Now().Add(30 * time.Second)) // a dead connection fails in the write
	if err := rq.Write(w.conn); err != nil {
		return err
	}
	rs, err := http.ReadResponse(w.br, rq)
	if err != nil {
		return err
	}
	defer rs.Body.Close()
	p, err := io.ReadAll(io.LimitReader(rs.Body, 1<<20))
	if err != nil {
		return err
	}
	if rs.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, rs.Status, bytes.TrimSpace(p[:min(len(p), 300)]))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(p, out)
}

const prefix = "/api/v1"

// room returns the room to fill, and what to do with it afterwards.
func (c *ViewersConfig) room(ctx context.Context) (id string, leave func(), err error) {
	if c.Room != "" {
		return c.Room, func() {}, nil
	}
	w, err := c.dial(ctx, 60_000)
	if err != nil {
		return "", nil, err
	}
	defer w.conn.Close()
	var signed struct {
		Token string `json:"access_token"`
	}
	if err := w.call(ctx, http.MethodPost, prefix+"/auth/login", "", map[string]any{
		"login": c.Login, "password": c.Secret, "delivery": "body",
	}, &signed); err != nil {
		return "", nil, err
	}
	name := "bench " + strconv.FormatInt(time.Now().UnixMilli(), 36)
	var made struct {
		ID string `json:"id"`
	}
	if err := w.call(ctx, http.MethodPost, prefix+"/rooms", signed.Token, map[string]any{
		"name": name, "visibility": "unlisted", "settings": map[string]any{"allow_guests": true, "max_viewers": min(10_000, c.Viewers+10)},
	}, &made); err != nil {
		return "", nil, err
	}
	c.say("room %s", made.ID)
	return made.ID, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if w, err := c.dial(ctx, 60_000); err == nil {
			defer w.conn.Close()
			if err := w.call(ctx, http.MethodDelete, prefix+"/rooms/"+made.ID, signed.Token, map[string]any{"confirm": name}, nil); err != nil {
				c.say("room %s is left: %v", made.ID, err)
			}
		}
	}, nil
}

// enter brings viewer i in as a guest and opens its socket, all on one
// connection.
func (c *ViewersConfig) enter(ctx context.Context, room string, i int) (*viewer, error) {
	w, err := c.dial(ctx, i)
	if err != nil {
		return nil, err
	}
	v, err := w.enter(ctx, room, c.Password, i)
	if err != nil {
		w.conn.Close()
		return nil, err
	}
	return v, nil
}

func (w *wire) enter(ctx context.Context, room, password string, i int) (*viewer, error) {
	var guest struct {
		Token string `json:"guest_token"`
	}
	ask := map[string]any{"name": fmt.Sprintf("bench %d", i+1)}
	if password != "" {
		ask["password"] = password
	}
	if err := w.call(ctx, http.MethodPost, prefix+"/rooms/"+room+"/guest", "", ask, &guest); err != nil {
		return nil, err
	}
	var ticket struct {
		Ticket string `json:"ticket"`
	}
	if err := w.call(ctx, http.MethodPost, prefix+"/tickets", guest.Token, map[string]any{"room_id": room, "purpose": "ws"}, &ticket); err != nil {
		return nil, err
	}
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/ws/rooms/"+room+"?ticket="+url.QueryEscape(ticket.Ticket), nil)
	if err != nil {
		return nil, err
	}
	rq.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"c3luY3R2IGJlbmNoIDEyMw=="}, "Sec-Websocket-Protocol": {"synctv.v1"},
	}
	if err := rq.Write(w.conn); err != nil {
		return nil, err
	}
	rs, err := http.ReadResponse(w.br, rq)
	if err != nil {
		return nil, err
	}
	rs.Body.Close()
	if rs.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("%w: %s", errNoUpgrade, rs.Status)
	}
	if _, err := w.conn.Write(masked(0x1, []byte(`{"type":"hello","data":{"resume":null,"client":"bench"}}`))); err != nil {
		return nil, err
	}
	return &viewer{conn: w.conn, rest: buffered(w.br), token: guest.Token}, w.conn.SetDeadline(time.Time{})
}

// sendersAtOnce bounds chat requests under way.
const sendersAtOnce = 16

// send posts the messages, each by the next guest, and returns how many were
// taken.
func (c *ViewersConfig) send(ctx context.Context, room string, a *audience) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := make(chan string, sendersAtOnce)
	var posters sync.WaitGroup
	for i := range sendersAtOnce {
		posters.Go(func() {
			defer rescue(c.Log, "send chat")
			if err := c.post(ctx, room, i, turns); err != nil {
				cancel(err)
			}
		})
	}
	sent := pace(ctx, c.Rate, c.Duration, func(n int) {
		select {
		case turns <- a.viewers[n%len(a.viewers)].token:
		case <-ctx.Done():
		}
	})
	close(turns)
	posters.Wait()
	return sent, context.Cause(ctx)
}

// idleTooLong is when a connection between two messages is not used again: the
// server may be about to close it.
const idleTooLong = 4 * time.Second

func (c *ViewersConfig) post(ctx context.Context, room string, i int, turns <-chan string) error {
	var w *wire
	var used time.Time
	for token := range turns {
		if w != nil && time.Since(used) > idleTooLong {
			w.conn.Close()
			w = nil
		}
		if w == nil {
			var err error
			if w, err = c.dial(ctx, 60_001+i); err != nil {
				return err
			}
		}
		text := mark + strconv.FormatInt(time.Now().UnixNano(), 10)
		err := w.call(ctx, http.MethodPost, prefix+"/rooms/"+room+"/chat", token, map[string]any{"content": text}, nil)
		if err != nil {
			w.conn.Close()
			return err
		}
		used = time.Now()
	}
	if w != nil {
		w.conn.Close()
	}
	return nil
}

// pace calls do perSecond times a second for d and returns how often.
func pace(ctx context.Context, perSecond float64, d time.Duration, do func(n int)) int {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	n := 0
	for at := time.Duration(0); at < d; at = time.Duration(float64(n) / perSecond * float64(time.Second)) {
		timer.Reset(time.Until(start.Add(at)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return n
		}
		do(n)
		n++
	}
	return n
}
