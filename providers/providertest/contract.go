package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"synctv/providers"
)

// Case is what the suite needs to know of a provider.
type Case struct {
	Factory  providers.Factory
	Deps     providers.Deps
	Instance providers.InstanceConfig // Name "" = the built-in one
	Good     json.RawMessage          // resolves
	Missing  json.RawMessage          // a proper source of something that is not there
	Bad      []json.RawMessage        // no sources at all
	// Calls counts the requests to the upstream; nil for providers without one.
	Calls func() int
	// Hold keeps the upstream from answering until release; nil without one.
	Hold func() (release func())
}

func (c Case) registry(t *testing.T) *providers.Registry {
	t.Helper()
	r := providers.NewRegistry(c.Deps, c.Factory)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	c.apply(t, r)
	return r
}

func (c Case) apply(t *testing.T, r *providers.Registry) {
	t.Helper()
	if c.Instance.Name != "" {
		if err := r.Apply(t.Context(), []providers.InstanceConfig{c.Instance}); err != nil {
			t.Fatal(err)
		}
	}
}

func (c Case) ask(source json.RawMessage) providers.ResolveRequest {
	return providers.ResolveRequest{Kind: c.Factory.Kind, Instance: c.Instance.Name, Source: source, PublicURL: "http://watch.example"}
}

// Run holds a provider to the contract.
func Run(t *testing.T, c Case) {
	t.Run("validation is stable", func(t *testing.T) { c.validates(t) })
	t.Run("bad sources are refused without network", func(t *testing.T) { c.refuses(t) })
	t.Run("resolve fills the play info", func(t *testing.T) { c.resolves(t) })
	t.Run("what is missing is not_found", func(t *testing.T) { c.misses(t) })
	t.Run("a disabled instance is unavailable", func(t *testing.T) { c.disabled(t) })
	t.Run("a result belongs to its caller", func(t *testing.T) { c.owned(t) })
	if c.Calls != nil {
		t.Run("a second resolve asks nobody", func(t *testing.T) { c.cached(t) })
	}
	if c.Calls != nil && c.Hold != nil {
		t.Run("fifty callers share one request", func(t *testing.T) { c.coalesced(t) })
		t.Run("one who leaves fails nobody else", func(t *testing.T) { c.leaves(t) })
	}
}

func (c Case) validates(t *testing.T) {
	r := c.registry(t)
	once, err := r.Validate(c.Factory.Kind, c.Instance.Name, c.Good)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := r.Validate(c.Factory.Kind, c.Instance.Name, once)
	if err != nil || string(once) != string(twice) {
		t.Errorf("validated again = %s, %v, want %s", twice, err, once)
	}
}

func (c Case) refuses(t *testing.T) {
	r := c.registry(t)
	before := c.calls()
	for _, bad := range c.Bad {
		_, err := r.Validate(c.Factory.Kind, c.Instance.Name, bad)
		if !errors.Is(err, providers.ErrFailed) {
			t.Errorf("Validate(%s) = %v, want a provider error", bad, err)
		}
	}
	if after := c.calls(); after != before {
		t.Errorf("validation made %d requests", after-before)
	}
}

func (c Case) calls() int {
	if c.Calls == nil {
		return 0
	}
	return c.Calls()
}

func (c Case) resolves(t *testing.T) {
	info, err := c.registry(t).Resolve(t.Context(), c.ask(c.Good))
	if err != nil {
		t.Fatal(err)
	}
	if info.Title == "" || len(info.Variants) == 0 || info.Default >= len(info.Variants) {
		t.Fatalf("play info = %+v, want a title and variants", info)
	}
	for _, v := range info.Variants {
		if v.ID == "" || v.Container == "" || v.MIME == "" || len(v.URLs) == 0 {
			t.Errorf("variant = %+v, want id, container, type and addresses", v)
		}
		for _, up := range v.URLs {
			if len(up.Header) > 0 && v.Proxy != providers.ProxyRequired {
				t.Errorf("variant %s needs headers but not the proxy", v.ID)
			}
		}
	}
}

