package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"synctv/app/auth"
	"synctv/app/text"
	"synctv/store"
)

const (
	nameMin     = 3
	nameMax     = 50
	passwordMax = 256
	displayMax  = 64
)

// draft checks a name and a password and makes the record of a new account.
func (s *Service) draft(ctx context.Context, username, password, role, method string) (store.User, error) {
	username = norm.NFKC.String(strings.TrimSpace(username))
	reserved := s.Settings.Current().ReservedNames
	if role == "root" {
		reserved = nil // the person at the console may be called admin
	}
	if err := checkName(username, reserved); err != nil {
		return store.User{}, err
	}
	if err := s.checkPassword(username, password); err != nil {
		return store.User{}, err
	}
	hash, err := s.Passwords.Hash(ctx, auth.Account, password)
	if err != nil {
		return store.User{}, fmt.Errorf("hash the password: %w", err)
	}
	return store.User{
		ID: store.NewID(), Username: username, UsernameKey: store.Fold(username), Role: role, Status: "active",
		SignupMethod: method, PasswordHash: &hash,
	}, nil
}

func checkName(name string, reserved []string) error {
	n := utf8.RuneCountInString(name)
	if n < nameMin || n > nameMax {
		return &FieldError{"username", fmt.Sprintf("must have %d to %d characters", nameMin, nameMax)}
	}
	digits := true
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' && r != '-' {
			return &FieldError{"username", "may hold letters, digits, _ and -"}
		}
		digits = digits && unicode.IsNumber(r)
	}
	if digits {
		return &FieldError{"username", "must not be a number"}
	}
	key := store.Fold(name)
	bare := strings.NewReplacer("_", "", "-", "").Replace(key)
	if slices.Contains(reserved, key) || slices.Contains(reserved, bare) {
		return &FieldError{"username", "is reserved"}
	}
	return nil
}

func (s *Service) checkPassword(username, password string) error {
	n := utf8.RuneCountInString(password)
	least := s.Settings.Current().PasswordMin
	key := store.Fold(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return &FieldError{"password", "holds characters that cannot be typed again"}
	case n < least:
		return &FieldError{"password", fmt.Sprintf("must have at least %d characters", least)}
	case n > passwordMax:
		return &FieldError{"password", fmt.Sprintf("must have at most %d characters", passwordMax)}
	case key == store.Fold(username):
		return &FieldError{"password", "must not be the name"}
	case weak(key):
		return &FieldError{"password", "is one of the first that everybody tries"}
	}
	return nil
}

func nameTaken(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return ErrNameTaken
	}
	return err
}

// Me returns the record of the account that asks.
func (s *Service) Me(ctx context.Context, who auth.Actor) (u store.User, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		u, err = tx.User(ctx, who.ID)
		return err
	})
	return u, err
}

// Profile is a change of the own account; nil leaves a field as it is.
type Profile struct {
	DisplayName, Locale *string
	Version             int64 // 0 = whatever is there
}

// UpdateMe changes the own account.
func (s *Service) UpdateMe(ctx context.Context, who auth.Actor, p Profile) (u store.User, err error) {
	if p.DisplayName != nil {
		clean, err := text.Rule{Max: displayMax}.Clean(*p.DisplayName)
		if err != nil {
			return u, &FieldError{"display_name", err.Error()}
		}
		p.DisplayName = &clean
	}
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if u, err = tx.User(ctx, who.ID); err != nil {
			return err
		}
		if p.Version != 0 && p.Version != u.Version {
			return store.ErrVersion
		}
		if p.DisplayName != nil {
			u.DisplayName = *p.DisplayName
		}
		if p.Locale != nil {
			u.Locale = *p.Locale
		}
		if err := tx.UpdateUser(ctx, &u); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.sessions.Invalidate(who.Session) })
		return audit(ctx, tx, who, "user.updated", "ok", u.ID, map[string]any{})
	})
	return u, err
}
