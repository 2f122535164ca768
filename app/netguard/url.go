package netguard

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// maxURL bounds what is looked at.
const maxURL = 16 << 10

// ErrURL matches a URL that cannot be dialled safely, whatever it names.
var ErrURL = errors.New("unusable URL")

// URLError says what is wrong with a URL without repeating it.
type URLError struct{ Reason string }

// Error gives the reason.
func (e *URLError) Error() string { return ErrURL.Error() + ": " + e.Reason }

// InvalidURL is how providers, which may not import this package, know it.
func (e *URLError) InvalidURL() string { return e.Reason }

// Is makes it match ErrURL.
func (e *URLError) Is(target error) bool { return target == ErrURL }

// Target is where a URL leads: the host in the one form that is dialled.
type Target struct {
	Host string // lower case ASCII name without a final dot, or an address
	Addr netip.Addr
	Port uint16
}

// TargetOf reads a URL the strict way: http or https, a host, no user
// information, no zone, and an address only in the usual notation. A name that
// other readers take for a number ("127.1", "0x7f.1", "2130706433") is refused.
func TargetOf(u *url.URL) (Target, error) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return Target{}, &URLError{Reason: "only http and https"}
	}
	if u.User != nil {
		return Target{}, &URLError{Reason: "user information in the address"}
	}
	if u.Opaque != "" || len(u.Host) > maxURL {
		return Target{}, &URLError{Reason: "no host"}
	}
	t := Target{Port: 80}
	if u.Scheme == "https" {
		t.Port = 443
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 || p[0] == '+' {
			return Target{}, &URLError{Reason: "port"}
		}
		t.Port = uint16(n)
	} else if strings.HasSuffix(u.Host, ":") {
		return Target{}, &URLError{Reason: "port"}
	}
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		a, err := netip.ParseAddr(host)
		if err != nil || !a.Is6() || a.Zone() != "" {
			return Target{}, &URLError{Reason: "address"}
		}
		t.Host, t.Addr = a.String(), a
		return t, nil
	}
	name, err := canonicalHost(host)
	if err != nil {
		return Target{}, err
	}
	t.Host = name
	if a, err := netip.ParseAddr(name); err == nil {
		t.Addr = a
	}
	return t, nil
}

// URL is u with the host as it is dialled.
func (t Target) URL(u *url.URL) *url.URL {
	c := *u
	c.Host = t.Host
	if t.Addr.Is6() {
		c.Host = "[" + t.Host + "]"
	}
	if p := u.Port(); p != "" {
		c.Host += ":" + strconv.Itoa(int(t.Port))
	}
	return &c
}

// canonicalHost maps a host as browsers do (width, case, IDNA), and refuses a
// name whose last label is a number unless the whole is a v4 address.
func canonicalHost(host string) (string, error) {
	if host == "" || len(host) > 1024 {
		return "", &URLError{Reason: "no host"}
	}
	name, err := idna.Lookup.ToASCII(host)
	if err != nil {
		name = host
	}
	if err := plainASCII(name); err != nil {
		return "", err
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if name == "" || len(name) > 253 {
		return "", &URLError{Reason: "host"}
	}
	if a, err := netip.ParseAddr(name); err == nil {
		if !a.Is4() {
			return "", &URLError{Reason: "address"}
		}
		return name, nil
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last == "" || numeric(last) {
		return "", &URLError{Reason: "address in an unusual notation"}
	}
	return name, nil
}

// plainASCII takes what is left after IDNA, and the names it refuses but people
// use: nas_1.lan.
func plainASCII(host string) error {
	if host == "" || host[0] == '.' || strings.Contains(host, "..") {
		return &URLError{Reason: "host"}
	}
	for i := range len(host) {
		c := host[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._", c) >= 0) {
			return &URLError{Reason: "host"}
		}
	}
	return nil
}

// numeric is the "ends in a number" test of the URL standard.
func numeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
