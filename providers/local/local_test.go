package local

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"synctv/providers"
	"synctv/providers/providertest"
)

// library makes a folder of films and returns its provider and path.
func library(t *testing.T, edit func(*Config)) (*Provider, string) {
	t.Helper()
	dir := t.TempDir()
	cfg := Config{Path: dir}
	if edit != nil {
		edit(&cfg)
	}
	raw, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(providers.Deps{DataDir: t.TempDir()}, providers.InstanceConfig{Name: "films", Kind: providers.KindLocal, Config: raw})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.(*Provider).Close() })
	return p.(*Provider), dir
}

func put(t *testing.T, dir, name string, body []byte) {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

func target(p string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"path": p})
	return b
}

func names(page *providers.Page) []string {
	out := []string{}
	for _, it := range page.Items {
		out = append(out, it.Name)
	}
	return out
}

func browse(t *testing.T, p *Provider, rq providers.BrowseRequest) *providers.Page {
	t.Helper()
	if rq.Limit == 0 {
		rq.Limit = providers.DefaultPage
	}
	page, err := p.Browse(t.Context(), rq)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestContract(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.mp4", providertest.MP4(60, 10, false))
	raw, _ := json.Marshal(Config{Path: dir})
	var bad []json.RawMessage
	for _, s := range append(traversals, "", ".", "a", "a.txt", "a.html", "a.srt") {
		if utf8.ValidString(s) { // JSON cannot carry the others
			bad = append(bad, target(s))
		}
	}
	bad = append(bad, []byte(`[]`), []byte(`{"path":"a.mp4","x":1}`), []byte(`{"path":1}`), []byte(`{"path":"a.mp4"} 1`), []byte(`{"v":9,"path":"a.mp4"}`))
	providertest.Run(t, providertest.Case{
		Factory: Factory(), Instance: providers.InstanceConfig{Name: "films", Kind: providers.KindLocal, Config: raw},
		Good: target("a.mp4"), Missing: target("b.mp4"), Bad: bad,
	})
}

// traversals are paths that must never leave a library or reach its hidden parts.
var traversals = []string{
	"..", "../", "../a.mp4", "a/../../b.mp4", "./a.mp4", "a/./b.mp4", "a//b.mp4", "/etc/passwd", "/a.mp4", "a/", "//a.mp4",
	"..\\a.mp4", "a\\..\\..\\b.mp4", "\\a.mp4", "C:\\a.mp4", "\\\\server\\a.mp4", "a\x00.mp4", "a.mp4\x00.txt", "\x00", "a\n.mp4", "a\r.mp4", "a\x7f.mp4",
	".hidden.mp4", "a/.hidden/b.mp4", ".git/config", "...", ".../a.mp4", "a/..", "a/../a.mp4", "%2e%2e/a.mp4/../../b.mp4",
	"\xff\xfe.mp4", "a/\xc0\xae\xc0\xae/b.mp4", strings.Repeat("a/", 40) + "b.mp4", strings.Repeat("a", 4096) + ".mp4", "~/../a.mp4", "a/b/../../../c.mp4",
}

func TestA47_PathTraversalIsNotFound(t *testing.T) {
	p, dir := library(t, nil)
	secret := t.TempDir()
	put(t, secret, "secret.mp4", providertest.MP4(1, 1, false))
	put(t, dir, "a.mp4", providertest.MP4(1, 1, false))
	put(t, dir, ".hidden.mp4", providertest.MP4(1, 1, false))
	put(t, dir, "inner/b.mp4", providertest.MP4(1, 1, false))
	put(t, dir, "notes.txt", []byte("private"))
	links := map[string]string{
		"out.mp4": filepath.Join(secret, "secret.mp4"), "up.mp4": "../" + filepath.Base(secret) + "/secret.mp4",
		"outdir": secret, "etc": "/etc", "root": "/", "in.mp4": "a.mp4", "hop.mp4": "inner/../a.mp4", "loop.mp4": "loop.mp4", "passwd.mp4": "/etc/passwd",
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	forms := append(slices.Clone(traversals), "out.mp4", "up.mp4", "outdir/secret.mp4", "etc/passwd", "root/etc/passwd", "loop.mp4", "passwd.mp4",
		"a.mp4/../../x.mp4", "inner", "inner/", "missing.mp4", "A.MP4x", "notes.txt", "%2e%2e%2fa.mp4", "..%2fa.mp4", "%252e%252e/a.mp4")
	for _, name := range forms {
		if f, err := p.Open(t.Context(), name); providers.ClassOf(err) != providers.ClassNotFound {
			t.Errorf("Open(%.40q) = %v, %v, want not_found", name, f, err)
		}
		if _, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: target(name)}); err == nil {
			t.Errorf("Resolve(%.40q) was accepted", name)
		}
		for _, id := range []string{idPicture + name, idStill + name, name, "x:" + name} {
			if _, err := p.Thumbnail(t.Context(), id); providers.ClassOf(err) != providers.ClassNotFound {
				t.Errorf("Thumbnail(%.40q) = %v, want not_found", id, err)
			}
		}
		if name == "inner" || name == "" {
			continue
		}
		if _, err := p.Browse(t.Context(), providers.BrowseRequest{Target: target(name), Limit: 10}); err == nil {
			t.Errorf("Browse(%.40q) was accepted", name)
		}
	}
	for _, name := range []string{"a.mp4", "in.mp4", "inner/b.mp4"} {
		f, err := p.Open(t.Context(), name)
		if err != nil {
			t.Errorf("Open(%q) = %v", name, err)
			continue
		}
		f.Close()
	}
	got := names(browse(t, p, providers.BrowseRequest{}))
	if want := []string{"inner", "a", "hop", "in"}; !slices.Equal(got, want) {
		t.Errorf("listing = %v, want %v", got, want)
	}
}

