// Package protocol is the wire between a room and its clients: every message
// in and out, its limits and the codes that end a connection.
//
// A message is encoded once and framed once, and the same bytes go to every
// viewer. What comes in is checked before it is decoded: names exactly as
// written here, no duplicate key, no broken text, no number that is not one.
// The golden files in testdata are the documentation of the wire.
//
// Imported by realtime, the rule packages and app/api. Imports
// realtime/playback and store/perm.
package protocol

import (
	"encoding/json"
	"fmt"

	"synctv/realtime/playback"
	"synctv/store/perm"
)

// Types of the messages that a server sends.
const (
	TypeWelcome         = "welcome"
	TypeResync          = "resync"
	TypeBye             = "bye"
	TypeError           = "error"
	TypeClockPong       = "clock.pong"
	TypePlaybackState   = "playback.state"
	TypePlaybackReject  = "playback.reject"
	TypePlaybackPeers   = "playback.peers"
	TypeNextIn          = "playback.next_in"
	TypeAdvanceFailed   = "playback.advance_failed"
	TypeWaitLimit       = "playback.wait_limit"
	TypeLibraryChanged  = "library.changed"
	TypePlaylistChanged = "playlist.changed"
	TypeRoomUpdated     = "room.updated"
	TypeRoomSettings    = "room.settings"
	TypeRoomClosed      = "room.closed"
	TypeRoomDeleted     = "room.deleted"
	TypeRoomBanned      = "room.banned"
	TypeMemberJoined    = "member.joined"
	TypeMemberLeft      = "member.left"
	TypeMemberUpdated   = "member.updated"
	TypeMemberKicked    = "member.kicked"
	TypeMemberBanned    = "member.banned"
	TypePermissions     = "permissions.changed"
	TypePresenceCount   = "presence.count"
	TypePresenceChanged = "presence.changed"
	TypeChatMessage     = "chat.message"
	TypeChatEdited      = "chat.edited"
	TypeChatDeleted     = "chat.deleted"
	TypeChatCleared     = "chat.cleared"
	TypeChatTyping      = "chat.typing"
	TypeNodeDraining    = "node.draining"
)

// Event is news for the people in a room.
type Event struct {
	Type string
	Data any       // one of the structs of this package, or what encodes to a JSON object
	Need perm.Mask // only seats that hold all of it; 0: everyone
	To   string    // only this user or guest id; "": everyone
	Soft bool      // not numbered, not kept for a resume, may be dropped
}

// Encode returns the data of an event as JSON.
func Encode(e Event) ([]byte, error) {
	if e.Data == nil {
		return []byte("{}"), nil
	}
	p, err := json.Marshal(e.Data)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Type, err)
	}
	return p, nil
}

// Person is a user or a guest as others see them.
type Person struct {
	ID        string `json:"id"`
	Kind      string `json:"kind" enum:"user,guest"`
	Name      string `json:"name"`
	AvatarURL string `json:"avatar_url,omitempty"`
}

// Server says what answers.
type Server struct {
	Version string `json:"version"`
	Build   string `json:"build"`
}

// RoomRef names the room of a connection.
type RoomRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Welcome answers Hello. Events numbered above Seq follow.
type Welcome struct {
	ConnID          string        `json:"conn_id"`
	User            Person        `json:"user"`
	Role            string        `json:"role"`
	Room            RoomRef       `json:"room"`
	Permissions     []string      `json:"permissions"`
	PermissionsMask string        `json:"permissions_mask"`
	Epoch           uint64        `json:"epoch"`
	Seq             uint64        `json:"seq"`
	State           PlaybackState `json:"state"`
	MembersCount    int           `json:"members_count"`
	Server          Server        `json:"server"`
	HeartbeatS      int           `json:"heartbeat_s"`
	ToleranceMS     int           `json:"sync_tolerance_ms"`
	AllowMemberRate bool          `json:"allow_member_rate"`
	WelcomeMessage  string        `json:"welcome_message,omitempty"`
	Resumed         bool          `json:"resumed"` // the missed events follow
}

