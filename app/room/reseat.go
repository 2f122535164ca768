package room

import (
	"context"
	"fmt"

	"synctv/app/auth"
	"synctv/store"
)

// Reseat judges everybody who is connected to a room anew and hands the result
// to the live room: new permissions for those who stay, the end for the rest.
// Everything is read first, so the live room never waits for the database.
func (s *Service) Reseat(ctx context.Context, roomID string) error {
	here := s.live.Presence(ctx, roomID)
	if len(here) == 0 {
		// Somebody may be at the door: they are judged again as well.
		s.live.Reseat(ctx, roomID, func(seat Seat) (Seat, bool) { return seat, true })
		return nil
	}
	judged := map[string]Caller{} // by person
	var epoch int64
	err := s.db.Read(ctx, func(tx *store.Tx) error {
		ids := make([]string, 0, len(here))
		for _, p := range here {
			if !auth.IsGuestID(p.ID) {
				ids = append(ids, p.ID)
			}
		}
		users, err := tx.Users(ctx, ids...)
		if err != nil {
			return err
		}
		if epoch, err = tx.GuestEpoch(ctx, roomID); err != nil {
			return err
		}
		for _, p := range here {
			who := auth.Actor{Kind: auth.Guest, ID: p.ID, Name: p.Name, Room: roomID, GuestEpoch: epoch}
			if u, ok := users[p.ID]; ok {
				who = auth.Actor{Kind: auth.User, ID: u.ID, Name: p.Name, SiteRole: u.Role, Status: u.Status}
			} else if !auth.IsGuestID(p.ID) {
				continue // the account is gone: no entry, no seat
			}
			c, err := s.Require(ctx, tx, who, roomID, 0)
			if err == nil {
				judged[p.ID] = c
			} else if refusal(err) {
				continue
			} else {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("judge seats of room %s: %w", roomID, err)
	}
	known := map[string]bool{}
	for _, p := range here {
		known[p.ID] = true
	}
	s.live.Reseat(ctx, roomID, func(seat Seat) (Seat, bool) {
		if !known[seat.Person.ID] {
			return seat, true // came after the reading, judged at the door
		}
		c, ok := judged[seat.Person.ID]
		if !ok || seat.Person.Kind == string(auth.Guest) && seat.GuestEpoch != epoch {
			return seat, false
		}
		now := c.seat()
		seat.Role, seat.Rank, seat.Mask, seat.RoomName = now.Role, now.Rank, now.Mask, now.RoomName
		return seat, true
	})
	return nil
}
