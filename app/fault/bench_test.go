package fault

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// binary builds the program as it is released, once per benchmark.
func binary(b *testing.B) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), "synctv")
	cmd := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", name, "synctv")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	info, err := os.Stat(name)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
	return name
}

// answers waits for the first answered request.
func answers(ctx context.Context, b *testing.B, addr string) {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		rq, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/health/live", nil)
		if err != nil {
			b.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(rq); err == nil {
			_ = resp.Body.Close()
			return
		}
	}
	b.Fatal("no answer")
}

// BenchmarkStart measures from the start of the process on an empty data folder
// to the first answered request, and the resident memory after set-up.
func BenchmarkStart(b *testing.B) {
	name := binary(b)
	var rss []float64
	for b.Loop() {
		b.StopTimer()
		dir, addr := filepath.Join(b.TempDir(), "data"), freeAddr(b)
		cmd := exec.CommandContext(b.Context(), name, "--data-dir", dir, "--listen", addr)
		cmd.Env = environ()
		dieWithParent(cmd)
		b.StartTimer()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		answers(b.Context(), b, addr)
		b.StopTimer()
		p := &process{addr: addr}
		token, err := os.ReadFile(filepath.Join(dir, "setup-token"))
		if err != nil {
			b.Fatal(err)
		}
		if got := p.call(b.Context(), "POST", "/api/v1/setup", "", map[string]any{"token": strings.TrimSpace(string(token)), "username": "mia", "password": password}, nil); got != http.StatusCreated {
			b.Fatalf("set-up = %d", got)
		}
		rss = append(rss, resident(cmd.Process.Pid))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		b.StartTimer()
	}
	total := 0.0
	for _, r := range rss {
		total += r
	}
	b.ReportMetric(total/float64(len(rss)), "RSS-MB")
}

// resident is the memory of a process in MB, 0 where the system does not say.
func resident(pid int) float64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		return 0
	}
	return kb * 1024 / 1e6
}
