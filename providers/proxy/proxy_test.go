package proxy

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"synctv/app/netguard"
	"synctv/providers"
	"synctv/providers/providertest"
)

var testKey = bytes.Repeat([]byte{7}, 32)

// memFiles is a library in memory.
type memFiles map[string][]byte

type memFile struct{ *bytes.Reader }

func (memFile) Close() error { return nil }

func (m memFiles) OpenFile(_ context.Context, instance, path string) (*providers.File, error) {
	b, ok := m[instance+"/"+path]
	if !ok {
		return nil, &providers.Error{Class: providers.ClassNotFound}
	}
	return &providers.File{ReadSeekCloser: memFile{bytes.NewReader(b)}, Name: path[strings.LastIndex(path, "/")+1:], Size: int64(len(b)), ModTime: providertest.Modified}, nil
}

func (m memFiles) Thumbnail(ctx context.Context, instance, id string) (*providers.File, error) {
	f, err := m.OpenFile(ctx, instance, id)
	if err == nil {
		f.MIME = http.DetectContentType(m[instance+"/"+id])
	}
	return f, err
}

func newProxy(t *testing.T, files memFiles, ups ...*providertest.Upstream) *Proxy {
	t.Helper()
	var allow []string
	for _, u := range ups {
		allow = append(allow, u.Addr().String())
	}
	p := New(Config{Key: testKey, Files: files, HTTP: netguard.PlainClient(netguard.Static(netguard.Policy{Guard: true, Allow: allow}))})
	t.Cleanup(p.Close)
	return p
}

func ticket(kind, url string) Ticket {
	return Ticket{Room: "room1", Media: "media1", User: "user1", Kind: kind, URL: url, Expires: time.Now().Add(time.Hour)}
}

func get(t *testing.T, p *Proxy, tk Ticket, rq Request) (*Response, []byte) {
	t.Helper()
	if rq.Method == "" {
		rq.Method = http.MethodGet
	}
	res, err := p.Fetch(t.Context(), tk, rq)
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return res, body
}

func class(t *testing.T, p *Proxy, tk Ticket, rq Request) providers.Class {
	t.Helper()
	if rq.Method == "" {
		rq.Method = http.MethodGet
	}
	res, err := p.Fetch(t.Context(), tk, rq)
	if err == nil {
		res.Body.Close()
		return ""
	}
	return providers.ClassOf(err)
}

func film(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func TestRangesOfAFile(t *testing.T) {
	body := film(1000)
	p := newProxy(t, memFiles{"lib/a.mp4": body})
	tk := Ticket{Kind: KindFile, Instance: "lib", Path: "a.mp4", Expires: time.Now().Add(time.Hour)}
	whole, _ := get(t, p, tk, Request{})
	etag := whole.Header.Get("ETag")
	for _, c := range []struct {
		name   string
		rq     Request
		status int
		from   int
		to     int
		cr     string
	}{
		{"none", Request{}, 200, 0, 1000, ""},
		{"first byte", Request{Range: "bytes=0-0"}, 206, 0, 1, "bytes 0-0/1000"},
		{"last byte", Request{Range: "bytes=999-999"}, 206, 999, 1000, "bytes 999-999/1000"},
		{"open", Request{Range: "bytes=500-"}, 206, 500, 1000, "bytes 500-999/1000"},
		{"beyond", Request{Range: "bytes=500-5000"}, 206, 500, 1000, "bytes 500-999/1000"},
		{"suffix", Request{Range: "bytes=-10"}, 206, 990, 1000, "bytes 990-999/1000"},
		{"long suffix", Request{Range: "bytes=-5000"}, 206, 0, 1000, "bytes 0-999/1000"},
		{"past the end", Request{Range: "bytes=1000-"}, 416, 0, 0, "bytes */1000"},
		{"several", Request{Range: "bytes=0-1,5-6"}, 200, 0, 1000, ""},
		{"rubbish", Request{Range: "bytes=a-b"}, 200, 0, 1000, ""},
		{"backwards", Request{Range: "bytes=5-4"}, 200, 0, 1000, ""},
		{"other unit", Request{Range: "items=0-1"}, 200, 0, 1000, ""},
		{"if-range holds", Request{Range: "bytes=1-2", IfRange: etag}, 206, 1, 3, "bytes 1-2/1000"},
		{"if-range date holds", Request{Range: "bytes=1-2", IfRange: providertest.Modified.Format(http.TimeFormat)}, 206, 1, 3, "bytes 1-2/1000"},
		{"if-range other", Request{Range: "bytes=1-2", IfRange: `"other"`}, 200, 0, 1000, ""},
		{"if-range weak", Request{Range: "bytes=1-2", IfRange: "W/" + etag}, 200, 0, 1000, ""},
		{"not modified", Request{IfNoneMatch: `"x", W/` + etag}, 304, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, got := get(t, p, tk, c.rq)
			if res.Status != c.status || !bytes.Equal(got, body[c.from:c.to]) || res.Header.Get("Content-Range") != c.cr {
				t.Errorf("status, bytes, range = %d, %d, %q, want %d, %d, %q", res.Status, len(got), res.Header.Get("Content-Range"), c.status, c.to-c.from, c.cr)
			}
			if (c.status == 200 || c.status == 206) && res.Length != int64(len(got)) {
				t.Errorf("length = %d, want %d", res.Length, len(got))
			}
			head, none := get(t, p, tk, Request{Method: http.MethodHead, Range: c.rq.Range, IfRange: c.rq.IfRange, IfNoneMatch: c.rq.IfNoneMatch})
			if len(none) != 0 || head.Status != res.Status || head.Length != res.Length {
				t.Errorf("HEAD = %d, %d bytes, length %d", head.Status, len(none), head.Length)
			}
		})
	}
}

