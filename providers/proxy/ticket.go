package proxy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"synctv/providers"
)

// The kinds of a ticket.
const (
	KindURL       = "url"       // bytes of another server
	KindFile      = "file"      // bytes of a local library
	KindManifest  = "manifest"  // an HLS playlist, remote or local
	KindSubtitle  = "subtitle"  // a subtitle, remote or local, converted to Format
	KindThumbnail = "thumbnail" // a picture of a local library
	kindDir       = "dir"       // any plain name below a directory of a playlist
)

// Ticket is the right to fetch one thing: who, for which media of which room,
// and exactly what. A Ticket that came out of Open has not expired.
type Ticket struct {
	Room, Media, User string
	Kind              string
	URL               string
	Header            http.Header // what the source needs; sealed like everything else
	Instance, Path    string      // instead of URL: a file of a local library
	Format            string      // container of the bytes, or wanted format of a subtitle
	Expires           time.Time

	depth uint8 // how many playlists led here
}

// For fills in what an upstream and a container say; who and until when stays
// with the caller.
func For(up providers.Upstream, container string) Ticket {
	t := Ticket{URL: up.URL, Header: up.Header, Instance: up.Instance, Path: up.Path, Format: container, Kind: KindURL}
	switch {
	case container == "hls":
		t.Kind = KindManifest
	case up.Path != "":
		t.Kind = KindFile
	}
	return t
}

// ForSubtitle is For of a subtitle track; format is "vtt", or "ass" to get it as it is.
func ForSubtitle(s providers.Subtitle, format string) Ticket {
	t := For(s.Up, format)
	t.Kind = KindSubtitle
	return t
}

// Name is a decoration for the path behind a ticket that tells players the type.
func (t Ticket) Name() string {
	switch t.Kind {
	case KindManifest:
		return "index.m3u8"
	case KindThumbnail:
		return "thumb"
	}
	if ext := extensions[t.Format]; ext != "" {
		return "media." + ext
	}
	return "media"
}

// Path is "/media/{ticket}/{name}".
func (p *Proxy) Path(t Ticket) string { return "/media/" + p.Sign(t) + "/" + t.Name() }

var extensions = map[string]string{
	"mp4": "mp4", "mov": "mov", "mkv": "mkv", "webm": "webm", "flv": "flv", "ts": "ts", "mp3": "mp3", "aac": "aac",
	"m4a": "m4a", "ogg": "ogg", "flac": "flac", "wav": "wav", "vtt": "vtt", "ass": "ass", "ssa": "ssa", "srt": "srt",
	"dash": "mpd",
}

// Bounds of a ticket.
const (
	ticketVersion   = 1
	maxTicketChars  = 16 << 10 // what Open looks at
	maxInlineHeader = 1 << 10  // larger header sets are kept here and named
	maxURL          = 8 << 10
	nonceBytes      = 12
	clockSkew       = 60 * time.Second
)

var (
	ticketText = base64.RawURLEncoding.Strict() // one spelling per ticket
	errTicket  = errors.New("not a ticket of this server")
)

// sealer seals under one key. The nonce is a MAC of the content: the same
// ticket has the same text every time, so a playlist that is fetched again
// names its segments as before, and two contents share a nonce only by a
// collision of 96 bits.
type sealer struct {
	aead cipher.AEAD
	mac  []byte
}

func newSealer(key []byte) (*sealer, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("media ticket key has %d bytes, want 32", len(key))
	}
	sub := func(use string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte("synctv media ticket " + use))
		return m.Sum(nil)
	}
	block, err := aes.NewCipher(sub("seal"))
	if err != nil {
		return nil, fmt.Errorf("media ticket cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("media ticket cipher: %w", err)
	}
	return &sealer{aead: aead, mac: sub("nonce")}, nil
}

func (s *sealer) seal(plain []byte) string {
	m := hmac.New(sha256.New, s.mac)
	m.Write(plain)
	nonce := m.Sum(nil)[:nonceBytes]
	out := append([]byte{ticketVersion}, nonce...)
	return ticketText.EncodeToString(s.aead.Seal(out, nonce, plain, out[:1]))
}

func (s *sealer) open(text string) ([]byte, error) {
	if len(text) > maxTicketChars {
		return nil, errTicket
	}
	raw, err := ticketText.DecodeString(text)
	if err != nil || len(raw) < 1+nonceBytes || raw[0] != ticketVersion {
		return nil, errTicket
	}
	plain, err := s.aead.Open(nil, raw[1:1+nonceBytes], raw[1+nonceBytes:], raw[:1])
	if err != nil {
		return nil, errTicket
	}
	return plain, nil
}

