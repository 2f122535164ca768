package store

import "context"

// File is an image or subtitle that somebody uploaded. Equal content of one
// kind is kept once.
type File struct {
	ID         string
	OwnerID    *string
	Kind       string // avatar, room_cover, playlist_cover, media_cover, subtitle, chat_image
	Mime       string
	Size       int64
	SHA256     string // 64 hex digits
	Width      *int64
	Height     *int64
	StorageKey string
	RefCount   int64
	CreatedAt  Millis
}

var files = newTable("files", 1, "id owner_id kind mime size sha256 width height storage_key ref_count created_at",
	func(f *File) []any {
		return []any{&f.ID, &f.OwnerID, &f.Kind, &f.Mime, &f.Size, &f.SHA256, &f.Width, &f.Height, &f.StorageKey, &f.RefCount, &f.CreatedAt}
	})

// AddFile stores a new file. The same content twice is a ConflictError with
// the key "files.sha256,files.kind".
func (tx *Tx) AddFile(ctx context.Context, f *File) error {
	return files.add(ctx, tx, f)
}

// File is the file with this id.
func (tx *Tx) File(ctx context.Context, id string) (File, error) {
	return files.one(ctx, tx, "WHERE id = ?", id)
}

// FileByHash is the file with this content and kind.
func (tx *Tx) FileByHash(ctx context.Context, sha256, kind string) (File, error) {
	return files.one(ctx, tx, "WHERE sha256 = ? AND kind = ?", sha256, kind)
}

// RefFile counts references up or down.
func (tx *Tx) RefFile(ctx context.Context, id string, delta int) error {
	return tx.execOne(ctx, "UPDATE files SET ref_count = ref_count + ? WHERE id = ?", delta, id)
}

// OrphanFiles are files without a reference that were made before a time, the
// oldest first.
func (tx *Tx) OrphanFiles(ctx context.Context, before Millis, limit int) ([]File, error) {
	return files.list(ctx, tx, "WHERE ref_count = 0 AND created_at < ? ORDER BY created_at, id LIMIT ?", before, limit)
}

// DeleteFile removes a file without a reference. One that is referred to again
// is ErrNotFound.
func (tx *Tx) DeleteFile(ctx context.Context, id string) error {
	return tx.execOne(ctx, "DELETE FROM files WHERE id = ? AND ref_count = 0", id)
}
