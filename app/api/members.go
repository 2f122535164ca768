package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/room"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// RoomMember is a member of a room.
type RoomMember struct {
	User            UserPublic `json:"user"`
	Role            string     `json:"role" enum:"creator,admin,member"`
	Status          string     `json:"status" enum:"active,pending,banned"`
	Nickname        string     `json:"nickname"`
	Tag             string     `json:"tag"`
	Added           []string   `json:"added" doc:"Permissions beyond those of the role"`
	Removed         []string   `json:"removed"`
	Permissions     []string   `json:"permissions" doc:"What they may do now"`
	PermissionsMask string     `json:"permissions_mask"`
	JoinedAt        *string    `json:"joined_at" format:"date-time"`
	Online          bool       `json:"online"`
	Version         int64      `json:"version"`
}

// JoinRequest asks to become a member.
type JoinRequest struct {
	Password string `json:"password,omitempty" maxLength:"512"`
	Nickname string `json:"nickname,omitempty" maxLength:"256" example:"Mia"`
	Message  string `json:"message,omitempty" maxLength:"800" doc:"To those who review"`
}

// JoinAnswer says what came of it.
type JoinAnswer struct {
	Member RoomMember `json:"member"`
	Status string     `json:"status" enum:"active,pending"`
}

// Presence is who is connected to a room.
type Presence struct {
	Count   int                       `json:"count"`
	Members []protocol.PresenceMember `json:"members" doc:"Empty without view_member_list"`
}

func (s *Server) memberOf(v room.MemberView) RoomMember {
	m := v.Member
	return RoomMember{
		User: s.userOf(v.User), Role: m.Role, Status: m.Status, Nickname: m.Nickname, Tag: m.Tag,
		Added: perm.Names(m.Added), Removed: perm.Names(m.Removed), Permissions: perm.Names(v.Mask), PermissionsMask: v.Mask.String(),
		JoinedAt: timeTextPtr(m.JoinedAt), Online: v.Online, Version: m.Version,
	}
}

func (s *Server) registerMembers() {
	tags := []string{"Members"}
	register(s, huma.Operation{
		OperationID: "join-room", Method: http.MethodPost, Path: "/rooms/{room_id}/join", Tags: tags,
		Summary: "Become a member", Description: "200 for a member, 202 when the room reviews its applicants. Joining again changes nothing.",
	}, rule{Need: active, Problems: []string{
		"not-found", "room-password-required", "room-password-wrong", "kick-cooldown", "member-banned", "quota-exceeded", "room-closed", "room-banned", "room-pending", "permission-denied",
	}}, s.joinRoom)
	register(s, huma.Operation{
		OperationID: "leave-room", Method: http.MethodPost, Path: "/rooms/{room_id}/leave", Tags: tags, DefaultStatus: noContent,
		Summary: "Stop being a member, or withdraw the request",
	}, rule{Need: active, Problems: []string{"not-found", "permission-denied", "member-banned", "conflict"}}, func(ctx context.Context, in *RoomPath) (*status204, error) {
		return &status204{}, s.Rooms.Leave(ctx, actorOf(ctx), in.RoomID)
	})
	register(s, huma.Operation{
		OperationID: "get-my-place", Method: http.MethodGet, Path: "/rooms/{room_id}/me", Tags: tags, Summary: "Your role and permissions in a room",
	}, rule{Need: inRoom, Problems: []string{"guest-not-allowed", "kick-cooldown"}}, func(ctx context.Context, in *RoomPath) (*body[RoomMine], error) {
		c, err := s.Rooms.Me(ctx, actorOf(ctx), in.RoomID)
		if err != nil {
			return nil, err
		}
		return answer(mineOf(c)), nil
	})
	register(s, huma.Operation{
		OperationID: "list-members", Method: http.MethodGet, Path: "/rooms/{room_id}/members", Tags: tags, Summary: "Members of a room",
	}, rule{Need: inRoom, Problems: []string{"bad-cursor"}}, s.listMembers)
	register(s, huma.Operation{
		OperationID: "get-presence", Method: http.MethodGet, Path: "/rooms/{room_id}/presence", Tags: tags, Summary: "Who is connected now",
	}, rule{Need: inRoom}, func(ctx context.Context, in *RoomPath) (*body[Presence], error) {
		count, list, err := s.Rooms.Presence(ctx, actorOf(ctx), in.RoomID)
		if err != nil {
			return nil, err
		}
		if list == nil {
			list = []protocol.PresenceMember{}
		}
		return answer(Presence{Count: count, Members: list}), nil
	})
	register(s, huma.Operation{
		OperationID: "kick", Method: http.MethodDelete, Path: "/rooms/{room_id}/members/{user_id}", Tags: tags, DefaultStatus: noContent,
		Summary: "Send a member or a guest out", Description: "They may come back when the cooldown of the room, or the one given, is over.",
	}, rule{Need: inRoom, Problems: []string{"rank-too-low"}}, func(ctx context.Context, in *struct {
		RoomPath
		UserID   string `path:"user_id" doc:"Of a user or of a guest" example:"06f1c2g9s3k5m7p9r1t3"`
		Cooldown int    `query:"cooldown_seconds" minimum:"1" maximum:"2592000" doc:"Default: the room's"`
		Reason   string `query:"reason" maxLength:"2000"`
	},
	) (*status204, error) {
		return &status204{}, s.Rooms.Kick(ctx, actorOf(ctx), in.RoomID, in.UserID, in.Reason, time.Duration(in.Cooldown)*time.Second)
	})
}

type joined struct {
	Status int
	Body   JoinAnswer
}

func (s *Server) joinRoom(ctx context.Context, in *struct {
	RoomPath
	Body *JoinRequest `required:"false"`
},
) (*joined, error) {
	var a room.Application
	if in.Body != nil {
		a = room.Application{Password: in.Body.Password, Nickname: in.Body.Nickname}
	}
	v, err := s.Rooms.Join(ctx, actorOf(ctx), in.RoomID, a)
	if err != nil {
		return nil, err
	}
	out := &joined{Status: http.StatusOK, Body: JoinAnswer{Member: s.memberOf(v), Status: v.Member.Status}}
	if v.Member.Status == "pending" {
		out.Status = http.StatusAccepted
	}
	return out, nil
}

func (s *Server) listMembers(ctx context.Context, in *struct {
	RoomPath
	PageQuery
	Role   string `query:"role" enum:"creator,admin,member"`
	Status string `query:"status" enum:"active,pending,banned" default:"active" doc:"Others than active: for those who decide about them"`
	Query  string `query:"q" maxLength:"400" doc:"Part of a name"`
	Online string `query:"online" enum:"true,false"`
},
) (*body[page[RoomMember]], error) {
	f := room.MemberFilter{Role: in.Role, Status: in.Status, Query: in.Query, Cursor: in.Cursor, Limit: in.Limit}
	if in.Online != "" {
		on := in.Online == "true"
		f.Online = &on
	}
	list, next, err := s.Rooms.Members(ctx, actorOf(ctx), in.RoomID, f)
	if err != nil {
		return nil, err
	}
	items := make([]RoomMember, len(list))
	for i, m := range list {
		items[i] = s.memberOf(m)
	}
	return answer(pageOf(items, next)), nil
}
