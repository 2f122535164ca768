package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// contentPolicy is the policy of every page of ours. 'wasm-unsafe-eval' lets
// the subtitle renderer compile its WebAssembly and permits nothing else.
const contentPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"img-src 'self' data: blob: https:; media-src 'self' blob: https: http:; connect-src 'self' https: http: wss: ws:; " +
	"font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// docsPolicy also lets the API reference set style attributes.
const docsPolicy = contentPolicy + "; style-src-attr 'unsafe-inline'"

const permissionsPolicy = "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), " +
	"picture-in-picture=(self), geolocation=(), payment=(), usb=()"

// headers sets what every answer carries; handlers may narrow it.
func (s *Server) headers(c *fiber.Ctx) error {
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set("Referrer-Policy", "no-referrer")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set("Permissions-Policy", permissionsPolicy)
	c.Set("Content-Security-Policy", contentPolicy)
	if strings.HasPrefix(c.Path(), "/api/") {
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
	if requestOf(c.UserContext()).scheme == "https" {
		c.Set("Strict-Transport-Security", "max-age=15552000")
	}
	return c.Next()
}
