package store

import (
	"context"
	"encoding/json"
	"slices"
)

// Session is one sign-in of a user.
type Session struct {
	ID            string // the sid of its tokens
	UserID        string
	FamilyID      string
	DeviceName    string
	UserAgent     string // cut to 255 characters
	IP            string
	AuthMethods   json.RawMessage // list of names; [] when empty
	StepUpAt      *Millis
	LastUsedAt    Millis
	ExpiresAt     Millis // absolute
	IdleExpiresAt Millis
	RevokedAt     *Millis
	RevokeReason  *string
	CreatedAt     Millis
}

var sessions = newTable("sessions", 1, `id user_id family_id device_name user_agent ip auth_methods step_up_at last_used_at
	expires_at idle_expires_at revoked_at revoke_reason created_at`,
	func(s *Session) []any {
		return []any{
			&s.ID, &s.UserID, &s.FamilyID, &s.DeviceName, &s.UserAgent, &s.IP,
			jsonText{&s.AuthMethods},
			&s.StepUpAt, &s.LastUsedAt,
			&s.ExpiresAt, &s.IdleExpiresAt, &s.RevokedAt, &s.RevokeReason, &s.CreatedAt,
		}
	})

// RefreshToken is one secret of a session's chain; only its hash is kept.
type RefreshToken struct {
	ID         string
	SessionID  string
	TokenHash  []byte // SHA-256
	RotatedAt  *Millis
	ReplacedBy *string
	ExpiresAt  Millis
	CreatedAt  Millis
}

var refreshTokens = newTable("refresh_tokens", 1, "id session_id token_hash rotated_at replaced_by expires_at created_at",
	func(r *RefreshToken) []any {
		return []any{&r.ID, &r.SessionID, &r.TokenHash, &r.RotatedAt, &r.ReplacedBy, &r.ExpiresAt, &r.CreatedAt}
	})

// AddSession stores a new session.
func (tx *Tx) AddSession(ctx context.Context, s *Session) error {
	s.shorten()
	if s.LastUsedAt == 0 {
		s.LastUsedAt = tx.now
	}
	return sessions.add(ctx, tx, s)
}

func (s *Session) shorten() {
	s.DeviceName, s.UserAgent, s.IP = clip(s.DeviceName, 100), clip(s.UserAgent, 255), clip(s.IP, 45)
	if len(s.AuthMethods) == 0 {
		s.AuthMethods = json.RawMessage("[]")
	}
}

// Session is the session with this id, ended or not.
func (tx *Tx) Session(ctx context.Context, id string) (Session, error) {
	return sessions.one(ctx, tx, "WHERE id = ?", id)
}

// Sessions are the live sessions of a user, the newest first.
func (tx *Tx) Sessions(ctx context.Context, userID string) ([]Session, error) {
	return sessions.list(ctx, tx, `WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ? AND idle_expires_at > ?
		ORDER BY created_at DESC, id DESC`, userID, tx.now, tx.now)
}

// UpdateSession writes a session back.
func (tx *Tx) UpdateSession(ctx context.Context, s *Session) error {
	s.shorten()
	return sessions.save(ctx, tx, s)
}

// RevokeSession ends a session. One that has ended already stays as it is.
func (tx *Tx) RevokeSession(ctx context.Context, id, reason string) error {
	ended, err := tx.revoke(ctx, "id = ?", []any{id}, reason)
	if err != nil || len(ended) > 0 {
		return err
	}
	_, err = tx.Session(ctx, id)
	return err
}

// RevokeSessions ends every live session of a user but exceptID, which may be
// empty, and returns the ids of those it ended.
func (tx *Tx) RevokeSessions(ctx context.Context, userID, exceptID, reason string) ([]string, error) {
	return tx.revoke(ctx, "user_id = ? AND id <> ?", []any{userID, exceptID}, reason)
}

// RevokeFamily ends every live session of a family and returns their ids.
func (tx *Tx) RevokeFamily(ctx context.Context, familyID, reason string) ([]string, error) {
	return tx.revoke(ctx, "family_id = ?", []any{familyID}, reason)
}

func (tx *Tx) revoke(ctx context.Context, cond string, args []any, reason string) ([]string, error) {
	if !tx.writable {
		return nil, errReadTx
	}
	ids, err := values[string](ctx, tx, "UPDATE sessions SET revoked_at = ?, revoke_reason = ? WHERE "+cond+" AND revoked_at IS NULL RETURNING id",
		append([]any{tx.now, reason}, args...)...)
	slices.Sort(ids)
	return ids, err
}

// AddRefreshToken stores a new token.
func (tx *Tx) AddRefreshToken(ctx context.Context, r *RefreshToken) error {
	return refreshTokens.add(ctx, tx, r)
}

// RefreshToken is the token with this hash, used or not.
func (tx *Tx) RefreshToken(ctx context.Context, hash []byte) (RefreshToken, error) {
	return refreshTokens.one(ctx, tx, "WHERE token_hash = ?", hash)
}

// RotateRefreshToken marks a token as used for its successor. A second use is
// ErrVersion.
func (tx *Tx) RotateRefreshToken(ctx context.Context, id string, at Millis, successorID string) error {
	return tx.execVersion(ctx, "UPDATE refresh_tokens SET rotated_at = ?, replaced_by = ? WHERE id = ? AND rotated_at IS NULL", at, successorID, id)
}

// ReplaceRefreshToken gives a token that nobody has used yet another secret.
// One that was used is ErrVersion.
func (tx *Tx) ReplaceRefreshToken(ctx context.Context, id string, newHash []byte, at Millis) error {
	return tx.execVersion(ctx, "UPDATE refresh_tokens SET token_hash = ?, created_at = ? WHERE id = ? AND rotated_at IS NULL", newHash, at, id)
}

// PurgeSessions deletes at most limit sessions that ended before the given
// time, with their tokens, and tells how many.
func (tx *Tx) PurgeSessions(ctx context.Context, before Millis, limit int) (int, error) {
	n, err := tx.exec(ctx, `DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE expires_at < ? OR idle_expires_at < ? OR revoked_at < ? ORDER BY expires_at LIMIT ?)`, before, before, before, limit)
	return int(n), err
}