func TestRangesOfAnotherServer(t *testing.T) {
	up := providertest.NewUpstream(t)
	body := film(3000)
	u := up.Put("/a.mp4", "video/mp4", body)
	p := newProxy(t, nil, up)
	for _, c := range []struct {
		name   string
		sw     providertest.Switches
		rng    string
		status int
		from   int
		to     int
	}{
		{"whole", providertest.Switches{}, "", 200, 0, 3000},
		{"part", providertest.Switches{}, "bytes=100-199", 206, 100, 200},
		{"suffix", providertest.Switches{}, "bytes=-5", 206, 2995, 3000},
		{"past the end", providertest.Switches{}, "bytes=3000-", 416, 0, 0},
		{"several become one body", providertest.Switches{}, "bytes=0-1,3-4", 200, 0, 3000},
		{"no ranges from zero", providertest.Switches{NoRange: true}, "bytes=0-", 200, 0, 3000},
		{"no ranges from later", providertest.Switches{NoRange: true}, "bytes=100-199", 206, 100, 200},
		{"no length", providertest.Switches{NoLength: true}, "", 200, 0, 3000},
		{"broken off once", providertest.Switches{CutOnce: true}, "", 200, 0, 3000},
		{"broken off once in a part", providertest.Switches{CutOnce: true}, "bytes=1000-", 206, 1000, 3000},
		{"redirected", providertest.Switches{Redirects: 5}, "bytes=7-9", 206, 7, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			up.Set(c.sw)
			res, got := get(t, p, ticket(KindURL, u), Request{Range: c.rng})
			if res.Status != c.status || !bytes.Equal(got, body[c.from:c.to]) {
				t.Errorf("status, bytes = %d, %d, want %d, %d", res.Status, len(got), c.status, c.to-c.from)
			}
		})
	}
}

func TestBodyThatIsBrokenOffTwiceIsAnError(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProxy(t, nil, up)
	up.Set(providertest.Switches{CutAlways: true})
	res, err := p.Fetch(t.Context(), ticket(KindURL, up.Put("/a.mp4", "video/mp4", film(1<<20))), Request{Method: http.MethodGet})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err == nil || n >= 1<<20 {
		t.Errorf("read %d bytes, %v, want an error", n, err)
	}
}

