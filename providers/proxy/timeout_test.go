package proxy

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"synctv/providers"
)

// stalled answers after a while and then sends a byte at a time, slower and slower.
type stalled struct {
	head  time.Duration
	gaps  []time.Duration
	ended chan struct{}
}

func (s *stalled) Do(rq *http.Request) (*http.Response, error) {
	if err := wait(rq.Context(), s.head); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"video/mp4"}}, ContentLength: -1, Request: rq,
		Body: &slowBody{ctx: rq.Context(), gaps: s.gaps, ended: s.ended},
	}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type slowBody struct {
	ctx   context.Context
	gaps  []time.Duration
	ended chan struct{}
}

func (b *slowBody) Read(p []byte) (int, error) {
	if len(b.gaps) == 0 {
		return 0, io.EOF
	}
	gap := b.gaps[0]
	b.gaps = b.gaps[1:]
	if err := wait(b.ctx, gap); err != nil {
		return 0, err
	}
	p[0] = 'x'
	return 1, nil
}

func (b *slowBody) Close() error {
	close(b.ended)
	return nil
}

func TestA45_SlowSourcesAreGivenUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		up    stalled
		bytes int
		want  providers.Class
		after time.Duration
	}{
		{"no first byte", stalled{head: time.Hour}, 0, providers.ClassTimeout, ttfbMax},
		{"slow but steady", stalled{head: 14 * time.Second, gaps: []time.Duration{29e9, 29e9, 29e9, 29e9}}, 4, "", 130 * time.Second},
		{"stops", stalled{gaps: []time.Duration{1e9, time.Hour}}, 1, providers.ClassTimeout, time.Second + idleMax},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.up.ended = make(chan struct{})
				p := New(Config{Key: testKey, HTTP: &c.up})
				defer p.Close()
				start := time.Now()
				n := 0
				res, err := p.Fetch(t.Context(), ticket(KindURL, "http://h.example/a.mp4"), Request{Method: http.MethodGet})
				if err == nil {
					var b []byte
					b, err = io.ReadAll(res.Body)
					n = len(b)
					res.Body.Close()
					<-c.up.ended
				}
				if providers.ClassOf(err) != c.want || n != c.bytes || time.Since(start) != c.after {
					t.Errorf("%d bytes, %v after %v, want %d, %q after %v", n, err, time.Since(start), c.bytes, c.want, c.after)
				}
			})
		})
	}
}

func TestFifthStreamWaitsAMomentForASeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeats()
		var release func()
		for range perViewer {
			var err error
			if release, err = s.take(t.Context(), "viewer"); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		if _, err := s.take(t.Context(), "viewer"); providers.ClassOf(err) != providers.ClassRateLimited || time.Since(start) != seatMaxWait {
			t.Errorf("fifth = %v after %v, want rate_limited after %v", err, time.Since(start), seatMaxWait)
		}
		go func() {
			time.Sleep(time.Second)
			release()
		}()
		again, err := s.take(t.Context(), "viewer")
		if err != nil {
			t.Fatalf("after one left: %v", err)
		}
		again()
		if len(s.viewer) != 1 {
			t.Errorf("viewers = %d, want 1", len(s.viewer))
		}
	})
}

func BenchmarkSignAndOpen(b *testing.B) {
	p := New(Config{Key: testKey})
	tk := ticket(KindURL, "https://cdn.example/some/long/path/film-1080p.mp4?token=0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Open(p.Sign(tk)); err != nil {
			b.Fatal(err)
		}
	}
}
