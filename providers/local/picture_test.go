package local

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"synctv/providers"
)

func TestPictures(t *testing.T) {
	p, dir := library(t, nil)
	jpg := []byte("\xff\xd8\xff\xe0 a picture of some length")
	put(t, dir, "a/One.mp4", []byte("\x00\x00\x00\x08ftyp"))
	put(t, dir, "a/Poster.JPG", jpg)
	put(t, dir, "b/One.mp4", nil)
	put(t, dir, "b/Two.mp4", nil)
	put(t, dir, "b/One-poster.png", []byte("\x89PNG\r\n\x1a\n and more"))
	put(t, dir, "c/poster.jpg", []byte("<svg onload=x> and more"))
	put(t, dir, "c/One.mp4", nil)
	put(t, dir, "poster.jpg", jpg)
	page := browse(t, p, providers.BrowseRequest{Target: target("a")})
	if page.Items[0].Thumbnail != "p:a/Poster.JPG" {
		t.Errorf("only film = %q", page.Items[0].Thumbnail)
	}
	page = browse(t, p, providers.BrowseRequest{Target: target("b")})
	if page.Items[0].Thumbnail != "p:b/One-poster.png" {
		t.Errorf("own picture = %q", page.Items[0].Thumbnail)
	}
	f, err := p.Thumbnail(t.Context(), "p:a/Poster.JPG")
	if err != nil || f.MIME != "image/jpeg" {
		t.Fatalf("picture = %+v, %v", f, err)
	}
	if b, _ := io.ReadAll(f); string(b) != string(jpg) {
		t.Errorf("bytes = %q", b)
	}
	f.Close()
	f, err = p.Thumbnail(t.Context(), p.Picture([]byte(`{"path":"a/One.mp4"}`)))
	if err != nil || f.MIME != "image/jpeg" {
		t.Fatalf("picture of a source = %+v, %v", f, err)
	}
	f.Close()
	for _, id := range []string{"p:c/poster.jpg", "p:a/One.mp4", "p:missing.jpg", "", "p:", "s:", "f:", "f:../x.mp4", "f:missing/x.mp4"} {
		if _, err := p.Thumbnail(t.Context(), id); providers.ClassOf(err) != providers.ClassNotFound {
			t.Errorf("Thumbnail(%q) = %v", id, err)
		}
	}
}

func ffmpeg(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("SYNCTV_TEST_ALL") == "1" {
			t.Fatal("ffmpeg is missing")
		}
		t.Skip("ffmpeg is missing")
	}
	return bin
}

func TestStillIsGrabbedOnceAndKept(t *testing.T) {
	bin := ffmpeg(t)
	p, dir := library(t, nil)
	film := filepath.Join(dir, "clip.mp4")
	out, err := exec.CommandContext(t.Context(), bin, "-v", "error", "-f", "lavfi", "-i", "testsrc=d=4:s=320x180:r=5", "-c:v", "libx264", "-pix_fmt", "yuv420p", film).CombinedOutput()
	if err != nil {
		t.Skip("ffmpeg cannot make a film: ", string(out))
	}
	info, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: target("clip.mp4")})
	if err != nil || info.Thumbnail != "s:clip.mp4" || info.Duration.Seconds() != 4 || info.Variants[0].Height != 180 || !strings.HasPrefix(info.Variants[0].Codecs, "avc1.") {
		t.Fatalf("info = %+v, %v", info, err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			f, err := p.Thumbnail(t.Context(), "s:clip.mp4")
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			b, _ := io.ReadAll(f)
			if sniffPicture(b) != "image/jpeg" {
				t.Errorf("still = %d bytes", len(b))
			}
		})
	}
	wg.Wait()
	if n := p.stills.made.Load(); n != 1 {
		t.Errorf("made = %d, want 1", n)
	}
}

func TestStillOfAPlaylistInDisguiseOpensNothing(t *testing.T) {
	ffmpeg(t)
	p, dir := library(t, nil)
	put(t, dir, "evil.mp4", []byte("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"))
	put(t, dir, "concat.ts", []byte("ffconcat version 1.0\nfile /etc/passwd\n"))
	for _, id := range []string{"s:evil.mp4", "s:concat.ts"} {
		if _, err := p.Thumbnail(t.Context(), id); err == nil {
			t.Errorf("%s gave a picture", id)
		}
	}
}

func TestRealFiles(t *testing.T) {
	bin := ffmpeg(t)
	p, dir := library(t, nil)
	for name, args := range map[string][]string{
		"a.mkv":      {"-c:v", "libx264", "-c:a", "aac"},
		"b.webm":     {"-c:v", "libvpx", "-c:a", "libopus"},
		"c.mov":      {"-c:v", "libx264", "-c:a", "aac"},
		"d.ts":       {"-c:v", "libx264", "-c:a", "aac"},
		"e.flv":      {"-c:v", "libx264", "-c:a", "aac"},
		"f.mp4":      {"-c:v", "libx264", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"},
		"g.mp3":      {"-vn", "-c:a", "libmp3lame"},
		"h.flac":     {"-vn", "-c:a", "flac"},
		"i.wav":      {"-vn"},
		"hls/j.m3u8": {"-c:v", "libx264", "-c:a", "aac", "-hls_list_size", "0"},
	} {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=d=2:s=160x90:r=5", "-f", "lavfi", "-i", "sine=d=2"}, args...)
		if out, err := exec.CommandContext(t.Context(), bin, append(all, full)...).CombinedOutput(); err != nil {
			t.Logf("%s cannot be made: %s", name, out)
			continue
		}
		info, err := p.Resolve(t.Context(), providers.ResolveRequest{Source: target(name)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		v := info.Variants[0]
		t.Logf("%s: %s %v %dx%d %s", name, v.Container, info.Duration, v.Width, v.Height, v.Codecs)
		if d := info.Duration.Seconds(); name != "d.ts" && name != "g.mp3" && name != "f.mp4" && (d < 1.9 || d > 2.5) {
			t.Errorf("%s lasts %v s, want 2", name, d)
		}
	}
}
