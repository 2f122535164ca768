package library

import (
	"context"
	"fmt"
	"slices"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/store"
	"synctv/store/perm"
)

const viewPlaylist = perm.ViewPlaylist

// PlaylistView is a playlist with the number of its media.
type PlaylistView struct {
	Playlist store.Playlist
	Media    int
}

// Playlists lists the whole tree of a room, parents before children.
func (s *Service) Playlists(ctx context.Context, who auth.Actor, roomID string) (out []PlaylistView, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		if _, err := s.rooms.Require(ctx, tx, who, roomID, viewPlaylist); err != nil {
			return err
		}
		lists, err := tx.Playlists(ctx, roomID)
		if err != nil {
			return err
		}
		counts, err := tx.PlaylistCounts(ctx, roomID)
		if err != nil {
			return err
		}
		out = make([]PlaylistView, len(lists))
		for i, l := range lists {
			out[i] = PlaylistView{Playlist: l, Media: counts[l.ID]}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("playlists of room %s: %w", roomID, err)
	}
	slices.SortStableFunc(out, func(a, b PlaylistView) int { return depthOrder(a.Playlist) - depthOrder(b.Playlist) })
	return out, nil
}

// depthOrder puts the root first; the store orders the rest.
func depthOrder(p store.Playlist) int {
	if p.IsRoot {
		return 0
	}
	return 1
}

// Playlist reads one playlist.
func (s *Service) Playlist(ctx context.Context, who auth.Actor, roomID, id string) (v PlaylistView, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		if _, err := s.rooms.Require(ctx, tx, who, roomID, viewPlaylist); err != nil {
			return err
		}
		if v.Playlist, err = playlist(ctx, tx, roomID, id); err != nil {
			return err
		}
		v.Media, err = tx.CountPlaylistMedia(ctx, id)
		return err
	})
	if err != nil {
		return PlaylistView{}, fmt.Errorf("playlist %s: %w", id, err)
	}
	return v, nil
}

// playlist reads a playlist of the room; the empty id is the root.
func playlist(ctx context.Context, tx *store.Tx, roomID, id string) (store.Playlist, error) {
	if id == "" {
		return tx.RootPlaylist(ctx, roomID)
	}
	if !store.ValidID(id) {
		return store.Playlist{}, store.ErrNotFound
	}
	return tx.Playlist(ctx, roomID, id)
}

// static is playlist for what writes rows into it.
func static(ctx context.Context, tx *store.Tx, roomID, id string) (store.Playlist, error) {
	l, err := playlist(ctx, tx, roomID, id)
	if err == nil && l.Kind != "static" {
		return l, ErrDynamic
	}
	return l, err
}

// MediaView is a media as the caller may see it.
type MediaView struct {
	Media   store.Media
	Creator *store.User // nil when the account is gone
	Tracks  []store.Track
	Editor  bool // may see the source
}

// Thumbnail is the address of the picture of a media for one viewer, empty when
// it has none.
func (s *Service) Thumbnail(who auth.Actor, m store.Media) string {
	switch {
	case m.ThumbnailURL != nil:
		return *m.ThumbnailURL
	case m.Instance == nil:
		return ""
	}
	id := s.registry.Picture(*m.Instance, m.SourceConfig)
	if id == "" {
		return ""
	}
	return thumbnail(s.proxy, who.ID, *m.Instance, id)
}

// Items reads one page of the media of a playlist, in order.
func (s *Service) Items(ctx context.Context, who auth.Actor, roomID, playlistID string, f store.MediaFilter) (out []MediaView, next string, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		c, err := s.rooms.Require(ctx, tx, who, roomID, viewPlaylist)
		if err != nil {
			return err
		}
		if _, err := playlist(ctx, tx, roomID, playlistID); err != nil {
			return err
		}
		rows, cursor, err := tx.MediaPage(ctx, roomID, playlistID, f)
		if err != nil {
			return err
		}
		next = cursor
		out, err = views(ctx, tx, c, rows)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("items of playlist %s: %w", playlistID, err)
	}
	return out, next, nil
}

func views(ctx context.Context, tx *store.Tx, c room.Caller, rows []store.Media) ([]MediaView, error) {
	ids := make([]string, 0, len(rows))
	for _, m := range rows {
		if m.CreatorID != nil && !slices.Contains(ids, *m.CreatorID) {
			ids = append(ids, *m.CreatorID)
		}
	}
	users, err := tx.Users(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]MediaView, len(rows))
	for i, m := range rows {
		out[i] = MediaView{Media: m, Editor: mayEdit(c, m)}
		if m.CreatorID != nil {
			if u, ok := users[*m.CreatorID]; ok {
				out[i].Creator = &u
			}
		}
	}
	return out, nil
}

// mayEdit reports whether the caller may change a media, and so see its source.
func mayEdit(c room.Caller, m store.Media) bool {
	return c.Has(perm.EditAnyMedia) || c.Has(perm.EditOwnMedia) && c.Owns(m.CreatorID)
}

// Order is how a reorder is asked for: Order names everything, Moves some.
type Order struct {
	Version int64 // expected version of the playlist; 0 = whatever it is
	Order   []string
	Moves   []Move
}

// Reorder changes the order of the media of a playlist.
func (s *Service) Reorder(ctx context.Context, who auth.Actor, roomID, playlistID string, o Order) (list store.Playlist, ids []string, err error) {
	if (len(o.Order) > 0) == (len(o.Moves) > 0) {
		return list, nil, room.Invalid("body", "give either order or moves")
	}
	if err := checkBatch("moves", len(o.Order)+len(o.Moves)); err != nil {
		return list, nil, err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.rooms.RequireMember(ctx, tx, who, roomID, perm.ReorderPlaylist)
		if err != nil {
			return err
		}
		if list, err = static(ctx, tx, roomID, playlistID); err != nil {
			return err
		}
		if o.Version != 0 && o.Version != list.Version {
			return &room.VersionError{Current: list.Version}
		}
		before, err := tx.MediaIDs(ctx, roomID, playlistID)
		if err != nil {
			return err
		}
		if len(o.Order) > 0 {
			ids, err = permute(before, o.Order)
		} else {
			ids, err = rearrange(before, o.Moves)
		}
		if err != nil || slices.Equal(before, ids) {
			return err
		}
		if err := tx.OrderMedia(ctx, playlistID, ids); err != nil {
			return err
		}
		if err := tx.UpdatePlaylist(ctx, &list); err != nil {
			return err
		}
		moved := displaced(before, ids)
		tx.AfterCommit(func() { s.announce(ctx, roomID, list, "moved", who, moved) })
		return room.Audit(ctx, tx, c, "playlist.reordered", "playlist", playlistID, map[string]any{"count": len(moved), "ids": firstIDs(moved)})
	})
	if err != nil {
		return list, nil, fmt.Errorf("reorder playlist %s: %w", playlistID, err)
	}
	return list, ids, nil
}

// displaced are the ids that lie elsewhere than before.
func displaced(before, after []string) []string {
	out := make([]string, 0, len(after))
	for i, id := range after {
		if before[i] != id {
			out = append(out, id)
		}
	}
	return out
}
