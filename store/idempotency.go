package store

import "context"

// Idempotency is the memory of one request that may come twice.
type Idempotency struct {
	Actor     string
	Route     string // method and route
	Key       string
	BodyHash  string
	State     string // running, done
	Status    int64
	Response  []byte
	ExpiresAt Millis
	CreatedAt Millis
}

var idempotencies = newTable("idempotency_keys", 3, "actor route key body_hash state status response expires_at created_at",
	func(i *Idempotency) []any {
		return []any{&i.Actor, &i.Route, &i.Key, &i.BodyHash, &i.State, &i.Status, &i.Response, &i.ExpiresAt, &i.CreatedAt}
	})

// BeginIdempotency claims the key for this request, as running. When another
// request has it already, that one is returned and nothing changes. An expired
// claim counts as none: give a running one a short ExpiresAt, so that a crash
// does not keep the key.
func (tx *Tx) BeginIdempotency(ctx context.Context, rec *Idempotency) (existing *Idempotency, err error) {
	if _, err := tx.exec(ctx, "DELETE FROM idempotency_keys WHERE actor = ? AND route = ? AND key = ? AND expires_at <= ?",
		rec.Actor, rec.Route, rec.Key, tx.now); err != nil {
		return nil, err
	}
	found, err := idempotencies.list(ctx, tx, "WHERE actor = ? AND route = ? AND key = ?", rec.Actor, rec.Route, rec.Key)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return &found[0], nil
	}
	rec.State = "running"
	return nil, idempotencies.add(ctx, tx, rec)
}

// FinishIdempotency stores the answer under a key that was claimed.
func (tx *Tx) FinishIdempotency(ctx context.Context, rec *Idempotency) error {
	rec.State = "done"
	return idempotencies.save(ctx, tx, rec)
}

// DropIdempotency gives a key back whose answer must not be repeated.
func (tx *Tx) DropIdempotency(ctx context.Context, actor, route, key string) error {
	_, err := tx.exec(ctx, "DELETE FROM idempotency_keys WHERE actor = ? AND route = ? AND key = ?", actor, route, key)
	return err
}

// PurgeIdempotency deletes at most limit keys that expired before the given
// time and tells how many.
func (tx *Tx) PurgeIdempotency(ctx context.Context, before Millis, limit int) (int, error) {
	n, err := tx.exec(ctx, `DELETE FROM idempotency_keys WHERE (actor, route, key) IN (
		SELECT actor, route, key FROM idempotency_keys WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`, before, limit)
	return int(n), err
}
