package store

import (
	"context"
	"errors"

	"synctv/store/perm"
	"synctv/store/sqlgen"
)

// Member is one user's place in one room.
type Member struct {
	RoomID        string
	UserID        string
	Role          string // creator, admin, member
	Status        string // active, pending, banned
	Added         perm.Mask
	Removed       perm.Mask
	Nickname      string
	Tag           string
	JoinedAt      *Millis
	InvitedBy     *string
	BannedBy      *string
	BanReason     string
	BanEndsAt     *Millis
	LastVisitedAt *Millis
	VisitCount    int64
	CreatedAt     Millis
	UpdatedAt     Millis
	Version       int64
}

var members = newTable("room_members", 2, `room_id user_id role status added removed nickname tag joined_at invited_by
	banned_by ban_reason ban_ends_at last_visited_at visit_count created_at updated_at version`,
	func(m *Member) []any {
		return []any{
			&m.RoomID, &m.UserID, &m.Role, &m.Status, &m.Added, &m.Removed, &m.Nickname, &m.Tag, &m.JoinedAt, &m.InvitedBy,
			&m.BannedBy, &m.BanReason, &m.BanEndsAt, &m.LastVisitedAt, &m.VisitCount, &m.CreatedAt, &m.UpdatedAt, &m.Version,
		}
	})

// MemberFilter narrows a list of members. Empty fields do not.
type MemberFilter struct {
	Role   string
	Status string
	Query  string // part of the user's name, display name or nickname
	Cursor string
	Limit  int
}

// memberOrder is by rank, then by who came first.
var memberOrder = sqlgen.Sort{Keys: []sqlgen.Key{
	{Expr: "CASE room_members.role WHEN 'creator' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END"},
	{Expr: "room_members.created_at"},
	{Expr: "room_members.user_id", Text: true},
}}

func memberKeys(m Member) []any {
	rank := int64(2)
	switch m.Role {
	case "creator":
		rank = 0
	case "admin":
		rank = 1
	}
	return []any{rank, int64(m.CreatedAt), m.UserID}
}

// AddMember stores a new row. A user who has one already is ErrConflict.
func (tx *Tx) AddMember(ctx context.Context, m *Member) error {
	return members.add(ctx, tx, m)
}

// Member is the row of a user in a room, whatever its status.
func (tx *Tx) Member(ctx context.Context, roomID, userID string) (Member, error) {
	return members.one(ctx, tx, "WHERE room_id = ? AND user_id = ?", roomID, userID)
}

// Members lists the rows of a room: creator, admins, members, each group by
// who came first. next continues the list and is empty at its end.
func (tx *Tx) Members(ctx context.Context, roomID string, f MemberFilter) (list []Member, next string, err error) {
	q := newPage(memberOrder, f.Cursor, f.Limit, "members", roomID, f.Role, f.Status, f.Query)
	q.where("room_members.room_id = ?", roomID)
	q.equal("room_members.role", f.Role)
	q.equal("room_members.status", f.Status)
	if f.Query != "" {
		key := sqlgen.Like(Fold(f.Query))
		q.joins = "JOIN users u ON u.id = room_members.user_id"
		q.where(`(u.username_key LIKE ? ESCAPE '\' OR lower(u.display_name) LIKE ? ESCAPE '\' OR lower(room_members.nickname) LIKE ? ESCAPE '\')`, key, key, key)
	}
	return page(ctx, tx, members, q, memberKeys)
}

// CountMembers counts the rows of a room with this status, all for "".
func (tx *Tx) CountMembers(ctx context.Context, roomID, status string) (int, error) {
	return value[int](ctx, tx, "SELECT count(*) FROM room_members WHERE room_id = ? AND (status = ? OR ? = '')", roomID, status, status)
}

// UpdateMember writes the row over the version it was read with.
func (tx *Tx) UpdateMember(ctx context.Context, m *Member) error {
	return members.save(ctx, tx, m)
}

// DeleteMember removes the row.
func (tx *Tx) DeleteMember(ctx context.Context, roomID, userID string) error {
	return tx.execOne(ctx, "DELETE FROM room_members WHERE room_id = ? AND user_id = ?", roomID, userID)
}

// PutKickCooldown keeps a user or guest out of the room until endsAt.
func (tx *Tx) PutKickCooldown(ctx context.Context, roomID, userID, by string, endsAt Millis) error {
	_, err := tx.exec(ctx, `INSERT INTO kick_cooldowns (room_id, user_id, kicked_by, ends_at, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (room_id, user_id) DO UPDATE SET kicked_by = excluded.kicked_by, ends_at = excluded.ends_at`,
		roomID, userID, by, endsAt, tx.now)
	return err
}

// KickCooldown is the time until which a user or guest must wait, 0 when there
// is none or it is over.
func (tx *Tx) KickCooldown(ctx context.Context, roomID, userID string) (Millis, error) {
	at, err := value[Millis](ctx, tx, "SELECT ends_at FROM kick_cooldowns WHERE room_id = ? AND user_id = ? AND ends_at > ?", roomID, userID, tx.now)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return at, err
}
