package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"synctv/app"
	"synctv/app/config"
)

var update = flag.Bool("update", false, "rewrite the files that are made from code")

// TestMain lets the test binary be the program itself, so that signals and exit
// codes are tested on a real process without building another.
func TestMain(m *testing.M) {
	if os.Getenv("SYNCTV_TEST_AS_PROGRAM") == "1" {
		os.Exit(Main(context.Background(), os.Args))
	}
	os.Exit(m.Run())
}

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

// invoke runs a command in this process, with a data folder of its own.
func invoke(t *testing.T, in string, args ...string) result {
	t.Helper()
	if !strings.Contains(strings.Join(args, " "), "--data-dir") {
		args = append(args, "--data-dir", t.TempDir())
	}
	var out, errOut bytes.Buffer
	code := run(t.Context(), args, streams{strings.NewReader(in), &out, &errOut})
	return result{code, out.String(), errOut.String()}
}

func TestVersionIsOneLine(t *testing.T) {
	r := invoke(t, "", "version")
	if r.code != exitOK || !regexp.MustCompile(`^synctv \S+ go1\.\d+\S* \w+/\w+\n$`).MatchString(r.out) || r.err != "" {
		t.Errorf("version = %+v", r)
	}
}

func TestMistakesAreOneSentenceAndExitCode2(t *testing.T) {
	for _, args := range [][]string{
		{"serv"},
		{"--listne", ":1"},
		{"serve", "extra"},
		{"--listen", "8080"},
		{"config", "show", "--config", "/does/not/exist.yaml"},
		{"admin", "create-root"},
		{"healthcheck", "a", "b"},
		{"admin", "create-root", "--username", "ann"},
		{"bench", "viewers"},
		{"bench", "viewers", "http://127.0.0.1:1", "--login", "ann"},
	} {
		r := invoke(t, "", args...)
		if r.code != exitUsage || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "synctv: ") || r.out != "" {
			t.Errorf("%v = %+v; want exit code 2 and one line", args, r)
		}
	}
}

func TestEveryConfigurationMistakeIsALine(t *testing.T) {
	t.Setenv("SYNCTV_LISEN", ":1")
	r := invoke(t, "", "serve", "--listen", "x", "--log-level", "loud")
	if r.code != exitUsage || strings.Count(r.err, "\n") != 3 {
		t.Errorf("serve = %+v; want exit code 2 and three lines", r)
	}
	for line := range strings.Lines(r.err) {
		if !strings.HasPrefix(line, "synctv: ") {
			t.Errorf("line %q does not say who speaks", line)
		}
	}
}

func TestGuardIsNotSwitchedOffByAccident(t *testing.T) {
	t.Setenv("SYNCTV_OUTBOUND_GUARD", "false")
	if r := invoke(t, "", "serve"); r.code != exitUsage || !strings.Contains(r.err, "--i-know") {
		t.Errorf("serve = %+v", r)
	}
}

// A75: config show lists secrets as stars.
func TestA75ConfigShowHidesSecrets(t *testing.T) {
	t.Setenv("SYNCTV_MASTER_KEY", strings.Repeat("c4", 32))
	t.Setenv("SYNCTV_METRICS_TOKEN", "canary-token")
	r := invoke(t, "", "config", "show", "--listen", "127.0.0.1:1")
	if r.code != exitOK || strings.Contains(r.out+r.err, "c4c4") || strings.Contains(r.out, "canary") {
		t.Errorf("config show = %+v", r)
	}
	for _, want := range []string{
		`(?m)^listen +127\.0\.0\.1:1 +flag --listen$`, `(?m)^master_key +\*\*\* +environment SYNCTV_MASTER_KEY$`,
		`(?m)^metrics\.token +\*\*\* +environment SYNCTV_METRICS_TOKEN$`, `(?m)^outbound\.guard +true +default$`,
	} {
		if !regexp.MustCompile(want).MatchString(r.out) {
			t.Errorf("config show lacks %s:\n%s", want, r.out)
		}
	}
}

// A75: every user of a machine can list the arguments of its programs.
func TestA75NoFlagTakesASecret(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if regexp.MustCompile(`password|secret|token|key`).MatchString(f.Name) && !strings.HasSuffix(f.Name, "-file") {
				t.Errorf("%s: --%s takes a secret", cmd.CommandPath(), f.Name)
			}
		})
		if cmd.Short == "" {
			t.Errorf("%s has no help", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(streams{nil, nil, nil}))
}

func TestOpenAPIDocumentIsTheSameEveryTime(t *testing.T) {
	first, again := invoke(t, "", "openapi"), invoke(t, "", "openapi")
	var document struct{ OpenAPI string }
	if err := json.Unmarshal([]byte(first.out), &document); err != nil || document.OpenAPI == "" || first != again {
		t.Errorf("openapi: exit %d, %d bytes then %d, %v, %s", first.code, len(first.out), len(again.out), err, first.err)
	}
}

func TestReferencePageIsMadeFromTheKeys(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "configuration.md")
	want := config.Reference(app.SettingKeys())
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration.md is stale, run with -update (-want +got):\n%s", diff)
	}
}

func TestHealthcheckAsksTheServer(t *testing.T) {
	status := http.StatusOK
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Host + r.URL.Path
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"status":"draining"}`))
	}))
	address := strings.TrimPrefix(server.URL, "http://")
	t.Setenv("SYNCTV_SERVER_HOSTS", "tv.example.org,other")
	if r := invoke(t, "", "healthcheck", "--listen", address); r.code != exitOK || r.out != "ready\n" || asked != "tv.example.org/health/ready" {
		t.Errorf("a ready server: %+v, asked for %s", r, asked)
	}
	status = http.StatusServiceUnavailable
	if r := invoke(t, "", "healthcheck", server.URL+"/"); r.code != exitFailed || !strings.Contains(r.err, "not ready") || !strings.Contains(r.err, "draining") {
		t.Errorf("a draining server: %+v", r)
	}
	server.Close()
	if r := invoke(t, "", "healthcheck", "--listen", address); r.code != exitFailed || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "no answer") {
		t.Errorf("no server: %+v", r)
	}
}

func TestHealthcheckFindsTheLocalServer(t *testing.T) {
	for listen, want := range map[string]string{
		":8080": "http://127.0.0.1:8080", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://[::1]:80", "192.168.1.5:80": "http://192.168.1.5:80",
		"[fd00::1]:80": "http://[fd00::1]:80", "tv.lan:80": "http://tv.lan:80",
	} {
		if got, err := localURL(listen); got != want || err != nil {
			t.Errorf("localURL(%q) = %q, %v; want %q", listen, got, err, want)
		}
	}
	if r := invoke(t, "", "healthcheck", "--listen", ":0"); r.code != exitUsage || !strings.Contains(r.err, "give the address") {
		t.Errorf("port 0: %+v", r)
	}
}

func TestMemoryLimitReadsWhatTheSystemSays(t *testing.T) {
	if got := memInfo([]byte("MemFree: 1 kB\nMemTotal:       2048 kB\n")); got != 2048<<10 {
		t.Errorf("memInfo = %d", got)
	}
	if got := memInfo([]byte("junk")); got < 1<<60 {
		t.Errorf("memInfo of junk = %d, want unknown", got)
	}
	for text, want := range map[string]int64{"1048576\n": 1 << 20, "max\n": 1<<63 - 1, "": 1<<63 - 1, "-1": 1<<63 - 1} {
		if got := cgroupLimit([]byte(text)); got != want {
			t.Errorf("cgroupLimit(%q) = %d, want %d", text, got, want)
		}
	}
}
