package netguard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// canary is a server that nothing may reach.
func canary(t *testing.T) (addr netip.AddrPort, hits *atomic.Int64) {
	t.Helper()
	hits = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String()), hits
}

// forms are ways to write an address of this machine or of the network it is in.
var forms = []string{
	"127.0.0.1", "127.1", "127.0.1", "0", "0.0.0.0", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1",
	"localhost", "localhost.", "LOCALHOST", "127.0.0.1.", "127.255.255.254", "[::]", "[::1]", "[::ffff:127.0.0.1]",
	"[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25eth0]", "[fe80::1]",
	"①②⑦.0.0.1", "１２７.０.０.１", "127。0。0。1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "172.31.255.255", "100.64.0.1",
	"169.254.169.254", "[fd00:ec2::254]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "198.18.0.1", "240.0.0.1", "255.255.255.255",
	"224.0.0.1", "192.0.0.8", "[100::1]", "[2001:db8::1]", "0x7f.0x0.0x0.0x1", "127.0.0.1%2f", "1.0x1",
}

func TestA39_NoFormOfAPrivateAddressIsReached(t *testing.T) {
	addr, hits := canary(t)
	client := Client(Static(Policy{Guard: true}))
	d := NewDialer(Static(Policy{Guard: true}))
	for _, host := range forms {
		raw := fmt.Sprintf("http://%s:%d/", host, addr.Port())
		rq, err := http.NewRequestWithContext(t.Context(), http.MethodGet, raw, nil)
		if err != nil {
			continue // not even a URL
		}
		res, err := client.Do(rq)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s was reached", raw)
			continue
		}
		if !errors.Is(err, ErrBlocked) && !errors.Is(err, ErrURL) {
			t.Errorf("%s: %v, want a refusal", raw, err)
		}
		if err := d.CheckURL(rq.URL); err == nil {
			t.Errorf("%s could be saved", raw)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("the canary was hit %d times", hits.Load())
	}
}

// nameServer answers every question for A with the addresses, one after the
// other, and counts the questions.
func nameServer(t *testing.T, answers ...string) (*net.Resolver, *atomic.Int64) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := &atomic.Int64{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(answer(buf[:n], asked, answers), from)
		}
	}()
	t.Cleanup(func() { pc.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}, asked
}

func answer(q []byte, asked *atomic.Int64, answers []string) []byte {
	end := 12
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	question := q[12 : end+5]
	out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if binary.BigEndian.Uint16(question[len(question)-4:]) != 1 { // only A
		return out
	}
	i := asked.Add(1) - 1
	for a := range strings.SplitSeq(answers[int(i)%len(answers)], ",") {
		ip := netip.MustParseAddr(a).As4()
		out[7]++
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ip[0], ip[1], ip[2], ip[3])
	}
	return out
}

func TestA40_NameThatChangesItsMind(t *testing.T) {
	addr, hits := canary(t)
	for name, answers := range map[string][]string{
		"private":              {"127.0.0.1"},
		"both":                 {"192.168.0.9,127.0.0.1"},
		"public, then private": {"203.0.113.7", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			resolver, _ := nameServer(t, answers...)
			client := Client(Static(Policy{Guard: true, Resolver: resolver, Allow: []string{"other.example"}}))
			for range 3 {
				rq, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://rebind.example:%d/", addr.Port()), nil)
				res, err := client.Do(rq)
				if err == nil {
					res.Body.Close()
				}
				if !errors.Is(err, ErrBlocked) {
					t.Errorf("error = %v, want a refusal", err)
				}
			}
		})
	}
	if hits.Load() != 0 {
		t.Errorf("the canary was hit %d times", hits.Load())
	}
}

