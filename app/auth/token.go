package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The kinds of signed tokens with their audience and longest life.
var tokenKinds = map[string]tokenKind{
	"access": {audience: "api", longest: time.Hour},
	"guest":  {audience: "guest", longest: GuestTTL},
}

type tokenKind struct {
	audience string
	longest  time.Duration
}

const (
	// AccessTTL is how long an access token lives unless the site says otherwise.
	AccessTTL = 15 * time.Minute
	// GuestTTL is how long a guest token lives; it may be renewed while it does.
	GuestTTL = 4 * time.Hour
	// GuestLongest is how long a guest may renew in all.
	GuestLongest = 24 * time.Hour

	leeway  = 30 * time.Second
	keyBits = 2048
)

// Token errors. A caller learns nothing finer from a token that is not ours.
var (
	ErrToken   = errors.New("invalid token")
	ErrExpired = errors.New("token expired")
)

// Claims is what our tokens say.
type Claims struct {
	jwt.RegisteredClaims
	Kind    string `json:"typ"`
	Session string `json:"sid,omitempty"`
	Role    string `json:"role,omitempty"`
	Epoch   int64  `json:"ep"`
	Room    string `json:"room,omitempty"`
	Name    string `json:"name,omitempty"`
	Since   int64  `json:"since,omitempty"` // Unix seconds a guest was first admitted
}

// Key is a signing key with its life.
type Key struct {
	ID      string
	Private *rsa.PrivateKey // nil for a key that only verifies
	Public  *rsa.PublicKey
	Active  bool
}

// NewKey makes an RSA key; its id is the start of the hash of the public key.
func NewKey() (Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Key{}, fmt.Errorf("make a signing key: %w", err)
	}
	id, err := keyID(&private.PublicKey)
	return Key{ID: id, Private: private, Public: &private.PublicKey}, err
}

func keyID(public *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encode the public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:8]), nil
}

// PrivateDER is the PKCS #8 form of the private key, to be sealed.
func (k Key) PrivateDER() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.Private) }

// PublicPEM is the public key as text.
func (k Key) PublicPEM() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(k.Public)
	if err != nil {
		return "", fmt.Errorf("encode the public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// ParseKey reads a private key from its PKCS #8 form.
func ParseKey(id string, der []byte, active bool) (Key, error) {
	any, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Key{}, fmt.Errorf("read signing key %s: %w", id, err)
	}
	private, ok := any.(*rsa.PrivateKey)
	if !ok {
		return Key{}, fmt.Errorf("signing key %s is not RSA", id)
	}
	return Key{ID: id, Private: private, Public: &private.PublicKey, Active: active}, nil
}

// Tokens signs and verifies. Its keys are replaced as a whole when they rotate.
type Tokens struct {
	issuer string
	keys   atomic.Pointer[keySet]
}

type keySet struct {
	active Key
	byID   map[string]Key
}

// NewTokens makes tokens of one site; issuer is the site's id.
func NewTokens(issuer string) *Tokens { return &Tokens{issuer: issuer} }

// SetKeys replaces the keys. Exactly one must be active.
func (t *Tokens) SetKeys(keys []Key) error {
	set := &keySet{byID: make(map[string]Key, len(keys))}
	for _, k := range keys {
		set.byID[k.ID] = k
		if k.Active {
			set.active = k
		}
	}
	if set.active.Private == nil {
		return errors.New("no active signing key")
	}
	t.keys.Store(set)
	return nil
}

// Sign makes a token of a kind for a subject. Kind, issuer, audience, times and
// id are set here; the caller fills the rest.
func (t *Tokens) Sign(kind string, ttl time.Duration, c Claims) (token string, expires time.Time, err error) {
	k, ok := tokenKinds[kind]
	if !ok {
		return "", time.Time{}, fmt.Errorf("unknown kind of token %q", kind)
	}
	now := time.Now().Truncate(time.Second)
	expires = now.Add(min(ttl, k.longest))
	c.Kind, c.Issuer, c.Audience, c.ID = kind, t.issuer, jwt.ClaimStrings{k.audience}, Secret(12)
	c.IssuedAt, c.NotBefore, c.ExpiresAt = jwt.NewNumericDate(now), jwt.NewNumericDate(now), jwt.NewNumericDate(expires)
	set := t.keys.Load()
	tok := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
	tok.Header["kid"] = set.active.ID
	token, err = tok.SignedString(set.active.Private)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign a token: %w", err)
	}
	return token, expires, nil
}

// maxToken bounds what is parsed at all; ours are below 1 KiB.
const maxToken = 4096

// Verify reads a token of one kind. ErrExpired for a good token past its time,
// ErrToken for everything else.
func (t *Tokens) Verify(kind, token string) (Claims, error) {
	k, ok := tokenKinds[kind]
	if !ok || len(token) > maxToken {
		return Claims{}, ErrToken
	}
	var c Claims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(t.issuer), jwt.WithAudience(k.audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding())
	_, err := parser.ParseWithClaims(token, &c, t.lookup)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return Claims{}, ErrExpired
	case err != nil:
		return Claims{}, ErrToken
	}
	if c.Kind != kind || c.IssuedAt == nil || c.NotBefore == nil || c.ExpiresAt.Sub(c.IssuedAt.Time) > k.longest {
		return Claims{}, ErrToken
	}
	return c, nil
}

// VerifyOneOf is Verify where tokens of several kinds may come: the token says
// which it is, and then has to be exactly that.
func (t *Tokens) VerifyOneOf(token string, kinds ...string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, ErrToken
	}
	var says Claims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &says); err != nil || !slices.Contains(kinds, says.Kind) {
		return Claims{}, ErrToken
	}
	return t.Verify(says.Kind, token)
}

func (t *Tokens) lookup(tok *jwt.Token) (any, error) {
	for name := range tok.Header {
		if name != "alg" && name != "kid" && name != "typ" {
			return nil, ErrToken // crit, jku, jwk, x5u: nothing we ever write
		}
	}
	id, _ := tok.Header["kid"].(string)
	key, ok := t.keys.Load().byID[id]
	if !ok {
		return nil, ErrToken
	}
	return key.Public, nil
}

// JWK is a public key as RFC 7517 writes it.
type JWK struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	N         string `json:"n"`
	E         string `json:"e"`
}

// JWKS lists the public keys that verify our tokens.
func (t *Tokens) JWKS() []JWK {
	set := t.keys.Load()
	out := make([]JWK, 0, len(set.byID))
	for id, k := range set.byID {
		out = append(out, JWK{
			Type: "RSA", Use: "sig", Algorithm: "RS256", ID: id,
			N: base64.RawURLEncoding.EncodeToString(k.Public.N.Bytes()),
			E: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.Public.E)).Bytes()),
		})
	}
	return out
}

// Secret returns n random bytes as URL-safe text.
func Secret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// HashSecret is what is stored of a random secret: its SHA-256.
func HashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