// Sign seals the ticket. An expiry that is missing or too far off becomes Lifetime.
func (p *Proxy) Sign(t Ticket) string {
	if latest := time.Now().Add(Lifetime); t.Expires.IsZero() || t.Expires.After(latest) {
		t.Expires = latest
	}
	return p.sealers[0].seal(p.marshal(t))
}

// Open reads a ticket. Class forbidden: not ours or altered; link_expired: its
// time is over, or the server no longer has the headers it needs.
func (p *Proxy) Open(text string) (Ticket, error) {
	var plain []byte
	err := errTicket
	for _, s := range p.sealers {
		if plain, err = s.open(text); err == nil {
			break
		}
	}
	if err != nil {
		return Ticket{}, &providers.Error{Class: providers.ClassForbidden, Op: "ticket", Err: err}
	}
	t, err := p.unmarshal(plain)
	if err != nil {
		return Ticket{}, err
	}
	if time.Now().After(t.Expires.Add(clockSkew)) {
		return Ticket{}, expired("the link is no longer valid")
	}
	return t, nil
}

func expired(reason string) *providers.Error {
	return &providers.Error{Class: providers.ClassLinkExpired, Op: "ticket", Reason: reason}
}

// marshal writes the fields one after the other, each with its length.
func (p *Proxy) marshal(t Ticket) []byte {
	b := binary.AppendVarint(nil, t.Expires.Unix())
	b = append(b, t.depth)
	for _, s := range []string{t.Kind, t.Room, t.Media, t.User, t.URL, t.Instance, t.Path, t.Format} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	head := marshalHeader(t.Header)
	if len(head) > maxInlineHeader {
		return append(append(b, 1), p.headers.keep(head, t.Header)...)
	}
	return append(append(b, 0), head...)
}

func marshalHeader(h http.Header) []byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			for _, s := range []string{name, v} {
				b = binary.AppendUvarint(b, uint64(len(s)))
				b = append(b, s...)
			}
		}
	}
	return b
}

func (p *Proxy) unmarshal(b []byte) (Ticket, error) {
	bad := &providers.Error{Class: providers.ClassForbidden, Op: "ticket", Err: errTicket}
	sec, n := binary.Varint(b)
	if n <= 0 || len(b) < n+1 {
		return Ticket{}, bad
	}
	t := Ticket{Expires: time.Unix(sec, 0), depth: b[n]}
	b = b[n+1:]
	var ok bool
	for _, f := range []*string{&t.Kind, &t.Room, &t.Media, &t.User, &t.URL, &t.Instance, &t.Path, &t.Format} {
		if *f, b, ok = takeString(b); !ok {
			return Ticket{}, bad
		}
	}
	if len(b) == 0 {
		return Ticket{}, bad
	}
	held, b := b[0] == 1, b[1:]
	if held {
		if t.Header, ok = p.headers.find(b); !ok {
			return Ticket{}, expired("the server was restarted")
		}
		return t, nil
	}
	for len(b) > 0 {
		var name, value string
		if name, b, ok = takeString(b); !ok {
			return Ticket{}, bad
		}
		if value, b, ok = takeString(b); !ok {
			return Ticket{}, bad
		}
		if t.Header == nil {
			t.Header = http.Header{}
		}
		t.Header[name] = append(t.Header[name], value)
	}
	return t, nil
}

func takeString(b []byte) (string, []byte, bool) {
	l, n := binary.Uvarint(b)
	if n <= 0 || l > uint64(len(b)-n) {
		return "", nil, false
	}
	return string(b[n : n+int(l)]), b[n+int(l):], true
}

// child is a ticket for something a playlist names: same viewer, same media,
// same end.
func (t Ticket) child(kind, target string) Ticket {
	c := t
	c.Kind, c.Format = kind, ""
	if t.Path != "" {
		c.Path = target
	} else {
		c.URL = target
	}
	if kind == KindManifest {
		c.depth++
	}
	return c
}

// plainName is what may follow the directory of a playlist: nothing that any
// decoder reads as something else.
func plainName(s string) bool {
	if s == "" || len(s) > 255 || s[0] == '.' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.", c) >= 0) {
			return false
		}
	}
	return true
}

// inDir is the ticket for a plain name beside the playlist t, or below the directory t.
func (t Ticket) inDir(name string) (Ticket, error) {
	if !plainName(name) {
		return Ticket{}, providers.Invalid("not a name of this playlist")
	}
	if t.Path != "" {
		return t.child(KindFile, path.Join(path.Dir(t.Path), name)), nil
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return Ticket{}, providers.Invalid("not an address")
	}
	return t.child(KindURL, u.ResolveReference(&url.URL{Path: name}).String()), nil
}