func TestAllowedNameIsLookedUpOnce(t *testing.T) {
	resolver, asked := nameServer(t, "10.9.9.9")
	d := NewDialer(Static(Policy{Guard: true, Resolver: resolver, Allow: []string{"nas.example:8096"}}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", "nas.example:8096")
	if err == nil {
		conn.Close()
	}
	if errors.Is(err, ErrBlocked) {
		t.Errorf("error = %v, want it let through", err)
	}
	if asked.Load() != 1 {
		t.Errorf("questions = %d, want 1", asked.Load())
	}
}

func TestRulesOfTheAllowList(t *testing.T) {
	d := NewDialer(nil)
	d.list = func() []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("192.168.1.5")}
	}
	own := func() []netip.AddrPort {
		return []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:8080"), netip.MustParseAddrPort("127.0.0.1:4222")}
	}
	for _, c := range []struct {
		allow, host, addr string
		want              bool
	}{
		{"", "h", "93.184.216.35:443", true},
		{"", "h", "[2606:2800::1]:443", true},
		{"", "h", "93.184.216.35:6379", false},
		{"93.184.216.35:6379", "h", "93.184.216.35:6379", true},
		{"93.184.216.35", "h", "93.184.216.35:6379", false},
		{"", "h", "93.184.216.34:443", false}, // our own public address
		{"", "h", "192.168.1.20:5244", false},
		{"192.168.1.20:5244", "h", "192.168.1.20:5244", true},
		{"192.168.1.20:5244", "h", "[::ffff:192.168.1.20]:5244", true},
		{"192.168.1.20:5244", "h", "192.168.1.20:80", false},
		{"192.168.1.20", "h", "192.168.1.20:80", true},
		{"192.168.1.20", "h", "192.168.1.20:22", false},
		{"192.168.1.0/24", "h", "192.168.1.99:8096", true},
		{"192.168.1.0/24", "h", "192.168.2.99:8096", false},
		{"192.168.1.0/24:80", "h", "192.168.1.99:81", false},
		{"nas.lan:8096", "nas.lan", "192.168.1.9:8096", true},
		{"NAS.lan.:8096", "nas.lan", "192.168.1.9:8096", true},
		{"nas.lan:8096", "other.lan", "192.168.1.9:8096", false},
		{"nas.lan", "nas.lan", "127.0.0.1:80", false},
		{"nas.lan:80", "nas.lan", "127.0.0.1:80", false},
		{"nas.lan:80", "nas.lan", "169.254.169.254:80", false},
		{"127.0.0.0/8", "h", "127.0.0.1:80", false},
		{"127.0.0.1", "h", "127.0.0.1:80", false},
		{"127.0.0.1:80", "h", "127.0.0.1:80", true},
		{"localhost:80", "localhost", "127.0.0.1:80", true},
		{"localhost:80", "evil.example", "127.0.0.1:80", false},
		{"localhost", "localhost", "127.0.0.1:80", false},
		{"0.0.0.0/0", "h", "169.254.169.254:80", false},
		{"169.254.0.0/16", "h", "169.254.169.254:80", false},
		{"169.254.169.254:80", "h", "169.254.169.254:80", true},
		{"::/0", "h", "[fe80::1]:80", false},
		{"::/0", "h", "[fd00::1]:80", true},
		{"::/0", "h", "[::]:80", false},
		{"[fd00::5]:80", "h", "[fd00::5]:80", true},
		{"fd00::/8", "h", "[fd00:ec2::254]:80", false},
		{"10.0.0.0/8", "h", "[64:ff9b::a00:1]:80", false},  // a translated address is not in the rule as written
		{"192.168.1.0/24", "h", "192.168.1.5:8080", false}, // us
		{"192.168.1.5:8080", "h", "192.168.1.5:8080", true},
		{"192.168.1.0/24", "h", "192.168.1.5:8081", true},
		{"127.0.0.1:4223", "h", "127.0.0.1:4222", false},
		{"rubbish rule, 10.0.0.0/99", "h", "10.0.0.1:80", false},
	} {
		d.policy = Static(Policy{Guard: true, Allow: []string{c.allow}, OwnAddrs: own})
		if got := d.Check(c.host, netip.MustParseAddrPort(c.addr)) == nil; got != c.want {
			t.Errorf("allow %q: %s as %s = %v, want %v", c.allow, c.addr, c.host, got, c.want)
		}
	}
}

func TestGuardOffStillKeepsUsFromOurselves(t *testing.T) {
	addr, hits := canary(t)
	client := Client(Static(Policy{OwnAddrs: func() []netip.AddrPort { return []netip.AddrPort{addr} }}))
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"} {
		rq, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s:%d/", host, addr.Port()), nil)
		res, err := client.Do(rq)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s was reached", host)
		}
	}
	other, _ := canary(t)
	rq, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+other.String(), nil)
	res, err := client.Do(rq)
	if err != nil {
		t.Fatalf("with the guard off: %v", err)
	}
	res.Body.Close()
	if hits.Load() != 0 {
		t.Errorf("our own listener was hit %d times", hits.Load())
	}
}

