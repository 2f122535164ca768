package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"synctv/store/sqlgen"
)

// Playlist is a folder of a room's library. The root has no parent.
type Playlist struct {
	ID             string
	RoomID         string
	ParentID       *string
	IsRoot         bool
	Name           string
	Description    string
	CoverFileID    *string
	Kind           string // static, dynamic
	SourceProvider *string
	Instance       *string
	SourceConfig   json.RawMessage // of a dynamic playlist
	BindingOwnerID *string
	BrowseMode     string // all, direct
	AccessMode     string // inherit, room, members, admins, list
	CreatorID      *string
	Position       int64
	CreatedAt      Millis
	UpdatedAt      Millis
	Version        int64
}

var playlists = newTable("playlists", 1, `id room_id parent_id is_root name description cover_file_id kind source_provider
	instance source_config binding_owner_id browse_mode access_mode creator_id position created_at updated_at version`,
	func(p *Playlist) []any {
		return []any{
			&p.ID, &p.RoomID, &p.ParentID, &p.IsRoot, &p.Name, &p.Description, &p.CoverFileID, &p.Kind, &p.SourceProvider,
			&p.Instance,
			jsonText{&p.SourceConfig},
			&p.BindingOwnerID, &p.BrowseMode, &p.AccessMode, &p.CreatorID, &p.Position, &p.CreatedAt, &p.UpdatedAt, &p.Version,
		}
	})

// AddPlaylist stores a new playlist. Empty Kind, BrowseMode and AccessMode
// become "static", "all" and "inherit".
func (tx *Tx) AddPlaylist(ctx context.Context, p *Playlist) error {
	orDefault(&p.Kind, "static")
	orDefault(&p.BrowseMode, "all")
	orDefault(&p.AccessMode, "inherit")
	return playlists.add(ctx, tx, p)
}

// Playlist is the playlist with this id, if it is of this room.
func (tx *Tx) Playlist(ctx context.Context, roomID, id string) (Playlist, error) {
	return playlists.one(ctx, tx, "WHERE id = ? AND room_id = ?", id, roomID)
}

// RootPlaylist is the root of a room's library.
func (tx *Tx) RootPlaylist(ctx context.Context, roomID string) (Playlist, error) {
	return playlists.one(ctx, tx, "WHERE room_id = ? AND is_root = TRUE", roomID)
}

// Playlists are all playlists of a room, by parent and position, the root
// first.
func (tx *Tx) Playlists(ctx context.Context, roomID string) ([]Playlist, error) {
	return playlists.list(ctx, tx, "WHERE room_id = ? ORDER BY coalesce(parent_id, ''), position, id", roomID)
}

// UpdatePlaylist writes the playlist over the version it was read with.
func (tx *Tx) UpdatePlaylist(ctx context.Context, p *Playlist) error {
	return playlists.save(ctx, tx, p)
}

// DeletePlaylist removes an empty playlist. One that still holds something is
// ErrConflict.
func (tx *Tx) DeletePlaylist(ctx context.Context, roomID, id string) error {
	return tx.execOne(ctx, "DELETE FROM playlists WHERE id = ? AND room_id = ?", id, roomID)
}

// PlaylistCounts tells how many media each playlist of a room holds. Empty
// ones are not in the map.
func (tx *Tx) PlaylistCounts(ctx context.Context, roomID string) (map[string]int, error) {
	counts := map[string]int{}
	err := tx.query(ctx, "SELECT playlist_id, count(*) FROM media WHERE playlist_id IN (SELECT id FROM playlists WHERE room_id = ?) GROUP BY playlist_id",
		[]any{roomID}, func(rows *sql.Rows) error {
			var id string
			var n int
			err := rows.Scan(&id, &n)
			counts[id] = n
			return err
		})
	return counts, err
}

// OrderPlaylists gives the playlists the positions 0, 1, ... in this order.
// Ids that are no children of parentID are left alone.
func (tx *Tx) OrderPlaylists(ctx context.Context, parentID string, ids []string) error {
	return tx.order(ctx, "playlists", "playlists.parent_id = ?", parentID, ids)
}

// order numbers rows, many per statement.
func (tx *Tx) order(ctx context.Context, name, cond, parent string, ids []string) error {
	position := 0
	for part := range slices.Chunk(ids, sqlgen.MaxRows) {
		args := make([]any, 0, 2*len(part)+1)
		for _, id := range part {
			args = append(args, id, position)
			position++
		}
		if _, err := tx.exec(ctx, sqlgen.Positions(name, len(part), cond), append(args, parent)...); err != nil {
			return err
		}
	}
	return nil
}

func orDefault(s *string, def string) {
	if *s == "" {
		*s = def
	}
}
