package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"synctv/store/sqlgen"
)

// Room is a place to watch together. What can be set about it is in
// RoomSettings.
type Room struct {
	ID             string
	Slug           *string
	Name           string
	NameKey        string // Fold of Name; AddRoom and UpdateRoom compute it
	Description    string
	CoverFileID    *string
	CategoryID     *string
	CreatorID      string
	Visibility     string // public, unlisted, private
	Status         string // pending, active, closed, banned
	PasswordHash   *string
	PasswordEpoch  int64
	LastActivityAt Millis
	PeakViewers    int64
	DeletedAt      *Millis
	CreatedAt      Millis
	UpdatedAt      Millis
	Version        int64
}

var rooms = newTable("rooms", 1, `id slug name name_key description cover_file_id category_id creator_id visibility status
	password_hash password_epoch last_activity_at peak_viewers deleted_at created_at updated_at version`,
	func(r *Room) []any {
		return []any{
			&r.ID, &r.Slug, &r.Name, &r.NameKey, &r.Description, &r.CoverFileID, &r.CategoryID, &r.CreatorID, &r.Visibility, &r.Status,
			&r.PasswordHash, &r.PasswordEpoch, &r.LastActivityAt, &r.PeakViewers, &r.DeletedAt, &r.CreatedAt, &r.UpdatedAt, &r.Version,
		}
	})

// RoomFilter narrows a list of rooms. Empty fields do not.
type RoomFilter struct {
	Visibility   string
	Status       string
	Creator      string // user id
	Member       string // user id; rooms in which this user has a row
	MemberStatus string // of that row, "" = active
	Query        string // part of the name
	Sort         string // last_activity_at, created_at, name, each also with "-" before it; "" = -last_activity_at
	Cursor       string
	Limit        int
}

// AddRoom stores a new room. A taken name is a ConflictError with the key
// "rooms.creator_id,rooms.name_key", a taken slug one with "rooms.slug".
func (tx *Tx) AddRoom(ctx context.Context, r *Room) error {
	r.NameKey = Fold(r.Name)
	if r.LastActivityAt == 0 {
		r.LastActivityAt = tx.now
	}
	return rooms.add(ctx, tx, r)
}

// Room is the room with this id, unless it is deleted.
func (tx *Tx) Room(ctx context.Context, id string) (Room, error) {
	return rooms.one(ctx, tx, "WHERE id = ? AND deleted_at IS NULL", id)
}

// RoomBySlug is the room with this slug, unless it is deleted.
func (tx *Tx) RoomBySlug(ctx context.Context, slug string) (Room, error) {
	return rooms.one(ctx, tx, "WHERE slug = ? AND deleted_at IS NULL", slug)
}

// roomSorts are the orders a list of rooms can have. Names are compared by
// their beginning, so that a cursor stays short.
func roomSort(name string) (s sqlgen.Sort, values func(Room) []any, ok bool) {
	field, desc := strings.CutPrefix(name, "-")
	id := sqlgen.Key{Expr: "rooms.id", Text: true}
	switch field {
	case "last_activity_at":
		return sqlgen.Sort{Keys: []sqlgen.Key{{Expr: "rooms.last_activity_at"}, id}, Desc: desc},
			func(r Room) []any { return []any{int64(r.LastActivityAt), r.ID} }, true
	case "created_at":
		return sqlgen.Sort{Keys: []sqlgen.Key{{Expr: "rooms.created_at"}, id}, Desc: desc},
			func(r Room) []any { return []any{int64(r.CreatedAt), r.ID} }, true
	case "name":
		return sqlgen.Sort{Keys: []sqlgen.Key{{Expr: "substr(rooms.name_key, 1, 24)", Text: true}, id}, Desc: desc},
			func(r Room) []any { return []any{clip(r.NameKey, 24), r.ID} }, true
	}
	return sqlgen.Sort{}, nil, false
}

