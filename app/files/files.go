// Package files keeps the pictures that people upload: it checks and re-encodes
// them, stores each content once, and hands them out under signed addresses.
//
// No byte of an upload is ever served: what leaves was written by our own
// encoder. A file lives while something refers to it, and a day longer.
//
// Imported by app, app/api, app/account, app/room and app/library. Imports store only.
package files

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"synctv/store"
)

// Kind is what a picture is for.
type Kind string

// The kinds of pictures.
const (
	Avatar        Kind = "avatar"
	RoomCover     Kind = "room_cover"
	PlaylistCover Kind = "playlist_cover"
	MediaCover    Kind = "media_cover"
	ChatImage     Kind = "chat_image"
)

// limit of a kind: what may be sent, and what is kept of it.
type limit struct {
	bytes int64
	side  int // pixels of the longer side
}

var limits = map[Kind]limit{
	Avatar:        {5 << 20, 512},
	RoomCover:     {8 << 20, 1920},
	PlaylistCover: {8 << 20, 1920},
	MediaCover:    {8 << 20, 1920},
	ChatImage:     {5 << 20, 2048},
}

const (
	folder     = "files"
	orphanLife = 24 * time.Hour
	// decoders is one: a large picture takes 250 MB while it is read, and a small
	// board has no more than that for two.
	decoders = 1
	// waiting bounds those in line, each with its upload in memory; more are
	// told to come back.
	waiting = 8
)

// Config is what the service works with.
type Config struct {
	DB  *store.DB
	Dir string // the data folder; pictures go to <Dir>/files
	Key []byte // signs addresses, at least 32 bytes
	Log *slog.Logger
}

// Service keeps pictures. Safe for concurrent use.
type Service struct {
	db   *store.DB
	log  *slog.Logger
	key  []byte
	root *os.Root

	decode chan struct{} // decoders
	line   chan struct{} // decoders + waiting

	mu sync.Mutex // a row and its file appear and go together
}

// New opens the folder of pictures, and makes it when it is missing.
func New(c Config) (*Service, error) {
	if len(c.Key) < sha256.Size {
		return nil, errors.New("files: the signing key is too short")
	}
	dir := filepath.Join(c.Dir, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of pictures: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of pictures: %w", err)
	}
	return &Service{
		db: c.DB, log: c.Log.With("part", "files"), key: c.Key, root: root,
		decode: make(chan struct{}, decoders), line: make(chan struct{}, decoders+waiting),
	}, nil
}

// Close lets go of the folder.
func (s *Service) Close() error { return s.root.Close() }

// MaxBytes is how large an upload of a kind may be; 0 for an unknown kind.
func MaxBytes(kind Kind) int64 { return limits[kind].bytes }

// Add reads a picture and keeps it for owner. The file that it answers is an
// orphan until Swap refers to it. ErrTooLarge, ErrFormat and ErrBusy are the
// sender's to hear.
func (s *Service) Add(ctx context.Context, owner string, kind Kind, r io.Reader) (store.File, error) {
	limit, ok := limits[kind]
	if !ok {
		return store.File{}, fmt.Errorf("files: unknown kind %q", kind)
	}
	release, err := s.enter(ctx)
	if err != nil {
		return store.File{}, err
	}
	defer release()
	data, err := io.ReadAll(io.LimitReader(r, limit.bytes+1))
	if err != nil {
		return store.File{}, fmt.Errorf("read the picture: %w", err)
	}
	if int64(len(data)) > limit.bytes {
		return store.File{}, fmt.Errorf("%w: more than %d MiB", ErrTooLarge, limit.bytes>>20)
	}
	p, err := reencode(data, limit.side)
	if err != nil {
		return store.File{}, err
	}
	return s.keep(ctx, owner, kind, p)
}

// enter waits for a decoder. The line is short, and whoever does not fit into
// it hears ErrBusy.
func (s *Service) enter(ctx context.Context) (release func(), err error) {
	select {
	case s.line <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case s.decode <- struct{}{}:
		return func() { <-s.decode; <-s.line }, nil
	case <-ctx.Done():
		<-s.line
		return nil, context.Cause(ctx)
	}
}

