// Package attack holds the attack table of the security chapter, row by row,
// against the real server on loopback. It has tests only.
package attack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"synctv/app"
	"synctv/app/config"
)

const password = "a lamp for the herring fleet"

// site is a running server with two accounts' worth of state: the root, and
// guests of two rooms.
type site struct {
	t    *testing.T
	dir  string
	addr string
	log  *lockedBuffer

	setup string
	root  string // access token
	room  string // lets guests in
	other string // a private room
	films string // the library folder
}

// start runs a server in this process until the test ends.
func start(t *testing.T, settings map[string]string) *site {
	t.Helper()
	s := &site{t: t, dir: filepath.Join(t.TempDir(), "data"), log: &lockedBuffer{}}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.films = filepath.Join(t.TempDir(), "films")
	if err := os.MkdirAll(s.films, 0o755); err != nil {
		t.Fatal(err)
	}
	console := &lockedBuffer{}
	ctx, cancel := context.WithCancel(t.Context())
	a, err := app.New(ctx, app.Config{
		Config: &config.Config{
			Listen: "127.0.0.1:0", DataDir: s.dir, Store: config.Store{URL: config.NewSecret("sqlite:")}, Outbound: config.Outbound{Guard: true},
			Library: []config.Folder{{Name: "films", Path: s.films}}, Settings: settings,
		},
		Log: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Version: "test", Stderr: console,
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	select {
	case <-a.Ready():
	case err := <-done:
		cancel()
		t.Fatal(err)
	}
	s.addr = a.Addr().String()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	s.setup = token(t, console)
	return s
}

// token waits for the set-up link on the console.
func token(t *testing.T, console *lockedBuffer) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if _, rest, ok := strings.Cut(console.String(), "#token="); ok {
			if line, _, ok := strings.Cut(rest, "\n"); ok {
				return strings.TrimSpace(line)
			}
		}
	}
	t.Fatalf("no set-up link on the console: %s", console.String())
	return ""
}

// furnished is start with the root account and both rooms.
func furnished(t *testing.T, settings map[string]string) *site {
	t.Helper()
	s := start(t, settings)
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	s.want(http.StatusCreated, &tokens, "POST", "/setup", "", map[string]any{"token": s.setup, "username": "mia", "password": password, "delivery": "body"})
	s.root = tokens.AccessToken
	var room struct{ ID string }
	s.want(http.StatusCreated, &room, "POST", "/rooms", s.root, map[string]any{"name": "Open", "settings": map[string]any{"allow_guests": true}})
	s.room = room.ID
	s.want(http.StatusCreated, &room, "POST", "/rooms", s.root, map[string]any{"name": "Hidden", "visibility": "private"})
	s.other = room.ID
	return s
}

// guest admits a visitor to the open room.
func (s *site) guest(name string) (token, id string) {
	s.t.Helper()
	var g struct {
		Token string `json:"guest_token"`
		Guest struct{ ID string }
	}
	s.want(http.StatusCreated, &g, "POST", "/rooms/"+s.room+"/guest", "", map[string]any{"name": name})
	return g.Token, g.Guest.ID
}

// problem is the part of an answer that clients switch on.
type problem struct {
	Type   string
	Detail string
	Errors []struct{ Location, Message string }
}

func (p problem) slug() string { return strings.TrimPrefix(p.Type, "urn:synctv:problem:") }

// ask sends one request; extra headers come in pairs.
func (s *site) ask(method, path, token string, in any, headers ...string) (*http.Response, []byte) {
	s.t.Helper()
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case string:
		body = strings.NewReader(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	if !strings.HasPrefix(path, "//") {
		path = "/api/v1" + path
	} else {
		path = path[1:]
	}
	rq, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.addr+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		rq.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		rq.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			rq.Host = headers[i+1]
			continue
		}
		rq.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(rq)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, raw
}

// want asks and fails the test on another status.
func (s *site) want(status int, out any, method, path, token string, in any, headers ...string) {
	s.t.Helper()
	resp, raw := s.ask(method, path, token, in, headers...)
	if resp.StatusCode != status {
		s.t.Fatalf("%s %s = %d, want %d: %s", method, path, resp.StatusCode, status, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
}

// refused asks and expects a problem.
func (s *site) refused(slug, method, path, token string, in any, headers ...string) {
	s.t.Helper()
	resp, raw := s.ask(method, path, token, in, headers...)
	var p problem
	if err := json.Unmarshal(raw, &p); err != nil || p.slug() != slug || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		s.t.Errorf("%s %s = %d %s, want the problem %s: %s", method, path, resp.StatusCode, resp.Header.Get("Content-Type"), slug, raw)
	}
}

// raw sends bytes as they are and returns everything that comes back until the
// server closes or a second passes in silence.
func (s *site) raw(request string) string {
	s.t.Helper()
	nc, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, request); err != nil {
		return ""
	}
	var out bytes.Buffer
	r := bufio.NewReader(nc)
	for {
		_ = nc.SetReadDeadline(time.Now().Add(time.Second))
		b, err := r.ReadByte()
		if err != nil {
			return out.String()
		}
		out.WriteByte(b)
	}
}

// alive fails the test when the server no longer answers.
func (s *site) alive() {
	s.t.Helper()
	s.want(http.StatusOK, nil, "GET", "//health/live", "", nil)
}
