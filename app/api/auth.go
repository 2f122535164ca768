package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/account"
	"synctv/app/auth"
)

// Tokens is what signing in answers.
type Tokens struct {
	AccessToken      string `json:"access_token" doc:"JWT for the Authorization header; keep it in memory only"`
	ExpiresIn        int    `json:"expires_in" example:"900" doc:"Seconds"`
	RefreshExpiresIn int    `json:"refresh_expires_in" example:"2592000" doc:"Seconds"`
	SessionID        string `json:"session_id" example:"06f1c2g9s3k5m7p9r1t3"`
	User             Me     `json:"user"`
	RefreshToken     string `json:"refresh_token,omitempty" doc:"Only with delivery body"`
}

type tokenAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Tokens
}

// refreshCookie is the only cookie there is. Scripts cannot read it, other
// sites cannot send it, and only two routes look at it.
const refreshCookie = "synctv_refresh"

const cookiePath = Prefix + "/auth"

// Buckets of single accounts and sessions, beside the class per address.
var (
	setupBucket   = bucket{5, time.Minute, 5}
	accountBucket = bucket{5, time.Minute, 10}
	refreshBucket = bucket{10, time.Minute, 10}
)

// grant turns an open session into an answer: a browser gets the refresh token
// as a cookie, a program in the body when it asks for that.
func (s *Server) grant(ctx context.Context, g account.Grant, delivery string) *tokenAnswer {
	rq := requestOf(ctx)
	left := int(time.Until(g.Session.ExpiresAt.Time()).Seconds())
	out := &tokenAnswer{Body: Tokens{
		AccessToken: g.Access, ExpiresIn: int(time.Until(g.Expires).Round(time.Second).Seconds()), RefreshExpiresIn: left,
		SessionID: g.Session.ID, User: s.meOf(g.User),
	}}
	if delivery == "body" {
		out.Body.RefreshToken = g.Refresh
		return out
	}
	out.SetCookie = http.Cookie{
		Name: refreshCookie, Value: g.Refresh, Path: cookiePath, MaxAge: left, HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: rq.scheme == "https",
	}
	return out
}

func deviceOf(ctx context.Context, name string) account.Device {
	who := actorOf(ctx)
	return account.Device{Name: cut(strings.TrimSpace(name), 100), UserAgent: who.UserAgent, IP: who.IP}
}

// LoginRequest names an account and proves it.
type LoginRequest struct {
	Login      string `json:"login" minLength:"1" maxLength:"254" example:"mia"`
	Password   string `json:"password" minLength:"1" maxLength:"1024" example:"a lamp for the herring fleet"`
	DeviceName string `json:"device_name,omitempty" maxLength:"100" example:"Living room"`
	Delivery   string `json:"delivery,omitempty" enum:"cookie,body" default:"cookie"`
}

// RefreshRequest may carry the refresh token; a browser's comes as the cookie.
type RefreshRequest struct {
	RefreshToken string `json:"refresh_token,omitempty" maxLength:"128"`
}

// LogoutRequest says how much to end.
type LogoutRequest struct {
	All          bool   `json:"all,omitempty" doc:"End every session of the account"`
	RefreshToken string `json:"refresh_token,omitempty" maxLength:"128"`
}

func (s *Server) registerAuth() {
	register(s, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/auth/login", Tags: []string{"Sign-in"}, Summary: "Sign in with name and password",
	}, rule{Rate: "auth", Problems: []string{"bad-credentials", "account-banned"}}, s.login)
	register(s, huma.Operation{
		OperationID: "refresh", Method: http.MethodPost, Path: "/auth/refresh", Tags: []string{"Sign-in"}, Summary: "Exchange the refresh token for fresh tokens",
		Description: "Every refresh token works once. One that comes back later ends its whole family of sessions.",
	}, rule{Rate: "refresh", Problems: []string{"session-revoked", "foreign-origin"}}, s.refresh)
	register(s, huma.Operation{
		OperationID: "logout", Method: http.MethodPost, Path: "/auth/logout", Tags: []string{"Sign-in"}, Summary: "End this session, or all", DefaultStatus: noContent,
	}, rule{Problems: []string{"unauthenticated", "foreign-origin"}}, s.logout)
}

func (s *Server) login(ctx context.Context, in *struct{ Body LoginRequest }) (*tokenAnswer, error) {
	b := in.Body
	if err := s.rates.takeKey("auth", "login:"+strings.ToLower(b.Login), accountBucket); err != nil {
		return nil, err
	}
	g, err := s.Accounts.Login(ctx, actorOf(ctx), b.Login, b.Password, deviceOf(ctx, b.DeviceName))
	if err != nil {
		return nil, err
	}
	return s.grant(ctx, g, b.Delivery), nil
}

// CookieInput is embedded by the two operations that read the cookie.
type CookieInput struct {
	Cookie   string `cookie:"synctv_refresh" maxLength:"128"`
	Fetch    string `header:"Sec-Fetch-Site"`
	Origin   string `header:"Origin"`
	HostName string `header:"Host"`
}

// sameOrigin holds for pages of ours. Without either header the request comes
// from a program, which has no cookie to lose.
func (c *CookieInput) sameOrigin() bool {
	if c.Fetch != "" {
		return c.Fetch == "same-origin"
	}
	return c.Origin != "" && originAllowed(c.Origin, c.HostName, nil)
}

func (s *Server) refresh(ctx context.Context, in *struct {
	CookieInput
	Body RefreshRequest
},
) (*tokenAnswer, error) {
	secret, delivery := in.Body.RefreshToken, "body"
	if secret == "" {
		if !in.sameOrigin() {
			return nil, errOrigin
		}
		secret, delivery = in.Cookie, "cookie"
	}
	if secret == "" {
		return nil, account.ErrSession
	}
	if err := s.rates.takeKey("refresh", string(auth.HashSecret(secret)), refreshBucket); err != nil {
		return nil, err
	}
	g, err := s.Accounts.Refresh(ctx, actorOf(ctx), secret, deviceOf(ctx, ""))
	if err != nil {
		return nil, err
	}
	return s.grant(ctx, g, delivery), nil
}

type logoutAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) logout(ctx context.Context, in *struct {
	CookieInput
	Body LogoutRequest
},
) (*logoutAnswer, error) {
	rq := requestOf(ctx)
	gone := &logoutAnswer{SetCookie: http.Cookie{
		Name: refreshCookie, Path: cookiePath, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: rq.scheme == "https",
	}}
	if rq.actor.IsUser() {
		return gone, s.Accounts.Logout(ctx, rq.actor, in.Body.All)
	}
	secret := in.Body.RefreshToken
	if secret == "" && in.Cookie != "" {
		if !in.sameOrigin() {
			return nil, errOrigin
		}
		secret = in.Cookie
	}
	if secret == "" {
		return nil, errUnauthenticated
	}
	return gone, s.Accounts.LogoutRefresh(ctx, secret)
}
