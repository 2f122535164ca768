package attack

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestA22_PermissionNames(t *testing.T) {
	s := furnished(t, nil)
	resp, before := s.ask("GET", "/rooms/"+s.room+"/settings", s.root, nil)
	tag := resp.Header.Get("ETag")
	for _, body := range []string{
		`{"guest_added":["fly"]}`, `{"guest_added":["send_chat","send_chat"]}`, `{"guest_added":["ALL"]}`, `{"guest_added":[-1]}`,
		`{"guest_added":[9007199254740993]}`, `{"guest_added":9223372036854775807}`, `{"guest_added":"send_chat"}`,
		`{"guest_added":["manage_admin"]}`, `{"member_added":["delete_room"]}`, `{"guest_added":["play_control"],"guest_removed":["play_control"]}`,
		`{"guest_added":["` + strings.Repeat(`send_chat","`, 10_000) + `send_chat"]}`,
	} {
		if resp, raw := s.ask("PATCH", "/rooms/"+s.room+"/settings", s.root, body, "If-Match", tag); resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%.60s = %d %s", body, resp.StatusCode, raw)
		}
	}
	if _, after := s.ask("GET", "/rooms/"+s.room+"/settings", s.root, nil); string(after) != string(before) {
		t.Errorf("the settings changed:\n%s\n%s", before, after)
	}
	s.refused("precondition-required", "PATCH", "/rooms/"+s.room+"/settings", s.root, map[string]any{"allow_guests": true})
	s.refused("version-mismatch", "PATCH", "/rooms/"+s.room+"/settings", s.root, map[string]any{"allow_guests": true}, "If-Match", `"v99"`)
}

func TestA58_Hoarding(t *testing.T) {
	s := furnished(t, map[string]string{"rate_limit.ws_connect.max": "1000", "rate_limit.ws_connect.window": "1s"})
	token, _ := s.guest("Eve")
	for i := range 4 {
		status, ws := s.upgrade(s.room, s.ticket(token, s.room))
		if i == 3 {
			if status != http.StatusTooManyRequests {
				t.Errorf("the fourth socket of a guest: %d, want 429", status)
			}
			break
		}
		if ws == nil {
			t.Fatalf("socket %d of a guest: %d", i+1, status)
		}
		ws.say(map[string]any{"type": "hello", "data": map[string]any{"resume": nil, "client": "attack", "caps": []string{}}})
		ws.hear("welcome") // it is counted now
	}
	limited := false
	for range 40 {
		resp, _ := s.ask("POST", "/tickets", token, map[string]any{"room_id": s.room, "purpose": "ws"})
		limited = limited || resp.StatusCode == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("forty unused tickets were issued to one guest")
	}
	// Without raised limits the eleventh connection in a minute waits.
	s = furnished(t, nil)
	token, _ = s.guest("Eve")
	limited = false
	for range 12 {
		resp, _ := s.ask("POST", "/tickets", token, map[string]any{"room_id": s.room, "purpose": "ws"})
		limited = limited || resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "" && resp.Header.Get("RateLimit-Limit") != ""
	}
	if !limited {
		t.Error("twelve tickets in a moment were all issued")
	}
}

// fileURL puts a file into the library and returns the address it plays from.
func (s *site) fileURL(name string, content []byte) string {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.films, name), content, 0o644); err != nil {
		s.t.Fatal(err)
	}
	var media struct{ ID string }
	s.want(http.StatusCreated, &media, "POST", "/rooms/"+s.room+"/media", s.root, map[string]any{"provider": "local", "instance": "films", "source": map[string]any{"path": name}})
	var info struct{ Variants []struct{ URL string } }
	s.want(http.StatusOK, &info, "GET", "/rooms/"+s.room+"/media/"+media.ID+"/play", s.root, nil)
	if len(info.Variants) == 0 {
		s.t.Fatal("nothing to play")
	}
	return info.Variants[0].URL
}

func TestA62_Ranges(t *testing.T) {
	s := furnished(t, nil)
	content := append([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), make([]byte, 90_000)...)
	url := "/" + s.fileURL("song.mp3", content)
	for value, want := range map[string]int{
		"bytes=0-0": 206, "bytes=10-19": 206, "bytes=-5": 206, "bytes=89000-": 206, "bytes=90010-": 416, "bytes=-0": 200,
		"bytes=5-1": 200, "bytes=a-b": 200, "items=0-1": 200, "bytes=0-0,1-1": 200, "bytes=" + strings.Repeat("0-0,", 1500) + "1-1": 200,
		"bytes=99999999999999999999-": 200,
	} {
		resp, raw := s.ask("GET", url, "", nil, "Range", value)
		ok := resp.StatusCode == want || want == 200 && resp.StatusCode == 416
		if !ok || len(raw) > len(content) || strings.HasPrefix(resp.Header.Get("Content-Type"), "multipart") {
			t.Errorf("Range %.40s = %d, %d bytes, %s; want %d", value, resp.StatusCode, len(raw), resp.Header.Get("Content-Type"), want)
		}
	}
	resp, _ := s.ask("GET", url, "", nil)
	if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("media headers: %v", resp.Header)
	}
}

