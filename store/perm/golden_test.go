package perm_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"synctv/store/perm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden keeps numbers and names where clients and databases have them.
// The web UI's tests read the same file.
func TestGolden(t *testing.T) {
	type template struct {
		Name    string   `json:"name"`
		Added   []string `json:"added"`
		Removed []string `json:"removed"`
	}
	doc := struct {
		Bits      []perm.Info            `json:"bits"`
		Defaults  map[perm.Role][]string `json:"defaults"`
		Caps      map[perm.Role][]string `json:"caps"`
		Templates []template             `json:"templates"`
	}{perm.List(), map[perm.Role][]string{}, map[perm.Role][]string{}, nil}
	for _, role := range roles {
		doc.Defaults[role] = perm.Names(perm.Default(role))
		doc.Caps[role] = perm.Names(perm.Cap(role))
	}
	for _, tpl := range perm.Templates() {
		doc.Templates = append(doc.Templates, template{tpl.Name, perm.Names(tpl.Added), perm.Names(tpl.Removed)})
	}
	got, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", "perm.golden.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("permissions differ from the golden file (-want +got):\n%s", cmp.Diff(string(want), string(got)))
	}
}
