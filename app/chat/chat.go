// Package chat holds the rules of a room's chat: who may say what, how fast,
// and who may take it back.
//
// The rule that keeps it whole: a message has its number and is stored before
// anybody hears of it, so what a client was told can always be read again.
//
// Imported by app and app/api. Imports store, store/perm, app/{auth,room,
// settings,text}, realtime/protocol.
package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/app/settings"
	"synctv/app/text"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
)

// Config is what the service is made of.
type Config struct {
	DB        *store.DB
	Rooms     *room.Service
	Publisher room.Publisher
	Settings  *settings.Service
	Avatar    func(fileID string) string // address of an avatar; nil = none
	Log       *slog.Logger
}

// Service holds the rules of chats. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	rooms    *room.Service
	pub      room.Publisher
	settings *settings.Service
	avatar   func(string) string
	log      *slog.Logger
	pace     *pace
}

// NewService makes the service.
func NewService(c Config) *Service {
	return &Service{
		db: c.DB, rooms: c.Rooms, pub: c.Publisher, settings: c.Settings, avatar: c.Avatar,
		log: c.Log.With("part", "chat"), pace: newPace(),
	}
}

// Refusals of this package.
var (
	ErrReused = errors.New("this client_id was used for another message")
	ErrFilter = errors.New("word_filter: the site does not want this word")
)

// Draft is a message to be sent.
type Draft struct {
	Content  string
	ClientID string // "" = none; the same one again repeats the answer
	ReplyTo  string
}

var (
	contentRule = text.Rule{Min: 1, Max: 500, Lines: 20}
	reasonRule  = text.Rule{Max: 200, Collapse: true}
)

// Post sends a message. replay is true when this client_id had sent it before.
func (s *Service) Post(ctx context.Context, who auth.Actor, roomID string, d Draft) (msg protocol.ChatMessage, replay bool, err error) {
	content, err := s.clean(d)
	if err != nil {
		return msg, false, err
	}
	op := store.NewID() // also the id of the message: the same in every run of the function below
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.rooms.Require(ctx, tx, who, roomID, perm.SendChat)
		if err != nil {
			return err
		}
		replay = false
		if d.ClientID != "" {
			before, err := tx.ChatByClientID(ctx, roomID, who.ID, d.ClientID)
			if err == nil {
				replay = true
				if before.Content != content && before.DeletedAt == nil {
					return ErrReused
				}
				msg, err = s.one(ctx, tx, before)
				return err
			}
			if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		msg, err = s.post(ctx, tx, c, op, content, d)
		return err
	})
	if err != nil {
		s.pace.release(roomID, who.ID, op)
		return msg, false, fmt.Errorf("post to room %s: %w", roomID, err)
	}
	return msg, replay, nil
}

func (s *Service) clean(d Draft) (string, error) {
	var bad room.ValidationError
	content, err := contentRule.Clean(d.Content)
	if err != nil {
		bad.Add("body.content", err.Error())
	}
	if len(d.ClientID) > 64 || strings.ContainsFunc(d.ClientID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		bad.Add("body.client_id", "at most 64 printable ASCII characters")
	}
	folded := store.Fold(content)
	for _, word := range s.settings.Current().WordFilter {
		if word != "" && strings.Contains(folded, store.Fold(word)) {
			bad.Add("body.content", ErrFilter.Error())
			break
		}
	}
	return content, bad.OrNil()
}