func TestA47_LinkThatIsSwappedMeanwhile(t *testing.T) {
	p, dir := library(t, nil)
	secret := t.TempDir()
	put(t, secret, "x.mp4", []byte("secret"))
	put(t, dir, "in/x.mp4", []byte("public"))
	link := filepath.Join(dir, "d")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			to := "in"
			if i%2 == 1 {
				to = secret
			}
			tmp := filepath.Join(dir, ".tmp")
			_ = os.Symlink(to, tmp)
			_ = os.Rename(tmp, link)
		}
	})
	opened := 0
	for range 5000 {
		f, err := p.Open(t.Context(), "d/x.mp4")
		if err != nil {
			continue
		}
		b, _ := io.ReadAll(f)
		f.Close()
		if opened++; string(b) != "public" {
			t.Fatalf("read %q", b)
		}
	}
	close(stop)
	wg.Wait()
	if opened == 0 {
		t.Error("the file could never be opened, the test shows nothing")
	}
}

func TestLibraryAndDataFolderStayApart(t *testing.T) {
	base := t.TempDir()
	for _, d := range []string{"media/films", "data/db", "data-media", "other"} {
		if err := os.MkdirAll(filepath.Join(base, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(base, "data"), filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		library, data string
		ok            bool
	}{
		{"media", "data", true},
		{"data-media", "data", true},
		{"data", "data", false},
		{"data/db", "data", false},
		{".", "data", false},
		{"link", "data", false},
		{"media", "media/films", false},
		{"media", "media/new", false},
		{"media", "link", true},
		{"data/db", "link", false},
	} {
		raw, _ := json.Marshal(Config{Path: filepath.Join(base, c.library)})
		p, err := New(providers.Deps{DataDir: filepath.Join(base, c.data)}, providers.InstanceConfig{Name: "x", Config: raw})
		if (err == nil) != c.ok {
			t.Errorf("library %s with data %s: %v, want ok = %v", c.library, c.data, err, c.ok)
		}
		if err == nil {
			p.(*Provider).Close()
		}
	}
	for _, bad := range []string{`{}`, `{"path":"/no/such/folder"}`, `{"path":"/etc/passwd"}`, `{"path":"/tmp","uploads":true}`, `{"path":"/tmp","include":["["]}`, `x`} {
		if _, err := New(providers.Deps{}, providers.InstanceConfig{Name: "x", Config: json.RawMessage(bad)}); err == nil {
			t.Errorf("configuration %s was accepted", bad)
		}
	}
}

func TestListingIsNaturalAndPaged(t *testing.T) {
	p, dir := library(t, func(c *Config) { c.Exclude = []string{"*sample*", "extras"} })
	for _, n := range []string{"Show/Season 10/e1.mkv", "Show/Season 2/e1.mkv", "Show/season 1/e1.mkv", "Extras/x.mp4", "@eaDir/x.mp4"} {
		put(t, dir, n, providertest.MKV("matroska", 5))
	}
	for i := range 25 {
		put(t, dir, fmt.Sprintf("ep%d.mp4", i), providertest.MP4(60, 1, false))
	}
	put(t, dir, "ep007.mp4", providertest.MP4(60, 1, false))
	put(t, dir, "ep1-sample.mp4", nil)
	put(t, dir, "readme.txt", nil)
	put(t, dir, "page.html", nil)
	if _, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: target("Extras/x.mp4")}); providers.ClassOf(err) != providers.ClassNotFound {
		t.Errorf("a film in an excluded folder = %v, want not_found", err)
	}
	if got := names(browse(t, p, providers.BrowseRequest{Target: target("Show")})); !slices.Equal(got, []string{"season 1", "Season 2", "Season 10"}) {
		t.Errorf("folders = %v", got)
	}
	var all []string
	rq := providers.BrowseRequest{Limit: 7}
	pages := 0
	for {
		page := browse(t, p, rq)
		all = append(all, names(page)...)
		if pages++; page.Next == "" {
			break
		}
		if pages == 2 { // what comes and goes moves nothing else
			put(t, dir, "ep0-new.mp4", nil)
			if err := os.Remove(filepath.Join(dir, "ep"+strings.TrimPrefix(all[len(all)-1], "ep")+".mp4")); err != nil {
				t.Fatal(err)
			}
		}
		rq.Cursor = page.Next
	}
	if len(all) != 27 || pages != 4 || all[0] != "Show" || all[1] != "ep0" || all[11] != "ep9" || all[12] != "ep10" {
		t.Errorf("pages = %d, entries = %v", pages, all)
	}
	for _, bad := range []string{"x", "!!", strings.Repeat("A", 5000)} {
		if _, err := p.Browse(t.Context(), providers.BrowseRequest{Cursor: bad, Limit: 5}); providers.ClassOf(err) != providers.ClassInvalid {
			t.Errorf("cursor %.10q = %v", bad, err)
		}
	}
	page := browse(t, p, providers.BrowseRequest{Target: target("Show/Season 2")})
	if len(page.Path) != 3 || page.Path[0].Name != "films" || page.Path[2].Name != "Season 2" || string(page.Path[2].Target) != `{"path":"Show/Season 2"}` {
		t.Errorf("path = %v", page.Path)
	}
	it := page.Items[0]
	if it.Type != providers.ItemMedia || it.Duration != 5 || it.Container != "mkv" || it.Size == 0 || string(it.Source) != `{"v":1,"path":"Show/Season 2/e1.mkv"}` {
		t.Errorf("item = %+v", it)
	}
}

