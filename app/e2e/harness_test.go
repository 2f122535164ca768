// Package e2e drives the real server, in a process of its own, with real
// browsers. It has tests only.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
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

	"github.com/chromedp/chromedp"

	"synctv/app/cli"
)

// asServer makes the test binary behave as the program itself, so that a test
// can start, kill and restart the server without building it again.
const asServer = "SYNCTV_E2E_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		if err := os.Unsetenv(asServer); err != nil {
			os.Exit(3)
		}
		os.Exit(cli.Main(context.Background(), os.Args))
	}
	os.Exit(m.Run())
}

// need skips a test when a program is missing, or fails it where everything
// must be there.
func need(t *testing.T, program string) string {
	t.Helper()
	name, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("SYNCTV_TEST_ALL") == "1" {
			t.Fatalf("%s is not installed", program)
		}
		t.Skipf("%s is not installed", program)
	}
	return name
}

// server is a running SyncTV.
type server struct {
	t     *testing.T
	dir   string
	addr  string
	args  []string
	cmd   *exec.Cmd
	setup string // the token of the set-up link

	mu  sync.Mutex
	log bytes.Buffer
}

// start runs a server on a fresh data folder and a free port.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddr(t), args: args}
	s.run()
	t.Cleanup(func() {
		s.stop(os.Kill)
		if t.Failed() {
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Logf("server log:\n%s", s.log.String())
		}
	})
	return s
}

// environ is the environment without our own variables: a test's switches are
// unknown settings to the server.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SYNCTV_") })
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// URL is where the server answers.
func (s *server) URL() string { return "http://" + s.addr }

// run starts the process and waits until it answers.
func (s *server) run() {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(self, append([]string{"--data-dir", s.dir, "--listen", s.addr}, s.args...)...)
	s.cmd.Env = append(environ(), asServer+"=1", "SYNCTV_LOG_LEVEL=debug")
	dieWithParent(s.cmd)
	out, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	up := make(chan struct{})
	go s.watch(out, up)
	select {
	case <-up:
	case <-time.After(20 * time.Second):
		s.t.Fatalf("the server did not come up:\n%s", s.log.String())
	}
}

// watch keeps the log, finds the set-up link, and says when the server listens.
func (s *server) watch(out io.Reader, up chan<- struct{}) {
	once := sync.OnceFunc(func() { close(up) })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		s.mu.Lock()
		s.log.WriteString(line + "\n")
		s.mu.Unlock()
		if _, token, ok := strings.Cut(line, "/setup#token="); ok {
			s.setup = strings.TrimSpace(token)
		}
		if strings.Contains(line, "listening") {
			once()
		}
	}
}

// stop ends the process with a signal and waits for it.
func (s *server) stop(sig os.Signal) {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig)
	_ = s.cmd.Wait()
	s.cmd = nil
}

// call asks the API; out may be nil. It fails the test on an unexpected status.
func (s *server) call(method, path, token string, in, out any, want int) {
	s.t.Helper()
	status, body := s.try(method, path, token, in)
	if status != want {
		s.t.Fatalf("%s %s = %d, want %d: %s", method, path, status, want, body)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, body)
		}
	}
}

func (s *server) try(method, path, token string, in any) (int, []byte) {
	s.t.Helper()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			s.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	rq, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+"/api/v1"+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if in != nil {
		rq.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		rq.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, raw
}

// root sets the site up by API and returns an access token.
func (s *server) root() string {
	s.t.Helper()
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	s.call(http.MethodPost, "/setup", "", map[string]any{"token": s.setup, "username": "mia", "password": password, "delivery": "body"}, &tokens, http.StatusCreated)
	return tokens.AccessToken
}

const password = "a lamp for the herring fleet"

// browsers is one Chromium; each person gets a context of its own.
func browsers(t *testing.T) context.Context {
	t.Helper()
	path := need(t, "chromium")
	dir, err := os.MkdirTemp("", "synctv-chromium") //nolint:usetesting // Chromium may still be writing when the test ends
	if err != nil {
		t.Fatal(err)
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.UserDataDir(dir), chromedp.WindowSize(1440, 900),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("mute-audio", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-features", "MediaRouter,Translate"),
	}
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		stop()
		cancel()
		_ = os.RemoveAll(dir)
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

// person is one browser profile with one page.
type person struct {
	t    *testing.T
	name string
	ctx  context.Context
}

// newPerson opens a page with its own cookies and storage. Scripts run before
// any of the page's own.
func newPerson(browser context.Context, t *testing.T, name string, scripts ...string) *person {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &person{t: t, name: name, ctx: ctx}
	p.do(chromedp.EmulateViewport(1440, 900))
	p.inject(append([]string{watchPolicy}, scripts...)...)
	return p
}

// watchPolicy notes every violation of the content policy and uncaught error.
const watchPolicy = `window.__faults = [];
document.addEventListener('securitypolicyviolation', e => window.__faults.push('CSP ' + e.violatedDirective + ' ' + e.blockedURI));
addEventListener('error', e => e.message && window.__faults.push('error ' + e.message));
addEventListener('unhandledrejection', e => window.__faults.push('rejection ' + (e.reason && e.reason.message || e.reason)));`

// stepTimeout bounds every single step in a browser.
const stepTimeout = 20 * time.Second

func (p *person) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx); err != nil { // the first call owns the target
		p.t.Fatalf("%s: %v", p.name, err)
	}
	for i, step := range steps {
		ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
		err := chromedp.Do(ctx, step)
		cancel()
		if err != nil {
			p.shot("failed")
			p.t.Fatalf("%s, step %d: %v\npage says: %s", p.name, i, err, p.text())
		}
	}
}

// eval runs an expression that may be a promise.
func eval[T any](p *person, js string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.shot("failed")
		p.t.Fatalf("%s: %s: %v", p.name, js, err)
	}
	return v
}

// wait polls an expression until it is true.
func (p *person) wait(what, js string) { p.t.Helper(); p.waitFor(stepTimeout, what, js) }

func (p *person) waitFor(limit time.Duration, what, js string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool]("!!("+js+")", chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(limit)))
	if err != nil {
		p.shot("failed")
		p.t.Fatalf("%s waits for %s: %v\npage says: %s", p.name, what, err, p.text())
	}
}

func (p *person) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	s, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + ' ' + document.body.innerText + ' ' + JSON.stringify(window.__faults||[])`))
	return s
}

// shot keeps a picture of the page where SYNCTV_SHOTS says.
func (p *person) shot(name string) { p.shotAs(name + "-" + p.name) }

func (p *person) shotAs(name string) {
	dir := os.Getenv("SYNCTV_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("%s: no picture: %v", p.name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.t.Logf("%s: no picture: %v", p.name, err)
	}
}

// faultless fails the test when the page broke the policy or threw.
func (p *person) faultless() {
	p.t.Helper()
	for _, f := range eval[[]string](p, "window.__faults || []") {
		p.t.Errorf("%s: %s", p.name, f)
	}
}
