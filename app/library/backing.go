package library

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"synctv/app/room"
	"synctv/realtime/playback"
	"synctv/store"
)

// heartbeatGrace is how long after its last save a playing room is taken to
// have played on.
const heartbeatGrace = 60 * time.Second

// Backing is the durable side of live rooms: it loads and keeps their playback
// and finds the media that commands mean. Rights are the hub's business.
type Backing struct{ db *store.DB }

// NewBacking makes the backing of a hub.
func NewBacking(db *store.DB) *Backing { return &Backing{db: db} }

// Load gives a room that comes alive its state, under a new epoch.
func (b *Backing) Load(ctx context.Context, roomID string) (snap playback.Snapshot, err error) {
	err = b.db.Write(ctx, func(tx *store.Tx) error {
		epoch, err := tx.NextEpoch(ctx, roomID)
		if err != nil {
			return err
		}
		snap, err = load(ctx, tx, roomID)
		snap.State.Epoch = uint64(epoch)
		return err
	})
	if err != nil {
		return playback.Snapshot{}, fmt.Errorf("load playback of room %s: %w", roomID, err)
	}
	return snap, nil
}

// Peek shows a sleeping room without waking it.
func (b *Backing) Peek(ctx context.Context, roomID string) (snap playback.Snapshot, err error) {
	err = b.db.Read(ctx, func(tx *store.Tx) error {
		snap, err = load(ctx, tx, roomID)
		return err
	})
	if err != nil {
		return playback.Snapshot{}, fmt.Errorf("peek at playback of room %s: %w", roomID, err)
	}
	return snap, nil
}

func load(ctx context.Context, tx *store.Tx, roomID string) (playback.Snapshot, error) {
	var snap playback.Snapshot
	p, err := tx.Playback(ctx, roomID)
	if err != nil {
		return snap, err
	}
	set, err := settingsOf(ctx, tx, roomID)
	if err != nil {
		return snap, err
	}
	var cur *playback.Current
	if p.MediaID != nil {
		m, err := tx.Media(ctx, roomID, *p.MediaID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return snap, err
		}
		if err == nil {
			cur = current(m)
			if p.Duration != nil && cur.Duration == 0 {
				cur.Duration = *p.Duration // learned from viewers
			}
		}
	}
	snap.Options = OptionsOf(set)
	snap.State = stored(p, cur)
	return snap, nil
}

// stored is the state as it was saved: where the room was at UpdatedAt, on the
// wall clock. Whether it plays on from there is the live room's decision.
func stored(p store.Playback, cur *playback.Current) playback.State {
	s := playback.State{
		Epoch: uint64(p.Epoch), Version: p.Version, Generation: p.Generation, Media: cur, Playing: p.Playing,
		Position: p.Position, Rate: p.Rate, UpdatedAt: float64(p.UpdatedAt), Reason: playback.ReasonResync,
	}
	if cur == nil {
		s.Playing, s.Position = false, 0
	}
	return s
}

func settingsOf(ctx context.Context, tx *store.Tx, roomID string) (room.Settings, error) {
	raw, _, err := tx.RoomSettings(ctx, roomID)
	if err != nil {
		return room.Settings{}, err
	}
	return room.ParseSettings(raw)
}

// OptionsOf translates room settings for the live room.
func OptionsOf(s room.Settings) playback.Options {
	return playback.Options{
		AutoPlay:    playback.AutoPlay{Enabled: s.AutoPlay.Enabled, Mode: mode(s), Delay: time.Duration(s.AutoPlay.DelaySeconds) * time.Second},
		StartPaused: s.StartPaused, WaitForReady: s.WaitForReady == "soft",
		EmptyPause: time.Duration(s.EmptyPauseSeconds) * time.Second, ToleranceMS: s.SyncToleranceMS,
		AllowMemberRate: s.AllowMemberRate, MaxViewers: s.MaxViewers, WelcomeMessage: s.WelcomeMessage,
	}
}

func mode(s room.Settings) playback.Mode { return playback.Mode(s.AutoPlay.Mode) }

// current is a media as the playback state names it.
func current(m store.Media) *playback.Current {
	c := &playback.Current{ID: m.ID, PlaylistID: m.PlaylistID, Kind: m.SourceProvider, Name: m.Name, Live: m.Live}
	if m.Duration != nil && !m.Live {
		c.Duration = *m.Duration
	}
	return c
}

