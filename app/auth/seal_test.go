package auth

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestMasterKeyIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	a, err := LoadMaster(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := LoadMaster(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Derive("x"), b.Derive("x")) {
		t.Error("the second start derives other keys")
	}
	if bytes.Equal(a.Derive("x"), a.Derive("y")) {
		t.Error("two purposes share a key")
	}
	info, err := os.Stat(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("master.key has mode %v", info.Mode())
	}
}

func TestDamagedMasterKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "master.key")
	if err := os.WriteFile(name, []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadMaster(dir, "")
	if err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("LoadMaster = %v, want a sentence that says what to do", err)
	}
	if got, _ := os.ReadFile(name); string(got) != "half a k" {
		t.Errorf("the file now holds %q", got)
	}
}

func TestSealedValueOpensOnlyInItsPlace(t *testing.T) {
	m, err := LoadMaster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	sealed := m.Seal("p", "bindings|secret|1", []byte("cookie"))
	if got, err := m.Open("p", "bindings|secret|1", sealed); err != nil || string(got) != "cookie" {
		t.Errorf("Open = %q, %v", got, err)
	}
	other, err := LoadMaster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := m.Open("p", "bindings|secret|1", bad); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	if _, err := m.Open("p", "bindings|secret|2", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another row: %v", err)
	}
	if _, err := m.Open("q", "bindings|secret|1", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another purpose: %v", err)
	}
	if _, err := other.Open("p", "bindings|secret|1", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another site: %v", err)
	}
}
