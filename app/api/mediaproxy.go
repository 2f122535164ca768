package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"synctv/providers"
	"synctv/providers/proxy"
)

const (
	// mediaConnections bounds the media answers under way, of one viewer and in all.
	mediaConnections    = 2000
	mediaPerViewer      = 8
	mediaOverloadedWait = time.Second
)

var errTooManyStreams = errors.New("too many media requests at once")

// registerMediaProxy serves films, playlists and subtitles. The ticket in the
// path is the whole proof: a <video> element sends no header.
func (s *Server) registerMediaProxy() {
	gate := newGate(mediaConnections, mediaPerViewer)
	handle := func(c *fiber.Ctx) error { return s.media(c, gate) }
	s.app.Get("/media/:ticket/*", handle)
	s.app.Head("/media/:ticket/*", handle)
	s.app.Options("/media/:ticket/*", func(c *fiber.Ctx) error { return c.SendStatus(noContent) })
}

func (s *Server) media(c *fiber.Ctx, gate *gate) error {
	t, err := s.Proxy.Open(c.Params("ticket"))
	if err != nil {
		return err
	}
	rq := requestOf(c.UserContext())
	if err := s.rates.take("stream", rq); err != nil {
		return err
	}
	leave, ok := func() {}, true
	if t.Kind != proxy.KindThumbnail { // a page shows dozens, and the library bounds what they cost
		leave, ok = gate.enter(t.Room + "|" + t.User + "|" + addressKey(rq.addr))
	}
	if !ok {
		return errTooManyStreams
	}
	// The body is read after this handler has returned, so its context is its
	// own and ends when the body is closed.
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.UserContext()))
	resp, err := s.Proxy.Fetch(ctx, t, proxy.Request{
		Method: c.Method(), Range: c.Get(fiber.HeaderRange), IfRange: c.Get(fiber.HeaderIfRange),
		IfNoneMatch: c.Get(fiber.HeaderIfNoneMatch), Name: c.Params("*"),
	})
	if err != nil {
		cancel()
		leave()
		return err
	}
	for name, values := range resp.Header {
		for _, v := range values {
			c.Set(name, v)
		}
	}
	c.Status(resp.Status)
	stop := func() { cancel(); leave() }
	if c.Method() == fiber.MethodHead || resp.Status == http.StatusNotModified {
		defer stop()
		if resp.Length >= 0 {
			c.Response().Header.SetContentLength(int(resp.Length))
			c.Response().SkipBody = true
		}
		return resp.Body.Close()
	}
	c.Context().SetBodyStream(&stream{ReadCloser: resp.Body, stop: stop}, int(resp.Length))
	return nil
}

// stream is a media body on its way. A viewer who takes nothing for writeStall
// loses the connection, and the source is let go with it.
type stream struct {
	io.ReadCloser
	stop func()
}

// Close lets the source go.
func (b *stream) Close() error {
	defer b.stop()
	return b.ReadCloser.Close()
}

// registerFiles serves images under addresses that only those know who were
// given them: an <img> sends no token.
func (s *Server) registerFiles() {
	s.app.Get("/files/:id/:sig", func(c *fiber.Ctx) error {
		f, err := s.Files.Open(c.UserContext(), c.Params("id"), c.Params("sig"))
		if err != nil {
			return err
		}
		for name, values := range f.Header {
			c.Set(name, values[0])
		}
		c.Context().SetBodyStream(f.Body, int(f.Length))
		return nil
	})
}

// providerError lets one row of the problem table stand for every failure of a
// source.
type providerError struct{ error }

// Matches reports whether an error comes from a provider.
func (providerError) Matches(err error) bool { return errors.As(err, new(*providers.Error)) }

// fillProvider gives the problem the class, its status and what to do about it.
func fillProvider(err error, p *Problem) {
	var e *providers.Error
	if !errors.As(err, &e) {
		return
	}
	p.Status, p.Detail = providerStatus[e.Class], e.Reason
	if p.Status == 0 {
		p.Status = http.StatusBadGateway
	}
	if p.Detail == "" {
		p.Detail = "the source answered with an error"
	}
	p.with("class", string(e.Class))
	p.with("provider", string(e.Kind))
	if e.Instance != "" {
		p.with("instance", e.Instance)
	}
	if action := e.Class.Action(); action != "" {
		p.with("action", action)
	}
	if e.RetryAfter > 0 {
		p.retryAfter(e.RetryAfter)
		p.with("retry_after", int(e.RetryAfter.Seconds()))
	}
}

// providerStatus says which status the class of a failure becomes. None is 401:
// that would sign the user out of this site.
var providerStatus = map[providers.Class]int{
	providers.ClassInvalid: 422, providers.ClassUnsupported: 422, providers.ClassBlockedAddress: 422,
	providers.ClassAuthRequired: 409, providers.ClassAuthExpired: 409, providers.ClassOTPRequired: 409,
	providers.ClassCaptchaRequired: 409, providers.ClassOffline: 409,
	providers.ClassForbidden: 403, providers.ClassPaymentRequired: 402, providers.ClassGeoBlocked: 451,
	providers.ClassNotFound: 404, providers.ClassLinkExpired: 410, providers.ClassRateLimited: 429,
	providers.ClassBadUpstream: 502, providers.ClassSignature: 502, providers.ClassTooLarge: 502,
	providers.ClassUnavailable: 503, providers.ClassTimeout: 504,
}

// providerProblems are the errors of media sources.
func providerProblems() []problemRow {
	return []problemRow{
		{err: providerError{errors.New("the source failed")}, slug: "provider-failed", fill: fillProvider},
		{err: errTooManyStreams, slug: "overloaded", fill: retry(mediaOverloadedWait)},
		{err: errTooManyTickets, slug: "rate-limited", fill: retry(ticketTTL)},
	}
}
