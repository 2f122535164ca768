package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/room"
	"synctv/store/perm"
)

// RoomCard is what a room shows at its door.
type RoomCard struct {
	ID             string     `json:"id" example:"06f1c2g9s3k5m7p9r1t3"`
	Slug           *string    `json:"slug" example:"film-night" doc:"A short address of the room's own"`
	Name           string     `json:"name" example:"Film night"`
	Description    string     `json:"description"`
	CoverURL       *string    `json:"cover_url"`
	Creator        UserPublic `json:"creator"`
	Visibility     string     `json:"visibility" enum:"public,unlisted,private"`
	Status         string     `json:"status" enum:"pending,active,closed,banned"`
	NeedPassword   bool       `json:"need_password"`
	Guests         bool       `json:"guests" doc:"Whether visitors without an account may enter"`
	Members        int        `json:"members"`
	Viewers        int        `json:"viewers" doc:"Connections right now"`
	CreatedAt      string     `json:"created_at" format:"date-time"`
	LastActivityAt string     `json:"last_activity_at" format:"date-time"`
	Now            *RoomNow   `json:"now" doc:"What it watches; null for nothing"`
	MyStatus       string     `json:"my_status,omitempty" enum:"member,pending,banned,none"`
	MyRole         string     `json:"my_role,omitempty" enum:"creator,admin,member"`
}

// RoomNow is what a room watches, as it was at updated_at.
type RoomNow struct {
	Name      string   `json:"name"`
	Playing   bool     `json:"playing"`
	Position  float64  `json:"position" doc:"Seconds"`
	Duration  *float64 `json:"duration"`
	UpdatedAt int64    `json:"updated_at" doc:"Unix milliseconds"`
	Thumbnail *string  `json:"thumbnail_url" doc:"Null also behind a password"`
}

// Room is a room as those inside see it.
type Room struct {
	RoomCard
	Settings       RoomSettingsBody `json:"settings"`
	My             RoomMine         `json:"my"`
	InviteURL      string           `json:"invite_url" example:"https://tv.example.org/r/film-night"`
	Version        int64            `json:"version"`
	RootPlaylistID string           `json:"root_playlist_id"`
}

// RoomMine is the caller's own place in a room.
type RoomMine struct {
	Role            string   `json:"role" enum:"creator,admin,member,guest,site_admin"`
	Status          string   `json:"status" enum:"active,pending,banned"`
	Permissions     []string `json:"permissions" doc:"By bit; see GET /public/permissions"`
	PermissionsMask string   `json:"permissions_mask" example:"1099511627777" doc:"The same as a decimal number"`
	GuestID         string   `json:"guest_id,omitempty"`
}

// RoomCreate asks for a room.
type RoomCreate struct {
	Name        string             `json:"name" minLength:"1" maxLength:"400" example:"Film night"`
	Description string             `json:"description,omitempty" maxLength:"2000"`
	Visibility  string             `json:"visibility,omitempty" enum:"public,unlisted,private"`
	Slug        string             `json:"slug,omitempty" maxLength:"40" example:"film-night"`
	Password    string             `json:"password,omitempty" maxLength:"512"`
	Template    string             `json:"template,omitempty" enum:"standard,public,private,theater"`
	Settings    *RoomSettingsPatch `json:"settings,omitempty"`
}

// RoomPatch changes what the door shows; absent fields stay.
type RoomPatch struct {
	Name        *string          `json:"name,omitempty" minLength:"1" maxLength:"400" example:"Film night"`
	Description *string          `json:"description,omitempty" maxLength:"2000"`
	Visibility  *string          `json:"visibility,omitempty" enum:"public,unlisted,private"`
	Slug        Optional[string] `json:"slug,omitzero" doc:"null removes it"`
}

// RoomDelete confirms a deletion.
type RoomDelete struct {
	Confirm string `json:"confirm" maxLength:"400" doc:"The name of the room" example:"Film night"`
}

// RoomPassword sets the password of a room.
type RoomPassword struct {
	Password      string `json:"password" minLength:"1" maxLength:"512" example:"popcorn"`
	RevokeMembers bool   `json:"revoke_members,omitempty" doc:"Also send ordinary members out"`
}

