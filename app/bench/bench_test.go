package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain makes this test binary its own child for the baseline.
func TestMain(m *testing.M) {
	if os.Getenv(writerEnv) != "" {
		if _, err := Viewers(context.Background(), ViewersConfig{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// smallServer answers as much of the API as the bench asks for.
type smallServer struct {
	*httptest.Server
	mu    sync.Mutex
	conns []net.Conn
	left  bool
}

func newSmallServer(t *testing.T) *smallServer {
	s := &smallServer{}
	mux := http.NewServeMux()
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
	}
	mux.HandleFunc("POST /api/v1/auth/login", answer(map[string]any{"access_token": "owner"}))
	mux.HandleFunc("POST /api/v1/rooms", answer(map[string]any{"id": "r1"}))
	mux.HandleFunc("DELETE /api/v1/rooms/r1", func(w http.ResponseWriter, _ *http.Request) {
		s.left = true
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /api/v1/rooms/r1/guest", answer(map[string]any{"guest_token": "guest"}))
	mux.HandleFunc("POST /api/v1/tickets", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer guest" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ticket": "t"})
	})
	mux.HandleFunc("GET /ws/rooms/r1", func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		_ = rw.Flush()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conns = append(s.conns, conn)
	})
	mux.HandleFunc("POST /api/v1/rooms/r1/chat", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Content string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		p := []byte(fmt.Sprintf(`{"type":"chat.message","data":{"content":%q,"more":%q}}`, in.Content, strings.Repeat("x", 3000)))
		frame := append(binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(p))), p...)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.conns {
			_, _ = c.Write(frame)
		}
		w.WriteHeader(http.StatusCreated)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		for _, c := range s.conns {
			c.Close()
		}
		s.Close()
	})
	return s
}

func TestViewersHearEverythingAndTheRatioIsPrinted(t *testing.T) {
	s := newSmallServer(t)
	cfg := ViewersConfig{URL: s.URL, Login: "root", Secret: "secret", Viewers: 20, Rate: 20, Duration: time.Second, Joins: 1000, Baseline: true}
	if runtime.GOOS == "linux" {
		cfg.PID = os.Getpid()
	}
	rep, err := Viewers(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Result{"server": rep.Server, "baseline": *rep.Baseline} {
		if r.Sent != 20 || r.Heard != 400 || r.Heard != r.Expected || r.Lost != 0 || r.P50 <= 0 || r.Max < r.P99 || r.P99 < r.P50 {
			t.Errorf("%s = %+v", name, r)
		}
	}
	text := rep.String()
	for _, want := range []string{"20 viewers", "400 of 400", "p99", "bare write"} {
		if !strings.Contains(text, want) {
			t.Errorf("report lacks %q:\n%s", want, text)
		}
	}
	var b bytes.Buffer
	if err := rep.JSON(&b); err != nil || !json.Valid(b.Bytes()) {
		t.Errorf("JSON: %v\n%s", err, b.String())
	}
	if !s.left {
		t.Error("the room was not deleted")
	}
}

func TestViewersSayWhatIsMissing(t *testing.T) {
	for name, cfg := range map[string]ViewersConfig{
		"no url":            {Room: "r1"},
		"https":             {URL: "https://tv.example", Room: "r1"},
		"no room":           {URL: "http://127.0.0.1:1"},
		"too few to say it": {URL: "http://127.0.0.1:1", Room: "r1", Viewers: 5, Rate: 10},
		"nobody there":      {URL: "http://127.0.0.1:1", Room: "r1", Viewers: 1, Rate: 1},
	} {
		if _, err := Viewers(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s := newSmallServer(t)
	if _, err := Viewers(t.Context(), ViewersConfig{URL: s.URL, Room: "r2", Viewers: 1, Rate: 1}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("another room: %v", err)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	if h.at(0.5) != 0 {
		t.Error("an empty histogram has no median")
	}
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		if got := h.at(q); got < want || got > want+want/25 {
			t.Errorf("%v = %v, want %v", q, got, want)
		}
	}
	for us := int64(0); us < 1<<30; us = us*9/8 + 1 {
		if s := slot(us); upper(s) < time.Duration(us)*time.Microsecond || s > 0 && upper(s-1) >= time.Duration(us)*time.Microsecond {
			t.Fatalf("%d us is in slot %d, which ends at %v", us, s, upper(s))
		}
	}
}

func TestEveryViewerHasAnAddressOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for i := range 70_000 {
		ip := ownAddress(i)
		if !ip.IsLoopback() || seen[ip.String()] {
			t.Fatalf("viewer %d has %v", i, ip)
		}
		seen[ip.String()] = true
	}
}
