package app

import (
	"context"
	"log/slog"
	"time"
)

const (
	// jobPeriod is how often the house is swept.
	jobPeriod = time.Hour
	// jobSlice is how many rows one transaction may delete, so that a large
	// sweep never holds up the writers.
	jobSlice = 500
	// sessionMemory is how long ended sessions stay on record.
	sessionMemory = 90 * 24 * time.Hour
)

// job deletes up to a slice of what is old and says how much went.
type job struct {
	name string
	run  func(context.Context, time.Time) (int, error)
}

func (a *App) jobs() []job {
	return []job{
		{"sessions", func(ctx context.Context, now time.Time) (int, error) {
			return a.accounts.Purge(ctx, now.Add(-sessionMemory), jobSlice)
		}},
		{"files", func(ctx context.Context, now time.Time) (int, error) { return a.files.Purge(ctx, now, jobSlice) }},
	}
}

// schedule runs the jobs at the start and every jobPeriod until ctx ends.
func (a *App) schedule(ctx context.Context) error {
	tick := time.NewTicker(jobPeriod)
	defer tick.Stop()
	for {
		for _, j := range a.jobs() {
			a.sweep(ctx, j)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *App) sweep(ctx context.Context, j job) {
	for ctx.Err() == nil {
		n, err := j.run(ctx, time.Now())
		if err != nil {
			a.log.Warn("a clean-up job failed, it runs again in an hour", slog.String("job", j.name), slog.Any("err", err))
			return
		}
		if n < jobSlice {
			return
		}
	}
}
