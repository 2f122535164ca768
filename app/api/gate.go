package api

import "sync"

// gate bounds how much of something goes on at once, in all and per key.
type gate struct {
	all, each int

	mu    sync.Mutex
	total int
	by    map[string]int // an entry goes with its last user
}

func newGate(all, each int) *gate { return &gate{all: all, each: each, by: map[string]int{}} }

// enter takes a place. leave gives it back, once however often it is called.
func (g *gate) enter(key string) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.all || g.by[key] >= g.each {
		return nil, false
	}
	g.total++
	g.by[key]++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.total--
		if g.by[key]--; g.by[key] <= 0 {
			delete(g.by, key)
		}
	}), true
}
