package room

import (
	"context"
	"errors"
	"fmt"

	"synctv/app/auth"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
)

// Application is a wish to become a member.
type Application struct {
	Password string
	Nickname string
}

// door is what the checks of an admission have read.
type door struct {
	caller   Caller
	already  bool // a member row says so
	password bool // the room wants its password first
}

// Join makes who a member, or an applicant when the room reviews. Joining again
// changes nothing and is no error.
func (s *Service) Join(ctx context.Context, who auth.Actor, roomID string, a Application) (MemberView, error) {
	if err := RequireUser(who); err != nil {
		return MemberView{}, err
	}
	nickname, err := nicknameRule.Clean(a.Nickname)
	if err != nil {
		return MemberView{}, invalid("body.nickname", err.Error())
	}
	v, err := s.join(ctx, who, roomID, a.Password, nickname)
	if err != nil {
		return MemberView{}, fmt.Errorf("join room %s: %w", roomID, err)
	}
	return v, nil
}

func (s *Service) join(ctx context.Context, who auth.Actor, roomID, password, nickname string) (MemberView, error) {
	var view MemberView
	// The password is checked outside the transaction, because it is slow on
	// purpose. When it changes in between, the new one must be presented.
	epoch, err := s.unlock(ctx, who, who.ID, roomID, password, s.mayJoin)
	if err != nil {
		return view, err
	}
	online := s.online(ctx, roomID)
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		d, err := s.mayJoin(ctx, tx, who, roomID)
		if err != nil {
			return err
		}
		var m store.Member
		switch {
		case d.already:
			m = *d.caller.Member
		case d.password && d.caller.Room.PasswordEpoch != epoch:
			return ErrPasswordWrong
		default:
			if m, err = s.admit(ctx, tx, d.caller, nickname); err != nil {
				return err
			}
		}
		list, err := s.views(ctx, tx, d.caller, []store.Member{m}, online)
		if err == nil {
			view = list[0]
		}
		return err
	})
	return view, err
}

// unlock runs the checks of an admission and then the password, in the order
// of the domain chapter. It returns the epoch of the password that was right.
func (s *Service) unlock(ctx context.Context, who auth.Actor, guesser, roomID, password string,
	may func(context.Context, *store.Tx, auth.Actor, string) (door, error),
) (epoch int64, err error) {
	var d door
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		d, err = may(ctx, tx, who, roomID)
		return err
	})
	if err != nil {
		return 0, err
	}
	r := d.caller.Room
	switch {
	case d.already || !d.password:
		return r.PasswordEpoch, nil
	case password == "":
		return 0, ErrPasswordRequired
	}
	if err := s.tries.take(roomID, guesser); err != nil {
		return 0, err
	}
	ok, _, err := s.passwords.Verify(ctx, *r.PasswordHash, password)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, ErrPasswordWrong
	}
	s.tries.right(roomID, guesser)
	return r.PasswordEpoch, nil
}

// mayJoin holds the checks of a join up to the password.
func (s *Service) mayJoin(ctx context.Context, tx *store.Tx, who auth.Actor, roomID string) (door, error) {
	c, err := s.caller(ctx, tx, who, roomID)
	if err != nil {
		return door{}, err
	}
	d := door{caller: c, password: c.Room.PasswordHash != nil && c.ActsAs == ""}
	if c.Member == nil && c.ActsAs == "" {
		if c.Room.Visibility == "private" || c.Room.Status == "pending" {
			return d, store.ErrNotFound
		}
	}
	switch {
	case c.Room.Status == "banned":
		return d, ErrRoomBanned
	case c.Room.Status == "pending":
		return d, ErrRoomPending
	case c.frozen():
		return d, ErrRoomClosed
	case c.Member != nil && c.Member.Status == "banned":
		return d, ErrMemberBanned
	}
	if err := cooldown(ctx, tx, roomID, who.ID); err != nil {
		return d, err
	}
	if c.Member != nil {
		d.already = true
		return d, nil
	}
	if !c.Settings.AllowJoin {
		return d, ErrJoinOff
	}
	return d, nil
}

// cooldown refuses who was kicked a moment ago.
func cooldown(ctx context.Context, tx *store.Tx, roomID, personID string) error {
	until, err := tx.KickCooldown(ctx, roomID, personID)
	if err != nil {
		return ignoreMissing(err)
	}
	if until > tx.Now() {
		return &CooldownError{RetryAt: until.Time()}
	}
	return nil
}

// admit inserts the member row; counting happens in the same transaction.
func (s *Service) admit(ctx context.Context, tx *store.Tx, c Caller, nickname string) (store.Member, error) {
	limit := min(c.Settings.MaxMembers, s.site().MaxMembersCap)
	have, err := tx.CountMembers(ctx, c.Room.ID, "active")
	if err != nil {
		return store.Member{}, err
	}
	if have >= limit {
		return store.Member{}, &QuotaError{What: "members", Limit: limit, Current: have}
	}
	now := tx.Now()
	m := store.Member{RoomID: c.Room.ID, UserID: c.Actor.ID, Role: "member", Status: "active", Nickname: nickname, JoinedAt: &now}
	if c.Settings.RequireApproval && c.ActsAs == "" {
		m.Status, m.JoinedAt = "pending", nil
	}
	if err := tx.DeleteMember(ctx, m.RoomID, m.UserID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return m, err // a ban that has ended leaves its row
	}
	if err := tx.AddMember(ctx, &m); err != nil {
		return m, err
	}
	if err := tx.TouchRoom(ctx, m.RoomID, now); err != nil {
		return m, err
	}
	if err := Audit(ctx, tx, c, "member.joined", "user", m.UserID, map[string]any{"status": m.Status}); err != nil {
		return m, err
	}
	if m.Status == "active" {
		c.Member = &m
		c.Role = perm.Member
		news := protocol.MemberJoined{Member: protocol.Member{
			Person: c.seat().Person, Role: m.Role, Status: m.Status, Nickname: m.Nickname, Version: m.Version,
		}}
		tx.AfterCommit(func() {
			s.announce(ctx, m.RoomID, protocol.Event{Type: protocol.TypeMemberJoined, Data: news, Need: perm.ViewMemberList})
		})
	}
	return m, nil
}

// Leave ends a membership, or withdraws an application.
func (s *Service) Leave(ctx context.Context, who auth.Actor, roomID string) error {
	if who.IsGuest() {
		return ErrGuests
	}
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.caller(ctx, tx, who, roomID)
		if err != nil {
			return err
		}
		switch {
		case c.Member == nil && c.Room.Visibility == "private" && c.ActsAs == "":
			return store.ErrNotFound
		case c.Member == nil:
			return ErrNotMember
		case c.Member.Status == "banned":
			return ErrMemberBanned
		case c.Member.Role == "creator":
			return ErrCreatorLeaves
		}
		if err := tx.DeleteMember(ctx, roomID, who.ID); err != nil {
			return err
		}
		if err := Audit(ctx, tx, c, "member.left", "user", who.ID, nil); err != nil {
			return err
		}
		if c.Member.Status != "active" {
			return nil
		}
		tx.AfterCommit(func() {
			s.live.Cut(context.WithoutCancel(ctx), roomID, who.ID, protocol.CloseRoomRevoked, "you left the room")
			s.announce(ctx, roomID, protocol.Event{Type: protocol.TypeMemberLeft, Data: protocol.MemberLeft{ID: who.ID}, Need: perm.ViewMemberList})
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("leave room %s: %w", roomID, err)
	}
	return nil
}
