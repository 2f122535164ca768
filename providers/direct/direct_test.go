package direct

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"synctv/app/netguard"
	"synctv/providers"
	"synctv/providers/providertest"
)

const page = "http://watch.example"

func guarded(up *providertest.Upstream) providers.Deps {
	policy := netguard.Static(netguard.Policy{Guard: true, Allow: []string{up.Addr().String()}})
	return providers.Deps{HTTP: netguard.Client(policy), CheckURL: netguard.NewDialer(policy).CheckURL}
}

func newProvider(t *testing.T, up *providertest.Upstream) *Provider {
	t.Helper()
	p, err := New(guarded(up), providers.InstanceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.(*Provider).Close() })
	return p.(*Provider)
}

func source(u string) json.RawMessage { return json.RawMessage(fmt.Sprintf(`{"url":%q}`, u)) }

func resolve(t *testing.T, p *Provider, u string) *providers.PlayInfo {
	t.Helper()
	info, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: source(u), PublicURL: page})
	if err != nil {
		t.Fatalf("resolve: %v", err)
	}
	return info
}

func TestContract(t *testing.T) {
	up := providertest.NewUpstream(t)
	film := up.Put("/a film.mp4", "video/mp4", providertest.MP4(60, 1000, false))
	providertest.Run(t, providertest.Case{
		Factory: Factory(), Deps: guarded(up),
		Good: source(strings.ReplaceAll(film, " ", "%20")), Missing: source(up.URL + "/gone.mp4"),
		Bad: []json.RawMessage{
			nil, []byte(`{}`), []byte(`[]`), []byte(`"x"`), []byte(`{"url":""}`), []byte(`{"url":"ftp://a/b"}`),
			[]byte(`{"url":"http://"}`), []byte(`{"url":"http://u:p@h/a.mp4"}`), []byte(`{"url":"http://h/a b"}`),
			[]byte(`{"url":"http://h/a","evil":1}`), []byte(`{"url":"http://h/a","format":"exe"}`),
			[]byte(`{"url":"http://h/a"} {}`), []byte(`{"v":2,"url":"http://h/a"}`), source("http://h/" + strings.Repeat("x", 5000)),
			source("http://192.168.1.1/a.mp4"), source("http://127.0.0.1:1/a.mp4"), source("http://localhost:1/a.mp4"),
			source("http://2130706433/a"), source("http://0x7f.1/a"), source("http://[::1]/a"), source("file:///etc/passwd"),
		},
		Calls: up.Calls, Hold: up.Hold,
	})
}

func TestContainerIsDecidedByBytesFirst(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProvider(t, up)
	mp4 := providertest.MP4(90, 100, false)
	for _, c := range []struct {
		name, path, contentType string
		body                    []byte
		container               string
		seconds                 float64
	}{
		{"mp4", "/a.mp4", "video/mp4", mp4, "mp4", 90},
		{"type lies", "/a.bin", "text/plain", mp4, "mp4", 90},
		{"name lies", "/a.mkv", "application/octet-stream", mp4, "mp4", 90},
		{"mkv", "/b.mkv", "video/x-matroska", providertest.MKV("matroska", 12.5), "mkv", 12.5},
		{"webm", "/b.webm", "video/webm", providertest.MKV("webm", 7), "webm", 7},
		{"ts", "/c.ts", "video/mp2t", providertest.TS(10), "ts", 0},
		{"flv", "/c.flv", "video/x-flv", append([]byte("FLV\x01\x05\x00\x00\x00\x09"), make([]byte, 50)...), "flv", 0},
		{"mp3", "/d", "audio/mpeg", []byte("ID3\x03" + strings.Repeat("\x00", 100)), "mp3", 0},
		{"type decides", "/e", "audio/ogg", bytes.Repeat([]byte{1}, 100), "ogg", 0},
		{"name decides", "/f.flac", "", bytes.Repeat([]byte{1}, 100), "flac", 0},
		{"hls with mark", "/g.php", "text/plain", append([]byte("\xef\xbb\xbf\n"), providertest.HLS(3, false)...), "hls", 12},
		{"dash", "/h.mpd", "application/dash+xml", []byte(`<?xml version="1.0"?><MPD type="static"></MPD>`), "dash", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			up.Set(providertest.Switches{CORS: "*"})
			info := resolve(t, p, up.Put(c.path, c.contentType, c.body))
			if v := info.Variants[0]; v.Container != c.container || info.Duration.Seconds() != c.seconds {
				t.Errorf("container, duration = %s, %v, want %s, %v", v.Container, info.Duration.Seconds(), c.container, c.seconds)
			}
		})
	}
}

