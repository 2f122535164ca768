package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"synctv/providers"
)

// Bounds of what is streamed at once. A browser holds up to three for one
// film (video, audio, a seek that has not let go yet).
const (
	perViewer   = 4
	perServer   = 2000
	seatMaxWait = 3 * time.Second
)

// seats counts the streams of each viewer and of the server.
type seats struct {
	all chan struct{}

	mu     sync.Mutex
	viewer map[string]*viewerSeats
}

type viewerSeats struct {
	slots chan struct{}
	users int // streams and those who wait; 0 = forget
}

func newSeats() *seats {
	return &seats{all: make(chan struct{}, perServer), viewer: map[string]*viewerSeats{}}
}

// take waits a moment for a seat: a browser that seeks opens the next stream
// before the last one is known to be gone.
func (s *seats) take(ctx context.Context, who string) (release func(), err error) {
	s.mu.Lock()
	v := s.viewer[who]
	if v == nil {
		v = &viewerSeats{slots: make(chan struct{}, perViewer)}
		s.viewer[who] = v
	}
	v.users++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if v.users--; v.users == 0 {
			delete(s.viewer, who)
		}
	}
	timer := time.NewTimer(seatMaxWait)
	defer timer.Stop()
	for _, slots := range []chan struct{}{v.slots, s.all} {
		select {
		case slots <- struct{}{}:
			continue
		default:
		}
		select {
		case slots <- struct{}{}:
		case <-timer.C:
			err = &providers.Error{
				Class: providers.ClassRateLimited, Op: "fetch",
				Reason: "too many streams at once", RetryAfter: seatMaxWait,
			}
		case <-ctx.Done():
			err = providers.FromTransport(context.Cause(ctx))
		}
		if err != nil {
			if slots == s.all {
				<-v.slots
			}
			leave()
			return nil, err
		}
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			<-s.all
			<-v.slots
			leave()
		})
	}, nil
}

// figures are the proxy's counters, without any name of a room or viewer.
type figures struct {
	bytes  *prometheus.CounterVec
	active prometheus.Gauge
	ttfb   prometheus.Histogram
}

func newFigures(reg prometheus.Registerer) *figures {
	f := &figures{
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "synctv_proxy_bytes_total", Help: "Bytes streamed to viewers.",
		}, []string{"kind"}),
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "synctv_proxy_active_streams", Help: "Streams to viewers that are open.",
		}),
		ttfb: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "synctv_proxy_upstream_ttfb_seconds", Help: "Time until a source began to answer.",
			Buckets: []float64{.02, .1, .3, 1, 3, 10},
		}),
	}
	if reg != nil {
		reg.MustRegister(f.bytes, f.active, f.ttfb)
	}
	return f
}
