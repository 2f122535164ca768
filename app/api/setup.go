package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/account"
)

// SetupState says whether the site still waits for its first root.
type SetupState struct {
	Needed bool `json:"needed"`
}

// SetupRequest makes the first root account.
type SetupRequest struct {
	Token         string `json:"token" minLength:"1" maxLength:"64" doc:"From the link that the server printed at its start" example:"K5QWYZLBNR2WC3TUMFWGC43UMU"`
	Username      string `json:"username" minLength:"1" maxLength:"200" example:"mia"`
	Password      string `json:"password" minLength:"1" maxLength:"1024" example:"a lamp for the herring fleet"`
	ServerName    string `json:"server_name,omitempty" maxLength:"64" example:"Kino Küche"`
	PublicURL     string `json:"public_url,omitempty" maxLength:"512" example:"https://tv.example.org"`
	SignupEnabled *bool  `json:"signup_enabled,omitempty"`
	DeviceName    string `json:"device_name,omitempty" maxLength:"100"`
	Delivery      string `json:"delivery,omitempty" enum:"cookie,body" default:"cookie" doc:"Where the refresh token goes: an HttpOnly cookie, or the answer"`
}

func (s *Server) registerSetup() {
	register(s, huma.Operation{
		OperationID: "get-setup", Method: http.MethodGet, Path: "/setup", Tags: []string{"Set-up"},
		Summary: "Whether the site still needs its first account",
	}, rule{}, func(context.Context, *struct{}) (*body[SetupState], error) {
		return answer(SetupState{Needed: s.Accounts.SetupNeeded()}), nil
	})
	register(s, huma.Operation{
		OperationID: "set-up", Method: http.MethodPost, Path: "/setup", Tags: []string{"Set-up"}, DefaultStatus: http.StatusCreated,
		Summary:     "Create the root account with the one-time token",
		Description: "Works once. Ten wrong tokens close it until the server starts again.",
	}, rule{Rate: "auth", Problems: []string{"bad-credentials", "already-setup", "gone"}},
		func(ctx context.Context, in *struct{ Body SetupRequest }) (*tokenAnswer, error) {
			if err := s.rates.takeKey("auth", "setup@"+addressKey(requestOf(ctx).addr), setupBucket); err != nil {
				return nil, err
			}
			b := in.Body
			g, err := s.Accounts.Setup(ctx, actorOf(ctx), account.SetupInput{
				Token: strings.TrimSpace(b.Token), Username: b.Username, Password: b.Password, SiteName: strings.TrimSpace(b.ServerName),
				PublicURL: strings.TrimSpace(b.PublicURL), SignupEnabled: b.SignupEnabled, Device: deviceOf(ctx, b.DeviceName),
			})
			if err != nil {
				return nil, err
			}
			return s.grant(ctx, g, b.Delivery), nil
		})
}
