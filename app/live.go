package app

import (
	"context"
	"log/slog"

	"synctv/app/library"
	"synctv/app/room"
	"synctv/realtime"
	"synctv/realtime/protocol"
)

// liveRooms shows the hub to the rules in their own words.
type liveRooms struct{ hub *realtime.Hub }

var (
	_ room.Live    = liveRooms{}
	_ library.Live = (*realtime.Hub)(nil)
)

// Reseat judges every seat of a room again.
func (l liveRooms) Reseat(ctx context.Context, roomID string, f func(room.Seat) (room.Seat, bool)) {
	l.hub.Reseat(ctx, roomID, func(s realtime.Seat) (realtime.Seat, bool) {
		next, ok := f(room.Seat(s))
		return realtime.Seat(next), ok
	})
}

// Cut ends the connections of a person, or of everybody.
func (l liveRooms) Cut(ctx context.Context, roomID, person string, code protocol.CloseCode, detail string) {
	l.hub.Cut(ctx, realtime.Match{Room: roomID, Person: person}, code, detail)
}

// Configure hands new settings to a live room.
func (l liveRooms) Configure(ctx context.Context, roomID string, s room.Settings) {
	l.hub.Options(ctx, roomID, library.OptionsOf(s))
}

// Viewers counts connections.
func (l liveRooms) Viewers(roomIDs ...string) map[string]int { return l.hub.Viewers(roomIDs...) }

// Presence lists who is connected.
func (l liveRooms) Presence(ctx context.Context, roomID string) []protocol.PresenceMember {
	return l.hub.Presence(ctx, roomID)
}

// judge decides again about a seat whose owner has just said hello.
func (a *App) judge(ctx context.Context, seat realtime.Seat) (realtime.Seat, bool) {
	if seat.Session != "" {
		if alive, err := a.accounts.Alive(ctx, seat.Session); err != nil || !alive {
			return seat, false
		}
	}
	again, ok, err := a.rooms.Again(ctx, room.Seat(seat))
	if err != nil {
		a.log.LogAttrs(ctx, slog.LevelWarn, "a seat could not be judged", slog.String("room", seat.Room), slog.Any("err", err))
	}
	return realtime.Seat(again), ok && err == nil
}

// cutSession ends the sockets of a session that has ended, before the answer
// to whoever ended it leaves.
func (a *App) cutSession(session string) {
	a.hub.Cut(context.Background(), realtime.Match{Session: session}, protocol.CloseSessionRevoked, "signed out")
}
