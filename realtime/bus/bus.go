// Package bus carries soft, fast facts between the nodes of a cluster: room
// events, presence, requests, and leases that say which node is home of what.
//
// Delivery is at most once and ordered per publisher and subject. Who needs
// more adds a number. A lease carries an epoch that only grows, so an old
// holder can always be told from the new one.
//
// Imported by realtime and app. Imports nothing of ours.
package bus

import (
	"context"
	"errors"
	"time"
)

// Errors of a bus.
var (
	ErrClosed      = errors.New("bus closed")
	ErrNoResponder = errors.New("nobody answers this subject")
	ErrTaken       = errors.New("lease is held by another")
	ErrLost        = errors.New("lease lost")
)

// Message is one published message. Data must not be changed.
type Message struct {
	Subject string
	Data    []byte
}

// Bus is what nodes share. All methods are safe for concurrent use.
type Bus interface {
	// Publish sends data to every subscriber of subject and does not wait for
	// them.
	Publish(ctx context.Context, subject string, data []byte) error
	// Subscribe calls fn for each message, one at a time and in order, until
	// unsubscribe has returned.
	Subscribe(subject string, fn func(Message)) (unsubscribe func(), err error)
	// Request asks one responder and waits for its answer.
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
	// Respond answers requests until stop has returned. Calls may overlap.
	Respond(subject string, fn func(context.Context, []byte) ([]byte, error)) (stop func(), err error)
	// Lease takes the lease name, or returns ErrTaken.
	Lease(ctx context.Context, name string, ttl time.Duration) (Lease, error)
	// Healthy returns why the bus cannot be used, or nil.
	Healthy() error
}

// Lease is a name that one holder has for a while.
type Lease interface {
	// Epoch is higher than that of every earlier holder of the name.
	Epoch() uint64
	// Renew extends the lease by its time to live, or returns ErrLost.
	Renew(ctx context.Context) error
	// Release gives it back. Releasing a lost lease does nothing.
	Release(ctx context.Context) error
}