func TestUpstreamFailuresHaveClasses(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProxy(t, nil, up)
	u := up.Put("/a.mp4", "video/mp4", film(100))
	for _, c := range []struct {
		name string
		sw   providertest.Switches
		url  string
		want providers.Class
	}{
		{"gone", providertest.Switches{Status: 410}, u, providers.ClassLinkExpired},
		{"not found", providertest.Switches{Status: 404}, u, providers.ClassNotFound},
		{"forbidden", providertest.Switches{Status: 403}, u, providers.ClassForbidden},
		{"forbidden after its end", providertest.Switches{Status: 403}, u + fmt.Sprintf("?Expires=%d", time.Now().Unix()-60), providers.ClassLinkExpired},
		{"busy", providertest.Switches{Status: 429}, u, providers.ClassRateLimited},
		{"broken", providertest.Switches{Status: 502}, u, providers.ClassUnavailable},
		{"odd", providertest.Switches{Status: 418}, u, providers.ClassBadUpstream},
		{"a page", providertest.Switches{Type: "text/html"}, u, providers.ClassBadUpstream},
		{"json", providertest.Switches{Type: "application/json; charset=utf-8"}, u, providers.ClassBadUpstream},
		{"compressed", providertest.Switches{Gzip: true}, u, providers.ClassBadUpstream},
		{"circles", providertest.Switches{Redirects: 100}, u, providers.ClassBadUpstream},
		{"to a file", providertest.Switches{Redirects: 1, RedirectTo: "file:///etc/passwd"}, u, providers.ClassInvalid},
		{"to gopher", providertest.Switches{Redirects: 1, RedirectTo: "gopher://h/"}, u, providers.ClassInvalid},
		{"with credentials", providertest.Switches{Redirects: 1, RedirectTo: "http://a:b@h/"}, u, providers.ClassInvalid},
		{"to loopback", providertest.Switches{Redirects: 1, RedirectTo: "http://127.0.0.1:9/"}, u, providers.ClassBlockedAddress},
		{"to metadata", providertest.Switches{Redirects: 1, RedirectTo: "http://169.254.169.254/"}, u, providers.ClassBlockedAddress},
		{"to odd notation", providertest.Switches{Redirects: 1, RedirectTo: "http://0x7f.1/"}, u, providers.ClassInvalid},
		{"private address", providertest.Switches{}, "http://10.1.2.3/a.mp4", providers.ClassBlockedAddress},
	} {
		t.Run(c.name, func(t *testing.T) {
			up.Set(c.sw)
			if got := class(t, p, ticket(KindURL, c.url), Request{}); got != c.want {
				t.Errorf("class = %q, want %q", got, c.want)
			}
		})
	}
}

func TestA46_OnlyListedHeadersPass(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProxy(t, nil, up)
	bad := http.Header{
		"Set-Cookie": {"a=b"}, "Content-Security-Policy": {"default-src *"}, "Clear-Site-Data": {`"*"`}, "Location": {"/"},
		"Service-Worker-Allowed": {"/"}, "Content-Disposition": {"inline"}, "Access-Control-Allow-Origin": {"*"}, "Link": {"</x>; rel=preload"},
		"X-Anything": {"1"}, "Refresh": {"0; url=/"}, "Alt-Svc": {`h3=":1"`}, "Strict-Transport-Security": {"max-age=1"},
	}
	up.Set(providertest.Switches{Header: bad})
	res, _ := get(t, p, ticket(KindURL, up.Put("/a.mp4", "video/mp4", film(100))), Request{Range: "bytes=1-5"})
	allowed := map[string]bool{
		"Content-Type": true, "X-Content-Type-Options": true, "Content-Security-Policy": true, "Referrer-Policy": true,
		"Cache-Control": true, "Etag": true, "Last-Modified": true, "Accept-Ranges": true, "Content-Range": true,
	}
	for name := range res.Header {
		if !allowed[name] {
			t.Errorf("header %s passed", name)
		}
	}
	if got := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "sandbox") {
		t.Errorf("policy = %q", got)
	}
}

func TestMediaTypeIsForced(t *testing.T) {
	for _, c := range []struct{ format, name, said, want string }{
		{"mp4", "/a", "text/plain", "video/mp4"},
		{"", "/seg.ts", "image/png", "video/mp2t"},
		{"", "/seg.m4s", "", "video/mp4"},
		{"", "/k.key", "text/plain", "application/octet-stream"},
		{"", "/x", "video/webm", "video/webm"},
		{"", "/x", "image/svg+xml", "application/octet-stream"},
		{"", "/x.html", "application/xml", "application/octet-stream"},
		{"", "/x", "text/javascript", "application/octet-stream"},
		{"", "/s.vtt", "text/plain", "text/vtt; charset=utf-8"},
	} {
		if got := mediaType(Ticket{Format: c.format}, c.name, c.said); got != c.want {
			t.Errorf("mediaType(%q, %q, %q) = %q, want %q", c.format, c.name, c.said, got, c.want)
		}
	}
}

