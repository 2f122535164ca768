// Package httpstrict refuses what two readers could read differently: HTTP
// requests before they are routed, and JSON before it is decoded.
//
// It only ever refuses; nothing is repaired, replaced or normalised. Both
// checks are one linear scan with named bounds and know no framework: they are
// given bytes.
//
// Imported by app/api and realtime tests. Imports nothing of ours.
package httpstrict

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Bounds of a request head.
const (
	MaxHeaderBytes = 64 << 10
	MaxHeaders     = 100
	maxMethod      = 32
	maxTarget      = 16 << 10
)

// ErrRequest matches every refusal of CheckHeader and CheckHost. The answer is
// 400 and the connection is closed.
var ErrRequest = errors.New("ambiguous request")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRequest, fmt.Sprintf(format, args...))
}

// head is what one scan over the header lines finds.
type head struct {
	host     string
	hosts    int
	length   int
	transfer int
}

// CheckHeader looks at one request head: raw is every header line as it came,
// without the request line; an empty line may end it.
func CheckHeader(raw []byte, method, uri, protocol string) error {
	if protocol != "HTTP/1.1" && protocol != "HTTP/1.0" {
		return refuse("protocol")
	}
	if len(method) > maxMethod || !isToken(method) {
		return refuse("method")
	}
	h, err := scan(raw)
	switch {
	case err != nil:
		return err
	case h.length+h.transfer > 1:
		return refuse("more than one body length")
	case h.transfer > 0 && protocol == "HTTP/1.0":
		return refuse("chunked in HTTP/1.0")
	case h.hosts > 1, h.hosts == 0 && protocol == "HTTP/1.1":
		return refuse("%d Host headers", h.hosts)
	case h.hosts == 1 && !validHost(h.host):
		return refuse("Host")
	}
	return checkTarget(method, uri, h.host)
}

func scan(raw []byte) (h head, err error) {
	if len(raw) > MaxHeaderBytes {
		return h, refuse("header over %d bytes", MaxHeaderBytes)
	}
	for n := 0; len(raw) > 0; n++ {
		if n > MaxHeaders {
			return h, refuse("more than %d headers", MaxHeaders)
		}
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' {
			return h, refuse("line end")
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 { // the end of the head
			if len(raw) > 0 {
				return h, refuse("bytes after the head")
			}
			return h, nil
		}
		if err := h.line(line); err != nil {
			return h, err
		}
	}
	return h, nil
}

func (h *head) line(line []byte) error {
	if line[0] == ' ' || line[0] == '\t' {
		return refuse("folded header")
	}
	name, value, found := bytes.Cut(line, []byte{':'})
	if !found || !isToken(string(name)) {
		return refuse("header name")
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return refuse("control character in a header")
		}
	}
	text := strings.Trim(string(value), " \t")
	switch strings.ToLower(string(name)) {
	case "host":
		h.host, h.hosts = text, h.hosts+1
	case "content-length":
		h.length++
		if text == "" || len(text) > 18 || strings.Trim(text, "0123456789") != "" {
			return refuse("Content-Length")
		}
	case "transfer-encoding":
		h.transfer++
		if !strings.EqualFold(text, "chunked") {
			return refuse("Transfer-Encoding")
		}
	}
	return nil
}

// isToken is the token of RFC 9110.
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return true
}

// validHost accepts a name or address with an optional port.
func validHost(s string) bool {
	if s == "" || len(s) > 300 {
		return false
	}
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		port := s[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '+' {
			return false
		}
		host = s[:i]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return ok && err == nil && a.Is6() && a.Zone() == ""
	}
	if host == "" {
		return false
	}
	for i := range len(host) {
		c := host[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._", c) >= 0) {
			return false
		}
	}
	return true
}

func checkTarget(method, uri, host string) error {
	if uri == "" || len(uri) > maxTarget {
		return refuse("target")
	}
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c == 0x7f || c == '#' {
			return refuse("target")
		}
	}
	if uri == "*" {
		if method != "OPTIONS" {
			return refuse("target")
		}
		return nil
	}
	if method == "CONNECT" {
		return refuse("CONNECT")
	}
	if uri[0] != '/' {
		rest, ok := cutScheme(uri)
		if !ok {
			return refuse("target")
		}
		authority, _, _ := strings.Cut(rest, "/")
		authority, _, _ = strings.Cut(authority, "?")
		if host == "" || !strings.EqualFold(authority, host) {
			return refuse("target names another host")
		}
		uri = rest[len(authority):]
	}
	p, _, _ := strings.Cut(uri, "?")
	return checkPath(p)
}

func cutScheme(uri string) (string, bool) {
	for _, s := range []string{"http://", "https://"} {
		if len(uri) > len(s) && strings.EqualFold(uri[:len(s)], s) {
			return uri[len(s):], true
		}
	}
	return "", false
}

// checkPath refuses what a second decoder would turn into another path.
func checkPath(p string) error {
	for pass := range 2 {
		if strings.ContainsAny(p, "\x00\\") {
			return refuse("path")
		}
		next, special, broken := unescape(p)
		if broken && pass == 0 {
			return refuse("escape in the path")
		}
		if special {
			return refuse("escaped separator in the path")
		}
		p = next
	}
	return nil
}

// unescape decodes once, as a lenient reader would. It says whether an escape
// stood for a byte that changes what the path means, and whether one was broken.
func unescape(p string) (out string, special, broken bool) {
	if strings.IndexByte(p, '%') < 0 {
		return p, false, false
	}
	b := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '%' {
			v, err := strconv.ParseUint(p[i+1:min(i+3, len(p))], 16, 8)
			if i+2 >= len(p) || err != nil {
				broken = true
			} else {
				c = byte(v)
				special = special || c == '/' || c == '.' || c == '\\' || c < ' ' || c == 0x7f
				i += 2
			}
		}
		b = append(b, c)
	}
	return string(b), special, broken
}

// CheckHost refuses a Host that is not on the list of names this server goes
// by. An empty list accepts every host. An entry without a port fits any port.
func CheckHost(host string, allowed []string) error {
	if len(allowed) == 0 {
		return nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	bare := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		bare = strings.TrimSuffix(h, ".")
	}
	bare = strings.Trim(bare, "[]")
	for _, a := range allowed {
		a = strings.ToLower(a)
		if a == host || strings.Trim(a, "[]") == bare {
			return nil
		}
	}
	return refuse("Host is not one of this server's names")
}