func (s *Service) post(ctx context.Context, tx *store.Tx, c room.Caller, id, content string, d Draft) (protocol.ChatMessage, error) {
	var none protocol.ChatMessage
	row := store.ChatMessage{ID: id, RoomID: c.Room.ID, Kind: "text", Content: content}
	who := c.Actor
	if who.IsGuest() {
		row.GuestID, row.GuestName = &who.ID, &who.Name
	} else {
		row.UserID = &who.ID
	}
	if d.ClientID != "" {
		row.ClientID = &d.ClientID
	}
	if d.ReplyTo != "" {
		if !store.ValidID(d.ReplyTo) {
			return none, store.ErrNotFound
		}
		if _, err := tx.ChatMessage(ctx, c.Room.ID, d.ReplyTo); err != nil {
			return none, fmt.Errorf("reply_to: %w", err)
		}
		row.ReplyTo = &d.ReplyTo
	}
	if slow := time.Duration(c.Settings.ChatSlowModeSeconds) * time.Second; slow > 0 && !c.Has(perm.DeleteChat) {
		if err := s.pace.take(c.Room.ID, who.ID, id, slow, time.Now()); err != nil {
			return none, err
		}
	}
	if err := tx.AddChat(ctx, &row); err != nil {
		return none, err
	}
	if keep := c.Settings.ChatMaxMessages; keep > 0 {
		if _, err := tx.TrimChat(ctx, c.Room.ID, keep); err != nil {
			return none, err
		}
	}
	if err := tx.TouchRoom(ctx, c.Room.ID, tx.Now()); err != nil {
		return none, err
	}
	msg, err := s.one(ctx, tx, row)
	if err != nil {
		return none, err
	}
	tx.AfterCommit(func() {
		s.announce(ctx, c.Room.ID, protocol.Event{Type: protocol.TypeChatMessage, Data: msg, Need: perm.ViewChatHistory})
	})
	return msg, nil
}

func (s *Service) announce(ctx context.Context, roomID string, ev protocol.Event) {
	room.Announce(ctx, s.pub, s.log, roomID, ev)
}

// Page is where to read: before a number going back, after one going forward,
// or the newest when both are 0.
type Page struct {
	Before, After int64
	Limit         int
}

// List reads messages: newest first, or oldest first with After. next is the
// number to go on with in the same direction, 0 at the end.
func (s *Service) List(ctx context.Context, who auth.Actor, roomID string, p Page) (out []protocol.ChatMessage, next int64, err error) {
	if p.Before > 0 && p.After > 0 {
		return nil, 0, room.Invalid("query.after", "give either before or after")
	}
	if p.Limit <= 0 {
		p.Limit = 50
	}
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		c, err := s.rooms.Require(ctx, tx, who, roomID, perm.ViewChatHistory)
		if err != nil {
			return err
		}
		rows, err := tx.ChatPage(ctx, roomID, p.Before, p.After, p.Limit+1)
		if err != nil {
			return err
		}
		next = 0
		if len(rows) > p.Limit {
			rows = rows[:p.Limit]
			next = rows[p.Limit-1].Seq
		}
		from := since(c)
		seen := make([]store.ChatMessage, 0, len(rows))
		for _, m := range rows {
			if m.CreatedAt >= from {
				seen = append(seen, m)
			}
		}
		if len(seen) < len(rows) && p.After == 0 {
			next = 0 // what lies before is hidden too
		}
		out, err = s.messages(ctx, tx, seen)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("chat of room %s: %w", roomID, err)
	}
	return out, next, nil
}

// since is the instant from which on the caller may read: with
// chat_history_visible off, when they came. A guest's id says when that was.
func since(c room.Caller) store.Millis {
	switch {
	case c.Settings.ChatHistoryVisible || c.ActsAs != "" || c.Has(perm.DeleteChat):
		return 0
	case c.Member != nil && c.Member.JoinedAt != nil:
		return *c.Member.JoinedAt
	case c.IsGuest():
		return bornAt(strings.TrimPrefix(c.Actor.ID, auth.GuestPrefix))
	}
	return 0
}

// bornAt is the instant in an id: its first 48 bits, of the 50 that ten
// characters hold.
func bornAt(id string) store.Millis {
	if !store.ValidID(id) {
		return 0
	}
	n, err := strconv.ParseInt(id[:10], 32, 64)
	if err != nil {
		return 0
	}
	return store.Millis(n >> 2)
}

