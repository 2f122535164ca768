package store

import (
	"context"
	"encoding/json"
	"slices"

	"synctv/store/sqlgen"
)

// Media is one playable entry of a library.
type Media struct {
	ID             string
	RoomID         string
	PlaylistID     string
	CreatorID      *string
	Name           string
	NameKey        string // Fold of Name; AddMedia and UpdateMedia compute it
	Description    string
	SourceProvider string
	Instance       *string
	BindingOwnerID *string
	Share          bool
	SourceConfig   json.RawMessage
	Live           bool
	Proxy          string // auto, on, off
	Duration       *float64
	ThumbnailURL   *string
	CoverFileID    *string
	HeadersEnc     []byte
	AccessMode     string // inherit, room, members, admins, list
	Position       int64
	CreatedAt      Millis
	UpdatedAt      Millis
	Version        int64
}

var media = newTable("media", 1, `id room_id playlist_id creator_id name name_key description source_provider instance
	binding_owner_id share source_config live proxy duration thumbnail_url cover_file_id headers_enc access_mode position
	created_at updated_at version`,
	func(m *Media) []any {
		return []any{
			&m.ID, &m.RoomID, &m.PlaylistID, &m.CreatorID, &m.Name, &m.NameKey, &m.Description, &m.SourceProvider, &m.Instance,
			&m.BindingOwnerID, &m.Share,
			jsonText{&m.SourceConfig},
			&m.Live, &m.Proxy, &m.Duration, &m.ThumbnailURL, &m.CoverFileID, &m.HeadersEnc, &m.AccessMode, &m.Position,
			&m.CreatedAt, &m.UpdatedAt, &m.Version,
		}
	})

// Track is a subtitle or another companion of a media.
type Track struct {
	ID        string
	MediaID   string
	Kind      string // subtitle, danmaku, audio, alt_source
	Name      string
	Lang      string
	Format    string
	URL       *string
	FileID    *string
	Position  int64
	CreatedAt Millis
}

var tracks = newTable("media_tracks", 1, "id media_id kind name lang format url file_id position created_at",
	func(t *Track) []any {
		return []any{&t.ID, &t.MediaID, &t.Kind, &t.Name, &t.Lang, &t.Format, &t.URL, &t.FileID, &t.Position, &t.CreatedAt}
	})

// MediaFilter narrows a list of media. Empty fields do not.
type MediaFilter struct {
	Query  string // part of the name
	Cursor string
	Limit  int
}

var mediaOrder = sqlgen.Sort{Keys: []sqlgen.Key{{Expr: "media.position"}, {Expr: "media.id", Text: true}}}

// AddMedia stores new media at the positions they carry and completes the
// elements of the slice. Empty Proxy and AccessMode become "auto" and
// "inherit".
func (tx *Tx) AddMedia(ctx context.Context, list []Media) error {
	recs := make([]*Media, len(list))
	for i := range list {
		m := &list[i]
		m.NameKey = Fold(m.Name)
		orDefault(&m.Proxy, "auto")
		orDefault(&m.AccessMode, "inherit")
		recs[i] = m
	}
	return media.add(ctx, tx, recs...)
}

// Media is the media with this id, if it is of this room.
func (tx *Tx) Media(ctx context.Context, roomID, id string) (Media, error) {
	return media.one(ctx, tx, "WHERE id = ? AND room_id = ?", id, roomID)
}

