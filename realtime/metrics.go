package realtime

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the numbers of a hub. Labels have few values: never a room or a
// person.
type metrics struct {
	rooms       prometheus.Gauge
	connections prometheus.Gauge
	deliveries  *prometheus.CounterVec // way: direct, queued, dropped
	direct      prometheus.Counter
	queued      prometheus.Counter
	fanout      prometheus.Histogram
	commands    *prometheus.CounterVec // do, result
	messages    *prometheus.CounterVec // type
	closes      *prometheus.CounterVec // code
	drift       prometheus.Histogram
	saves       *prometheus.CounterVec // result
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		rooms:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "synctv_realtime_rooms", Help: "Rooms that are alive on this node."}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "synctv_realtime_connections", Help: "Connections that have entered a room."}),
		deliveries:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "synctv_realtime_deliveries_total", Help: "Messages handed to connections, by the way they took."}, []string{"way"}),
		fanout:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "synctv_realtime_fanout_seconds", Help: "Time to hand one event to everyone in a room.", Buckets: prometheus.ExponentialBuckets(0.00001, 4, 9)}),
		commands:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "synctv_realtime_commands_total", Help: "Playback commands by kind and outcome."}, []string{"do", "result"}),
		messages:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "synctv_realtime_messages_total", Help: "Messages of clients by type."}, []string{"type"}),
		closes:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "synctv_realtime_closes_total", Help: "Connections that the server ended, by reason."}, []string{"code"}),
		drift:       prometheus.NewHistogram(prometheus.HistogramOpts{Name: "synctv_playback_drift_ms", Help: "Distance of viewers from the room, as they report it.", Buckets: []float64{5, 10, 20, 50, 100, 200, 500, 1000, 2000}}),
		saves:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "synctv_realtime_saves_total", Help: "States given to the backing, by outcome."}, []string{"result"}),
	}
	m.direct, m.queued = m.deliveries.WithLabelValues("direct"), m.deliveries.WithLabelValues("queued")
	if reg != nil {
		reg.MustRegister(m.rooms, m.connections, m.deliveries, m.fanout, m.commands, m.messages, m.closes, m.drift, m.saves)
	}
	return m
}