// itemKey names what is watched, whatever its place.
func itemKey(mediaID string) string {
	sum := sha256.Sum256([]byte("media:" + mediaID))
	return hex.EncodeToString(sum[:])
}

// Save keeps the state, and where the room is in its media. A media that was
// deleted meanwhile is not written: the room hears of that in a moment.
func (b *Backing) Save(ctx context.Context, roomID string, s playback.State) error {
	err := b.db.Write(ctx, func(tx *store.Tx) error {
		p, err := tx.Playback(ctx, roomID)
		if err != nil {
			return err
		}
		if s.Epoch < uint64(p.Epoch) {
			return nil // another life of the room has begun
		}
		if err := keepProgress(ctx, tx, p, s); err != nil {
			return err
		}
		before := p.MediaID
		p.MediaID, p.PlaylistID, p.Target, p.TargetHash, p.Duration = nil, nil, nil, nil, nil
		if s.Media != nil {
			m, err := tx.Media(ctx, roomID, s.Media.ID)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			p.MediaID, p.PlaylistID = &m.ID, &m.PlaylistID
			if d := s.Duration(); d > 0 {
				p.Duration = &d
			}
			if before == nil || *before != m.ID {
				if p.ModeState, err = remember(ctx, tx, p.ModeState, m); err != nil {
					return err
				}
			}
		}
		p.Playing, p.Position, p.Rate = s.Playing, s.Position, s.Rate
		p.Generation, p.Version, p.UpdatedAt = s.Generation, s.Version, store.Millis(s.UpdatedAt)
		p.UpdatedBy = nil
		if s.Actor != "" {
			p.UpdatedBy = &s.Actor
		}
		return tx.SavePlayback(ctx, &p)
	})
	if err != nil {
		return fmt.Errorf("save playback of room %s: %w", roomID, err)
	}
	return nil
}

// remember puts a media that was just opened into the shuffle bag.
func remember(ctx context.Context, tx *store.Tx, kept json.RawMessage, m store.Media) (json.RawMessage, error) {
	ids, err := tx.MediaIDs(ctx, m.RoomID, m.PlaylistID)
	if err != nil {
		return nil, err
	}
	b := parseBag(kept).in(m.PlaylistID, ids).with(m.ID)
	if len(b.Played) == len(ids) && len(ids) > 1 && len(parseBag(kept).Played) == len(ids) {
		b.Played = []string{m.ID} // all were played and people go on: a new round
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode shuffle bag: %w", err)
	}
	return raw, nil
}

func parseBag(raw json.RawMessage) bag {
	var b bag
	_ = json.Unmarshal(raw, &b) // ours; unreadable means a new round
	return b
}

// keepProgress stores where the room is, and where it was in the media that it
// leaves.
func keepProgress(ctx context.Context, tx *store.Tx, before store.Playback, s playback.State) error {
	if before.MediaID != nil && (s.Media == nil || s.Media.ID != *before.MediaID) {
		pos := before.Position
		if before.Playing {
			if away := tx.Now().Time().Sub(before.UpdatedAt.Time()); away > 0 && away < heartbeatGrace {
				pos += away.Seconds() * before.Rate
			}
		}
		if before.Duration != nil && pos > *before.Duration {
			pos = *before.Duration
		}
		if err := progress(ctx, tx, before.RoomID, *before.MediaID, pos, before.Duration); err != nil {
			return err
		}
	}
	if s.Media == nil || s.Media.Live || s.Media.Target != nil {
		return nil
	}
	var duration *float64
	if d := s.Duration(); d > 0 {
		duration = &d
	}
	return progress(ctx, tx, before.RoomID, s.Media.ID, s.Position, duration)
}

func progress(ctx context.Context, tx *store.Tx, roomID, mediaID string, position float64, duration *float64) error {
	if _, err := tx.Media(ctx, roomID, mediaID); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}
	return tx.PutProgress(ctx, &store.Progress{RoomID: roomID, ItemKey: itemKey(mediaID), MediaID: &mediaID, Position: position, Duration: duration})
}

