// Package bench loads a running server as its users would: real sockets, real
// requests, and prints what that cost beside the least that it could.
//
// It shares the machine with the server it measures, so a viewer is one
// goroutine and two small buffers, and reads frames without decoding them.
//
// Imported by app/cli. Imports nothing of ours: it speaks to the server as any
// client would.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"
)

// ViewersConfig says how many viewers hear how many messages where.
type ViewersConfig struct {
	URL      string        // of the server, like http://127.0.0.1:8080
	Room     string        // id of a room that lets guests in; "": one is created by Login
	Password string        // of the room
	Login    string        // account that creates the room
	Secret   string        // its password
	Viewers  int           // 0: 500
	Rate     float64       // chat messages per second; 0: 100
	Duration time.Duration // of sending; 0: 10 s
	Joins    float64       // viewers per second while they come; 0: 200
	PID      int           // process of the server, for its CPU and memory; 0: not measured
	Baseline bool          // also measure a bare write per viewer in a child process
	Progress io.Writer     // nil: silent
	Log      *slog.Logger  // nil: silent
}

// Viewers connects the viewers, sends the messages and reports. With Baseline
// it starts this program a second time, with the same arguments, as the child
// that only writes; Viewers notices there that it is the child.
func Viewers(ctx context.Context, cfg ViewersConfig) (Report, error) {
	if os.Getenv(writerEnv) != "" {
		return Report{}, serveWriter(ctx, os.Stdin, os.Stdout)
	}
	if err := cfg.complete(); err != nil {
		return Report{}, err
	}
	room, leave, err := cfg.room(ctx)
	if err != nil {
		return Report{}, err
	}
	defer leave()
	rep := Report{Viewers: cfg.Viewers, Rate: cfg.Rate, Seconds: cfg.Duration.Seconds()}
	frame, err := cfg.server(ctx, room, &rep)
	if err != nil {
		return rep, err
	}
	if cfg.Baseline {
		if err := cfg.baseline(ctx, frame, &rep); err != nil {
			return rep, fmt.Errorf("baseline: %w", err)
		}
	}
	return rep, nil
}

func (c *ViewersConfig) complete() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" {
		return fmt.Errorf("url %q: a plain http address is needed, like http://127.0.0.1:8080", c.URL)
	}
	if u.Port() == "" {
		u.Host += ":80"
	}
	c.URL = u.Scheme + "://" + u.Host
	if c.Room == "" && c.Login == "" {
		return errors.New("name a room that lets guests in, or an account that creates one")
	}
	if c.Viewers <= 0 {
		c.Viewers = 500
	}
	if c.Rate <= 0 {
		c.Rate = 100
	}
	if c.Duration <= 0 {
		c.Duration = 10 * time.Second
	}
	if c.Joins <= 0 {
		c.Joins = 200
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Rate > float64(c.Viewers) {
		return fmt.Errorf("%.0f messages a second need as many viewers: a guest may send one a second", c.Rate)
	}
	return nil
}

func (c *ViewersConfig) host() string { return strings.TrimPrefix(c.URL, "http://") }

func (c *ViewersConfig) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.Progress, format+"\n", args...) // progress is for whoever watches
}

// server measures the server itself and returns a frame as viewers got it.
func (c *ViewersConfig) server(ctx context.Context, room string, rep *Report) ([]byte, error) {
	before, err := usage(c.PID)
	if err != nil {
		return nil, err
	}
	a := newAudience(c)
	defer a.leave()
	start := time.Now()
	if err := a.join(ctx, c.Viewers, c.Joins, func(ctx context.Context, i int) (*viewer, error) { return c.enter(ctx, room, i) }); err != nil {
		return nil, err
	}
	rep.JoinSeconds = time.Since(start).Seconds()
	if err := a.settle(ctx); err != nil {
		return nil, err
	}
	idle, err := usage(c.PID)
	if err != nil {
		return nil, err
	}
	c.say("%d viewers are in, sending %.3g messages a second for %v", c.Viewers, c.Rate, c.Duration)
	sent, err := c.send(ctx, room, a)
	if err != nil {
		return nil, err
	}
	a.drain(ctx, sent)
	after, err := usage(c.PID)
	if err != nil {
		return nil, err
	}
	rep.Server = a.result(sent)
	rep.Server.measured(c.PID, before, idle, after, c.Viewers)
	frame := a.sample()
	if frame == nil {
		return nil, errors.New("no viewer heard anything")
	}
	return frame, nil
}
