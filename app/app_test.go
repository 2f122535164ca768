package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"synctv/app"
	"synctv/app/config"
	"synctv/store"
)

func configure(t *testing.T) *config.Config {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return &config.Config{Listen: "127.0.0.1:0", DataDir: dir, Store: config.Store{URL: config.NewSecret("sqlite:")}, Outbound: config.Outbound{Guard: true}}
}

func build(t *testing.T, c *config.Config) (*app.App, *strings.Builder, error) {
	t.Helper()
	var console strings.Builder
	a, err := app.New(t.Context(), app.Config{Config: c, Log: slog.New(slog.DiscardHandler), Version: "test", Stderr: &console})
	return a, &console, err
}

func TestNewListensToNothingAndCloseFreesTheFolder(t *testing.T) {
	c := configure(t)
	a, console, err := build(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := build(t, c); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second server on the folder: %v, want ErrLocked", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if console.Len() != 0 {
		t.Errorf("printed before it runs: %s", console)
	}
	again, _, err := build(t, c)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestRunAnswersUntilItsContextEnds(t *testing.T) {
	c := configure(t)
	a, console, err := build(t, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	<-a.Ready()
	rq, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr().String()+"/health/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("ready = %d", resp.StatusCode)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	if !strings.Contains(console.String(), "/setup#token=") {
		t.Errorf("no set-up link was printed: %s", console)
	}
	again, _, err := build(t, c) // everything is free again
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestBadSiteSettingsStopTheStart(t *testing.T) {
	c := configure(t)
	c.Settings = map[string]string{"user.max_rooms": "many", "no.such": "1"}
	if _, _, err := build(t, c); err == nil || !strings.Contains(err.Error(), "user.max_rooms") || !strings.Contains(err.Error(), "no.such") {
		t.Errorf("New = %v, want both keys named", err)
	}
}

func TestUnattendedSetup(t *testing.T) {
	c := configure(t)
	c.RootUsername, c.RootPasswordFile = "mia", filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(c.RootPasswordFile, []byte("a lamp for the herring fleet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start finds its root
		a, _, err := build(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCommittedDocumentIsThatOfTheCode(t *testing.T) {
	doc, err := app.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join("..", "webui", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(doc) != string(kept) {
		t.Error("webui/openapi.json is stale: go run . openapi >webui/openapi.json")
	}
	var d struct {
		Paths map[string]map[string]struct {
			Summary   string
			Responses map[string]any
			Problems  []string `json:"x-problems"`
		}
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		t.Fatal(err)
	}
	for path, ops := range d.Paths {
		for method, op := range ops {
			if op.Summary == "" || len(op.Problems) == 0 || len(op.Responses) < 2 {
				t.Errorf("%s %s: summary %q, problems %v, %d responses", method, path, op.Summary, op.Problems, len(op.Responses))
			}
		}
	}
}
