package api

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"synctv/app/settings"
)

// maxBuckets bounds the rate table; the idlest go first.
const maxBuckets = 100_000

// bucketIdle is how long an unused bucket is kept: longer than any window.
const bucketIdle = time.Hour

// bucket is a token bucket: so many per window, and so many at once.
type bucket struct {
	max    float64
	window time.Duration
	burst  int
}

// class is a rate class of the domain chapter: who counts, and how fast.
type class struct {
	actor bucket // per user or guest; per address for nobody
	addr  bucket // per address besides; zero = none
}

var classes = map[string]class{
	"auth":       {addr: bucket{20, time.Minute, 40}},
	"register":   {addr: bucket{3, time.Hour, 5}},
	"guest":      {addr: bucket{30, time.Minute, 40}},
	"refresh":    {addr: bucket{60, time.Minute, 60}},
	"read":       {actor: bucket{20, time.Second, 100}, addr: bucket{50, time.Second, 200}},
	"write":      {actor: bucket{5, time.Second, 30}},
	"batch":      {actor: bucket{20, time.Minute, 20}},
	"playback":   {actor: bucket{1, time.Second, 10}},
	"chat":       {actor: bucket{1, time.Second, 5}},
	"provider":   {actor: bucket{5, time.Second, 20}},
	"ws_connect": {actor: bucket{10, time.Minute, 10}, addr: bucket{30, time.Minute, 30}},
	"stream":     {addr: bucket{200, time.Second, 800}},
}

// rates holds the buckets of one node.
type rates struct {
	settings *settings.Service
	buckets  *otter.Cache[string, *rate.Limiter]
}

func newRates(s *settings.Service) *rates {
	return &rates{settings: s, buckets: otter.Must(&otter.Options[string, *rate.Limiter]{
		MaximumSize: maxBuckets, ExpiryCalculator: otter.ExpiryAccessing[string, *rate.Limiter](bucketIdle),
	})}
}

// rateError says when to come back.
type rateError struct {
	limit int
	wait  time.Duration
}

func (*rateError) Error() string { return "too many requests" }

func (e *rateError) problem() *Problem {
	p := newProblem("rate-limited", "too many requests, try again in a moment")
	p.retryAfter(e.wait)
	p.headers.Set("RateLimit-Limit", strconv.Itoa(e.limit))
	p.headers.Set("RateLimit-Remaining", "0")
	p.headers.Set("RateLimit-Reset", p.headers.Get("Retry-After"))
	return p
}

// take spends one token of a class for this request.
func (r *rates) take(name string, rq *request) error {
	c, ok := classes[name]
	if !ok || r.settings == nil {
		return nil
	}
	over, set := r.settings.Current().RateLimits[name]
	addr := addressKey(rq.addr)
	if rq.actor.ID != "" && c.actor.max > 0 {
		return r.spend(name+"|"+rq.actor.ID, c.actor.with(over, set))
	}
	if c.addr.max == 0 {
		c.addr = c.actor
	}
	return r.spend(name+"@"+addr, c.addr.with(over, set))
}

// takeKey spends one token of a class for a key of the caller's choosing.
func (r *rates) takeKey(name, key string, b bucket) error {
	over, set := r.settings.Current().RateLimits[name]
	return r.spend(name+"#"+key, b.with(over, set))
}

func (b bucket) with(over settings.RateLimit, set bool) bucket {
	if !set || over.Max == 0 || over.Window == 0 {
		return b
	}
	return bucket{float64(over.Max), over.Window, max(over.Max, b.burst)}
}

func (r *rates) spend(key string, b bucket) error {
	perSecond := rate.Limit(b.max / b.window.Seconds())
	l, _ := r.buckets.ComputeIfAbsent(key, func() (*rate.Limiter, bool) { return rate.NewLimiter(perSecond, b.burst), false })
	if l.Limit() != perSecond { // the setting has changed
		l.SetLimit(perSecond)
		l.SetBurst(b.burst)
	}
	if l.Allow() {
		return nil
	}
	return &rateError{limit: b.burst, wait: time.Duration(float64(time.Second) / float64(perSecond))}
}

// addressKey is what counts as one address: an IPv4, or the /64 of an IPv6.
func addressKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
