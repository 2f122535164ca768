package cli

import (
	"log/slog"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// watching runs watch in a bubble and tells what it did.
type watching struct {
	signals       chan os.Signal
	done          chan struct{}
	drained, gone []time.Duration
}

func startWatching(t *testing.T) *watching {
	t.Helper()
	w := &watching{signals: make(chan os.Signal, 4), done: make(chan struct{})}
	start := time.Now()
	go watch(w.signals, w.done, slog.New(slog.DiscardHandler),
		func() { w.drained = append(w.drained, time.Since(start)) },
		func(int) { w.gone = append(w.gone, time.Since(start)) })
	return w
}

func TestR27FirstSignalDrainsAndSecondExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatching(t)
		w.signals <- syscall.SIGHUP
		synctest.Wait()
		if w.drained != nil {
			t.Error("SIGHUP stops the server")
		}
		w.signals <- syscall.SIGTERM
		synctest.Wait()
		if len(w.drained) != 1 || w.gone != nil {
			t.Errorf("after SIGTERM: drained %v, gone %v", w.drained, w.gone)
		}
		w.signals <- syscall.SIGINT
		synctest.Wait()
		if len(w.drained) != 1 || len(w.gone) != 1 || w.gone[0] != 0 {
			t.Errorf("after a second signal: drained %v, gone %v; want gone at once", w.drained, w.gone)
		}
	})
}

func TestR27DrainEndsAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatching(t)
		w.signals <- syscall.SIGTERM
		time.Sleep(time.Minute) // the bubble's clock
		if len(w.gone) != 1 || w.gone[0] != drainTime {
			t.Errorf("gone after %v, want %v", w.gone, drainTime)
		}
	})
}

func TestR27FinishedServerIsNotKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatching(t)
		w.signals <- syscall.SIGTERM
		synctest.Wait()
		close(w.done)
		time.Sleep(time.Minute) // the bubble's clock
		if w.gone != nil {
			t.Errorf("gone after %v", w.gone)
		}
	})
}
