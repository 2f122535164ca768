package direct

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"synctv/providers"
)

// Bounds of a probe: how much is read of each of its two requests, unless the
// second one is a playlist, and how long it is believed.
const (
	probeBytes   = 64 << 10
	keepProbe    = 10 * time.Minute
	keepFailed   = 30 * time.Second
	unknownSize  = 1 << 62
	browserAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)

// probe is what was found at a URL.
type probe struct {
	container string
	mime      string
	size      int64 // 0 = unknown
	ranges    providers.Tri
	cors      bool // any page may read it
	live      bool
	header    providers.MediaHeader
	hls       *providers.HLSInfo
	final     *url.URL
}

// look probes a URL, once for everybody within ten minutes.
func (p *Provider) look(ctx context.Context, rq providers.ResolveRequest, s Source) (*probe, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q", s.URL, s.Format, rq.PublicURL)
	for _, name := range slices.Sorted(maps.Keys(rq.Headers)) {
		fmt.Fprintf(h, " %q %q", name, rq.Headers[name])
	}
	found, _, err := p.probes.Get(ctx, hex.EncodeToString(h.Sum(nil)), rq.Fresh, func(ctx context.Context) (*probe, time.Duration, error) {
		found, err := p.probe(ctx, rq, s)
		if err != nil {
			return nil, keepFailed, providers.FromTransport(err)
		}
		return found, keepProbe, nil
	})
	return found, err
}

func (p *Provider) probe(ctx context.Context, rq providers.ResolveRequest, s Source) (*probe, error) {
	res, head, err := p.part(ctx, rq, s.URL, 0, probeBytes)
	if err != nil {
		return nil, err
	}
	found := &probe{final: res.Request.URL, mime: res.Header.Get("Content-Type"), cors: allowsOrigin(res.Header, rq.PublicURL)}
	found.extent(res)
	found.container = decide(s.Format, head, found.mime, found.final.Path)
	switch found.container {
	case "html":
		return nil, providers.Invalid("this is a web page, not a media file")
	case "":
		return nil, &providers.Error{Class: providers.ClassUnsupported, Reason: "this is no media that can be recognised"}
	case "hls":
		return found, p.playlist(ctx, rq, found, head)
	case "dash":
		found.live = bytes.Contains(head, []byte(`type="dynamic"`))
		return found, nil
	}
	found.live = found.size == 0 && (found.container == "flv" || found.container == "ts" || providers.IsAudio(found.container))
	p.measure(ctx, rq, found, s.URL, head)
	return found, nil
}

// part fetches bytes from at on. The body is closed; the bytes are what came
// within the limit. A server that answers 416 to the range is asked once more
// without it.
func (p *Provider) part(ctx context.Context, rq providers.ResolveRequest, address string, at int64, limit int64) (*http.Response, []byte, error) {
	ranged := "bytes=" + strconv.FormatInt(at, 10) + "-" + strconv.FormatInt(at+limit-1, 10)
	res, err := p.ask(ctx, rq, address, ranged)
	if err != nil {
		return nil, nil, err
	}
	if res.StatusCode == http.StatusRequestedRangeNotSatisfiable && at == 0 {
		res.Body.Close()
		if res, err = p.ask(ctx, rq, address, ""); err != nil {
			return nil, nil, err
		}
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusPartialContent && startsAt(res, at), res.StatusCode == http.StatusOK && at == 0:
	case res.StatusCode/100 == 2:
		return nil, nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source sent another part than asked for"}
	default:
		return nil, nil, providers.FromStatus(res.StatusCode, res.Header)
	}
	var body io.Reader = res.Body
	if strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") { // although none was asked for
		if body, err = gzip.NewReader(body); err != nil {
			return nil, nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the source sent broken data", Err: err}
		}
	}
	b, err := io.ReadAll(io.LimitReader(body, limit))
	if err != nil && len(b) == 0 {
		return nil, nil, err
	}
	return res, b, nil
}

func startsAt(res *http.Response, at int64) bool {
	return strings.HasPrefix(res.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(at, 10)+"-")
}

func (p *Provider) ask(ctx context.Context, rq providers.ResolveRequest, address, ranged string) (*http.Response, error) {
	hr, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, providers.Invalid("the address cannot be read")
	}
	for name, v := range rq.Headers {
		hr.Header[http.CanonicalHeaderKey(name)] = v
	}
	if hr.Header.Get("User-Agent") == "" {
		hr.Header.Set("User-Agent", browserAgent)
	}
	if ranged != "" {
		hr.Header.Set("Range", ranged)
	}
	if rq.PublicURL != "" && hr.Header.Get("Origin") == "" {
		hr.Header.Set("Origin", origin(rq.PublicURL))
	}
	hr.Header.Set("Accept-Encoding", "identity")
	res, err := p.http.Do(hr)
	if err != nil {
		return nil, providers.FromTransport(err)
	}
	if res.Request == nil || res.Request.URL == nil {
		res.Request = hr
	}
	return res, nil
}

