package library

import (
	"fmt"
	"slices"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"synctv/realtime/playback"
)

// model is the plainest way to say what moves mean: take the moved ones out,
// then put each in at its place, lowest first.
func model(ids []string, moves []Move) []string {
	rest := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return slices.ContainsFunc(moves, func(m Move) bool { return m.ID == id })
	})
	sorted := slices.Clone(moves)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Position < sorted[j].Position })
	for _, m := range sorted {
		rest = slices.Insert(rest, min(m.Position, len(rest)), m.ID)
	}
	return rest
}

func TestRearrangeEqualsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprint("id", i)
		}
		who := rapid.Permutation(ids).Draw(t, "who")
		places := make([]int, n)
		for i := range places {
			places[i] = i
		}
		places = rapid.Permutation(places).Draw(t, "places")
		k := rapid.IntRange(1, n).Draw(t, "k")
		moves := make([]Move, k)
		for i := range moves {
			moves[i] = Move{ID: who[i], Position: places[i]}
		}
		before := slices.Clone(ids)
		got, err := rearrange(ids, moves)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids, before) {
			t.Fatalf("the input changed: %v", ids)
		}
		for _, m := range moves {
			if got[m.Position] != m.ID {
				t.Fatalf("%s is not at %d: %v", m.ID, m.Position, got)
			}
		}
		if want := model(ids, moves); !slices.Equal(got, want) {
			t.Fatalf("rearrange(%v) = %v, want %v", moves, got, want)
		}
		if same, err := permute(ids, got); err != nil || !slices.Equal(same, got) {
			t.Fatalf("the result is no permutation: %v, %v", got, err)
		}
	})
}

func TestFollowAndPrecede(t *testing.T) {
	ids := []string{"a", "b", "c"}
	first := func(int) int { return 0 }
	tests := []struct {
		mode       playback.Mode
		current    string
		end, asked string // what follows at the end, and when asked for
		before     string
	}{
		{playback.Sequential, "a", "b", "b", ""},
		{playback.Sequential, "c", "", "", "b"},
		{playback.Sequential, "gone", "", "", ""},
		{playback.RepeatAll, "a", "b", "b", "c"},
		{playback.RepeatAll, "c", "a", "a", "b"},
		{playback.RepeatOne, "b", "b", "c", "a"},
		{playback.RepeatOne, "c", "c", "a", "b"},
	}
	for _, tt := range tests {
		t.Run(string(tt.mode)+" "+tt.current, func(t *testing.T) {
			if got := follow(ids, tt.current, tt.mode, false, bag{}, first); got != tt.end {
				t.Errorf("at the end = %q, want %q", got, tt.end)
			}
			if got := follow(ids, tt.current, tt.mode, true, bag{}, first); got != tt.asked {
				t.Errorf("asked = %q, want %q", got, tt.asked)
			}
			if got := precede(ids, tt.current, tt.mode, bag{}); got != tt.before {
				t.Errorf("before = %q, want %q", got, tt.before)
			}
		})
	}
	for _, m := range []playback.Mode{playback.Sequential, playback.RepeatOne, playback.RepeatAll, playback.Shuffle} {
		if got := follow(nil, "a", m, false, bag{}, first); got != "" {
			t.Errorf("%s of an empty playlist = %q", m, got)
		}
	}
}

func TestShufflePlaysEverythingOnceAndRemembersTheWayBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "n")
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprint("id", i)
		}
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }
		b := bag{}.in("list", ids).with(ids[0])
		current, seen := ids[0], []string{ids[0]}
		for {
			next := follow(ids, current, playback.Shuffle, false, b, draw)
			if next == "" {
				break
			}
			if slices.Contains(seen, next) {
				t.Fatalf("%s comes again after %v", next, seen)
			}
			seen, current, b = append(seen, next), next, b.with(next)
		}
		if len(seen) != n {
			t.Fatalf("played %d of %d", len(seen), n)
		}
		for i := n - 1; i > 0; i-- {
			if got := precede(ids, seen[i], playback.Shuffle, b); got != seen[i-1] {
				t.Fatalf("before %s came %s, want %s", seen[i], got, seen[i-1])
			}
		}
		if b.in("other", ids).Played != nil || len(b.in("list", ids[:1]).Played) != 1 {
			t.Fatalf("the bag does not forget")
		}
	})
}

func TestResumeStartsOverWhatWasAsGoodAsSeen(t *testing.T) {
	learned := 1000.0
	for _, tt := range []struct {
		position, duration float64
		learned            *float64
		want               float64
	}{
		{100, 1000, nil, 100}, {950, 1000, nil, 0}, {100, 0, nil, 100}, {960, 0, &learned, 0}, {30, 80, nil, 0}, {10, 80, nil, 10},
	} {
		if got := resume(tt.position, tt.duration, tt.learned); got != tt.want {
			t.Errorf("resume(%v of %v) = %v, want %v", tt.position, tt.duration, got, tt.want)
		}
	}
}
