package api

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTimeout bounds the checks behind /health/ready.
const readyTimeout = 3 * time.Second

// registerHealth adds what load balancers and monitors ask, outside the prefix.
func (s *Server) registerHealth() {
	s.app.Get("/health/live", func(c *fiber.Ctx) error {
		return c.JSON(fiber.Map{"status": "ok"})
	})
	s.app.Get("/health/ready", s.ready)
	s.app.Get("/.well-known/jwks.json", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderCacheControl, "public, max-age=300")
		return c.JSON(fiber.Map{"keys": s.Accounts.Tokens().JWKS()})
	})
	metrics := adaptor.HTTPHandler(promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
	s.app.Get("/metrics", func(c *fiber.Ctx) error {
		want := s.Settings.Current().MetricsToken
		given, _ := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
		if want == "" || subtle.ConstantTimeCompare([]byte(given), []byte(want)) != 1 {
			return errNoRoute
		}
		return metrics(c)
	})
}

func (s *Server) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), readyTimeout)
	defer cancel()
	checks, status := fiber.Map{}, "ok"
	for name, err := range s.Ready(ctx) {
		checks[name] = "ok"
		if err != nil {
			checks[name], status = "failed", "degraded"
		}
	}
	if s.draining.Load() {
		status = "draining"
	}
	if status != "ok" {
		c.Status(fiber.StatusServiceUnavailable)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.JSON(fiber.Map{"status": status, "checks": checks})
}
