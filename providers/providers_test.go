package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fake resolves after a while and counts.
type fake struct {
	calls  atomic.Int64
	delay  time.Duration
	err    error
	until  time.Time
	closed atomic.Bool
	score  Score
}

func (f *fake) Kind() Kind { return "fake" }
func (f *fake) Caps() Caps { return CapParse | CapLive }

func (f *fake) Validate(s json.RawMessage) (json.RawMessage, error) { return s, nil }

func (f *fake) Match(string) Score { return f.score }

func (f *fake) Parse(context.Context, ParseRequest) (*ParseResult, error) { return &ParseResult{}, nil }

func (f *fake) Close() error {
	f.closed.Store(true)
	return nil
}

func (f *fake) Resolve(ctx context.Context, _ ResolveRequest) (*PlayInfo, error) {
	f.calls.Add(1)
	select {
	case <-time.After(f.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.err != nil {
		return nil, f.err
	}
	return &PlayInfo{Title: "t", Expires: f.until, Variants: []Variant{{ID: "v", URLs: []Upstream{{URL: "u"}}}}}, nil
}

func factory(f *fake) Factory {
	return Factory{Kind: "fake", BuiltIn: true, Keep: time.Hour, New: func(_ Deps, cfg InstanceConfig) (Provider, error) {
		if string(cfg.Config) == `"broken"` {
			return nil, errors.New("no such folder")
		}
		return f, nil
	}}
}

func TestResolveIsKeptUntilShortlyBeforeItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{until: time.Now().Add(10 * time.Minute)}
		r := NewRegistry(Deps{}, factory(f))
		defer r.Close()
		ask := func() {
			t.Helper()
			if _, err := r.Resolve(t.Context(), ResolveRequest{Kind: "fake", Source: []byte(`{}`)}); err != nil {
				t.Fatal(err)
			}
		}
		ask()
		time.Sleep(7*time.Minute + 59*time.Second)
		ask()
		if n := f.calls.Load(); n != 1 {
			t.Errorf("calls before the margin = %d, want 1", n)
		}
		time.Sleep(2 * time.Second)
		ask()
		if n := f.calls.Load(); n != 2 {
			t.Errorf("calls after the margin = %d, want 2", n)
		}
	})
}

func TestManyCallersShareOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: time.Second}
		r := NewRegistry(Deps{}, factory(f))
		defer r.Close()
		impatient, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 50)
		for i := range 50 {
			ctx := t.Context()
			if i == 0 {
				ctx = impatient
			}
			go func() {
				_, err := r.Resolve(ctx, ResolveRequest{Kind: "fake", Source: []byte(`{}`)})
				errs <- err
			}()
		}
		synctest.Wait()
		cancel()
		failed := 0
		for range 50 {
			if err := <-errs; err != nil {
				failed++
				if !errors.Is(err, context.Canceled) {
					t.Errorf("error = %v", err)
				}
			}
		}
		if f.calls.Load() != 1 || failed != 1 {
			t.Errorf("calls, failed = %d, %d, want 1, 1", f.calls.Load(), failed)
		}
	})
}

func TestFailureIsBelievedForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{err: &Error{Class: ClassNotFound}}
		r := NewRegistry(Deps{}, factory(f))
		defer r.Close()
		for range 3 {
			_, err := r.Resolve(t.Context(), ResolveRequest{Kind: "fake", Source: []byte(`{}`)})
			if ClassOf(err) != ClassNotFound {
				t.Fatalf("error = %v", err)
			}
		}
		if f.calls.Load() != 1 {
			t.Errorf("calls = %d, want 1", f.calls.Load())
		}
		time.Sleep(keepNotFound)
		_, _ = r.Resolve(t.Context(), ResolveRequest{Kind: "fake", Source: []byte(`{}`)})
		if f.calls.Load() != 2 {
			t.Errorf("calls later = %d, want 2", f.calls.Load())
		}
	})
}

func TestSlowProviderEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: time.Hour}
		r := NewRegistry(Deps{}, factory(f))
		defer r.Close()
		start := time.Now()
		_, err := r.Resolve(t.Context(), ResolveRequest{Kind: "fake", Source: []byte(`{}`)})
		if ClassOf(err) != ClassTimeout || time.Since(start) != callTimeout {
			t.Errorf("error = %v after %v, want timeout after %v", err, time.Since(start), callTimeout)
		}
	})
}

func TestFullBulkheadRefusesAfterTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: 9 * time.Second}
		r := NewRegistry(Deps{}, factory(f))
		defer r.Close()
		errs := make(chan error, callsAtOnce+callsWaiting+10)
		for i := range cap(errs) {
			go func() {
				_, err := r.Resolve(t.Context(), ResolveRequest{Kind: "fake", Source: fmt.Appendf(nil, `{"n":%d}`, i)})
				errs <- err
			}()
		}
		ok, refused := 0, 0
		start := time.Now()
		for range cap(errs) {
			if err := <-errs; err == nil {
				ok++
			} else if ClassOf(err) == ClassUnavailable && time.Since(start) <= callMaxWait {
				refused++
			}
		}
		if ok != callsAtOnce || refused != callsWaiting+10 {
			t.Errorf("ok, refused = %d, %d, want %d, %d", ok, refused, callsAtOnce, callsWaiting+10)
		}
	})
}

func TestApplyIsAtomicAndKeepsWhatDidNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{score: ScoreAny}
		r := NewRegistry(Deps{}, factory(f))
		defer r.Close()
		one := InstanceConfig{Name: "one", Kind: "fake", Priority: 1}
		two := InstanceConfig{Name: "two", Kind: "fake", Priority: 5}
		if err := r.Apply(t.Context(), []InstanceConfig{one, two}); err != nil {
			t.Fatal(err)
		}
		a, err := r.Get("fake", "one")
		if err != nil {
			t.Fatal(err)
		}
		names := ""
		for _, in := range r.Instances("fake") {
			names += in.Name() + ","
		}
		if names != "two,one,," {
			t.Errorf("order = %q, want by priority", names)
		}
		two.Comment = "changed"
		bad := InstanceConfig{Name: "bad", Kind: "fake", Config: []byte(`"broken"`)}
		err = r.Apply(t.Context(), []InstanceConfig{one, two, bad, {Name: "one", Kind: "fake"}, {Name: "UPPER", Kind: "fake"}, {Name: "x", Kind: "nope"}})
		if err == nil {
			t.Fatal("mistakes were not reported")
		}
		if b, _ := r.Get("fake", "one"); b != a {
			t.Error("an unchanged instance was replaced")
		}
		in, err := r.Get("fake", "bad")
		if err != nil || in.Err() == nil {
			t.Errorf("broken instance = %v, %v", in, err)
		}
		if _, err := in.Resolve(t.Context(), ResolveRequest{}); ClassOf(err) != ClassUnavailable {
			t.Errorf("broken instance answered %v", err)
		}
		if f.closed.Load() {
			t.Error("the replaced instance was closed at once")
		}
		time.Sleep(drainFor)
		synctest.Wait()
		if !f.closed.Load() {
			t.Error("the replaced instance was never closed")
		}
		if _, err := r.Get("fake", "missing"); ClassOf(err) != ClassNotFound {
			t.Errorf("missing instance = %v, want not_found and no stand-in", err)
		}
		if _, err := r.Get("nope", ""); ClassOf(err) != ClassUnsupported {
			t.Errorf("unknown kind = %v", err)
		}
		if m := r.Match("http://x"); len(m) == 0 || m[0].Score != ScoreAny {
			t.Errorf("match = %v", m)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	c := NewCache[int](CacheConfig{Entries: 10})
	defer c.Close()
	for i := range 100 {
		v, _, err := c.Get(t.Context(), fmt.Sprint(i), false, func(context.Context) (int, time.Duration, error) { return i, time.Hour, nil })
		if v != i || err != nil {
			t.Fatal(v, err)
		}
	}
	if c.Len() != 10 {
		t.Errorf("kept = %d, want 10", c.Len())
	}
	if _, out, _ := c.Get(t.Context(), "99", false, func(context.Context) (int, time.Duration, error) { return 0, 0, nil }); out != Hit {
		t.Errorf("newest = %s, want a hit", out)
	}
	if _, out, _ := c.Get(t.Context(), "1", false, func(context.Context) (int, time.Duration, error) { return 0, 0, nil }); out != Miss {
		t.Errorf("oldest = %s, want a miss", out)
	}
}

