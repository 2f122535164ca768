package room

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"synctv/app/auth"
	"synctv/app/text"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
)

// MemberView is a member with what they may do and whether they are here.
type MemberView struct {
	Member store.Member
	User   store.User
	Mask   perm.Mask
	Rank   int
	Online bool
}

// MemberFilter narrows a list of members.
type MemberFilter struct {
	Role, Status, Query, Cursor string
	Online                      *bool
	Limit                       int
}

// Members lists the members of a room. Others than active ones are shown to
// those who decide about them.
func (s *Service) Members(ctx context.Context, who auth.Actor, roomID string, f MemberFilter) (out []MemberView, next string, err error) {
	if f.Status == "" {
		f.Status = "active"
	}
	online := s.online(ctx, roomID)
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		c, err := s.Require(ctx, tx, who, roomID, perm.ViewMemberList)
		if err != nil {
			return err
		}
		if f.Status == "pending" && !c.Has(perm.ApproveMember) || f.Status == "banned" && !c.Has(perm.BanMember) {
			return Denied(map[string]perm.Mask{"pending": perm.ApproveMember, "banned": perm.BanMember}[f.Status], c.Mask)
		}
		members, cursor, err := tx.Members(ctx, roomID, store.MemberFilter{Role: f.Role, Status: f.Status, Query: f.Query, Cursor: f.Cursor, Limit: f.Limit})
		if err != nil {
			return err
		}
		next = cursor
		out, err = s.views(ctx, tx, c, members, online)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("members of room %s: %w", roomID, err)
	}
	if f.Online != nil {
		out = slices.DeleteFunc(out, func(m MemberView) bool { return m.Online != *f.Online })
	}
	return out, next, nil
}

func (s *Service) online(ctx context.Context, roomID string) map[string]bool {
	here := map[string]bool{}
	for _, p := range s.live.Presence(ctx, roomID) {
		here[p.ID] = true
	}
	return here
}

func (s *Service) views(ctx context.Context, tx *store.Tx, c Caller, members []store.Member, online map[string]bool) ([]MemberView, error) {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.UserID
	}
	users, err := tx.Users(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]MemberView, len(members))
	for i, m := range members {
		as := c.as(s, users[m.UserID], &m)
		out[i] = MemberView{Member: m, User: users[m.UserID], Mask: as.Mask, Rank: as.Rank, Online: online[m.UserID]}
	}
	return out, nil
}

// as is the room seen by another account.
func (c Caller) as(s *Service, u store.User, m *store.Member) Caller {
	name := u.DisplayName
	if name == "" {
		name = u.Username
	}
	other := Caller{
		Actor: auth.Actor{Kind: auth.User, ID: u.ID, Name: name, SiteRole: u.Role, Status: u.Status},
		Room:  c.Room, Creator: c.Creator, Settings: c.Settings, Member: m,
	}
	if u.DeletedAt != nil {
		other.Actor.Status = "deleted"
	}
	other.judge(s.site(), false)
	return other
}

// Me is the caller's own place in a room.
func (s *Service) Me(ctx context.Context, who auth.Actor, roomID string) (c Caller, err error) {
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		c, err = s.Require(ctx, tx, who, roomID, 0)
		return err
	})
	if err != nil {
		return Caller{}, fmt.Errorf("own place in room %s: %w", roomID, err)
	}
	return c, nil
}

// Presence lists who is connected; the count is known to everybody inside, the
// names to those who may see the list.
func (s *Service) Presence(ctx context.Context, who auth.Actor, roomID string) (count int, list []protocol.PresenceMember, err error) {
	c, err := s.Me(ctx, who, roomID)
	if err != nil {
		return 0, nil, err
	}
	list = s.live.Presence(ctx, roomID)
	count = len(list)
	if !c.Has(perm.ViewMemberList) {
		list = nil
	}
	return count, list, nil
}

// Kick sends a member or a guest out. They may come back after the cooldown.
func (s *Service) Kick(ctx context.Context, who auth.Actor, roomID, personID, reason string, cooldownFor time.Duration) error {
	reason, err := (text.Rule{Max: 500, Lines: 20}).Clean(reason)
	if err != nil {
		return invalid("query.reason", err.Error())
	}
	if personID == who.ID {
		return invalid("path.user_id", "use leave to go yourself")
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.Require(ctx, tx, who, roomID, perm.KickMember)
		if err != nil {
			return err
		}
		if err := s.removePerson(ctx, tx, c, personID); err != nil {
			return err
		}
		pause := cooldownFor
		if pause <= 0 {
			pause = time.Duration(c.Settings.KickCooldownSeconds) * time.Second
		}
		until := store.MillisOf(tx.Now().Time().Add(pause))
		if err := tx.PutKickCooldown(ctx, roomID, personID, who.ID, until); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			ctx := context.WithoutCancel(ctx)
			s.live.Cut(ctx, roomID, personID, protocol.CloseKicked, reason)
			s.announce(ctx, roomID, protocol.Event{Type: protocol.TypeMemberKicked, Data: protocol.MemberLeft{ID: personID, By: who.ID}, Need: perm.ViewMemberList})
		})
		return Audit(ctx, tx, c, "member.kicked", "user", personID, map[string]any{"reason": reason, "until": until})
	})
	if err != nil {
		return fmt.Errorf("kick %s from room %s: %w", personID, roomID, err)
	}
	return nil
}

// removePerson checks rank and takes the member row away; a guest has none.
func (s *Service) removePerson(ctx context.Context, tx *store.Tx, c Caller, personID string) error {
	if auth.IsGuestID(personID) {
		if !store.ValidID(personID[len(auth.GuestPrefix):]) {
			return store.ErrNotFound
		}
		return nil // every holder of the permission outranks a guest
	}
	if !store.ValidID(personID) {
		return store.ErrNotFound
	}
	m, err := tx.Member(ctx, c.Room.ID, personID)
	if err != nil {
		return err
	}
	u, err := tx.User(ctx, personID)
	if err != nil {
		return err
	}
	target := c.as(s, u, &m)
	if rank := max(target.Rank, perm.Role(m.Role).Rank()); rank >= c.Rank {
		return ErrRank
	}
	if m.Status == "banned" {
		return store.ErrNotFound // out already; lifting a ban is another matter
	}
	return tx.DeleteMember(ctx, c.Room.ID, personID)
}

// expelMembers takes the rows of all ordinary members away.
func (s *Service) expelMembers(ctx context.Context, tx *store.Tx, c Caller) error {
	var gone []string
	for cursor := ""; ; {
		page, next, err := tx.Members(ctx, c.Room.ID, store.MemberFilter{Role: "member", Status: "active", Cursor: cursor, Limit: 1000})
		if err != nil {
			return err
		}
		for _, m := range page {
			if m.UserID != c.Actor.ID {
				gone = append(gone, m.UserID)
			}
		}
		if cursor = next; next == "" {
			break
		}
	}
	for _, id := range gone {
		if err := tx.DeleteMember(ctx, c.Room.ID, id); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	tx.AfterCommit(func() {
		ctx := context.WithoutCancel(ctx)
		for _, id := range gone {
			s.live.Cut(ctx, c.Room.ID, id, protocol.CloseRoomRevoked, "the password has changed")
			s.announce(ctx, c.Room.ID, protocol.Event{Type: protocol.TypeMemberLeft, Data: protocol.MemberLeft{ID: id, By: c.Actor.ID}, Need: perm.ViewMemberList})
		}
	})
	return nil
}
