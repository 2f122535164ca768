// Package library holds the rules of what a room can watch: playlists, media,
// play info, browsing sources, and the durable side of playback.
//
// The rule that keeps it whole: what an edit does is decided by pure functions
// (place, permute, rearrange, follow); a service method only checks rights,
// reads, calls one of them and writes, in one transaction.
//
// Imported by app and app/api. Imports store, store/perm, app/{auth,room,
// settings,text}, realtime/{protocol,playback}, providers, providers/proxy.
package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/app/settings"
	"synctv/providers"
	"synctv/providers/proxy"
	"synctv/realtime/protocol"
	"synctv/store"
)

// Live is what the library needs of a room that is awake: to hear that media
// have gone which it may be watching.
type Live interface {
	room.Publisher
	MediaRemoved(ctx context.Context, roomID string, ids []string)
}

// Sealer keeps request headers of media secret at rest. *auth.Master is one.
type Sealer interface {
	Seal(purpose, place string, secret []byte) []byte
	Open(purpose, place string, sealed []byte) ([]byte, error)
}

// Config is what the service is made of.
type Config struct {
	DB       *store.DB
	Rooms    *room.Service
	Settings *settings.Service
	Registry *providers.Registry
	Proxy    *proxy.Proxy
	Live     Live
	Sealer   Sealer
	Log      *slog.Logger
}

// Service holds the rules of libraries. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	rooms    *room.Service
	settings *settings.Service
	registry *providers.Registry
	proxy    *proxy.Proxy
	live     Live
	sealer   Sealer
	log      *slog.Logger
}

// NewService makes the service.
func NewService(c Config) *Service {
	return &Service{
		db: c.DB, rooms: c.Rooms, settings: c.Settings, registry: c.Registry, proxy: c.Proxy,
		live: c.Live, sealer: c.Sealer, log: c.Log.With("part", "library"),
	}
}

// Refusals of this package; those of rooms are in app/room.
var (
	ErrInUse   = errors.New("the media is playing now")
	ErrDynamic = errors.New("a dynamic playlist holds no media")
	ErrMissing = errors.New("ids are not there") // every *MissingError
)

// MissingError lists the ids that are not there.
type MissingError struct{ Fields []room.Field }

func (e *MissingError) Error() string { return fmt.Sprintf("%d ids are not there", len(e.Fields)) }

// Is makes errors.Is(err, store.ErrNotFound) true, and so for ErrMissing.
func (e *MissingError) Is(target error) bool {
	return target == store.ErrNotFound || target == ErrMissing
}

// maxListed bounds the ids in an event and in an audit row.
const maxListed = 100

// announce tells the room that media of a playlist have changed.
func (s *Service) announce(ctx context.Context, roomID string, list store.Playlist, op string, who auth.Actor, ids []string) {
	data := protocol.LibraryChanged{PlaylistID: list.ID, Version: list.Version, Op: op, IDs: ids, Actor: who.ID}
	if len(ids) > maxListed {
		data.IDs, data.Reload = []string{}, true
	}
	room.Announce(ctx, s.live, s.log, roomID, protocol.Event{Type: protocol.TypeLibraryChanged, Data: data, Need: viewPlaylist})
}

// firstIDs is what an audit row names of a batch.
func firstIDs(ids []string) []string { return ids[:min(len(ids), maxListed)] }
