package providers

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// figures are the counters of all instances; labels never hold a URL or a name
// of a user. A nil registerer keeps them private.
type figures struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	cached   *prometheus.CounterVec
}

func newFigures(reg prometheus.Registerer) *figures {
	f := &figures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "synctv_provider_requests_total", Help: "Calls to media sources by result class.",
		}, []string{"kind", "op", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "synctv_provider_request_seconds", Help: "Time a call to a media source took.",
			Buckets: []float64{.005, .02, .1, .3, 1, 3, 10},
		}, []string{"kind", "op"}),
		cached: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "synctv_provider_cache_total", Help: "Where resolved play info came from.",
		}, []string{"kind", "result"}),
	}
	if reg != nil {
		reg.MustRegister(f.requests, f.seconds, f.cached)
	}
	return f
}

func (f *figures) call(kind Kind, op string, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		if result = string(ClassOf(err)); result == "" {
			result = "canceled"
		}
	}
	f.requests.WithLabelValues(string(kind), op, result).Inc()
	f.seconds.WithLabelValues(string(kind), op).Observe(took.Seconds())
}

func (f *figures) cache(kind Kind, o Outcome) {
	f.cached.WithLabelValues(string(kind), string(o)).Inc()
}
