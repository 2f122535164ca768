package realtime

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"synctv/realtime/protocol"
)

// script is a net.Conn that gives away bytes, a few at a time.
type script struct {
	net.Conn
	p    []byte
	step int
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.p) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), s.step)], s.p)
	s.p = s.p[n:]
	return n, nil
}

func (*script) SetReadDeadline(time.Time) error { return nil }

// frame returns one frame as a client sends it.
func frame(first byte, payload string) []byte {
	p := []byte{first}
	switch n := len(payload); {
	case n < 126:
		p = append(p, 0x80|byte(n))
	case n <= 0xffff:
		p = binary.BigEndian.AppendUint16(append(p, 0x80|126), uint16(n))
	default:
		p = binary.BigEndian.AppendUint64(append(p, 0x80|127), uint64(n))
	}
	key := [4]byte{0xa1, 0xb2, 0xc3, 0xd4}
	p = append(p, key[:]...)
	body := []byte(payload)
	unmask(body, key)
	return append(p, body...)
}

// readAll returns what Frames makes of p, whatever pieces it comes in.
func readAll(p []byte, step int) (msgs []string, answers [][]byte, err error) {
	f := NewFrames(&script{p: p, step: step}, nil)
	for {
		m, err := f.Read(func(a []byte) { answers = append(answers, a) })
		if err != nil {
			return msgs, answers, err
		}
		msgs = append(msgs, string(m))
	}
}

func TestFramesOfAnySizeInAnyPieces(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 300, 511, 512, 513, 5000, 65_535, 65_536} {
		text := strings.Repeat("é", n/2) + strings.Repeat("x", n%2)
		half := len(text) / 2
		p := frame(0x81, text)
		p = append(p, frame(0x89, "ping")...)
		p = append(p, frame(0x01, text[:half])...)
		p = append(p, frame(0x8a, "pong in between")...)
		p = append(p, frame(0x00, "")...)
		p = append(p, frame(0x80, text[half:])...)
		p = append(p, frame(0x88, "\x03\xe8bye")...)
		for _, step := range []int{1, 2, 3, 7, 512, 1 << 20} {
			msgs, answers, err := readAll(p, step)
			if !errors.Is(err, errPeerClosed) || len(msgs) != 2 || msgs[0] != text || msgs[1] != text {
				t.Fatalf("%d bytes by %d: %d messages, %v", n, step, len(msgs), err)
			}
			if len(answers) != 3 || string(answers[0]) != "\x8a\x04ping" || answers[1] != nil || string(answers[2]) != "\x88\x02\x03\xe8" {
				t.Fatalf("%d bytes by %d: answers %q", n, step, answers)
			}
		}
	}
}

func TestFramesThatBreakTheProtocol(t *testing.T) {
	for name, c := range map[string]struct {
		p    []byte
		want protocol.CloseCode
	}{
		"too large":           {frame(0x81, strings.Repeat("x", protocol.MaxMessage+1)), protocol.CloseTooBig},
		"too large in pieces": {append(frame(0x01, strings.Repeat("x", protocol.MaxMessage)), frame(0x80, "x")...), protocol.CloseTooBig},
		"2^62 bytes":          {[]byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, protocol.CloseTooBig},
		"2^63 bytes":          {[]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, protocol.CloseProtocol},
		"unmasked":            {[]byte{0x81, 1, 'x'}, protocol.CloseProtocol},
		"reserved bit":        {frame(0xc1, "x"), protocol.CloseProtocol},
		"reserved opcode":     {frame(0x83, "x"), protocol.CloseProtocol},
		"opcode 11":           {frame(0x8b, ""), protocol.CloseProtocol},
		"long ping":           {frame(0x89, strings.Repeat("x", 126)), protocol.CloseProtocol},
		"ping in pieces":      {frame(0x09, ""), protocol.CloseProtocol},
		"piece of nothing":    {frame(0x80, "x"), protocol.CloseProtocol},
		"text inside a text":  {append(frame(0x01, "x"), frame(0x81, "y")...), protocol.CloseProtocol},
		"close of one byte":   {frame(0x88, "x"), protocol.CloseProtocol},
		"close with 1005":     {frame(0x88, "\x03\xed"), protocol.CloseProtocol},
		"close with bad text": {frame(0x88, "\x03\xe8\xff"), protocol.CloseProtocol},
		"binary":              {frame(0x82, "x"), protocol.CloseUnsupported},
		"not UTF-8":           {frame(0x81, "\xff"), protocol.CloseInvalid},
		"endless pieces":      {append(frame(0x01, ""), bytes.Repeat(frame(0x00, ""), maxPieces)...), protocol.ClosePolicy},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := readAll(c.p, 1<<20)
			var why *CloseError
			if !errors.As(err, &why) || why.Code != c.want {
				t.Errorf("error = %v, want %d", err, c.want)
			}
		})
	}
}

func TestBytesReadWithTheUpgradeComeFirst(t *testing.T) {
	p := frame(0x81, "hello")
	f := NewFrames(&script{p: p[4:], step: 100}, p[:4])
	if m, err := f.Read(nil); err != nil || string(m) != "hello" {
		t.Errorf("got %q, %v", m, err)
	}
}

func TestAMessageThatNeverEndsHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		defer client.Close()
		f := NewFrames(server, nil)
		got := make(chan error)
		go func() {
			_, err := f.Read(nil)
			got <- err
		}()
		time.Sleep(time.Hour) // an idle peer may be silent
		start := time.Now()
		_, _ = client.Write(frame(0x01, "begun"))
		var timeout net.Error
		if err := <-got; !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != messageWithin {
			t.Errorf("error = %v after %v", err, time.Since(start))
		}
	})
}

// FuzzFrames: messages are text within the limit, and the same whatever the
// pieces that the bytes come in.
func FuzzFrames(f *testing.F) {
	for _, p := range [][]byte{
		frame(0x81, "hello"), frame(0x89, "ping"), frame(0x88, "\x03\xe8"), append(frame(0x01, "a"), frame(0x80, "b")...),
		frame(0x81, strings.Repeat("x", 600)),
		{0x81, 0xff, 0x80},
		{0x81, 0xfe},
		frame(0x82, "x"), frame(0x81, "\xff"), frame(0x00, ""),
		append(frame(0x8a, ""), frame(0x81, "é")...),
		{0x81, 0xfe, 0, 1, 1, 2, 3, 4, 5},
		append(frame(0x01, "\xc3"), frame(0x80, "\xa9")...),
	} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		whole, answers, err := readAll(bytes.Clone(p), 1<<20)
		for _, m := range whole {
			if len(m) > protocol.MaxMessage || !utf8.ValidString(m) {
				t.Fatalf("message of %d bytes", len(m))
			}
		}
		for _, step := range []int{1, 3} {
			msgs, again, stop := readAll(bytes.Clone(p), step)
			if strings.Join(msgs, "\x00") != strings.Join(whole, "\x00") || len(again) != len(answers) || (stop == nil) != (err == nil) {
				t.Fatalf("by %d: %q and %q", step, msgs, whole)
			}
		}
	})
}
