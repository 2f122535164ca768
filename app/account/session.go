package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"synctv/app/auth"
	"synctv/store"
)

const (
	// refreshBytes is the length of a refresh token.
	refreshBytes = 32
	// reuseGrace is how long a rotated token may come back because its answer
	// was lost, as long as the successor is unused.
	reuseGrace = 10 * time.Second
	// maxSessions is how many sessions one account may have; the oldest goes.
	maxSessions = 50
)

// Device describes where a session was opened.
type Device struct{ Name, UserAgent, IP string }

// Grant is an open session with its fresh tokens.
type Grant struct {
	User    store.User
	Session store.Session
	Access  string
	Expires time.Time // of the access token
	Refresh string
}

// open makes a session and its first refresh token inside tx.
func (s *Service) open(ctx context.Context, tx *store.Tx, u store.User, d Device, methods []string) (Grant, error) {
	site, now := s.Settings.Current(), tx.Now()
	raw, err := json.Marshal(methods)
	if err != nil {
		return Grant{}, fmt.Errorf("encode sign-in methods: %w", err)
	}
	stepUp := now
	g := Grant{User: u, Session: store.Session{
		ID: store.NewID(), UserID: u.ID, FamilyID: store.NewID(), DeviceName: d.Name, UserAgent: d.UserAgent, IP: d.IP,
		AuthMethods: raw, StepUpAt: &stepUp, LastUsedAt: now,
		ExpiresAt: now + store.Millis(site.RefreshTTL.Milliseconds()), IdleExpiresAt: now + store.Millis(site.RefreshIdleTTL.Milliseconds()),
	}}
	if err := tx.AddSession(ctx, &g.Session); err != nil {
		return Grant{}, err
	}
	if g.Refresh, err = s.addRefresh(ctx, tx, g.Session, store.NewID()); err != nil {
		return Grant{}, err
	}
	return g, s.trimSessions(ctx, tx, u.ID)
}

func (s *Service) trimSessions(ctx context.Context, tx *store.Tx, userID string) error {
	all, err := tx.Sessions(ctx, userID)
	if err != nil {
		return err
	}
	for _, old := range all[min(len(all), maxSessions):] {
		if err := tx.RevokeSession(ctx, old.ID, "too many sessions"); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.ended(old.ID) })
	}
	return nil
}

func (s *Service) addRefresh(ctx context.Context, tx *store.Tx, session store.Session, id string) (string, error) {
	secret := auth.Secret(refreshBytes)
	return secret, tx.AddRefreshToken(ctx, &store.RefreshToken{
		ID: id, SessionID: session.ID, TokenHash: auth.HashSecret(secret), ExpiresAt: session.ExpiresAt,
	})
}

// sign fills in the access token.
func (s *Service) sign(g *Grant) (err error) {
	c := auth.Claims{Session: g.Session.ID, Role: g.User.Role, Epoch: g.User.TokenEpoch}
	c.Subject = g.User.ID
	g.Access, g.Expires, err = s.tokens.Sign("access", s.Settings.Current().AccessTTL, c)
	return err
}

// Refresh spends a refresh token and returns a fresh pair of the same session.
// A token that comes back after it was spent ends the whole family, except
// within reuseGrace while its successor is unused.
func (s *Service) Refresh(ctx context.Context, who auth.Actor, secret string, d Device) (Grant, error) {
	var g Grant
	var reused bool
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		g, reused = Grant{}, false
		old, err := tx.RefreshToken(ctx, auth.HashSecret(secret))
		if errors.Is(err, store.ErrNotFound) {
			return ErrSession
		}
		if err != nil {
			return err
		}
		session, user, err := s.liveSession(ctx, tx, old.SessionID)
		if err != nil {
			return err
		}
		g.Session, g.User = session, user
		if old.RotatedAt != nil {
			reused, err = s.reuse(ctx, tx, who, &g, old)
			return err
		}
		next := store.NewID()
		if g.Refresh, err = s.addRefresh(ctx, tx, session, next); err != nil {
			return err
		}
		if err := tx.RotateRefreshToken(ctx, old.ID, tx.Now(), next); err != nil {
			return err
		}
		return s.touch(ctx, tx, &g.Session, d)
	})
	switch {
	case err != nil:
		return Grant{}, err
	case reused:
		return Grant{}, ErrSession
	}
	return g, s.sign(&g)
}

func (s *Service) liveSession(ctx context.Context, tx *store.Tx, id string) (store.Session, store.User, error) {
	session, err := tx.Session(ctx, id)
	if err != nil {
		return session, store.User{}, endedIfMissing(err)
	}
	now := tx.Now()
	if session.RevokedAt != nil || now >= session.ExpiresAt || now >= session.IdleExpiresAt {
		return session, store.User{}, ErrSession
	}
	user, err := tx.User(ctx, session.UserID)
	if err != nil {
		return session, user, endedIfMissing(err)
	}
	if user.DeletedAt != nil || user.Status == "banned" {
		return session, user, ErrSession
	}
	return session, user, nil
}

func endedIfMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrSession
	}
	return err
}

