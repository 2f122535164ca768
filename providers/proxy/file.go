package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"synctv/providers"
)

func (p *Proxy) openFile(ctx context.Context, t Ticket) (*providers.File, error) {
	if p.files == nil || t.Instance == "" {
		return nil, &providers.Error{Class: providers.ClassNotFound, Reason: "this server has no files"}
	}
	return p.files.OpenFile(ctx, t.Instance, t.Path)
}

func (p *Proxy) file(ctx context.Context, t Ticket, rq Request) (*Response, error) {
	f, err := p.openFile(ctx, t)
	if err != nil {
		return nil, err
	}
	return serve(f, t.header(mediaType(t, f.Name, "")), rq)
}

func (p *Proxy) thumbnail(ctx context.Context, t Ticket, rq Request) (*Response, error) {
	th, ok := p.files.(thumbnails)
	if !ok {
		return nil, &providers.Error{Class: providers.ClassNotFound, Reason: "this server has no pictures"}
	}
	f, err := th.Thumbnail(ctx, t.Instance, t.Path)
	if err != nil {
		return nil, err
	}
	switch f.MIME {
	case "image/jpeg", "image/png", "image/webp":
	default:
		f.Close()
		return nil, &providers.Error{Class: providers.ClassNotFound, Reason: "this is not a picture"}
	}
	return serve(f, t.header(f.MIME), rq)
}

// serve answers a conditional request for one range of a file, as
// http.ServeContent does, and owns f from then on.
func serve(f *providers.File, h http.Header, rq Request) (*Response, error) {
	etag := fmt.Sprintf(`"%x-%x"`, f.Size, f.ModTime.UnixNano())
	h.Set("ETag", etag)
	h.Set("Last-Modified", f.ModTime.UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	if noneMatch(rq.IfNoneMatch, etag) {
		f.Close()
		h.Del("Content-Type")
		return &Response{Status: http.StatusNotModified, Header: h, Body: http.NoBody}, nil
	}
	res := &Response{Status: http.StatusOK, Header: h, Length: f.Size}
	start := int64(0)
	if r, ok := parseRange(rq.Range); ok && rangeHolds(rq.IfRange, etag, f.ModTime) {
		var length int64
		if start, length, ok = r.within(f.Size); !ok {
			f.Close()
			h.Set("Content-Range", "bytes */"+strconv.FormatInt(f.Size, 10))
			return &Response{Status: http.StatusRequestedRangeNotSatisfiable, Header: h, Body: http.NoBody}, nil
		}
		res.Status, res.Length = http.StatusPartialContent, length
		h.Set("Content-Range", contentRange(start, length, f.Size))
	}
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		f.Close()
		return nil, &providers.Error{Class: providers.ClassUnavailable, Reason: "the file cannot be read", Err: err}
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, res.Length), f}
	return res, nil
}