// RoomPath is the room of a path. Whatever is no id is not found.
type RoomPath struct {
	RoomID string `path:"room_id" example:"06f1c2g9s3k5m7p9r1t3"`
}

// PageQuery asks for a page.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"256" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

func (s *Server) cardOf(ctx context.Context, c room.Card) RoomCard {
	out := RoomCard{
		ID: c.Room.ID, Slug: c.Room.Slug, Name: c.Room.Name, Description: c.Room.Description, CoverURL: s.Files.URL(c.Room.CoverFileID),
		Creator: s.userOf(c.Creator), Visibility: c.Room.Visibility, Status: c.Room.Status, NeedPassword: c.Room.PasswordHash != nil,
		Guests: c.Guests, Members: c.Members, Viewers: c.Viewers,
		CreatedAt: c.Room.CreatedAt.Text(), LastActivityAt: c.Room.LastActivityAt.Text(), MyStatus: c.MyStatus, MyRole: c.MyRole,
	}
	if out.MyStatus == "active" {
		out.MyStatus = "member"
	}
	if n := c.Now; n != nil {
		out.Now = &RoomNow{Name: n.Media.Name, Playing: n.Playing, Position: n.Position, Duration: n.Duration, UpdatedAt: int64(n.UpdatedAt)}
		if !out.NeedPassword || out.MyStatus == "member" {
			out.Now.Thumbnail = s.thumbnail(ctx, n.Media)
		}
	}
	return out
}

func (s *Server) roomOf(ctx context.Context, v room.View) Room {
	address := v.Room.ID
	if v.Room.Slug != nil {
		address = *v.Room.Slug
	}
	return Room{
		RoomCard: s.cardOf(ctx, v.Card), Settings: RoomSettingsBody(v.Caller.Settings), My: mineOf(v.Caller),
		InviteURL: s.origin(ctx) + "/r/" + address, Version: v.Room.Version, RootPlaylistID: v.RootPlaylist,
	}
}

// origin is where browsers reach this site.
func (s *Server) origin(ctx context.Context) string {
	rq := requestOf(ctx)
	return s.Library.Origin(rq.scheme, rq.host)
}

func mineOf(c room.Caller) RoomMine {
	m := RoomMine{Role: string(c.Role), Status: "active", Permissions: perm.Names(c.Mask), PermissionsMask: c.Mask.String()}
	if m.Role == "" {
		m.Role = c.ActsAs
	}
	if c.IsGuest() {
		m.GuestID = c.Actor.ID
	}
	return m
}

func (s *Server) registerRooms() {
	tags := []string{"Rooms"}
	register(s, huma.Operation{
		OperationID: "list-public-rooms", Method: http.MethodGet, Path: "/public/rooms", Tags: tags, Summary: "Rooms that everybody may see",
	}, rule{Need: public, Problems: []string{"bad-cursor", "unauthenticated"}}, s.listPublicRooms)
	register(s, huma.Operation{
		OperationID: "get-room-card", Method: http.MethodGet, Path: "/public/rooms/{room_id}", Tags: tags, Summary: "The door of a room, by id or short address",
	}, rule{Need: public, Problems: []string{"not-found"}}, s.roomCard)
	register(s, huma.Operation{
		OperationID: "list-my-rooms", Method: http.MethodGet, Path: "/me/rooms", Tags: tags, Summary: "Rooms you are a member of",
	}, rule{Need: active, Problems: []string{"bad-cursor"}}, s.listMyRooms)
	register(s, huma.Operation{
		OperationID: "create-room", Method: http.MethodPost, Path: "/rooms", Tags: tags, Summary: "Create a room", DefaultStatus: http.StatusCreated,
	}, rule{Need: active, Problems: []string{"name-taken", "quota-exceeded", "feature-disabled", "conflict"}}, s.createRoom)
	register(s, huma.Operation{
		OperationID: "get-room", Method: http.MethodGet, Path: "/rooms/{room_id}", Tags: tags, Summary: "A room you are in",
	}, rule{Need: inRoom, Problems: []string{"guest-not-allowed", "kick-cooldown"}}, s.getRoom)
	register(s, huma.Operation{
		OperationID: "update-room", Method: http.MethodPatch, Path: "/rooms/{room_id}", Tags: tags, Summary: "Change name, description, visibility or short address",
	}, rule{Need: inRoom, Problems: []string{"name-taken", "version-mismatch"}}, s.updateRoom)
	register(s, huma.Operation{
		OperationID: "delete-room", Method: http.MethodDelete, Path: "/rooms/{room_id}", Tags: tags, Summary: "Delete a room", DefaultStatus: noContent,
	}, rule{Need: active, Problems: []string{"not-found", "permission-denied"}}, func(ctx context.Context, in *struct {
		RoomPath
		Body RoomDelete
	},
	) (*status204, error) {
		return &status204{}, s.Rooms.Delete(ctx, actorOf(ctx), in.RoomID, in.Body.Confirm)
	})
	s.registerRoomSettings(tags)
	s.registerRoomPassword(tags)
}

