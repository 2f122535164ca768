package playback

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"
)

// FuzzRoomCommands reads a sequence of commands out of the input, 24 bytes
// each, and applies it twice: the state stays sane, its version only grows,
// its JSON is valid and the same commands lead to the same state.
func FuzzRoomCommands(f *testing.F) {
	dos := []Do{Play, Pause, Seek, Rate, Select, Next, Prev, Stop, Advance, End, Empty, Wait, Release, Duration, Gone}
	step := func(do byte, position, rate float64) []byte {
		p := []byte{do, do % 3, 1, 0, 0, 0, 0, 0}
		p = binary.LittleEndian.AppendUint64(p, math.Float64bits(position))
		return binary.LittleEndian.AppendUint64(p, math.Float64bits(rate))
	}
	for i := range dos {
		f.Add(append(step(4, 0, 1), step(byte(i), float64(i*50), 0.25+float64(i)/4)...))
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e308, 1e7 + 1, -0.0001, 5e-324} {
		f.Add(append(step(4, 0, 1), append(step(0, 0, 0), append(step(2, bad, bad), step(3, bad, bad)...)...)...))
	}
	media := []*Current{film, other, feed, {ID: "unknown"}}
	f.Fuzz(func(t *testing.T, in []byte) {
		run := func() State {
			s := State{Rate: 1, UpdatedAt: t0}
			now := t0
			for p := in; len(p) >= 24; p = p[24:] {
				now += float64(p[1]) * 20
				c := Command{
					Do: dos[int(p[0])%len(dos)], Actor: string(rune('a' + p[2]%3)), Hold: p[3]&1 > 0, StartPause: p[3]&2 > 0,
					Position: new(math.Float64frombits(binary.LittleEndian.Uint64(p[8:]))),
					Rate:     math.Float64frombits(binary.LittleEndian.Uint64(p[16:])),
				}
				c.Selection, c.At = &Selection{Media: media[p[4]%4], Position: *c.Position}, c.Rate
				next, effects, err := Apply(s, c, now)
				changed := err == nil && effects[0] != Answer
				if changed && next.Version != s.Version+1 || !changed && !same(next, s) {
					t.Fatalf("%+v\n→ %+v (%v)", s, next, err)
				}
				sane(t, next, now)
				s = next
			}
			return s
		}
		s := run()
		if _, err := json.Marshal(s); err != nil {
			t.Fatalf("state is not JSON: %v", err)
		}
		if again := run(); !same(s, again) {
			t.Fatalf("%+v and %+v from the same commands", s, again)
		}
	})
}

func BenchmarkApply(b *testing.B) {
	s := at(film, true)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := Command{Do: Pause, Actor: "ann", At: t0}
		if !s.Playing {
			c.Do = Play
		}
		s, _, _ = Apply(s, c, t0+float64(i))
	}
}
