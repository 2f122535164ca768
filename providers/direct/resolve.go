package direct

import (
	"context"
	"net/url"
	"strings"
	"time"

	"synctv/providers"
)

// Resolve implements providers.Provider.
func (p *Provider) Resolve(ctx context.Context, rq providers.ResolveRequest) (*providers.PlayInfo, error) {
	s, err := p.read(rq.Source)
	if err != nil {
		return nil, err
	}
	if err := providers.CheckHeaders(rq.Headers); err != nil {
		return nil, err
	}
	expires := time.Time{}
	if s.ExpiresAt > 0 {
		expires = time.Unix(s.ExpiresAt, 0)
		if time.Now().After(expires) {
			return nil, &providers.Error{Class: providers.ClassLinkExpired, Reason: "the link was only good until a time that is over"}
		}
	}
	f, err := p.look(ctx, rq, s)
	if err != nil {
		return nil, err
	}
	if expires.IsZero() {
		expires = providers.URLExpiry(s.URL, time.Now())
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, providers.Invalid("the address cannot be read")
	}
	need, reason := proxyNeed(rq, u, f)
	if f.container == "dash" && need == providers.ProxyRequired {
		return nil, &providers.Error{Class: providers.ClassUnsupported, Reason: "DASH can only be played from servers that allow it to any page"}
	}
	v := providers.Variant{
		ID: "main", Label: label(f), Container: f.container, MIME: providers.MIMEOf(f.container), Codecs: f.header.Codecs,
		Width: f.header.Width, Height: f.header.Height, Quality: f.header.Height, Proxy: need, Reason: reason, Expires: expires,
		URLs: []providers.Upstream{{URL: s.URL, Header: rq.Headers.Clone(), RangeOK: f.ranges, Size: f.size}},
	}
	info := &providers.PlayInfo{Title: title(u), Live: f.live, Duration: f.header.Duration, Expires: expires, Warnings: warnings(f, expires)}
	if f.hls != nil {
		info.Duration = f.hls.Duration
		v.Width, v.Height, v.Quality, v.Codecs = f.hls.Width, f.hls.Height, f.hls.Height, f.hls.Codecs
	}
	info.Variants = []providers.Variant{v}
	return info, nil
}

func label(f *probe) string {
	if f.hls != nil && f.hls.Master {
		return "Auto"
	}
	if f.header.Height > 0 {
		return quality(f.header.Width, f.header.Height)
	}
	return strings.ToUpper(f.container)
}

// quality names a picture as people do: by its height, for wide films by what
// their width stands for.
func quality(w, h int) string {
	for _, q := range []struct {
		w, h int
		name string
	}{{7680, 4320, "8K"}, {3840, 2160, "4K"}, {2560, 1440, "1440P"}, {1920, 1080, "1080P"}, {1280, 720, "720P"}, {854, 480, "480P"}} {
		if h >= q.h || w >= q.w {
			return q.name
		}
	}
	return "SD"
}

// proxyNeed says whether a browser can load it by itself: it cannot set
// headers, an https page may not load http media, and what a script loads
// (HLS, DASH, FLV, TS) needs the other server's consent.
func proxyNeed(rq providers.ResolveRequest, u *url.URL, f *probe) (providers.ProxyNeed, providers.ProxyReason) {
	switch {
	case len(rq.Headers) > 0:
		return providers.ProxyRequired, providers.ReasonCredentials
	case u.Scheme == "http" && strings.HasPrefix(rq.PublicURL, "https://"):
		return providers.ProxyRequired, providers.ReasonMixedContent
	}
	switch f.container {
	case "hls", "dash", "flv", "ts":
		if !f.cors {
			return providers.ProxyRequired, providers.ReasonCORS
		}
		return providers.ProxyOptional, ""
	}
	return providers.ProxyOptional, ""
}

func warnings(f *probe, expires time.Time) []providers.Warning {
	var out []providers.Warning
	add := func(code, message string) { out = append(out, providers.Warning{Code: code, Message: message}) }
	switch f.container {
	case "mkv":
		add(providers.WarnContainer, "Not every browser plays MKV files.")
	case "mov":
		add(providers.WarnContainer, "Not every browser plays MOV files.")
	}
	if f.hls == nil && f.container != "dash" && !f.live {
		if f.ranges == providers.No {
			add(providers.WarnNoRange, "The server does not allow jumping within the file.")
		}
		if f.header.IndexAtEnd {
			add(providers.WarnSlowStart, "The file keeps its index at the end and may start slowly.")
		}
	}
	if f.container == "dash" || !f.live && f.hls == nil && f.header.Duration == 0 {
		add(providers.WarnDuration, "The length is not known before it plays.")
	}
	if !expires.IsZero() {
		add(providers.WarnExpires, "This link only works for a limited time.")
	}
	return out
}