func TestA41_HeadersAreDroppedWhenTheHostChanges(t *testing.T) {
	home, other := providertest.NewUpstream(t), providertest.NewUpstream(t)
	p := newProxy(t, nil, home, other)
	home.Set(providertest.Switches{Redirects: 1, RedirectTo: other.Put("/a.mp4", "video/mp4", film(100))})
	tk := ticket(KindURL, home.Put("/a.mp4", "video/mp4", film(100)))
	tk.Header = http.Header{"Authorization": {"secret"}, "X-Emby-Token": {"secret"}, "Cookie": {"secret"}, "Referer": {"http://site.example/"}, "User-Agent": {"ours"}}
	_, _ = get(t, p, tk, Request{})
	if got := home.Asked()[0].Header; got.Get("X-Emby-Token") != "secret" || got.Get("Cookie") != "secret" {
		t.Errorf("the host it is meant for got %v", got)
	}
	got := other.Asked()[0].Header
	for name, v := range got {
		if strings.Contains(strings.Join(v, ""), "secret") {
			t.Errorf("another host got %s: %v", name, v)
		}
	}
	if got.Get("User-Agent") != "ours" || got.Get("Referer") != "http://site.example/" || got.Get("Accept-Encoding") != "identity" {
		t.Errorf("another host was asked with %v", got)
	}
}

func TestA43_TicketBitFlip(t *testing.T) {
	p := newProxy(t, nil)
	tk := ticket(KindURL, "https://cdn.example/film.mp4?token=abc")
	tk.Header = http.Header{"Referer": {"https://site.example"}}
	sealed := p.Sign(tk)
	back, err := p.Open(sealed)
	if err != nil || back.URL != tk.URL || back.Room != tk.Room || back.User != tk.User || back.Header.Get("Referer") != "https://site.example" {
		t.Fatalf("Open = %+v, %v", back, err)
	}
	if strings.Contains(sealed, "cdn") || p.Sign(tk) != sealed {
		t.Errorf("a ticket must hide its content and be the same each time: %s", sealed)
	}
	for i := range len(sealed) {
		for bit := range 8 {
			b := []byte(sealed)
			b[i] ^= 1 << bit
			if _, err := p.Open(string(b)); providers.ClassOf(err) != providers.ClassForbidden {
				t.Fatalf("byte %d bit %d: %v, want class forbidden", i, bit, err)
			}
		}
	}
	for _, s := range []string{"", "a", sealed[:len(sealed)-1], sealed + "A", sealed + "=", strings.Repeat("A", 1<<20), "../" + sealed} {
		if _, err := p.Open(s); err == nil {
			t.Errorf("accepted %.40q", s)
		}
	}
}

func TestA43_TicketOfAnotherKeyOrTime(t *testing.T) {
	p := newProxy(t, nil)
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	other := New(Config{Key: key})
	rotated := New(Config{Key: key, OldKeys: [][]byte{testKey}})
	sealed := p.Sign(ticket(KindURL, "http://a/"))
	if _, err := other.Open(sealed); providers.ClassOf(err) != providers.ClassForbidden {
		t.Errorf("another server's ticket: %v", err)
	}
	if _, err := rotated.Open(sealed); err != nil {
		t.Errorf("ticket of the key before: %v", err)
	}
	old := ticket(KindURL, "http://a/")
	old.Expires = time.Now().Add(-2 * clockSkew)
	if _, err := p.Open(p.Sign(old)); providers.ClassOf(err) != providers.ClassLinkExpired {
		t.Errorf("old ticket: %v", err)
	}
	far := ticket(KindURL, "http://a/")
	far.Expires = time.Now().Add(100 * time.Hour)
	if got, _ := p.Open(p.Sign(far)); time.Until(got.Expires) > Lifetime {
		t.Errorf("expires in %v, want at most %v", time.Until(got.Expires), Lifetime)
	}
}

func TestLargeHeadersAreKeptNotCarried(t *testing.T) {
	p := newProxy(t, nil)
	tk := ticket(KindURL, "http://a/")
	tk.Header = http.Header{"X-Token": {strings.Repeat("x", 1000)}, "X-Other": {strings.Repeat("y", 1000)}}
	sealed := p.Sign(tk)
	if len(sealed) > 400 {
		t.Errorf("ticket has %d characters", len(sealed))
	}
	if got, err := p.Open(sealed); err != nil || got.Header.Get("X-Token") != tk.Header.Get("X-Token") {
		t.Errorf("Open = %v, %v", got.Header, err)
	}
	restarted := newProxy(t, nil)
	if _, err := restarted.Open(sealed); providers.ClassOf(err) != providers.ClassLinkExpired {
		t.Errorf("after a restart: %v, want link_expired", err)
	}
}

