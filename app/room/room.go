// Package room decides who is in a room and what they may do there: creating,
// joining, guests, passwords, members, settings.
//
// The rule that keeps it whole: Require is the one door. Every change anywhere
// in a room passes it inside the transaction that makes the change, so nobody
// acts on rights they lost a moment ago.
//
// Imported by app/library, app/chat, app/api, app and app/cli. Imports store,
// store/perm, realtime/protocol, app/auth, app/settings, app/text.
package room

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"synctv/app/auth"
	"synctv/app/settings"
	"synctv/realtime/protocol"
	"synctv/store"
)

// Publisher tells a room what has happened. The hub implements it.
type Publisher interface {
	Publish(ctx context.Context, roomID string, ev protocol.Event) error
}

// Live is what the rules need of the rooms that are awake. All methods do
// nothing for a room that sleeps.
type Live interface {
	// Reseat gives every seat of a room to f, which returns what it is now;
	// false ends the seat.
	Reseat(ctx context.Context, roomID string, f func(Seat) (Seat, bool))
	// Cut ends the seats of a person, or of everybody when person is empty.
	Cut(ctx context.Context, roomID, person string, code protocol.CloseCode, detail string)
	// Configure hands new settings to the live room.
	Configure(ctx context.Context, roomID string, s Settings)
	// Viewers counts the connections of rooms; rooms nobody watches are absent.
	Viewers(roomIDs ...string) map[string]int
	// Presence lists who is connected.
	Presence(ctx context.Context, roomID string) []protocol.PresenceMember
}

// Config is what the service is made of.
type Config struct {
	DB        *store.DB
	Settings  *settings.Service
	Passwords *auth.Passwords
	Tokens    *auth.Tokens
	Publisher Publisher
	Live      Live
	Avatar    func(fileID string) string // address of an avatar; nil = none
	Log       *slog.Logger
}

// Service holds the rules of rooms. It is safe for concurrent use.
type Service struct {
	db        *store.DB
	settings  *settings.Service
	passwords *auth.Passwords
	tokens    *auth.Tokens
	pub       Publisher
	live      Live
	avatar    func(string) string
	log       *slog.Logger
	tries     *tries
}

// New makes the service.
func New(c Config) *Service {
	return &Service{
		db: c.DB, settings: c.Settings, passwords: c.Passwords, tokens: c.Tokens,
		pub: c.Publisher, live: c.Live, avatar: c.Avatar, log: c.Log.With("part", "room"), tries: newTries(),
	}
}

// site is the site's settings as they are now.
func (s *Service) site() *settings.Site { return s.settings.Current() }

// Announce publishes after a commit. A lost announcement is no error: clients
// see a gap in versions and read again.
func Announce(ctx context.Context, pub Publisher, log *slog.Logger, roomID string, ev protocol.Event) {
	if err := pub.Publish(context.WithoutCancel(ctx), roomID, ev); err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "announcement lost", slog.String("room", roomID), slog.String("type", ev.Type), slog.Any("err", err))
	}
}

func (s *Service) announce(ctx context.Context, roomID string, ev protocol.Event) {
	Announce(ctx, s.pub, s.log, roomID, ev)
}

// Audit writes the audit row of a change into the transaction that makes it.
func Audit(ctx context.Context, tx *store.Tx, c Caller, action, targetType, targetID string, details any) error {
	return audit(ctx, tx, c.Actor, c.ActsAs, c.Room.ID, action, targetType, targetID, details)
}

func audit(ctx context.Context, tx *store.Tx, who auth.Actor, actsAs, roomID, action, targetType, targetID string, details any) error {
	raw := json.RawMessage("{}")
	if details != nil {
		var err error
		if raw, err = json.Marshal(details); err != nil {
			return fmt.Errorf("encode audit details: %w", err)
		}
	}
	kind := string(who.Kind)
	if actsAs != "" {
		kind = actsAs
	}
	a := &store.Audit{
		ActorName: who.Name, ActorType: kind, Action: action, TargetType: targetType, TargetID: targetID,
		Result: "ok", Details: raw, IP: who.IP, UserAgent: who.UserAgent, RequestID: who.RequestID,
	}
	if who.ID != "" {
		a.ActorID = &who.ID
	}
	if roomID != "" {
		a.RoomID = &roomID
	}
	return tx.AddAudit(ctx, a)
}
