package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/store"
	"synctv/store/perm"
)

// Media reads one media.
func (s *Service) Media(ctx context.Context, who auth.Actor, roomID, mediaID string) (v MediaView, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		c, err := s.rooms.Require(ctx, tx, who, roomID, viewPlaylist)
		if err != nil {
			return err
		}
		v, err = view(ctx, tx, c, mediaID)
		return err
	})
	if err != nil {
		return MediaView{}, fmt.Errorf("media %s: %w", mediaID, err)
	}
	return v, nil
}

func view(ctx context.Context, tx *store.Tx, c room.Caller, mediaID string) (MediaView, error) {
	m, err := media(ctx, tx, c.Room.ID, mediaID)
	if err != nil {
		return MediaView{}, err
	}
	list, err := views(ctx, tx, c, []store.Media{m})
	if err != nil {
		return MediaView{}, err
	}
	list[0].Tracks, err = tx.TracksOf(ctx, mediaID)
	return list[0], err
}

func media(ctx context.Context, tx *store.Tx, roomID, id string) (store.Media, error) {
	if !store.ValidID(id) {
		return store.Media{}, store.ErrNotFound
	}
	return tx.Media(ctx, roomID, id)
}

// MediaPatch changes what is set in it; a nil field stays as it is.
type MediaPatch struct {
	Version     int64 // expected; 0 = whatever it is
	Name        *string
	Description *string
	Source      json.RawMessage
	Instance    *string // "" = the built-in one
	Proxy       *string
	Share       *bool
	Headers     *map[string]string
	Live        *bool
}

// UpdateMedia changes a media.
func (s *Service) UpdateMedia(ctx context.Context, who auth.Actor, roomID, mediaID string, p MediaPatch) (v MediaView, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.rooms.RequireMember(ctx, tx, who, roomID, 0)
		if err != nil {
			return err
		}
		m, err := media(ctx, tx, roomID, mediaID)
		if err != nil {
			return err
		}
		if !mayEdit(c, m) {
			return room.Denied(perm.EditAnyMedia, c.Mask&^perm.EditAnyMedia)
		}
		if p.Version != 0 && p.Version != m.Version {
			return &room.VersionError{Current: m.Version}
		}
		if err := s.patch(who, &m, p); err != nil {
			return err
		}
		if err := tx.UpdateMedia(ctx, &m); err != nil {
			return err
		}
		list, err := tx.Playlist(ctx, roomID, m.PlaylistID)
		if err != nil {
			return err
		}
		if err := tx.UpdatePlaylist(ctx, &list); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.announce(ctx, roomID, list, "updated", who, []string{mediaID}) })
		if err := room.Audit(ctx, tx, c, "media.updated", "media", mediaID, map[string]any{"name": m.Name}); err != nil {
			return err
		}
		v, err = view(ctx, tx, c, mediaID)
		return err
	})
	if err != nil {
		return MediaView{}, fmt.Errorf("update media %s: %w", mediaID, err)
	}
	return v, nil
}

// patch applies p to the record; validating a source needs no network.
func (s *Service) patch(who auth.Actor, m *store.Media, p MediaPatch) error {
	var bad room.ValidationError
	clean := func(rule interface{ Clean(string) (string, error) }, at string, in, out *string) {
		if in == nil {
			return
		}
		v, err := rule.Clean(*in)
		if err != nil {
			bad.Add(at, err.Error())
		}
		*out = v
	}
	clean(mediaNameRule, "body.name", p.Name, &m.Name)
	clean(mediaTextRule, "body.description", p.Description, &m.Description)
	if p.Source != nil || p.Instance != nil {
		s.patchSource(&bad, who, m, p)
	}
	if m.Name == "" {
		m.Name = nameOf(m.SourceConfig)
	}
	if p.Proxy != nil {
		m.Proxy = *p.Proxy
	}
	if p.Share != nil {
		m.Share = *p.Share
	}
	if p.Live != nil {
		m.Live = *p.Live
	}
	if p.Headers != nil {
		checkHeaders(&bad, "body", *p.Headers)
		sealed, err := s.sealHeaders(m.ID, *p.Headers)
		if err != nil {
			return err
		}
		m.HeadersEnc = sealed
	}
	return bad.OrNil()
}

func (s *Service) patchSource(bad *room.ValidationError, who auth.Actor, m *store.Media, p MediaPatch) {
	instance := ""
	if m.Instance != nil {
		instance = *m.Instance
	}
	if p.Instance != nil {
		instance = *p.Instance
	}
	source := m.SourceConfig
	if p.Source != nil {
		source = p.Source
		m.Duration = nil // another film
	}
	norm, named, err := s.source(who, m.SourceProvider, instance, source)
	if err != nil {
		bad.Add("body.source", reason(err))
		return
	}
	m.SourceConfig, m.Instance = norm, named
}

