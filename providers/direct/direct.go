// Package direct plays any http or https URL.
//
// What a URL is gets decided by looking at its first bytes, never by trusting
// its name alone, and within two requests of bounded size.
//
// Imported by app. Imports providers.
package direct

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	"synctv/providers"
)

// Provider resolves URLs. Safe for concurrent use; Close ends its cache.
type Provider struct {
	http     providers.Doer
	checkURL func(*url.URL) error
	probes   *providers.Cache[*probe]
}

// Source is what is stored of a direct media.
type Source struct {
	V         int    `json:"v,omitempty"`
	URL       string `json:"url"`
	Format    string `json:"format,omitempty"`     // a container, when the user knows better
	ExpiresAt int64  `json:"expires_at,omitempty"` // Unix seconds
}

// Bounds of a source.
const (
	maxURL    = 4096
	maxSource = 16 << 10
	keepInfo  = time.Hour
)

// Factory makes the one built-in instance.
func Factory() providers.Factory {
	return providers.Factory{Kind: providers.KindDirect, BuiltIn: true, Keep: keepInfo, New: New}
}

// New returns the provider.
func New(d providers.Deps, _ providers.InstanceConfig) (providers.Provider, error) {
	if d.HTTP == nil {
		return nil, errors.New("direct needs an HTTP client")
	}
	return &Provider{
		http: d.HTTP, checkURL: d.CheckURL,
		probes: providers.NewCache[*probe](providers.CacheConfig{Entries: 1024, Log: d.Log}),
	}, nil
}

var (
	_ providers.Provider = (*Provider)(nil)
	_ providers.Parser   = (*Provider)(nil)
)

// Kind implements providers.Provider.
func (p *Provider) Kind() providers.Kind { return providers.KindDirect }

// Caps implements providers.Provider.
func (p *Provider) Caps() providers.Caps { return providers.CapParse | providers.CapLive }

// Close waits for the probes under way.
func (p *Provider) Close() error {
	p.probes.Close()
	return nil
}

// Validate implements providers.Provider.
func (p *Provider) Validate(source json.RawMessage) (json.RawMessage, error) {
	s, err := p.read(source)
	if err != nil {
		return nil, err
	}
	s.V = 1
	out, err := json.Marshal(s)
	if err != nil {
		return nil, providers.Invalid("the source cannot be stored")
	}
	return out, nil
}

func (p *Provider) read(source json.RawMessage) (s Source, err error) {
	if len(source) > maxSource {
		return s, providers.Invalid("the source is too large")
	}
	dec := json.NewDecoder(bytes.NewReader(source))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, providers.Invalid(`the source wants {"url": …}`)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return s, providers.Invalid("the source holds more than one value")
	}
	if s.V > 1 {
		return s, &providers.Error{Class: providers.ClassUnsupported, Reason: "the source was stored by a newer server"}
	}
	u, err := p.address(s.URL)
	if err != nil {
		return s, err
	}
	s.URL = u.String()
	if s.Format != "" && !providers.IsContainer(s.Format) {
		return s, providers.Invalid("unknown format")
	}
	return s, nil
}

// address reads a URL as a user may give it.
func (p *Provider) address(raw string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" || len(raw) > maxURL || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, providers.Invalid("the address is empty, too long or holds blanks")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, providers.Invalid("the address cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, providers.Invalid("only http and https addresses can be played directly")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, providers.Invalid("the address names no server")
	case u.User != nil:
		return nil, providers.Invalid("the address holds a user name or password; use a header instead")
	}
	u.Fragment, u.RawFragment = "", ""
	if p.checkURL != nil {
		if err := p.checkURL(u); err != nil {
			return nil, providers.FromTransport(err)
		}
	}
	return u, nil
}

// Match implements providers.Parser: any web address may be one.
func (p *Provider) Match(input string) providers.Score {
	u, err := url.Parse(strings.TrimSpace(input))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return providers.ScoreNone
	}
	return providers.ScoreAny
}

// Parse implements providers.Parser: it looks at what is there.
func (p *Provider) Parse(ctx context.Context, rq providers.ParseRequest) (*providers.ParseResult, error) {
	u, err := p.address(rq.Input)
	if err != nil {
		return nil, err
	}
	source, err := json.Marshal(Source{V: 1, URL: u.String()})
	if err != nil {
		return nil, providers.Invalid("the address cannot be stored")
	}
	info, err := p.Resolve(ctx, providers.ResolveRequest{Source: source, Headers: rq.Headers, PublicURL: rq.PublicURL})
	if err != nil {
		return nil, err
	}
	return &providers.ParseResult{Candidates: []providers.Candidate{{
		Provider: providers.KindDirect, Name: info.Title, Source: source, Live: info.Live,
		Duration: info.Duration.Seconds(), Container: info.Variants[0].Container, Warnings: info.Warnings,
	}}}, nil
}

// title is the last part of the path that says something, else the host.
func title(u *url.URL) string {
	name := path.Base(u.Path)
	if stem := strings.TrimSuffix(name, path.Ext(name)); stem != "" && stem != "." && stem != "/" {
		if strings.EqualFold(stem, "index") || strings.EqualFold(stem, "playlist") || strings.EqualFold(stem, "master") {
			if dir := path.Base(path.Dir(u.Path)); dir != "." && dir != "/" {
				return clip(dir)
			}
		}
		return clip(stem)
	}
	return u.Hostname()
}

// clip keeps a name within what a media may be called.
func clip(s string) string {
	r := []rune(strings.ToValidUTF8(providers.CleanMessage(s), ""))
	return string(r[:min(len(r), 500)])
}
