package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/room"
)

// GuestRequest asks to come in without an account.
type GuestRequest struct {
	Name     string `json:"name,omitempty" maxLength:"128" example:"Mia"`
	Password string `json:"password,omitempty" maxLength:"512"`
}

// GuestToken is a visitor's admission to one room. It is sent as
// `Authorization: Bearer`.
type GuestToken struct {
	GuestToken string    `json:"guest_token"`
	ExpiresIn  int       `json:"expires_in" doc:"Seconds" example:"14400"`
	Guest      GuestName `json:"guest"`
}

// GuestName is who the visitor is in the room.
type GuestName struct {
	ID   string `json:"id" example:"g:06f1c2g9s3k5m7p9r1t3"`
	Name string `json:"name" example:"Mia#4711"`
}

func guestOf(g room.GuestToken) GuestToken {
	return GuestToken{GuestToken: g.Token, ExpiresIn: int(time.Until(g.Expires).Round(time.Second).Seconds()), Guest: GuestName{ID: g.ID, Name: g.Name}}
}

func (s *Server) registerGuests() {
	tags := []string{"Guests"}
	register(s, huma.Operation{
		OperationID: "enter-as-guest", Method: http.MethodPost, Path: "/rooms/{room_id}/guest", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Come in without an account", Description: "The name gets a number when a member is called the same.",
	}, rule{Need: public, Rate: "guest", Problems: []string{
		"not-found", "guest-not-allowed", "room-password-required", "room-password-wrong", "member-banned", "quota-exceeded", "room-closed", "room-banned",
	}}, func(ctx context.Context, in *struct {
		RoomPath
		Body *GuestRequest `required:"false"`
	},
	) (*body[GuestToken], error) {
		if in.Body == nil {
			in.Body = &GuestRequest{}
		}
		g, err := s.Rooms.Guest(ctx, actorOf(ctx), in.RoomID, in.Body.Name, in.Body.Password)
		if err != nil {
			return nil, err
		}
		return &body[GuestToken]{Body: guestOf(g)}, nil
	})
	register(s, huma.Operation{
		OperationID: "refresh-guest", Method: http.MethodPost, Path: "/rooms/{room_id}/guest/refresh", Tags: tags,
		Summary: "Renew a guest token while it is valid", Description: "Up to 24 hours in all.",
	}, rule{Need: inRoom, Rate: "refresh", Problems: []string{"guest-not-allowed", "kick-cooldown"}}, func(ctx context.Context, in *RoomPath) (*body[GuestToken], error) {
		g, err := s.Rooms.RefreshGuest(ctx, actorOf(ctx), in.RoomID, requestOf(ctx).token)
		if err != nil {
			return nil, err
		}
		return answer(guestOf(g)), nil
	})
	register(s, huma.Operation{
		OperationID: "revoke-guests", Method: http.MethodPost, Path: "/rooms/{room_id}/guests/revoke", Tags: tags, DefaultStatus: noContent,
		Summary: "Send every guest out", Description: "Their tokens are worth nothing from now on.",
	}, rule{Need: active, Problems: []string{"not-found", "permission-denied", "room-closed"}}, func(ctx context.Context, in *RoomPath) (*status204, error) {
		return &status204{}, s.Rooms.RevokeGuests(ctx, actorOf(ctx), in.RoomID)
	})
}
