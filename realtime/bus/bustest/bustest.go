// Package bustest says what every bus must do.
//
// It is for tests only: each implementation of bus.Bus runs it.
//
// Imported by tests. Imports realtime/bus.
package bustest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"synctv/realtime/bus"
)

// Node is one node's view of a shared bus.
type Node = bus.Bus

// patience bounds what must come and never does. A bus over a network needs
// some of it, one in memory none.
const patience = 10 * time.Second

// Run checks the buses that open returns: two nodes of one cluster. open
// registers their end with t.Cleanup. A bus in memory returns the same twice.
func Run(t *testing.T, open func(t *testing.T) (a, b Node)) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, a, b Node)
	}{
		{"a message reaches every subscriber on every node", everySubscriber},
		{"messages of one publisher stay in order", inOrder},
		{"nothing comes after unsubscribe", afterUnsubscribe},
		{"a slow subscriber does not stop the publisher", slowSubscriber},
		{"a panic loses one message only", panicking},
		{"a request is answered", requestAnswered},
		{"a request without anybody to answer fails", nobodyAnswers},
		{"an error travels back", errorTravels},
		{"a request ends with its context", requestEnds},
		{"nobody answers after stop", afterStop},
		{"a lease has one holder and a growing epoch", leases},
		{"a lease runs out", leaseRunsOut},
		{"a bus is healthy while it is open", healthy},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := open(t)
			c.run(t, a, b)
		})
	}
}

