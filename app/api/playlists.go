package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/library"
	"synctv/store"
)

// Playlist is a list of media of a room.
type Playlist struct {
	ID         string  `json:"id" example:"06f1c2g9s3k5m7p9r1t3"`
	ParentID   *string `json:"parent_id"`
	IsRoot     bool    `json:"is_root"`
	Name       string  `json:"name" doc:"Empty for the root"`
	Kind       string  `json:"kind" enum:"static,dynamic"`
	Position   int64   `json:"position"`
	MediaCount int     `json:"media_count"`
	Version    int64   `json:"version"`
}

// ReorderRequest names every media in its new order, or some with their new
// places.
type ReorderRequest struct {
	Order []string    `json:"order,omitempty" maxItems:"1000" doc:"All ids of the playlist in the new order"`
	Moves []MediaMove `json:"moves,omitempty" maxItems:"1000" doc:"Each ends at its position; the rest keep their order in the gaps"`
}

// MediaMove puts one media at a final position.
type MediaMove struct {
	ID       string `json:"id" maxLength:"20" example:"06f1c2g9s3k5m7p9r1t3"`
	Position int    `json:"position" minimum:"0"`
}

// ReorderAnswer is the order as it is now.
type ReorderAnswer struct {
	Version int64       `json:"version"`
	Items   []MediaMove `json:"items"`
}

// PlaylistPath is a playlist of a room.
type PlaylistPath struct {
	RoomPath
	PlaylistID string `path:"playlist_id" example:"06f1c2g9s3k5m7p9r1t3"`
}

func playlistOf(v library.PlaylistView) Playlist {
	p := v.Playlist
	return Playlist{
		ID: p.ID, ParentID: p.ParentID, IsRoot: p.IsRoot, Name: p.Name, Kind: p.Kind, Position: p.Position, MediaCount: v.Media, Version: p.Version,
	}
}

func (s *Server) registerPlaylists() {
	tags := []string{"Library"}
	register(s, huma.Operation{
		OperationID: "list-playlists", Method: http.MethodGet, Path: "/rooms/{room_id}/playlists", Tags: tags,
		Summary: "Every playlist of a room", Description: "A flat list; parent_id makes the tree. The root comes first.",
	}, rule{Need: inRoom}, func(ctx context.Context, in *RoomPath) (*body[page[Playlist]], error) {
		list, err := s.Library.Playlists(ctx, actorOf(ctx), in.RoomID)
		if err != nil {
			return nil, err
		}
		items := make([]Playlist, len(list))
		for i, v := range list {
			items[i] = playlistOf(v)
		}
		return answer(pageOf(items, "")), nil
	})
	register(s, huma.Operation{
		OperationID: "get-playlist", Method: http.MethodGet, Path: "/rooms/{room_id}/playlists/{playlist_id}", Tags: tags, Summary: "One playlist",
	}, rule{Need: inRoom}, func(ctx context.Context, in *PlaylistPath) (*versioned[Playlist], error) {
		v, err := s.Library.Playlist(ctx, actorOf(ctx), in.RoomID, in.PlaylistID)
		if err != nil {
			return nil, err
		}
		return &versioned[Playlist]{etag(v.Playlist.Version), playlistOf(v)}, nil
	})
	register(s, huma.Operation{
		OperationID: "list-playlist-items", Method: http.MethodGet, Path: "/rooms/{room_id}/playlists/{playlist_id}/items", Tags: tags,
		Summary: "The media of a playlist, in order",
	}, rule{Need: inRoom, Problems: []string{"bad-cursor"}}, s.listItems)
	register(s, huma.Operation{
		OperationID: "reorder-playlist", Method: http.MethodPost, Path: "/rooms/{room_id}/playlists/{playlist_id}/reorder", Tags: tags,
		Summary: "Change the order of the media", Description: "With If-Match only when nobody else changed the playlist.",
	}, rule{Need: inRoom, Rate: "batch", Problems: []string{"guest-not-allowed", "version-mismatch", "dynamic-playlist"}}, s.reorder)
}

func (s *Server) listItems(ctx context.Context, in *struct {
	PlaylistPath
	Cursor string `query:"cursor" maxLength:"256"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	Query  string `query:"q" maxLength:"400" doc:"Part of the name"`
	Type   string `query:"type" enum:"all,media" default:"all"`
},
) (*body[page[Media]], error) {
	list, next, err := s.Library.Items(ctx, actorOf(ctx), in.RoomID, in.PlaylistID, store.MediaFilter{Query: in.Query, Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return answer(pageOf(s.mediaList(ctx, list), next)), nil
}

func (s *Server) reorder(ctx context.Context, in *struct {
	PlaylistPath
	IfMatch string `header:"If-Match"`
	Body    ReorderRequest
},
) (*versioned[ReorderAnswer], error) {
	version, _, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	o := library.Order{Version: version, Order: in.Body.Order}
	for _, m := range in.Body.Moves {
		o.Moves = append(o.Moves, library.Move{ID: m.ID, Position: m.Position})
	}
	list, ids, err := s.Library.Reorder(ctx, actorOf(ctx), in.RoomID, in.PlaylistID, o)
	if err != nil {
		return nil, err
	}
	out := ReorderAnswer{Version: list.Version, Items: make([]MediaMove, len(ids))}
	for i, id := range ids {
		out.Items[i] = MediaMove{ID: id, Position: i}
	}
	return &versioned[ReorderAnswer]{etag(list.Version), out}, nil
}