// Delete takes a message back: one's own, or any with DELETE_CHAT. Its place
// in the order stays.
func (s *Service) Delete(ctx context.Context, who auth.Actor, roomID, messageID, reason string) error {
	reason, err := reasonRule.Clean(reason)
	if err != nil {
		return room.Invalid("query.reason", err.Error())
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.rooms.Require(ctx, tx, who, roomID, 0)
		if err != nil {
			return err
		}
		if !store.ValidID(messageID) {
			return store.ErrNotFound
		}
		m, err := tx.ChatMessage(ctx, roomID, messageID)
		if err != nil {
			return err
		}
		own := m.UserID != nil && who.IsUser() && *m.UserID == who.ID || m.GuestID != nil && who.IsGuest() && *m.GuestID == who.ID
		need := perm.DeleteChat
		if own && c.Has(perm.SendChat) {
			need = 0
		}
		if !c.Has(need) {
			return room.Denied(need, c.Mask)
		}
		if m.DeletedAt != nil {
			return nil
		}
		if err := tx.MarkChatDeleted(ctx, roomID, messageID, who.ID, reason, tx.Now()); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			s.announce(ctx, roomID, protocol.Event{Type: protocol.TypeChatDeleted, Data: protocol.ChatDeleted{ID: m.ID, Seq: m.Seq, By: who.ID}, Need: perm.ViewChatHistory})
		})
		if own {
			return nil
		}
		return room.Audit(ctx, tx, c, "chat.deleted_by_moderator", "message", messageID, map[string]any{"reason": reason, "author": m.UserID, "guest": m.GuestID})
	})
	if err != nil {
		return fmt.Errorf("delete message %s: %w", messageID, err)
	}
	return nil
}

func (s *Service) one(ctx context.Context, tx *store.Tx, m store.ChatMessage) (protocol.ChatMessage, error) {
	list, err := s.messages(ctx, tx, []store.ChatMessage{m})
	if err != nil {
		return protocol.ChatMessage{}, err
	}
	return list[0], nil
}

// messages puts the authors to the rows.
func (s *Service) messages(ctx context.Context, tx *store.Tx, rows []store.ChatMessage) ([]protocol.ChatMessage, error) {
	people := map[string]protocol.Person{}
	for _, m := range rows {
		if m.UserID == nil {
			continue
		}
		if _, ok := people[*m.UserID]; ok {
			continue
		}
		p, err := s.person(ctx, tx, m.RoomID, *m.UserID)
		if err != nil {
			return nil, err
		}
		people[*m.UserID] = p
	}
	out := make([]protocol.ChatMessage, len(rows))
	for i, m := range rows {
		msg := protocol.ChatMessage{
			ID: m.ID, Seq: m.Seq, Kind: m.Kind, Content: m.Content, ReplyTo: m.ReplyTo,
			CreatedAt: m.CreatedAt.Text(), Deleted: m.DeletedAt != nil,
		}
		if m.ClientID != nil {
			msg.ClientID = *m.ClientID
		}
		if m.EditedAt != nil {
			at := m.EditedAt.Text()
			msg.EditedAt = &at
		}
		switch {
		case m.UserID != nil:
			p := people[*m.UserID]
			msg.Author = &p
		case m.GuestID != nil:
			msg.Author = &protocol.Person{ID: *m.GuestID, Kind: string(auth.Guest)}
			if m.GuestName != nil {
				msg.Author.Name = *m.GuestName
			}
		}
		out[i] = msg
	}
	return out, nil
}

// person is a user as this room knows them: with their nickname here.
func (s *Service) person(ctx context.Context, tx *store.Tx, roomID, userID string) (protocol.Person, error) {
	u, err := tx.User(ctx, userID)
	if err != nil {
		return protocol.Person{}, fmt.Errorf("author %s: %w", userID, err)
	}
	p := protocol.Person{ID: userID, Kind: string(auth.User), Name: u.Shown()}
	if u.AvatarFileID != nil && s.avatar != nil {
		p.AvatarURL = s.avatar(*u.AvatarFileID)
	}
	m, err := tx.Member(ctx, roomID, userID)
	if err == nil && m.Nickname != "" {
		p.Name = m.Nickname
	}
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return p, err
}
