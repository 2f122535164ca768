package protocol

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"synctv/realtime/playback"
)

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want string
	}{
		"nothing":                {``, "malformed"},
		"half":                   {`{"type":"hello"`, "malformed"},
		"an array":               {`[]`, "malformed"},
		"a string":               {`"hello"`, "malformed"},
		"two messages":           {`{"type":"sync.get"}{"type":"sync.get"}`, "malformed"},
		"duplicate key":          {`{"type":"sync.get","type":"hello"}`, "malformed"},
		"hidden duplicate":       {`{"type":"sync.get","\u0074ype":"hello"}`, "malformed"},
		"duplicate inside":       {`{"type":"playback.command","data":{"do":"play","do":"stop"}}`, "malformed"},
		"invalid UTF-8":          {"{\"type\":\"hello\",\"data\":{\"client\":\"\xff\"}}", "malformed"},
		"lone surrogate":         {`{"type":"hello","data":{"client":"\ud800"}}`, "malformed"},
		"second half first":      {`{"type":"hello","data":{"client":"\udc00\ud800"}}`, "malformed"},
		"NUL":                    {`{"type":"hello","data":{"client":"\u0000"}}`, "malformed"},
		"raw control":            {"{\"type\":\"hello\",\"data\":{\"client\":\"\x01\"}}", "malformed"},
		"NaN":                    {`{"type":"clock.ping","data":{"t0":NaN}}`, "malformed"},
		"Infinity":               {`{"type":"clock.ping","data":{"t0":Infinity}}`, "malformed"},
		"leading zero":           {`{"type":"clock.ping","data":{"t0":01}}`, "malformed"},
		"number without end":     {`{"type":"clock.ping","data":{"t0":1.}}`, "malformed"},
		"comma too many":         {`{"type":"clock.ping","data":{"t0":1,}}`, "malformed"},
		"deep":                   {`{"type":"playback.command","data":{"do":"select","target":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40) + `}}`, "malformed"},
		"a type that is a digit": {`{"type":1}`, "malformed"},
		"too long":               {`{"type":"hello","data":{"client":"` + strings.Repeat("x", MaxMessage) + `"}}`, "malformed"},
		"no type":                {`{}`, "unknown type"},
		"unknown type":           {`{"type":"webrtc.offer","data":{}}`, "unknown type"},
		"type in capitals":       {`{"type":"Hello","data":{}}`, "unknown type"},
		"a field too many":       {`{"type":"hello","data":{},"seq":1}`, "field"},
		"unknown field":          {`{"type":"hello","data":{"admin":true}}`, "field"},
		"field in capitals":      {`{"type":"playback.command","data":{"Do":"play"}}`, "field"},
		"unknown field inside":   {`{"type":"hello","data":{"resume":{"epoch":1,"Seq":2}}}`, "field"},
		"data is no object":      {`{"type":"hello","data":[]}`, "field"},
		"resume is a number":     {`{"type":"hello","data":{"resume":1}}`, "field"},
		"negative sequence":      {`{"type":"hello","data":{"resume":{"epoch":1,"seq":-1}}}`, "field"},
		"huge t0":                {`{"type":"clock.ping","data":{"t0":1e300}}`, "field"},
		"overflow":               {`{"type":"clock.ping","data":{"t0":1e999}}`, "field"},
		"unknown do":             {`{"type":"playback.command","data":{"do":"advance"}}`, "field"},
		"no do":                  {`{"type":"playback.command","data":{}}`, "field"},
		"negative position":      {`{"type":"playback.command","data":{"do":"seek","position":-0.1}}`, "field"},
		"position beyond":        {`{"type":"playback.command","data":{"do":"seek","position":10000001}}`, "field"},
		"seek nowhere":           {`{"type":"playback.command","data":{"do":"seek"}}`, "field"},
		"rate 1000":              {`{"type":"playback.command","data":{"do":"rate","rate":1000}}`, "field"},
		"select nothing":         {`{"type":"playback.command","data":{"do":"select"}}`, "field"},
		"position as text":       {`{"type":"playback.command","data":{"do":"seek","position":"1"}}`, "field"},
		"long op":                {`{"type":"playback.command","data":{"do":"play","op":"` + strings.Repeat("x", 65) + `"}}`, "field"},
		"unknown state":          {`{"type":"playback.report","data":{"state":"dancing"}}`, "field"},
		"duration of a year":     {`{"type":"playback.report","data":{"state":"playing","duration":31536000}}`, "field"},
		"negative duration":      {`{"type":"playback.report","data":{"state":"playing","duration":-1}}`, "field"},
		"typing with content":    {`{"type":"chat.typing","data":{"text":"secret"}}`, "field"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, err := Decode([]byte(c.in))
			var unknown *UnknownTypeError
			var field *FieldError
			got := "malformed"
			switch {
			case errors.As(err, &unknown):
				got = "unknown type"
			case errors.As(err, &field):
				got = "field"
			case !errors.Is(err, ErrMalformed):
				got = "none of ours"
			}
			if got != c.want || cmd != nil {
				t.Errorf("Decode = %v, %v; want %s", cmd, err, c.want)
			}
		})
	}
}

func TestDecodeTakes(t *testing.T) {
	for name, in := range map[string]string{
		"no data":        `{"type":"sync.get"}`,
		"spaces":         " { \"type\" :\t\"sync.get\" ,\n\"data\" : { } } ",
		"data first":     `{"data":{"t0":1},"type":"clock.ping"}`,
		"escapes":        `{"type":"hello","data":{"client":"\u00e9\ud83d\ude00\n\/"}}`,
		"no resume":      `{"type":"hello","data":{"resume":null}}`,
		"an open target": `{"type":"playback.command","data":{"do":"select","target":{"Path":"/a","n":[1,2,{"x":null}]}}}`,
		"no duration":    `{"type":"playback.report","data":{"state":"background","duration":0}}`,
		"exponent":       `{"type":"clock.ping","data":{"t0":1.79e12}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode([]byte(in)); err != nil {
				t.Error(err)
			}
		})
	}
	cmd, err := Decode([]byte(`{"type":"playback.command","data":{"do":"seek","position":0,"op":"x"}}`))
	if c, ok := cmd.(*PlaybackCommand); err != nil || !ok || c.Position == nil || *c.Position != 0 || c.Do != playback.Seek {
		t.Errorf("Decode = %+v, %v", cmd, err)
	}
}

