package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// load runs Load in a clean place: an empty data folder, the given file, and no
// SYNCTV_ variables but those the test has set itself.
func load(t *testing.T, file string, args ...string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fs := pflag.NewFlagSet("synctv", pflag.ContinueOnError)
	Flags(fs)
	if err := fs.Parse(append([]string{"--data-dir", dir}, args...)); err != nil {
		t.Fatal(err)
	}
	return Load(Options{Flags: fs, Settings: testSettings})
}

var testSettings = []string{
	"server.name", "server.public_url", "outbound.allow", "room.max_viewers_cap", "rate_limit.read.max", "rate_limit.read.window",
	"user.signup_enabled", "auth.lockout", "metrics.token",
}

func TestDefaultsNeedNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	wd, _ := os.Getwd()
	if c.Listen != ":8080" || c.DataDir != filepath.Join(wd, "data") || c.Store.URL.Reveal() != "sqlite:" ||
		!c.Outbound.Guard || c.Log.Level != slog.LevelInfo || c.Log.Format != FormatAuto || len(c.Library) != 0 {
		t.Errorf("defaults = %+v", c)
	}
	for _, v := range c.Values() {
		if v.Origin != "default" {
			t.Errorf("%s comes from %q, want default", v.Key, v.Origin)
		}
	}
}

func TestFlagsWinOverEnvironmentOverFile(t *testing.T) {
	file := "listen: ':1'\nlog: {level: error, format: json}\nroom.max_viewers_cap: 7\n"
	t.Setenv("SYNCTV_LISTEN", ":2")
	t.Setenv("SYNCTV_LOG_LEVEL", "warn")
	c, err := load(t, file, "--listen", ":3")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":3" || c.Log.Level != slog.LevelWarn || c.Log.Format != FormatJSON {
		t.Errorf("listen %q, level %v, format %q; want :3, WARN, json", c.Listen, c.Log.Level, c.Log.Format)
	}
	want := map[string]string{
		"listen": "flag --listen", "log.level": "environment SYNCTV_LOG_LEVEL",
		"log.format": "file " + filepath.Join(c.DataDir, FileName), "outbound.guard": "default",
		"room.max_viewers_cap": "file " + filepath.Join(c.DataDir, FileName),
	}
	got := map[string]string{}
	for _, v := range c.Values() {
		if _, ok := want[v.Key]; ok {
			got[v.Key] = v.Origin
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
}

func TestEmptyVariableIsNotSet(t *testing.T) {
	t.Setenv("SYNCTV_LISTEN", "")
	c, err := load(t, "")
	if err != nil || c.Listen != ":8080" {
		t.Errorf("listen = %q, %v; want the default", c.Listen, err)
	}
}

func TestListsFromEverySource(t *testing.T) {
	t.Setenv("SYNCTV_SERVER_HOSTS", "TV.example.org, 192.168.1.5 ,,::1")
	t.Setenv("SYNCTV_SERVER_TRUSTED_PROXIES", "10.1.2.3/8,::1")
	c, err := load(t, "outbound: {allow: [nas.lan, '10.0.0.0/8']}", "--library", "/srv/My Films", "--library", "tv=/srv/a,b", "--library", "/mnt/my films")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"tv.example.org", "192.168.1.5", "::1"}, c.Server.Hosts); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Folder{{"my-films", abs("/srv/My Films")}, {"tv", abs("/srv/a,b")}, {"my-films-2", abs("/mnt/my films")}}, c.Library); diff != "" {
		t.Errorf("library (-want +got):\n%s", diff)
	}
	if fmt.Sprint(c.Server.TrustedProxies) != fmt.Sprint([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}) {
		t.Errorf("trusted proxies = %v", c.Server.TrustedProxies)
	}
	if got := c.Settings["outbound.allow"]; got != `["nas.lan","10.0.0.0/8"]` {
		t.Errorf("outbound.allow = %s", got)
	}
}

func abs(p string) string { a, _ := filepath.Abs(p); return a }

