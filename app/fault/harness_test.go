// Package fault holds the fault table of the security chapter, row by row,
// against the server as a process of its own. It has tests only.
package fault

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"synctv/app/cli"
)

// asServer makes the test binary behave as the program itself.
const asServer = "SYNCTV_FAULT_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		if err := os.Unsetenv(asServer); err != nil {
			os.Exit(3)
		}
		os.Exit(cli.Main(context.Background(), os.Args))
	}
	os.Exit(m.Run())
}

const password = "a lamp for the herring fleet"

// process is one run of the server.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	addr  string
	up    chan struct{} // closed when it listens
	ended chan struct{} // closed when it has ended

	mu    sync.Mutex
	log   bytes.Buffer
	setup string
	err   error
}

// launch starts the server on a folder and does not wait for it.
func launch(t *testing.T, dir, addr string, env ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, addr: addr, up: make(chan struct{}), ended: make(chan struct{})}
	p.cmd = exec.Command(self, "--data-dir", dir, "--listen", addr)
	p.cmd.Env = append(append(environ(), asServer+"=1", "SYNCTV_RATE_LIMIT_WRITE_MAX=100000", "SYNCTV_RATE_LIMIT_WRITE_WINDOW=1s",
		"SYNCTV_RATE_LIMIT_CHAT_MAX=100000", "SYNCTV_RATE_LIMIT_CHAT_WINDOW=1s"), env...)
	dieWithParent(p.cmd)
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.watch(out)
	t.Cleanup(func() { p.kill() })
	return p
}

func (p *process) watch(out io.Reader) {
	once := sync.OnceFunc(func() { close(p.up) })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		if _, token, ok := strings.Cut(lines.Text(), "/setup#token="); ok {
			p.setup = strings.TrimSpace(token)
		}
		p.mu.Unlock()
		if strings.Contains(lines.Text(), "listening") {
			once()
		}
	}
	err := p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.ended)
}

// ready waits until the server listens.
func (p *process) ready() *process {
	p.t.Helper()
	select {
	case <-p.up:
	case <-p.ended:
		p.t.Fatalf("the server ended at its start:\n%s", p.text())
	case <-time.After(20 * time.Second):
		p.t.Fatalf("the server did not come up:\n%s", p.text())
	}
	return p
}

// exit waits for the end and returns the exit code.
func (p *process) exit(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("the server still runs after %s:\n%s", within, p.text())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var failed *exec.ExitError
	if errors.As(p.err, &failed) {
		return failed.ExitCode()
	}
	return 0
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *process) token() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.setup
}

// call asks the API and returns status and body; status 0 when the connection
// broke.
func (p *process) call(ctx context.Context, method, path, token string, in, out any) int {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return 0
		}
		body = bytes.NewReader(raw)
	}
	rq, err := http.NewRequestWithContext(ctx, method, "http://"+p.addr+path, body)
	if err != nil {
		return 0
	}
	if in != nil {
		rq.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		rq.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0
	}
	if out != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(raw, out); err != nil {
			return 0
		}
	}
	return resp.StatusCode
}

// setUp makes the root account and a room.
func (p *process) setUp() (token, room string) {
	p.t.Helper()
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if got := p.call(p.t.Context(), "POST", "/api/v1/setup", "", map[string]any{"token": p.token(), "username": "mia", "password": password, "delivery": "body"}, &tokens); got != http.StatusCreated {
		p.t.Fatalf("set-up = %d:\n%s", got, p.text())
	}
	var r struct{ ID string }
	if got := p.call(p.t.Context(), "POST", "/api/v1/rooms", tokens.AccessToken, map[string]any{"name": "Friday film club", "settings": map[string]any{"chat_max_messages": 100000}}, &r); got != http.StatusCreated {
		p.t.Fatalf("make a room = %d:\n%s", got, p.text())
	}
	return tokens.AccessToken, r.ID
}

// environ is the environment without our own variables: a test's switches are
// unknown settings to the server.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SYNCTV_") })
}

func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func dataDir(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "data")
}