func TestIndexAtEndIsFoundInTwoRequests(t *testing.T) {
	up := providertest.NewUpstream(t)
	info := resolve(t, newProvider(t, up), up.Put("/a.mp4", "video/mp4", providertest.MP4(5400, 1<<20, true)))
	if info.Duration != 90*time.Minute || up.Calls() != 2 {
		t.Errorf("duration = %v in %d requests, want 90m in 2", info.Duration, up.Calls())
	}
	if v := info.Variants[0]; v.Width != 1920 || v.Height != 1080 || v.Codecs != "avc1.640028,mp4a.40.2" || v.Label != "1080P" {
		t.Errorf("variant = %+v", v)
	}
	if !warned(info, providers.WarnSlowStart) {
		t.Errorf("warnings = %v, want slow_start", info.Warnings)
	}
}

func warned(info *providers.PlayInfo, code string) bool {
	for _, w := range info.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

func TestBadHabits(t *testing.T) {
	film := providertest.MP4(60, 200<<10, false)
	for _, c := range []struct {
		name  string
		sw    providertest.Switches
		class providers.Class // "" = works
	}{
		{"no HEAD", providertest.Switches{NoHead: true}, ""},
		{"no Range", providertest.Switches{NoRange: true}, ""},
		{"no length", providertest.Switches{NoLength: true}, ""},
		{"wrong type", providertest.Switches{Type: "application/json"}, ""},
		{"five redirects", providertest.Switches{Redirects: 5}, ""},
		{"six redirects", providertest.Switches{Redirects: 6}, providers.ClassUnavailable},
		{"redirect to loopback", providertest.Switches{Redirects: 1, RedirectTo: "http://127.0.0.1:9/x"}, providers.ClassBlockedAddress},
		{"redirect to metadata", providertest.Switches{Redirects: 1, RedirectTo: "http://169.254.169.254/latest/"}, providers.ClassBlockedAddress},
		{"redirect to a file", providertest.Switches{Redirects: 1, RedirectTo: "file:///etc/passwd"}, providers.ClassInvalid},
		{"endless", providertest.Switches{Endless: true}, ""},
		{"compressed", providertest.Switches{Gzip: true, NoRange: true}, ""},
		{"one byte", providertest.Switches{OneByte: true}, ""},
		{"forbidden", providertest.Switches{Status: 403}, providers.ClassForbidden},
		{"busy", providertest.Switches{Status: 429, RetryAfter: "7"}, providers.ClassRateLimited},
		{"broken", providertest.Switches{Status: 500}, providers.ClassUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := providertest.NewUpstream(t)
			up.Set(c.sw)
			p := newProvider(t, up)
			info, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: source(up.Put("/a.mp4", "video/mp4", film)), PublicURL: page})
			if got := providers.ClassOf(err); got != c.class {
				t.Fatalf("class = %q (%v), want %q", got, err, c.class)
			}
			if err == nil && info.Variants[0].Container != "mp4" {
				t.Errorf("container = %s, want mp4", info.Variants[0].Container)
			}
		})
	}
}

func TestWebPageIsAnError(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProvider(t, up)
	for path, body := range map[string]string{
		"/watch":   "<!DOCTYPE html><html><body>video</body></html>",
		"/a.mp4":   "\n <html lang=en><head></head></html>",
		"/b.m3u8":  "<html><body>404</body></html>",
		"/plain":   "hello",
		"/b.mpd":   "hello",
		"/no.m3u8": "hello",
	} {
		_, err := p.Parse(t.Context(), providers.ParseRequest{Input: up.Put(path, "text/html", []byte(body))})
		if err == nil {
			t.Errorf("%s was taken for media", path)
		}
	}
	_, err := p.Parse(t.Context(), providers.ParseRequest{Input: up.URL + "/watch"})
	if err == nil || providers.ClassOf(err) != providers.ClassInvalid || !strings.Contains(err.Error(), "web page") {
		t.Errorf("error = %v, want class invalid, a web page", err)
	}
}

