package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"synctv/app/auth"
	"synctv/store"
)

const (
	setupBytes = 16 // 128 bits, 26 letters in base32
	setupTries = 10 // wrong links until set-up closes
	setupFile  = "setup-token"
)

// openSetup makes a new one-time token when no root exists, else removes what
// an earlier start has left.
func (s *Service) openSetup(needed bool) error {
	s.setupMu.Lock()
	defer s.setupMu.Unlock()
	s.setupNeeded.Store(needed)
	s.setupToken = ""
	name := filepath.Join(s.Dir, setupFile)
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the old set-up token: %w", err)
	}
	if !needed {
		return nil
	}
	raw := make([]byte, setupBytes)
	_, _ = rand.Read(raw)
	s.setupToken = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	if err := os.WriteFile(name, []byte(s.setupToken+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the set-up token: %w", err)
	}
	return nil
}

// SetupNeeded reports whether the site still lacks its first root.
func (s *Service) SetupNeeded() bool { return s.setupNeeded.Load() }

// SetupToken is the one-time token of this start, to be printed for the person
// at the console; empty when none is needed.
func (s *Service) SetupToken() string {
	s.setupMu.Lock()
	defer s.setupMu.Unlock()
	return s.setupToken
}

// SetupInput is what the first person says.
type SetupInput struct {
	Token, Username, Password string
	SiteName, PublicURL       string
	SignupEnabled             *bool
	Device                    Device
}

// Setup makes the first root account and signs it in. Exactly one of several
// parallel calls wins; the others get ErrSetupDone.
func (s *Service) Setup(ctx context.Context, who auth.Actor, in SetupInput) (Grant, error) {
	if err := s.checkSetupToken(in.Token); err != nil {
		return Grant{}, err
	}
	values := map[string]json.RawMessage{}
	put := func(key string, v any) {
		raw, err := json.Marshal(v)
		if err == nil {
			values[key] = raw
		}
	}
	if in.SiteName != "" {
		put("server.name", in.SiteName)
	}
	if in.PublicURL != "" {
		put("server.public_url", in.PublicURL)
	}
	if in.SignupEnabled != nil {
		put("user.signup_enabled", *in.SignupEnabled)
	}
	g, err := s.firstRoot(ctx, who, in, values)
	if err != nil {
		return Grant{}, err
	}
	if err := s.openSetup(false); err != nil {
		s.log.Warn("the used set-up token file could not be removed", slog.Any("err", err))
	}
	return g, nil
}

func (s *Service) checkSetupToken(token string) error {
	s.setupMu.Lock()
	defer s.setupMu.Unlock()
	switch {
	case !s.setupNeeded.Load():
		return ErrSetupDone
	case s.setupWrong >= setupTries:
		return ErrSetupClosed
	case subtle.ConstantTimeCompare([]byte(token), []byte(s.setupToken)) != 1:
		s.setupWrong++
		return ErrSetupToken
	}
	return nil
}

// firstRoot creates the root account when there is none, with its settings and
// session in the same transaction.
func (s *Service) firstRoot(ctx context.Context, who auth.Actor, in SetupInput, values map[string]json.RawMessage) (Grant, error) {
	u, err := s.draft(ctx, in.Username, in.Password, "root", "setup")
	if err != nil {
		return Grant{}, err
	}
	var g Grant
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.CountUsers(ctx, "root")
		if err != nil {
			return err
		}
		if n > 0 {
			return ErrSetupDone
		}
		user := u
		if err := tx.AddUser(ctx, &user); err != nil {
			return nameTaken(err)
		}
		if len(values) > 0 {
			if err := s.Settings.Update(ctx, tx, values, user.ID); err != nil {
				return err
			}
		}
		if g, err = s.open(ctx, tx, user, in.Device, []string{"pwd"}); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.setupNeeded.Store(false) })
		return audit(ctx, tx, who.As(user.ID, user.Username), "setup.completed", "ok", user.ID, map[string]any{})
	})
	if err != nil {
		return Grant{}, err
	}
	return g, s.sign(&g)
}

// CreateRoot makes the first root from the command line or the environment.
// ErrSetupDone when there is one.
func (s *Service) CreateRoot(ctx context.Context, username, password string) error {
	_, err := s.firstRoot(ctx, auth.Actor{Kind: auth.CLI, Name: "cli"}, SetupInput{Username: username, Password: password}, nil)
	if err != nil {
		return err
	}
	return s.openSetup(false)
}

// ResetRoot gives a root a new password and ends all its sessions; for those
// who hold the data folder.
func (s *Service) ResetRoot(ctx context.Context, username, password string) error {
	if err := s.checkPassword(username, password); err != nil {
		return err
	}
	hash, err := s.Passwords.Hash(ctx, auth.Account, password)
	if err != nil {
		return fmt.Errorf("hash the password: %w", err)
	}
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		u, err := tx.UserByName(ctx, store.Fold(username))
		if err != nil {
			return err
		}
		if u.Role != "root" {
			return &FieldError{"username", "is not a root account"}
		}
		u.PasswordHash, u.PasswordChangedAt, u.Status = &hash, tx.Now(), "active"
		u.TokenEpoch++
		if err := tx.UpdateUser(ctx, &u); err != nil {
			return err
		}
		ids, err := tx.RevokeSessions(ctx, u.ID, "", "password reset by operator")
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { s.ended(ids...) })
		return audit(ctx, tx, auth.Actor{Kind: auth.CLI, Name: "cli"}, "user.password_changed", "ok", u.ID, map[string]any{})
	})
}