// Resync follows Welcome when the missed events are gone: the client fetches
// what it shows again.
type Resync struct {
	Epoch    uint64          `json:"epoch"`
	Seq      uint64          `json:"seq"`
	State    PlaybackState   `json:"state"`
	Presence PresenceChanged `json:"presence"`
	Reason   string          `json:"reason" enum:"epoch,gap,requested"`
}

// Bye comes before a close that the server wants.
type Bye struct {
	Code    string `json:"code"`
	Detail  string `json:"detail,omitempty"`
	RetryAt string `json:"retry_at,omitempty"` // RFC 3339 with ms
}

// Error tells the sender that a message was not understood or not taken. The
// connection stays.
type Error struct {
	Code   string `json:"code" enum:"unknown-type,malformed,validation,rate-limited,permission-denied,hello-expected"`
	Detail string `json:"detail,omitempty"`
	Type   string `json:"type,omitempty"` // of the message that was refused
	Op     string `json:"op,omitempty"`
}

// ClockPong answers ClockPing. T1 was taken right after the read, T2 right
// before the write.
type ClockPong struct {
	T0 float64 `json:"t0"`
	T1 float64 `json:"t1"`
	T2 float64 `json:"t2"`
}

// PlaybackState is playback.State on the wire.
type PlaybackState struct {
	Epoch      uint64            `json:"epoch"`
	Version    int64             `json:"version"`
	Generation int64             `json:"generation"`
	Media      *playback.Current `json:"media"`
	Target     json.RawMessage   `json:"target"`
	Playing    bool              `json:"playing"`
	Position   float64           `json:"position"`
	Rate       float64           `json:"rate"`
	UpdatedAt  float64           `json:"updated_at"`
	Hold       *playback.Hold    `json:"hold"`
	Reason     playback.Reason   `json:"reason"`
	Actor      string            `json:"actor,omitempty"`
	Op         string            `json:"op,omitempty"`
}

// StateOf returns s as it travels.
func StateOf(s playback.State) PlaybackState {
	p := PlaybackState{
		Epoch: s.Epoch, Version: s.Version, Generation: s.Generation, Media: s.Media, Playing: s.Playing,
		Position: playback.Round3(s.Position), Rate: s.Rate, UpdatedAt: playback.Round3(s.UpdatedAt),
		Hold: s.Hold, Reason: s.Reason, Actor: s.Actor, Op: s.Op,
	}
	if s.Media != nil {
		p.Target = s.Media.Target
	}
	return p
}

// PlaybackReject tells the sender alone why a command changed nothing.
type PlaybackReject struct {
	Op    string        `json:"op,omitempty"`
	Code  RejectCode    `json:"code"`
	State PlaybackState `json:"state"`
}

// RejectCode is why a playback command changed nothing.
type RejectCode string

// The codes of PlaybackReject.
const (
	RejectDenied     RejectCode = "permission-denied"
	RejectStale      RejectCode = "stale"
	RejectConflict   RejectCode = "conflict"
	RejectValidation RejectCode = "validation"
	RejectRate       RejectCode = "rate-limited"
	RejectLive       RejectCode = "live"
)

// Error makes a reject usable as an error.
func (r *PlaybackReject) Error() string { return "playback " + string(r.Code) }

// PlaybackPeers says how the players of the room are doing.
type PlaybackPeers struct {
	Items []Peer `json:"items"`
}

// Peer is one connection's player.
type Peer struct {
	ID        string         `json:"id"` // user or guest
	State     playback.Doing `json:"state"`
	DriftMS   int            `json:"drift_ms"`
	BufferedS float64        `json:"buffered_s"`
}

// NextIn announces what comes next and when; any playback command cancels it.
type NextIn struct {
	Seconds    float64           `json:"seconds"`
	MediaID    string            `json:"media_id"`
	Media      *playback.Current `json:"media,omitempty"`
	Generation int64             `json:"generation"`
}

// AdvanceFailed says that the next media could not be found.
type AdvanceFailed struct {
	Generation int64 `json:"generation"`
	Retry      bool  `json:"retry"`
}

// WaitLimit says that the room has waited for viewers too often and goes on
// without them until At.
type WaitLimit struct {
	Until float64 `json:"until"`
}