// roomSorts are the orders of a list of rooms, as the store names them.
var roomSorts = map[string]string{
	"activity": "-last_activity_at", "-activity": "last_activity_at", "created": "-created_at", "-created": "created_at", "name": "name", "-name": "-name",
}

// RoomListQuery asks for a page of rooms.
type RoomListQuery struct {
	PageQuery
	Query string `query:"q" maxLength:"400" doc:"Part of the name"`
	Sort  string `query:"sort" enum:"activity,-activity,created,-created,name,-name" default:"activity"`
}

func (q RoomListQuery) filter() room.Filter {
	return room.Filter{Query: q.Query, Sort: roomSorts[q.Sort], Cursor: q.Cursor, Limit: q.Limit}
}

func (s *Server) cardPage(ctx context.Context, cards []room.Card, next string) *body[page[RoomCard]] {
	items := make([]RoomCard, len(cards))
	for i, c := range cards {
		items[i] = s.cardOf(ctx, c)
	}
	return answer(pageOf(items, next))
}

func (s *Server) listPublicRooms(ctx context.Context, in *RoomListQuery) (*body[page[RoomCard]], error) {
	cards, next, err := s.Rooms.Public(ctx, actorOf(ctx), in.filter())
	if err != nil {
		return nil, err
	}
	return s.cardPage(ctx, cards, next), nil
}

func (s *Server) listMyRooms(ctx context.Context, in *struct {
	RoomListQuery
	Status string `query:"status" enum:"active,pending,banned" default:"active" doc:"Of your membership"`
},
) (*body[page[RoomCard]], error) {
	f := in.filter()
	f.Status = in.Status
	cards, next, err := s.Rooms.Mine(ctx, actorOf(ctx), f)
	if err != nil {
		return nil, err
	}
	return s.cardPage(ctx, cards, next), nil
}

func (s *Server) roomCard(ctx context.Context, in *RoomPath) (*body[RoomCard], error) {
	card, err := s.Rooms.Door(ctx, actorOf(ctx), in.RoomID)
	if err != nil {
		return nil, err
	}
	return answer(s.cardOf(ctx, card)), nil
}

func (s *Server) createRoom(ctx context.Context, in *struct{ Body RoomCreate }) (*versioned[Room], error) {
	patch, err := in.Body.Settings.json()
	if err != nil {
		return nil, err
	}
	v, err := s.Rooms.Create(ctx, actorOf(ctx), room.Draft{
		Name: in.Body.Name, Description: in.Body.Description, Visibility: in.Body.Visibility, Slug: in.Body.Slug,
		Password: in.Body.Password, Template: in.Body.Template, Settings: patch,
	})
	if err != nil {
		return nil, err
	}
	return &versioned[Room]{etag(v.Room.Version), s.roomOf(ctx, v)}, nil
}

func (s *Server) getRoom(ctx context.Context, in *RoomPath) (*versioned[Room], error) {
	v, err := s.Rooms.View(ctx, actorOf(ctx), in.RoomID)
	if err != nil {
		return nil, err
	}
	return &versioned[Room]{etag(v.Room.Version), s.roomOf(ctx, v)}, nil
}

