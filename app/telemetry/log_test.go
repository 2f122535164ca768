package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"synctv/app/config"
)

// logged returns what one record looks like in a format.
func logged(t *testing.T, format string, attrs ...slog.Attr) string {
	t.Helper()
	var out bytes.Buffer
	log, closeLog, err := NewLogger(config.Log{Format: format}, &out)
	if err != nil {
		t.Fatal(err)
	}
	log.LogAttrs(t.Context(), slog.LevelInfo, "something happened", attrs...)
	if err := closeLog(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A74 and A75: nothing planted comes out, whatever way it goes in.
func TestA74NoSecretReachesTheLog(t *testing.T) {
	address, err := url.Parse("https://canary-user:canary-pass@canary-host.lan/films/a%20b.mkv?sign=canary-sign&e=5#canary-fragment")
	if err != nil {
		t.Fatal(err)
	}
	ticket := "canary0" + strings.Repeat("aB3_-", 9)
	type binding struct {
		Host     string
		Password string
		Nested   map[string]any
	}
	attrs := []slog.Attr{
		slog.String("token", "canary-1"), slog.String("access_token", "canary-2"), slog.String("room_password", "canary-3"),
		slog.String("Authorization", "Bearer canary-4"), slog.Int("code", 271828), slog.Any("ticket", []string{"canary-5"}),
		slog.Any("sdp", "canary-6"), slog.Any("set-cookie", "canary-7"), slog.Any("key", config.NewSecret("canary-8")), slog.Any("master", config.NewSecret("canary-9")),
		slog.Any("url", address), slog.String("address", address.String()),
		slog.Any("err", &url.Error{Op: "Get", URL: address.String(), Err: errors.New("dial: refused")}),
		slog.String("path", "/media/"+ticket+"/film.mkv"), slog.String("text", "he said "+ticket+", aloud"),
		slog.Any("header", http.Header{"Cookie": {"canary-10"}, "Range": {"bytes=0-"}}),
		slog.Any("binding", binding{"nas.lan", "canary-11", map[string]any{"api_key": "canary-12", "list": []any{map[string]any{"secret": "canary-13"}}}}),
		slog.Group("cookie", slog.String("value", "canary-14")), slog.Group("g", slog.String("secret", "canary-15")),
		slog.Any("body", []byte("canary-16")), slog.Any("headers", map[string]string{"X": "canary-17"}),
	}
	for _, format := range []string{config.FormatText, config.FormatJSON} {
		got := logged(t, format, attrs...)
		if strings.Contains(got, "canary") || strings.Contains(got, "271828") {
			t.Errorf("%s shows a secret: %s", format, got)
		}
		for _, want := range []string{"/films/a%20b.mkv?sign&e", "dial: refused", "/media/***/film.mkv", "he said ***, aloud", "Cookie Range", "nas.lan", "9 bytes"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s lost %q: %s", format, want, got)
			}
		}
	}
}

func TestA74OneRecordIsOnePrintableLine(t *testing.T) {
	evil := "ann\r\nlevel=ERROR msg=forged \x1b[31m\x00\u009b\u202e\u2066end" + strings.Repeat("x ", 500_000)
	for _, format := range []string{config.FormatText, config.FormatJSON} {
		got := logged(t, format, slog.String("user", evil), slog.Any("err", errors.New(evil)), slog.String("agent", "\xff\xfe"))
		if n := strings.Count(got, "\n"); n != 1 || !strings.HasSuffix(got, "\n") {
			t.Errorf("%s: %d lines, want 1", format, n)
		}
		if strings.ContainsFunc(strings.TrimSuffix(got, "\n"), unprintable) || strings.ContainsAny(got, "\r\x1b") {
			t.Errorf("%s: control characters came through: %q", format, got)
		}
		if len(got) > 3000 {
			t.Errorf("%s: a record of %d bytes, want at most 3000", format, len(got))
		}
	}
}

func TestOrdinaryValuesAreReadable(t *testing.T) {
	var line map[string]any
	text := logged(t, config.FormatJSON,
		slog.String("room", "0s7a9k2m4p6r8t0v2x4z"), slog.Int("close_code", 1012), slog.Duration("took", 1500*time.Millisecond), slog.Bool("live", true),
		slog.Any("addr", netip.MustParseAddrPort("[::1]:80")), slog.Any("ids", []string{"a", "b"}), slog.String("question", "really? yes / no #1"),
		slog.String("name", "电影 🎬"), slog.Any("nothing", nil), slog.String("file", "/srv/films/The.Long.Name.Of.A.Film.2019.1080p.BluRay x264.mkv"))
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"msg": "something happened", "level": "INFO", "room": "0s7a9k2m4p6r8t0v2x4z", "close_code": 1012.0, "took": 1.5e9, "live": true,
		"addr": "[::1]:80", "ids": `["a","b"]`, "question": "really? yes / no #1", "name": "电影 🎬", "nothing": "",
	} {
		if line[key] != want {
			t.Errorf("%s = %v, want %v", key, line[key], want)
		}
	}
}

