package proxy

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"synctv/providers"
)

// Bounds of a request to another server.
const (
	maxRedirects = 5
	ttfbMax      = 15 * time.Second
	idleMax      = 30 * time.Second
	userAgent    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)

var (
	errFirstByte = &providers.Error{Class: providers.ClassTimeout, Reason: "the source did not begin to answer"}
	errIdle      = &providers.Error{Class: providers.ClassTimeout, Reason: "the source stopped sending"}
)

// portable headers say how we ask, not who we are: they go along to other
// hosts, where hot-link checks want them; everything else stays with the host
// it was meant for.
var portable = map[string]bool{
	"Accept": true, "Accept-Language": true, "Origin": true, "Referer": true, "User-Agent": true,
}

// headerFor is what of h may go to target when it was meant for home.
func headerFor(h http.Header, home, target *url.URL) http.Header {
	same := home.Scheme == target.Scheme && strings.EqualFold(home.Host, target.Host)
	out := http.Header{}
	for name, values := range h {
		if c := http.CanonicalHeaderKey(name); same || portable[c] {
			out[c] = values
		}
	}
	return out
}

// get asks for the URL of the ticket and follows redirects by hand, because the
// standard library would carry headers of our making to the new host. extra
// holds Range and the like. The final URL is that of the answer.
func (p *Proxy) get(ctx context.Context, cancel context.CancelCauseFunc, t Ticket, extra http.Header) (*http.Response, *url.URL, error) {
	if p.http == nil {
		return nil, nil, &providers.Error{Class: providers.ClassUnavailable, Reason: "this server fetches nothing"}
	}
	timer := time.AfterFunc(ttfbMax, func() { cancel(errFirstByte) })
	defer timer.Stop()
	start := time.Now()
	home, err := url.Parse(t.URL)
	if err != nil {
		return nil, nil, providers.Invalid("not an address")
	}
	at, strange := home, false
	for range maxRedirects + 1 {
		rq, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, nil, providers.Invalid("not an address")
		}
		if at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.User != nil {
			return nil, nil, providers.Invalid("the source leads to an address that cannot be used")
		}
		rq.Header = headerFor(t.Header, home, at)
		if strange = strange || !sameOrigin(home, at); strange { // once away, secrets do not come back
			rq.Header = headerFor(t.Header, home, &url.URL{})
		}
		if rq.Header.Get("User-Agent") == "" {
			rq.Header.Set("User-Agent", userAgent)
		}
		if rq.Header.Get("Accept") == "" {
			rq.Header.Set("Accept", "*/*")
		}
		maps.Copy(rq.Header, extra)
		rq.Header.Set("Accept-Encoding", "identity")
		res, err := p.http.Do(rq)
		if err != nil {
			return nil, nil, cause(ctx, err)
		}
		final := at
		if res.Request != nil && res.Request.URL != nil {
			final = res.Request.URL
		}
		next := res.Header.Get("Location")
		if res.StatusCode < 300 || res.StatusCode > 399 || res.StatusCode == http.StatusNotModified || next == "" {
			p.figures.ttfb.Observe(time.Since(start).Seconds())
			return res, final, nil
		}
		res.Body.Close()
		if at, err = final.Parse(next); err != nil || len(next) > maxURL {
			return nil, nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source leads nowhere"}
		}
		at.Fragment = ""
	}
	return nil, nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source leads in circles"}
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// cause prefers what we cancelled for over what the client made of it.
func cause(ctx context.Context, err error) error {
	var e *providers.Error
	if c := context.Cause(ctx); c != nil && errors.As(c, &e) {
		return e
	}
	return providers.FromTransport(err)
}

// refused turns an answer without content into an error. A signed link that is
// over says so, whatever the other side calls it.
func refused(t Ticket, res *http.Response) error {
	e := providers.FromStatus(res.StatusCode, res.Header)
	switch res.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		if signed := urlExpired(t.URL); signed || res.StatusCode == http.StatusGone {
			e.Class, e.Reason = providers.ClassLinkExpired, "the link of the source is no longer valid"
		}
	}
	return e
}

// urlExpired reports whether the URL names an end that is over by now.
func urlExpired(raw string) bool {
	now := time.Now()
	end := providers.URLExpiry(raw, now.Add(-30*24*time.Hour))
	return !end.IsZero() && end.Before(now)
}

// whole reads a small document: a playlist or a subtitle.
func (p *Proxy) whole(ctx context.Context, cancel context.CancelCauseFunc, t Ticket, limit int64) ([]byte, *url.URL, error) {
	res, final, err := p.get(ctx, cancel, t, nil)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, nil, refused(t, res)
	}
	var body io.Reader = &idle{Reader: res.Body, timer: time.AfterFunc(idleMax, func() { cancel(errIdle) })}
	defer body.(*idle).timer.Stop()
	switch strings.ToLower(res.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip", "x-gzip": // although we asked for none
		if body, err = gzip.NewReader(body); err != nil {
			return nil, nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source sent broken data", Err: err}
		}
	default:
		return nil, nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source sent an unknown encoding"}
	}
	text, err := readAtMost(body, limit)
	if err != nil {
		return nil, nil, cause(ctx, err)
	}
	return text, final, nil
}

func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(text)) > limit {
		return nil, &providers.Error{Class: providers.ClassTooLarge, Reason: "the document is too large"}
	}
	return text, err
}

// idle is a reader whose timer goes off when one Read takes too long.
type idle struct {
	io.Reader
	timer *time.Timer
}

// Read implements io.Reader.
func (r *idle) Read(b []byte) (int, error) {
	r.timer.Reset(idleMax)
	n, err := r.Reader.Read(b)
	r.timer.Stop()
	return n, err
}
