package bus_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"synctv/realtime/bus"
	"synctv/realtime/bus/bustest"
)

func TestMemory(t *testing.T) {
	bustest.Run(t, func(t *testing.T) (a, b bustest.Node) {
		m := bus.NewMemory(nil)
		t.Cleanup(func() { m.Close() })
		return m, m
	})
}

func TestClosedMemoryTakesNothing(t *testing.T) {
	m := bus.NewMemory(nil)
	if _, err := m.Subscribe("s", func(bus.Message) {}); err != nil {
		t.Fatal(err)
	}
	m.Close()
	_, sub := m.Subscribe("s", nil)
	_, ask := m.Request(t.Context(), "s", nil)
	_, say := m.Respond("s", nil)
	_, own := m.Lease(t.Context(), "s", time.Second)
	for _, err := range []error{m.Publish(t.Context(), "s", nil), sub, ask, say, own, m.Healthy()} {
		if !errors.Is(err, bus.ErrClosed) {
			t.Errorf("error = %v, want ErrClosed", err)
		}
	}
}

func TestMemoryLeavesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails when one is left
		m := bus.NewMemory(nil)
		stop, err := m.Subscribe("s", func(bus.Message) {})
		if err != nil {
			t.Fatal(err)
		}
		for range 5000 {
			_ = m.Publish(t.Context(), "s", []byte("x"))
		}
		stop()
		if _, err := m.Subscribe("s", func(bus.Message) {}); err != nil {
			t.Fatal(err)
		}
		m.Close()
	})
}
