package api

import (
	"sync"

	"github.com/gofiber/fiber/v2"
)

// registerDocs serves the API document and its reference page. The page loads
// nothing from anywhere else.
func (s *Server) registerDocs() {
	document := sync.OnceValues(s.OpenAPI)
	s.app.Get("/openapi.json", func(c *fiber.Ctx) error {
		doc, err := document()
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, "application/json")
		c.Set(fiber.HeaderCacheControl, "no-cache")
		return c.Send(doc)
	})
	s.app.Get("/docs", func(c *fiber.Ctx) error {
		page, ok := s.ui.files["/docs/index.html"]
		if !ok {
			return errNoRoute
		}
		c.Set("Content-Security-Policy", docsPolicy)
		return page.send(c, false)
	})
}
