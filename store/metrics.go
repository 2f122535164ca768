package store

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the store does. It works without a registry.
type metrics struct {
	writeSeconds prometheus.Histogram
	readSeconds  prometheus.Histogram
	groupWrites  prometheus.Histogram
	groupSeconds prometheus.Histogram
	writes       *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, queued func() int) (*metrics, error) {
	fast := prometheus.ExponentialBuckets(0.0001, 4, 9) // 0.1 ms to 6.5 s
	m := &metrics{
		writeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "synctv_store_write_seconds", Help: "Time from asking for a write to its answer.", Buckets: fast,
		}),
		readSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "synctv_store_read_seconds", Help: "Time a reading transaction was open.", Buckets: fast,
		}),
		groupWrites: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "synctv_store_group_writes", Help: "Writes that shared one commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		groupSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "synctv_store_group_seconds", Help: "Time of one commit with all its writes.", Buckets: fast,
		}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "synctv_store_writes_total", Help: "Writes by result.",
		}, []string{"result"}),
	}
	if reg == nil {
		return m, nil
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "synctv_store_queued_writes", Help: "Writes that wait for their turn.",
	}, func() float64 { return float64(queued()) })
	for _, c := range []prometheus.Collector{m.writeSeconds, m.readSeconds, m.groupWrites, m.groupSeconds, m.writes, waiting} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) read(d time.Duration) { m.readSeconds.Observe(d.Seconds()) }

func (m *metrics) committed(n int, d time.Duration) {
	m.groupWrites.Observe(float64(n))
	m.groupSeconds.Observe(d.Seconds())
}

func (m *metrics) wrote(d time.Duration, err error) {
	m.writeSeconds.Observe(d.Seconds())
	m.writes.WithLabelValues(result(err)).Inc()
}

func (m *metrics) refused(err error) { m.writes.WithLabelValues(result(err)).Inc() }

// result is the label of an outcome: "refused" is a rule's no, not a fault.
func result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrOverloaded):
		return "overloaded"
	case errors.Is(err, ErrStorageFull):
		return "full"
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrReadOnly), errors.Is(err, ErrCorrupt):
		return "failed"
	default:
		return "refused"
	}
}