// DeleteMedia removes media, all or none. With force the one that plays now
// may be among them: the room goes on to what follows, or stops.
func (s *Service) DeleteMedia(ctx context.Context, who auth.Actor, roomID string, ids []string, force bool) (deleted int, err error) {
	if err := checkBatch("ids", len(ids)); err != nil {
		return 0, err
	}
	if err := distinct(ids); err != nil {
		return 0, err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.rooms.RequireMember(ctx, tx, who, roomID, 0)
		if err != nil {
			return err
		}
		rows, err := s.deletable(ctx, tx, c, ids)
		if err != nil {
			return err
		}
		if err := s.release(ctx, tx, c, ids, force); err != nil {
			return err
		}
		if deleted, err = tx.DeleteMedia(ctx, roomID, ids); err != nil {
			return err
		}
		if err := s.shrink(ctx, tx, c, rows); err != nil {
			return err
		}
		if len(ids) == 1 {
			return room.Audit(ctx, tx, c, "media.deleted", "media", ids[0], map[string]any{"name": rows[0].Name})
		}
		return room.Audit(ctx, tx, c, "media.batch_deleted", "room", roomID, map[string]any{"count": len(ids), "ids": firstIDs(ids)})
	})
	if err != nil {
		return 0, fmt.Errorf("delete %d media of room %s: %w", len(ids), roomID, err)
	}
	// Always: a room that opened one of them a moment ago has not saved that yet.
	s.live.MediaRemoved(context.WithoutCancel(ctx), roomID, ids)
	return deleted, nil
}

func distinct(ids []string) error {
	var bad room.ValidationError
	seen := make(map[string]bool, len(ids))
	for i, id := range ids {
		if seen[id] {
			bad.Add(fmt.Sprintf("body.ids[%d]", i), "named twice")
		}
		seen[id] = true
	}
	return bad.OrNil()
}

// deletable reads the media and refuses everything when one is not there, or
// not the caller's to delete.
func (s *Service) deletable(ctx context.Context, tx *store.Tx, c room.Caller, ids []string) ([]store.Media, error) {
	rows, err := tx.MediaByIDs(ctx, c.Room.ID, ids)
	if err != nil {
		return nil, err
	}
	have := make(map[string]store.Media, len(rows))
	for _, m := range rows {
		have[m.ID] = m
	}
	var missing MissingError
	for i, id := range ids {
		if _, ok := have[id]; !ok && len(missing.Fields) < maxListed {
			missing.Fields = append(missing.Fields, room.Field{Location: fmt.Sprintf("body.ids[%d]", i), Message: "not in this room"})
		}
	}
	if len(missing.Fields) > 0 {
		return nil, &missing
	}
	for _, m := range rows {
		switch {
		case c.Has(perm.DeleteAnyMedia), c.Owns(m.CreatorID) && c.Has(perm.DeleteOwnMedia):
		case c.Owns(m.CreatorID):
			return nil, room.Denied(perm.DeleteOwnMedia, c.Mask)
		default:
			return nil, room.Denied(perm.DeleteAnyMedia, c.Mask)
		}
	}
	return rows, nil
}

// release moves the stored playback off media that are to go; without force it
// refuses.
func (s *Service) release(ctx context.Context, tx *store.Tx, c room.Caller, ids []string, force bool) error {
	p, err := tx.Playback(ctx, c.Room.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.MediaID == nil {
		return nil
	}
	if err != nil {
		return err
	}
	gone := make(map[string]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	if !gone[*p.MediaID] {
		return nil
	}
	if !force {
		return ErrInUse
	}
	next, err := successor(ctx, tx, c, p, gone)
	if err != nil {
		return err
	}
	p.Position, p.Playing, p.Duration, p.UpdatedAt = 0, p.Playing && next != nil, nil, tx.Now()
	p.MediaID, p.Generation, p.Version = nil, p.Generation+1, p.Version+1
	if next != nil {
		p.MediaID, p.Duration = &next.ID, next.Duration
	}
	return tx.SavePlayback(ctx, &p)
}

// successor is what the room goes on to when its media is taken away.
func successor(ctx context.Context, tx *store.Tx, c room.Caller, p store.Playback, gone map[string]bool) (*store.Media, error) {
	m, err := tx.Media(ctx, c.Room.ID, *p.MediaID)
	if err != nil || !c.Settings.AutoPlay.Enabled {
		return nil, err
	}
	ids, err := tx.MediaIDs(ctx, c.Room.ID, m.PlaylistID)
	if err != nil {
		return nil, err
	}
	kept := make([]string, 0, len(ids))
	for _, id := range ids {
		if !gone[id] || id == m.ID {
			kept = append(kept, id)
		}
	}
	b := parseBag(p.ModeState).in(m.PlaylistID, kept)
	id := follow(kept, m.ID, mode(c.Settings), true, b, randomInt)
	if id == "" || id == m.ID {
		return nil, nil
	}
	next, err := tx.Media(ctx, c.Room.ID, id)
	return &next, err
}

// shrink closes the gaps that deleted media leave and says so, once per playlist.
func (s *Service) shrink(ctx context.Context, tx *store.Tx, c room.Caller, rows []store.Media) error {
	byList := map[string][]string{}
	for _, m := range rows {
		byList[m.PlaylistID] = append(byList[m.PlaylistID], m.ID)
	}
	for listID, ids := range byList {
		list, err := tx.Playlist(ctx, c.Room.ID, listID)
		if err != nil {
			return err
		}
		if err := tx.RenumberMedia(ctx, listID); err != nil {
			return err
		}
		if err := tx.UpdatePlaylist(ctx, &list); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.announce(ctx, c.Room.ID, list, "deleted", c.Actor, ids) })
	}
	return nil
}
