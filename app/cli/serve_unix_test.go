//go:build unix

package cli

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// program is the server as a process of its own.
type program struct {
	cmd    *exec.Cmd
	addr   string
	stderr strings.Builder
	lines  *bufio.Scanner
}

// start runs serve in a process and returns when it listens.
func start(t *testing.T, dir string, env ...string) *program {
	t.Helper()
	p := &program{cmd: exec.CommandContext(t.Context(), os.Args[0], "serve", "--listen", "127.0.0.1:0", "--data-dir", dir)}
	p.cmd.Env = append([]string{"SYNCTV_TEST_AS_PROGRAM=1", "HOME=" + dir, "PATH=" + os.Getenv("PATH")}, env...)
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.lines = bufio.NewScanner(pipe)
	for p.addr == "" && p.read() {
		var record struct{ Msg, Addr string }
		if json.Unmarshal(p.lines.Bytes(), &record) == nil && record.Msg == "listening" {
			p.addr = record.Addr
		}
	}
	if p.addr == "" {
		t.Fatalf("the server does not listen (%v):\n%s", p.cmd.Wait(), p.stderr.String())
	}
	return p
}

func (p *program) read() bool {
	if !p.lines.Scan() {
		return false
	}
	p.stderr.WriteString(p.lines.Text() + "\n")
	return true
}

// stop sends a signal, reads what is still said and returns the exit code.
func (p *program) stop(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for p.read() {
	}
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

func ask(t *testing.T, url string) (int, string) {
	t.Helper()
	rs, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Body.Close()
	body, err := io.ReadAll(rs.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rs.StatusCode, string(body)
}

func TestR27SignalsEndTheServerCleanly(t *testing.T) {
	dir := t.TempDir()
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := start(t, dir)
		if status, body := ask(t, "http://"+p.addr+"/health/ready"); status != http.StatusOK {
			t.Errorf("ready answers %d %s", status, body)
		}
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if status, _ := ask(t, "http://"+p.addr+"/health/live"); status != http.StatusOK {
			t.Errorf("after SIGHUP live answers %d", status)
		}
		if code := p.stop(t, signal); code != exitOK {
			t.Errorf("%v ends with code %d:\n%s", signal, code, p.stderr.String())
		}
	}
}

// A76: what is kept is the owner's alone.
func TestA76DataFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, dir)
	if code := p.stop(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("code %d:\n%s", code, p.stderr.String())
	}
	files := 0
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		files++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return nil
	})
	if err != nil || files < 4 {
		t.Errorf("%d files, %v", files, err)
	}
}

// A75: the one-time link is for the console and never in the log.
func TestA75SetupLinkIsPrintedOnceAndNotLogged(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "server.log")
	p := printedBy(t, dir, log)
	found := regexp.MustCompile(`/setup#token=([A-Z2-7]{26})`).FindStringSubmatch(p)
	if found == nil {
		t.Fatalf("no set-up link:\n%s", p)
	}
	text, err := os.ReadFile(log)
	if err != nil || len(text) == 0 || strings.Contains(string(text), found[1]) {
		t.Errorf("the log of %d bytes shows the token, or cannot be read: %v", len(text), err)
	}
}

// printedBy starts a server that logs to a file, stops it, and returns what it
// printed.
func printedBy(t *testing.T, dir, log string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--listen", "127.0.0.1:0", "--data-dir", dir)
	cmd.Env = []string{"SYNCTV_TEST_AS_PROGRAM=1", "HOME=" + dir, "SYNCTV_LOG_FILE=" + log}
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var out strings.Builder
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		out.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "/setup#token=") {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ends with %v:\n%s", err, out.String())
	}
	return out.String()
}

func TestR34WhatStopsTheStartIsOneSentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	start(t, used)
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"port used":            {[]string{"--listen", taken.Addr().String()}, "--listen"},
		"folder is a file":     {[]string{"--data-dir", file}, "data_dir"},
		"folder below a file":  {[]string{"--data-dir", filepath.Join(file, "x")}, "not a directory"},
		"folder of everybody":  {[]string{"--data-dir", open}, "chmod 700"},
		"folder of a running":  {[]string{"--data-dir", used}, ""},
		"log file impossible":  {nil, "log.file"},
		"library folder wrong": {[]string{"--library", filepath.Join(file, "x")}, "library"},
	} {
		if strings.HasPrefix(name, "log") {
			t.Setenv("SYNCTV_LOG_FILE", filepath.Join(file, "x.log"))
		} else {
			t.Setenv("SYNCTV_LOG_FILE", "")
		}
		r := invoke(t, "", append([]string{"--log-level", "error", "--listen", "127.0.0.1:0"}, tc.args...)...)
		if r.code != exitFailed || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, tc.want) {
			t.Errorf("%s: exit %d, %q; want exit 1 and one line with %q", name, r.code, r.err, tc.want)
		}
	}
}

func TestAdminCreatesAndResetsTheFirstAccount(t *testing.T) {
	dir := t.TempDir()
	if r := invoke(t, "correct horse battery\n", "admin", "create-root", "--username", "ann", "--data-dir", dir); r.code != exitOK || !strings.Contains(r.out, "ann") {
		t.Fatalf("create-root = %+v", r)
	}
	if r := invoke(t, "correct horse battery\n", "admin", "create-root", "--username", "bob", "--data-dir", dir); r.code != exitFailed || !strings.Contains(r.err, "reset-root") {
		t.Errorf("a second root: %+v", r)
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("another battery staple"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := invoke(t, "", "admin", "reset-root", "--username", "ann", "--password-file", file, "--data-dir", dir); r.code != exitOK {
		t.Errorf("reset-root = %+v", r)
	}
	if r := invoke(t, "x", "admin", "reset-root", "--username", "zoe", "--data-dir", dir); r.code != exitFailed || strings.Count(r.err, "\n") != 1 {
		t.Errorf("an unknown account: %+v", r)
	}
	p := start(t, dir)
	login := func(password string) int {
		rs, err := http.Post("http://"+p.addr+"/api/v1/auth/login", "application/json", strings.NewReader(`{"login":"ann","password":"`+password+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer rs.Body.Close()
		return rs.StatusCode
	}
	if old, now := login("correct horse battery"), login("another battery staple"); old != http.StatusUnauthorized || now != http.StatusOK {
		t.Errorf("signing in answers %d with the old password and %d with the new one", old, now)
	}
	if code := p.stop(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("code %d:\n%s", code, p.stderr.String())
	}
	if strings.Contains(p.stderr.String(), "/setup") {
		t.Error("a set-up link although there is a root")
	}
}