func TestFrames(t *testing.T) {
	for _, n := range []int{0, 1, 60, 125, 126, 200, 65_535, 65_536, 200_000} {
		data, _ := json.Marshal(map[string]string{"x": strings.Repeat("y", n)})
		f := NewFrame(7, "some.type", 1790000000000.25, data)
		w := f.Wire()
		head, size := 2, uint64(w[1])
		switch w[1] {
		case 126:
			head, size = 4, uint64(binary.BigEndian.Uint16(w[2:]))
		case 127:
			head, size = 10, binary.BigEndian.Uint64(w[2:])
		}
		if w[0] != 0x81 || int(size) != len(w)-head || !bytes.Equal(w[head:], f.Text()) {
			t.Errorf("%d: header % x for %d bytes", n, w[:head], len(w)-head)
		}
		if short := size < 126 && head != 2 || size > 125 && size <= 65_535 && head != 4; short {
			t.Errorf("%d: header of %d bytes for %d", n, head, size)
		}
		var m struct {
			Seq  uint64
			Type string
			At   float64
			Data map[string]string
		}
		if err := json.Unmarshal(f.Text(), &m); err != nil || m.Seq != 7 || m.Type != "some.type" || m.At != 1790000000000.25 || len(m.Data["x"]) != n {
			t.Errorf("%d: %v %+v", n, err, m.Seq)
		}
	}
	if p := CloseFrame(CloseKicked, strings.Repeat("é", 200)); len(p) > 127 || p[0] != 0x88 || !utf8.Valid(p[4:]) {
		t.Errorf("close frame of %d bytes: % x", len(p), p[:6])
	}
	for _, t0 := range []float64{0, -1e15, 1e-300, 5e-324, 1790000000123.4567, 0.1} {
		p := AppendPong(nil, ClockPong{T0: t0, T1: 1790000000123.457, T2: 1790000000123.457})
		var m struct{ Data ClockPong }
		if err := json.Unmarshal(p[2:], &m); err != nil || m.Data.T0 != t0 || int(p[1]) != len(p)-2 || p[1] > 125 {
			t.Errorf("pong of %v: %v, %d bytes", t0, err, len(p))
		}
	}
}

func TestOnlyCertainCodesLetAClientComeBack(t *testing.T) {
	for code := range CloseCodes() {
		want := code == CloseAway || code == CloseInternal || code == CloseRestart || code == CloseSlow
		if code.Reconnect() != want {
			t.Errorf("%d %s: reconnect = %v", code, code, code.Reconnect())
		}
		if code >= 4001 && code.Reconnect() {
			t.Errorf("%d is final", code)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"clock.ping", "playback.command", "playback.report"} {
		b.Run(name, func(b *testing.B) {
			p := []byte(incoming[name])
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
