package attack

import (
	"net/http"
	"strings"
	"testing"
)

func TestA01_BeforeSetupNothingElseIsThere(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/me", "/rooms/00000000000000000000", "/providers", "/me/rooms"} {
		s.refused("feature-disabled", "GET", path, "", nil)
	}
	s.refused("feature-disabled", "POST", "/auth/login", "", map[string]any{"login": "root", "password": "root"})
	s.refused("bad-credentials", "POST", "/setup", "", map[string]any{"token": "wrong", "username": "eve", "password": password})
	s.want(http.StatusCreated, nil, "POST", "/setup", "", map[string]any{"token": s.setup, "username": "mia", "password": password})
	s.refused("already-setup", "POST", "/setup", "", map[string]any{"token": s.setup, "username": "eve", "password": password})
	for _, pair := range [][2]string{{"root", "root"}, {"admin", "admin"}, {"mia", "mia"}} {
		s.refused("bad-credentials", "POST", "/auth/login", "", map[string]any{"login": pair[0], "password": pair[1]})
	}
	if strings.Contains(s.log.String(), s.setup) {
		t.Error("the set-up token is in the log")
	}
}

func TestA33_A38_OnlyTwoRoutesKnowTheCookie(t *testing.T) {
	s := furnished(t, map[string]string{"rate_limit.auth.max": "1000", "rate_limit.auth.window": "1s"})
	resp, _ := s.ask("POST", "/auth/login", "", map[string]any{"login": "mia", "password": password})
	set := resp.Header.Values("Set-Cookie")
	if len(set) != 1 {
		t.Fatalf("Set-Cookie = %q", set)
	}
	for _, attribute := range []string{"HttpOnly", "SameSite=Strict", "Path=/api/v1/auth"} {
		if !strings.Contains(strings.ToLower(set[0]), strings.ToLower(attribute)) {
			t.Errorf("the cookie lacks %s: %s", attribute, set[0])
		}
	}
	cookie, _, _ := strings.Cut(set[0], ";")
	own := "http://" + s.addr
	for name, headers := range map[string][]string{
		"another site":       {"Origin", "https://evil.example"},
		"a suffix of ours":   {"Origin", own + ".evil.example"},
		"null":               {"Origin", "null"},
		"no origin at all":   {},
		"cross-site fetch":   {"Sec-Fetch-Site", "cross-site", "Origin", own},
		"same site, not us":  {"Sec-Fetch-Site", "same-site", "Origin", own},
		"typed in by a user": {"Sec-Fetch-Site", "none"},
	} {
		resp, raw := s.ask("POST", "/auth/refresh", "", map[string]any{}, append([]string{"Cookie", cookie}, headers...)...)
		if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("refresh from %s = %d, %s", name, resp.StatusCode, raw)
		}
	}
	s.refused("unsupported-media-type", "POST", "/auth/refresh", "", "{}", "Cookie", cookie, "Origin", own, "Content-Type", "text/plain")
	s.refused("unauthenticated", "GET", "/me", "", nil, "Cookie", cookie)
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	s.want(http.StatusOK, &tokens, "POST", "/auth/refresh", "", map[string]any{}, "Cookie", cookie, "Origin", own, "Sec-Fetch-Site", "same-origin")
	s.want(http.StatusOK, nil, "GET", "/me", tokens.AccessToken, nil)
	s.refused("foreign-origin", "POST", "/rooms", tokens.AccessToken, map[string]any{"name": "x"}, "Origin", "https://evil.example")
}

func TestA34_NoForeignReader(t *testing.T) {
	s := furnished(t, nil)
	for _, origin := range []string{"https://evil.example", "null"} {
		for _, path := range []string{"/public/info", "/me"} {
			resp, _ := s.ask("GET", path, s.root, nil, "Origin", origin)
			if h := resp.Header.Get("Access-Control-Allow-Origin"); h != "" {
				t.Errorf("GET %s for %s allows %q", path, origin, h)
			}
		}
	}
}

func TestA29_InternalsStayInside(t *testing.T) {
	s := furnished(t, map[string]string{"metrics.token": "sesame"})
	s.refused("not-found", "GET", "//metrics", "", nil)
	s.refused("not-found", "GET", "//metrics", "wrong", nil)
	s.want(http.StatusOK, nil, "GET", "//metrics", "sesame", nil)
	s.refused("not-found", "GET", "//debug/pprof/", "", nil)
}

func TestA23_GuestTokensKeepToTheirRoom(t *testing.T) {
	s := furnished(t, nil)
	token, _ := s.guest("Jo")
	s.want(http.StatusOK, nil, "GET", "/rooms/"+s.room, token, nil)
	for _, path := range []string{"/rooms/" + s.other, "/rooms/" + s.other + "/chat", "/rooms/" + s.other + "/playback", "/rooms/" + s.other + "/members"} {
		s.refused("not-found", "GET", path, token, nil)
	}
	for _, path := range []string{"/me", "/me/rooms", "/me/sessions"} {
		s.refused("unauthenticated", "GET", path, token, nil)
	}
	s.refused("unauthenticated", "POST", "/rooms", token, map[string]any{"name": "mine"})
	s.refused("permission-denied", "POST", "/rooms/"+s.room+"/playback", token, map[string]any{"op": "o1", "do": "play"})
	var settings struct{ Version int64 }
	resp, _ := s.ask("GET", "/rooms/"+s.room+"/settings", s.root, nil)
	s.want(http.StatusOK, &settings, "PATCH", "/rooms/"+s.room+"/settings", s.root, map[string]any{"allow_guests": false}, "If-Match", resp.Header.Get("ETag"))
	if resp, raw := s.ask("GET", "/rooms/"+s.room, token, nil); resp.StatusCode < 400 {
		t.Errorf("after guests were switched off: %d %s", resp.StatusCode, raw)
	}
}
