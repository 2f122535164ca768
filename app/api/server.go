// Package api is the edge: HTTP operations, sockets, media and static files.
// It decodes and limits what comes in, asks the rules in its sister packages,
// and says what came of it.
//
// The rule that keeps it whole: no decision about a room or an account is taken
// here, and no other package knows a status code.
//
// Imported by app, which builds it, and by nothing else.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"synctv/app/account"
	"synctv/app/chat"
	"synctv/app/files"
	"synctv/app/httpstrict"
	"synctv/app/library"
	"synctv/app/room"
	"synctv/app/settings"
	"synctv/providers"
	"synctv/providers/proxy"
	"synctv/realtime"
)

// Prefix begins every REST path.
const Prefix = "/api/v1"

// apiVersion is the version of the API, not of the program: the document does
// not change with a build.
const apiVersion = "1.0.0"

const (
	readTimeout     = 10 * time.Second // a whole request, from its first byte
	uploadTimeout   = 120 * time.Second
	idleTimeout     = 60 * time.Second
	headerBytes     = 8 << 10
	maxConnections  = 20_000
	shutdownTimeout = 3 * time.Second
)

// Deps are the parts that the edge speaks for. All are needed, except that
// nil services are enough to print the document.
type Deps struct {
	Accounts *account.Service
	Settings *settings.Service
	Rooms    *room.Service
	Library  *library.Service
	Chat     *chat.Service
	Files    *files.Service
	Hub      *realtime.Hub
	Registry *providers.Registry
	Proxy    *proxy.Proxy
	UI       fs.FS

	Ready   func(context.Context) map[string]error // named checks of /health/ready
	Metrics *prometheus.Registry
	Log     *slog.Logger
	Version string
	Build   string

	Hosts          []string       // accepted Host names; empty = any
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and -Proto count
	LibraryFolders bool           // whether the server offers folders
}

// Server answers HTTP.
type Server struct {
	Deps
	app      *fiber.App
	huma     huma.API
	log      *slog.Logger
	rates    *rates
	problems []problemRow
	tickets  *tickets
	ui       *static
	draining atomic.Bool
}

// New builds the server and registers every operation. It listens to nothing.
func New(d Deps) (*Server, error) {
	s := &Server{Deps: d, log: d.Log.With("part", "api"), tickets: newTickets()}
	s.rates = newRates(d.Settings)
	s.problems = slices.Concat(roomProblems(), providerProblems(), socketProblems(), coreProblems())
	ui, err := newStatic(d.UI)
	if err != nil {
		return nil, fmt.Errorf("read the web app: %w", err)
	}
	s.ui = ui
	s.app = fiber.New(fiber.Config{
		Immutable: true, StrictRouting: true, CaseSensitive: true, DisableStartupMessage: true, ServerHeader: "",
		ReadBufferSize: headerBytes, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, Concurrency: maxConnections,
		BodyLimit: largestBody, ErrorHandler: s.fail, DisableDefaultDate: false,
	})
	s.app.Server().HeaderReceived = func(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
		path, _, _ := strings.Cut(string(h.RequestURI()), "?")
		limit := bodyLimit(strings.TrimPrefix(path, Prefix))
		rc := fasthttp.RequestConfig{MaxRequestBodySize: int(limit)}
		if limit > defaultBody {
			rc.ReadTimeout = uploadTimeout
		}
		return rc
	}
	s.app.Server().KeepHijackedConns = true // sockets are ours after the upgrade, without the request's buffers
	s.middleware()
	s.huma = humafiber.NewWithGroup(s.app, s.app.Group(Prefix), humaConfig())
	s.routes()
	return s, nil
}

// routes registers everything; static segments before parameters, because
// fiber matches in order.
func (s *Server) routes() {
	s.registerHealth()
	s.registerPublic()
	s.registerSetup()
	s.registerAuth()
	s.registerMe()
	s.registerTickets()
	s.registerRooms()
	s.registerMembers()
	s.registerGuests()
	s.registerPlaylists()
	s.registerMedia()
	s.registerPlayback()
	s.registerChat()
	s.registerProviders()
	s.registerSocket()
	s.registerFiles()
	s.registerMediaProxy()
	s.registerDocs()
	s.registerStatic()
}

func humaConfig() huma.Config {
	// These are settings of the huma package itself; they always get the same
	// values, so that servers in one process do not disturb each other.
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = humaProblem
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(nil, status, msg, errs...)
	}
	c := huma.DefaultConfig("SyncTV", apiVersion)
	c.Info.Description = "Watch together. Sign in with POST /auth/login and send the access token as `Authorization: Bearer`. " +
		"Failures are problem+json; switch on `type`."
	c.Info.License = &huma.License{Name: "MIT", Identifier: "MIT"}
	c.Servers = []*huma.Server{{URL: Prefix}}
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	json := huma.DefaultJSONFormat
	json.Unmarshal = httpstrict.Unmarshal
	c.Formats = map[string]huma.Format{"application/json": json, "json": json}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "Access token of an account, or the token of a guest"},
	}
	return c
}

// OpenAPI returns the document, indented and stable.
func (s *Server) OpenAPI() ([]byte, error) {
	s.describeSocket()
	doc, err := json.MarshalIndent(s.huma.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the API document: %w", err)
	}
	return append(doc, '\n'), nil
}

// Serve answers on ln until ctx ends, then stops accepting and waits for the
// requests under way, at most for shutdownTimeout. Sockets are the hub's to end.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ln = s.limitListener(ln)
	done := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { done <- s.app.ShutdownWithTimeout(shutdownTimeout) })
	err := s.app.Listener(ln)
	if stop() { // the listener failed by itself
		return fmt.Errorf("serve HTTP: %w", err)
	}
	if err := <-done; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving HTTP: %w", err)
	}
	return nil
}

// Close ends what the server runs beside its listener.
func (s *Server) Close() { s.rates.buckets.StopAllGoroutines() }

// Drain makes /health/ready fail, so that proxies in front look elsewhere.
func (s *Server) Drain() { s.draining.Store(true) }

// fail answers errors that no operation has answered: unknown paths, panics,
// refusals of the HTTP library.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	p := s.problem(c.UserContext(), err)
	for name, values := range p.headers {
		for _, v := range values {
			c.Set(name, v)
		}
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, p.ContentType(""))
	return c.Status(p.Status).Send(doc)
}

// status204 is the answer of operations that have nothing to say.
type status204 struct{}

const noContent = http.StatusNoContent
