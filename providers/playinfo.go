package providers

import (
	"net/http"
	"slices"
	"time"
)

// PlayInfo is where a media is right now. It is held in caches only and never
// leaves the server as it is: the API swaps each Upstream for a URL.
type PlayInfo struct {
	Title     string
	Poster    string // URL a browser may load
	Thumbnail string // or an id for Registry.Thumbnail
	Duration  time.Duration
	Live      bool
	Variants  []Variant
	Default   int // index into Variants
	Subs      []Subtitle
	Expires   time.Time // the earliest of everything inside; zero = never
	Warnings  []Warning
}

// Variant is one way to play it.
type Variant struct {
	ID        string // stable between refreshes
	Label     string
	Container string // mp4, mkv, webm, hls, dash, flv, ts, mp3, ...
	MIME      string
	Codecs    string // RFC 6381, "" = unknown
	Quality   int
	Width     int
	Height    int
	Bitrate   int
	URLs      []Upstream // the first one, then what to try when it fails
	Proxy     ProxyNeed
	Reason    ProxyReason
	Expires   time.Time
}

// ProxyNeed says whether a browser can reach the variant by itself.
type ProxyNeed uint8

// The needs.
const (
	ProxyNever    ProxyNeed = iota // direct is always right
	ProxyOptional                  // direct, through us when that fails
	ProxyRequired                  // only through us
)

// ProxyReason says why.
type ProxyReason string

// The reasons.
const (
	ReasonCredentials  ProxyReason = "credentials"
	ReasonReferer      ProxyReason = "referer"
	ReasonCORS         ProxyReason = "cors"
	ReasonMixedContent ProxyReason = "mixed_content"
	ReasonSigned       ProxyReason = "signed"
	ReasonServerFile   ProxyReason = "server_file"
	ReasonUserChoice   ProxyReason = "user_choice"
)

// Tri is yes, no or not known.
type Tri uint8

// The three values of Tri.
const (
	Unknown Tri = iota
	Yes
	No
)

// Upstream is one address of the bytes: a URL with the headers it needs, or a
// file of an instance.
type Upstream struct {
	URL      string
	Header   http.Header
	Instance string // with Path: a file of this server
	Path     string
	RangeOK  Tri
	Size     int64 // 0 = unknown
}

// Subtitle is one subtitle track beside the media.
type Subtitle struct {
	ID      string
	Label   string
	Lang    string // BCP 47, "" = unknown
	Format  string // vtt, srt, ass, ssa
	Up      Upstream
	Default bool
	Forced  bool
	SDH     bool // also describes sounds
}

// Warning is something the user should know although it works.
type Warning struct {
	Code    string
	Message string
}

// The warning codes of this release.
const (
	WarnContainer = "container_support" // not every browser plays it
	WarnNoRange   = "no_range"          // cannot be seeked far
	WarnSlowStart = "slow_start"        // the index lies at the end of the file
	WarnDuration  = "unknown_duration"
	WarnExpires   = "link_expires"
)

// clone lets every caller of a cached result change its own copy.
func (p *PlayInfo) clone() *PlayInfo {
	c := *p
	c.Variants = slices.Clone(p.Variants)
	for i := range c.Variants {
		c.Variants[i].URLs = slices.Clone(c.Variants[i].URLs)
		for j := range c.Variants[i].URLs {
			c.Variants[i].URLs[j].Header = c.Variants[i].URLs[j].Header.Clone()
		}
	}
	c.Subs = slices.Clone(p.Subs)
	for i := range c.Subs {
		c.Subs[i].Up.Header = c.Subs[i].Up.Header.Clone()
	}
	c.Warnings = slices.Clone(p.Warnings)
	return &c
}