// reuse decides about a token that was spent before: a lost answer gets a fresh
// successor in place of the unused one, a thief or his victim ends the family.
// It reports whether the family has ended; the transaction commits either way.
func (s *Service) reuse(ctx context.Context, tx *store.Tx, who auth.Actor, g *Grant, old store.RefreshToken) (ended bool, err error) {
	if old.ReplacedBy != nil && tx.Now()-*old.RotatedAt <= store.Millis(reuseGrace.Milliseconds()) {
		secret := auth.Secret(refreshBytes)
		err := tx.ReplaceRefreshToken(ctx, *old.ReplacedBy, auth.HashSecret(secret), tx.Now())
		if err == nil {
			g.Refresh = secret
			return false, nil
		}
		if !errors.Is(err, store.ErrVersion) && !errors.Is(err, store.ErrNotFound) { // ErrVersion: the successor was used
			return false, err
		}
	}
	ids, err := tx.RevokeFamily(ctx, g.Session.FamilyID, "refresh token used twice")
	if err != nil {
		return false, err
	}
	tx.AfterCommit(func() { s.ended(ids...) })
	return true, audit(ctx, tx, who.As(g.User.ID, g.User.Username), "auth.reuse_detected", "denied", g.User.ID, map[string]any{"session": g.Session.ID})
}

func (s *Service) touch(ctx context.Context, tx *store.Tx, session *store.Session, d Device) error {
	idle := store.Millis(s.Settings.Current().RefreshIdleTTL.Milliseconds())
	session.LastUsedAt, session.IdleExpiresAt = tx.Now(), min(session.ExpiresAt, tx.Now()+idle)
	session.IP, session.UserAgent = d.IP, d.UserAgent
	return tx.UpdateSession(ctx, session)
}

// Authenticate tells whose token this is: an access token of a live session, or
// a guest token (whose room is checked where the room is).
func (s *Service) Authenticate(ctx context.Context, token string) (auth.Actor, error) {
	c, err := s.tokens.VerifyOneOf(token, "access", "guest")
	if err != nil {
		return auth.Actor{}, err
	}
	if c.Kind == "guest" {
		return guest(c)
	}
	st, err := s.session(ctx, c.Session)
	switch {
	case err != nil:
		return auth.Actor{}, err
	case st.revoked || st.epoch != c.Epoch || st.userID != c.Subject:
		return auth.Actor{}, ErrSession
	}
	return auth.Actor{Kind: auth.User, ID: st.userID, Name: st.name, Session: c.Session, SiteRole: st.role, Status: st.status}, nil
}

func guest(c auth.Claims) (auth.Actor, error) {
	if !auth.IsGuestID(c.Subject) || !store.ValidID(c.Room) {
		return auth.Actor{}, auth.ErrToken
	}
	return auth.Actor{Kind: auth.Guest, ID: c.Subject, Name: c.Name, Room: c.Room, GuestEpoch: c.Epoch}, nil
}

// Alive reports whether a session has not ended.
func (s *Service) Alive(ctx context.Context, id string) (bool, error) {
	st, err := s.session(ctx, id)
	return err == nil && !st.revoked, err
}

// session returns the state of a session, from memory when it is fresh.
func (s *Service) session(ctx context.Context, id string) (state, error) {
	if st, ok := s.sessions.GetIfPresent(id); ok {
		return st, nil
	}
	var st state
	err := s.DB.Read(ctx, func(tx *store.Tx) error {
		session, user, err := s.liveSession(ctx, tx, id)
		if err != nil {
			return err
		}
		st = state{userID: user.ID, name: user.Shown(), role: user.Role, status: user.Status, epoch: user.TokenEpoch, revoked: session.RevokedAt != nil}
		return nil
	})
	if errors.Is(err, ErrSession) {
		st, err = state{revoked: true}, nil
	}
	if err != nil {
		return st, fmt.Errorf("look up a session: %w", err)
	}
	s.sessions.SetIfAbsent(id, st) // a revocation that came meanwhile wins
	return st, nil
}

// Logout ends the session of the actor, or all of the account's.
func (s *Service) Logout(ctx context.Context, who auth.Actor, all bool) error {
	if all {
		return s.end(ctx, who, "", "auth.logout", "signed out everywhere")
	}
	return s.EndSession(ctx, who, who.Session)
}

// LogoutRefresh ends the session that a refresh token belongs to; for a page
// whose access token has expired. Unknown tokens are no error.
func (s *Service) LogoutRefresh(ctx context.Context, secret string) error {
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		old, err := tx.RefreshToken(ctx, auth.HashSecret(secret))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.RevokeSession(ctx, old.SessionID, "signed out"); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		tx.AfterCommit(func() { s.ended(old.SessionID) })
		return nil
	})
}

// Sessions lists the live sessions of an account, newest first.
func (s *Service) Sessions(ctx context.Context, who auth.Actor) (list []store.Session, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.Sessions(ctx, who.ID)
		return err
	})
	return list, err
}

// EndSession ends one session of the account that asks.
func (s *Service) EndSession(ctx context.Context, who auth.Actor, id string) error {
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		session, err := tx.Session(ctx, id)
		if err != nil {
			return err
		}
		if session.UserID != who.ID {
			return store.ErrNotFound
		}
		if err := tx.RevokeSession(ctx, id, "signed out"); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.ended(id) })
		return audit(ctx, tx, who, "auth.logout", "ok", who.ID, map[string]any{"session": id})
	})
}

// EndOtherSessions ends every session of the account but the one that asks.
func (s *Service) EndOtherSessions(ctx context.Context, who auth.Actor) error {
	return s.end(ctx, who, who.Session, "auth.logout", "signed out elsewhere")
}

func (s *Service) end(ctx context.Context, who auth.Actor, except, action, reason string) error {
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		ids, err := tx.RevokeSessions(ctx, who.ID, except, reason)
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { s.ended(ids...) })
		return audit(ctx, tx, who, action, "ok", who.ID, map[string]any{"sessions": len(ids)})
	})
}

// Purge deletes sessions that ended long ago, a slice at a time; it returns how
// many rows went.
func (s *Service) Purge(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		n, err = tx.PurgeSessions(ctx, store.MillisOf(before), limit)
		return err
	})
	return n, err
}