// Rooms lists rooms that are not deleted. next continues the list and is empty
// at its end. A cursor of another filter or sort is ErrBadCursor.
func (tx *Tx) Rooms(ctx context.Context, f RoomFilter) (list []Room, next string, err error) {
	if f.Sort == "" {
		f.Sort = "-last_activity_at"
	}
	sort, keys, ok := roomSort(f.Sort)
	if !ok {
		return nil, "", fmt.Errorf("rooms cannot be sorted by %q", clip(f.Sort, 32))
	}
	q := newPage(sort, f.Cursor, f.Limit, "rooms", f.Visibility, f.Status, f.Creator, f.Member, f.MemberStatus, f.Query, f.Sort)
	q.where("rooms.deleted_at IS NULL")
	q.equal("rooms.visibility", f.Visibility)
	q.equal("rooms.status", f.Status)
	q.equal("rooms.creator_id", f.Creator)
	if f.Member != "" {
		status := f.MemberStatus
		if status == "" {
			status = "active"
		}
		q.where("EXISTS (SELECT 1 FROM room_members m WHERE m.room_id = rooms.id AND m.user_id = ? AND m.status = ?)", f.Member, status)
	}
	if f.Query != "" {
		q.where(`rooms.name_key LIKE ? ESCAPE '\'`, sqlgen.Like(Fold(f.Query)))
	}
	return page(ctx, tx, rooms, q, keys)
}

// UpdateRoom writes the room over the version it was read with.
func (tx *Tx) UpdateRoom(ctx context.Context, r *Room) error {
	r.NameKey = Fold(r.Name)
	return rooms.save(ctx, tx, r)
}

// DeleteRoom marks a room as deleted. Its rows go later.
func (tx *Tx) DeleteRoom(ctx context.Context, id string, at Millis) error {
	return tx.execOne(ctx, "UPDATE rooms SET deleted_at = ?, updated_at = ?, version = version + 1 WHERE id = ? AND deleted_at IS NULL", at, tx.now, id)
}

// TouchRoom notes that something happened in the room. It is no new version
// and never goes back in time.
func (tx *Tx) TouchRoom(ctx context.Context, id string, at Millis) error {
	_, err := tx.exec(ctx, "UPDATE rooms SET last_activity_at = ? WHERE id = ? AND last_activity_at < ?", at, id, at)
	return err
}

// CountRooms counts the rooms of a creator that are not deleted.
func (tx *Tx) CountRooms(ctx context.Context, creatorID string) (int, error) {
	return value[int](ctx, tx, "SELECT count(*) FROM rooms WHERE creator_id = ? AND deleted_at IS NULL", creatorID)
}

// RoomSettings are the stored settings of a room and their version.
func (tx *Tx) RoomSettings(ctx context.Context, roomID string) (json.RawMessage, int64, error) {
	s, err := roomSettings.one(ctx, tx, "WHERE room_id = ?", roomID)
	return s.settings, s.version, err
}

// PutRoomSettings replaces the settings that were read with version and
// returns the new version. Version 0 stores the first.
func (tx *Tx) PutRoomSettings(ctx context.Context, roomID string, doc json.RawMessage, version int64) (int64, error) {
	s := settingsOfRoom{roomID: roomID, settings: doc, version: version}
	if version == 0 {
		err := roomSettings.add(ctx, tx, &s)
		return s.version, err
	}
	err := roomSettings.save(ctx, tx, &s)
	return s.version, err
}

type settingsOfRoom struct {
	roomID               string
	settings             json.RawMessage
	createdAt, updatedAt Millis
	version              int64
}

var roomSettings = newTable("room_settings", 1, "room_id settings created_at updated_at version",
	func(s *settingsOfRoom) []any {
		return []any{&s.roomID, jsonText{&s.settings}, &s.createdAt, &s.updatedAt, &s.version}
	})

// GuestEpoch is the number that guest tokens of the room must carry, 0 until
// it was bumped.
func (tx *Tx) GuestEpoch(ctx context.Context, roomID string) (int64, error) {
	return value[int64](ctx, tx, "SELECT coalesce(max(epoch), 0) FROM guest_epochs WHERE room_id = ?", roomID)
}

// BumpGuestEpoch ends every guest token of the room and returns the new epoch.
func (tx *Tx) BumpGuestEpoch(ctx context.Context, roomID string) (int64, error) {
	if !tx.writable {
		return 0, errReadTx
	}
	return value[int64](ctx, tx, `INSERT INTO guest_epochs (room_id, epoch, created_at) VALUES (?, 1, ?)
		ON CONFLICT (room_id) DO UPDATE SET epoch = guest_epochs.epoch + 1 RETURNING epoch`, roomID, tx.now)
}
