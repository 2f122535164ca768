package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// testKey is made once: RSA keys are slow to make.
var testKey = sync.OnceValue(func() Key {
	k, err := NewKey()
	if err != nil {
		panic(err)
	}
	k.Active = true
	return k
})

func testTokens(t *testing.T) *Tokens {
	t.Helper()
	tokens := NewTokens("site")
	if err := tokens.SetKeys([]Key{testKey()}); err != nil {
		t.Fatal(err)
	}
	return tokens
}

func user(id string) Claims {
	return Claims{RegisteredClaims: jwt.RegisteredClaims{Subject: id}, Session: "s1", Role: "user", Epoch: 3}
}

func TestTokenRoundTrip(t *testing.T) {
	tokens := testTokens(t)
	token, expires, err := tokens.Sign("access", time.Minute, user("u1"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := tokens.Verify("access", token)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != "u1" || c.Session != "s1" || c.Epoch != 3 || !c.ExpiresAt.Equal(expires) {
		t.Errorf("claims = %+v", c)
	}
}

// forge makes a token with any header and claims, signed with any method.
func forge(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, change func(jwt.MapClaims)) string {
	t.Helper()
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": "site", "aud": "api", "typ": "access", "sub": "u1", "sid": "s1", "role": "root", "ep": 3,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "jti": "x",
	}
	if change != nil {
		change(claims)
	}
	tok := jwt.NewWithClaims(method, claims)
	tok.Header["kid"] = testKey().ID
	maps.Copy(tok.Header, header)
	s, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestForgeMakesAcceptableTokens(t *testing.T) {
	if _, err := testTokens(t).Verify("access", forge(t, jwt.SigningMethodRS256, testKey().Private, nil, nil)); err != nil {
		t.Fatalf("the forger itself is broken: %v", err)
	}
}

func TestA02_ForgedAlgorithms(t *testing.T) {
	tokens, key := testTokens(t), testKey()
	pem, err := key.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	good := forge(t, jwt.SigningMethodRS256, key.Private, nil, nil)
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + key.ID + `"}`))
	for name, token := range map[string]string{
		"none":                 forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil),
		"none, old signature":  none + "." + parts[1] + "." + parts[2],
		"None":                 strings.Replace(none, "none", "None", 1) + "." + parts[1] + ".",
		"HS256 with PEM":       forge(t, jwt.SigningMethodHS256, []byte(pem), nil, nil),
		"HS256 with modulus":   forge(t, jwt.SigningMethodHS256, key.Public.N.Bytes(), nil, nil),
		"HS512 with PEM":       forge(t, jwt.SigningMethodHS512, []byte(pem), nil, nil),
		"RS512":                forge(t, jwt.SigningMethodRS512, key.Private, nil, nil),
		"RS384":                forge(t, jwt.SigningMethodRS384, key.Private, nil, nil),
		"PS256":                forge(t, jwt.SigningMethodPS256, key.Private, nil, nil),
		"crit":                 forge(t, jwt.SigningMethodRS256, key.Private, map[string]any{"crit": []string{"exp"}}, nil),
		"empty signature":      parts[0] + "." + parts[1] + ".",
		"other claims":         parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"root"}`)) + "." + parts[2],
		"two parts":            parts[0] + "." + parts[1],
		"padding":              good + "=",
		"empty":                "",
		"longer than any":      good + strings.Repeat("A", maxToken),
		"not base64":           "a.b.c",
		"JSON instead of JWT":  `{"sub":"u1"}`,
		"whitespace in front":  " " + good,
		"duplicate in one":     good + "." + good,
		"signature cut by one": good[:len(good)-2],
	} {
		if c, err := tokens.Verify("access", token); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		}
	}
}

func TestA03_KeyIDIsOnlyLookedUp(t *testing.T) {
	tokens, key := testTokens(t), testKey()
	for _, header := range []map[string]any{
		{"kid": "../../dev/null"},
		{"kid": "' OR 1=1 --"},
		{"kid": "https://evil.example/jwks"},
		{"kid": strings.Repeat("k", 10<<10)},
		{"kid": 7},
		{"kid": nil},
		{"jku": "http://127.0.0.1/keys"},
		{"x5u": "http://127.0.0.1/c"},
		{"jwk": map[string]any{"kty": "RSA"}},
	} {
		if _, err := tokens.Verify("access", forge(t, jwt.SigningMethodRS256, key.Private, header, nil)); err == nil {
			t.Errorf("header %v was accepted", header)
		}
	}
}

func TestA04_TokenKindConfusion(t *testing.T) {
	tokens := testTokens(t)
	kinds := []string{"access", "guest"}
	for _, made := range kinds {
		token, _, err := tokens.Sign(made, time.Minute, user("g:1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, asked := range kinds {
			if _, err := tokens.Verify(asked, token); (err == nil) != (made == asked) {
				t.Errorf("a %s token asked for as %s: %v", made, asked, err)
			}
		}
	}
	if len(kinds) != len(tokenKinds) {
		t.Errorf("a new kind of token has no row in this matrix: %d kinds", len(tokenKinds))
	}
	for name, token := range map[string]string{"a refresh token": Secret(32), "a ticket": Secret(24)} {
		for _, asked := range kinds {
			if _, err := tokens.Verify(asked, token); err == nil {
				t.Errorf("%s passed as %s", name, asked)
			}
		}
	}
	if _, err := tokens.Verify("access", forge(t, jwt.SigningMethodRS256, testKey().Private, nil, func(c jwt.MapClaims) { c["aud"] = []string{"api", "guest"}; c["typ"] = "guest" })); err == nil {
		t.Error("an audience list opened two doors")
	}
}

func TestA04_WhatATokenSaysOfItselfProvesNothing(t *testing.T) {
	tokens := testTokens(t)
	for _, kind := range []string{"access", "guest"} {
		token, _, err := tokens.Sign(kind, time.Minute, user("u1"))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := tokens.VerifyOneOf(token, "access", "guest"); err != nil || c.Kind != kind {
			t.Errorf("%s: %+v, %v", kind, c, err)
		}
		if _, err := tokens.VerifyOneOf(token, "mfa"); err == nil {
			t.Errorf("a %s token passed where only mfa is taken", kind)
		}
		parts := strings.Split(token, ".")
		for _, says := range []string{"access", "guest", "mfa", ""} {
			claims := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"` + says + `","sub":"root","iss":"site","aud":["api","guest"],"exp":4102444800,"iat":1,"nbf":1}`))
			if c, err := tokens.VerifyOneOf(parts[0]+"."+claims+"."+parts[2], "access", "guest"); err == nil {
				t.Errorf("altered to %q: accepted as %+v", says, c)
			}
		}
	}
	lie := forge(t, jwt.SigningMethodRS256, testKey().Private, nil, func(c jwt.MapClaims) { c["typ"] = "guest" })
	if _, err := tokens.VerifyOneOf(lie, "access", "guest"); err == nil {
		t.Error("an access token that calls itself a guest's was accepted")
	}
	for _, junk := range []string{"", "a.b.c", "..", strings.Repeat("A", maxToken+1)} {
		if _, err := tokens.VerifyOneOf(junk, "access", "guest"); !errors.Is(err, ErrToken) {
			t.Errorf("%.20q: %v, want ErrToken", junk, err)
		}
	}
}

