package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"synctv/app/telemetry"
)

const (
	// drainTimeout bounds the whole way from a signal to the end.
	drainTimeout = 9 * time.Second
)

// Ready is closed once the server answers.
func (a *App) Ready() <-chan struct{} { return a.ready }

// Addr is where the server listens, once it is Ready.
func (a *App) Addr() net.Addr { return a.listener.Addr() }

// Run listens and serves until ctx ends, then drains: no new work, sockets told
// to come back, the last state saved, the database closed. It frees everything
// that New has opened.
func (a *App) Run(ctx context.Context) error {
	ln, err := listen(ctx, a.cfg.Listen)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	a.listener = ln
	close(a.ready)
	a.greet()

	group, serving := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer telemetry.Rescue(a.log, "http")
		return a.api.Serve(serving, ln)
	})
	group.Go(func() error {
		defer telemetry.Rescue(a.log, "jobs")
		return a.schedule(serving)
	})
	group.Go(func() error {
		defer telemetry.Rescue(a.log, "metrics")
		return a.serveMetrics(serving)
	})
	<-serving.Done()
	a.log.Info("draining")
	a.api.Drain()
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err = a.hub.Drain(deadline)
	err = errors.Join(group.Wait(), err, a.Close())
	a.log.Info("stopped")
	return err
}

// listen opens the address, and says what to do when it cannot.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another program uses %s already; stop it, or choose another address with --listen or SYNCTV_LISTEN", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s; choose a port above 1023 with --listen or SYNCTV_LISTEN", addr)
	}
	return nil, fmt.Errorf("listen on %s: %w", addr, err)
}

// greet prints where to go. The set-up link goes to the person at the console
// only, never through the log.
func (a *App) greet() {
	base := a.settings.Current().PublicURL
	if base == "" {
		base = "http://" + localAddress(a.listener.Addr())
	}
	fmt.Fprintf(a.stderr, "\n  SyncTV %s\n  Open      %s\n", a.version, base)
	for _, other := range lanAddresses(a.listener.Addr()) {
		fmt.Fprintf(a.stderr, "  or        http://%s\n", other)
	}
	if token := a.accounts.SetupToken(); token != "" {
		fmt.Fprintf(a.stderr, "\n  First start: create your account here, the link works once:\n  %s/setup#token=%s\n", base, token)
	}
	fmt.Fprintln(a.stderr)
	a.log.Info("listening", slog.String("addr", a.listener.Addr().String()), slog.String("version", a.version))
}

func localAddress(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() || ip.IsLoopback() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// maxGreeted bounds the addresses printed at the start.
const maxGreeted = 4

// lanAddresses are the addresses under which others in the house reach us.
func lanAddresses(addr net.Addr) []string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // only a courtesy
	}
	var out []string
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() && len(out) < maxGreeted {
			out = append(out, net.JoinHostPort(n.IP.String(), strconv.Itoa(tcp.Port)))
		}
	}
	return out
}

// serveMetrics answers /metrics and the profiler on their own address, when one
// is configured; whoever reaches it sees them.
func (a *App) serveMetrics(ctx context.Context) error {
	if a.cfg.Metrics.Listen == "" {
		return nil
	}
	ln, err := listen(ctx, a.cfg.Metrics.Listen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