func origin(page string) string {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func allowsOrigin(h http.Header, page string) bool {
	allowed := h.Get("Access-Control-Allow-Origin")
	return allowed == "*" || allowed != "" && page != "" && allowed == origin(page)
}

// extent reads size and whether parts can be had.
func (f *probe) extent(res *http.Response) {
	f.ranges = providers.No
	if res.StatusCode == http.StatusPartialContent {
		f.ranges = providers.Yes
		if _, total, ok := strings.Cut(res.Header.Get("Content-Range"), "/"); ok {
			if n, err := strconv.ParseInt(total, 10, 64); err == nil && n > 0 {
				f.size = n
			}
		}
		return
	}
	if res.Header.Get("Accept-Ranges") == "bytes" {
		f.ranges = providers.Yes
	}
	if res.ContentLength > 0 && res.Header.Get("Content-Encoding") == "" {
		f.size = res.ContentLength
	}
}

// decide names the container: what the user said, the bytes, the type, the name.
// A page is a page whatever its name is.
func decide(format string, head []byte, contentType, name string) string {
	magic := providers.Sniff(head)
	switch {
	case magic == "html":
		return magic
	case format != "":
		return format
	case magic != "":
		return magic
	}
	if c := providers.ContainerByType(contentType); c != "" && c != "hls" && c != "dash" {
		return c
	}
	if c := providers.ContainerByName(name); c != "" && c != "hls" && c != "dash" && c != "html" {
		return c
	}
	return ""
}

// playlist classifies an HLS address. The second request gets the whole of a
// long media playlist, or the first stream of a master one.
func (p *Provider) playlist(ctx context.Context, rq providers.ResolveRequest, f *probe, head []byte) error {
	text := head
	if f.size > int64(len(head)) || f.size == 0 && len(head) == probeBytes {
		var err error
		if _, text, err = p.part(ctx, rq, f.final.String(), 0, providers.MaxPlaylistBytes+1); err != nil {
			return err
		}
	}
	info, err := providers.ReadHLS(text)
	if err != nil {
		return err
	}
	f.hls, f.live = &info, info.Live
	if !info.Master || info.First == "" {
		return nil
	}
	u, err := f.final.Parse(info.First)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist leads nowhere"}
	}
	sub := rq
	if u.Host != f.final.Host || u.Scheme != f.final.Scheme { // headers belong to the host they were set for
		sub.Headers = nil
	}
	res, text, err := p.part(ctx, sub, u.String(), 0, providers.MaxPlaylistBytes+1)
	if err != nil {
		return nil //nolint:nilerr // the master works; how long it is stays unknown
	}
	if media, err := providers.ReadHLS(text); err == nil {
		f.live = media.Live
		f.hls.Duration = media.Duration
		f.cors = f.cors && allowsOrigin(res.Header, rq.PublicURL)
	}
	return nil
}

// measure reads the file's own header, asking for its end once when an mp4
// keeps its index there.
func (p *Provider) measure(ctx context.Context, rq providers.ResolveRequest, f *probe, address string, head []byte) {
	size := f.size
	if size == 0 {
		size = unknownSize
	}
	parts := windows{{0, head}}
	f.header, _ = providers.ReadHeader(f.container, parts, size) // what was found is valid
	next := f.header.NextBox
	if f.header.Duration != 0 || next < int64(len(head)) || f.ranges != providers.Yes || f.size == 0 {
		return
	}
	if _, tail, err := p.part(ctx, rq, address, next, probeBytes); err == nil {
		f.header, _ = providers.ReadHeader(f.container, append(parts, window{next, tail}), size)
	}
}

// windows reads from the pieces of a file that are at hand.
type windows []window

type window struct {
	at   int64
	data []byte
}

// ReadAt implements io.ReaderAt.
func (w windows) ReadAt(b []byte, off int64) (int, error) {
	for _, p := range w {
		if off >= p.at && off < p.at+int64(len(p.data)) {
			if n := copy(b, p.data[off-p.at:]); n == len(b) {
				return n, nil
			}
		}
	}
	return 0, io.EOF
}
