// Package providertest is the outside world of the provider tests: a fake
// media server with the bad habits of real ones, small media files, and the
// suite that every provider passes.
//
// A fake verifies nothing by itself; what it was asked is recorded for the
// test to look at.
//
// Imported by tests only.
package providertest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Switches are the bad habits of a server; the zero value has none.
type Switches struct {
	NoHead     bool   // answers HEAD with 405
	NoRange    bool   // ignores Range
	Type       string // Content-Type instead of the file's
	Redirects  int    // hops before the file
	RedirectTo string // Location of the last hop instead of the file
	Endless    bool   // the body never ends and has no length
	Stall      bool   // sends half of the body and then nothing until the client leaves
	Gzip       bool   // compresses although asked not to
	OneByte    bool   // answers every range with its first byte alone
	CutOnce    bool   // breaks the first body off in the middle
	CutAlways  bool   // breaks every body off in the middle
	CORS       string // Access-Control-Allow-Origin
	Status     int    // instead of the file
	RetryAfter string
	NoLength   bool // no Content-Length
	NoTag      bool // no ETag and no Last-Modified
	Header     http.Header
}

// Asked is a request as it came.
type Asked struct {
	Method, Path, Query string
	Header              http.Header
}

// Upstream is a media server on loopback. Safe for concurrent use.
type Upstream struct {
	*httptest.Server

	mu    sync.Mutex
	sw    Switches
	files map[string]File
	asked []Asked
	cut   bool
	hold  chan struct{}
}

// File is something it serves.
type File struct {
	Type string
	Body []byte
}

// Modified is the time every file was changed.
var Modified = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// NewUpstream starts a server and stops it with the test.
func NewUpstream(t testing.TB) *Upstream {
	t.Helper()
	u := &Upstream{files: map[string]File{}}
	u.Server = httptest.NewServer(http.HandlerFunc(u.serve))
	t.Cleanup(u.Close)
	return u
}

// Put adds a file under a path and returns its URL.
func (u *Upstream) Put(path, contentType string, body []byte) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[path] = File{Type: contentType, Body: body}
	return u.URL + path
}

// Set changes the habits.
func (u *Upstream) Set(s Switches) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sw, u.cut = s, false
}

// Hold makes every request wait until the returned function is called.
func (u *Upstream) Hold() (release func()) {
	ch := make(chan struct{})
	u.mu.Lock()
	u.hold = ch
	u.mu.Unlock()
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.hold == ch {
			u.hold = nil
			close(ch)
		}
	}
}

// Asked lists the requests so far.
func (u *Upstream) Asked() []Asked {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Asked(nil), u.asked...)
}

// Calls is how many requests came.
func (u *Upstream) Calls() int { return len(u.Asked()) }

// Addr is where it listens.
func (u *Upstream) Addr() netip.AddrPort {
	return netip.MustParseAddrPort(u.Listener.Addr().String())
}

func (u *Upstream) serve(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.asked = append(u.asked, Asked{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header.Clone()})
	sw, file, hold := u.sw, u.files[r.URL.Path], u.hold
	_, known := u.files[r.URL.Path]
	u.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	maps.Copy(w.Header(), sw.Header)
	if sw.CORS != "" {
		w.Header().Set("Access-Control-Allow-Origin", sw.CORS)
	}
	switch {
	case u.redirect(w, r, sw):
	case sw.Status != 0:
		w.Header().Set("Retry-After", sw.RetryAfter)
		w.WriteHeader(sw.Status)
	case r.Method == http.MethodHead && sw.NoHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !known:
		http.NotFound(w, r)
	default:
		if sw.Type != "" {
			file.Type = sw.Type
		}
		u.send(w, r, sw, file)
	}
}

// redirect counts its hops in the query.
func (u *Upstream) redirect(w http.ResponseWriter, r *http.Request, sw Switches) bool {
	hop, _ := strconv.Atoi(r.URL.Query().Get("hop"))
	if hop >= sw.Redirects {
		return false
	}
	to := fmt.Sprintf("%s?hop=%d", r.URL.Path, hop+1)
	if hop+1 == sw.Redirects && sw.RedirectTo != "" {
		to = sw.RedirectTo
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return true
}

func (u *Upstream) send(w http.ResponseWriter, r *http.Request, sw Switches, f File) {
	w.Header().Set("Content-Type", f.Type)
	body := f.Body
	if sw.Gzip {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body)
		_ = z.Close()
		body = b.Bytes()
		w.Header().Set("Content-Encoding", "gzip")
	}
	if !sw.NoTag {
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, len(f.Body)))
		w.Header().Set("Last-Modified", Modified.Format(http.TimeFormat))
	}
	switch {
	case sw.Endless:
		for r.Context().Err() == nil {
			if _, err := w.Write(append(body, make([]byte, 32<<10)...)); err != nil {
				return
			}
		}
	case sw.Stall, sw.CutAlways, sw.CutOnce && u.first():
		u.half(w, r, sw, body)
	case sw.NoRange || sw.OneByte && r.Header.Get("Range") != "":
		u.odd(w, r, sw, body)
	case sw.NoLength:
		w.(http.Flusher).Flush()
		_, _ = w.Write(body)
	default:
		modified := Modified
		if sw.NoTag {
			modified = time.Time{}
		}
		http.ServeContent(w, r, "", modified, bytes.NewReader(body))
	}
}

func (u *Upstream) first() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	was := u.cut
	u.cut = true
	return !was
}

// half answers as usual but stops in the middle of what it announced.
func (u *Upstream) half(w http.ResponseWriter, r *http.Request, sw Switches, body []byte) {
	rec := httptest.NewRecorder()
	maps.Copy(rec.Header(), w.Header())
	http.ServeContent(rec, r, "", Modified, bytes.NewReader(body))
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
	w.(http.Flusher).Flush()
	if sw.Stall {
		<-r.Context().Done()
		return
	}
	panic(http.ErrAbortHandler)
}

func (u *Upstream) odd(w http.ResponseWriter, r *http.Request, sw Switches, body []byte) {
	if sw.NoRange {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
		return
	}
	from, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	at, _ := strconv.Atoi(from)
	if at >= len(body) {
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, at, len(body)))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(body[at : at+1])
}
