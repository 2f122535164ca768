package room

import (
	"context"
	"fmt"

	"synctv/app/auth"
	"synctv/store"
	"synctv/store/perm"
)

// SetPassword sets the password of a room; the empty one removes it. Guests
// have to come in anew; members stay, unless revokeMembers sends the ordinary
// ones out too.
func (s *Service) SetPassword(ctx context.Context, who auth.Actor, roomID, password string, revokeMembers bool) error {
	var bad ValidationError
	checkPassword(&bad, password)
	if err := bad.OrNil(); err != nil {
		return err
	}
	// Rights first: hashing is costly, so nobody may ask for it in vain.
	err := s.db.Read(ctx, func(tx *store.Tx) error {
		_, err := s.Require(ctx, tx, who, roomID, perm.SetRoomPassword)
		return err
	})
	if err != nil {
		return fmt.Errorf("password of room %s: %w", roomID, err)
	}
	phc, err := s.hash(ctx, s.site(), password)
	if err != nil {
		return fmt.Errorf("password of room %s: %w", roomID, err)
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.Require(ctx, tx, who, roomID, perm.SetRoomPassword)
		if err != nil {
			return err
		}
		r := c.Room
		r.PasswordHash = phc
		r.PasswordEpoch++
		if err := tx.UpdateRoom(ctx, &r); err != nil {
			return err
		}
		if err := s.expelGuests(ctx, tx, roomID, "the password has changed"); err != nil {
			return err
		}
		if revokeMembers {
			if err := s.expelMembers(ctx, tx, c); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { s.announceRoom(ctx, r) })
		return Audit(ctx, tx, c, "room.password_changed", "room", roomID, map[string]any{"set": phc != nil, "revoke_members": revokeMembers})
	})
	if err != nil {
		return fmt.Errorf("password of room %s: %w", roomID, err)
	}
	return nil
}