func TestSettingsArePinned(t *testing.T) {
	t.Setenv("SYNCTV_SERVER_NAME", "123")
	t.Setenv("SYNCTV_RATE_LIMIT_READ_MAX", "5000")
	t.Setenv("SYNCTV_USER_SIGNUP_ENABLED", "on")
	t.Setenv("SYNCTV_METRICS_TOKEN", "canary-token")
	t.Setenv("SYNCTV_SERVER_PUBLIC_URL", "https://TV.example.org/")
	c, err := load(t, "rate_limit: {read: {window: 1s}}\nauth: {lockout: {account: [{tries: 5, wait: 1m}]}}\nroom.max_viewers_cap: 12\n")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"server.name": "123", "rate_limit.read.max": "5000", "rate_limit.read.window": "1s", "user.signup_enabled": "on", "metrics.token": "canary-token",
		"auth.lockout": `{"account":[{"tries":5,"wait":"1m"}]}`, "server.public_url": "https://TV.example.org/", "room.max_viewers_cap": "12",
	}
	if diff := cmp.Diff(want, c.Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if c.Server.PublicURL != "https://tv.example.org" {
		t.Errorf("public url = %q", c.Server.PublicURL)
	}
	for _, v := range c.Values() {
		if strings.Contains(v.Text, "canary") {
			t.Errorf("%s shows its secret", v.Key)
		}
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	t.Setenv("SYNCTV_LISEN", ":1")
	t.Setenv("SYNCTV_MASTER_KEY", "canary-key")
	t.Setenv("SYNCTV_LOG_LEVEL", "loud")
	file := "lissten: ':1'\nserver: {host: x, public_url: 'ftp://x', trusted_proxies: [a, b]}\nlog: {rotate: 5}\nmetrics: {listen: ':99999'}\nroom: {max_viewers_cap: 2001-01-01}\nrate_limit: {read: {window: 5}}\noutbound: yes\n"
	_, err := load(t, file, "--store", "mysql:canary-password@x")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`unknown key "lissten", the nearest is "listen"`, `unknown key "server.host", the nearest is "server.hosts"`, `unknown key "log.rotate"`,
		`unknown environment variable "SYNCTV_LISEN", the nearest is "SYNCTV_LISTEN"`,
		"server.public_url: must be a scheme and a host", "server.trusted_proxies: entry 1 must be", "server.trusted_proxies: entry 2 must be",
		"metrics.listen: must end in a port number", "log.level: must be debug, info, warn or error (environment SYNCTV_LOG_LEVEL)",
		"room.max_viewers_cap: must be a text, a number", "outbound is a group of keys, like outbound.allow",
		`store.url: must begin with "sqlite:"`, "master_key: must be 32 bytes",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q", want)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error shows a secret: %v", err)
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestOneValueIsRefused(t *testing.T) {
	for _, tc := range []struct{ file, want string }{
		{"listen: 8080", "listen: must be an address"},
		{"listen: 'exa mple:80'", "listen: must begin with an IP address"},
		{"listen: ':http'", "listen: must end in a port number"},
		{"server: {hosts: ['https://x']}", "server.hosts: host 1 must be"},
		{"server: {public_url: 'https://u:p@x'}", "server.public_url"},
		{"server: {public_url: 'https://x/tv'}", "server.public_url"},
		{"library: ['a=/x', 'a=/y']", `two folders are named "a"`},
		{"library: {a: /x}", "library: must be a list"},
		{"outbound: {guard: maybe}", "outbound.guard: must be true or false"},
		{"log: {format: xml}", "log.format"},
		{"master_key: [1]", "master_key: must be a text"},
		{"root_username: ann", "root_username and root_password_file: both"},
		{"metrics: {listen: ':8080'}", "metrics.listen: must differ"},
		{"master_key: " + strings.Repeat("ab", 32) + "\nmaster_key_file: /x", "only one of them"},
		{"a: [", "cannot be understood at line 1"},
		{"canary", "cannot be understood"},
	} {
		_, err := load(t, tc.file)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: error %v, want %q", tc.file, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: the error repeats the file: %v", tc.file, err)
		}
	}
}

func TestNamedFileMustExist(t *testing.T) {
	_, err := load(t, "", "--config", filepath.Join(t.TempDir(), "none.yaml"))
	if err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error %v, want one naming the file", err)
	}
}

func TestEmptyGroupIsFine(t *testing.T) {
	if _, err := load(t, "server:\nlog:\nlisten:\n"); err != nil {
		t.Error(err)
	}
}

func TestMasterKeyIsHexOrBase64(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("0f", 32), strings.Repeat("0F", 32) + "\n", strings.Repeat("A", 43) + "=", strings.Repeat("/+", 21) + "A=",
	} {
		if err := checkKey(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "short", strings.Repeat("0f", 31), strings.Repeat("A", 44)} {
		if err := checkKey(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

func TestSecretPrintsAsStars(t *testing.T) {
	s := NewSecret("canary")
	type part struct{ Key, empty Secret }
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "part", part{Key: s})
	encoded, err := json.Marshal(part{Key: s})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %#v", s, s, s, s, s, s, s, &s, part{s, s}, part{s, s})
	for _, text := range []string{printed, log.String(), string(encoded), s.String()} {
		if strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") || !strings.Contains(text, "***") {
			t.Errorf("a secret prints as %s", text)
		}
	}
	if s.Reveal() != "canary" || NewSecret("").String() != "" {
		t.Error("Reveal or the empty secret is wrong")
	}
}