func TestNaturalOrder(t *testing.T) {
	want := []string{"1", "2", "02", "10", "a1b2", "A1b10", "a2", "b", "第2集", "第10集"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, natural)
	if !slices.Equal(got, want) && !slices.Equal(got, []string{"1", "02", "2", "10", "a1b2", "A1b10", "a2", "b", "第2集", "第10集"}) {
		t.Errorf("order = %v", got)
	}
}

func TestNextOfAFolder(t *testing.T) {
	p, dir := library(t, nil)
	for _, n := range []string{"s/e1.mp4", "s/e2.mp4", "s/e10.mp4"} {
		put(t, dir, n, providertest.MP4(60, 1, false))
	}
	it, err := p.Next(t.Context(), providers.NextRequest{Target: target("s"), After: target("s/e2.mp4")})
	if err != nil || it.Name != "e10" {
		t.Errorf("next = %+v, %v, want e10", it, err)
	}
	if _, err := p.Next(t.Context(), providers.NextRequest{Target: target("s"), After: target("s/e10.mp4")}); providers.ClassOf(err) != providers.ClassNotFound {
		t.Errorf("after the last = %v", err)
	}
}

func TestSearchBelowAFolder(t *testing.T) {
	p, dir := library(t, nil)
	for _, n := range []string{"A/Big Film.mp4", "A/deep/er/big one.mp4", "B/BIG.mkv", "B/ｂｉｇ wide.mp4", "B/电影 big.mp4", ".big/x.mp4", "small.mp4", "big folder/x.mp4"} {
		put(t, dir, n, providertest.MP4(60, 1, false))
	}
	if got := names(browse(t, p, providers.BrowseRequest{Query: "BIG"})); len(got) != 6 || got[0] != "big folder" {
		t.Errorf("found = %v", got)
	}
	if got := names(browse(t, p, providers.BrowseRequest{Query: "big", Target: target("A")})); !slices.Equal(got, []string{"Big Film", "big one"}) {
		t.Errorf("below A = %v", got)
	}
	if got := names(browse(t, p, providers.BrowseRequest{Query: "film big"})); !slices.Equal(got, []string{"Big Film"}) {
		t.Errorf("two words = %v", got)
	}
	if got := names(browse(t, p, providers.BrowseRequest{Query: "电影"})); len(got) != 1 {
		t.Errorf("chinese = %v", got)
	}
	first := browse(t, p, providers.BrowseRequest{Query: "big", Limit: 4})
	second := browse(t, p, providers.BrowseRequest{Query: "big", Limit: 4, Cursor: first.Next})
	if len(first.Items) != 4 || len(second.Items) != 2 || second.Next != "" {
		t.Errorf("pages = %v, %v", names(first), names(second))
	}
}

