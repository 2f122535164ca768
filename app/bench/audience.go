package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// mark precedes the instant of sending, in nanoseconds of Unix time and always
// this many digits, wherever it is in a frame.
const (
	mark   = "synctv-bench-"
	digits = 19
)

// viewer is one connection after its upgrade.
type viewer struct {
	conn  net.Conn
	rest  []byte // read with the answer to the upgrade
	token string // of the guest
}

// audience is all viewers and what they heard.
type audience struct {
	cfg   *ViewersConfig
	heard atomic.Int64
	lost  atomic.Int64
	late  histogram

	mu      sync.Mutex
	viewers []*viewer
	frame   []byte
	readers sync.WaitGroup
	closing bool
}

func newAudience(cfg *ViewersConfig) *audience { return &audience{cfg: cfg} }

// joinersAtOnce bounds connections that are being made.
const joinersAtOnce = 16

// join lets n viewers come in, so many a second.
func (a *audience) join(ctx context.Context, n int, perSecond float64, enter func(context.Context, int) (*viewer, error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := make(chan int)
	var joiners sync.WaitGroup
	for range joinersAtOnce {
		joiners.Go(func() {
			defer rescue(a.cfg.Log, "join viewer")
			for i := range turns {
				v, err := enter(ctx, i)
				if err != nil {
					cancel(fmt.Errorf("viewer %d: %w", i+1, err))
					return
				}
				a.add(v)
			}
		})
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case turns <- i:
		case <-ctx.Done():
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if (i+1)%1000 == 0 {
			a.cfg.say("%d viewers", i+1)
		}
	}
	close(turns)
	joiners.Wait()
	return context.Cause(ctx)
}

func (a *audience) add(v *viewer) {
	a.mu.Lock()
	a.viewers = append(a.viewers, v)
	a.mu.Unlock()
	a.readers.Go(func() {
		defer rescue(a.cfg.Log, "read viewer")
		a.read(v)
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.closing {
			a.lost.Add(1)
		}
	})
}

// settle waits until what the joining caused is over.
func (a *audience) settle(ctx context.Context) error {
	select {
	case <-time.After(3 * time.Second):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if n := a.lost.Load(); n > 0 {
		return fmt.Errorf("%d viewers were sent away", n)
	}
	return nil
}

// drain waits for what is on its way, but not for ever.
func (a *audience) drain(ctx context.Context, sent int) {
	want := int64(sent) * int64(len(a.viewers))
	limit := time.NewTimer(15 * time.Second)
	defer limit.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for a.heard.Load() < want {
		select {
		case <-look.C:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (a *audience) leave() {
	a.mu.Lock()
	a.closing = true
	for _, v := range a.viewers {
		v.conn.Close()
	}
	a.mu.Unlock()
	a.readers.Wait()
}

func (a *audience) sample() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.frame
}

func (a *audience) result(sent int) Result {
	n := len(a.viewers)
	return Result{
		Sent: sent, Expected: int64(sent) * int64(n), Heard: a.heard.Load(), Lost: a.lost.Load(),
		P50: a.late.at(0.5), P90: a.late.at(0.9), P99: a.late.at(0.99), Max: a.late.at(1),
	}
}

// read takes frames until the connection ends.
func (a *audience) read(v *viewer) {
	buf := make([]byte, 0, 2<<10)
	buf = append(buf, v.rest...)
	v.rest = nil
	for {
		used, err := a.frames(v, buf)
		if err != nil {
			return
		}
		buf = append(buf[:0], buf[used:]...)
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := v.conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			return
		}
	}
}

// frames handles the whole frames in p and returns how many bytes they took.
func (a *audience) frames(v *viewer, p []byte) (used int, err error) {
	for {
		op, head, size := frameHead(p[used:])
		if head == 0 || len(p)-used < head+size {
			return used, nil
		}
		payload := p[used+head : used+head+size]
		switch op {
		case 0x1:
			if at, ok := stamp(payload); ok {
				a.late.add(time.Since(at))
				if a.heard.Add(1) == 1 {
					a.mu.Lock()
					a.frame = bytes.Clone(p[used : used+head+size])
					a.mu.Unlock()
				}
			}
		case 0x8:
			return used, fmt.Errorf("closed by the server: %q", payload)
		case 0x9:
			if _, err := v.conn.Write(masked(0xA, payload)); err != nil {
				return used, err
			}
		}
		used += head + size
	}
}

// frameHead reads the header of a frame; head is 0 while it is incomplete.
func frameHead(p []byte) (op byte, head, size int) {
	if len(p) < 2 {
		return 0, 0, 0
	}
	op, size = p[0]&0xf, int(p[1]&0x7f)
	switch {
	case size < 126:
		return op, 2, size
	case size == 126 && len(p) >= 4:
		return op, 4, int(binary.BigEndian.Uint16(p[2:]))
	case size == 127 && len(p) >= 10:
		return op, 10, int(binary.BigEndian.Uint64(p[2:]))
	}
	return 0, 0, 0
}

// masked returns a frame as clients send it. The key may be all zeros: it
// guards proxies against pages, and this is no page.
func masked(op byte, payload []byte) []byte {
	p := []byte{0x80 | op}
	if len(payload) < 126 {
		p = append(p, 0x80|byte(len(payload)))
	} else {
		p = binary.BigEndian.AppendUint16(append(p, 0x80|126), uint16(len(payload)))
	}
	return append(append(p, 0, 0, 0, 0), payload...)
}

// stamp finds the instant of sending.
func stamp(p []byte) (time.Time, bool) {
	i := bytes.Index(p, []byte(mark))
	if i < 0 || len(p) < i+len(mark)+digits {
		return time.Time{}, false
	}
	ns, err := strconv.ParseInt(string(p[i+len(mark):i+len(mark)+digits]), 10, 64)
	return time.Unix(0, ns), err == nil
}

// errNoUpgrade says that the server did not open a socket.
var errNoUpgrade = errors.New("no socket")

// buffered returns what br has read beyond the last answer.
func buffered(br *bufio.Reader) []byte {
	p := make([]byte, br.Buffered())
	_, _ = io.ReadFull(br, p) // it is there already
	return p
}
