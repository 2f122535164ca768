// Package perm is what one may do in one room: a mask of 64 bits, the roles
// that hold them, and the pure function that computes the effective mask.
//
// A bit keeps its number and its name for ever: numbers are stored in the
// database, names travel on the wire and are read by the web UI's tests from
// testdata/perm.golden.json. A bit may be added, never moved or reused.
//
// Imported by store, realtime, the rule packages of app and app/api. Imports
// nothing of ours.
package perm

import (
	"fmt"
	"math/bits"
	"strconv"
)

// Mask is a set of permissions. Bit 63 is never assigned, so a stored mask is
// never negative.
type Mask int64

// The permissions. What each one guards is written in its row of the table.
const (
	SendChat             Mask = 1 << 0
	AddMedia             Mask = 1 << 1
	DeleteOwnMedia       Mask = 1 << 2
	DeleteAnyMedia       Mask = 1 << 3
	EditOwnMedia         Mask = 1 << 4
	EditAnyMedia         Mask = 1 << 5
	ReorderPlaylist      Mask = 1 << 6
	ClearPlaylist        Mask = 1 << 7
	ManagePlaylists      Mask = 1 << 8
	SetMediaAccess       Mask = 1 << 9
	PlayControl          Mask = 1 << 10
	ChangeCurrentMedia   Mask = 1 << 11
	ChangePlaybackRate   Mask = 1 << 12
	PublishStream        Mask = 1 << 13
	ManageStreams        Mask = 1 << 14
	CreateShareLink      Mask = 1 << 15
	ManageShareLinks     Mask = 1 << 16
	ApproveMember        Mask = 1 << 20
	KickMember           Mask = 1 << 21
	BanMember            Mask = 1 << 22
	SetMemberPermissions Mask = 1 << 23
	ManageAdmin          Mask = 1 << 24
	InviteMember         Mask = 1 << 25
	SetRoomSettings      Mask = 1 << 30
	SetRoomPassword      Mask = 1 << 31
	DeleteChat           Mask = 1 << 32
	ViewStats            Mask = 1 << 33
	ExportData           Mask = 1 << 34
	DeleteRoom           Mask = 1 << 35
	PinChat              Mask = 1 << 36
	ViewAudit            Mask = 1 << 37
	ViewPlaylist         Mask = 1 << 40
	ViewMemberList       Mask = 1 << 41
	ViewChatHistory      Mask = 1 << 42
	ViewPlaybackHistory  Mask = 1 << 43
	UseWebRTC            Mask = 1 << 50
	UseVideo             Mask = 1 << 51
	ShareScreen          Mask = 1 << 52
	SendDanmaku          Mask = 1 << 53
	UseP2PMedia          Mask = 1 << 54
)

// All is every defined permission: not every bit.
const All = chatBits | libraryBits | playbackBits | liveBits | shareBits | memberBits | roomBits | viewBits | callBits

const (
	chatBits     = SendChat | DeleteChat | PinChat | SendDanmaku
	libraryBits  = AddMedia | DeleteOwnMedia | DeleteAnyMedia | EditOwnMedia | EditAnyMedia | ReorderPlaylist | ClearPlaylist | ManagePlaylists | SetMediaAccess
	playbackBits = PlayControl | ChangeCurrentMedia | ChangePlaybackRate
	liveBits     = PublishStream | ManageStreams
	shareBits    = CreateShareLink | ManageShareLinks
	memberBits   = ApproveMember | KickMember | BanMember | SetMemberPermissions | ManageAdmin | InviteMember
	roomBits     = SetRoomSettings | SetRoomPassword | ViewStats | ExportData | DeleteRoom | ViewAudit
	viewBits     = ViewPlaylist | ViewMemberList | ViewChatHistory | ViewPlaybackHistory
	callBits     = UseWebRTC | UseVideo | ShareScreen | UseP2PMedia
)

// What each role holds before a room or a site changes it.
const (
	DefaultGuest  = SendChat | ViewPlaylist | ViewMemberList | ViewChatHistory | SendDanmaku
	DefaultMember = SendChat | AddMedia | DeleteOwnMedia | EditOwnMedia | viewBits | callBits | SendDanmaku
	DefaultAdmin  = DefaultMember | DeleteAnyMedia | EditAnyMedia | ReorderPlaylist | ClearPlaylist | ManagePlaylists |
		SetMediaAccess | playbackBits | liveBits | shareBits | ApproveMember | KickMember | BanMember | InviteMember |
		SetRoomSettings | SetRoomPassword | DeleteChat | ViewStats | PinChat | ViewAudit
)

// What each role can hold at most, whatever anybody grants.
const (
	CapGuest   = SendChat | playbackBits | viewBits | UseWebRTC | UseVideo | SendDanmaku | UseP2PMedia
	CapMember  = All &^ (SetMemberPermissions | ManageAdmin | SetRoomSettings | SetRoomPassword | ExportData | DeleteRoom | ViewAudit)
	CapAdmin   = All &^ ManageAdmin
	CapCreator = All
)

// Has reports whether m holds every permission of need.
func (m Mask) Has(need Mask) bool { return m&need == need }

// String is the decimal number, the only form in which a mask travels in JSON.
func (m Mask) String() string { return strconv.FormatInt(int64(m), 10) }

// MarshalText keeps a mask from ever becoming a JSON number: JavaScript loses
// integers above 2^53.
func (m Mask) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(m), 10), nil }

// UnmarshalText reads what MarshalText wrote. Unknown bits are an error.
func (m *Mask) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || Mask(n)&^All != 0 {
		return fmt.Errorf("permission mask %q: %w", text, ErrUnknown)
	}
	*m = Mask(n)
	return nil
}

// Names lists the permissions of m by bit, lowest first. Bits without a name
// are left out. The answer is never nil.
func Names(m Mask) []string {
	names := make([]string, 0, bits.OnesCount64(uint64(m&All)))
	for _, row := range table {
		if m.Has(row.mask) {
			names = append(names, row.name)
		}
	}
	return names
}

// Parse is the inverse of Names. The order of the names does not matter. A
// name that is unknown gives ErrUnknown, one that comes twice ErrDuplicate.
func Parse(names []string) (Mask, error) {
	var m Mask
	for _, name := range names {
		bit, ok := byName(name)
		if !ok {
			return 0, fmt.Errorf("permission %q: %w", clip(name), ErrUnknown)
		}
		if m.Has(bit) {
			return 0, fmt.Errorf("permission %q: %w", name, ErrDuplicate)
		}
		m |= bit
	}
	return m, nil
}

func byName(name string) (Mask, bool) {
	for _, row := range table {
		if row.name == name {
			return row.mask, true
		}
	}
	return 0, false
}

// clip keeps an error about foreign input short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
