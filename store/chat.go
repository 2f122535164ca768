package store

import (
	"context"
	"encoding/json"
)

// ChatMessage is one line of a room's chat. Its author is a user, a guest, or
// nobody any more.
type ChatMessage struct {
	ID           string
	RoomID       string
	UserID       *string
	GuestID      *string // "g:" and 20 characters
	GuestName    *string
	Kind         string // text, danmaku, system, image
	Content      string
	ReplyTo      *string
	Danmaku      json.RawMessage // item_key, position, color, mode
	Mentions     json.RawMessage // list of user ids
	FileID       *string
	ClientID     *string
	EditedAt     *Millis
	DeletedAt    *Millis
	DeletedBy    *string
	DeleteReason *string
	Seq          int64 // gapless in its room
	CreatedAt    Millis
	UpdatedAt    Millis
	Version      int64
}

var chat = newTable("chat_messages", 1, `id room_id user_id guest_id guest_name kind content reply_to danmaku mentions file_id
	client_id edited_at deleted_at deleted_by delete_reason seq created_at updated_at version`,
	func(m *ChatMessage) []any {
		return []any{
			&m.ID, &m.RoomID, &m.UserID, &m.GuestID, &m.GuestName, &m.Kind, &m.Content, &m.ReplyTo,
			jsonText{&m.Danmaku},
			jsonText{&m.Mentions},
			&m.FileID,
			&m.ClientID, &m.EditedAt, &m.DeletedAt, &m.DeletedBy, &m.DeleteReason, &m.Seq, &m.CreatedAt, &m.UpdatedAt, &m.Version,
		}
	})

// AddChat stores a message and gives it the next number of its room. Empty
// Kind becomes "text". A client id that this author used before in this room
// is ErrConflict: ask ChatByClientID for the message it made.
func (tx *Tx) AddChat(ctx context.Context, m *ChatMessage) error {
	orDefault(&m.Kind, "text")
	if len(m.Mentions) == 0 {
		m.Mentions = json.RawMessage("[]")
	}
	seq, err := value[int64](ctx, tx, "SELECT coalesce(max(seq), 0) + 1 FROM chat_messages WHERE room_id = ?", m.RoomID)
	if err != nil {
		return err
	}
	m.Seq = seq
	return chat.add(ctx, tx, m)
}

// ChatMessage is the message with this id, if it is of this room. A deleted
// one is there without its content.
func (tx *Tx) ChatMessage(ctx context.Context, roomID, id string) (ChatMessage, error) {
	return chat.one(ctx, tx, "WHERE id = ? AND room_id = ?", id, roomID)
}

// ChatByClientID is the message that an author, user or guest, sent under this
// client id.
func (tx *Tx) ChatByClientID(ctx context.Context, roomID, authorID, clientID string) (ChatMessage, error) {
	m, err := chat.list(ctx, tx, "WHERE room_id = ? AND user_id = ? AND client_id = ?", roomID, authorID, clientID)
	if err == nil && len(m) == 0 {
		return chat.one(ctx, tx, "WHERE room_id = ? AND guest_id = ? AND client_id = ?", roomID, authorID, clientID)
	}
	if err != nil {
		return ChatMessage{}, err
	}
	return m[0], nil
}

// ChatPage lists messages by number: those after a number, oldest first; or
// those before one, newest first; or with neither the newest, newest first.
func (tx *Tx) ChatPage(ctx context.Context, roomID string, before, after int64, limit int) ([]ChatMessage, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	switch {
	case after > 0:
		return chat.list(ctx, tx, "WHERE room_id = ? AND seq > ? ORDER BY seq LIMIT ?", roomID, after, limit)
	case before > 0:
		return chat.list(ctx, tx, "WHERE room_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?", roomID, before, limit)
	}
	return chat.list(ctx, tx, "WHERE room_id = ? ORDER BY seq DESC LIMIT ?", roomID, limit)
}

// MarkChatDeleted takes the content out of a message and leaves its place. by
// is a user or guest id. A message that is deleted already is ErrNotFound.
func (tx *Tx) MarkChatDeleted(ctx context.Context, roomID, id, by, reason string, at Millis) error {
	return tx.execOne(ctx, `UPDATE chat_messages SET deleted_at = ?, deleted_by = ?, delete_reason = ?, content = '', danmaku = NULL,
		mentions = '[]', file_id = NULL, updated_at = ?, version = version + 1 WHERE id = ? AND room_id = ? AND deleted_at IS NULL`,
		at, by, orNull(clip(reason, 200)), tx.now, id, roomID)
}

// TrimChat removes the oldest messages beyond the newest keep, and tells how
// many. The newest message always stays: it holds the room's last number.
func (tx *Tx) TrimChat(ctx context.Context, roomID string, keep int) (int, error) {
	n, err := tx.exec(ctx, `DELETE FROM chat_messages WHERE room_id = ? AND seq <= (
		SELECT coalesce(max(seq), 0) FROM chat_messages WHERE room_id = ?) - ?`, roomID, roomID, max(keep, 1))
	return int(n), err
}
