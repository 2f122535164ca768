package store

import "context"

// SigningKey is a key pair that signs tokens. Its private half is sealed.
type SigningKey struct {
	Kid         string // 16 hex digits
	Alg         string // RS256
	PrivateEnc  []byte
	PublicPEM   string
	State       string // next, active (at most one), retired
	ActivatedAt *Millis
	RetiredAt   *Millis
	ExpiresAt   *Millis
	CreatedAt   Millis
}

var signingKeys = newTable("signing_keys", 1, "kid alg private_enc public_pem state activated_at retired_at expires_at created_at",
	func(k *SigningKey) []any {
		return []any{&k.Kid, &k.Alg, &k.PrivateEnc, &k.PublicPEM, &k.State, &k.ActivatedAt, &k.RetiredAt, &k.ExpiresAt, &k.CreatedAt}
	})

// AddSigningKey stores a key. A second active one is ErrConflict.
func (tx *Tx) AddSigningKey(ctx context.Context, k *SigningKey) error {
	if k.Alg == "" {
		k.Alg = "RS256"
	}
	return signingKeys.add(ctx, tx, k)
}

// SigningKeys are all keys, the newest first.
func (tx *Tx) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	return signingKeys.list(ctx, tx, "ORDER BY created_at DESC, kid")
}

// UpdateSigningKey writes a key back.
func (tx *Tx) UpdateSigningKey(ctx context.Context, k *SigningKey) error {
	return signingKeys.save(ctx, tx, k)
}

// DeleteSigningKey forgets a key and with it every token it signed.
func (tx *Tx) DeleteSigningKey(ctx context.Context, kid string) error {
	return tx.execOne(ctx, "DELETE FROM signing_keys WHERE kid = ?", kid)
}