func TestPolicyIsLive(t *testing.T) {
	addr, _ := canary(t)
	var p atomic.Pointer[Policy]
	p.Store(&Policy{Guard: true})
	client := Client(func() Policy { return *p.Load() })
	get := func() error {
		rq, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr.String(), nil)
		res, err := client.Do(rq)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			client.CloseIdleConnections()
		}
		return err
	}
	if err := get(); !errors.Is(err, ErrBlocked) {
		t.Errorf("before = %v", err)
	}
	p.Store(&Policy{Guard: true, Allow: []string{addr.String()}})
	if err := get(); err != nil {
		t.Errorf("allowed = %v", err)
	}
	p.Store(&Policy{Guard: true})
	if err := get(); !errors.Is(err, ErrBlocked) {
		t.Errorf("after = %v", err)
	}
}

func TestBlockedErrorNamesWhatToAllow(t *testing.T) {
	_, err := NewDialer(Static(Policy{Guard: true})).DialContext(t.Context(), "tcp", "127.0.0.1:8096")
	var b *BlockedError
	if !errors.As(err, &b) || b.BlockedAddr() != "127.0.0.1:8096" {
		t.Errorf("error = %v", err)
	}
	if _, err := NewDialer(Static(Policy{Guard: true})).DialContext(t.Context(), "unix", "/tmp/x:1"); err == nil {
		t.Error("a unix socket was dialled")
	}
}

func TestA41_RedirectsOfTheClient(t *testing.T) {
	target, hits := canary(t)
	var got http.Header
	end := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() }))
	defer end.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("u"))
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	s := httptest.NewServer(mux)
	defer s.Close()
	allow := []string{strings.TrimPrefix(s.URL, "http://"), strings.TrimPrefix(end.URL, "http://")}
	client := Client(Static(Policy{Guard: true, Allow: allow}))
	do := func(u string) error {
		rq, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u, nil)
		if err != nil {
			return err
		}
		rq.Header = http.Header{"Authorization": {"secret"}, "X-Emby-Token": {"secret"}, "Cookie": {"secret"}, "Range": {"bytes=0-1"}}
		res, err := client.Do(rq)
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	for _, to := range []string{
		"http://" + target.String(), "file:///etc/passwd", "gopher://x/", "ftp://x/", "unix:///x", "http://a:b@" + target.String(), "http://2130706433/",
	} {
		if err := do(s.URL + "/to?u=" + url.QueryEscape(to)); err == nil {
			t.Errorf("redirect to %s was followed", to)
		}
	}
	if err := do(s.URL + "/loop"); !errors.Is(err, ErrRedirects) {
		t.Errorf("loop = %v", err)
	}
	if err := do(s.URL + "/to?u=" + url.QueryEscape(end.URL)); err != nil {
		t.Fatal(err)
	}
	for name, v := range got {
		if strings.Contains(strings.Join(v, ""), "secret") {
			t.Errorf("another host got %s: %v", name, v)
		}
	}
	if got.Get("Range") != "bytes=0-1" || got.Get("Referer") != "" {
		t.Errorf("another host got %v", got)
	}
	if hits.Load() != 0 {
		t.Errorf("the canary was hit %d times", hits.Load())
	}
	plain := PlainClient(Static(Policy{Guard: true, Allow: allow}))
	rq, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/loop", nil)
	res, err := plain.Do(rq)
	if err != nil || res.StatusCode != http.StatusFound {
		t.Fatalf("plain client = %v, %v, want the 302 itself", res, err)
	}
	res.Body.Close()
}

func TestRulesThatCannotBeRead(t *testing.T) {
	for _, s := range []string{"", ":80", "a:0", "a:99999", "http://a", "a/b", "10.0.0.0/33", "a b", "127.1:80", "[::1", "fe80::1%eth0", "a:+80", "*"} {
		if r, err := ParseRule(s); err == nil {
			t.Errorf("%q became %+v", s, r)
		}
	}
}

