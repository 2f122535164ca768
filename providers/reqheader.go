package providers

import (
	"net/http"
	"strings"
)

// Bounds of the request headers a media may carry.
const (
	MaxHeaders     = 20
	maxHeaderName  = 64
	maxHeaderValue = 1024
)

// ownHeaders are those that belong to the connection, to whoever stands between,
// or to us.
var ownHeaders = map[string]bool{
	"Host": true, "Content-Length": true, "Content-Encoding": true, "Transfer-Encoding": true, "Connection": true, "Keep-Alive": true,
	"Upgrade": true, "Te": true, "Trailer": true, "Expect": true, "Forwarded": true, "Via": true,
	"X-Real-Ip": true, "X-Original-Url": true, "X-Rewrite-Url": true, "Priority": true,
	"Range": true, "If-Range": true, "Accept-Encoding": true, "Cookie": true, "Http2-Settings": true,
}

// CheckHeaders refuses request headers that a media may not set. Cookie comes
// from bindings alone.
func CheckHeaders(h http.Header) error {
	n := 0
	for name, values := range h {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case name == "" || len(name) > maxHeaderName || !token(name):
			return Invalid("a header name is not one")
		case ownHeaders[canonical], strings.HasPrefix(canonical, "Proxy-"), strings.HasPrefix(canonical, "Sec-"), strings.HasPrefix(canonical, "X-Forwarded-"):
			return Invalid("the header " + canonical + " may not be set")
		}
		for _, v := range values {
			if n++; n > MaxHeaders {
				return Invalid("more than 20 headers")
			}
			if len(v) > maxHeaderValue || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return Invalid("the value of the header " + canonical + " is too long or holds control characters")
			}
		}
	}
	return nil
}

func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return true
}
