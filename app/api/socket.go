package api

import (
	"context"
	"reflect"
	"time"

	"github.com/gofiber/fiber/v2"

	"synctv/app/room"
	"synctv/realtime"
	"synctv/realtime/protocol"
)

// Connections of one person to one node; the oldest device of a household is
// rarely more than a handful.
const (
	socketsPerUser  = 10
	socketsPerGuest = 3
)

// registerSocket opens the room's WebSocket to holders of a fresh ticket.
func (s *Server) registerSocket() {
	s.app.Get("/ws/rooms/:room_id", serveSocket(socketDeps{
		Hub: s.Hub, Enter: s.enterRoom, Origins: func() []string { return nil },
		Address: func(c *fiber.Ctx) string { return addressKey(requestOf(c.UserContext()).addr) },
		PerUser: socketsPerUser, PerGuest: socketsPerGuest,
		PerAddress: func() int { return s.Settings.Current().SocketsPerAddress },
		Log:        s.log,
	}))
}

// enterRoom spends a ticket. The seat is decided anew: rights may have changed
// in the seconds since the ticket was made.
func (s *Server) enterRoom(ctx context.Context, ticket, roomID string) (realtime.Seat, error) {
	who, ok := s.tickets.redeem(ticket, roomID)
	if !ok {
		return realtime.Seat{}, ErrTicket
	}
	seat, err := s.Rooms.Enter(ctx, who, roomID)
	if err != nil {
		return realtime.Seat{}, err
	}
	return seatOf(seat), nil
}

// seatOf hands a seat from the rules to the hub; neither knows the other.
func seatOf(s room.Seat) realtime.Seat { return realtime.Seat(s) }

// socketProblems are the refusals before the upgrade.
func socketProblems() []problemRow {
	return []problemRow{
		{err: ErrTicket, slug: "unauthenticated", detail: "this ticket is not valid, or no longer; ask for a new one"},
		{err: ErrOrigin, slug: "foreign-origin"},
		{err: ErrTooManySockets, slug: "rate-limited", detail: "too many connections at once", fill: retry(ticketTTL)},
		{err: realtime.ErrDraining, slug: "node-draining", fill: retry(time.Second)},
		{err: realtime.ErrFull, slug: "quota-exceeded", detail: "the room has no free seat"},
	}
}

// describeSocket adds every message of the WebSocket to the document, so that
// clients get their types from the same place as those of the operations.
func (s *Server) describeSocket() {
	for _, t := range []reflect.Type{
		reflect.TypeFor[protocol.Hello](), reflect.TypeFor[protocol.Welcome](), reflect.TypeFor[protocol.Resync](), reflect.TypeFor[protocol.Bye](),
		reflect.TypeFor[protocol.Error](), reflect.TypeFor[protocol.ClockPing](), reflect.TypeFor[protocol.ClockPong](),
		reflect.TypeFor[protocol.PlaybackCommand](), reflect.TypeFor[protocol.PlaybackReport](), reflect.TypeFor[protocol.PlaybackState](),
		reflect.TypeFor[protocol.PlaybackReject](), reflect.TypeFor[protocol.PlaybackPeers](), reflect.TypeFor[protocol.NextIn](),
		reflect.TypeFor[protocol.SyncGet](), reflect.TypeFor[protocol.ChatMessage](), reflect.TypeFor[protocol.ChatDeleted](),
		reflect.TypeFor[protocol.ChatTyping](), reflect.TypeFor[protocol.MemberJoined](), reflect.TypeFor[protocol.MemberLeft](),
		reflect.TypeFor[protocol.MemberUpdated](), reflect.TypeFor[protocol.PresenceChanged](), reflect.TypeFor[protocol.PresenceCount](),
		reflect.TypeFor[protocol.LibraryChanged](), reflect.TypeFor[protocol.RoomUpdated](), reflect.TypeFor[protocol.RoomSettings](),
		reflect.TypeFor[protocol.PermissionsChanged](),
	} {
		s.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
	}
}
