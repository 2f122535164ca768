package room

import (
	"context"
	"errors"
	"fmt"

	"synctv/app/auth"
	"synctv/app/settings"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
)

// Caller is an actor as a room sees them.
type Caller struct {
	Actor    auth.Actor
	Room     store.Room
	Creator  store.User // of the room
	Settings Settings
	Member   *store.Member // nil for guests and for site admins who never joined
	Role     perm.Role
	Rank     int
	Mask     perm.Mask
	Held     perm.Mask // before switches: the measure for what one may hand to others
	ActsAs   string    // "site_admin" when the rights come from the site role, else empty
}

// IsGuest reports whether the caller is a guest of the room.
func (c Caller) IsGuest() bool { return c.Actor.IsGuest() }

// Has reports whether the caller holds every bit of m.
func (c Caller) Has(m perm.Mask) bool { return c.Mask.Has(m) }

// Owns reports whether the caller made the thing with that creator.
func (c Caller) Owns(creator *string) bool {
	return creator != nil && c.Actor.IsUser() && *creator == c.Actor.ID
}

// ActsAsSiteAdmin is Caller.ActsAs, and the kind of actor in the audit log, of
// people whose rights come from their site role.
const ActsAsSiteAdmin = "site_admin"

// Require is the door: it returns the caller when who is admitted to the room
// and holds every bit of need (0 = admission is enough). Whoever may not know
// of the room gets store.ErrNotFound.
func (s *Service) Require(ctx context.Context, tx *store.Tx, who auth.Actor, roomID string, need perm.Mask) (Caller, error) {
	if err := standing(who); err != nil {
		return Caller{}, err
	}
	c, err := s.caller(ctx, tx, who, roomID)
	if err != nil {
		return Caller{}, err
	}
	if err := c.admitted(s.site()); err != nil {
		return Caller{}, err
	}
	if !c.Mask.Has(need) {
		if c.frozen() && !frozenMask.Has(need) {
			return Caller{}, ErrRoomClosed
		}
		return Caller{}, Denied(need, c.Mask)
	}
	return c, nil
}

// RequireMember is Require for what guests never may, whatever their mask says.
func (s *Service) RequireMember(ctx context.Context, tx *store.Tx, who auth.Actor, roomID string, need perm.Mask) (Caller, error) {
	c, err := s.Require(ctx, tx, who, roomID, need)
	if err == nil && c.IsGuest() {
		return Caller{}, ErrGuests
	}
	return c, err
}

// RequireUser refuses everybody but accounts in good standing.
func RequireUser(who auth.Actor) error {
	if who.IsGuest() {
		return ErrGuests
	}
	return standing(who)
}

// standing refuses those who may be in no room at all.
func standing(who auth.Actor) error {
	switch {
	case who.IsGuest():
		return nil
	case !who.IsUser():
		return ErrSignIn
	case who.Status == "pending":
		return ErrAccountPending
	case who.Status != "active":
		return ErrAccountBanned
	}
	return nil
}

// caller reads what the rules need to know; it decides nothing but the mask.
func (s *Service) caller(ctx context.Context, tx *store.Tx, who auth.Actor, roomID string) (Caller, error) {
	if !store.ValidID(roomID) {
		return Caller{}, store.ErrNotFound
	}
	r, err := tx.Room(ctx, roomID)
	if err != nil {
		return Caller{}, err
	}
	if r.DeletedAt != nil {
		return Caller{}, store.ErrNotFound
	}
	c := Caller{Actor: who, Room: r}
	if c.Creator, err = tx.User(ctx, r.CreatorID); err != nil {
		return Caller{}, fmt.Errorf("creator of room %s: %w", roomID, err)
	}
	raw, _, err := tx.RoomSettings(ctx, roomID)
	if err != nil {
		return Caller{}, err
	}
	if c.Settings, err = ParseSettings(raw); err != nil {
		return Caller{}, err
	}
	if who.IsUser() {
		m, err := tx.Member(ctx, roomID, who.ID)
		switch {
		case err == nil && m.Status == "banned" && m.BanEndsAt != nil && *m.BanEndsAt <= tx.Now():
			// the ban is over: as if there were no row, joining replaces it
		case err == nil:
			c.Member = &m
		case !errors.Is(err, store.ErrNotFound):
			return Caller{}, err
		}
	}
	admitted := false
	if who.IsGuest() && who.Room == roomID {
		epoch, err := tx.GuestEpoch(ctx, roomID)
		if err != nil {
			return Caller{}, err
		}
		if epoch != who.GuestEpoch {
			return Caller{}, ErrGuestRevoked
		}
		if err := cooldown(ctx, tx, roomID, who.ID); err != nil {
			return Caller{}, err
		}
		admitted = true
	}
	c.judge(s.site(), admitted)
	return c, nil
}

// judge fills role, rank and mask from what was read.
func (c *Caller) judge(site *settings.Site, admittedGuest bool) {
	in := perm.Inputs{
		UserStatus: c.Actor.Status, SiteRole: c.Actor.SiteRole,
		RoomStatus: c.Room.Status, OwnerInactive: ownerInactive(c.Creator), CreatorIsRoot: c.Creator.Role == "root",
		SwitchedOff: c.Settings.switchedOff(),
	}
	switch {
	case admittedGuest:
		c.Role = perm.Guest
		in.UserStatus, in.MemberStatus = "active", "active"
	case c.Member != nil:
		c.Role = perm.Role(c.Member.Role)
		in.MemberStatus, in.MemberAdded, in.MemberRemoved = c.Member.Status, c.Member.Added, c.Member.Removed
	}
	in.Role, in.SiteDefault = c.Role, siteDefault(site, c.Role)
	in.RoomAdded, in.RoomRemoved = c.Settings.overrides(c.Role)
	if in.ActsAsSiteAdmin() {
		c.ActsAs = ActsAsSiteAdmin
	}
	c.Rank, c.Mask, c.Held = in.Rank(), perm.Effective(in), perm.Held(in)
}

