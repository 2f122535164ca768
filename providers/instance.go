package providers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"
)

// InstanceConfig is one configured way to reach a provider.
type InstanceConfig struct {
	Name           string // [a-z0-9][a-z0-9_-]{0,63}; unique over all kinds
	Kind           Kind
	Disabled       bool
	Locked         bool // from the command line or file: not to be edited
	Priority       int
	Timeout        time.Duration   // 0 = 10 s
	MaxConcurrency int             // 0 = 16
	Comment        string          // what people call it, "" = its name
	VisibleTo      string          // "" or "everyone", or "admins": who is offered it
	Config         json.RawMessage // of the kind
}

func (c InstanceConfig) equal(o InstanceConfig) bool {
	return slices.Equal(c.Config, o.Config) && c.Name == o.Name && c.Kind == o.Kind && c.Disabled == o.Disabled && c.Locked == o.Locked &&
		c.Priority == o.Priority && c.Timeout == o.Timeout && c.MaxConcurrency == o.MaxConcurrency &&
		c.Comment == o.Comment && c.VisibleTo == o.VisibleTo
}

// Instance is a provider under its guard. Safe for concurrent use.
type Instance struct {
	cfg      InstanceConfig
	provider Provider // nil when broken
	broken   error
	keep     time.Duration
	guard    *guard
	resolved *Cache[*PlayInfo]
	figures  *figures
}

// How long play info may be kept: a margin before it expires, and how long a
// failure is believed.
const (
	expiryMargin    = 120 * time.Second
	keepNotFound    = 5 * time.Second
	keepRateLimited = 30 * time.Second
)

func newInstance(d Deps, f Factory, cfg InstanceConfig, fig *figures) *Instance {
	in := &Instance{
		cfg: cfg, keep: f.Keep, guard: newGuard(cfg), figures: fig,
		resolved: NewCache[*PlayInfo](CacheConfig{Timeout: resolveTimeout, Log: d.Log}),
	}
	p, err := f.New(d, cfg)
	if err != nil {
		in.broken = err
		return in
	}
	in.provider = p
	return in
}

// Name is "" for the built-in instance.
func (in *Instance) Name() string { return in.cfg.Name }

// Kind is the kind of its provider.
func (in *Instance) Kind() Kind { return in.cfg.Kind }

// Config is what it was made of.
func (in *Instance) Config() InstanceConfig { return in.cfg }

// Err says why the instance cannot work at all, such as a folder that is gone; nil when it can.
func (in *Instance) Err() error { return in.broken }

// Caps are those of its provider.
func (in *Instance) Caps() Caps {
	if in.provider == nil {
		return 0
	}
	return in.provider.Caps()
}

// Provider is the bare provider, for its optional interfaces; nil when Err is not.
func (in *Instance) Provider() Provider { return in.provider }

func (in *Instance) usable(op string) error {
	switch {
	case in.cfg.Disabled:
		return &Error{Class: ClassUnavailable, Kind: in.cfg.Kind, Instance: in.cfg.Name, Op: op, Reason: "this instance is switched off"}
	case in.broken != nil:
		return &Error{Class: ClassUnavailable, Kind: in.cfg.Kind, Instance: in.cfg.Name, Op: op, Reason: "this instance does not work", Err: in.broken}
	}
	return nil
}

// label puts into err where it happened.
func (in *Instance) label(op string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Kind, c.Instance = in.cfg.Kind, in.cfg.Name
	if c.Op == "" {
		c.Op = op
	}
	return &c
}

// Validate checks the shape of a source, without network.
func (in *Instance) Validate(source json.RawMessage) (json.RawMessage, error) {
	if err := in.usable("validate"); err != nil {
		return nil, err
	}
	out, err := in.provider.Validate(source)
	return out, in.label("validate", err)
}

