package realtime

import (
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// A room keeps its last 512 events, at most 1 MiB of them, for whoever comes
// back after a short break.
const (
	ringSize  = 512
	ringBytes = 1 << 20
)

// kept is an event and who may see it.
type kept struct {
	seq   uint64
	frame *protocol.Frame
	need  perm.Mask
	to    string
}

func (k kept) visible(s Seat) bool {
	return s.Mask.Has(k.need) && (k.to == "" || k.to == s.Person.ID)
}

// ring holds the last events in order.
type ring struct {
	events []kept
	first  int // oldest
	bytes  int
}

func (g *ring) add(k kept) {
	for len(g.events)-g.first >= ringSize || g.bytes > ringBytes && g.first < len(g.events) {
		g.bytes -= len(g.events[g.first].frame.Wire())
		g.events[g.first] = kept{}
		g.first++
	}
	if g.first >= ringSize { // move down once in a while instead of every time
		g.events = append(g.events[:0], g.events[g.first:]...)
		clear(g.events[len(g.events):cap(g.events)])
		g.first = 0
	}
	g.events = append(g.events, k)
	g.bytes += len(k.frame.Wire())
}

// after returns the events behind seq, and false when some of them are gone.
func (g *ring) after(seq, newest uint64) ([]kept, bool) {
	switch {
	case seq > newest:
		return nil, false
	case seq == newest:
		return nil, true
	}
	events := g.events[g.first:]
	if len(events) == 0 || events[0].seq > seq+1 {
		return nil, false
	}
	return events[seq+1-events[0].seq:], true
}
