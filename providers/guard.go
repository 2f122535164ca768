package providers

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Bounds of every call, where the instance does not say otherwise.
const (
	callTimeout    = 10 * time.Second
	resolveTimeout = 15 * time.Second
	callsAtOnce    = 16
	callsWaiting   = 64
	callMaxWait    = 2 * time.Second
)

// guard is what every call of an instance passes: a deadline, then a bulkhead.
// The rate limit, the breaker and the retry of the design join it here, in
// front of the call itself.
type guard struct {
	timeout time.Duration
	slots   chan struct{} // callsAtOnce: full = wait
	waiting atomic.Int64  // callsWaiting, then refused at once
}

func newGuard(cfg InstanceConfig) *guard {
	g := &guard{timeout: cfg.Timeout}
	if g.timeout <= 0 {
		g.timeout = callTimeout
	}
	n := cfg.MaxConcurrency
	if n <= 0 {
		n = callsAtOnce
	}
	g.slots = make(chan struct{}, n)
	return g
}

// do runs call under the guard. Every error that comes back is an *Error,
// except the caller's own cancellation.
func (g *guard) do(ctx context.Context, call func(context.Context) error) error {
	release, err := g.enter(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	err = call(ctx)
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() == context.Canceled {
		return err
	}
	return FromTransport(err)
}

func (g *guard) enter(ctx context.Context) (release func(), err error) {
	release = func() { <-g.slots }
	select {
	case g.slots <- struct{}{}:
		return release, nil
	default:
	}
	busy := &Error{Class: ClassUnavailable, Reason: "too many requests to this source at once", RetryAfter: callMaxWait}
	if g.waiting.Add(1) > callsWaiting {
		g.waiting.Add(-1)
		return nil, busy
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(callMaxWait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return release, nil
	case <-timer.C:
		return nil, busy
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
