package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// static is the web app: files with their compressed twins, read from the
// binary and never changed.
type static struct {
	files map[string]asset // by path with a leading slash
	index asset
}

type asset struct {
	name  string // path inside the file system, without .br or .gz
	mime  string
	etag  string
	plain bool // whether the uncompressed file is there
	br    bool
	gz    bool
	data  fs.FS
}

// newStatic reads the list of files once; nil gives a server without web app.
func newStatic(ui fs.FS) (*static, error) {
	st := &static{files: map[string]asset{}}
	if ui == nil {
		return st, nil
	}
	err := fs.WalkDir(ui, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		base, ext := name, path.Ext(name)
		if ext == ".br" || ext == ".gz" {
			base = strings.TrimSuffix(name, ext)
		}
		a := st.files["/"+base]
		a.name, a.data, a.mime = base, ui, mimeOf(base)
		switch ext {
		case ".br":
			a.br = true
		case ".gz":
			a.gz = true
		default:
			a.plain = true
		}
		if a.etag == "" || a.plain && base == name {
			sum, err := hashFile(ui, name)
			if err != nil {
				return err
			}
			a.etag = `"` + sum + `"`
		}
		st.files["/"+base] = a
		return nil
	})
	st.index = st.files["/index.html"]
	return st, err
}

func hashFile(ui fs.FS, name string) (string, error) {
	b, err := fs.ReadFile(ui, name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12]), nil
}

// types the mime package may not know on a bare machine.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json",
	".txt": "text/plain; charset=utf-8", ".woff2": "font/woff2",
}

func mimeOf(name string) string {
	ext := path.Ext(name)
	if t, ok := types[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// closed are the prefixes that never fall back to the page.
var closed = []string{"/api/", "/ws/", "/files/", "/media/", "/live/", "/whip/", "/health/", "/metrics", "/docs", "/openapi.json", "/.well-known/", "/assets/"}

// registerStatic answers everything that nothing else has answered.
func (s *Server) registerStatic() {
	s.app.Use(func(c *fiber.Ctx) error {
		p := c.Path()
		if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead {
			return errNoRoute
		}
		if a, ok := s.ui.files[p]; ok && p != "/docs/index.html" {
			return a.send(c, strings.HasPrefix(p, "/assets/"))
		}
		for _, prefix := range closed {
			if strings.HasPrefix(p, prefix) {
				return errNoRoute
			}
		}
		if s.ui.index.name == "" || !strings.Contains(c.Get(fiber.HeaderAccept), "text/html") {
			return errNoRoute
		}
		return s.ui.index.send(c, false)
	})
}

// send answers with the form the client takes. Names below /assets/ hold the
// hash of their content and may be kept for ever.
func (a asset) send(c *fiber.Ctx, forever bool) error {
	c.Set(fiber.HeaderETag, a.etag)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	c.Set(fiber.HeaderContentType, a.mime)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if forever {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	if c.Get(fiber.HeaderIfNoneMatch) == a.etag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	accept := c.Get(fiber.HeaderAcceptEncoding)
	switch {
	case a.br && takes(accept, "br"):
		c.Set(fiber.HeaderContentEncoding, "br")
		return a.sendFile(c, ".br")
	case a.gz && takes(accept, "gzip"):
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return a.sendFile(c, ".gz")
	case a.plain:
		return a.sendFile(c, "")
	case a.gz:
		return a.inflate(c)
	}
	return errNoRoute
}

func (a asset) sendFile(c *fiber.Ctx, ext string) error {
	b, err := fs.ReadFile(a.data, a.name+ext)
	if err != nil {
		return fmt.Errorf("read %s: %w", a.name, err)
	}
	return c.Send(b)
}

// maxInflated bounds what a client without compression gets; our largest asset
// is below.
const maxInflated = 16 << 20

func (a asset) inflate(c *fiber.Ctx) error {
	b, err := fs.ReadFile(a.data, a.name+".gz")
	if err != nil {
		return fmt.Errorf("read %s: %w", a.name, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("unpack %s: %w", a.name, err)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxInflated))
	if err = errors.Join(err, z.Close()); err != nil {
		return fmt.Errorf("unpack %s: %w", a.name, err)
	}
	return c.Send(out)
}

// takes reports whether an Accept-Encoding header lists a coding and does not
// switch it off.
func takes(accept, coding string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == coding {
			return !strings.Contains(strings.ReplaceAll(q, " ", ""), "q=0") || strings.Contains(q, "q=0.")
		}
	}
	return false
}
