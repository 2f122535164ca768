package room

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"time"

	"synctv/app/auth"
	"synctv/app/settings"
	"synctv/app/text"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
)

// GuestToken is the seat of a visitor without an account.
type GuestToken struct {
	Token   string
	Expires time.Time
	ID      string
	Name    string
}

var guestNameRule = text.Rule{Max: 32, Collapse: true}

// namelessGuest is who gave no name; a number always follows.
const namelessGuest = "Guest"

// Guest admits a visitor without an account. who is nobody, or a user who
// prefers to come as a guest.
func (s *Service) Guest(ctx context.Context, who auth.Actor, roomID, name, password string) (GuestToken, error) {
	name, err := guestNameRule.Clean(name)
	if err != nil {
		return GuestToken{}, invalid("body.name", err.Error())
	}
	if _, err := s.unlock(ctx, who, who.IP, roomID, password, s.mayVisit); err != nil {
		return GuestToken{}, fmt.Errorf("guest of room %s: %w", roomID, err)
	}
	g := GuestToken{ID: auth.GuestPrefix + store.NewID(), Name: name}
	var epoch int64
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		// Once more: the password took its time. The token is bound to the
		// epoch of this very reading, which every change of the door raises.
		d, err := s.mayVisit(ctx, tx, who, roomID)
		if err != nil {
			return err
		}
		if d.password && password == "" {
			return ErrPasswordRequired
		}
		if epoch, err = tx.GuestEpoch(ctx, roomID); err != nil {
			return err
		}
		g.Name, err = s.distinct(ctx, tx, roomID, name)
		return err
	})
	if err != nil {
		return GuestToken{}, fmt.Errorf("guest of room %s: %w", roomID, err)
	}
	return g, s.sign(&g, roomID, epoch, time.Now())
}

func (s *Service) sign(g *GuestToken, roomID string, epoch int64, since time.Time) (err error) {
	left := time.Until(since.Add(auth.GuestLongest))
	if left < time.Second {
		return ErrGuestRevoked
	}
	c := auth.Claims{Room: roomID, Name: g.Name, Epoch: epoch, Since: since.Unix()}
	c.Subject = g.ID
	g.Token, g.Expires, err = s.tokens.Sign("guest", min(s.site().GuestTTL, left), c)
	return err
}

// mayVisit holds the checks of a guest's admission up to the password.
func (s *Service) mayVisit(ctx context.Context, tx *store.Tx, who auth.Actor, roomID string) (door, error) {
	if who.IsGuest() {
		who = auth.Actor{IP: who.IP} // a new visit owes nothing to an old one
	}
	c, err := s.caller(ctx, tx, who, roomID)
	if err != nil {
		return door{}, err
	}
	d := door{caller: c, password: c.Room.PasswordHash != nil}
	switch {
	case c.Room.Visibility == "private", c.Room.Status == "pending":
		return d, store.ErrNotFound
	case c.Room.Status == "banned":
		return d, ErrRoomBanned
	case c.frozen():
		return d, ErrRoomClosed
	case c.Member != nil && c.Member.Status == "banned":
		return d, ErrMemberBanned
	case !s.site().GuestsEnabled || !c.Settings.AllowGuests:
		return d, ErrGuests
	}
	limit := viewerLimit(c.Settings, s.site())
	if have := s.live.Viewers(roomID)[roomID]; have >= limit {
		return d, &QuotaError{What: "viewers", Limit: limit, Current: have}
	}
	return d, nil
}

func viewerLimit(set Settings, site *settings.Site) int {
	if set.MaxViewers == 0 {
		return site.MaxViewersCap
	}
	return min(set.MaxViewers, site.MaxViewersCap)
}

// distinct makes a guest's name one that no member of the room has.
func (s *Service) distinct(ctx context.Context, tx *store.Tx, roomID, name string) (string, error) {
	if name == "" {
		return numbered(namelessGuest)
	}
	taken, err := memberNames(ctx, tx, roomID)
	if err != nil {
		return "", err
	}
	base := []rune(name)
	base = base[:min(len(base), 32-len("#1234"))]
	for range 20 { // a member may be called "Ann#1234"
		if !taken[store.Fold(name)] {
			return name, nil
		}
		if name, err = numbered(string(base)); err != nil {
			return "", err
		}
	}
	return name, nil
}

func numbered(name string) (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(9000))
	if err != nil {
		return "", fmt.Errorf("draw a number: %w", err)
	}
	return fmt.Sprintf("%s#%d", name, 1000+n.Int64()), nil
}

// memberNames are all names that members of the room appear under, folded.
func memberNames(ctx context.Context, tx *store.Tx, roomID string) (map[string]bool, error) {
	names := map[string]bool{}
	for cursor := ""; ; {
		page, next, err := tx.Members(ctx, roomID, store.MemberFilter{Cursor: cursor, Limit: 1000})
		if err != nil {
			return nil, err
		}
		ids := make([]string, len(page))
		for i, m := range page {
			ids[i] = m.UserID
			names[store.Fold(m.Nickname)] = true
		}
		users, err := tx.Users(ctx, ids...)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			names[store.Fold(u.Username)], names[store.Fold(u.DisplayName)] = true, true
		}
		if next == "" {
			delete(names, "")
			return names, nil
		}
		cursor = next
	}
}

// RefreshGuest renews a guest's token while it is valid, up to a day in all.
func (s *Service) RefreshGuest(ctx context.Context, who auth.Actor, roomID, token string) (GuestToken, error) {
	err := s.db.Read(ctx, func(tx *store.Tx) error {
		_, err := s.Require(ctx, tx, who, roomID, 0)
		return err
	})
	if err != nil {
		return GuestToken{}, fmt.Errorf("refresh guest of room %s: %w", roomID, err)
	}
	claims, err := s.tokens.Verify("guest", token)
	if err != nil {
		return GuestToken{}, err
	}
	if !who.IsGuest() || who.ID != claims.Subject {
		return GuestToken{}, auth.ErrToken
	}
	g := GuestToken{ID: claims.Subject, Name: claims.Name}
	return g, s.sign(&g, roomID, claims.Epoch, time.Unix(claims.Since, 0))
}

// RevokeGuests makes every guest token of a room worthless and ends their seats.
func (s *Service) RevokeGuests(ctx context.Context, who auth.Actor, roomID string) error {
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		c, err := s.Require(ctx, tx, who, roomID, perm.KickMember|perm.SetRoomSettings)
		if err != nil {
			return err
		}
		if err := s.expelGuests(ctx, tx, roomID, "the room has asked its guests to leave"); err != nil {
			return err
		}
		return Audit(ctx, tx, c, "guest.revoked", "room", roomID, nil)
	})
	if err != nil {
		return fmt.Errorf("revoke guests of room %s: %w", roomID, err)
	}
	return nil
}

// expelGuests raises the guest epoch and, after the commit, ends the guests' seats.
func (s *Service) expelGuests(ctx context.Context, tx *store.Tx, roomID, why string) error {
	if _, err := tx.BumpGuestEpoch(ctx, roomID); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		ctx := context.WithoutCancel(ctx)
		for _, p := range s.live.Presence(ctx, roomID) {
			if p.Kind == string(auth.Guest) {
				s.live.Cut(ctx, roomID, p.ID, protocol.CloseGuestRevoked, why)
			}
		}
	})
	return nil
}