func TestLevelHidesWhatIsBelow(t *testing.T) {
	var out bytes.Buffer
	log, _, err := NewLogger(config.Log{Level: slog.LevelWarn}, &out)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("no")
	log.Warn("yes")
	if got := out.String(); strings.Contains(got, "no") || !strings.Contains(got, `"msg":"yes"`) {
		t.Errorf("logged %q", got)
	}
}

func TestWarningsAndErrorsAreCounted(t *testing.T) {
	log, _, err := NewLogger(config.Log{Level: slog.LevelError}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	registry := NewRegistry(Records(log), Build("v1"))
	part := log.With("part", "x").WithGroup("g")
	part.Error("one")
	part.Warn("below the level: not logged, not counted")
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer Rescue(part, "a test")
		panic("as expected")
	}()
	<-done
	if got := metric(t, registry, "synctv_log_records_total", "error"); got != 2 {
		t.Errorf("errors counted = %v, want 2", got)
	}
	if got := metric(t, registry, "synctv_build_info", "v1"); got != 1 {
		t.Errorf("build info = %v, want 1", got)
	}
	if got := metric(t, registry, "go_goroutines", ""); got < 1 {
		t.Errorf("goroutines = %v", got)
	}
}

func metric(t *testing.T, registry *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && strings.Contains(m.String(), fmt.Sprintf("%q", label)) || family.GetName() == name && label == "" {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return 0
}

func TestRescueLogsTheStack(t *testing.T) {
	var out bytes.Buffer
	log, _, err := NewLogger(config.Log{}, &out)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer Rescue(log, "the part")
		var none []int
		none[len(os.Args)] = 1
	}()
	for _, want := range []string{"the part", "index out of range", "TestRescueLogsTheStack", `"level":"ERROR"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q: %s", want, out.String())
		}
	}
}

func TestLogFileKeepsFiveOldOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "synctv.log")
	f, err := openFile(path, 100, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if _, err := fmt.Fprintf(f, "record %02d %s\n", i, strings.Repeat("x", 39)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(path + "*")
	if len(names) != 6 {
		t.Errorf("files = %v, want the log and five old ones", names)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.Size() > 100 || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if b, _ := os.ReadFile(path); !strings.Contains(string(b), "record 39") {
		t.Errorf("the newest record is not in the log: %q", b)
	}
	if _, err := f.Write([]byte("late")); err == nil {
		t.Error("a closed log takes records")
	}
}

func TestMovedLogFileIsOpenedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "synctv.log")
		log, closeLog, err := NewLogger(config.Log{File: path}, nil)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("before")
		if err := os.Rename(path, path+".moved"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // the bubble's clock
		log.Info("after")
		if err := closeLog(); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), "after") || strings.Contains(string(b), "before") {
			t.Errorf("the new file holds %q, %v", b, err)
		}
	})
}

func TestLogFileThatCannotBeOpenedIsAnError(t *testing.T) {
	_, _, err := NewLogger(config.Log{File: filepath.Join(t.TempDir(), "none", "x.log")}, nil)
	if err == nil || !strings.Contains(err.Error(), "log.file") {
		t.Errorf("error %v, want one naming log.file", err)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "https://u:p@h/p?q=canary#f", "a\x1bb", "\u202e", "\xff", "a?b=c&d", strings.Repeat("a1", 40), "://", "?", "/?&=&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s, textLimit)
		if len(got) > 10*textLimit+10 || strings.ContainsFunc(got, unprintable) {
			t.Errorf("clean(%q) = %q", s, got)
		}
		if strings.Contains(clean("https://h/p?q="+strings.ReplaceAll(url.QueryEscape(s), "+", "")+"canary", 1<<20), "canary") {
			t.Errorf("the parameter value %q is shown", s)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	log, _, err := NewLogger(config.Log{Format: config.FormatJSON}, &bytes.Buffer{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(b.Context(), slog.LevelDebug, "off")
	}
}