// Select finds the media that a select, next or prev means. Nothing there is
// store.ErrNotFound; a next past the last one is a selection without media.
func (b *Backing) Select(ctx context.Context, roomID string, rq playback.SelectRequest) (sel playback.Selection, err error) {
	err = b.db.Read(ctx, func(tx *store.Tx) error {
		id := rq.MediaID
		if rq.Do != playback.Select {
			if id, err = b.neighbour(ctx, tx, roomID, rq); err != nil {
				return err
			}
		}
		if id == "" && rq.Do == playback.Next {
			sel = playback.Selection{} // nothing follows
			return nil
		}
		sel, err = selection(ctx, tx, roomID, id)
		return err
	})
	if err != nil {
		return playback.Selection{}, fmt.Errorf("%s in room %s: %w", rq.Do, roomID, err)
	}
	return sel, nil
}

func (b *Backing) neighbour(ctx context.Context, tx *store.Tx, roomID string, rq playback.SelectRequest) (string, error) {
	if rq.Current.Media == nil {
		return "", store.ErrNotFound
	}
	ids, played, err := around(ctx, tx, roomID, rq.Current.Media)
	if err != nil {
		return "", err
	}
	if rq.Do == playback.Prev {
		return precede(ids, rq.Current.Media.ID, rq.Mode, played), nil
	}
	return follow(ids, rq.Current.Media.ID, rq.Mode, true, played, randomInt), nil
}

// around reads the playlist a media lies in and the shuffle bag for it.
func around(ctx context.Context, tx *store.Tx, roomID string, cur *playback.Current) ([]string, bag, error) {
	m, err := tx.Media(ctx, roomID, cur.ID)
	if err != nil {
		return nil, bag{}, err
	}
	ids, err := tx.MediaIDs(ctx, roomID, m.PlaylistID)
	if err != nil {
		return nil, bag{}, err
	}
	p, err := tx.Playback(ctx, roomID)
	if err != nil {
		return nil, bag{}, err
	}
	return ids, parseBag(p.ModeState).in(m.PlaylistID, ids), nil
}

func selection(ctx context.Context, tx *store.Tx, roomID, mediaID string) (playback.Selection, error) {
	m, err := media(ctx, tx, roomID, mediaID)
	if err != nil {
		return playback.Selection{}, err
	}
	sel := playback.Selection{Media: current(m)}
	set, err := settingsOf(ctx, tx, roomID)
	if err != nil || !set.ResumePositions || m.Live {
		return sel, err
	}
	was, err := tx.Progress(ctx, roomID, itemKey(m.ID))
	if errors.Is(err, store.ErrNotFound) {
		return sel, nil
	}
	if err != nil {
		return sel, err
	}
	sel.Position = resume(was.Position, sel.Media.Duration, was.Duration)
	return sel, nil
}

// resume is where to go on in a media that was left at a position: at the
// start when it was as good as over.
func resume(position, duration float64, learned *float64) float64 {
	if duration == 0 && learned != nil {
		duration = *learned
	}
	if duration > 0 && (position >= 0.95*duration || duration-position < 60) {
		return 0
	}
	return position
}

// Next finds what follows when the current media has ended, or has been taken
// away: then the deletion has chosen already. False means that nothing follows.
func (b *Backing) Next(ctx context.Context, roomID string, after playback.State) (sel playback.Selection, ok bool, err error) {
	if after.Media == nil {
		return sel, false, nil
	}
	err = b.db.Read(ctx, func(tx *store.Tx) error {
		set, err := settingsOf(ctx, tx, roomID)
		if err != nil {
			return err
		}
		ids, played, err := around(ctx, tx, roomID, after.Media)
		var id string
		switch {
		case errors.Is(err, store.ErrNotFound):
			if id, err = chosen(ctx, tx, roomID, after.Media.ID); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			id = follow(ids, after.Media.ID, mode(set), false, played, randomInt)
		}
		if id == "" {
			return nil
		}
		ok = true
		if sel, err = selection(ctx, tx, roomID, id); err == nil && id == after.Media.ID {
			sel.Position = 0 // once more from the start
		}
		return err
	})
	if err != nil {
		return playback.Selection{}, false, fmt.Errorf("next in room %s: %w", roomID, err)
	}
	return sel, ok, nil
}

// chosen is what the deletion of the current media has put in its place.
func chosen(ctx context.Context, tx *store.Tx, roomID, gone string) (string, error) {
	p, err := tx.Playback(ctx, roomID)
	if err != nil || p.MediaID == nil || *p.MediaID == gone {
		return "", err
	}
	return *p.MediaID, nil
}

func randomInt(n int) int { return rand.IntN(n) }