func TestViewerHasFourStreams(t *testing.T) {
	p := newProxy(t, memFiles{"lib/a.mp4": film(10)})
	tk := Ticket{Room: "r", User: "u", Kind: KindFile, Instance: "lib", Path: "a.mp4", Expires: time.Now().Add(time.Hour)}
	var open []*Response
	for range perViewer {
		res, err := p.Fetch(t.Context(), tk, Request{Method: http.MethodGet})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, res)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Fetch(ctx, tk, Request{Method: http.MethodGet}); err == nil {
		t.Error("a fifth stream was opened")
	}
	other := tk
	other.User = "someone else"
	if got := class(t, p, other, Request{}); got != "" {
		t.Errorf("another viewer got %s", got)
	}
	open[0].Body.Close()
	open[0].Body.Close()
	if got := class(t, p, tk, Request{}); got != "" {
		t.Errorf("after one was closed: %s", got)
	}
}

func TestClosingReleasesTheUpstream(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProxy(t, nil, up)
	up.Set(providertest.Switches{Endless: true})
	res, err := p.Fetch(t.Context(), ticket(KindURL, up.Put("/a.flv", "video/x-flv", []byte("FLV"))), Request{Method: http.MethodGet})
	if err != nil || res.Length != -1 {
		t.Fatal(res, err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	res.Body.Close() // the upstream's handler ends only with its client; the test server waits for it
}

func TestThumbnailMustBeAPicture(t *testing.T) {
	p := newProxy(t, memFiles{"lib/p.jpg": []byte("\xff\xd8\xff\xe0aaaaaaaaaaaa"), "lib/e.svg": []byte("<svg onload=alert(1)>")})
	res, body := get(t, p, Ticket{Kind: KindThumbnail, Instance: "lib", Path: "p.jpg"}, Request{})
	if res.Header.Get("Content-Type") != "image/jpeg" || len(body) == 0 {
		t.Errorf("picture = %v", res.Header)
	}
	if got := class(t, p, Ticket{Kind: KindThumbnail, Instance: "lib", Path: "e.svg"}, Request{}); got != providers.ClassNotFound {
		t.Errorf("script = %q, want not_found", got)
	}
}

func FuzzMediaTicket(f *testing.F) {
	p := New(Config{Key: testKey})
	tk := Ticket{Room: "r", Media: "m", User: "u", Kind: KindURL, URL: "http://h/a", Header: http.Header{"A": {"b", "c"}}, Expires: time.Unix(4e9, 0)}
	sealed := p.Sign(tk)
	f.Add(sealed, "http://h/x", uint16(3))
	f.Add("AQ", "", uint16(0))
	f.Add(strings.Repeat("A", 100), "\x00", uint16(9999))
	f.Add(sealed[:40], "http://[::1]/", uint16(17))
	f.Fuzz(func(t *testing.T, text, u string, flip uint16) {
		if got, err := p.Open(text); err == nil && p.Sign(got) != text {
			if time.Until(got.Expires) < Lifetime { // otherwise Sign shortens it
				t.Errorf("%q opened to what signs as something else", text)
			}
		}
		mine := Ticket{Kind: KindURL, URL: u, Room: text, Expires: time.Now().Add(time.Hour).Truncate(time.Second)}
		if len(u)+len(text) > 4096 {
			return
		}
		s := p.Sign(mine)
		back, err := p.Open(s)
		if err != nil || back.URL != u || back.Room != text || !back.Expires.Equal(mine.Expires) {
			t.Fatalf("round trip = %+v, %v", back, err)
		}
		b := []byte(s)
		b[int(flip)%len(b)] ^= 1 << (flip % 7)
		if _, err := p.Open(string(b)); err == nil {
			t.Errorf("a flipped bit was accepted")
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-1", "bytes=5-", "bytes=a-", "bytes=0-1,2-3", "bytes=-0", "bytes=99999999999999999999-", "bytes= 1-2"} {
		f.Add(s, int64(1000))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		r, ok := parseRange(header)
		if !ok {
			return
		}
		start, length, ok := r.within(size)
		if ok && (start < 0 || length <= 0 || start+length > size) {
			t.Errorf("%q of %d = %d+%d", header, size, start, length)
		}
		if again, ok := parseRange(r.String()); !ok || again != r {
			t.Errorf("%q written as %q", header, r)
		}
		if ok {
			s, l, n, ok := parseContentRange(contentRange(start, length, size))
			if !ok || s != start || l != length || n != size {
				t.Errorf("content range of %d+%d/%d does not read back", start, length, size)
			}
		}
	})
}
