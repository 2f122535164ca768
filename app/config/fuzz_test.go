package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// FuzzConfig gives Load any file and any variable: it answers a configuration
// or mistakes that name what they are about, and never repeats the master key.
func FuzzConfig(f *testing.F) {
	for _, file := range []string{
		"", "listen: ':1'", "{\"listen\": \":1\"}", "server: {hosts: [a, b]}\n", "log:\n  level: debug\n", "a: &a [*a]", "listen: !!binary aGk=", "? [a]\n: b",
		"library: [[a]]", "outbound: {guard: 2001-01-01}", "%YAML 1.2\n---\nlisten: x", "a.b.c: 1", "server.hosts: [x]", "'': 1", "rate_limit: {read: {max: 1e99}}",
		"auth: {lockout: {a: .nan}}", "auth: {lockout: {1: 2}}", "1: 2", "~: ~", "LISTEN: ':2'", "<<: {listen: x}", "[1, 2]",
	} {
		f.Add([]byte(file), "listen", "127.0.0.1:0")
		f.Add([]byte(file), "rate_limit.read.max", "-1")
	}
	f.Add([]byte("listen = ':1'"), "config", "x.toml")
	f.Add([]byte(""), "master_key_file", "/x")
	f.Add([]byte("master_key: 1"), "nonsense", "x")
	f.Fuzz(func(t *testing.T, file []byte, name, text string) {
		const canary = "c4n4ry-c4n4ry"
		variable := env(name)
		if strings.ContainsAny(variable+text, "\x00=") || strings.HasPrefix(variable, envPrefix+"CONFIG") || variable == env("data_dir") || variable == env("master_key") {
			t.Skip()
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, FileName), file, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, text)
		t.Setenv(env("data_dir"), dir)
		t.Setenv(env("master_key"), canary)
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		Flags(flags)
		c, err := Load(Options{Flags: flags, Settings: testSettings})
		if err == nil {
			t.Fatalf("a master key of %d bytes passes: %v", len(canary), c.Values())
		}
		if !strings.Contains(err.Error(), "master_key: must be") {
			t.Errorf("the error does not name the master key: %v", err)
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("the error shows the master key: %v", err)
		}
	})
}
