// Package netguard is the only way out: the dialer and the HTTP client that
// every connection to another machine goes through.
//
// The decision is made on the address of the socket, in the instant before it
// connects, so a name that changes its mind, a redirect and every notation of an
// address pass the same gate. Nothing else in this program may dial.
//
// Imported by app. Imports nothing of ours.
package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// MaxRules bounds the allow list.
const MaxRules = 200

// Times of a connection.
const (
	dialTimeout   = 10 * time.Second
	ownAddrsFor   = 60 * time.Second // how long the list of our interfaces is believed
	maxInterfaces = 4096
)

// Policy says where connections may go. It is asked for at every dial, so a
// change takes effect at once.
type Policy struct {
	Guard bool     // false lets everything pass but our own listeners
	Allow []string // see ParseRule; entries that cannot be read open nothing
	// OwnAddrs are the listeners of this server. An unspecified address means
	// the port on every address of this machine.
	OwnAddrs func() []netip.AddrPort
	Resolver *net.Resolver // nil = the system's
}

// Static is a policy that never changes.
func Static(p Policy) func() Policy { return func() Policy { return p } }

// ErrBlocked matches every refusal with errors.Is.
var ErrBlocked = errors.New("address not allowed")

// BlockedError is the refusal of one address.
type BlockedError struct {
	Host string // as it was asked for
	Addr netip.AddrPort
	Own  bool // one of our own listeners
}

// Error names the address.
func (e *BlockedError) Error() string {
	what := "not allowed by the outbound rules"
	if e.Own {
		what = "is this server itself"
	}
	return fmt.Sprintf("%s: %s", e.Addr, what)
}

// Is makes it match ErrBlocked.
func (e *BlockedError) Is(target error) bool { return target == ErrBlocked }

// BlockedAddr is the host:port an admin could allow.
func (e *BlockedError) BlockedAddr() string {
	host := e.Host
	if host == "" {
		host = e.Addr.Addr().String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(e.Addr.Port())))
}

// Dialer opens connections that the policy allows. Safe for concurrent use.
type Dialer struct {
	policy func() Policy
	list   func() []netip.Addr // addresses of this machine

	mu       sync.Mutex
	written  []string // Allow that rules was made from
	rules    []Rule
	local    []netip.Addr
	localEnd time.Time
}

// NewDialer returns a dialer under a live policy.
func NewDialer(policy func() Policy) *Dialer {
	return &Dialer{policy: policy, list: interfaceAddrs}
}

// DialContext connects to host:port over tcp or udp. The error of a refused
// address matches ErrBlocked.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	name, err := canonicalHost(host)
	if err != nil { // a v6 literal has no other form
		if name = host; !isAddr(host) {
			return nil, fmt.Errorf("dial: %w", err)
		}
	}
	p := d.policy()
	nd := net.Dialer{
		Timeout: dialTimeout, KeepAlive: 30 * time.Second, Resolver: p.Resolver,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			return d.control(p, name, network, address)
		},
	}
	conn, err := nd.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return conn, nil
}

func isAddr(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// control sees the address the socket is about to connect to.
func (d *Dialer) control(p Policy, host, network, address string) error {
	switch network {
	case "tcp4", "tcp6", "udp4", "udp6":
	default:
		return fmt.Errorf("%w: network %s", ErrBlocked, network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBlocked, err)
	}
	return d.check(p, host, ap)
}

// Check says whether the policy lets a connection to ap pass that was asked for
// as host; nil or a *BlockedError.
func (d *Dialer) Check(host string, ap netip.AddrPort) error { return d.check(d.policy(), host, ap) }

func (d *Dialer) check(p Policy, host string, ap netip.AddrPort) error {
	own := d.own(p, ap)
	v := judge(ap.Addr())
	if !own && !p.Guard {
		return nil
	}
	if !own && !v.denied && !d.isLocal(ap.Addr()) && !badPorts[ap.Port()] {
		return nil
	}
	for _, r := range d.ruleSet(p.Allow) {
		if r.opens(host, ap.Addr(), ap.Port(), v, own) {
			return nil
		}
	}
	return &BlockedError{Host: host, Addr: netip.AddrPortFrom(ap.Addr().WithZone("").Unmap(), ap.Port()), Own: own}
}

// CheckURL refuses what can be seen to be forbidden without asking a name
// server: the wrong scheme, user information, a literal address the policy does
// not allow. For the moment something is saved; the dial decides again.
func (d *Dialer) CheckURL(u *url.URL) error {
	t, err := TargetOf(u)
	if err != nil {
		return err
	}
	switch {
	case t.Addr.IsValid():
		return d.Check(t.Host, netip.AddrPortFrom(t.Addr, t.Port))
	case t.Host == "localhost" || strings.HasSuffix(t.Host, ".localhost"):
		return d.Check(t.Host, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), t.Port))
	}
	return nil
}

func (d *Dialer) ruleSet(allow []string) []Rule {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.written, allow) {
		d.written, d.rules = slices.Clone(allow), nil
		for _, s := range allow[:min(len(allow), MaxRules)] {
			if r, err := ParseRule(s); err == nil {
				d.rules = append(d.rules, r)
			}
		}
	}
	return d.rules
}

// own reports whether something we listen on would answer.
func (d *Dialer) own(p Policy, ap netip.AddrPort) bool {
	if p.OwnAddrs == nil {
		return false
	}
	for _, o := range p.OwnAddrs() {
		if o.Port() != ap.Port() {
			continue
		}
		at := o.Addr().WithZone("").Unmap()
		for _, f := range faces(ap.Addr()) {
			if f == at || at.IsUnspecified() && (f.IsLoopback() || f.IsUnspecified() || d.isLocal(f)) {
				return true
			}
			if at.IsLoopback() && f.IsUnspecified() { // connecting to 0.0.0.0 reaches loopback
				return true
			}
		}
	}
	return false
}

// isLocal reports whether the address belongs to an interface of this machine.
func (d *Dialer) isLocal(a netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); now.After(d.localEnd) {
		d.local, d.localEnd = d.list(), now.Add(ownAddrsFor)
	}
	for _, f := range faces(a) {
		if slices.Contains(d.local, f) {
			return true
		}
	}
	return false
}

func interfaceAddrs() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range all[:min(len(all), maxInterfaces)] {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().WithZone("").Unmap())
		}
	}
	return out
}
