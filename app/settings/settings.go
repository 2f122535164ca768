// Package settings keeps what an administrator may change while the site runs,
// as one typed snapshot that readers share.
//
// The rule that keeps it whole: a snapshot never changes; an update validates
// everything, writes everything and then replaces the snapshot, or does nothing.
//
// Imported by the packages of rules and app/api. Imports store only.
package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"synctv/store"
)

// ErrUnknown is a key that no setting has.
var ErrUnknown = errors.New("unknown setting")

// ErrLocked is a key that the configuration of the server has fixed.
var ErrLocked = errors.New("this setting is fixed by the server's configuration")

// ValueError says which setting was refused, and why.
type ValueError struct {
	Key string
	Err error
}

func (e *ValueError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap gives the reason.
func (e *ValueError) Unwrap() error { return e.Err }

// Matches lets one row of the problem table stand for every ValueError.
func (e *ValueError) Matches(err error) bool { return errors.As(err, new(*ValueError)) }

// Service holds the snapshot. The zero value is not usable; see New.
type Service struct {
	db     *store.DB
	locked map[string]json.RawMessage
	now    atomic.Pointer[Site]

	mu        sync.Mutex
	listeners []func(*Site)
}

// New makes the service with the values fixed by configuration (key → text or
// JSON). It refuses unknown keys and bad values, all of them at once.
func New(db *store.DB, fixed map[string]string) (*Service, error) {
	s := &Service{db: db, locked: map[string]json.RawMessage{}}
	site := Defaults()
	var errs []error
	for key, text := range fixed {
		def, ok := find(key)
		if !ok {
			errs = append(errs, &ValueError{key, ErrUnknown})
			continue
		}
		raw := def.fromText(text)
		if err := def.apply(site, raw); err != nil {
			errs = append(errs, &ValueError{key, err})
		}
		s.locked[key] = raw
	}
	s.now.Store(site)
	return s, errors.Join(errs...)
}

// Load reads what administrators have changed. A stored value that this version
// no longer accepts falls back to the default.
func (s *Service) Load(ctx context.Context) error {
	return s.db.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Settings(ctx)
		if err != nil {
			return fmt.Errorf("load settings: %w", err)
		}
		s.publish(s.build(rows))
		return nil
	})
}

func (s *Service) build(rows []store.Setting) *Site {
	site := Defaults()
	for _, r := range rows {
		if def, ok := find(r.Key); ok {
			_ = def.apply(site, r.Value) // checked when it was stored
		}
	}
	for key, raw := range s.locked {
		def, _ := find(key)
		_ = def.apply(site, raw) // checked in New
	}
	return site
}

func (s *Service) publish(site *Site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Store(site)
	for _, f := range s.listeners {
		f(site)
	}
}

// Current returns the snapshot in force. Callers must not change it.
func (s *Service) Current() *Site { return s.now.Load() }

// Watch calls f with every later snapshot. f must return quickly.
func (s *Service) Watch(f func(*Site)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, f)
}

// Locked reports whether the configuration fixes a key.
func (s *Service) Locked(key string) bool { _, ok := s.locked[key]; return ok }

// Update stores several values inside tx, all or none, and puts them in force
// when the transaction commits. by is a user id, or empty.
func (s *Service) Update(ctx context.Context, tx *store.Tx, values map[string]json.RawMessage, by string) error {
	trial := Defaults()
	var errs []error
	for key, raw := range values {
		def, ok := find(key)
		switch {
		case !ok:
			errs = append(errs, &ValueError{key, ErrUnknown})
		case s.Locked(key):
			errs = append(errs, &ValueError{key, ErrLocked})
		default:
			if err := def.apply(trial, raw); err != nil {
				errs = append(errs, &ValueError{key, err})
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for key, raw := range values {
		if err := tx.PutSetting(ctx, key, raw, by); err != nil {
			return fmt.Errorf("store setting %s: %w", key, err)
		}
	}
	rows, err := tx.Settings(ctx)
	if err != nil {
		return fmt.Errorf("read settings back: %w", err)
	}
	next := s.build(rows)
	tx.AfterCommit(func() { s.publish(next) })
	return nil
}

// Keys lists every setting there is, sorted.
func Keys() []string {
	keys := make([]string, 0, len(defs))
	for _, d := range defs {
		keys = append(keys, d.Key)
	}
	slices.Sort(keys)
	return keys
}
