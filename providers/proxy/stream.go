package proxy

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"synctv/providers"
)

// maxDiscard is how much of a body is thrown away to serve a range to a viewer
// from a source that knows none.
const maxDiscard = 8 << 20

// remote streams bytes of another server.
func (p *Proxy) remote(ctx context.Context, cancel context.CancelCauseFunc, t Ticket, rq Request) (*Response, error) {
	extra := http.Header{}
	want, ranged := parseRange(rq.Range)
	if ranged {
		extra.Set("Range", want.String())
		if validETag(rq.IfRange) || isDate(rq.IfRange) {
			extra.Set("If-Range", rq.IfRange)
		}
	}
	if validETag(rq.IfNoneMatch) {
		extra.Set("If-None-Match", rq.IfNoneMatch)
	}
	res, final, err := p.get(ctx, cancel, t, extra)
	if err != nil {
		return nil, err
	}
	out, err := p.shape(ctx, cancel, t, res, final, want, ranged, extra.Get("If-Range") != "")
	if err != nil {
		res.Body.Close()
		return nil, err
	}
	return out, nil
}

func isDate(s string) bool {
	_, err := http.ParseTime(s)
	return err == nil
}

// validators copies what lets a browser ask again, when it is well formed.
func validators(h, from http.Header) {
	if e := from.Get("ETag"); validETag(e) {
		h.Set("ETag", e)
	}
	if m := from.Get("Last-Modified"); isDate(m) {
		h.Set("Last-Modified", m)
	}
}

// shape builds our answer from theirs: nothing is copied that is not named here.
func (p *Proxy) shape(ctx context.Context, cancel context.CancelCauseFunc, t Ticket, res *http.Response, final *url.URL, want byteRange, ranged, conditional bool) (*Response, error) {
	h := t.header(mediaType(t, final.Path, res.Header.Get("Content-Type")))
	validators(h, res.Header)
	switch res.StatusCode {
	case http.StatusNotModified:
		res.Body.Close()
		h.Del("Content-Type")
		return &Response{Status: res.StatusCode, Header: h, Body: http.NoBody}, nil
	case http.StatusRequestedRangeNotSatisfiable:
		res.Body.Close()
		if n, ok := digits(trimPrefix(res.Header.Get("Content-Range"), "bytes */")); ok {
			h.Set("Content-Range", "bytes */"+strconv.FormatInt(n, 10))
		}
		return &Response{Status: res.StatusCode, Header: h, Body: http.NoBody}, nil
	case http.StatusOK, http.StatusPartialContent:
	default:
		return nil, refused(t, res)
	}
	if err := plausible(res); err != nil {
		return nil, err
	}
	s := &stream{body: res.Body, left: res.ContentLength, size: -1, validator: validator(res.Header)}
	s.cause = func(err error) error { return cause(ctx, err) }
	s.cancel = func() { cancel(nil) }
	s.more = func(extra http.Header) (*http.Response, error) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		again, _, err := p.get(ctx, cancel, t, extra)
		return again, err
	}
	s.timer = time.AfterFunc(idleMax, func() { cancel(errIdle) })
	s.timer.Stop()
	out := &Response{Status: http.StatusOK, Header: h, Body: s, Length: res.ContentLength}
	if res.StatusCode == http.StatusPartialContent {
		start, length, size, ok := parseContentRange(res.Header.Get("Content-Range"))
		if !ok || !ranged || want.start >= 0 && start != want.start || res.ContentLength >= 0 && res.ContentLength != length {
			return nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source sent another part than asked for"}
		}
		s.at, s.left, s.size, s.ranges = start, length, size, true
		out.Status, out.Length = http.StatusPartialContent, length
		h.Set("Accept-Ranges", "bytes")
		h.Set("Content-Range", res.Header.Get("Content-Range"))
		return out, nil
	}
	s.size = res.ContentLength
	if res.Header.Get("Accept-Ranges") == "bytes" {
		s.ranges = true
		h.Set("Accept-Ranges", "bytes")
	}
	if ranged && !conditional {
		s.cut(out, want)
	}
	return out, nil
}

