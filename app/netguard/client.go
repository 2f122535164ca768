package netguard

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of the HTTP client.
const (
	MaxRedirects        = 5
	maxResponseHeader   = 64 << 10
	responseHeaderAfter = 15 * time.Second // to the first byte, as the media proxy asks
	idlePerHost         = 8
	maxPerHost          = 64
)

// ErrRedirects matches a chain of more than MaxRedirects.
var ErrRedirects = errors.New("too many redirects")

// Client is an HTTP client whose every hop passes the dialer. It follows at
// most MaxRedirects, to http and https alone, and sends no header of the caller
// to another host, port or scheme but those that carry no secret. It reads no
// proxy from the environment. The caller bounds the body and the time.
func Client(policy func() Policy) *http.Client {
	return &http.Client{Transport: Transport(NewDialer(policy)), CheckRedirect: follow}
}

// PlainClient is Client without redirects: the answer is given as it came.
func PlainClient(policy func() Policy) *http.Client {
	return &http.Client{
		Transport:     Transport(NewDialer(policy)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Transport is the round tripper of both clients, for those who share one.
func Transport(d *Dialer) http.RoundTripper {
	return &transport{base: &http.Transport{
		Proxy:                  nil, // one would resolve names for us
		DialContext:            d.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  responseHeaderAfter,
		MaxResponseHeaderBytes: maxResponseHeader,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    idlePerHost,
		MaxConnsPerHost:        maxPerHost,
		IdleConnTimeout:        30 * time.Second, // a policy that changed is asked again soon
	}}
}

// transport reads each URL the strict way before the standard library does.
type transport struct{ base *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(rq *http.Request) (*http.Response, error) {
	target, err := TargetOf(rq.URL)
	if err != nil {
		return nil, err
	}
	if u := target.URL(rq.URL); u.Host != rq.URL.Host {
		rq = rq.Clone(rq.Context())
		rq.URL = u
	}
	return t.base.RoundTrip(rq)
}

// CloseIdleConnections is found by http.Client.
func (t *transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// harmless headers may follow a redirect to another host.
var harmless = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "If-Range": true,
	"If-None-Match": true, "If-Modified-Since": true, "Origin": true, "Range": true, "Referer": true, "User-Agent": true,
}

func follow(rq *http.Request, via []*http.Request) error {
	if len(via) > MaxRedirects {
		return ErrRedirects
	}
	if _, err := TargetOf(rq.URL); err != nil {
		return err
	}
	first := via[0]
	rq.Header.Del("Referer") // the standard library adds the address we come from
	if own := first.Header.Get("Referer"); own != "" {
		rq.Header.Set("Referer", own)
	}
	strange := !SameOrigin(first.URL, rq.URL)
	for _, v := range via[1:] { // once away, secrets do not come back
		strange = strange || !SameOrigin(first.URL, v.URL)
	}
	if strange {
		DropSecrets(rq.Header)
	}
	return nil
}

// SameOrigin compares scheme, host and port.
func SameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// DropSecrets removes every header but the few that say nothing about who asks.
func DropSecrets(h http.Header) {
	for name := range h {
		if !harmless[http.CanonicalHeaderKey(name)] {
			delete(h, name)
		}
	}
}
