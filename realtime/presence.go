package realtime

import (
	"context"
	"math"
	"slices"
	"strings"

	"synctv/realtime/playback"
	"synctv/realtime/protocol"
	"synctv/store/perm"
)

const (
	peersEvery  = 2_000.0 // ms
	presenceBig = 100     // people: beyond it only their number is announced
	presenceIn  = 250.0   // ms after a change
	presenceFar = 2_000.0 // the same in a large room, where people come and go all the time
)

// touchPresence announces that somebody came or went, soon and once.
func (r *room) touchPresence(now float64) {
	wait := presenceIn
	if len(r.conns) > presenceBig {
		wait = presenceFar
	}
	r.due.soon(duePresence, now+wait)
}

func (r *room) sendPresence() {
	count := protocol.Event{Type: protocol.TypePresenceCount, Data: protocol.PresenceCount{Count: len(r.persons)}, Soft: true}
	if len(r.persons) > presenceBig {
		r.event(count)
		return
	}
	members := protocol.Event{Type: protocol.TypePresenceChanged, Data: r.presence(), Soft: true}
	some, all := r.split(perm.ViewMemberList)
	if some {
		members.Need = perm.ViewMemberList
		r.event(members)
	}
	if !all {
		r.event(count) // those who may not see the list still see how many they are
	}
}

// split says whether some and whether all seats hold need.
func (r *room) split(need perm.Mask) (some, all bool) {
	all = true
	for _, c := range r.conns {
		if c.seat.Mask.Has(need) {
			some = true
		} else {
			all = false
		}
	}
	return some, all
}

// presenceFor is what one seat may see.
func (r *room) presenceFor(s Seat) protocol.PresenceChanged {
	if !s.Mask.Has(perm.ViewMemberList) || len(r.persons) > presenceBig {
		return protocol.PresenceChanged{Count: len(r.persons), Members: []protocol.PresenceMember{}}
	}
	return r.presence()
}

// presence lists the people of the room, each with the liveliest of its
// devices.
func (r *room) presence() protocol.PresenceChanged {
	at := make(map[string]int, len(r.persons))
	list := make([]protocol.PresenceMember, 0, len(r.persons))
	for _, c := range r.conns {
		i, ok := at[c.seat.Person.ID]
		if !ok {
			i = len(list)
			at[c.seat.Person.ID] = i
			list = append(list, protocol.PresenceMember{Person: c.seat.Person, Role: c.seat.Role})
		}
		m := &list[i]
		m.Devices++
		if rep := c.report; rep != nil && (m.State == "" || liveliness(rep.State) > liveliness(playback.Doing(m.State))) {
			drift := int(math.Round(rep.DriftMS))
			m.State, m.DriftMS = string(rep.State), &drift
		}
	}
	slices.SortFunc(list, func(a, b protocol.PresenceMember) int { return strings.Compare(a.ID, b.ID) })
	return protocol.PresenceChanged{Count: len(list), Members: list}
}

func liveliness(d playback.Doing) int {
	switch d {
	case playback.Playing:
		return 7
	case playback.Buffering, playback.Seeking:
		return 6
	case playback.Paused:
		return 5
	case playback.Ended:
		return 4
	case playback.Blocked, playback.Failed:
		return 3
	case playback.Background:
		return 2
	}
	return 0
}

// touchPeers announces that a player does something else now.
func (r *room) touchPeers(c *conn, now float64) {
	if len(r.conns) > presenceBig {
		return // nobody looks at that many dots
	}
	r.peers[c.id] = true
	r.due.soon(duePeers, now+peersEvery)
}

func (r *room) sendPeers() {
	items := make([]protocol.Peer, 0, len(r.peers))
	for _, c := range r.conns {
		if !r.peers[c.id] || c.report == nil {
			continue
		}
		items = append(items, protocol.Peer{
			ID: c.seat.Person.ID, State: c.report.State, DriftMS: int(math.Round(c.report.DriftMS)),
			BufferedS: math.Round(c.report.BufferedS*10) / 10,
		})
	}
	clear(r.peers)
	if len(items) == 0 {
		return
	}
	slices.SortFunc(items, func(a, b protocol.Peer) int { return strings.Compare(a.ID, b.ID) })
	r.event(protocol.Event{
		Type: protocol.TypePlaybackPeers, Data: protocol.PlaybackPeers{Items: items}, Need: perm.ViewMemberList, Soft: true,
	})
}

var pingFrame = protocol.NewRaw(protocol.Control(protocol.OpPing, nil))

// sweep pings who has been silent for a while and drops who has been for too
// long.
func (r *room) sweep(now float64) {
	r.due.set(dueSweep, now+float64(sweepEvery.Milliseconds()))
	for _, c := range r.conns {
		silent := now - float64(c.seen.Load())/1000
		switch {
		case silent >= float64(deadAfter.Milliseconds()):
			c.close(protocol.CloseAway, "nothing heard")
		case silent >= float64(pingEvery.Milliseconds()) && now-c.pinged >= float64(pingEvery.Milliseconds()):
			c.pinged = now
			c.send(pingFrame)
		}
	}
}

// Presence returns who is connected to a room.
func (h *Hub) Presence(ctx context.Context, roomID string) []protocol.PresenceMember {
	r, err := h.acquire(roomID, false)
	if r == nil || err != nil {
		return nil
	}
	defer h.release(r)
	var list []protocol.PresenceMember
	_ = r.do(ctx, func() { list = r.presence().Members }) // an ended room has nobody
	return list
}

// Viewers returns how many people are connected to each of the rooms; rooms
// with nobody are left out.
func (h *Hub) Viewers(roomIDs ...string) map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	counts := make(map[string]int, len(roomIDs))
	for _, id := range roomIDs {
		if r := h.rooms[id]; r != nil {
			if n := int(r.people.Load()); n > 0 {
				counts[id] = n
			}
		}
	}
	return counts
}
