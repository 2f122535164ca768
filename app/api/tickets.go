package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/auth"
	"synctv/store"
)

const (
	// ticketTTL is how long a socket ticket waits to be used.
	ticketTTL = 30 * time.Second
	// maxTickets bounds the unused tickets of one person.
	maxTickets = 20
	// ticketBytes is the randomness of a ticket.
	ticketBytes = 24
)

// errTooManyTickets asks to use the tickets one has.
var errTooManyTickets = errors.New("too many unused tickets")

// tickets are single-use admissions to a socket: random, short, in memory. A
// page cannot send headers with a WebSocket, and a token in an address would
// outlive its use.
type tickets struct {
	mu   sync.Mutex
	open map[string]ticket // by ticket
	held map[string]int    // unused ones per person
	next time.Time         // of the next sweep
}

type ticket struct {
	who     auth.Actor
	room    string
	expires time.Time
}

func newTickets() *tickets { return &tickets{open: map[string]ticket{}, held: map[string]int{}} }

// issue makes a ticket for one room.
func (t *tickets) issue(who auth.Actor, room string) (string, time.Time, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.After(t.next) || t.held[who.ID] >= maxTickets {
		t.sweep(now)
	}
	if t.held[who.ID] >= maxTickets {
		return "", time.Time{}, errTooManyTickets
	}
	secret, expires := auth.Secret(ticketBytes), now.Add(ticketTTL)
	t.open[secret] = ticket{who: who, room: room, expires: expires}
	t.held[who.ID]++
	return secret, expires, nil
}

// redeem spends a ticket: it works once, in time, for its room.
func (t *tickets) redeem(secret, room string) (auth.Actor, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.open[secret]
	if !ok {
		return auth.Actor{}, false
	}
	t.drop(secret, k)
	return k.who, k.room == room && time.Now().Before(k.expires)
}

func (t *tickets) sweep(now time.Time) {
	t.next = now.Add(ticketTTL)
	for secret, k := range t.open {
		if now.After(k.expires) {
			t.drop(secret, k)
		}
	}
}

func (t *tickets) drop(secret string, k ticket) {
	delete(t.open, secret)
	if t.held[k.who.ID]--; t.held[k.who.ID] <= 0 {
		delete(t.held, k.who.ID)
	}
}

// TicketRequest asks for admission to a room's socket.
type TicketRequest struct {
	RoomID  string `json:"room_id" minLength:"1" maxLength:"40" example:"06f1c2g9s3k5m7p9r1t3"`
	Purpose string `json:"purpose" enum:"ws"`
}

// TicketAnswer is a single-use admission.
type TicketAnswer struct {
	Ticket    string `json:"ticket"`
	ExpiresAt string `json:"expires_at" format:"date-time"`
	WSURL     string `json:"ws_url" example:"wss://tv.example.org/ws/rooms/06f1c2g9s3k5m7p9r1t3?ticket=…"`
}

func (s *Server) registerTickets() {
	register(s, huma.Operation{
		OperationID: "create-ticket", Method: http.MethodPost, Path: "/tickets", Tags: []string{"Realtime"}, DefaultStatus: http.StatusCreated,
		Summary: "Get a single-use ticket for the room's WebSocket", Description: "Valid for 30 seconds. Open ws_url with subprotocol synctv.v1.",
	}, rule{Need: inRoom, Rate: "ws_connect"}, func(ctx context.Context, in *struct{ Body TicketRequest }) (*body[TicketAnswer], error) {
		rq := requestOf(ctx)
		if _, err := s.Rooms.Enter(ctx, rq.actor, in.Body.RoomID); err != nil {
			return nil, err
		}
		secret, expires, err := s.tickets.issue(rq.actor, in.Body.RoomID)
		if err != nil {
			return nil, err
		}
		scheme := strings.Replace(rq.scheme, "http", "ws", 1)
		return &body[TicketAnswer]{Body: TicketAnswer{
			Ticket: secret, ExpiresAt: store.MillisOf(expires).Text(),
			WSURL: scheme + "://" + rq.host + "/ws/rooms/" + in.Body.RoomID + "?ticket=" + secret,
		}}, nil
	})
}
