package providers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Factory makes the instances of one kind.
type Factory struct {
	Kind Kind
	New  func(Deps, InstanceConfig) (Provider, error)
	// BuiltIn kinds have an instance without name and configuration.
	BuiltIn bool
	// Keep is how long play info of this kind is good without an expiry of its own.
	Keep time.Duration
}

// drainFor is how long a replaced instance may finish what it does.
const drainFor = 30 * time.Second

// maxInstances bounds the configuration.
const maxInstances = 256

var instanceName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// Registry holds the configured instances. Readers see one snapshot or the
// next, never a mixture. Close it when nothing calls it any more.
type Registry struct {
	deps      Deps
	factories map[Kind]Factory
	kinds     []Kind // in the order given
	figures   *figures
	current   atomic.Pointer[snapshot]

	mu      sync.Mutex // one Apply at a time
	closed  bool
	retired map[*Instance]*time.Timer
}

type instanceKey struct {
	kind Kind
	name string
}

type snapshot struct {
	byKey  map[instanceKey]*Instance
	byKind map[Kind][]*Instance // priority first, then name
	byName map[string]*Instance // named ones
}

// NewRegistry returns a registry that knows these kinds and has their built-in
// instances.
func NewRegistry(d Deps, factories ...Factory) *Registry {
	d.Log = orDiscard(d.Log)
	r := &Registry{deps: d, factories: map[Kind]Factory{}, figures: newFigures(d.Metrics), retired: map[*Instance]*time.Timer{}}
	for _, f := range factories {
		r.factories[f.Kind] = f
		r.kinds = append(r.kinds, f.Kind)
	}
	r.current.Store(&snapshot{})
	_ = r.Apply(context.Background(), nil) // built-in instances need nothing that can be missing
	return r
}

// Apply replaces the whole configuration at once. Instances whose
// configuration did not change stay, with their caches; those that are gone
// get 30 s to finish. An instance that cannot be made takes its place as a
// broken one (Err), and the joined error names them all.
func (r *Registry) Apply(_ context.Context, configs []InstanceConfig) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("registry is closed")
	}
	var errs []error
	next := &snapshot{byKey: map[instanceKey]*Instance{}, byKind: map[Kind][]*Instance{}, byName: map[string]*Instance{}}
	old := r.current.Load()
	add := func(f Factory, cfg InstanceConfig) {
		key := instanceKey{cfg.Kind, cfg.Name}
		in := old.byKey[key]
		if in == nil || in.broken != nil || !in.cfg.equal(cfg) {
			in = newInstance(r.deps, f, cfg, r.figures)
		}
		if in.broken != nil {
			errs = append(errs, fmt.Errorf("%s instance %q: %w", cfg.Kind, cfg.Name, in.broken))
		}
		next.byKey[key] = in
		next.byKind[cfg.Kind] = append(next.byKind[cfg.Kind], in)
		if cfg.Name != "" {
			next.byName[cfg.Name] = in
		}
	}
	for _, k := range r.kinds {
		if r.factories[k].BuiltIn {
			add(r.factories[k], InstanceConfig{Kind: k})
		}
	}
	for i, cfg := range configs {
		if i == maxInstances {
			errs = append(errs, fmt.Errorf("more than %d instances", maxInstances))
			break
		}
		if err := r.mistake(cfg, next); err != nil {
			errs = append(errs, err)
			continue
		}
		add(r.factories[cfg.Kind], cfg)
	}
	for _, list := range next.byKind {
		slices.SortStableFunc(list, func(a, b *Instance) int {
			return cmp.Or(cmp.Compare(b.cfg.Priority, a.cfg.Priority), strings.Compare(a.cfg.Name, b.cfg.Name))
		})
	}
	r.current.Store(next)
	for key, in := range old.byKey {
		if next.byKey[key] != in {
			r.retire(in)
		}
	}
	return errors.Join(errs...)
}

func (r *Registry) mistake(cfg InstanceConfig, next *snapshot) error {
	switch _, known := r.factories[cfg.Kind]; {
	case !known:
		return fmt.Errorf("instance %q: unknown provider %q", cfg.Name, cfg.Kind)
	case !instanceName.MatchString(cfg.Name):
		return fmt.Errorf("instance name %q: want a-z 0-9 _ -, at most 64", cfg.Name)
	case next.byName[cfg.Name] != nil:
		return fmt.Errorf("instance name %q is used twice", cfg.Name)
	}
	return nil
}

// retire needs mu.
func (r *Registry) retire(in *Instance) {
	r.retired[in] = time.AfterFunc(drainFor, func() {
		defer rescue(r.deps.Log, "close provider instance")
		r.mu.Lock()
		_, mine := r.retired[in]
		delete(r.retired, in)
		r.mu.Unlock()
		if mine {
			in.close()
		}
	})
}

