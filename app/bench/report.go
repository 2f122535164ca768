package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a run found.
type Report struct {
	Viewers     int     `json:"viewers"`
	Rate        float64 `json:"messages_per_second"`
	Seconds     float64 `json:"seconds"`
	JoinSeconds float64 `json:"join_seconds"`
	Server      Result  `json:"server"`
	Baseline    *Result `json:"baseline,omitempty"` // a bare net.Conn.Write per viewer
}

// Result is one side of the comparison.
type Result struct {
	Sent     int           `json:"sent"`
	Expected int64         `json:"deliveries_expected"`
	Heard    int64         `json:"deliveries"`
	Lost     int64         `json:"viewers_lost"`
	P50      time.Duration `json:"p50_ns"` // from before the request until it was read
	P90      time.Duration `json:"p90_ns"`
	P99      time.Duration `json:"p99_ns"`
	Max      time.Duration `json:"max_ns"`

	Measured    bool    `json:"measured"` // the process was looked at: what follows counts
	CPUSeconds  float64 `json:"cpu_seconds"`
	PerDelivery float64 `json:"cpu_us_per_delivery"`
	RSSBefore   int64   `json:"rss_before_bytes"`
	RSSIdle     int64   `json:"rss_idle_bytes"` // with everyone connected
	RSSAfter    int64   `json:"rss_after_bytes"`
	PerViewer   int64   `json:"rss_per_viewer_bytes"`
}

func (r *Result) measured(pid int, before, idle, after sampleOf, viewers int) {
	if pid == 0 {
		return
	}
	r.Measured = true
	r.CPUSeconds = (after.cpu - idle.cpu).Seconds()
	if r.Heard > 0 {
		r.PerDelivery = r.CPUSeconds * 1e6 / float64(r.Heard)
	}
	r.RSSBefore, r.RSSIdle, r.RSSAfter = before.rss, idle.rss, after.rss
	r.PerViewer = (idle.rss - before.rss) / int64(viewers)
}

// Ratio returns how many times the bare write's CPU a delivery costs, 0 when
// one of them was not measured.
func (r Report) Ratio() float64 {
	if !r.Server.Measured || r.Baseline == nil || r.Baseline.PerDelivery == 0 {
		return 0
	}
	return r.Server.PerDelivery / r.Baseline.PerDelivery
}

// JSON writes the report with its ratio for machines.
func (r Report) JSON(w io.Writer) error {
	type plain Report
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		plain
		Ratio float64 `json:"cpu_ratio,omitempty"`
	}{plain(r), r.Ratio()})
}

// String is the report as a table for people.
func (r Report) String() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, value func(Result) string) {
		_, _ = fmt.Fprintf(t, "%s\t%s\t", name, value(r.Server)) // a strings.Builder takes everything
		if r.Baseline != nil {
			_, _ = fmt.Fprintf(t, "%s\t", value(*r.Baseline))
		}
		_, _ = fmt.Fprintln(t)
	}
	_, _ = fmt.Fprintf(&b, "%d viewers, %.4g messages/s for %.4g s, joined in %.1f s\n", r.Viewers, r.Rate, r.Seconds, r.JoinSeconds)
	_, _ = fmt.Fprint(t, "\tserver\t")
	if r.Baseline != nil {
		_, _ = fmt.Fprint(t, "bare write\t")
	}
	_, _ = fmt.Fprintln(t)
	row("messages", func(x Result) string { return fmt.Sprint(x.Sent) })
	row("deliveries", func(x Result) string { return fmt.Sprintf("%d of %d", x.Heard, x.Expected) })
	row("viewers lost", func(x Result) string { return fmt.Sprint(x.Lost) })
	for _, q := range []struct {
		name string
		of   func(Result) time.Duration
	}{
		{"p50", func(x Result) time.Duration { return x.P50 }},
		{"p90", func(x Result) time.Duration { return x.P90 }},
		{"p99", func(x Result) time.Duration { return x.P99 }},
		{"max", func(x Result) time.Duration { return x.Max }},
	} {
		row(q.name, func(x Result) string { return fmt.Sprintf("%.2f ms", float64(q.of(x))/1e6) })
	}
	if r.Server.Measured {
		row("CPU", func(x Result) string { return fmt.Sprintf("%.2f s", x.CPUSeconds) })
		row("CPU per delivery", func(x Result) string { return fmt.Sprintf("%.2f us", x.PerDelivery) })
		row("memory before", func(x Result) string { return mib(x.RSSBefore) })
		row("memory, all connected", func(x Result) string { return mib(x.RSSIdle) })
		row("memory after", func(x Result) string { return mib(x.RSSAfter) })
		row("memory per viewer", func(x Result) string { return fmt.Sprintf("%.1f KiB", float64(x.PerViewer)/1024) })
	}
	_ = t.Flush() // into a strings.Builder
	if ratio := r.Ratio(); ratio > 0 {
		_, _ = fmt.Fprintf(&b, "a delivery costs %.2f times the CPU of a bare write\n", ratio)
	}
	return b.String()
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