func TestHLSClassification(t *testing.T) {
	up := providertest.NewUpstream(t)
	up.Set(providertest.Switches{CORS: "*"})
	p := newProvider(t, up)
	up.Put("/hls/five.m3u8", "", providertest.HLS(5, false))
	up.Put("/hls/growing.m3u8", "", providertest.HLS(5, true))
	up.Put("/root.m3u8", "", providertest.HLS(2, false))
	host := strings.TrimPrefix(up.URL, "http:")
	for _, c := range []struct {
		name, body string
		live       bool
		seconds    float64
	}{
		{"vod", string(providertest.HLS(3, false)), false, 12},
		{"live", string(providertest.HLS(3, true)), true, 0},
		{"type vod", "#EXTM3U\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:3,\na.ts\n", false, 3},
		{"master relative", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1280x720,CODECS=\"avc1.4d401f\"\nfive.m3u8\n", false, 20},
		{"master absolute", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n" + up.URL + "/hls/growing.m3u8\n", true, 0},
		{"master without scheme", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n" + host + "/root.m3u8\n", false, 8},
		{"master to the root", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/root.m3u8\n", false, 8},
		{"long vod", string(providertest.HLS(20_000, false)), false, 80_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			info := resolve(t, p, up.Put("/hls/"+strings.ReplaceAll(c.name, " ", "-")+".m3u8", "application/x-mpegurl", []byte(c.body)))
			if info.Live != c.live || info.Duration.Seconds() != c.seconds {
				t.Errorf("live, duration = %v, %v, want %v, %v", info.Live, info.Duration.Seconds(), c.live, c.seconds)
			}
			if v := info.Variants[0]; v.Container != "hls" || v.Proxy != providers.ProxyOptional {
				t.Errorf("variant = %+v, want hls without need of the proxy", v)
			}
		})
	}
}

func TestProxyNeed(t *testing.T) {
	for _, c := range []struct {
		name, path, public, cors string
		header                   http.Header
		need                     providers.ProxyNeed
		reason                   providers.ProxyReason
	}{
		{"plain file", "/a.mp4", page, "", nil, providers.ProxyOptional, ""},
		{"headers", "/a.mp4", page, "", http.Header{"Referer": {"http://x.example"}}, providers.ProxyRequired, providers.ReasonCredentials},
		{"mixed content", "/a.mp4", "https://watch.example", "", nil, providers.ProxyRequired, providers.ReasonMixedContent},
		{"hls without consent", "/a.m3u8", page, "", nil, providers.ProxyRequired, providers.ReasonCORS},
		{"hls for all", "/a.m3u8", page, "*", nil, providers.ProxyOptional, ""},
		{"hls for us", "/a.m3u8", page, page, nil, providers.ProxyOptional, ""},
		{"hls for others", "/a.m3u8", page, "http://other.example", nil, providers.ProxyRequired, providers.ReasonCORS},
		{"ts without consent", "/a.ts", page, "", nil, providers.ProxyRequired, providers.ReasonCORS},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := providertest.NewUpstream(t)
			up.Set(providertest.Switches{CORS: c.cors})
			up.Put("/a.mp4", "video/mp4", providertest.MP4(60, 10, false))
			up.Put("/a.m3u8", "application/x-mpegurl", providertest.HLS(2, false))
			up.Put("/a.ts", "video/mp2t", providertest.TS(10))
			info, err := newProvider(t, up).Resolve(t.Context(), providers.ResolveRequest{Source: source(up.URL + c.path), Headers: c.header, PublicURL: c.public})
			if err != nil {
				t.Fatal(err)
			}
			if v := info.Variants[0]; v.Proxy != c.need || v.Reason != c.reason {
				t.Errorf("need = %v %q, want %v %q", v.Proxy, v.Reason, c.need, c.reason)
			}
			if got := up.Asked()[0].Header; got.Get("Origin") == "" || c.header != nil && got.Get("Referer") != "http://x.example" {
				t.Errorf("asked with %v", got)
			}
		})
	}
}

