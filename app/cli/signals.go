package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"synctv/app/telemetry"
)

// drainTime is how long a stopping server may take. Container runtimes kill
// after ten seconds; what is not flushed a little before is lost.
const drainTime = 10 * time.Second

var errSignal = errors.New("stopped by a signal")

// untilSignal returns a context that ends with the first SIGINT or SIGTERM. A
// second one, or ten seconds without an end, calls exit. SIGHUP does nothing:
// a log file that was moved away is opened anew without being told.
func untilSignal(ctx context.Context, log *slog.Logger, exit func(int)) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		defer telemetry.Rescue(log, "signals")
		watch(signals, done, log, func() { cancel(errSignal) }, exit)
	})
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		watcher.Wait()
		cancel(nil)
	}
}

func watch(signals <-chan os.Signal, done <-chan struct{}, log *slog.Logger, drain func(), exit func(int)) {
	var late <-chan time.Time
	for {
		select {
		case <-done:
			return
		case <-late:
			log.Error("did not stop in time; exiting", slog.Duration("waited", drainTime))
			exit(exitFailed)
			return
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP:
			case late != nil:
				log.Warn("second signal; exiting at once", slog.String("signal", s.String()))
				exit(exitFailed)
				return
			default:
				log.Info("stopping", slog.String("signal", s.String()))
				late = time.After(drainTime)
				drain()
			}
		}
	}
}
