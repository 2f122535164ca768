package proxy

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"synctv/providers"
)

// maxAge is the longest a browser may keep what we served.
const maxAge = time.Hour

// thumbnails is what Config.Files may do besides.
type thumbnails interface {
	Thumbnail(ctx context.Context, instance, id string) (*providers.File, error)
}

func (p *Proxy) fetch(ctx context.Context, t Ticket, rq Request) (*Response, error) {
	if rq.Method != http.MethodGet && rq.Method != http.MethodHead {
		return nil, providers.Invalid("only GET and HEAD")
	}
	if name, ok := strings.CutPrefix(rq.Name, "~"); ok && (t.Kind == KindManifest || t.Kind == kindDir) {
		var err error
		if t, err = t.inDir(name); err != nil {
			return nil, err
		}
	}
	release := func() {}
	if t.Kind != KindThumbnail { // a page shows fifty of them, and the library bounds what they cost
		var err error
		if release, err = p.seats.take(ctx, t.Room+"\x00"+t.User); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	res, err := p.answer(ctx, cancel, t, rq)
	if err != nil {
		cancel(nil)
		release()
		return nil, labelled(t, err)
	}
	if rq.Method == http.MethodHead {
		res.Body.Close()
		res.Body = http.NoBody
	}
	p.figures.active.Inc()
	res.Body = &counted{ReadCloser: res.Body, figures: p.figures, kind: t.Kind, done: func() {
		cancel(nil)
		release()
		p.figures.active.Dec()
	}}
	return res, nil
}

func labelled(t Ticket, err error) error {
	e := *providers.FromTransport(err)
	if e.Op == "" {
		e.Op = "fetch"
	}
	if e.Kind == "" && t.Path != "" {
		e.Kind, e.Instance = providers.KindLocal, t.Instance
	}
	return &e
}

func (p *Proxy) answer(ctx context.Context, cancel context.CancelCauseFunc, t Ticket, rq Request) (*Response, error) {
	switch t.Kind {
	case KindURL:
		return p.remote(ctx, cancel, t, rq)
	case KindFile:
		return p.file(ctx, t, rq)
	case KindManifest:
		return p.manifest(ctx, t)
	case KindSubtitle:
		return p.subtitle(ctx, cancel, t, rq)
	case KindThumbnail:
		return p.thumbnail(ctx, t, rq)
	}
	return nil, &providers.Error{Class: providers.ClassNotFound, Reason: "this link names nothing"}
}

// counted counts what is read and lets the seat go on Close.
type counted struct {
	io.ReadCloser
	figures *figures
	kind    string
	done    func()
}

// Read implements io.Reader.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.figures.bytes.WithLabelValues(c.kind).Add(float64(n))
	return n, err
}

// Close implements io.Closer; a second call does nothing.
func (c *counted) Close() error {
	if c.done == nil {
		return nil
	}
	err := c.ReadCloser.Close()
	c.done()
	c.done = nil
	return err
}

// header begins the headers of every answer. The sandbox and nosniff keep
// whatever the bytes are from acting as a page of ours.
func (t Ticket) header(contentType string) http.Header {
	age := max(min(time.Until(t.Expires), maxAge), 0)
	h := http.Header{}
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, max-age="+strconv.Itoa(int(age.Seconds())))
	return h
}

// segmentTypes are what playlists name besides whole media.
var segmentTypes = map[string]string{
	".m4s": "video/mp4", ".m4v": "video/mp4", ".m4a": "audio/mp4", ".cmfv": "video/mp4", ".cmfa": "audio/mp4",
	".vtt": "text/vtt; charset=utf-8", ".webvtt": "text/vtt; charset=utf-8",
}

// mediaType decides what the bytes are called. What another server says counts
// only within audio and video.
func mediaType(t Ticket, name, said string) string {
	if providers.IsContainer(t.Format) {
		return providers.MIMEOf(t.Format)
	}
	ext := strings.ToLower(path.Ext(name))
	if s := segmentTypes[ext]; s != "" {
		return s
	}
	if c := providers.ContainerByName(name); providers.IsContainer(c) && c != "hls" && c != "dash" {
		return providers.MIMEOf(c)
	}
	if mt, _, err := mime.ParseMediaType(said); err == nil && (strings.HasPrefix(mt, "video/") || strings.HasPrefix(mt, "audio/")) {
		return mt
	}
	return "application/octet-stream"
}

// memory serves what was made here.
func memory(h http.Header, body []byte) *Response {
	return &Response{
		Status: http.StatusOK, Header: h, Length: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader(body)),
	}
}
