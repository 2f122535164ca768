package store

import (
	"context"
	"encoding/json"

	"synctv/store/sqlgen"
)

// Playback is the last saved state of what a room watches. Between saves the
// truth is in the room's own goroutine.
type Playback struct {
	RoomID     string
	MediaID    *string
	PlaylistID *string
	Target     json.RawMessage // entry of a dynamic playlist
	TargetHash *string
	Playing    bool
	Position   float64 // seconds
	Rate       float64
	Duration   *float64
	Epoch      int64 // +1 each time a node loads the room; only NextEpoch changes it
	Generation int64
	ModeState  json.RawMessage // shuffle bag
	UpdatedBy  *string
	CreatedAt  Millis
	UpdatedAt  Millis // as of the room, not of the row
	Version    int64  // as of the room, not of the row
}

var playbacks = newTable("playback_state", 1, `room_id media_id playlist_id target target_hash playing position rate duration
	epoch generation mode_state updated_by created_at updated_at version`,
	func(p *Playback) []any {
		return []any{
			&p.RoomID, &p.MediaID, &p.PlaylistID,
			jsonText{&p.Target},
			&p.TargetHash, &p.Playing, &p.Position, &p.Rate, &p.Duration,
			&p.Epoch, &p.Generation,
			jsonText{&p.ModeState},
			&p.UpdatedBy, &p.CreatedAt, &p.UpdatedAt, &p.Version,
		}
	})

// Progress is how far a room got in one item, to resume there.
type Progress struct {
	RoomID     string
	ItemKey    string // 64 hex digits
	MediaID    *string
	PlaylistID *string
	Target     json.RawMessage
	Position   float64 // seconds
	Duration   *float64
	CreatedAt  Millis
	UpdatedAt  Millis
}

// keptProgress is how many items a room remembers.
const keptProgress = 500

var progress = newTable("playback_progress", 2, "room_id item_key media_id playlist_id target position duration created_at updated_at",
	func(p *Progress) []any {
		return []any{&p.RoomID, &p.ItemKey, &p.MediaID, &p.PlaylistID, jsonText{&p.Target}, &p.Position, &p.Duration, &p.CreatedAt, &p.UpdatedAt}
	})

// History is one item that a room played.
type History struct {
	ID             string
	RoomID         string
	ItemKey        string // 64 hex digits
	MediaID        *string
	PlaylistID     *string
	Target         json.RawMessage
	Name           string
	SelectedBy     *string
	StartedAt      Millis
	StopPosition   float64 // seconds
	WatchedSeconds float64
	PeakViewers    int64
	CreatedAt      Millis
}

var histories = newTable("playback_history", 1, `id room_id item_key media_id playlist_id target name selected_by started_at
	stop_position watched_seconds peak_viewers created_at`,
	func(h *History) []any {
		return []any{
			&h.ID, &h.RoomID, &h.ItemKey, &h.MediaID, &h.PlaylistID,
			jsonText{&h.Target},
			&h.Name, &h.SelectedBy, &h.StartedAt,
			&h.StopPosition, &h.WatchedSeconds, &h.PeakViewers, &h.CreatedAt,
		}
	})

var historyOrder = sqlgen.Sort{Keys: []sqlgen.Key{{Expr: "playback_history.started_at"}, {Expr: "playback_history.id", Text: true}}, Desc: true}

// AddPlayback stores the first state of a room. Zero Rate and Generation
// become 1.
func (tx *Tx) AddPlayback(ctx context.Context, p *Playback) error {
	if p.Rate == 0 {
		p.Rate = 1
	}
	if p.Generation == 0 {
		p.Generation = 1
	}
	return playbacks.add(ctx, tx, p)
}

// Playback is the saved state of a room.
func (tx *Tx) Playback(ctx context.Context, roomID string) (Playback, error) {
	return playbacks.one(ctx, tx, "WHERE room_id = ?", roomID)
}

// SavePlayback writes the state of a room as it is, but for the epoch. It
// compares no version: the room's goroutine is the only one that calls it.
func (tx *Tx) SavePlayback(ctx context.Context, p *Playback) error {
	return tx.execOne(ctx, `UPDATE playback_state SET media_id = ?, playlist_id = ?, target = ?, target_hash = ?, playing = ?, position = ?,
		rate = ?, duration = ?, generation = ?, mode_state = ?, updated_by = ?, updated_at = ?, version = ? WHERE room_id = ?`,
		p.MediaID, p.PlaylistID, jsonText{&p.Target}, p.TargetHash, p.Playing, p.Position,
		p.Rate, p.Duration, p.Generation, jsonText{&p.ModeState}, p.UpdatedBy, p.UpdatedAt, p.Version, p.RoomID)
}

// NextEpoch counts one more loading of the room and returns its number.
func (tx *Tx) NextEpoch(ctx context.Context, roomID string) (int64, error) {
	if !tx.writable {
		return 0, errReadTx
	}
	return value[int64](ctx, tx, "UPDATE playback_state SET epoch = epoch + 1 WHERE room_id = ? RETURNING epoch", roomID)
}

// Progress is how far a room got in an item.
func (tx *Tx) Progress(ctx context.Context, roomID, itemKey string) (Progress, error) {
	return progress.one(ctx, tx, "WHERE room_id = ? AND item_key = ?", roomID, itemKey)
}

// PutProgress stores how far a room got in an item and forgets the oldest
// items beyond 500.
func (tx *Tx) PutProgress(ctx context.Context, p *Progress) error {
	if err := progress.put(ctx, tx, p); err != nil {
		return err
	}
	_, err := tx.exec(ctx, `DELETE FROM playback_progress WHERE room_id = ? AND item_key IN (
		SELECT item_key FROM playback_progress WHERE room_id = ? ORDER BY updated_at DESC, item_key LIMIT 100 OFFSET ?)`, p.RoomID, p.RoomID, keptProgress)
	return err
}

// AddHistory stores a played item. Zero StartedAt becomes now.
func (tx *Tx) AddHistory(ctx context.Context, h *History) error {
	if h.StartedAt == 0 {
		h.StartedAt = tx.now
	}
	return histories.add(ctx, tx, h)
}

// UpdateHistory writes a played item back.
func (tx *Tx) UpdateHistory(ctx context.Context, h *History) error {
	return histories.save(ctx, tx, h)
}

// Histories lists what a room played, the latest first. next continues the
// list and is empty at its end.
func (tx *Tx) Histories(ctx context.Context, roomID, cursor string, limit int) (list []History, next string, err error) {
	q := newPage(historyOrder, cursor, limit, "history", roomID)
	q.where("playback_history.room_id = ?", roomID)
	return page(ctx, tx, histories, q, func(h History) []any { return []any{int64(h.StartedAt), h.ID} })
}