func TestA44_MediaHeadersThatMayNotBeSet(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProvider(t, up)
	u := up.Put("/a.mp4", "video/mp4", providertest.MP4(60, 10, false))
	many := http.Header{}
	for i := range 21 {
		many.Set(fmt.Sprintf("X-H%d", i), "1")
	}
	for _, h := range []http.Header{
		{"Host": {"x"}},
		{"host": {"x"}},
		{"Cookie": {"a=b"}},
		{"Transfer-Encoding": {"chunked"}},
		{"Content-Length": {"1"}},
		{"X-Forwarded-For": {"1.1.1.1"}},
		{"Connection": {"close"}},
		{"Te": {"trailers"}},
		{"Proxy-Authorization": {"x"}},
		{"Range": {"bytes=0-1"}},
		{"Sec-Fetch-Site": {"none"}},
		{"Upgrade": {"h2c"}},
		{"Accept-Encoding": {"gzip"}},
		{"X-A": {"a\r\nHost: b"}},
		{"X-A": {"a\x00"}},
		{"X A": {"b"}},
		{"": {"b"}},
		{"X-A": {strings.Repeat("a", 1025)}},
		many,
	} {
		_, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: source(u), Headers: h})
		if providers.ClassOf(err) != providers.ClassInvalid {
			t.Errorf("headers %v: %v, want class invalid", h, err)
		}
	}
	if up.Calls() != 0 {
		t.Errorf("requests = %d, want 0", up.Calls())
	}
}

func TestA41_SecretsStayWithTheirHost(t *testing.T) {
	home, other := providertest.NewUpstream(t), providertest.NewUpstream(t)
	target := other.Put("/a.mp4", "video/mp4", providertest.MP4(60, 10, false))
	u := home.Put("/a.mp4", "video/mp4", nil)
	home.Set(providertest.Switches{Redirects: 1, RedirectTo: target})
	policy := netguard.Static(netguard.Policy{Guard: true, Allow: []string{home.Addr().String(), other.Addr().String()}})
	p, err := New(providers.Deps{HTTP: netguard.Client(policy)}, providers.InstanceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Resolve(t.Context(), providers.ResolveRequest{Source: source(u), Headers: http.Header{
		"Authorization": {"secret"}, "X-Emby-Token": {"secret"}, "User-Agent": {"ours"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := home.Asked()[0].Header; got.Get("Authorization") != "secret" {
		t.Errorf("the host it is meant for got %v", got)
	}
	for name, v := range other.Asked()[0].Header {
		if strings.Contains(strings.Join(v, ""), "secret") {
			t.Errorf("another host got %s: %v", name, v)
		}
	}
	if got := other.Asked()[0].Header.Get("User-Agent"); got != "ours" {
		t.Errorf("user agent = %q, want ours", got)
	}
}

func TestExpiryOfSignedURL(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProvider(t, up)
	end := time.Now().Add(2 * time.Hour).Truncate(time.Second)
	info := resolve(t, p, up.Put("/a.mp4", "video/mp4", providertest.MP4(60, 10, false))+fmt.Sprintf("?Expires=%d", end.Unix()))
	if !info.Expires.Equal(end) || !warned(info, providers.WarnExpires) {
		t.Errorf("expires = %v %v, want %v and a warning", info.Expires, info.Warnings, end)
	}
	_, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: json.RawMessage(fmt.Sprintf(`{"url":%q,"expires_at":%d}`, up.URL+"/a.mp4", time.Now().Unix()-5))})
	if providers.ClassOf(err) != providers.ClassLinkExpired {
		t.Errorf("error = %v, want link_expired", err)
	}
}

func TestTitleOfURL(t *testing.T) {
	for raw, want := range map[string]string{
		"http://h.example/Films/Big%20Film.2020.mkv": "Big Film.2020",
		"http://h.example/live/channel1/index.m3u8":  "channel1",
		"http://h.example/":                          "h.example",
		"http://h.example":                           "h.example",
		"http://h.example/%E7%94%B5%E5%BD%B1.mp4":    "电影",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := title(u); got != want {
			t.Errorf("title(%s) = %q, want %q", raw, got, want)
		}
	}
}
