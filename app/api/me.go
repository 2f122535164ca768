package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/account"
	"synctv/store"
)

// Me is the own account.
type Me struct {
	ID          string  `json:"id" example:"06f1c2g9s3k5m7p9r1t3"`
	Username    string  `json:"username" example:"mia"`
	DisplayName string  `json:"display_name" example:"Mia"`
	AvatarURL   *string `json:"avatar_url"`
	Role        string  `json:"role" enum:"root,admin,user"`
	Status      string  `json:"status" enum:"active,pending,banned"`
	Locale      string  `json:"locale" example:"en"`
	CreatedAt   string  `json:"created_at" format:"date-time"`
	Version     int64   `json:"version"`
}

// UserPublic is what others see of an account.
type UserPublic struct {
	ID          string  `json:"id" example:"06f1c2g9s3k5m7p9r1t3"`
	Username    string  `json:"username" example:"mia"`
	DisplayName string  `json:"display_name" example:"Mia"`
	AvatarURL   *string `json:"avatar_url"`
}

func (s *Server) meOf(u store.User) Me {
	return Me{
		ID: u.ID, Username: u.Username, DisplayName: u.Shown(), AvatarURL: s.Files.URL(u.AvatarFileID), Role: u.Role,
		Status: u.Status, Locale: u.Locale, CreatedAt: u.CreatedAt.Text(), Version: u.Version,
	}
}

func (s *Server) userOf(u store.User) UserPublic {
	return UserPublic{ID: u.ID, Username: u.Username, DisplayName: u.Shown(), AvatarURL: s.Files.URL(u.AvatarFileID)}
}

type versioned[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

// MePatch changes the own account; absent fields stay.
type MePatch struct {
	DisplayName *string `json:"display_name,omitempty" maxLength:"256" example:"Mia"`
	Locale      *string `json:"locale,omitempty" enum:"en,zh-CN"`
}

// SessionInfo is one place where the account is signed in.
type SessionInfo struct {
	ID         string `json:"id"`
	DeviceName string `json:"device_name"`
	UserAgent  string `json:"user_agent"`
	IP         string `json:"ip"`
	Current    bool   `json:"current"`
	CreatedAt  string `json:"created_at" format:"date-time"`
	LastUsedAt string `json:"last_used_at" format:"date-time"`
	ExpiresAt  string `json:"expires_at" format:"date-time"`
}

func (s *Server) registerMe() {
	tags := []string{"Me"}
	register(s, huma.Operation{
		OperationID: "get-me", Method: http.MethodGet, Path: "/me", Tags: tags, Summary: "Your account",
	}, rule{Need: signedIn}, func(ctx context.Context, _ *struct{}) (*versioned[Me], error) {
		u, err := s.Accounts.Me(ctx, actorOf(ctx))
		return &versioned[Me]{etag(u.Version), s.meOf(u)}, err
	})
	register(s, huma.Operation{
		OperationID: "update-me", Method: http.MethodPatch, Path: "/me", Tags: tags, Summary: "Change your name or language",
	}, rule{Need: active, Problems: []string{"version-mismatch"}}, s.updateMe)
	register(s, huma.Operation{
		OperationID: "list-my-sessions", Method: http.MethodGet, Path: "/me/sessions", Tags: tags, Summary: "Where you are signed in",
	}, rule{Need: signedIn}, s.mySessions)
	register(s, huma.Operation{
		OperationID: "end-other-sessions", Method: http.MethodDelete, Path: "/me/sessions", Tags: tags, Summary: "Sign out everywhere else", DefaultStatus: noContent,
	}, rule{Need: signedIn}, func(ctx context.Context, _ *struct{}) (*status204, error) {
		return &status204{}, s.Accounts.EndOtherSessions(ctx, actorOf(ctx))
	})
	register(s, huma.Operation{
		OperationID: "end-session", Method: http.MethodDelete, Path: "/me/sessions/{session_id}", Tags: tags, Summary: "Sign out one device", DefaultStatus: noContent,
	}, rule{Need: signedIn, Problems: []string{"not-found"}}, func(ctx context.Context, in *struct {
		ID string `path:"session_id"`
	},
	) (*status204, error) {
		return &status204{}, s.Accounts.EndSession(ctx, actorOf(ctx), in.ID)
	})
}

func (s *Server) updateMe(ctx context.Context, in *struct {
	IfMatch string `header:"If-Match"`
	Body    MePatch
},
) (*versioned[Me], error) {
	version, _, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	u, err := s.Accounts.UpdateMe(ctx, actorOf(ctx), account.Profile{DisplayName: in.Body.DisplayName, Locale: in.Body.Locale, Version: version})
	if err != nil {
		return nil, err
	}
	return &versioned[Me]{etag(u.Version), s.meOf(u)}, nil
}

func (s *Server) mySessions(ctx context.Context, _ *struct{}) (*body[page[SessionInfo]], error) {
	who := actorOf(ctx)
	list, err := s.Accounts.Sessions(ctx, who)
	if err != nil {
		return nil, err
	}
	items := make([]SessionInfo, 0, len(list))
	for _, x := range list {
		items = append(items, SessionInfo{
			ID: x.ID, DeviceName: x.DeviceName, UserAgent: x.UserAgent, IP: x.IP, Current: x.ID == who.Session,
			CreatedAt: x.CreatedAt.Text(), LastUsedAt: x.LastUsedAt.Text(), ExpiresAt: x.ExpiresAt.Text(),
		})
	}
	return answer(pageOf(items, "")), nil
}
