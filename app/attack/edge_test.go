package attack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestA51_RequestSmuggling(t *testing.T) {
	s := furnished(t, nil)
	smuggled := "GET /api/v1/public/info HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, request := range map[string]string{
		"CL and TE":             "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"TE and CL":             "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + smuggled,
		"two lengths":           "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n" + smuggled,
		"list of lengths":       "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 44\r\n\r\n" + smuggled,
		"negative length":       "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + smuggled,
		"plus length":           "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n" + smuggled,
		"chunked, identity":     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
		"xchunked":              "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"TE with space":         "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"folded header":         "GET /api/v1/public/info HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n continued\r\n\r\n" + smuggled,
		"bare LF":               "GET /api/v1/public/info HTTP/1.1\nHost: x\n\n" + smuggled,
		"bare CR":               "GET /api/v1/public/info HTTP/1.1\r\nHost: x\r\nX-A: a\rb\r\n\r\n" + smuggled,
		"NUL in a value":        "GET /api/v1/public/info HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n" + smuggled,
		"no host":               "GET /api/v1/public/info HTTP/1.1\r\n\r\n" + smuggled,
		"two hosts":             "GET /api/v1/public/info HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled,
		"HTTP/9.9":              "GET /api/v1/public/info HTTP/9.9\r\nHost: x\r\n\r\n" + smuggled,
		"HTTP/1.0 chunked":      "POST /api/v1/auth/login HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"LF in chunk extension": "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n" + smuggled,
		"bad header name":       "GET /api/v1/public/info HTTP/1.1\r\nHost: x\r\nX(A): 1\r\n\r\n" + smuggled,
		"encoded slash":         "GET /api%2fv1/public/info HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		"double encoded dots":   "GET /%252e%252e/api HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		"backslash":             "GET /api\\v1 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
	} {
		answer := s.raw(request)
		if n := strings.Count(answer, "HTTP/1.1 "); n > 1 {
			t.Errorf("%s: %d answers to one request:\n%s", name, n, answer)
		} else if strings.HasPrefix(answer, "HTTP/1.1 2") {
			t.Errorf("%s: accepted:\n%s", name, answer)
		}
	}
	s.alive()
}

func TestA52_Oversize(t *testing.T) {
	s := furnished(t, nil)
	s.refused("too-large", "POST", "/auth/login", "", `{"login":"mia","password":"`+strings.Repeat("x", 300<<10)+`"}`)
	for name, request := range map[string]string{
		"10 GB announced": "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n{",
		"long header":     "GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 9<<10) + "\r\n\r\n",
		"1000 headers":    "GET /health/live HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Filler: aaaaaaaa\r\n", 1000) + "\r\n",
		"long address":    "GET /health/live?" + strings.Repeat("a", 9<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		if answer := s.raw(request); strings.HasPrefix(answer, "HTTP/1.1 2") {
			t.Errorf("%s: accepted:\n%.200s", name, answer)
		}
	}
	s.alive()
}

func TestA54_JSON(t *testing.T) {
	s := furnished(t, nil)
	for name, body := range map[string]string{
		"malformed":        `{"login":`,
		"deep":             strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"deep objects":     strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000),
		"duplicate key":    `{"login":"eve","login":"mia","password":"` + password + `"}`,
		"other case":       `{"Login":"mia","password":"` + password + `"}`,
		"unknown field":    `{"login":"mia","password":"` + password + `","role":"root"}`,
		"trailing data":    `{"login":"mia","password":"` + password + `"} {}`,
		"lone surrogate":   `{"login":"\ud800","password":"` + password + `"}`,
		"NUL":              `{"login":"mia\u0000","password":"` + password + `"}`,
		"invalid UTF-8":    "{\"login\":\"\xff\xfe\",\"password\":\"x\"}",
		"BOM":              "\xef\xbb\xbf{\"login\":\"mia\",\"password\":\"x\"}",
		"number for text":  `{"login":1,"password":2}`,
		"null for text":    `{"login":null,"password":null}`,
		"array for object": `[]`,
		"text for object":  `"login"`,
		"many keys":        `{` + strings.Repeat(`"k":1,`, 20_000) + `"login":"mia"}`,
	} {
		resp, raw := s.ask("POST", "/auth/login", "", body)
		var p problem
		if err := json.Unmarshal(raw, &p); err != nil || resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, resp.StatusCode, raw)
		}
		if strings.Contains(string(raw), password) {
			t.Errorf("%s: the answer repeats the password: %s", name, raw)
		}
	}
	s.refused("unsupported-media-type", "POST", "/auth/login", "", `login=mia`, "Content-Type", "application/x-www-form-urlencoded")
	s.refused("unsupported-media-type", "POST", "/auth/login", "", `{"login":"mia","password":"x"}`, "Content-Type", "text/plain")
}

