package realtime

import (
	"context"

	"synctv/realtime/protocol"
	"synctv/store/perm"
)

// Match says which connections are meant; empty fields match all.
type Match struct {
	Room    string
	Person  string // user or guest id
	Session string
}

func (m Match) fits(s Seat) bool {
	return (m.Person == "" || m.Person == s.Person.ID) && (m.Session == "" || m.Session == s.Session)
}

// Cut closes the connections that m means and returns how many there were.
// When it returns, none of them hears or moves anything any more.
func (h *Hub) Cut(ctx context.Context, m Match, code protocol.CloseCode, detail string) int {
	if m == (Match{}) {
		return 0 // everyone on the node is never meant by an empty match
	}
	h.judged.Add(1)
	n := 0
	for _, r := range h.live(m.Room) {
		_ = r.do(ctx, func() { n += r.cut(m, code, detail) }) // an ended room has nobody
		h.release(r)
	}
	return n
}

func (r *room) cut(m Match, code protocol.CloseCode, detail string) int {
	var out []*conn
	for _, c := range r.conns {
		if m.fits(c.seat) {
			out = append(out, c)
		}
	}
	for _, c := range out {
		c.close(code, detail)
		r.part(c)
	}
	return len(out)
}

// Reseat lets f judge every seat of a room again. A seat that f gives back
// takes the place of the old one; false closes its connection. f runs in the
// room: it must not wait for anything.
func (h *Hub) Reseat(ctx context.Context, roomID string, f func(Seat) (Seat, bool)) {
	h.judged.Add(1)
	r, err := h.acquire(roomID, false)
	if r == nil || err != nil {
		return
	}
	defer h.release(r)
	_ = r.do(ctx, func() { r.reseat(f) }) // an ended room has nobody
}

func (r *room) reseat(f func(Seat) (Seat, bool)) {
	var out []*conn
	moved := false
	for _, c := range r.conns {
		next, ok := f(c.seat)
		if !ok {
			out = append(out, c)
			continue
		}
		next.Room, next.Person.ID = c.seat.Room, c.seat.Person.ID // a connection never changes hands
		was := c.seat
		c.seat = next
		moved = moved || was.Role != next.Role || was.Person != next.Person
		if was.Mask != next.Mask || was.Role != next.Role {
			c.send(protocol.Direct(protocol.TypePermissions, round3(r.hub.now()), protocol.PermissionsChanged{
				Role: next.Role, Permissions: perm.Names(next.Mask), PermissionsMask: next.Mask.String(),
			}))
		}
	}
	for _, c := range out {
		code := protocol.CloseRoomRevoked
		if c.seat.Person.Kind == "guest" {
			code = protocol.CloseGuestRevoked
		}
		c.close(code, "")
		r.part(c)
	}
	if moved {
		r.touchPresence(r.hub.now())
	}
}