func (c Case) misses(t *testing.T) {
	_, err := c.registry(t).Resolve(t.Context(), c.ask(c.Missing))
	if got := providers.ClassOf(err); got != providers.ClassNotFound {
		t.Errorf("class = %q (%v), want not_found", got, err)
	}
	var e *providers.Error
	if errors.As(err, &e) && e.Kind != c.Factory.Kind {
		t.Errorf("error names kind %q, want %q", e.Kind, c.Factory.Kind)
	}
}

func (c Case) disabled(t *testing.T) {
	if c.Instance.Name == "" {
		t.Skip("the built-in instance cannot be disabled")
	}
	r := c.registry(t)
	off := c.Instance
	off.Disabled = true
	if err := r.Apply(t.Context(), []providers.InstanceConfig{off}); err != nil {
		t.Fatal(err)
	}
	_, err := r.Resolve(t.Context(), c.ask(c.Good))
	if got := providers.ClassOf(err); got != providers.ClassUnavailable {
		t.Errorf("class = %q (%v), want unavailable", got, err)
	}
}

func (c Case) owned(t *testing.T) {
	r := c.registry(t)
	a, err := r.Resolve(t.Context(), c.ask(c.Good))
	if err != nil {
		t.Fatal(err)
	}
	a.Title, a.Variants[0].ID, a.Variants[0].URLs[0].URL = "changed", "changed", "changed"
	b, err := r.Resolve(t.Context(), c.ask(c.Good))
	if err != nil {
		t.Fatal(err)
	}
	if b.Title == "changed" || b.Variants[0].ID == "changed" || b.Variants[0].URLs[0].URL == "changed" {
		t.Error("a caller changed what another one got")
	}
}

func (c Case) cached(t *testing.T) {
	r := c.registry(t)
	for range 2 {
		if _, err := r.Resolve(t.Context(), c.ask(c.Good)); err != nil {
			t.Fatal(err)
		}
	}
	before := c.Calls()
	if _, err := r.Resolve(t.Context(), c.ask(c.Good)); err != nil {
		t.Fatal(err)
	}
	if n := c.Calls() - before; n != 0 {
		t.Errorf("requests = %d, want 0", n)
	}
	rq := c.ask(c.Good)
	rq.Fresh = true
	if _, err := r.Resolve(t.Context(), rq); err != nil {
		t.Fatal(err)
	}
	if c.Calls() == before {
		t.Error("a fresh resolve asked nobody")
	}
}

func (c Case) coalesced(t *testing.T) {
	alone := c.registry(t)
	before := c.Calls()
	if _, err := alone.Resolve(t.Context(), c.ask(c.Good)); err != nil {
		t.Fatal(err)
	}
	one := c.Calls() - before

	r := c.registry(t)
	release := c.Hold()
	before = c.Calls()
	var wg sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		wg.Go(func() {
			defer rescue(t, "resolve")
			_, errs[i] = r.Resolve(t.Context(), c.ask(c.Good))
		})
	}
	waitFor(t, func() bool { return c.Calls() > before })
	release()
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if n := c.Calls() - before; n != one {
		t.Errorf("requests of fifty = %d, want those of one: %d", n, one)
	}
}

func (c Case) leaves(t *testing.T) {
	r := c.registry(t)
	release := c.Hold()
	before := c.Calls()
	ctx, cancel := context.WithCancel(t.Context())
	var first, second error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer rescue(t, "resolve")
		_, first = r.Resolve(ctx, c.ask(c.Good))
	})
	waitFor(t, func() bool { return c.Calls() > before })
	wg.Go(func() {
		defer rescue(t, "resolve")
		_, second = r.Resolve(t.Context(), c.ask(c.Good))
	})
	cancel()
	release()
	wg.Wait()
	if first != nil && !errors.Is(first, context.Canceled) {
		t.Errorf("the one who left got %v", first)
	}
	if second != nil {
		t.Errorf("the one who stayed got %v", second)
	}
}

// waitFor yields until a fact of a real server holds.
func waitFor(t *testing.T, fact func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !fact() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never happened")
		}
	}
}

// rescue turns a panic in a goroutine into a failure of its test.
func rescue(t *testing.T, what string) {
	if p := recover(); p != nil {
		t.Errorf("%s panicked: %v", what, p)
	}
}