// MediaByIDs are the media of the room with these ids, in the order of ids.
// Unknown ids are left out.
func (tx *Tx) MediaByIDs(ctx context.Context, roomID string, ids []string) ([]Media, error) {
	list, err := media.byKeys(ctx, tx, "room_id = ? AND ", "id", []any{roomID}, ids)
	if err != nil {
		return nil, err
	}
	place := make(map[string]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	slices.SortFunc(list, func(a, b Media) int { return place[a.ID] - place[b.ID] })
	return list, nil
}

// MediaPage lists a playlist by position. next continues the list and is empty
// at its end.
func (tx *Tx) MediaPage(ctx context.Context, roomID, playlistID string, f MediaFilter) (list []Media, next string, err error) {
	q := newPage(mediaOrder, f.Cursor, f.Limit, "media", roomID, playlistID, f.Query)
	q.where("media.playlist_id = ?", playlistID)
	q.where("media.room_id = ?", roomID)
	if f.Query != "" {
		q.where(`media.name_key LIKE ? ESCAPE '\'`, sqlgen.Like(Fold(f.Query)))
	}
	return page(ctx, tx, media, q, func(m Media) []any { return []any{m.Position, m.ID} })
}

// MediaIDs are the ids of a playlist by position.
func (tx *Tx) MediaIDs(ctx context.Context, roomID, playlistID string) ([]string, error) {
	return values[string](ctx, tx, "SELECT id FROM media WHERE playlist_id = ? AND room_id = ? ORDER BY position, id", playlistID, roomID)
}

// MediaAt is the media at a position of a playlist.
func (tx *Tx) MediaAt(ctx context.Context, roomID, playlistID string, position int) (Media, error) {
	return media.one(ctx, tx, "WHERE playlist_id = ? AND room_id = ? AND position = ? ORDER BY id", playlistID, roomID, position)
}

// CountMedia counts the media of a room.
func (tx *Tx) CountMedia(ctx context.Context, roomID string) (int, error) {
	return value[int](ctx, tx, "SELECT count(*) FROM media WHERE room_id = ?", roomID)
}

// CountPlaylistMedia counts the media of a playlist.
func (tx *Tx) CountPlaylistMedia(ctx context.Context, playlistID string) (int, error) {
	return value[int](ctx, tx, "SELECT count(*) FROM media WHERE playlist_id = ?", playlistID)
}

// ShiftMedia moves every media of the playlist at or behind from by so many
// places, to make room or to close a gap.
func (tx *Tx) ShiftMedia(ctx context.Context, playlistID string, from, by int) error {
	_, err := tx.exec(ctx, "UPDATE media SET position = position + ? WHERE playlist_id = ? AND position >= ?", by, playlistID, from)
	return err
}

// OrderMedia gives the media the positions 0, 1, ... in this order. Ids that
// are not in the playlist are left alone.
func (tx *Tx) OrderMedia(ctx context.Context, playlistID string, ids []string) error {
	return tx.order(ctx, "media", "media.playlist_id = ?", playlistID, ids)
}

// RenumberMedia makes the positions of a playlist dense again, 0 to n-1 in the
// order they have.
func (tx *Tx) RenumberMedia(ctx context.Context, playlistID string) error {
	_, err := tx.exec(ctx, `UPDATE media SET position = placed.place FROM
		(SELECT id, row_number() OVER (ORDER BY position, id) - 1 AS place FROM media WHERE playlist_id = ?) AS placed
		WHERE media.id = placed.id AND media.position <> placed.place`, playlistID)
	return err
}

// UpdateMedia writes the media over the version it was read with.
func (tx *Tx) UpdateMedia(ctx context.Context, m *Media) error {
	m.NameKey = Fold(m.Name)
	return media.save(ctx, tx, m)
}

// DeleteMedia removes media of the room with their tracks and tells how many
// there were. The one that a room plays is ErrConflict. Positions keep their
// gaps until RenumberMedia.
func (tx *Tx) DeleteMedia(ctx context.Context, roomID string, ids []string) (int, error) {
	total := 0
	for part := range slices.Chunk(ids, sqlgen.MaxRows) {
		n, err := tx.exec(ctx, "DELETE FROM media WHERE room_id = ? AND id IN ("+sqlgen.Marks(len(part))+")", append([]any{roomID}, anys(part)...)...)
		if err != nil {
			return 0, err
		}
		total += int(n)
	}
	return total, nil
}

// AddTracks stores new tracks.
func (tx *Tx) AddTracks(ctx context.Context, list []Track) error {
	recs := make([]*Track, len(list))
	for i := range list {
		recs[i] = &list[i]
	}
	return tracks.add(ctx, tx, recs...)
}

// TracksOf are the tracks of a media by position.
func (tx *Tx) TracksOf(ctx context.Context, mediaID string) ([]Track, error) {
	return tracks.list(ctx, tx, "WHERE media_id = ? ORDER BY position, id", mediaID)
}

// DeleteTracks removes every track of a media.
func (tx *Tx) DeleteTracks(ctx context.Context, mediaID string) error {
	_, err := tx.exec(ctx, "DELETE FROM media_tracks WHERE media_id = ?", mediaID)
	return err
}