func siteDefault(site *settings.Site, role perm.Role) perm.Mask {
	switch role {
	case perm.Admin:
		return site.AdminDefault
	case perm.Member:
		return site.MemberDefault
	case perm.Guest:
		return site.GuestDefault
	case perm.Creator:
	}
	return perm.Default(role)
}

// admitted says why the caller is not in the room, or nil.
func (c *Caller) admitted(site *settings.Site) error {
	if c.ActsAs != "" {
		return nil
	}
	creator := c.Actor.IsUser() && c.Room.CreatorID == c.Actor.ID
	inside := c.Role == perm.Guest || c.Member != nil
	switch {
	case !inside && c.Room.Visibility == "private", c.Room.Status == "pending" && !creator:
		return store.ErrNotFound
	case c.Room.Status == "banned":
		return ErrRoomBanned
	case !inside && c.Actor.IsGuest():
		return ErrGuests
	case !inside:
		return ErrNotMember
	case c.Role == perm.Guest && !site.GuestsEnabled:
		return ErrGuests
	case c.Member != nil && c.Member.Status == "pending":
		return ErrMemberPending
	case c.Member != nil && c.Member.Status == "banned":
		return ErrMemberBanned
	case c.Room.Status == "pending" && c.Mask == 0:
		return ErrRoomPending
	}
	return nil
}

// frozenMask is what a closed room leaves to its people.
const frozenMask = perm.ViewStats | perm.ExportData | perm.DeleteRoom | perm.ViewAudit |
	perm.ViewPlaylist | perm.ViewMemberList | perm.ViewChatHistory | perm.ViewPlaybackHistory

// frozen reports that the room is closed, or behaves so.
func (c *Caller) frozen() bool { return c.Room.Status == "closed" || ownerInactive(c.Creator) }

func ownerInactive(u store.User) bool { return u.Status != "active" || u.DeletedAt != nil }

// Seat is what one connection of a person may do in a room.
type Seat struct {
	Person        protocol.Person
	Room          string
	RoomName      string
	Role          string
	Rank          int
	Mask          perm.Mask
	Session       string // empty for guests
	GuestEpoch    int64
	MayResumeFree bool
}

// Enter decides about a connection: the seat it gets, or why it gets none.
func (s *Service) Enter(ctx context.Context, who auth.Actor, roomID string) (seat Seat, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		seat, err = s.seat(ctx, tx, who, roomID)
		return err
	})
	if err != nil {
		return Seat{}, fmt.Errorf("enter room %s: %w", roomID, err)
	}
	return seat, nil
}

// Again decides anew about a seat that was found a moment ago; false when it is
// nobody's any more.
func (s *Service) Again(ctx context.Context, was Seat) (seat Seat, ok bool, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		who := auth.Actor{Kind: auth.Guest, ID: was.Person.ID, Name: was.Person.Name, Room: was.Room, GuestEpoch: was.GuestEpoch}
		if !auth.IsGuestID(was.Person.ID) {
			u, err := tx.User(ctx, was.Person.ID)
			if err != nil {
				return err
			}
			who = auth.Actor{Kind: auth.User, ID: u.ID, Name: was.Person.Name, Session: was.Session, SiteRole: u.Role, Status: u.Status}
			if u.DeletedAt != nil {
				return store.ErrNotFound
			}
		}
		seat, err = s.seat(ctx, tx, who, was.Room)
		return err
	})
	switch {
	case err == nil:
		return seat, true, nil
	case refusal(err) || errors.Is(err, ErrRoomPending) || errors.Is(err, ErrRoomClosed):
		return Seat{}, false, nil
	}
	return Seat{}, false, fmt.Errorf("judge a seat in room %s again: %w", was.Room, err)
}

func (s *Service) seat(ctx context.Context, tx *store.Tx, who auth.Actor, roomID string) (Seat, error) {
	c, err := s.Require(ctx, tx, who, roomID, 0)
	if err != nil {
		return Seat{}, err
	}
	switch {
	case c.ActsAs != "":
	case c.Room.Status == "pending":
		return Seat{}, ErrRoomPending
	case c.frozen():
		return Seat{}, ErrRoomClosed
	}
	seat := c.seat()
	seat.Person.AvatarURL, err = s.face(ctx, tx, who)
	return seat, err
}

// face is the address of an actor's picture, "" without one.
func (s *Service) face(ctx context.Context, tx *store.Tx, who auth.Actor) (string, error) {
	if !who.IsUser() || s.avatar == nil {
		return "", nil
	}
	u, err := tx.User(ctx, who.ID)
	if err != nil || u.AvatarFileID == nil {
		return "", err
	}
	return s.avatar(*u.AvatarFileID), nil
}

func (c *Caller) seat() Seat {
	p := protocol.Person{ID: c.Actor.ID, Kind: string(c.Actor.Kind), Name: c.Actor.Name}
	if c.Member != nil && c.Member.Nickname != "" {
		p.Name = c.Member.Nickname
	}
	role := string(c.Role)
	if role == "" {
		role = c.ActsAs
	}
	return Seat{
		Person: p, Room: c.Room.ID, RoomName: c.Room.Name, Role: role, Rank: c.Rank, Mask: c.Mask,
		Session: c.Actor.Session, GuestEpoch: c.Actor.GuestEpoch,
	}
}
