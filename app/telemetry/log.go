// Package telemetry builds what the rest of the program reports through: a
// logger that cannot give secrets away, and a registry for metrics.
//
// Redaction sits in the handler, below every caller, so no part has to remember
// it. What is logged is one record a line, whatever users put into their names.
//
// Imported by app, its sub-packages and app/cli. Imports app/config only.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"synctv/app/config"
)

// NewLogger returns a logger that writes to w, or to the file that c names
// instead. The function closes that file; call it last.
func NewLogger(c config.Log, w io.Writer) (*slog.Logger, func() error, error) {
	closeFile := func() error { return nil }
	terminal := isTerminal(w)
	if c.File != "" {
		f, err := openFile(c.File, fileSize, fileKeep)
		if err != nil {
			return nil, nil, fmt.Errorf("log.file: %w", err)
		}
		w, closeFile, terminal = f, f.Close, false
	}
	options := &slog.HandlerOptions{Level: c.Level, ReplaceAttr: redact}
	var next slog.Handler
	if c.Format == config.FormatText || c.Format != config.FormatJSON && terminal {
		next = slog.NewTextHandler(w, options)
	} else {
		next = slog.NewJSONHandler(w, options)
	}
	return slog.New(handler{next, new(counts)}), closeFile, nil
}

// isTerminal tells whether a person is likely to read w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// counts of the records that operators set alarms on.
type counts struct {
	warnings, errors atomic.Int64
}

// handler counts what passes through it.
type handler struct {
	slog.Handler
	counts *counts
}

// Handle counts the record and hands it on.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	switch {
	case r.Level >= slog.LevelError:
		h.counts.errors.Add(1)
	case r.Level >= slog.LevelWarn:
		h.counts.warnings.Add(1)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the counts.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.counts}
}

// WithGroup keeps the counts.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.counts}
}

// Records counts the warnings and errors that were logged through log and
// every logger made of it; a recovered panic is one of the errors. Register it
// once. It counts nothing for a logger that NewLogger did not make.
func Records(log *slog.Logger) prometheus.Collector {
	h, ok := log.Handler().(handler)
	if !ok {
		h.counts = new(counts)
	}
	return collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "synctv_log_records_total", Help: "Warnings and errors logged.", ConstLabels: prometheus.Labels{"level": "warn"},
		}, func() float64 { return float64(h.counts.warnings.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "synctv_log_records_total", Help: "Warnings and errors logged.", ConstLabels: prometheus.Labels{"level": "error"},
		}, func() float64 { return float64(h.counts.errors.Load()) }),
	}
}

// collector is several of them.
type collector []prometheus.Collector

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, each := range c {
		each.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	for _, each := range c {
		each.Collect(to)
	}
}

// Rescue is deferred first in every goroutine of app: a panic ends that
// goroutine and what it serves, never the process. what says which part it is.
func Rescue(log *slog.Logger, what string) {
	if p := recover(); p != nil {
		log.Error("recovered from a panic", slog.String("what", what), slog.String("err", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
	}
}