func (s *Server) updateRoom(ctx context.Context, in *struct {
	RoomPath
	IfMatch string `header:"If-Match"`
	Body    RoomPatch
},
) (*versioned[Room], error) {
	version, _, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	p := room.Patch{Version: version, Name: in.Body.Name, Description: in.Body.Description, Visibility: in.Body.Visibility}
	if in.Body.Slug.Set {
		p.Slug = in.Body.Slug.Value
		if p.Slug == nil {
			p.Slug = new(string)
		}
	}
	v, err := s.Rooms.Update(ctx, actorOf(ctx), in.RoomID, p)
	if err != nil {
		return nil, err
	}
	return &versioned[Room]{etag(v.Room.Version), s.roomOf(ctx, v)}, nil
}

func (s *Server) registerRoomPassword(tags []string) {
	problems := rule{Need: active, Problems: []string{"not-found", "permission-denied", "conflict", "room-closed"}}
	register(s, huma.Operation{
		OperationID: "set-room-password", Method: http.MethodPut, Path: "/rooms/{room_id}/password", Tags: tags, DefaultStatus: noContent,
		Summary: "Set the password of a room", Description: "Guests have to come in anew; members stay unless you send them out too.",
	}, problems, func(ctx context.Context, in *struct {
		RoomPath
		Body RoomPassword
	},
	) (*status204, error) {
		return &status204{}, s.Rooms.SetPassword(ctx, actorOf(ctx), in.RoomID, in.Body.Password, in.Body.RevokeMembers)
	})
	register(s, huma.Operation{
		OperationID: "clear-room-password", Method: http.MethodDelete, Path: "/rooms/{room_id}/password", Tags: tags, DefaultStatus: noContent,
		Summary: "Remove the password of a room",
	}, problems, func(ctx context.Context, in *RoomPath) (*status204, error) {
		return &status204{}, s.Rooms.SetPassword(ctx, actorOf(ctx), in.RoomID, "", false)
	})
}

func (s *Server) registerRoomSettings(tags []string) {
	register(s, huma.Operation{
		OperationID: "get-room-settings", Method: http.MethodGet, Path: "/rooms/{room_id}/settings", Tags: tags,
		Summary: "The settings of a room, for members", Description: "The ETag is what a change has to send as If-Match.",
	}, rule{Need: inRoom, Problems: []string{"guest-not-allowed"}}, func(ctx context.Context, in *RoomPath) (*versioned[RoomSettingsBody], error) {
		set, version, err := s.Rooms.SettingsOf(ctx, actorOf(ctx), in.RoomID)
		if err != nil {
			return nil, err
		}
		return &versioned[RoomSettingsBody]{etag(version), RoomSettingsBody(set)}, nil
	})
	register(s, huma.Operation{
		OperationID: "update-room-settings", Method: http.MethodPatch, Path: "/rooms/{room_id}/settings", Tags: tags,
		Summary: "Change settings of a room", Description: "Everybody inside is judged by them before the answer.",
	}, rule{Need: active, Problems: []string{"not-found", "permission-denied", "version-mismatch", "precondition-required", "room-closed"}}, s.updateSettings)
}

func (s *Server) updateSettings(ctx context.Context, in *struct {
	RoomPath
	IfMatch string `header:"If-Match" example:"\"v3\""`
	Body    RoomSettingsPatch
},
) (*versioned[RoomSettingsBody], error) {
	version, set, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	if !set {
		return nil, errPrecondition
	}
	patch, err := in.Body.json()
	if err != nil {
		return nil, err
	}
	next, version, err := s.Rooms.UpdateSettings(ctx, actorOf(ctx), in.RoomID, version, patch)
	if err != nil {
		return nil, err
	}
	return &versioned[RoomSettingsBody]{etag(version), RoomSettingsBody(next)}, nil
}

// json is the patch with only what was sent; nil for a patch that was not.
func (p *RoomSettingsPatch) json() (json.RawMessage, error) {
	if p == nil {
		return nil, nil
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode the settings patch: %w", err)
	}
	return raw, nil
}