func TestKindsOfFiles(t *testing.T) {
	p, dir := library(t, nil)
	mp4 := providertest.MP4(90, 100, true)
	for _, c := range []struct {
		name      string
		body      []byte
		container string
		seconds   float64
	}{
		{"a.mp4", mp4, "mp4", 90},
		{"lies.mkv", mp4, "mp4", 90},
		{"b.mkv", providertest.MKV("matroska", 12.5), "mkv", 12.5},
		{"c.webm", providertest.MKV("webm", 7), "webm", 7},
		{"d.ts", providertest.TS(10), "ts", 0},
		{"e.flv", []byte("FLV\x01\x05\x00\x00\x00\x09 onMetaData \x00\x08duration\x00\x40\x24\x00\x00\x00\x00\x00\x00"), "flv", 10},
		{"f.mp3", []byte("ID3 and more"), "mp3", 0},
		{"hls/index.m3u8", providertest.HLS(4, false), "hls", 16},
	} {
		put(t, dir, c.name, c.body)
		info, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: target(c.name)})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		v := info.Variants[0]
		if v.Container != c.container || info.Duration.Seconds() != c.seconds || v.Proxy != providers.ProxyRequired || v.URLs[0].Path != c.name || v.URLs[0].Instance != "films" {
			t.Errorf("%s = %s %v %+v, want %s %v", c.name, v.Container, info.Duration, v, c.container, c.seconds)
		}
	}
	put(t, dir, "page.mp4", []byte("<!doctype html><html></html>"))
	if _, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: target("page.mp4")}); providers.ClassOf(err) != providers.ClassUnsupported {
		t.Errorf("page = %v", err)
	}
	put(t, dir, "hls/seg0.ts", providertest.TS(3))
	if got := names(browse(t, p, providers.BrowseRequest{Target: target("hls")})); !slices.Equal(got, []string{"index"}) {
		t.Errorf("pieces of a stream are listed: %v", got)
	}
}

