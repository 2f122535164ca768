package fault

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sentence fails the test unless the server refused to start within two
// seconds, with words that say what to do and without a stack.
func sentence(t *testing.T, p *process, words ...string) {
	t.Helper()
	if code := p.exit(10 * time.Second); code == 0 {
		t.Errorf("exit code 0:\n%s", p.text())
	}
	text := p.text()
	for _, w := range words {
		if !strings.Contains(strings.ToLower(text), w) {
			t.Errorf("the message does not speak of %q:\n%s", w, text)
		}
	}
	if strings.Contains(text, "goroutine ") || strings.Contains(text, "panic") {
		t.Errorf("a stack instead of a sentence:\n%s", text)
	}
}

func TestR34_PortInUse(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	sentence(t, launch(t, dataDir(t), ln.Addr().String()), ln.Addr().String(), "--listen")
}

func TestR34_DataFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sentence(t, launch(t, filepath.Join(file, "data"), freeAddr(t)), "data")
}

func TestR07_SecondServerOnTheSameFolder(t *testing.T) {
	dir := dataDir(t)
	first := launch(t, dir, freeAddr(t)).ready()
	sentence(t, launch(t, dir, freeAddr(t)), "in use", "--data-dir")
	if got := first.call(t.Context(), "GET", "/health/ready", "", nil, nil); got != http.StatusOK {
		t.Errorf("the first server answers %d", got)
	}
}

func TestR08_CorruptDatabaseIsLeftAlone(t *testing.T) {
	dir := dataDir(t)
	p := launch(t, dir, freeAddr(t)).ready()
	p.setUp()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.exit(15 * time.Second)
	name := filepath.Join(dir, "synctv.db")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 4096; i += 7 {
		raw[i] ^= 0x55
	}
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	sentence(t, launch(t, dir, freeAddr(t)), "synctv.db")
	if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, raw) {
		t.Errorf("the damaged file was changed (%v)", err)
	}
}

func TestR08_SomethingElseInPlaceOfTheDatabase(t *testing.T) {
	dir := dataDir(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "synctv.db")
	text := []byte(strings.Repeat("my thesis, the only copy\n", 400))
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	sentence(t, launch(t, dir, freeAddr(t)), "synctv.db")
	if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, text) {
		t.Errorf("the file was changed (%v)", err)
	}
}

func TestConfigurationMistakesAreNamed(t *testing.T) {
	p := launch(t, dataDir(t), freeAddr(t), "SYNCTV_LISTNE=:1", "SYNCTV_USER_MAX_ROOMS=many")
	sentence(t, p, "synctv_listne", "nearest is")
	if code := p.exit(time.Second); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
}

func TestR27_DrainOnSIGTERM(t *testing.T) {
	p := launch(t, dataDir(t), freeAddr(t)).ready()
	p.setUp()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(12 * time.Second); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.text())
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("draining took %s", took)
	}
}
