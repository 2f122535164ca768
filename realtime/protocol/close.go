package protocol

import "maps"

// CloseCode is the WebSocket close code that ends a connection.
type CloseCode int

// The codes. Those from 4001 on are final: the client must not come back by
// itself.
const (
	CloseNormal      CloseCode = 1000
	CloseAway        CloseCode = 1001 // nothing heard for too long
	CloseProtocol    CloseCode = 1002
	CloseUnsupported CloseCode = 1003 // a binary message
	CloseInvalid     CloseCode = 1007 // not JSON, or not text
	ClosePolicy      CloseCode = 1008 // too many messages, or no hello
	CloseTooBig      CloseCode = 1009
	CloseInternal    CloseCode = 1011
	CloseRestart     CloseCode = 1012 // the node goes away: come back at once
	CloseSlow        CloseCode = 1013 // too slow, or too many connections: come back without resume

	CloseSessionRevoked CloseCode = 4001
	CloseUserBanned     CloseCode = 4002
	CloseRoomRevoked    CloseCode = 4003
	CloseKicked         CloseCode = 4004
	CloseGuestRevoked   CloseCode = 4005
	CloseRoomDeleted    CloseCode = 4006
	CloseRoomBanned     CloseCode = 4007
	CloseRoomClosed     CloseCode = 4008
	CloseOwnerInactive  CloseCode = 4009
	CloseReplaced       CloseCode = 4010
	CloseIdle           CloseCode = 4011
)

var closeNames = map[CloseCode]string{
	CloseNormal: "normal", CloseAway: "timeout", CloseProtocol: "protocol_error", CloseUnsupported: "unsupported",
	CloseInvalid: "malformed", ClosePolicy: "rate_limited", CloseTooBig: "too_large", CloseInternal: "internal",
	CloseRestart: "node_draining", CloseSlow: "overloaded",
	CloseSessionRevoked: "session_revoked", CloseUserBanned: "user_banned", CloseRoomRevoked: "room_access_revoked",
	CloseKicked: "kicked", CloseGuestRevoked: "guest_access_revoked", CloseRoomDeleted: "room_deleted",
	CloseRoomBanned: "room_banned", CloseRoomClosed: "room_closed", CloseOwnerInactive: "owner_inactive",
	CloseReplaced: "replaced", CloseIdle: "idle",
}

// String returns the word that a bye carries.
func (c CloseCode) String() string {
	if s, ok := closeNames[c]; ok {
		return s
	}
	return "closed"
}

// Reconnect says whether a client may come back by itself.
func (c CloseCode) Reconnect() bool {
	switch c {
	case CloseAway, CloseInternal, CloseRestart, CloseSlow:
		return true
	default:
		return false
	}
}

// CloseCodes returns every code with its word, for the documentation.
func CloseCodes() map[CloseCode]string {
	return maps.Clone(closeNames)
}
