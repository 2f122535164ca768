package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// writerEnv makes this program the child that only writes.
const writerEnv = "SYNCTV_BENCH_WRITER"

// order is what the child is told, on one line of its standard input.
type order struct {
	Viewers int           `json:"viewers"`
	Rate    float64       `json:"rate"`
	For     time.Duration `json:"for"`
	Frame   []byte        `json:"frame"`
}

// baseline measures the least that a delivery can cost here: a process that
// does one bare net.Conn.Write per viewer of the same frame at the same rate.
func (c *ViewersConfig) baseline(ctx context.Context, frame []byte, rep *Report) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	child := exec.CommandContext(ctx, self, os.Args[1:]...)
	child.Env = append(os.Environ(), writerEnv+"=1")
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		return err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	err = c.against(ctx, child.Process.Pid, in, lines, order{Viewers: c.Viewers, Rate: c.Rate, For: c.Duration, Frame: frame}, rep)
	in.Close()
	_, _ = io.Copy(io.Discard, lines) // the child ends when it sees the end of its input
	return errors.Join(err, child.Wait())
}

// against runs the same viewers against the child.
func (c *ViewersConfig) against(ctx context.Context, pid int, in io.Writer, lines *bufio.Reader, o order, rep *Report) error {
	if err := json.NewEncoder(in).Encode(o); err != nil {
		return err
	}
	var addr string
	if _, err := fmt.Fscanln(lines, &addr); err != nil {
		return fmt.Errorf("the writer did not start: %w", err)
	}
	before, err := usage(pid)
	if err != nil {
		return err
	}
	a := newAudience(c)
	defer a.leave()
	if err := a.join(ctx, c.Viewers, 2000, func(ctx context.Context, i int) (*viewer, error) {
		conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", addr)
		return &viewer{conn: conn}, err
	}); err != nil {
		return err
	}
	if err := a.settle(ctx); err != nil {
		return err
	}
	c.say("the same again, one bare write per viewer")
	idle, err := usage(pid)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(in, "go\n"); err != nil {
		return err
	}
	var sent int
	if _, err := fmt.Fscanln(lines, &sent); err != nil {
		return fmt.Errorf("the writer did not finish: %w", err)
	}
	a.drain(ctx, sent)
	after, err := usage(pid)
	if err != nil {
		return err
	}
	r := a.result(sent)
	r.measured(pid, before, idle, after, c.Viewers)
	rep.Baseline = &r
	return nil
}

// serveWriter is the child: it says where it listens, waits for the viewers
// and for the word, writes, and says how many messages it sent.
func serveWriter(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewReaderSize(stdin, 64<<10)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	if _, err := fmt.Fprintln(stdout, ln.Addr()); err != nil {
		return err
	}
	conns := make([]net.Conn, o.Viewers)
	for i := range conns {
		if conns[i], err = ln.Accept(); err != nil {
			return err
		}
		defer conns[i].Close()
	}
	if _, err := in.ReadBytes('\n'); err != nil {
		return err
	}
	at := bytes.Index(o.Frame, []byte(mark))
	if at < 0 {
		return errors.New("the frame has no mark")
	}
	stampAt := o.Frame[at+len(mark) : at+len(mark)]
	var failed error
	sent := pace(ctx, o.Rate, o.For, func(int) {
		strconv.AppendInt(stampAt, time.Now().UnixNano(), 10)
		for _, c := range conns {
			if _, err := c.Write(o.Frame); err != nil && failed == nil {
				failed = err
			}
		}
	})
	if _, err := fmt.Fprintln(stdout, sent); err != nil {
		return err
	}
	_, _ = in.ReadBytes('\n') // until the parent has looked at us
	return failed
}