// Close ends every instance and waits for what is under way.
func (r *Registry) Close() error {
	r.mu.Lock()
	r.closed = true
	old := r.current.Swap(&snapshot{})
	retired := r.retired
	r.retired = map[*Instance]*time.Timer{}
	r.mu.Unlock()
	for in, timer := range retired {
		timer.Stop()
		in.close()
	}
	for _, in := range old.byKey {
		in.close()
	}
	return nil
}

// Kinds lists the kinds it knows, in the order of NewRegistry.
func (r *Registry) Kinds() []Kind { return slices.Clone(r.kinds) }

// Caps are the capabilities of a kind's first working instance.
func (r *Registry) Caps(kind Kind) Caps {
	for _, in := range r.current.Load().byKind[kind] {
		if in.broken == nil {
			return in.Caps()
		}
	}
	return 0
}

// Get finds an instance by exact name; "" is the built-in one. There is no
// silent stand-in: class not_found when it does not exist.
func (r *Registry) Get(kind Kind, name string) (*Instance, error) {
	if in := r.current.Load().byKey[instanceKey{kind, name}]; in != nil {
		return in, nil
	}
	if _, known := r.factories[kind]; !known {
		return nil, &Error{Class: ClassUnsupported, Kind: kind, Instance: name, Reason: "this server does not know this kind of source"}
	}
	return nil, &Error{Class: ClassNotFound, Kind: kind, Instance: name, Reason: "there is no such instance"}
}

// Instances lists those of a kind, priority first, broken and disabled ones too.
func (r *Registry) Instances(kind Kind) []*Instance {
	return slices.Clone(r.current.Load().byKind[kind])
}

// Match is a kind that may understand an input.
type Match struct {
	Kind     Kind
	Instance string
	Score    Score
}

// Match says which kinds may understand what a user pasted, best first,
// without any network.
func (r *Registry) Match(input string) []Match {
	var out []Match
	now := r.current.Load()
	for _, k := range r.kinds {
		for _, in := range now.byKind[k] {
			p, ok := in.provider.(Parser)
			if !ok || in.cfg.Disabled {
				continue
			}
			if s := p.Match(input); s > ScoreNone {
				out = append(out, Match{Kind: k, Instance: in.cfg.Name, Score: s})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Match) int { return cmp.Compare(b.Score, a.Score) })
	return out
}

// Validate checks the shape of a source for an instance.
func (r *Registry) Validate(kind Kind, instance string, source json.RawMessage) (json.RawMessage, error) {
	in, err := r.Get(kind, instance)
	if err != nil {
		return nil, err
	}
	return in.Validate(source)
}

// Resolve asks the instance the request names.
func (r *Registry) Resolve(ctx context.Context, rq ResolveRequest) (*PlayInfo, error) {
	in, err := r.Get(rq.Kind, rq.Instance)
	if err != nil {
		return nil, err
	}
	return in.Resolve(ctx, rq)
}

// OpenFile opens a file of a named instance; class not_found for anything that
// is not there or not to be seen.
func (r *Registry) OpenFile(ctx context.Context, instance, path string) (*File, error) {
	in := r.current.Load().byName[instance]
	if in == nil {
		return nil, &Error{Class: ClassNotFound, Instance: instance, Reason: "there is no such instance"}
	}
	if err := in.usable("open"); err != nil {
		return nil, err
	}
	o, ok := in.provider.(Opener)
	if !ok {
		return nil, in.label("open", &Error{Class: ClassNotFound, Reason: "this instance has no files"})
	}
	f, err := o.Open(ctx, path)
	return f, in.label("open", err)
}

// Thumbnail opens the picture an Item or PlayInfo named.
func (r *Registry) Thumbnail(ctx context.Context, instance, id string) (*File, error) {
	in := r.current.Load().byName[instance]
	if in == nil {
		return nil, &Error{Class: ClassNotFound, Instance: instance, Reason: "there is no such instance"}
	}
	if err := in.usable("thumbnail"); err != nil {
		return nil, err
	}
	t, ok := in.provider.(Thumbnailer)
	if !ok {
		return nil, in.label("thumbnail", &Error{Class: ClassNotFound, Reason: "this instance has no pictures"})
	}
	f, err := t.Thumbnail(ctx, id)
	return f, in.label("thumbnail", err)
}

// Picture names the thumbnail of a source, "" when its kind has none.
func (r *Registry) Picture(instance string, source json.RawMessage) string {
	in := r.current.Load().byName[instance]
	if in == nil || in.broken != nil {
		return ""
	}
	p, ok := in.provider.(Pictured)
	if !ok {
		return ""
	}
	return p.Picture(source)
}