func TestSubtitlesBesideAFilm(t *testing.T) {
	p, dir := library(t, nil)
	put(t, dir, "m/Film.2020.mkv", providertest.MKV("matroska", 5))
	put(t, dir, "m/Film.mkv", providertest.MKV("matroska", 5))
	for _, n := range []string{
		"m/Film.2020.srt", "m/Film.2020.en.srt", "m/Film.2020.zh-Hans.default.ass", "m/film.2020.CHT.forced.vtt", "m/Film.2020.eng.sdh.srt", "m/Subs/Film.2020.ja.srt",
		"m/Film.2020.chs&eng.srt", "m/Film.2020.Director.srt", "m/Film.2020.sup", "m/Film2020.srt", "m/Other.srt", "m/subs/Unrelated.srt",
	} {
		put(t, dir, n, []byte("1\n00:00:01,0 --> 00:00:02,0\nx\n"))
	}
	info, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: target("m/Film.2020.mkv")})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range info.Subs {
		got[s.Up.Path] = fmt.Sprintf("%s|%s|%s|%v%v%v", s.Lang, s.Label, s.Format, s.Default, s.Forced, s.SDH)
		if s.ID == "" || s.Up.Instance != "films" {
			t.Errorf("track = %+v", s)
		}
		f, err := p.Open(t.Context(), s.Up.Path)
		if err != nil {
			t.Errorf("open %s: %v", s.Up.Path, err)
			continue
		}
		f.Close()
	}
	want := map[string]string{
		"m/Film.2020.srt":                 "|SRT|srt|falsefalsefalse",
		"m/Film.2020.en.srt":              "en|English|srt|falsefalsefalse",
		"m/Film.2020.zh-Hans.default.ass": "zh-Hans|简体中文|ass|truefalsefalse",
		"m/film.2020.CHT.forced.vtt":      "zh-Hant|繁體中文 (forced)|vtt|falsetruefalse",
		"m/Film.2020.eng.sdh.srt":         "en|English (SDH)|srt|falsefalsetrue",
		"m/Subs/Film.2020.ja.srt":         "ja|日本語|srt|falsefalsefalse",
		"m/Film.2020.chs&eng.srt":         "zh-Hans|简体中文|srt|falsefalsefalse",
		"m/Film.2020.Director.srt":        "|director|srt|falsefalsefalse",
	}
	for path, w := range want {
		if got[path] != w {
			t.Errorf("%s = %q, want %q", path, got[path], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("tracks = %v", got)
	}
	if n := browse(t, p, providers.BrowseRequest{Target: target("m")}).Items[1].Subtitles; n != len(want) && n != 0 {
		t.Errorf("subtitles in the listing = %d", n)
	}
	put(t, dir, "one/X.mp4", providertest.MP4(5, 1, false))
	put(t, dir, "one/Subs/2_English.srt", nil)
	info, err = p.Resolve(t.Context(), providers.ResolveRequest{Source: target("one/X.mp4")})
	if err != nil || len(info.Subs) != 1 || info.Subs[0].Lang != "en" {
		t.Errorf("only film of its folder: %+v, %v", info, err)
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range traversals {
		f.Add(s)
	}
	f.Add("a/b.mp4")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, name string) {
		if checkPath(name) != nil || name == "." {
			return
		}
		full := filepath.Join(dir, filepath.FromSlash(name))
		if rel, err := filepath.Rel(dir, full); err != nil || rel == ".." || strings.HasPrefix(rel, "../") || strings.ContainsAny(name, "\x00\\") {
			t.Errorf("%q leads to %q", name, full)
		}
	})
}
