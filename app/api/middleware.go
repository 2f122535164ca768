package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"synctv/app/auth"
	"synctv/app/httpstrict"
	"synctv/store"
)

// request is what the edge knows of a request; it travels in the context.
type request struct {
	actor    auth.Actor
	tokenErr error // why the presented token was refused, nil without a token
	token    string
	path     string
	scheme   string // http or https, as the browser sees it
	host     string
	addr     netip.Addr
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	if rq, ok := ctx.Value(requestKey{}).(*request); ok {
		return rq
	}
	return &request{}
}

// Bodies: the default and the routes that may send more.
const (
	defaultBody = 256 << 10
	batchBody   = 4 << 20
	imageBody   = 8 << 20
	largestBody = imageBody
)

// bodyLimit is the largest body a path (without prefix) may send.
func bodyLimit(path string) int64 {
	switch {
	case strings.HasSuffix(path, "/media/batch"):
		return batchBody
	case strings.HasSuffix(path, "/cover"), strings.HasSuffix(path, "/me/avatar"):
		return imageBody
	}
	return defaultBody
}

func (s *Server) middleware() {
	s.app.Use(s.recovered, s.identify, s.strict, s.headers, s.authenticate, s.guard)
}

// recovered turns a panic into a 500 of that request alone.
func (s *Server) recovered(c *fiber.Ctx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("panic in a request", slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
			err = s.fail(c, fiber.ErrInternalServerError)
		}
	}()
	return c.Next()
}

// identify gives the request an id, an address and a place in the context.
func (s *Server) identify(c *fiber.Ctx) error {
	id := store.NewID()
	c.Set("X-Request-Id", id)
	peer, _ := netip.ParseAddrPort(c.Context().RemoteAddr().String())
	addr, scheme := peer.Addr().Unmap(), "http"
	if c.Context().IsTLS() {
		scheme = "https"
	}
	if s.trusts(addr) {
		addr = clientAddr(addr, c.Get("X-Forwarded-For"), s.trusts)
		if p := c.Get("X-Forwarded-Proto"); p == "https" || p == "http" {
			scheme = p
		}
	}
	rq := &request{path: c.Path(), scheme: scheme, host: c.Get("Host"), addr: addr}
	rq.actor.IP, rq.actor.UserAgent, rq.actor.RequestID = addr.String(), cut(c.Get("User-Agent"), 255), id
	c.SetUserContext(context.WithValue(c.UserContext(), requestKey{}, rq))
	return c.Next()
}

// strict refuses requests that two parsers could read in two ways.
func (s *Server) strict(c *fiber.Ctx) error {
	h := &c.Request().Header
	if err := httpstrict.CheckHeader(h.RawHeaders(), string(h.Method()), string(h.RequestURI()), string(h.Protocol())); err != nil {
		c.Context().SetConnectionClose()
		return s.fail(c, fmt.Errorf("%w: %w", errBadRequest, err))
	}
	if len(s.Hosts) > 0 && !slices.Contains(s.Hosts, hostName(string(h.Host()))) {
		c.Context().SetConnectionClose()
		return s.fail(c, errBadRequest)
	}
	return c.Next()
}

func (s *Server) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// maxForwarded bounds the hops that are read of X-Forwarded-For.
const maxForwarded = 32

// clientAddr walks X-Forwarded-For from the right over trusted proxies; the
// first that is not one is the client. Junk ends the walk.
func clientAddr(peer netip.Addr, forwarded string, trusted func(netip.Addr) bool) netip.Addr {
	hops := strings.Split(forwarded, ",")
	for i := len(hops) - 1; i >= 0 && len(hops)-i <= maxForwarded; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil || a.Zone() != "" {
			return peer
		}
		peer = a.Unmap()
		if !trusted(peer) {
			return peer
		}
	}
	return peer
}

func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// authenticate reads the bearer token. A bad one is remembered, not refused
// here: operations for everybody answer all the same.
func (s *Server) authenticate(c *fiber.Ctx) error {
	header := c.Get(fiber.HeaderAuthorization)
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || s.Accounts == nil {
		return c.Next()
	}
	rq := requestOf(c.UserContext())
	rq.token = token
	who, err := s.Accounts.Authenticate(c.UserContext(), token)
	if err != nil {
		rq.tokenErr = err
		return c.Next()
	}
	who.IP, who.UserAgent, who.RequestID = rq.actor.IP, rq.actor.UserAgent, rq.actor.RequestID
	rq.actor = who
	return c.Next()
}

// guard closes the API until set-up is done and to writes from other sites.
func (s *Server) guard(c *fiber.Ctx) error {
	path := c.Path()
	api := strings.HasPrefix(path, Prefix+"/")
	if api && c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead && foreign(c) {
		return s.fail(c, errOrigin)
	}
	gated := api || strings.HasPrefix(path, "/ws/") || strings.HasPrefix(path, "/media/")
	open := strings.HasPrefix(path, Prefix+"/public/") || path == Prefix+"/setup"
	if gated && !open && s.Accounts != nil && s.Accounts.SetupNeeded() {
		return s.fail(c, errSetupNeeded)
	}
	return c.Next()
}

// foreign reports that a browser sent this request for another site's page.
func foreign(c *fiber.Ctx) bool {
	switch c.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "cross-site", "same-site":
		return true
	}
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		return false // not a browser, or one without the header on this request
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, c.Get("Host"))
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
