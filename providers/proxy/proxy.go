// Package proxy fetches media on behalf of a viewer: bytes with ranges, HLS
// playlists with every address replaced by a sealed ticket, subtitles as
// WebVTT, files of local libraries.
//
// It serves only what a ticket of its own names, never a URL from a request;
// what it answers is built from an allow-list of headers and a forced media
// type, so that no other server's page can run on our origin. The length of
// everything it reads into memory has a named bound.
//
// Imported by app/library and app/api.
package proxy

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"synctv/providers"
)

// FileOpener opens the files that tickets of kind file name; *providers.Registry is one.
type FileOpener interface {
	OpenFile(ctx context.Context, instance, path string) (*providers.File, error)
}

// Config is what New needs.
type Config struct {
	Key     []byte         // 32 bytes, derived from the master key for this purpose alone
	OldKeys [][]byte       // still accepted after a rotation
	HTTP    providers.Doer // guarded; redirects it does not follow are followed here
	Files   FileOpener     // nil = no local files; may also be a providers.Thumbnailer by instance
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Request is what the viewer's browser asked for.
type Request struct {
	Method      string // GET or HEAD
	Range       string
	IfRange     string
	IfNoneMatch string
	// Name is the rest of the path behind the ticket. It is decoration, except
	// in the directory of a playlist, where a name that begins with "~" picks
	// the file.
	Name string
}

// Response is what to send. The receiver closes Body, also after HEAD.
type Response struct {
	Status int
	Header http.Header // complete, but for Content-Length
	Body   io.ReadCloser
	Length int64 // of the body, -1 = unknown; for HEAD what GET would send
}

// Proxy answers tickets. Safe for concurrent use.
type Proxy struct {
	sealers   []*sealer // the first one signs
	headers   *headerSets
	http      providers.Doer
	files     FileOpener
	log       *slog.Logger
	figures   *figures
	seats     *seats
	playlists *providers.Cache[*playlist]
}

// New returns a proxy. A key that has not 32 bytes is a mistake of the program
// and panics.
func New(cfg Config) *Proxy {
	p := &Proxy{
		headers: newHeaderSets(), http: cfg.HTTP, files: cfg.Files, log: cfg.Log,
		figures: newFigures(cfg.Metrics), seats: newSeats(),
		playlists: providers.NewCache[*playlist](providers.CacheConfig{Entries: maxPlaylists, Log: cfg.Log}),
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	for _, key := range append([][]byte{cfg.Key}, cfg.OldKeys...) {
		s, err := newSealer(key)
		if err != nil {
			panic(err)
		}
		p.sealers = append(p.sealers, s)
	}
	return p
}

// Close waits for what is still being loaded.
func (p *Proxy) Close() { p.playlists.Close() }

// Fetch answers a request for what the ticket names. ctx bounds the whole
// stream: it must not end when the handler returns. Errors are *providers.Error.
// A class not_found or link_expired means that the page should ask for play info again.
func (p *Proxy) Fetch(ctx context.Context, t Ticket, rq Request) (*Response, error) {
	return p.fetch(ctx, t, rq)
}

// Lifetime is the longest a ticket may live.
const Lifetime = 6 * time.Hour