func TestA60_MethodsAndPaths(t *testing.T) {
	s := furnished(t, nil)
	for _, method := range []string{"TRACE", "CONNECT", "PROPFIND", "DELETE", "PUT"} {
		resp, _ := s.ask(method, "/public/info", "", nil)
		if resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s = %d", method, resp.StatusCode)
		}
	}
	for _, path := range []string{"//api/V1/public/info", "///api/v1/me", "//api/v1/me;x=1", "//api/v1/me/", "//api/v1/../v1/me", "//api/v1/rooms/x%2fy", "//API/v1/public/info"} {
		if resp, _ := s.ask("GET", path, "", nil); resp.StatusCode < 400 {
			t.Errorf("GET %s = %d", path, resp.StatusCode)
		}
	}
	s.refused("unauthenticated", "GET", "/me", "", nil, "X-HTTP-Method-Override", "POST", "X-Original-URL", "/api/v1/public/info", "X-Rewrite-URL", "/api/v1/public/info")
}

func TestA61_SpoofedAddress(t *testing.T) {
	s := furnished(t, nil)
	// Without a trusted proxy nothing that a client claims changes who it is:
	// the bucket of its real address empties whatever it says.
	limited := false
	for i := range 60 {
		resp, _ := s.ask("POST", "/auth/login", "", map[string]any{"login": fmt.Sprintf("nobody%d", i), "password": "x"},
			"X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i), "X-Real-IP", fmt.Sprintf("203.0.113.%d", i), "Forwarded", fmt.Sprintf("for=203.0.113.%d", i))
		limited = limited || resp.StatusCode == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("sixty guesses from one address were all answered because they claimed sixty others")
	}
}

func TestA35_A36_Headers(t *testing.T) {
	s := furnished(t, nil)
	for _, path := range []string{"//", "//r/" + s.room, "//docs", "//api/v1/public/info", "//api/v1/me", "//openapi.json", "//health/live", "//nothing"} {
		resp, _ := s.ask("GET", path, "", nil, "Accept", "text/html")
		h := resp.Header
		csp := h.Get("Content-Security-Policy")
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
			h.Get("Permissions-Policy") == "" || h.Get("X-Request-Id") == "" || h.Get("Server") != "" {
			t.Errorf("GET %s: headers %v", path, h)
		}
		if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src 'self' 'unsafe") || strings.Contains(csp, "'unsafe-eval'") {
			t.Errorf("GET %s: policy %q", path, csp)
		}
	}
}

func TestA37_CachesAndPathConfusion(t *testing.T) {
	s := furnished(t, nil)
	for _, path := range []string{"/me", "/public/info", "/rooms/" + s.room} {
		resp, _ := s.ask("GET", path, s.root, nil)
		if resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s: Cache-Control %q", path, resp.Header.Get("Cache-Control"))
		}
	}
	for _, path := range []string{"//api/v1/me.css", "//api/x.js", "//api/", "//assets/none.js", "//media/x", "//ws/", "//files/a/b", "//live/x", "//docs/none", "//.well-known/none"} {
		resp, raw := s.ask("GET", path, "", nil, "Accept", "text/html")
		if resp.StatusCode < 400 || strings.Contains(string(raw), "<html") {
			t.Errorf("GET %s = %d %.80s", path, resp.StatusCode, raw)
		}
	}
	if resp, raw := s.ask("GET", "//anything/else", "", nil, "Accept", "text/html"); resp.StatusCode != http.StatusOK || !strings.Contains(string(raw), "<html") || resp.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("a page address = %d, %q", resp.StatusCode, resp.Header.Get("Cache-Control"))
	}
}
