package room

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"synctv/app/auth"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
)

// Patch changes what is set in it; a nil field stays as it is.
type Patch struct {
	Version     int64 // expected; 0 = whatever it is
	Name        *string
	Description *string
	Visibility  *string
	Slug        *string // "" removes it
}

// Update changes what the door of a room shows.
func (s *Service) Update(ctx context.Context, who auth.Actor, roomID string, p Patch) (View, error) {
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.Require(ctx, tx, who, roomID, perm.SetRoomSettings)
		if err != nil {
			return err
		}
		if p.Version != 0 && p.Version != c.Room.Version {
			return &VersionError{Current: c.Room.Version}
		}
		r := c.Room
		if err := p.apply(&r); err != nil {
			return err
		}
		if err := tx.UpdateRoom(ctx, &r); err != nil {
			return err
		}
		if r.Visibility == "private" && c.Room.Visibility != "private" {
			if err := s.expelGuests(ctx, tx, roomID, "the room is private now"); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { s.announceRoom(ctx, r) })
		return Audit(ctx, tx, c, "room.updated", "room", roomID, map[string]any{"name": r.Name, "visibility": r.Visibility})
	})
	if err != nil {
		return View{}, fmt.Errorf("update room %s: %w", roomID, taken(err))
	}
	return s.View(ctx, who, roomID)
}

func (p Patch) apply(r *store.Room) error {
	var bad ValidationError
	if p.Name != nil {
		cleanInto(&bad, "body.name", nameRule, *p.Name, &r.Name)
		r.NameKey = store.Fold(r.Name)
	}
	if p.Description != nil {
		cleanInto(&bad, "body.description", descriptionRule, *p.Description, &r.Description)
	}
	if p.Visibility != nil {
		checkVisibility(&bad, *p.Visibility)
		r.Visibility = *p.Visibility
	}
	if p.Slug != nil {
		r.Slug = p.Slug
		if *p.Slug == "" {
			r.Slug = nil
		} else {
			checkSlug(&bad, *p.Slug)
		}
	}
	return bad.OrNil()
}

func (s *Service) announceRoom(ctx context.Context, r store.Room) {
	s.announce(ctx, r.ID, protocol.Event{Type: protocol.TypeRoomUpdated, Data: protocol.RoomUpdated{
		ID: r.ID, Name: r.Name, Description: r.Description, Visibility: r.Visibility, Status: r.Status, Version: r.Version,
	}})
}

// Delete removes a room for everybody; an administrator may restore it for a
// week. confirm is its name.
func (s *Service) Delete(ctx context.Context, who auth.Actor, roomID, confirm string) error {
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.Require(ctx, tx, who, roomID, perm.DeleteRoom)
		if err != nil {
			return err
		}
		if confirm != c.Room.Name {
			return ErrConfirm
		}
		if err := tx.DeleteRoom(ctx, roomID, tx.Now()); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			ctx := context.WithoutCancel(ctx)
			s.announce(ctx, roomID, protocol.Event{Type: protocol.TypeRoomDeleted})
			s.live.Cut(ctx, roomID, "", protocol.CloseRoomDeleted, "the room was deleted")
		})
		return Audit(ctx, tx, c, "room.deleted", "room", roomID, map[string]any{"name": c.Room.Name})
	})
	if err != nil {
		return fmt.Errorf("delete room %s: %w", roomID, err)
	}
	return nil
}

// SettingsOf reads the settings of a room with their version, for members.
func (s *Service) SettingsOf(ctx context.Context, who auth.Actor, roomID string) (set Settings, version int64, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		c, err := s.RequireMember(ctx, tx, who, roomID, 0)
		if err != nil {
			return err
		}
		set = c.Settings
		_, version, err = tx.RoomSettings(ctx, roomID)
		return err
	})
	if err != nil {
		return Settings{}, 0, fmt.Errorf("settings of room %s: %w", roomID, err)
	}
	return set, version, nil
}

// UpdateSettings merges a patch into the settings of a room. The result is
// checked as a whole, and everybody inside is judged anew before it returns.
func (s *Service) UpdateSettings(ctx context.Context, who auth.Actor, roomID string, version int64, patch json.RawMessage) (set Settings, now int64, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.Require(ctx, tx, who, roomID, perm.SetRoomSettings)
		if err != nil {
			return err
		}
		stored, current, err := tx.RoomSettings(ctx, roomID)
		if err != nil {
			return err
		}
		if current != version {
			return &VersionError{Current: current}
		}
		next, raw, err := merge(stored, patch, s.site())
		if err != nil {
			return err
		}
		if err := c.mayGrant(c.Settings, next); err != nil {
			return err
		}
		if now, err = tx.PutRoomSettings(ctx, roomID, raw, version); err != nil {
			return err
		}
		if c.Settings.AllowGuests && !next.AllowGuests {
			if err := s.expelGuests(ctx, tx, roomID, "the room takes no guests any more"); err != nil {
				return err
			}
		}
		set = next
		return Audit(ctx, tx, c, "room.settings_changed", "room", roomID, changes(c.Settings, next))
	})
	if errors.Is(err, store.ErrVersion) && !errors.Is(err, ErrVersion) {
		err = &VersionError{}
	}
	if err != nil {
		return Settings{}, 0, fmt.Errorf("settings of room %s: %w", roomID, err)
	}
	ctx = context.WithoutCancel(ctx) // the change is made: whoever waits or not, the room hears of it
	s.live.Configure(ctx, roomID, set)
	if err := s.Reseat(ctx, roomID); err != nil {
		return set, now, err
	}
	raw, err := json.Marshal(set)
	if err != nil {
		return set, now, fmt.Errorf("encode room settings: %w", err)
	}
	s.announce(ctx, roomID, protocol.Event{Type: protocol.TypeRoomSettings, Data: protocol.RoomSettings{Settings: raw, Version: now}})
	return set, now, nil
}

// mayGrant refuses to change a role default by a bit that the caller does not
// hold: nobody climbs by their own hand, and nobody hands out what they lack.
func (c Caller) mayGrant(before, after Settings) error {
	for _, role := range []perm.Role{perm.Admin, perm.Member, perm.Guest} {
		a1, r1 := before.overrides(role)
		a2, r2 := after.overrides(role)
		if changed := a1 ^ a2 | r1 ^ r2; changed&^c.Held != 0 {
			return Denied(changed, c.Held)
		}
	}
	return nil
}

// changes lists the settings that differ, with their new values.
func changes(before, after Settings) map[string]json.RawMessage {
	flat := func(s Settings) map[string]json.RawMessage {
		out := map[string]json.RawMessage{}
		raw, err := json.Marshal(s)
		if err == nil {
			_ = json.Unmarshal(raw, &out) // it was made a line above
		}
		return out
	}
	old, changed := flat(before), flat(after)
	for key, raw := range changed {
		if string(old[key]) == string(raw) {
			delete(changed, key)
		}
	}
	return changed
}
