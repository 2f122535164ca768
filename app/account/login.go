package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/text/unicode/norm"

	"synctv/app/auth"
	"synctv/store"
)

// maxLogin bounds a login name before anything is computed from it.
const maxLogin = 254

// Login checks a name and a password and opens a session. ErrCredentials is the
// same, and takes as long, for names that nobody has.
func (s *Service) Login(ctx context.Context, who auth.Actor, login, password string, d Device) (Grant, error) {
	if len(login) > maxLogin || len(password) > 4*passwordMax {
		return Grant{}, ErrCredentials
	}
	key := store.Fold(norm.NFKC.String(login))
	if wait := s.lock.wait(key, who.IP); wait > 0 {
		return Grant{}, &LockedError{Wait: wait}
	}
	u, err := s.verify(ctx, key, password)
	if err != nil {
		if errors.Is(err, ErrCredentials) {
			s.lock.failed(key, who.IP)
			s.recordFailure(ctx, who, key)
		}
		return Grant{}, err
	}
	if u.Status == "banned" {
		return Grant{}, ErrBanned
	}
	s.lock.succeeded(key, who.IP)
	var g Grant
	err = s.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if g, err = s.open(ctx, tx, u, d, []string{"pwd"}); err != nil {
			return err
		}
		return audit(ctx, tx, who.As(u.ID, u.Username), "auth.login", "ok", u.ID, map[string]any{"session": g.Session.ID})
	})
	if err != nil {
		return Grant{}, fmt.Errorf("open a session: %w", err)
	}
	return g, s.sign(&g)
}

// verify finds the account and compares the password, outside any transaction:
// a hash takes tens of milliseconds.
func (s *Service) verify(ctx context.Context, key, password string) (store.User, error) {
	var u store.User
	err := s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		u, err = tx.UserByName(ctx, key)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && u.PasswordHash == nil:
		if err := s.Passwords.Burn(ctx, password); err != nil {
			return u, err
		}
		return u, ErrCredentials
	case err != nil:
		return u, fmt.Errorf("find the account: %w", err)
	}
	ok, stale, err := s.Passwords.Verify(ctx, *u.PasswordHash, password)
	switch {
	case err != nil:
		return u, err
	case !ok:
		return u, ErrCredentials
	case stale:
		s.rehash(ctx, u, password)
	}
	return u, nil
}

// rehash renews a hash made with weaker parameters. A failure waits for the
// next sign-in.
func (s *Service) rehash(ctx context.Context, u store.User, password string) {
	hash, err := s.Passwords.Hash(ctx, auth.Account, password)
	if err == nil {
		err = s.DB.Write(ctx, func(tx *store.Tx) error {
			now, err := tx.User(ctx, u.ID)
			if err != nil {
				return err
			}
			now.PasswordHash = &hash
			return tx.UpdateUser(ctx, &now)
		})
	}
	if err != nil {
		s.log.Warn("a password hash could not be renewed", slog.String("user", u.ID), slog.Any("err", err))
	}
}

func (s *Service) recordFailure(ctx context.Context, who auth.Actor, key string) {
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		return audit(ctx, tx, who, "auth.login_failed", "failed", "", map[string]any{"login": nameHash(key)})
	})
	if err != nil {
		s.log.Warn("a failed sign-in could not be recorded", slog.Any("err", err))
	}
}

// LockedError asks to wait after too many wrong passwords.
type LockedError struct{ Wait time.Duration }

func (e *LockedError) Error() string { return "too many wrong passwords, wait a little" }

// Matches lets one row of the problem table stand for every LockedError.
func (e *LockedError) Matches(err error) bool { return errors.As(err, new(*LockedError)) }