// slowDenied is the table once more, in the plainest way.
func slowDenied(a netip.Addr) bool {
	if !a.IsValid() {
		return true
	}
	s := netip.AddrFrom16(a.WithZone("").As16())
	all := []netip.Addr{s}
	b := s.As16()
	hasPrefix := func(p string) bool { return netip.MustParsePrefix(p).Contains(s.Unmap()) }
	switch {
	case hasPrefix("64:ff9b::/96"), hasPrefix("64:ff9b:1::/48"):
		all = append(all, netip.AddrFrom4([4]byte{b[12], b[13], b[14], b[15]}))
	case hasPrefix("2002::/16"):
		all = append(all, netip.AddrFrom4([4]byte{b[2], b[3], b[4], b[5]}))
	case hasPrefix("2001::/32"):
		all = append(all, netip.AddrFrom4([4]byte{b[4], b[5], b[6], b[7]}), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}))
	}
	for _, x := range all {
		for _, p := range []string{
			"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
			"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
			"::/96", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "100::/64", "2001:db8::/32", "100.100.100.200/32",
		} {
			if netip.MustParsePrefix(p).Contains(x.Unmap()) {
				return true
			}
		}
	}
	return false
}

func FuzzGuardAddr(f *testing.F) {
	for _, s := range []string{
		"127.0.0.1", "::1", "::", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::", "fe80::1",
		"8.8.8.8", "2606:4700::1111", "100.64.0.1", "::7f00:1", "fd00:ec2::254", "ff02::1", "203.0.113.1", "2001:db8::1", "172.31.0.1", "172.32.0.1", "255.255.255.255", "64:ff9b::808:808",
	} {
		b := netip.MustParseAddr(s).As16()
		f.Add(b[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 16 {
			return
		}
		a := netip.AddrFrom16([16]byte(b[:16]))
		v := judge(a)
		if v.denied != slowDenied(a) {
			t.Errorf("%s = %v, the reference says %v", a, v.denied, slowDenied(a))
		}
		if v.hard && !v.denied {
			t.Errorf("%s is hard but not denied", a)
		}
		v4 := netip.AddrFrom4([4]byte(b[:4]))
		want := judge(v4)
		mapped := netip.AddrFrom16(v4.As16())
		var nat, six [16]byte
		copy(nat[:], []byte{0, 0x64, 0xff, 0x9b})
		copy(nat[12:], b[:4])
		copy(six[:], []byte{0x20, 0x02})
		copy(six[2:], b[:4])
		for _, e := range []netip.Addr{mapped, netip.AddrFrom16(nat), netip.AddrFrom16(six)} {
			if got := judge(e); got != want {
				t.Errorf("%s = %+v, %s = %+v", v4, want, e, got)
			}
		}
	})
}

func FuzzGuardURL(f *testing.F) {
	for _, s := range []string{
		"http://a/", "http://a:80", "http://a@b/", "http://a:b@c/", "http://[::1]/", "http://[fe80::1%25e]/", "http://127.1/", "http://0x7f.1/", "http://①②⑦.0.0.1/",
		"http://a\\@b/", "http://a#@b/", "http://a?@b/", "//a/", "http:a", "http:///a", "http://a.:1/", "http://xn--a/", "http://ａ.example/", "http://a:/", "http://a:0/", "https://[::ffff:1.2.3.4]:1/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		target, err := TargetOf(u)
		if err != nil {
			return
		}
		if u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("%q was accepted", raw)
		}
		again := target.URL(u)
		if back, err := url.Parse(again.String()); err != nil || back.Hostname() != target.Host {
			t.Fatalf("%q names %q, dialled is %q (%v)", raw, target.Host, again, err)
		}
		same, err := TargetOf(again)
		if err != nil || same != target {
			t.Fatalf("%q: read again %+v, %v, want %+v", raw, same, err, target)
		}
		// What the standard library dials for it.
		rq, err := http.NewRequest(http.MethodGet, again.String(), nil)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if rq.URL.Hostname() != target.Host {
			t.Fatalf("%q: the request goes to %q, want %q", raw, rq.URL.Hostname(), target.Host)
		}
		if a, err := netip.ParseAddr(target.Host); err == nil && a != target.Addr {
			t.Fatalf("%q: address %v, want %v", raw, target.Addr, a)
		}
	})
}