func trimPrefix(s, prefix string) string {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return ""
	}
	return s[len(prefix):]
}

// plausible refuses bodies that are no media: an error page with a 200, or an
// encoding that makes ranges meaningless.
func plausible(res *http.Response) error {
	if e := res.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source sent an encoded file"}
	}
	switch mt, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); mt {
	case "text/html", "application/xhtml+xml", "application/json", "multipart/byteranges":
		return &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source sent a page instead of media", Upstream: providers.UpstreamInfo{HTTP: res.StatusCode}}
	}
	return nil
}

// validator is what a resumed part must still have; "" = cannot resume.
func validator(h http.Header) string {
	if e := h.Get("ETag"); validETag(e) && e[0] == '"' {
		return e
	}
	if m := h.Get("Last-Modified"); isDate(m) {
		return m
	}
	return ""
}

// cut makes a 206 of a whole body when the beginning is short enough to throw
// away; otherwise the viewer gets the whole body, which is allowed.
func (s *stream) cut(out *Response, want byteRange) {
	start, length, ok := want.within(s.size)
	if s.size < 0 || !ok || start == 0 || start > maxDiscard {
		return
	}
	s.skip, s.at, s.left = start, start, length
	out.Status, out.Length = http.StatusPartialContent, length
	out.Header.Set("Content-Range", contentRange(start, length, s.size))
}

// stream is the body of another server with an idle limit. When it ends before
// the length it declared, it is continued once, if the file is still the same.
type stream struct {
	body      io.ReadCloser
	more      func(extra http.Header) (*http.Response, error) // asks for the same URL again
	cause     func(error) error
	cancel    func()
	timer     *time.Timer
	validator string
	ranges    bool
	resumed   bool
	skip      int64 // bytes to throw away first
	at        int64 // where the next byte lies in the file
	left      int64 // until the declared end, -1 = unknown
	size      int64 // of the file, -1 = unknown
}

// Read implements io.Reader.
func (s *stream) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if s.skip > 0 {
		s.timer.Reset(idleMax)
		n, err := io.CopyN(io.Discard, s.body, s.skip)
		s.timer.Stop()
		if s.skip -= n; err != nil {
			return 0, s.cause(err)
		}
	}
	if s.left > 0 && int64(len(b)) > s.left {
		b = b[:s.left]
	}
	s.timer.Reset(idleMax)
	n, err := s.body.Read(b)
	s.timer.Stop()
	s.at += int64(n)
	if s.left > 0 {
		s.left -= int64(n)
	}
	switch {
	case err == nil:
		return n, nil
	case s.left == 0, err == io.EOF && s.left < 0:
		return n, io.EOF
	case s.resume():
		return n, nil
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	}
	return n, s.cause(err)
}

// resume asks for the rest. Everything must fit: the part, the file, its size.
func (s *stream) resume() bool {
	if s.resumed || !s.ranges || s.left <= 0 || s.validator == "" {
		return false
	}
	s.resumed = true
	rest := byteRange{start: s.at, end: s.at + s.left - 1}
	extra := http.Header{"Range": {rest.String()}, "If-Range": {s.validator}}
	res, err := s.more(extra)
	if err != nil {
		return false
	}
	start, length, size, ok := parseContentRange(res.Header.Get("Content-Range"))
	if res.StatusCode != http.StatusPartialContent || !ok || start != s.at || length != s.left ||
		size != s.size || validator(res.Header) != s.validator {
		res.Body.Close()
		return false
	}
	s.body.Close()
	s.body = res.Body
	return true
}

// Close implements io.Closer; it lets the source go at once.
func (s *stream) Close() error {
	s.timer.Stop()
	s.cancel()
	return s.body.Close()
}