func TestA05_ClaimsOutOfBounds(t *testing.T) {
	tokens, now := testTokens(t), time.Now()
	other, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Verify("access", forge(t, jwt.SigningMethodRS256, other, nil, nil)); err == nil {
		t.Error("another deployment's key was accepted")
	}
	for name, change := range map[string]func(jwt.MapClaims){
		"other issuer":    func(c jwt.MapClaims) { c["iss"] = "elsewhere" },
		"no issuer":       func(c jwt.MapClaims) { delete(c, "iss") },
		"no exp":          func(c jwt.MapClaims) { delete(c, "exp") },
		"year 9999":       func(c jwt.MapClaims) { c["exp"] = int64(253402300799) },
		"longer than max": func(c jwt.MapClaims) { c["exp"] = now.Add(2 * time.Hour).Unix() },
		"nbf ahead":       func(c jwt.MapClaims) { c["nbf"] = now.Add(5 * time.Minute).Unix() },
		"iat ahead":       func(c jwt.MapClaims) { c["iat"] = now.Add(5 * time.Minute).Unix() },
		"no iat":          func(c jwt.MapClaims) { delete(c, "iat") },
		"no nbf":          func(c jwt.MapClaims) { delete(c, "nbf") },
		"exp as text":     func(c jwt.MapClaims) { c["exp"] = "tomorrow" },
		"exp negative":    func(c jwt.MapClaims) { c["exp"] = -1 },
		"epoch as text":   func(c jwt.MapClaims) { c["ep"] = "3" },
		"wrong typ":       func(c jwt.MapClaims) { c["typ"] = "mfa" },
		"no typ":          func(c jwt.MapClaims) { delete(c, "typ") },
		"wrong audience":  func(c jwt.MapClaims) { c["aud"] = "ws" },
	} {
		if _, err := tokens.Verify("access", forge(t, jwt.SigningMethodRS256, testKey().Private, nil, change)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	old := forge(t, jwt.SigningMethodRS256, testKey().Private, nil, func(c jwt.MapClaims) {
		c["iat"], c["nbf"], c["exp"] = now.Add(-time.Hour).Unix(), now.Add(-time.Hour).Unix(), now.Add(-50*time.Minute).Unix()
	})
	if _, err := tokens.Verify("access", old); !errors.Is(err, ErrExpired) {
		t.Errorf("an expired token gave %v, want ErrExpired", err)
	}
}

func TestRetiredKeyVerifiesUntilDropped(t *testing.T) {
	tokens := testTokens(t)
	token, _, err := tokens.Sign("access", time.Minute, user("u1"))
	if err != nil {
		t.Fatal(err)
	}
	next, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	next.Active = true
	old := testKey()
	old.Active = false
	if err := tokens.SetKeys([]Key{next, old}); err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Verify("access", token); err != nil {
		t.Errorf("retired key: %v", err)
	}
	if err := tokens.SetKeys([]Key{next}); err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Verify("access", token); err == nil {
		t.Error("a dropped key still verifies")
	}
	raw, err := json.Marshal(tokens.JWKS())
	if err != nil || strings.Contains(string(raw), `"d"`) {
		t.Errorf("JWKS = %s, %v", raw, err)
	}
}

func FuzzParseAccessToken(f *testing.F) {
	tokens := NewTokens("site")
	if err := tokens.SetKeys([]Key{testKey()}); err != nil {
		f.Fatal(err)
	}
	good, _, err := tokens.Sign("access", time.Minute, user("u1"))
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(good, ".")
	for _, seed := range []string{good, "", "a.b.c", "..", parts[0] + "..", good + "=", parts[0] + "." + parts[1] + ".AA", strings.ToUpper(good)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := tokens.Verify("access", s)
		if err == nil && (s != good || c.Subject != "u1") {
			t.Errorf("accepted a token that was never signed: %q", s)
		}
	})
}