func wait[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func listen(t *testing.T, n Node, subject string, size int) (got chan string, stop func()) {
	t.Helper()
	got = make(chan string, size)
	stop, err := n.Subscribe(subject, func(m bus.Message) { got <- m.Subject + " " + string(m.Data) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return got, stop
}

func publish(t *testing.T, n Node, subject, data string) {
	t.Helper()
	if err := n.Publish(t.Context(), subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func everySubscriber(t *testing.T, a, b Node) {
	one, _ := listen(t, a, "room.1.event", 4)
	two, _ := listen(t, b, "room.1.event", 4)
	other, _ := listen(t, b, "room.2.event", 4)
	publish(t, a, "room.1.event", "x")
	for _, ch := range []chan string{one, two} {
		if got := wait(t, ch); got != "room.1.event x" {
			t.Errorf("got %q", got)
		}
	}
	publish(t, b, "room.2.event", "y")
	if got := wait(t, other); got != "room.2.event y" {
		t.Errorf("another subject got %q", got)
	}
}

func inOrder(t *testing.T, a, b Node) {
	const n = 500
	got, _ := listen(t, b, "s", n)
	for i := range n {
		publish(t, a, "s", fmt.Sprint(i))
	}
	for i := range n {
		if m := wait(t, got); m != fmt.Sprint("s ", i) {
			t.Fatalf("message %d is %q", i, m)
		}
	}
}

func afterUnsubscribe(t *testing.T, a, b Node) {
	got, stop := listen(t, b, "s", 4)
	publish(t, a, "s", "1")
	wait(t, got)
	stop()
	stop() // twice does no harm
	other, _ := listen(t, b, "s", 4)
	publish(t, a, "s", "2")
	wait(t, other)
	if len(got) != 0 {
		t.Errorf("got %q after unsubscribe", <-got)
	}
}

func slowSubscriber(t *testing.T, a, b Node) {
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	stop, err := b.Subscribe("s", func(bus.Message) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-leave
	})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, a, "s", "1")
	wait(t, entered)
	other, _ := listen(t, b, "t", 4)
	for range 100 {
		publish(t, a, "s", "more")
	}
	publish(t, a, "t", "2")
	wait(t, other)
	close(leave)
	stop()
}

func panicking(t *testing.T, a, b Node) {
	got := make(chan string, 4)
	stop, err := b.Subscribe("s", func(m bus.Message) {
		if string(m.Data) == "bad" {
			panic("on purpose")
		}
		got <- string(m.Data)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	publish(t, a, "s", "bad")
	publish(t, a, "s", "good")
	if m := wait(t, got); m != "good" {
		t.Errorf("got %q", m)
	}
}

func respond(t *testing.T, n Node, subject string, fn func(context.Context, []byte) ([]byte, error)) (stop func()) {
	t.Helper()
	stop, err := n.Respond(subject, fn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return stop
}

func requestAnswered(t *testing.T, a, b Node) {
	respond(t, b, "room.1.command", func(_ context.Context, p []byte) ([]byte, error) { return append(p, '!'), nil })
	got, err := a.Request(t.Context(), "room.1.command", []byte("play"))
	if err != nil || string(got) != "play!" {
		t.Errorf("answer = %q, %v", got, err)
	}
}

func nobodyAnswers(t *testing.T, a, _ Node) {
	if _, err := a.Request(t.Context(), "room.9.command", nil); !errors.Is(err, bus.ErrNoResponder) {
		t.Errorf("error = %v, want ErrNoResponder", err)
	}
}

func errorTravels(t *testing.T, a, b Node) {
	respond(t, b, "s", func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no such room") })
	if _, err := a.Request(t.Context(), "s", nil); err == nil {
		t.Error("no error")
	}
}

func requestEnds(t *testing.T, a, b Node) {
	ctx, cancel := context.WithCancel(t.Context())
	respond(t, b, "s", func(inner context.Context, _ []byte) ([]byte, error) {
		cancel()
		<-inner.Done()
		return nil, inner.Err()
	})
	if _, err := a.Request(ctx, "s", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want canceled", err)
	}
}

func afterStop(t *testing.T, a, b Node) {
	stop := respond(t, b, "s", func(context.Context, []byte) ([]byte, error) { return nil, nil })
	if _, err := a.Request(t.Context(), "s", nil); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := a.Request(t.Context(), "s", nil); !errors.Is(err, bus.ErrNoResponder) {
		t.Errorf("error = %v, want ErrNoResponder", err)
	}
}

func leases(t *testing.T, a, b Node) {
	ctx := t.Context()
	one, err := a.Lease(ctx, "room.1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Lease(ctx, "room.1", time.Minute); !errors.Is(err, bus.ErrTaken) {
		t.Errorf("a held lease: %v, want ErrTaken", err)
	}
	if _, err := b.Lease(ctx, "room.2", time.Minute); err != nil {
		t.Errorf("another name: %v", err)
	}
	if err := one.Renew(ctx); err != nil {
		t.Errorf("renew: %v", err)
	}
	if err := one.Release(ctx); err != nil {
		t.Errorf("release: %v", err)
	}
	if err := one.Renew(ctx); !errors.Is(err, bus.ErrLost) {
		t.Errorf("renew after release: %v, want ErrLost", err)
	}
	two, err := b.Lease(ctx, "room.1", time.Minute)
	if err != nil || two.Epoch() <= one.Epoch() {
		t.Fatalf("epoch %d after %d, %v", two.Epoch(), one.Epoch(), err)
	}
	if err := one.Release(ctx); err != nil {
		t.Errorf("release of a lost lease: %v", err)
	}
	if err := two.Renew(ctx); err != nil {
		t.Errorf("the old holder took it from the new one: %v", err)
	}
}

func leaseRunsOut(t *testing.T, a, b Node) {
	ctx := t.Context()
	one, err := a.Lease(ctx, "room.3", 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	over := time.After(patience)
	for {
		two, err := b.Lease(ctx, "room.3", time.Minute)
		if err == nil {
			if two.Epoch() <= one.Epoch() {
				t.Errorf("epoch %d after %d", two.Epoch(), one.Epoch())
			}
			break
		}
		select {
		case <-over:
			t.Fatal("the lease never ran out")
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := one.Renew(ctx); !errors.Is(err, bus.ErrLost) {
		t.Errorf("renew: %v, want ErrLost", err)
	}
}

func healthy(t *testing.T, a, b Node) {
	for _, n := range []Node{a, b} {
		if err := n.Healthy(); err != nil {
			t.Error(err)
		}
	}
}
