package store

import (
	"context"
	"encoding/json"
)

// Challenge is a proof that can be given once: a ticket, a second factor under
// way, a sign-in elsewhere.
type Challenge struct {
	ID         string
	Kind       string
	UserID     *string
	SecretHash string
	Data       json.RawMessage // {} when empty
	ExpiresAt  Millis
	UsedAt     *Millis
	CreatedAt  Millis
}

var challenges = newTable("challenges", 1, "id kind user_id secret_hash data expires_at used_at created_at",
	func(c *Challenge) []any {
		return []any{&c.ID, &c.Kind, &c.UserID, &c.SecretHash, jsonText{&c.Data}, &c.ExpiresAt, &c.UsedAt, &c.CreatedAt}
	})

// AddChallenge stores a new challenge.
func (tx *Tx) AddChallenge(ctx context.Context, c *Challenge) error {
	if len(c.Data) == 0 {
		c.Data = json.RawMessage("{}")
	}
	return challenges.add(ctx, tx, c)
}

// Challenge is the challenge with this id and kind, while it can be used.
func (tx *Tx) Challenge(ctx context.Context, kind, id string) (Challenge, error) {
	return challenges.one(ctx, tx, "WHERE id = ? AND kind = ? AND used_at IS NULL AND expires_at > ?", id, kind, tx.now)
}

// UseChallenge takes a challenge. One that is unknown, used or expired is
// ErrNotFound: of two callers exactly one gets it.
func (tx *Tx) UseChallenge(ctx context.Context, kind, id string) (Challenge, error) {
	err := tx.execOne(ctx, "UPDATE challenges SET used_at = ? WHERE id = ? AND kind = ? AND used_at IS NULL AND expires_at > ?", tx.now, id, kind, tx.now)
	if err != nil {
		return Challenge{}, err
	}
	return challenges.one(ctx, tx, "WHERE id = ?", id)
}

// PurgeChallenges deletes at most limit challenges that expired before the
// given time and tells how many.
func (tx *Tx) PurgeChallenges(ctx context.Context, before Millis, limit int) (int, error) {
	n, err := tx.exec(ctx, "DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE expires_at < ? ORDER BY expires_at LIMIT ?)", before, limit)
	return int(n), err
}
