package store

import (
	"context"
	"encoding/json"
)

// Setting is a site setting that is not at its default.
type Setting struct {
	Key       string
	Value     json.RawMessage
	UpdatedBy *string
	CreatedAt Millis
	UpdatedAt Millis
	Version   int64
}

var settings = newTable("settings", 1, "key value updated_by created_at updated_at version",
	func(s *Setting) []any {
		return []any{&s.Key, jsonText{&s.Value}, &s.UpdatedBy, &s.CreatedAt, &s.UpdatedAt, &s.Version}
	})

// Settings are all stored settings by key.
func (tx *Tx) Settings(ctx context.Context) ([]Setting, error) {
	return settings.list(ctx, tx, "ORDER BY key")
}

// PutSetting stores a value; its version grows by one. by is a user id, empty
// for the system.
func (tx *Tx) PutSetting(ctx context.Context, key string, val json.RawMessage, by string) error {
	_, err := tx.exec(ctx, `INSERT INTO settings (key, value, updated_by, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, 1)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by,
		updated_at = excluded.updated_at, version = settings.version + 1`, key, jsonText{&val}, orNull(by), tx.now, tx.now)
	return err
}

// DeleteSetting puts a setting back to its default. One that is there already
// is no error.
func (tx *Tx) DeleteSetting(ctx context.Context, key string) error {
	_, err := tx.exec(ctx, "DELETE FROM settings WHERE key = ?", key)
	return err
}

// orNull is NULL for the empty string.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
