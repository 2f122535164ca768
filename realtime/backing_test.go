package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"synctv/realtime/playback"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// shelf is a Backing in memory: media m1, m2, ... in order, and every state it
// was given.
type shelf struct {
	mu       sync.Mutex
	media    []*playback.Current
	snapshot map[string]playback.Snapshot
	states   map[string][]playback.State
	nextErr  []error // of the next calls of Next
	loadErr  error
	nexts    int
	delay    time.Duration // of Select
}

func newShelf() *shelf {
	s := &shelf{snapshot: map[string]playback.Snapshot{}, states: map[string][]playback.State{}}
	for i := range 4 {
		s.media = append(s.media, &playback.Current{
			ID: fmt.Sprintf("m%d", i+1), PlaylistID: "list", Kind: "direct", Name: fmt.Sprintf("Media %d", i+1), Duration: 100,
		})
	}
	s.media[3].Duration = 0
	return s
}

// room sets what a room starts from.
func (s *shelf) room(id string, opts playback.Options) {
	s.snapshot[id] = playback.Snapshot{State: playback.State{Version: 1, Generation: 1, Rate: 1, UpdatedAt: wallNow()}, Options: opts}
}

func (s *shelf) Load(_ context.Context, room string) (playback.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap, ok := s.snapshot[room]
	if !ok {
		snap = playback.Snapshot{State: playback.State{Version: 1, Generation: 1, Rate: 1, UpdatedAt: wallNow()}}
	}
	snap.State.Epoch++
	s.snapshot[room] = snap
	return snap, s.loadErr
}

func (s *shelf) Save(_ context.Context, room string, st playback.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states[room] = append(s.states[room], st)
	snap := s.snapshot[room]
	snap.State = st
	s.snapshot[room] = snap
	return nil
}

func (s *shelf) last(room string) playback.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.states[room]); n > 0 {
		return s.states[room][n-1]
	}
	return playback.State{}
}

func (s *shelf) saves(room string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.states[room])
}

func (s *shelf) index(m *playback.Current) int {
	for i, x := range s.media {
		if m != nil && x.ID == m.ID {
			return i
		}
	}
	return -1
}

func (s *shelf) Select(ctx context.Context, _ string, rq playback.SelectRequest) (playback.Selection, error) {
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-ctx.Done():
			return playback.Selection{}, ctx.Err()
		}
	}
	i := s.index(rq.Current.Media)
	switch rq.Do {
	case playback.Next:
		i++
	case playback.Prev:
		i--
	default:
		i = s.index(&playback.Current{ID: rq.MediaID})
	}
	if rq.Do == playback.Next && i == len(s.media) {
		return playback.Selection{}, nil // nothing follows
	}
	if i < 0 || i >= len(s.media) {
		return playback.Selection{}, errors.New("no such media")
	}
	return playback.Selection{Media: s.media[i]}, nil
}

func (s *shelf) Next(_ context.Context, _ string, after playback.State) (playback.Selection, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nexts++
	if len(s.nextErr) > 0 {
		err := s.nextErr[0]
		s.nextErr = s.nextErr[1:]
		if err != nil {
			return playback.Selection{}, false, err
		}
	}
	i := s.index(after.Media) + 1
	if i >= len(s.media) {
		return playback.Selection{}, false, nil
	}
	return playback.Selection{Media: s.media[i]}, true, nil
}

// newTestHub returns a hub over a shelf that is drained when the test ends.
func newTestHub(t *testing.T) (*Hub, *shelf) {
	t.Helper()
	s := newShelf()
	h := NewHub(Config{Backing: s, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := h.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	return h, s
}

func user(name, room string, mask perm.Mask) Seat {
	return Seat{
		Person: protocol.Person{ID: name, Kind: "user", Name: name}, Room: room, RoomName: "Room " + room,
		Role: "member", Rank: 20, Mask: mask, Session: "s-" + name,
	}
}

func guest(name, room string) Seat {
	s := user("g:"+name, room, perm.DefaultGuest)
	s.Person.Kind, s.Role, s.Session = "guest", "guest", ""
	return s
}
