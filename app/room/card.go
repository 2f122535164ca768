package room

import (
	"context"
	"errors"
	"fmt"

	"synctv/app/auth"
	"synctv/store"
)

// Card is what a room shows at its door.
type Card struct {
	Room     store.Room
	Creator  store.User
	Members  int
	Viewers  int
	Guests   bool // whether visitors without an account may enter
	Now      *Now
	MyStatus string // active, pending, banned, none; "" for nobody and guests
	MyRole   string
}

// Now is what a room watches.
type Now struct {
	Media     store.Media
	Playing   bool
	Position  float64
	Duration  *float64
	UpdatedAt store.Millis // when Position was true
}

// View is a room as those inside see it.
type View struct {
	Card
	Caller          Caller
	SettingsVersion int64
	RootPlaylist    string
}

// Filter narrows a list of rooms.
type Filter struct {
	Query  string
	Sort   string // last_activity_at, created_at, name, each with "-" for the other way; "" = latest activity first
	Status string // of the caller's membership, in Mine; "" = active
	Cursor string
	Limit  int
}

// Public lists the rooms that everybody may see.
func (s *Service) Public(ctx context.Context, who auth.Actor, f Filter) (cards []Card, next string, err error) {
	if !s.site().GuestsEnabled && !who.IsUser() {
		return nil, "", ErrSignIn
	}
	cards, next, err = s.list(ctx, who, store.RoomFilter{
		Visibility: "public", Status: "active", Query: f.Query, Sort: f.Sort, Cursor: f.Cursor, Limit: f.Limit,
	})
	if err != nil {
		return nil, "", fmt.Errorf("list public rooms: %w", err)
	}
	return cards, next, nil
}

// Mine lists the rooms in which who has a member row.
func (s *Service) Mine(ctx context.Context, who auth.Actor, f Filter) (cards []Card, next string, err error) {
	if err := RequireUser(who); err != nil {
		return nil, "", err
	}
	cards, next, err = s.list(ctx, who, store.RoomFilter{
		Member: who.ID, MemberStatus: f.Status, Query: f.Query, Sort: f.Sort, Cursor: f.Cursor, Limit: f.Limit,
	})
	if err != nil {
		return nil, "", fmt.Errorf("list own rooms: %w", err)
	}
	return cards, next, nil
}

func (s *Service) list(ctx context.Context, who auth.Actor, f store.RoomFilter) (cards []Card, next string, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		rooms, cursor, err := tx.Rooms(ctx, f)
		if err != nil {
			return err
		}
		next = cursor
		cards, err = s.cards(ctx, tx, who, rooms)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	s.countViewers(cards)
	return cards, next, nil
}

// Door is the card of one room, by id or slug, for whoever may know of it.
func (s *Service) Door(ctx context.Context, who auth.Actor, idOrSlug string) (Card, error) {
	var card Card
	err := s.db.Read(ctx, func(tx *store.Tx) error {
		r, err := find(ctx, tx, idOrSlug)
		if err != nil {
			return err
		}
		c, err := s.caller(ctx, tx, who, r.ID)
		if err != nil && !errors.Is(err, ErrGuestRevoked) && !errors.Is(err, ErrCooldown) {
			return err
		}
		creator := who.IsUser() && r.CreatorID == who.ID
		hidden := r.Visibility == "private" || r.Status == "pending" && !creator
		if hidden && c.ActsAs == "" && c.Member == nil && c.Role == "" {
			return store.ErrNotFound
		}
		cards, err := s.cards(ctx, tx, who, []store.Room{r})
		if err != nil {
			return err
		}
		card = cards[0]
		return nil
	})
	if err != nil {
		return Card{}, fmt.Errorf("room %q: %w", idOrSlug, err)
	}
	cards := []Card{card}
	s.countViewers(cards)
	return cards[0], nil
}

func find(ctx context.Context, tx *store.Tx, idOrSlug string) (store.Room, error) {
	if store.ValidID(idOrSlug) {
		return tx.Room(ctx, idOrSlug)
	}
	if !slugForm.MatchString(idOrSlug) {
		return store.Room{}, store.ErrNotFound
	}
	return tx.RoomBySlug(ctx, idOrSlug)
}

// View is the room for those inside.
func (s *Service) View(ctx context.Context, who auth.Actor, roomID string) (View, error) {
	var v View
	err := s.db.Read(ctx, func(tx *store.Tx) error {
		c, err := s.Require(ctx, tx, who, roomID, 0)
		if err != nil {
			return err
		}
		cards, err := s.cards(ctx, tx, who, []store.Room{c.Room})
		if err != nil {
			return err
		}
		_, version, err := tx.RoomSettings(ctx, roomID)
		if err != nil {
			return err
		}
		root, err := tx.RootPlaylist(ctx, roomID)
		if err != nil {
			return err
		}
		v = View{Card: cards[0], Caller: c, SettingsVersion: version, RootPlaylist: root.ID}
		return nil
	})
	if err != nil {
		return View{}, fmt.Errorf("room %s: %w", roomID, err)
	}
	cards := []Card{v.Card}
	s.countViewers(cards)
	v.Card = cards[0]
	return v, nil
}

func (s *Service) countViewers(cards []Card) {
	ids := make([]string, len(cards))
	for i, c := range cards {
		ids[i] = c.Room.ID
	}
	viewers := s.live.Viewers(ids...)
	for i := range cards {
		cards[i].Viewers = viewers[cards[i].Room.ID]
	}
}

// cards reads what belongs to the rooms of one page.
func (s *Service) cards(ctx context.Context, tx *store.Tx, who auth.Actor, rooms []store.Room) ([]Card, error) {
	creators := make([]string, len(rooms))
	for i, r := range rooms {
		creators[i] = r.CreatorID
	}
	users, err := tx.Users(ctx, creators...)
	if err != nil {
		return nil, err
	}
	cards := make([]Card, len(rooms))
	for i, r := range rooms {
		c := Card{Room: r, Creator: users[r.CreatorID]}
		if c.Members, err = tx.CountMembers(ctx, r.ID, "active"); err != nil {
			return nil, err
		}
		raw, _, err := tx.RoomSettings(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		set, err := ParseSettings(raw)
		if err != nil {
			return nil, err
		}
		c.Guests = set.AllowGuests && s.site().GuestsEnabled && r.Visibility != "private"
		if c.Now, err = playing(ctx, tx, r.ID); err != nil {
			return nil, err
		}
		if who.IsUser() {
			c.MyStatus = "none"
			m, err := tx.Member(ctx, r.ID, who.ID)
			switch {
			case err == nil:
				c.MyStatus, c.MyRole = m.Status, m.Role
			case !errors.Is(err, store.ErrNotFound):
				return nil, err
			}
		}
		cards[i] = c
	}
	return cards, nil
}

func playing(ctx context.Context, tx *store.Tx, roomID string) (*Now, error) {
	p, err := tx.Playback(ctx, roomID)
	if err != nil || p.MediaID == nil {
		return nil, ignoreMissing(err)
	}
	m, err := tx.Media(ctx, roomID, *p.MediaID)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	return &Now{Media: m, Playing: p.Playing, Position: p.Position, Duration: p.Duration, UpdatedAt: p.UpdatedAt}, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
