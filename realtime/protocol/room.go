package protocol

import "encoding/json"

// ChatMessage is one message of a room's chat.
type ChatMessage struct {
	ID        string  `json:"id"`
	Seq       int64   `json:"seq"`
	Author    *Person `json:"author"` // null: a deleted user, or the system
	Kind      string  `json:"kind"`
	Content   string  `json:"content"`
	ReplyTo   *string `json:"reply_to"`
	ClientID  string  `json:"client_id,omitempty"`
	CreatedAt string  `json:"created_at"` // RFC 3339 with ms
	EditedAt  *string `json:"edited_at"`
	Deleted   bool    `json:"deleted"`
}

// ChatDeleted says that a message is gone.
type ChatDeleted struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq"`
	By  string `json:"by,omitempty"`
}

// ChatCleared says that all messages up to Seq are gone.
type ChatCleared struct {
	Seq int64  `json:"seq"`
	By  string `json:"by,omitempty"`
}

// Typing says that somebody writes; shown for five seconds.
type Typing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Member is a member of the room as news show it.
type Member struct {
	Person
	Role     string `json:"role"`
	Status   string `json:"status,omitempty"`
	Nickname string `json:"nickname,omitempty"`
	Tag      string `json:"tag,omitempty"`
	Version  int64  `json:"version,omitempty"`
}

// MemberJoined says that somebody became a member.
type MemberJoined struct {
	Member Member `json:"member"`
}

// MemberLeft says that somebody is no longer one.
type MemberLeft struct {
	ID string `json:"id"`
	By string `json:"by,omitempty"` // who removed them, "" when they left
}

// MemberUpdated says that role, name or tag changed.
type MemberUpdated struct {
	Member Member `json:"member"`
}

// PresenceMember is a person who is connected, whatever the number of devices.
type PresenceMember struct {
	Person
	Role    string `json:"role"`
	Devices int    `json:"devices"`
	State   string `json:"state"` // what the player does, "" unknown
	DriftMS *int   `json:"drift_ms"`
}

// PresenceChanged is everyone who is connected. Large rooms send
// PresenceCount instead.
type PresenceChanged struct {
	Count   int              `json:"count"`
	Members []PresenceMember `json:"members"`
}

// PresenceCount is the number of people who are connected.
type PresenceCount struct {
	Count int `json:"count"`
}

// LibraryChanged says which media of a playlist changed. A client that sees a
// gap in the versions fetches the list again.
type LibraryChanged struct {
	PlaylistID string   `json:"playlist_id"`
	Version    int64    `json:"version"`
	Op         string   `json:"op" enum:"added,updated,deleted,moved,cleared"`
	IDs        []string `json:"ids"` // at most 100, else Reload
	Reload     bool     `json:"reload,omitempty"`
	Actor      string   `json:"actor,omitempty"`
}

// PlaylistChanged says that a playlist itself changed.
type PlaylistChanged struct {
	PlaylistID string `json:"playlist_id"`
	Version    int64  `json:"version"`
	Op         string `json:"op" enum:"added,updated,deleted,moved"`
}

// RoomUpdated says that name, description, cover or status changed.
type RoomUpdated struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Description string  `json:"description"`
	CoverURL    *string `json:"cover_url"`
	Visibility  string  `json:"visibility"`
	Status      string  `json:"status"`
	Version     int64   `json:"version"`
}

// RoomSettings carries the settings as REST shows them.
type RoomSettings struct {
	Settings json.RawMessage `json:"settings"`
	Version  int64           `json:"version"`
}

// PermissionsChanged tells one person what they may do from now on.
type PermissionsChanged struct {
	Role            string   `json:"role"`
	Permissions     []string `json:"permissions"`
	PermissionsMask string   `json:"permissions_mask"`
}