// keep writes the file, then the row. The same picture of the same kind is
// kept once.
func (s *Service) keep(ctx context.Context, owner string, kind Kind, p picture) (store.File, error) {
	sum := sha256.Sum256(p.data)
	name := hex.EncodeToString(sum[:])
	where := path.Join(string(kind), name[:2], name+extension(p.mime))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(where, p.data); err != nil {
		return store.File{}, fmt.Errorf("keep the picture: %w", err)
	}
	var out store.File
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		there, err := tx.FileByHash(ctx, name, string(kind))
		switch {
		case err == nil && (there.RefCount > 0 || tx.Now().Time().Sub(there.CreatedAt.Time()) < orphanLife/2):
			out = there
			return nil
		case err == nil: // about to be swept: start its day anew
			if err := tx.DeleteFile(ctx, there.ID); err != nil {
				return err
			}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		row := store.File{
			ID: store.NewID(), Kind: string(kind), Mime: p.mime, Size: int64(len(p.data)), SHA256: name,
			Width: &p.width, Height: &p.height, StorageKey: where,
		}
		if owner != "" {
			row.OwnerID = &owner
		}
		if err := tx.AddFile(ctx, &row); err != nil {
			return err
		}
		out = row
		return nil
	})
	if err != nil {
		return store.File{}, fmt.Errorf("record the picture: %w", err)
	}
	return out, nil
}

func extension(mime string) string { return "." + strings.TrimPrefix(mime, "image/") }

// write puts the bytes under their name, whole or not at all.
func (s *Service) write(where string, data []byte) error {
	if info, err := s.root.Stat(where); err == nil && info.Size() == int64(len(data)) {
		return nil
	}
	if err := s.root.MkdirAll(path.Dir(where), 0o700); err != nil {
		return err
	}
	part := where + ".part"
	f, err := s.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = s.root.Rename(part, where)
	}
	if err != nil {
		return errors.Join(err, s.root.Remove(part))
	}
	return nil
}

// Swap moves a reference inside the transaction that stores it: next gains
// one, old loses one. Either may be nil; equal ones change nothing.
func Swap(ctx context.Context, tx *store.Tx, old, next *string) error {
	if old != nil && next != nil && *old == *next {
		return nil
	}
	if next != nil {
		if err := tx.RefFile(ctx, *next, 1); err != nil {
			return fmt.Errorf("refer to the picture: %w", err)
		}
	}
	if old != nil {
		if err := tx.RefFile(ctx, *old, -1); err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("let go of the picture: %w", err)
		}
	}
	return nil
}

// URL is the address of a file: known only to those whose answers contain it,
// because an <img> sends no token. nil stays nil.
func (s *Service) URL(id *string) *string {
	if id == nil {
		return nil
	}
	url := "/files/" + *id + "/" + s.sign(*id)
	return &url
}

func (s *Service) sign(id string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("file:" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Content is a picture ready to be sent, as our own encoder wrote it. Close its
// Body.
type Content struct {
	Header http.Header // type, caching, and what keeps browsers from guessing
	Body   io.ReadCloser
	Length int64
}

// Open answers what URL has signed; everything else is store.ErrNotFound.
func (s *Service) Open(ctx context.Context, id, signature string) (*Content, error) {
	if !store.ValidID(id) || !hmac.Equal([]byte(signature), []byte(s.sign(id))) {
		return nil, store.ErrNotFound
	}
	var row store.File
	err := s.db.Read(ctx, func(tx *store.Tx) (err error) {
		row, err = tx.File(ctx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up file %s: %w", id, err)
	}
	f, err := s.root.Open(row.StorageKey)
	if errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("a picture is recorded but its file is gone", slog.String("file", id))
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open file %s: %w", id, err)
	}
	h := http.Header{}
	h.Set("Content-Type", row.Mime)
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Disposition", `inline; filename="`+id+extension(row.Mime)+`"`)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	return &Content{Header: h, Body: f, Length: row.Size}, nil
}

// Purge removes up to limit pictures that nothing has referred to for a day,
// and says how many. Call it again while it answers limit.
func (s *Service) Purge(ctx context.Context, now time.Time, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone []store.File
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		if gone, err = tx.OrphanFiles(ctx, store.MillisOf(now.Add(-orphanLife)), limit); err != nil {
			return err
		}
		for _, f := range gone {
			if err := tx.DeleteFile(ctx, f.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("sweep pictures: %w", err)
	}
	for _, f := range gone {
		if err := s.root.Remove(f.StorageKey); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("a picture could not be deleted", slog.String("file", f.ID), slog.Any("err", err))
		}
	}
	return len(gone), nil
}
