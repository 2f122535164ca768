package netguard

import (
	"net/netip"
	"strconv"
	"strings"
)

// The addresses nobody reaches without a word from an admin. What a name means
// is in the comment; the list is B4 of the security chapter.
var denied = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

// Those of them that a rule for a network never opens: this machine and what
// only this link knows, the metadata service of clouds among them.
var neverByNetwork = prefixes(
	"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	"100.100.100.200/32", "192.0.0.192/32", // metadata of two clouds outside 169.254/16
	"::/96", "fe80::/10", "ff00::/8", "fd00:ec2::/32",
)

// A v6 address that carries a v4 one inside is judged by both.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	teredo     = netip.MustParsePrefix("2001::/32")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func in(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// faces are the addresses that a packet to a may end at: a itself without
// mapping and zone, and the v4 addresses inside it.
func faces(a netip.Addr) []netip.Addr {
	a = a.WithZone("").Unmap()
	out := []netip.Addr{a}
	if !a.Is6() {
		return out
	}
	b := a.As16()
	v4 := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	switch {
	case nat64.Contains(a), nat64Local.Contains(a):
		out = append(out, v4(12))
	case sixToFour.Contains(a):
		out = append(out, v4(2))
	case teredo.Contains(a): // the server, and the client with every bit turned
		for i := 12; i < 16; i++ {
			b[i] = ^b[i]
		}
		out = append(out, v4(4), v4(12))
	}
	return out
}

// verdict is what the tables alone say of an address.
type verdict struct {
	denied bool // needs a rule
	hard   bool // needs a rule for exactly this host and port
}

func judge(a netip.Addr) (v verdict) {
	if !a.IsValid() {
		return verdict{denied: true, hard: true}
	}
	for _, f := range faces(a) {
		v.denied = v.denied || in(denied, f)
		v.hard = v.hard || in(neverByNetwork, f)
	}
	v.denied = v.denied || v.hard
	return v
}

// badPorts are those of the fetch standard and the services no media server is.
var badPorts = portSet(
	0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
	110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
	532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
	5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
	1433, 2375, 2376, 3306, 3389, 5432, 6379, 9200, 11211, 27017,
)

func portSet(list ...uint16) map[uint16]bool {
	m := make(map[uint16]bool, len(list))
	for _, p := range list {
		m[p] = true
	}
	return m
}

// Rule is one entry of the allow list: an address, a network or a host name,
// each with an optional port.
type Rule struct {
	Host   string       // lower case, without a final dot; "" for a network
	Prefix netip.Prefix // valid for an address (whole length) or a network
	Single bool         // an address written as such, not a network
	Port   uint16       // 0 = any but the bad ones
}

// ParseRule reads "192.168.1.20:5244", "nas.lan:8096", "192.168.1.0/24",
// "[fd00::5]:80", "fd00::/8" and the like.
func ParseRule(s string) (Rule, error) {
	s = strings.TrimSpace(s)
	if p, err := netip.ParsePrefix(s); err == nil {
		return Rule{Prefix: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(unbracket(s)); err == nil && a.Zone() == "" {
		return addrRule(a, 0), nil
	}
	host, port, ok := cutPort(s)
	if !ok {
		return Rule{}, &RuleError{Rule: s}
	}
	if p, err := netip.ParsePrefix(unbracket(host)); err == nil {
		return Rule{Prefix: p.Masked(), Port: port}, nil
	}
	if a, err := netip.ParseAddr(unbracket(host)); err == nil && a.Zone() == "" {
		return addrRule(a, port), nil
	}
	name, err := canonicalHost(host)
	if err != nil {
		return Rule{}, &RuleError{Rule: s}
	}
	return Rule{Host: name, Port: port}, nil
}

func unbracket(s string) string {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			return inner
		}
	}
	return s
}

func addrRule(a netip.Addr, port uint16) Rule {
	a = a.Unmap()
	return Rule{Prefix: netip.PrefixFrom(a, a.BitLen()), Single: true, Port: port}
}

// cutPort splits a final :port; without one the port is 0.
func cutPort(s string) (host string, port uint16, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, 0, s != ""
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil || n == 0 || s[i+1] == '+' {
		return "", 0, false
	}
	return s[:i], uint16(n), i > 0
}

// RuleError is an entry of the allow list that cannot be read.
type RuleError struct{ Rule string }

// Error names the entry.
func (e *RuleError) Error() string {
	return "allow rule " + strconv.Quote(e.Rule) + ": want a host, an address or a network, with an optional port"
}

// opens says whether the rule lets a connection to addr, looked up as host, pass.
func (r Rule) opens(host string, addr netip.Addr, port uint16, v verdict, own bool) bool {
	addr = addr.WithZone("").Unmap()
	if r.Port != 0 && r.Port != port || r.Port == 0 && badPorts[port] {
		return false
	}
	exact := r.Single && r.Port != 0 && r.Prefix.Addr() == addr
	if r.Host == "localhost" && r.Port != 0 && host == r.Host && addr.IsLoopback() {
		exact = true // the one name that means this machine
	}
	if v.hard || own {
		return exact
	}
	if r.Host != "" {
		return r.Host == host
	}
	return r.Prefix.Contains(addr)
}
