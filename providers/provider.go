// Package providers is where media come from: the contract every kind of
// source fulfils, the registry of configured instances, and the guard around
// each call.
//
// A provider turns a stored source (how to find something again) into play
// info (where it is right now). Nothing that expires and no secret is ever part
// of a source, and every outside byte is read through a bound with a name.
//
// Imported by app/library, app/site, app/api, providers/proxy and the provider
// sub-packages. Imports nothing of ours.
package providers

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Kind names a type of source; the API calls it "provider".
type Kind string

// The kinds of this release.
const (
	KindDirect Kind = "direct" // any http(s) URL
	KindLocal  Kind = "local"  // a folder of this machine
)

// Caps says what a provider can do beyond resolving.
type Caps uint32

// The capabilities; the optional interface each stands for is in its comment.
const (
	CapBrowse          Caps = 1 << iota // Browser
	CapSearch                           // Browser with a Query
	CapParse                            // Parser
	CapLive                             // play info may be live
	CapAccount                          // bindings
	CapAccountRequired                  // unusable without one
	CapProgress                         // wants to know where playback is
	CapDanmaku                          // comment streams
	CapInstances                        // may be configured more than once
	CapSubtitles                        // play info may carry subtitles
)

var capNames = []struct {
	bit  Caps
	name string
}{
	{CapParse, "parse"},
	{CapBrowse, "browse"},
	{CapSearch, "search"},
	{CapAccount, "login"},
	{CapLive, "live"},
	{CapDanmaku, "danmaku"},
	{CapSubtitles, "subtitles"},
}

// Has reports whether every capability of want is there.
func (c Caps) Has(want Caps) bool { return c&want == want }

// Names lists the capabilities a client may see, in a fixed order.
func (c Caps) Names() []string {
	names := make([]string, 0, len(capNames))
	for _, n := range capNames {
		if c.Has(n.bit) {
			names = append(names, n.name)
		}
	}
	return names
}

// Provider is one source of media. Implementations are safe for concurrent use.
type Provider interface {
	Kind() Kind
	Caps() Caps
	// Validate checks the shape of a source without any network and returns
	// it normalised. Its errors are *Error of class invalid.
	Validate(source json.RawMessage) (json.RawMessage, error)
	// Resolve finds out where the source is now.
	Resolve(ctx context.Context, rq ResolveRequest) (*PlayInfo, error)
}

// Parser understands what a user pasted.
type Parser interface {
	// Match scores the input without any network; 0 means "not mine".
	Match(input string) Score
	Parse(ctx context.Context, rq ParseRequest) (*ParseResult, error)
}

// Browser lists folders of a source.
type Browser interface {
	Browse(ctx context.Context, rq BrowseRequest) (*Page, error)
	// Next is the media after rq.After in its folder; ErrFailed of class
	// not_found at the end.
	Next(ctx context.Context, rq NextRequest) (*Item, error)
}

// Checker answers whether the source can be reached, cheaply.
type Checker interface {
	Health(ctx context.Context) error
}

// Opener gives the bytes of a file that lies on this server.
type Opener interface {
	Open(ctx context.Context, path string) (*File, error)
}

// Thumbnailer gives the picture an Item.Thumbnail names.
type Thumbnailer interface {
	Thumbnail(ctx context.Context, id string) (*File, error)
}

// Pictured names the thumbnail of a source without looking at it.
type Pictured interface {
	// Picture returns an id for Thumbnail, "" when there is none.
	Picture(source json.RawMessage) string
}

// Doer sends one HTTP request; the shipped one is the client of app/netguard.
type Doer interface {
	Do(rq *http.Request) (*http.Response, error)
}

// Score says how sure a Parser is.
type Score int

// The scores: a known host, a bare id with an unambiguous prefix, any URL.
const (
	ScoreNone  Score = 0
	ScoreAny   Score = 10
	ScoreID    Score = 90
	ScoreExact Score = 100
)

// Deps is what every constructor is given.
type Deps struct {
	HTTP    Doer                  // guarded, follows at most five redirects itself
	Log     *slog.Logger          // nil discards
	Metrics prometheus.Registerer // nil keeps no figures
	DataDir string                // of the server: no library may hold it or lie in it; "" skips that check
	// CheckURL refuses what can be seen to be forbidden without a dial, such
	// as a literal LAN address; nil accepts everything.
	CheckURL func(u *url.URL) error
}

// ResolveRequest asks where a source is now.
type ResolveRequest struct {
	Kind      Kind
	Instance  string // "" is the built-in one
	Source    json.RawMessage
	Headers   http.Header // of the media, for kinds that take any
	PublicURL string      // origin of the page that will play it, for CORS and mixed content
	Fresh     bool        // skip the cache
}

// ParseRequest is what a user pasted.
type ParseRequest struct {
	Input     string
	Instance  string
	Headers   http.Header
	PublicURL string
}

// ParseResult is what it may mean, best first.
type ParseResult struct {
	Candidates []Candidate
}

// Candidate is one media that could be added.
type Candidate struct {
	Provider  Kind
	Instance  string
	Name      string
	Source    json.RawMessage
	Live      bool
	Duration  float64 // seconds, 0 = unknown
	Container string
	Warnings  []Warning
}

// BrowseRequest asks for one page of a folder, or for matches below it.
type BrowseRequest struct {
	Instance string
	Target   json.RawMessage // nil is the top
	Cursor   string          // Page.Next of the page before
	Query    string          // search below Target
	Limit    int             // 0 = DefaultPage, at most MaxPage
}

// NextRequest asks what follows in a folder.
type NextRequest struct {
	Instance string
	Target   json.RawMessage // the folder
	After    json.RawMessage // target of the entry that ended
}

// Bounds of a page.
const (
	DefaultPage = 50
	MaxPage     = 200
)

// Page is a part of a folder.
type Page struct {
	Path  []Crumb // from the top to the folder itself
	Items []Item
	Next  string // "" at the end
}

// Crumb is one step of the path to a folder.
type Crumb struct {
	Name   string
	Target json.RawMessage
}

// The types of an Item.
const (
	ItemFolder = "folder"
	ItemMedia  = "media"
)

// Item is one entry of a folder.
type Item struct {
	Name       string
	Type       string // ItemFolder or ItemMedia
	Target     json.RawMessage
	Source     json.RawMessage // media only: what is stored when it is added
	Size       int64
	ModifiedAt time.Time
	Duration   float64 // seconds, 0 = unknown
	Container  string
	Thumbnail  string // for Registry.Thumbnail; "" = none
	Subtitles  int    // files found beside it
}

// File is an open file or picture of this server. The reader owns it and closes it.
type File struct {
	io.ReadSeekCloser
	Name    string // base name
	MIME    string // "" = by name
	Size    int64
	ModTime time.Time
}
