package proxy

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"synctv/providers"
	"synctv/providers/providertest"
)

// resolveURI does what a player does with a URI of a playlist that was served
// at /media/{ticket}/index.m3u8, and gives the ticket and the name behind it.
func resolveURI(t *testing.T, own, uri string) (sealed, name string) {
	t.Helper()
	base := &url.URL{Path: "/media/" + own + "/index.m3u8"}
	ref, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimPrefix(base.ResolveReference(ref).Path, "/media/"), "/")
	if len(parts) != 2 {
		t.Fatalf("%q leads to %q", uri, parts)
	}
	return parts[0], parts[1]
}

// leadsTo is the URL or path that fetching a URI would ask for.
func leadsTo(t *testing.T, p *Proxy, own Ticket, uri string) (Ticket, string) {
	t.Helper()
	sealed, name := resolveURI(t, p.Sign(own), uri)
	tk, err := p.Open(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if plain, ok := strings.CutPrefix(name, "~"); ok {
		if tk, err = tk.inDir(plain); err != nil {
			t.Fatal(err)
		}
	}
	if tk.Path != "" {
		return tk, path.Clean(tk.Path)
	}
	return tk, tk.URL
}

var quotedURI = regexp.MustCompile(`URI="([^"]*)"`)

func TestA42_EveryURIOfAPlaylistBecomesATicket(t *testing.T) {
	p := newProxy(t, nil)
	tk := ticket(KindManifest, "https://cdn.example/film/master.m3u8?sig=1")
	tk.Header = map[string][]string{"X-Token": {"secret"}, "Referer": {"https://site.example"}}
	base, _ := url.Parse(tk.URL)
	type line struct{ in, want, kind string }
	lines := []line{
		{`#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/k?id=1,2",IV=0x1`, "https://keys.example/k?id=1,2", KindURL},
		{`#EXT-X-MAP:URI="init.mp4",BYTERANGE="100@0"`, "https://cdn.example/film/init.mp4", KindURL},
		{`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a, b",URI="audio/en.m3u8"`, "https://cdn.example/film/audio/en.m3u8", KindManifest},
		{`#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="//other.example/i"`, "https://other.example/i", KindManifest},
		{`#EXT-X-SESSION-KEY:METHOD=AES-128,URI="/k"`, "https://cdn.example/k", KindURL},
		{`#EXT-X-SESSION-DATA:DATA-ID="x",URI="data.json"`, "https://cdn.example/film/data.json", KindURL},
		{`#EXT-X-PART:DURATION=0.3,URI="part1.m4s"`, "https://cdn.example/film/part1.m4s", KindURL},
		{`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="../up/part2.m4s"`, "https://cdn.example/up/part2.m4s", KindURL},
		{`#EXT-X-RENDITION-REPORT:URI="../v2/live.m3u8",LAST-MSN=3`, "https://cdn.example/v2/live.m3u8", KindManifest},
		{`#EXT-X-FUTURE:NEXT-URI="https://new.example/x"`, "https://new.example/x", KindURL},
		{"seg1.ts", "https://cdn.example/film/seg1.ts", KindURL},
		{"a/b/seg 2.ts", "https://cdn.example/film/a/b/seg%202.ts", KindURL},
		{"720p/seg3.ts", "https://cdn.example/film/720p/seg3.ts", KindURL},
		{"seg4.ts?token=x", "https://cdn.example/film/seg4.ts?token=x", KindURL},
		{"/abs/seg5.ts", "https://cdn.example/abs/seg5.ts", KindURL},
		{"http://plain.example:8080/seg6", "http://plain.example:8080/seg6", KindURL},
		{"%2e%2e/seg7.ts", "https://cdn.example/film/%2e%2e/seg7.ts", KindURL},
		{"nested.m3u8", "https://cdn.example/film/nested.m3u8", KindManifest},
	}
	text := "\xef\xbb\xbf#EXTM3U\r\n#EXT-X-STREAM-INF:BANDWIDTH=1\r\nlow\r\n"
	for _, l := range lines {
		text += l.in + "\r\n"
	}
	out, err := p.rewrite(tk, base, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(string(out), "\n")
	if len(got) != strings.Count(text, "\n")+1 {
		t.Fatalf("lines = %d, want %d", len(got), strings.Count(text, "\n")+1)
	}
	checkRewritten(t, out)
	if low, target := leadsTo(t, p, tk, got[2]); low.Kind != KindManifest || target != "https://cdn.example/film/low" {
		t.Errorf("stream = %s %s", low.Kind, target)
	}
	for i, l := range lines {
		uri := got[i+3]
		if m := quotedURI.FindStringSubmatch(uri); m != nil {
			uri = m[1]
		}
		child, target := leadsTo(t, p, tk, uri)
		if target != l.want || child.Kind != l.kind {
			t.Errorf("%s leads to %s %s, want %s %s", l.in, child.Kind, target, l.kind, l.want)
		}
		if child.Room != tk.Room || child.User != tk.User || child.Media != tk.Media || child.Expires.Unix() != tk.Expires.Unix() {
			t.Errorf("%s: the child belongs to %+v", l.in, child)
		}
		same := strings.HasPrefix(l.want, "https://cdn.example/")
		if (child.Header.Get("X-Token") == "secret") != same || child.Header.Get("Referer") == "" {
			t.Errorf("%s: headers = %v", l.in, child.Header)
		}
	}
}

func TestA42_PlaylistsThatAreRefused(t *testing.T) {
	p := newProxy(t, nil)
	tk := ticket(KindManifest, "https://cdn.example/a.m3u8")
	base, _ := url.Parse(tk.URL)
	for name, text := range map[string]string{
		"file":             "#EXTM3U\nfile:///etc/passwd\n",
		"file key":         "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"file:///etc/passwd\"\n",
		"credentials":      "#EXTM3U\nhttp://a:b@h/x.ts\n",
		"gopher":           "#EXTM3U\ngopher://h/\n",
		"javascript":       "#EXTM3U\njavascript:alert(1)\n",
		"carriage return":  "#EXTM3U\n#comment\rhttp://evil.example/x.ts\n",
		"line separator":   "#EXTM3U\n#EXTINF:1,a\u2028http://evil.example/x.ts\n",
		"nul":              "#EXTM3U\n\x00http://evil.example/x.ts\n",
		"unknown variable": "#EXTM3U\n{$host}/x.ts\n",
		"imported":         "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"x\"\n",
		"broken address":   "#EXTM3U\nhttp://[::1\n",
		"endless address":  "#EXTM3U\n" + strings.Repeat("a", maxURL+1) + "\n",
		"too many lines":   "#EXTM3U\n" + strings.Repeat("\n", providers.MaxPlaylistLines),
	} {
		if out, err := p.rewrite(tk, base, []byte(text)); !errors.Is(err, providers.ErrFailed) {
			t.Errorf("%s became %q, %v", name, out, err)
		}
	}
	deep := tk
	deep.depth = maxDepth
	if _, err := p.rewrite(deep, base, []byte("#EXTM3U\nmore.m3u8\n")); err == nil {
		t.Error("a fourth level was accepted")
	}
}

func TestPlaylistLinesThatStay(t *testing.T) {
	p := newProxy(t, nil)
	tk := ticket(KindManifest, "https://cdn.example/film/a.m3u8")
	base, _ := url.Parse(tk.URL)
	for in, want := range map[string]string{
		"#EXTINF:4.0,Title, with comma":                                    "#EXTINF:4.0,Title, with comma",
		"#EXTINF:4.0,http://ad.example/":                                   "#EXTINF:4.0,",
		"#EXT-X-VERSION:7":                                                 "#EXT-X-VERSION:7",
		"#EXT-X-BYTERANGE:75232@0":                                         "#EXT-X-BYTERANGE:75232@0",
		"#EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:00Z":                    "#EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:00Z",
		"#EXT-X-UNKNOWN:A=1,B=\"c,d\"":                                     "#EXT-X-UNKNOWN:A=1,B=\"c,d\"",
		"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://key\",KEYFORMAT=\"x\"":   "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://key\",KEYFORMAT=\"x\"",
		"#EXT-X-KEY:METHOD=AES-128,URI=\"data:text/plain;base64,AA//\"":    "#EXT-X-KEY:METHOD=AES-128,URI=\"data:text/plain;base64,AA//\"",
		"#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2024-01-01T00:00:00Z\"":    "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2024-01-01T00:00:00Z\"",
		"#EXT-X-DATERANGE:ID=\"a\",X-ASSET-URI=\"http://ad.example/\"":     "#",
		"#EXT-X-DATERANGE:ID=\"a\",X-COM-LINK=\"http://ad.example/\"":      "#EXT-X-DATERANGE:ID=\"a\",X-COM-LINK=\"\"",
		"#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://steer.example/\"":    "#",
		"# a comment with http://evil.example":                             "#",
		"#EXT-X-ODD:http://evil.example":                                   "#",
		"#EXT-X-KEY:METHOD=AES-128,URI=\"https://no.end":                   "#",
		"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1":      "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=NO,PART-HOLD-BACK=1",
		"#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=12.0,CAN-BLOCK-RELOAD=NO":    "#EXT-X-SERVER-CONTROL:X-DROPPED=NO,CAN-BLOCK-RELOAD=NO",
		"#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.4d401f,mp4a.40.2\"":   "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.4d401f,mp4a.40.2\"",
		"#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"a/b c\"": "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"a/b c\"",
	} {
		out, err := p.rewrite(tk, base, []byte("#EXTM3U\n"+in+"\n"))
		if got := strings.TrimSuffix(strings.TrimPrefix(string(out), "#EXTM3U\n"), "\n"); err != nil || got != want {
			t.Errorf("%s became %s (%v), want %s", in, got, err, want)
		}
	}
}

func TestVariablesArePutIn(t *testing.T) {
	p := newProxy(t, nil)
	tk := ticket(KindManifest, "https://cdn.example/a.m3u8?tok=T1")
	base, _ := url.Parse(tk.URL)
	out, err := p.rewrite(tk, base, []byte("#EXTM3U\n#EXT-X-DEFINE:NAME=\"h\",VALUE=\"https://v.example\"\n#EXT-X-DEFINE:QUERYPARAM=\"tok\"\n{$h}/x.ts?t={$tok}\n"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	if _, target := leadsTo(t, p, tk, lines[3]); target != "https://v.example/x.ts?t=T1" || lines[1] != "#" {
		t.Errorf("leads to %s, definition %q", target, lines[1])
	}
	bomb := "#EXTM3U\n#EXT-X-DEFINE:NAME=\"v0\",VALUE=\"aaaaaaaa\"\n"
	for i := range 40 {
		bomb += fmt.Sprintf("#EXT-X-DEFINE:NAME=\"v%d\",VALUE=\"{$v%d}{$v%d}\"\n", i+1, i, i)
	}
	if _, err := p.rewrite(tk, base, []byte(bomb+"{$v40}\n")); err == nil {
		t.Error("doubling variables were accepted")
	}
}

func TestPlaylistOverTheWire(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProxy(t, nil, up)
	up.Put("/film/seg0.ts", "text/plain", providertest.TS(5))
	tk := ticket(KindManifest, up.Put("/film/index.m3u8", "text/plain", providertest.HLS(3, false)))
	res, body := get(t, p, tk, Request{Name: "index.m3u8"})
	if res.Header.Get("Content-Type") != hlsType || res.Length != int64(len(body)) {
		t.Errorf("headers = %v", res.Header)
	}
	if lines := strings.Split(string(body), "\n"); lines[5] != "~seg0.ts" {
		t.Errorf("a segment beside the playlist is %q, want the short form", lines[5])
	}
	seg, data := get(t, p, tk, Request{Name: "~seg0.ts", Range: "bytes=0-187"})
	if seg.Status != 206 || len(data) != 188 || seg.Header.Get("Content-Type") != "video/mp2t" {
		t.Errorf("segment = %d, %d bytes, %v", seg.Status, len(data), seg.Header)
	}
	for _, name := range []string{"~", "~..", "~../x", "~.hidden", "~a/b", "~a%2fb", "~a\\b", "~a b", "~http://x"} {
		if got := class(t, p, tk, Request{Name: name}); got != providers.ClassInvalid {
			t.Errorf("name %q = %q, want invalid", name, got)
		}
	}
}

func TestLivePlaylistIsFetchedOnceForAll(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProxy(t, nil, up)
	u := up.Put("/live.m3u8", "", providertest.HLS(3, true))
	for i := range 20 {
		tk := ticket(KindManifest, u)
		tk.User = fmt.Sprint("user", i)
		if res, _ := get(t, p, tk, Request{}); res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("cache = %q", res.Header.Get("Cache-Control"))
		}
	}
	if up.Calls() != 1 {
		t.Errorf("requests = %d, want 1", up.Calls())
	}
}

func TestPlaylistThatIsNone(t *testing.T) {
	up := providertest.NewUpstream(t)
	p := newProxy(t, nil, up)
	if got := class(t, p, ticket(KindManifest, up.Put("/a", "", []byte("<html>"))), Request{}); got != providers.ClassBadUpstream {
		t.Errorf("page = %q", got)
	}
	big := append([]byte("#EXTM3U\n"), make([]byte, providers.MaxPlaylistBytes)...)
	if got := class(t, p, ticket(KindManifest, up.Put("/b", "", big)), Request{}); got != providers.ClassTooLarge {
		t.Errorf("large = %q", got)
	}
	up.Set(providertest.Switches{Endless: true})
	if got := class(t, p, ticket(KindManifest, up.Put("/c", "", []byte("#EXTM3U\n"))), Request{}); got != providers.ClassTooLarge {
		t.Errorf("endless = %q", got)
	}
	up.Set(providertest.Switches{Gzip: true, NoRange: true})
	if got := class(t, p, ticket(KindManifest, up.Put("/d", "", providertest.HLS(2, false))), Request{}); got != "" {
		t.Errorf("compressed = %q, want it read", got)
	}
	bomb := append([]byte("#EXTM3U\n"), []byte(strings.Repeat("#", 20<<20))...)
	if got := class(t, p, ticket(KindManifest, up.Put("/e", "", bomb)), Request{}); got != providers.ClassTooLarge {
		t.Errorf("bomb = %q", got)
	}
}

func TestLocalPlaylist(t *testing.T) {
	p := newProxy(t, memFiles{
		"lib/Films/a/index.m3u8": []byte("#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4,\nseg 1.m4s\n#EXTINF:4,\nseg2.m4s\n#EXTINF:4,\n../b/seg3.m4s\n#EXTINF:4,\nhttp://cdn.example/x.ts\n#EXT-X-ENDLIST\n"),
		"lib/Films/a/seg2.m4s":   film(100),
	})
	tk := Ticket{Room: "r", User: "u", Kind: KindManifest, Instance: "lib", Path: "Films/a/index.m3u8", Expires: time.Now().Add(time.Hour)}
	_, body := get(t, p, tk, Request{})
	checkRewritten(t, body)
	lines := strings.Split(string(body), "\n")
	for i, want := range map[int]string{3: "Films/a/seg 1.m4s", 5: "Films/a/seg2.m4s", 7: "Films/b/seg3.m4s", 9: "http://cdn.example/x.ts"} {
		child, target := leadsTo(t, p, tk, lines[i])
		if target != want || (child.Instance == "lib") == strings.HasPrefix(want, "http") {
			t.Errorf("line %d leads to %q in %q, want %q", i, target, child.Instance, want)
		}
	}
	if res, data := get(t, p, tk, Request{Name: "~seg2.m4s"}); len(data) != 100 || res.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("segment = %d bytes, %v", len(data), res.Header)
	}
	for _, bad := range []string{"../../../etc/passwd", "/etc/passwd", "../../..", "file:///etc/passwd"} {
		if _, err := p.rewrite(tk, nil, []byte("#EXTM3U\n"+bad+"\n")); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestLongFilmStaysSmall(t *testing.T) {
	p := newProxy(t, nil)
	tk := ticket(KindManifest, "https://cdn.example/film/a.m3u8")
	base, _ := url.Parse(tk.URL)
	text := providertest.HLS(4000, false)
	out, err := p.rewrite(tk, base, text)
	if err != nil || len(out) > len(text)+4000 {
		t.Errorf("bytes = %d (%v), want hardly more than %d", len(out), err, len(text))
	}
}

// checkRewritten fails when anything in the output could lead past the proxy.
func checkRewritten(t *testing.T, out []byte) {
	t.Helper()
	for line := range strings.SplitSeq(string(out), "\n") {
		if line == "" {
			continue
		}
		if !strings.HasPrefix(line, "#") {
			if !ours(line) {
				t.Errorf("unrewritten line %q", line)
			}
			continue
		}
		rest := line
		for _, m := range quotedURI.FindAllStringSubmatch(line, -1) {
			if !ours(m[1]) && m[1] != "" && !strings.HasPrefix(m[1], "data:") && !strings.HasPrefix(m[1], "skd:") {
				t.Errorf("unrewritten URI in %q", line)
			}
			rest = strings.Replace(rest, m[0], "", 1)
		}
		if strings.Contains(rest, "//") || strings.ContainsFunc(rest, breaksLine) {
			t.Errorf("address left in %q", line)
		}
	}
}

var ownURI = regexp.MustCompile(`^(~[A-Za-z0-9_.-]+|\.\./[A-Za-z0-9_-]+/~?[A-Za-z0-9_.-]+)$`)

func ours(uri string) bool { return ownURI.MatchString(uri) && !strings.HasPrefix(uri, "~.") }

func FuzzM3U8Rewrite(f *testing.F) {
	p := New(Config{Key: testKey})
	add := func(s string) { f.Add([]byte("#EXTM3U\n"+s), "https://cdn.example/a/b.m3u8?x=1", false) }
	for _, s := range []string{
		"#EXTINF:4,\nseg.ts\n", "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n", "#EXT-X-MAP:URI=\"a,b\",BYTERANGE=\"1@2\"\n",
		"#EXT-X-PART:URI=\"p\",DURATION=1\n", "#EXT-X-DATERANGE:ID=\"a\",X-ASSET-LIST=\"http://a/\"\n", "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"//b\"\n{$a}/c\n",
		"#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://x/\n", "#EXT-X-KEY:URI=skd://a\n", "#EXT-X-KEY:URI=\"data:,a\"\n", "//x/y\n", "\\\\x\\y\n", "?q\n", "#f\n", ".\n", "..\n", "/\n",
		"http:x\n", "HTTP://X/\n", "a:b\n", "#EXT-X-A:B=http://x\n", "#EXT-X-A:URI=http://x,URI=\"y\"\n", "#EXT-X-MEDIA:URI=\"http://x/\"junk\n", " \thttp://x/ \n", "a%zz\n",
	} {
		add(s)
	}
	f.Add([]byte("#EXTM3U\nfilm/a.ts\n../b.ts\n"), "", true)
	f.Fuzz(func(t *testing.T, text []byte, rawBase string, local bool) {
		tk := Ticket{Kind: KindManifest, Room: "r", Expires: time.Unix(4e9, 0), Instance: "lib", Path: "films/a/index.m3u8"}
		var base *url.URL
		if !local {
			var err error
			if base, err = url.Parse(rawBase); err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || base.User != nil {
				return
			}
			tk.Instance, tk.Path, tk.URL = "", "", rawBase
		}
		out, err := p.rewrite(tk, base, text)
		if err != nil {
			return
		}
		checkRewritten(t, out)
		if got, want := strings.Count(string(out), "\n"), strings.Count(string(text), "\n"); got != want {
			t.Errorf("lines = %d, want %d", got, want)
		}
	})
}

func BenchmarkRewrite(b *testing.B) {
	p := New(Config{Key: testKey})
	tk := ticket(KindManifest, "https://cdn.example/film/a.m3u8")
	base, _ := url.Parse(tk.URL)
	text := providertest.HLS(4000, false)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.rewrite(tk, base, text); err != nil {
			b.Fatal(err)
		}
	}
}