// Resolve answers from the cache or asks the provider once for everybody who
// waits for the same source. The result is the caller's own.
func (in *Instance) Resolve(ctx context.Context, rq ResolveRequest) (*PlayInfo, error) {
	if err := in.usable("resolve"); err != nil {
		return nil, err
	}
	rq.Kind, rq.Instance = in.cfg.Kind, in.cfg.Name
	info, outcome, err := in.resolved.Get(ctx, resolveKey(rq), rq.Fresh, func(ctx context.Context) (*PlayInfo, time.Duration, error) {
		var info *PlayInfo
		err := in.call(ctx, "resolve", func(ctx context.Context) (err error) {
			info, err = in.provider.Resolve(ctx, rq)
			return err
		})
		return info, in.keepFor(info, err), err
	})
	in.figures.cache(in.cfg.Kind, outcome)
	if err != nil {
		return nil, in.label("resolve", err)
	}
	return info.clone(), nil
}

// Forget drops what is kept for a source, so that the next Resolve asks again.
func (in *Instance) Forget(rq ResolveRequest) {
	rq.Kind, rq.Instance = in.cfg.Kind, in.cfg.Name
	in.resolved.Forget(resolveKey(rq))
}

func (in *Instance) keepFor(info *PlayInfo, err error) time.Duration {
	class := ClassOf(err)
	switch {
	case class == ClassNotFound:
		return keepNotFound
	case class == ClassRateLimited:
		return keepRateLimited
	case err != nil || info == nil:
		return 0
	case info.Expires.IsZero():
		return in.keep
	}
	return min(in.keep, time.Until(info.Expires)-expiryMargin)
}

// resolveKey hashes everything that the answer depends on.
func resolveKey(rq ResolveRequest) string {
	h := sha256.New()
	part := func(s string) {
		var n [4]byte
		n[0], n[1], n[2], n[3] = byte(len(s)>>24), byte(len(s)>>16), byte(len(s)>>8), byte(len(s))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	part(string(rq.Kind))
	part(rq.Instance)
	part(string(rq.Source))
	part(rq.PublicURL)
	for _, name := range slices.Sorted(maps.Keys(rq.Headers)) {
		part(http.CanonicalHeaderKey(name))
		for _, v := range rq.Headers[name] {
			part(v)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Parse reads what a user pasted; class unsupported when the kind cannot.
func (in *Instance) Parse(ctx context.Context, rq ParseRequest) (*ParseResult, error) {
	if err := in.usable("parse"); err != nil {
		return nil, err
	}
	p, ok := in.provider.(Parser)
	if !ok {
		return nil, in.label("parse", &Error{Class: ClassUnsupported, Reason: "this source cannot be pasted"})
	}
	rq.Instance = in.cfg.Name
	var res *ParseResult
	err := in.call(ctx, "parse", func(ctx context.Context) (err error) {
		res, err = p.Parse(ctx, rq)
		return err
	})
	return res, in.label("parse", err)
}

// Browse lists a folder; class unsupported when the kind cannot.
func (in *Instance) Browse(ctx context.Context, rq BrowseRequest) (*Page, error) {
	if err := in.usable("browse"); err != nil {
		return nil, err
	}
	b, ok := in.provider.(Browser)
	if !ok {
		return nil, in.label("browse", &Error{Class: ClassUnsupported, Reason: "this source has no folders"})
	}
	rq.Instance = in.cfg.Name
	rq.Limit = pageLimit(rq.Limit)
	var page *Page
	err := in.call(ctx, "browse", func(ctx context.Context) (err error) {
		page, err = b.Browse(ctx, rq)
		return err
	})
	return page, in.label("browse", err)
}

func pageLimit(n int) int {
	if n <= 0 {
		return DefaultPage
	}
	return min(n, MaxPage)
}

// Health asks the provider whether its source can be reached; nil when it has
// no way to tell.
func (in *Instance) Health(ctx context.Context) error {
	if err := in.usable("health"); err != nil {
		return err
	}
	c, ok := in.provider.(Checker)
	if !ok {
		return nil
	}
	return in.label("health", in.call(ctx, "health", c.Health))
}

func (in *Instance) call(ctx context.Context, op string, f func(context.Context) error) error {
	start := time.Now()
	err := in.guard.do(ctx, f)
	in.figures.call(in.cfg.Kind, op, time.Since(start), err)
	return err
}

// close waits for what is under way and lets the provider free what it holds.
func (in *Instance) close() {
	in.resolved.Close()
	if c, ok := in.provider.(interface{ Close() error }); ok {
		_ = c.Close() // folders and caches: nothing to do about it
	}
}