func TestA43_MediaTicketsCannotBeAltered(t *testing.T) {
	s := furnished(t, nil)
	url := s.fileURL("song.mp3", append([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), make([]byte, 9_000)...))
	for i := len("/media/"); i < strings.LastIndexByte(url, '/'); i += 7 {
		bad := []byte(url)
		if bad[i]++; bad[i] == '/' || bad[i] == '{' {
			bad[i] = 'x'
		}
		if resp, raw := s.ask("GET", "/"+string(bad), "", nil); resp.StatusCode < 400 {
			t.Fatalf("an altered ticket (byte %d) = %d %.40s", i, resp.StatusCode, raw)
		}
	}
}

func TestA47_LibraryPaths(t *testing.T) {
	s := furnished(t, nil)
	secret := filepath.Join(filepath.Dir(s.films), "secret.mp4")
	if err := os.WriteFile(secret, []byte("....ftypisom"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(s.films, "out.mp4")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../secret.mp4", "/etc/passwd", "..\\secret.mp4", "a/../../secret.mp4", "%2e%2e/secret.mp4", "x\x00.mp4", "./../secret.mp4", "out.mp4", ".", "", "CON", strings.Repeat("a/", 2000) + "x.mp4"} {
		resp, raw := s.ask("POST", "/rooms/"+s.room+"/media", s.root, map[string]any{"provider": "local", "instance": "films", "source": map[string]any{"path": path}})
		if resp.StatusCode == http.StatusCreated {
			var m struct{ ID string }
			s.want(http.StatusOK, nil, "GET", "/rooms/"+s.room+"/playlists", s.root, nil)
			if err := json.Unmarshal(raw, &m); err != nil {
				t.Fatal(err)
			}
			resp, raw = s.ask("GET", "/rooms/"+s.room+"/media/"+m.ID+"/play", s.root, nil)
		}
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("path %.40q = %d %.100s", path, resp.StatusCode, raw)
		}
		if strings.Contains(string(raw), s.films) {
			t.Errorf("path %.40q: the answer names the folder: %s", path, raw)
		}
	}
	for _, target := range []any{map[string]any{"path": ".."}, map[string]any{"path": "/"}, map[string]any{"path": "../.."}, "x", 5} {
		if resp, raw := s.ask("POST", "/providers/local/browse", s.root, map[string]any{"instance": "films", "target": target}); resp.StatusCode < 400 {
			t.Errorf("browse %v = %d %.100s", target, resp.StatusCode, raw)
		}
	}
}

func TestA39_DirectLinksToTheHouse(t *testing.T) {
	s := furnished(t, nil)
	for _, url := range []string{
		"http://127.0.0.1/a.mp4", "http://" + s.addr + "/api/v1/me", "http://localhost/a.mp4", "http://localhost./a.mp4", "http://0/a.mp4",
		"http://0x7f.1/a.mp4", "http://2130706433/a.mp4", "http://127.1/a.mp4", "http://[::]/a.mp4", "http://[::1]/a.mp4",
		"http://[::ffff:127.0.0.1]/a.mp4", "http://[64:ff9b::7f00:1]/a.mp4", "http://[2002:7f00:1::]/a.mp4", "http://[fe80::1]/a.mp4",
		"http://169.254.169.254/latest", "http://192.168.1.1/", "http://10.0.0.1/", "http://172.16.0.1/", "http://100.64.0.1/",
		"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/a.mp4", "http://user:pass@example.org/a.mp4", "//127.0.0.1/a.mp4", "javascript:alert(1)",
	} {
		for _, ask := range []func() (*http.Response, []byte){
			func() (*http.Response, []byte) {
				return s.ask("POST", "/providers/direct/parse", s.root, map[string]any{"url": url})
			},
			func() (*http.Response, []byte) {
				resp, raw := s.ask("POST", "/rooms/"+s.room+"/media", s.root, map[string]any{"provider": "direct", "source": map[string]any{"url": url}})
				if resp.StatusCode != http.StatusCreated {
					return resp, raw
				}
				var m struct{ ID string }
				if err := json.Unmarshal(raw, &m); err != nil {
					t.Fatal(err)
				}
				return s.ask("GET", "/rooms/"+s.room+"/media/"+m.ID+"/play", s.root, nil)
			},
		} {
			if resp, raw := ask(); resp.StatusCode < 400 {
				t.Errorf("%s = %d %.120s", url, resp.StatusCode, raw)
			}
		}
	}
}