func TestPanicInALoadFailsItsCallersOnly(t *testing.T) {
	c := NewCache[int](CacheConfig{})
	defer c.Close()
	_, _, err := c.Get(t.Context(), "k", false, func(context.Context) (int, time.Duration, error) { panic("boom") })
	if err == nil {
		t.Error("a panic was taken for success")
	}
	if v, _, err := c.Get(t.Context(), "k", false, func(context.Context) (int, time.Duration, error) { return 7, 0, nil }); v != 7 || err != nil {
		t.Errorf("afterwards = %v, %v", v, err)
	}
}

type blockedError struct{}

func (blockedError) Error() string       { return "no" }
func (blockedError) BlockedAddr() string { return "10.0.0.1:80" }

func TestClassOfTransportErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Class
	}{
		{fmt.Errorf("get: %w", blockedError{}), ClassBlockedAddress},
		{context.DeadlineExceeded, ClassTimeout},
		{io.ErrUnexpectedEOF, ClassUnavailable},
		{&Error{Class: ClassOffline}, ClassOffline},
	} {
		if got := FromTransport(c.err).Class; got != c.want {
			t.Errorf("class of %v = %s, want %s", c.err, got, c.want)
		}
	}
	if e := FromTransport(blockedError{}); e.Addr != "10.0.0.1:80" || e.Class.Action() != "ask_admin" {
		t.Errorf("blocked = %+v", e)
	}
}

func TestCleanMessage(t *testing.T) {
	got := CleanMessage("bad\x00 token at https://cdn.example/?sign=abc \n now\x1b[31m")
	if got != "bad token at now [31m" {
		t.Errorf("message = %q", got)
	}
}

func TestURLExpiry(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for raw, want := range map[string]int64{
		"http://h/?deadline=1700001000&e=1700000500":                      1_700_001_000,
		"http://h/?Expires=1700001000":                                    1_700_001_000,
		"http://h/?X-Amz-Date=20231114T221320Z&X-Amz-Expires=3600":        1_700_003_600,
		"http://h/?x-oss-date=20231114T221320Z&x-oss-expires=60":          1_700_000_060,
		"http://h/?se=2023-11-14T23:13:20Z":                               1_700_003_600,
		"http://h/?wsTime=6553F500":                                       1_700_001_024,
		"http://h/?e=5":                                                   0,
		"http://h/?expires=99999999999":                                   0,
		"http://h/a.mp4":                                                  0,
		"http://h/?X-Amz-Date=20231114T221320Z&X-Amz-Expires=99999999999": 0,
	} {
		got := URLExpiry(raw, now)
		if want == 0 && !got.IsZero() || want != 0 && got.Unix() != want {
			t.Errorf("expiry of %s = %v, want %d", raw, got, want)
		}
	}
}

func FuzzMediaHeader(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x18ftypisom"))
	f.Add([]byte("\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff"))
	f.Add([]byte("#EXTM3U\n#EXTINF:1e999,\na\n"))
	f.Add([]byte("FLV\x01\x00\x08duration\x00\x40\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := readerAt(b)
		for _, c := range []string{"mp4", "mkv", "flv", "flac", "wav", Sniff(b)} {
			h, _ := ReadHeader(c, r, int64(len(b)))
			if h.Duration < 0 || float64(h.Duration) > maxDuration || h.Width < 0 || h.Height < 0 {
				t.Errorf("%s: %+v", c, h)
			}
		}
		if h, err := ReadHLS(b); err == nil && (h.Duration < 0 || h.Target < 0) {
			t.Errorf("hls: %+v", h)
		}
	})
}

type readerAt []byte

func (r readerAt) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(r)) {
		return 0, io.EOF
	}
	n := copy(b, r[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
