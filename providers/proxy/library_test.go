package proxy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"synctv/providers"
	"synctv/providers/local"
	"synctv/providers/providertest"
)

func TestFilmOfALibraryPlaysThroughATicket(t *testing.T) {
	dir := t.TempDir()
	film := providertest.MP4(90, 1<<20, true)
	for name, body := range map[string][]byte{
		"Film.mp4": film, "Film.zh.srt": []byte("1\r\n00:00:01,0 --> 00:00:02,0\r\n\xc4\xe3\xba\xc3\xa3\xac\xce\xd2\xc3\xc7\r\n"), "poster.jpg": []byte("\xff\xd8\xff\xe0 picture"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, _ := json.Marshal(local.Config{Path: dir})
	reg := providers.NewRegistry(providers.Deps{DataDir: t.TempDir()}, local.Factory())
	t.Cleanup(func() { reg.Close() })
	if err := reg.Apply(t.Context(), []providers.InstanceConfig{{Name: "films", Kind: providers.KindLocal, Config: cfg}}); err != nil {
		t.Fatal(err)
	}
	info, err := reg.Resolve(t.Context(), providers.ResolveRequest{Kind: providers.KindLocal, Instance: "films", Source: json.RawMessage(`{"path":"Film.mp4"}`)})
	if err != nil {
		t.Fatal(err)
	}
	p := New(Config{Key: testKey, Files: reg})
	t.Cleanup(p.Close)

	v := info.Variants[0]
	parts := strings.Split(p.Path(For(v.URLs[0], v.Container)), "/")
	if len(parts) != 4 || parts[1] != "media" || parts[3] != "media.mp4" {
		t.Fatalf("path = %q", parts)
	}
	tk, err := p.Open(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	res, body := get(t, p, tk, Request{Range: "bytes=-100", Name: parts[3]})
	if res.Status != 206 || string(body) != string(film[len(film)-100:]) || res.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("film = %d, %d bytes, %v", res.Status, len(body), res.Header)
	}
	if _, body := get(t, p, ForSubtitle(info.Subs[0], "vtt"), Request{}); !strings.Contains(string(body), "你好，我们") {
		t.Errorf("subtitle = %q", body)
	}
	thumb := Ticket{Kind: KindThumbnail, Instance: "films", Path: info.Thumbnail}
	if res, body := get(t, p, thumb, Request{}); res.Header.Get("Content-Type") != "image/jpeg" || len(body) == 0 {
		t.Errorf("thumbnail = %v", res.Header)
	}
	if err := os.Remove(filepath.Join(dir, "Film.mp4")); err != nil {
		t.Fatal(err)
	}
	if got := class(t, p, tk, Request{}); got != providers.ClassNotFound {
		t.Errorf("film that is gone = %q, want not_found", got)
	}
}
