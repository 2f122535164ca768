package room_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
)

func TestCreateMakesARoomThatWorks(t *testing.T) {
	w := newWorld(t, nil)
	ann := w.user("ann", "user")
	v := w.create(ann, room.Draft{Name: "  Film\u202e  night ", Description: "a\r\nb", Slug: "film-night", Template: "theater", Settings: json.RawMessage(openDoor)})
	if v.Room.Name != "Film night" || v.Room.Description != "a\nb" || *v.Room.Slug != "film-night" {
		t.Errorf("room = %q %q %q", v.Room.Name, v.Room.Description, *v.Room.Slug)
	}
	if v.Caller.Role != perm.Creator || v.Caller.Mask&^v.Caller.Held != 0 || !v.Caller.Has(perm.DeleteRoom|perm.SendChat) {
		t.Errorf("creator holds %v", perm.Names(v.Caller.Mask))
	}
	if v.RootPlaylist == "" || v.SettingsVersion != 1 || v.Members != 1 || !v.Guests {
		t.Errorf("view = %+v", v)
	}
	if got := v.Caller.Settings.MemberRemoved; !slices.Contains(got, "view_member_list") {
		t.Errorf("template left member_removed = %v", got)
	}
	bySlug, err := w.rooms.Door(t.Context(), auth.Actor{}, "film-night")
	if err != nil || bySlug.Room.ID != v.Room.ID {
		t.Errorf("door by slug = %v, %v", bySlug.Room.ID, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	w := newWorld(t, map[string]string{"user.max_rooms": "2"})
	ann := w.user("ann", "user")
	w.create(ann, room.Draft{Name: "One", Slug: "one-one"})
	pending := ann
	pending.Status = "pending"
	tests := []struct {
		name string
		who  auth.Actor
		d    room.Draft
		err  error
	}{
		{"same name, other case", ann, room.Draft{Name: "ONE"}, room.ErrNameTaken},
		{"taken slug", ann, room.Draft{Name: "Two", Slug: "one-one"}, room.ErrNameTaken},
		{"slug like an id", ann, room.Draft{Name: "Two", Slug: store.NewID()}, room.ErrInvalid},
		{"empty name", ann, room.Draft{Name: " \u200b "}, room.ErrInvalid},
		{"long name", ann, room.Draft{Name: strings.Repeat("x", 101)}, room.ErrInvalid},
		{"short password", ann, room.Draft{Name: "Two", Password: "abc"}, room.ErrInvalid},
		{"bad visibility", ann, room.Draft{Name: "Two", Visibility: "secret"}, room.ErrInvalid},
		{"bad settings", ann, room.Draft{Name: "Two", Settings: json.RawMessage(`{"max_members":0}`)}, room.ErrInvalid},
		{"bad template", ann, room.Draft{Name: "Two", Template: "x"}, room.ErrInvalid},
		{"nobody", auth.Actor{}, room.Draft{Name: "Two"}, room.ErrSignIn},
		{"guest", auth.Actor{Kind: auth.Guest}, room.Draft{Name: "Two"}, room.ErrGuests},
		{"pending account", pending, room.Draft{Name: "Two"}, room.ErrAccountPending},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.rooms.Create(t.Context(), tt.who, tt.d)
			want(t, "Create", err, tt.err)
		})
	}
	w.create(ann, room.Draft{Name: "Two"})
	_, err := w.rooms.Create(t.Context(), ann, room.Draft{Name: "Three"})
	want(t, "third room", err, room.ErrQuota)

	closed := newWorld(t, map[string]string{"room.creation": "admins", "room.password_policy": "required"})
	_, err = closed.rooms.Create(t.Context(), closed.user("bob", "user"), room.Draft{Name: "x"})
	want(t, "creation by a user", err, room.ErrCreationOff)
	_, err = closed.rooms.Create(t.Context(), closed.root, room.Draft{Name: "x"})
	want(t, "creation without the required password", err, room.ErrPasswordPolicy)
}

func TestA19PrivateRoomsAreNotThereForOutsiders(t *testing.T) {
	w := newWorld(t, nil)
	ann, eve := w.user("ann", "user"), w.user("eve", "user")
	id := w.create(ann, room.Draft{Visibility: "private", Settings: json.RawMessage(openDoor)}).Room.ID
	other := w.create(eve, room.Draft{Name: "Eve's", Settings: json.RawMessage(openDoor)}).Room.ID
	guest := w.guest(other, "gus", "")
	ctx := t.Context()
	for name, who := range map[string]auth.Actor{"user": eve, "guest of another room": guest} {
		calls := map[string]func() error{
			"door":     func() error { _, err := w.rooms.Door(ctx, who, id); return err },
			"view":     func() error { _, err := w.rooms.View(ctx, who, id); return err },
			"enter":    func() error { _, err := w.rooms.Enter(ctx, who, id); return err },
			"me":       func() error { _, err := w.rooms.Me(ctx, who, id); return err },
			"members":  func() error { _, _, err := w.rooms.Members(ctx, who, id, room.MemberFilter{}); return err },
			"presence": func() error { _, _, err := w.rooms.Presence(ctx, who, id); return err },
			"update":   func() error { _, err := w.rooms.Update(ctx, who, id, room.Patch{}); return err },
			"settings": func() error { _, _, err := w.rooms.SettingsOf(ctx, who, id); return err },
			"patch":    func() error { _, _, err := w.rooms.UpdateSettings(ctx, who, id, 1, nil); return err },
			"password": func() error { return w.rooms.SetPassword(ctx, who, id, "sesame", false) },
			"delete":   func() error { return w.rooms.Delete(ctx, who, id, "Film night") },
			"kick":     func() error { return w.rooms.Kick(ctx, who, id, ann.ID, "", 0) },
			"visit":    func() error { _, err := w.rooms.Guest(ctx, auth.Actor{}, id, "x", ""); return err },
		}
		if who.IsUser() {
			calls["join"] = func() error { _, err := w.rooms.Join(ctx, who, id, room.Application{}); return err }
			calls["leave"] = func() error { return w.rooms.Leave(ctx, who, id) }
		}
		for call, f := range calls {
			if err := f(); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s by a %s = %v, want not found", call, name, err)
			}
		}
	}
	for _, bad := range []string{"", "x", strings.Repeat("z", 20), "../../etc", strings.ToUpper(id)} {
		if _, err := w.rooms.View(ctx, ann, bad); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("view of %q = %v, want not found", bad, err)
		}
	}
}

func TestSiteAdminsEnterButNotTheRoomsOfARoot(t *testing.T) {
	w := newWorld(t, nil)
	ann, admin := w.user("ann", "user"), w.user("adm", "admin")
	of := w.create(ann, room.Draft{Visibility: "private"}).Room.ID
	c, err := w.rooms.Me(t.Context(), admin, of)
	if err != nil || c.ActsAs != room.ActsAsSiteAdmin || c.Rank != 90 || !c.Has(perm.DeleteRoom) {
		t.Errorf("site admin in a user's room = %+v, %v", c.Rank, err)
	}
	roots := w.create(w.root, room.Draft{Visibility: "private"}).Room.ID
	_, err = w.rooms.Me(t.Context(), admin, roots)
	want(t, "site admin in a root's private room", err, store.ErrNotFound)
	c, err = w.rooms.Me(t.Context(), w.root, of)
	if err != nil || c.Rank != 100 {
		t.Errorf("root in a user's room = %d, %v", c.Rank, err)
	}
}

func TestJoinRules(t *testing.T) {
	w := newWorld(t, nil)
	ann, bob := w.user("ann", "user"), w.user("bob", "user")
	ctx := t.Context()
	id := w.create(ann, room.Draft{Password: "sesame", Settings: json.RawMessage(`{"max_members":2}`)}).Room.ID
	_, err := w.rooms.Join(ctx, bob, id, room.Application{})
	want(t, "join without the password", err, room.ErrPasswordRequired)
	_, err = w.rooms.Join(ctx, bob, id, room.Application{Password: "sesam"})
	want(t, "join with a wrong password", err, room.ErrPasswordWrong)
	m, err := w.rooms.Join(ctx, bob, id, room.Application{Password: "sesame", Nickname: " Bobby "})
	if err != nil || m.Member.Status != "active" || m.Member.Nickname != "Bobby" || m.User.ID != bob.ID || !m.Mask.Has(perm.SendChat) {
		t.Fatalf("join = %+v, %v", m, err)
	}
	if _, err := w.rooms.Join(ctx, bob, id, room.Application{}); err != nil {
		t.Errorf("joining again = %v, want no error", err)
	}
	_, err = w.rooms.Join(ctx, w.user("cid", "user"), id, room.Application{Password: "sesame"})
	want(t, "join of a full room", err, room.ErrQuota)
	want(t, "leave of the creator", w.rooms.Leave(ctx, ann, id), room.ErrCreatorLeaves)
	if err := w.rooms.Leave(ctx, bob, id); err != nil {
		t.Errorf("leave = %v", err)
	}
	_, err = w.rooms.View(ctx, bob, id)
	want(t, "view after leaving", err, room.ErrNotMember)
	if got := w.live.types(); !slices.Contains(got, protocol.TypeMemberJoined) || !slices.Contains(got, protocol.TypeMemberLeft) {
		t.Errorf("announced %v", got)
	}

	reviewed := w.create(ann, room.Draft{Name: "Reviewed", Settings: json.RawMessage(`{"require_approval":true}`)}).Room.ID
	m, err = w.rooms.Join(ctx, bob, reviewed, room.Application{})
	if err != nil || m.Member.Status != "pending" || m.Mask != 0 {
		t.Errorf("join of a reviewed room = %v, %v", m.Member.Status, err)
	}
	_, err = w.rooms.View(ctx, bob, reviewed)
	want(t, "view while pending", err, room.ErrMemberPending)
	off := w.create(ann, room.Draft{Name: "Off", Settings: json.RawMessage(`{"allow_join":false}`)}).Room.ID
	_, err = w.rooms.Join(ctx, bob, off, room.Application{})
	want(t, "join of a room that takes nobody", err, room.ErrJoinOff)
}

func TestTheLastSeatGoesToOne(t *testing.T) {
	w := newWorld(t, nil)
	id := w.create(w.user("ann", "user"), room.Draft{Settings: json.RawMessage(`{"max_members":2}`)}).Room.ID
	people := make([]auth.Actor, 20)
	for i := range people {
		people[i] = w.user("p"+string(rune('a'+i))+"x", "user")
	}
	var wg sync.WaitGroup
	errs := make([]error, len(people))
	for i, p := range people {
		wg.Go(func() { _, errs[i] = w.rooms.Join(t.Context(), p, id, room.Application{}) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			want(t, "a late join", err, room.ErrQuota)
		}
	}
	if won != 1 {
		t.Errorf("%d of 20 got the last seat, want 1", won)
	}
}

func TestA21NobodyRemovesTheirEqualsOrBetters(t *testing.T) {
	w := newWorld(t, nil)
	ann := w.user("ann", "user")
	admin, peer, member, eve := w.user("adam", "user"), w.user("peer", "user"), w.user("mem", "user"), w.user("eve", "user")
	id := w.create(ann, room.Draft{Settings: json.RawMessage(openDoor)}).Room.ID
	for _, p := range []auth.Actor{admin, peer, member, eve} {
		w.join(p, id)
	}
	w.promote(admin, id)
	w.promote(peer, id)
	guest := w.guest(id, "gus", "")
	ctx := t.Context()
	tests := []struct {
		name        string
		who, target auth.Actor
		err         error
	}{
		{"admin kicks the creator", admin, ann, room.ErrRank},
		{"admin kicks an admin", admin, peer, room.ErrRank},
		{"member kicks a member", member, eve, room.ErrDenied},
		{"guest kicks a member", guest, member, room.ErrDenied},
		{"admin kicks themself", admin, admin, room.ErrInvalid},
		{"admin kicks a stranger", admin, w.user("far", "user"), store.ErrNotFound},
		{"admin kicks a member", admin, eve, nil},
		{"creator kicks an admin", ann, peer, nil},
		{"admin kicks a guest", admin, guest, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want(t, "Kick", w.rooms.Kick(ctx, tt.who, id, tt.target.ID, "why", 0), tt.err)
		})
	}
	_, err := w.rooms.Join(ctx, eve, id, room.Application{})
	want(t, "coming back at once", err, room.ErrCooldown)
	_, err = w.rooms.Me(ctx, guest, id)
	want(t, "a kicked guest", err, room.ErrCooldown)
	if w.live.cuts[eve.ID] != protocol.CloseKicked || w.live.cuts[guest.ID] != protocol.CloseKicked {
		t.Errorf("cuts = %v", w.live.cuts)
	}
	if err := w.rooms.Kick(ctx, admin, id, member.ID, "", time.Millisecond); err != nil {
		t.Fatal(err)
	}
}

func TestA21NobodyGrantsWhatTheyLack(t *testing.T) {
	w := newWorld(t, nil)
	ann, admin := w.user("ann", "user"), w.user("adam", "user")
	id := w.create(ann, room.Draft{}).Room.ID
	w.join(admin, id)
	w.promote(admin, id)
	ctx := t.Context()
	for _, patch := range []string{
		`{"admin_added":["set_member_permissions"]}`, `{"admin_added":["export_data"]}`, `{"admin_added":["delete_room"]}`,
	} {
		_, _, err := w.rooms.UpdateSettings(ctx, admin, id, 1, json.RawMessage(patch))
		want(t, patch, err, room.ErrDenied)
	}
	_, _, err := w.rooms.UpdateSettings(ctx, admin, id, 1, json.RawMessage(`{"admin_added":["manage_admin"]}`))
	want(t, "beyond the cap", err, room.ErrInvalid)
	for _, patch := range []string{
		`{"member_added":["no_such"]}`, `{"member_added":["send_chat","send_chat"]}`, `{"member_added":["send_chat"],"member_removed":["send_chat"]}`,
	} {
		_, _, err := w.rooms.UpdateSettings(ctx, admin, id, 1, json.RawMessage(patch))
		want(t, patch, err, room.ErrInvalid)
	}
	if _, _, err := w.rooms.UpdateSettings(ctx, admin, id, 1, json.RawMessage(`{"member_added":["play_control"]}`)); err != nil {
		t.Errorf("granting what one holds = %v", err)
	}
}

func TestSettingsNeedTheirVersionAndReachTheRoom(t *testing.T) {
	w := newWorld(t, nil)
	ann, bob := w.user("ann", "user"), w.user("bob", "user")
	id := w.create(ann, room.Draft{}).Room.ID
	w.join(bob, id)
	seat := w.enter(bob, id)
	if !seat.Mask.Has(perm.SendChat) || seat.Mask.Has(perm.PlayControl) {
		t.Fatalf("member holds %v", perm.Names(seat.Mask))
	}
	ctx := t.Context()
	set, v, err := w.rooms.UpdateSettings(ctx, ann, id, 1, json.RawMessage(`{"chat_enabled":false,"member_added":["play_control"],"auto_play":{"mode":"shuffle"}}`))
	if err != nil || v != 2 || set.ChatEnabled || set.AutoPlay.Mode != "shuffle" || !set.AutoPlay.Enabled {
		t.Fatalf("settings = %+v, %d, %v", set, v, err)
	}
	if got := w.live.seats[0].Mask; got.Has(perm.SendChat) || !got.Has(perm.PlayControl) {
		t.Errorf("seat holds %v before the answer", perm.Names(got))
	}
	if len(w.live.config) != 1 || !slices.Contains(w.live.types(), protocol.TypeRoomSettings) {
		t.Errorf("told the room %v, configured %d times", w.live.types(), len(w.live.config))
	}
	_, _, err = w.rooms.UpdateSettings(ctx, ann, id, 1, json.RawMessage(`{"chat_enabled":true}`))
	var stale *room.VersionError
	if !errors.As(err, &stale) || stale.Current != 2 {
		t.Errorf("stale version = %v, want one that says 2", err)
	}
	_, _, err = w.rooms.UpdateSettings(ctx, bob, id, 2, json.RawMessage(`{"chat_enabled":true}`))
	want(t, "settings by a member", err, room.ErrDenied)
}

func TestPasswordChangeCanSendMembersOut(t *testing.T) {
	w := newWorld(t, nil)
	ann, bob := w.user("ann", "user"), w.user("bob", "user")
	id := w.create(ann, room.Draft{}).Room.ID
	w.join(bob, id)
	w.enter(bob, id)
	ctx := t.Context()
	if err := w.rooms.SetPassword(ctx, ann, id, "sesame", true); err != nil {
		t.Fatal(err)
	}
	_, err := w.rooms.Me(ctx, bob, id)
	want(t, "bob", err, room.ErrNotMember)
	if w.live.cuts[bob.ID] != protocol.CloseRoomRevoked {
		t.Errorf("cuts = %v", w.live.cuts)
	}
	want(t, "password by an outsider", w.rooms.SetPassword(ctx, bob, id, "", false), room.ErrNotMember)
}

func TestUpdateAndDelete(t *testing.T) {
	w := newWorld(t, nil)
	ann, bob := w.user("ann", "user"), w.user("bob", "user")
	id := w.create(ann, room.Draft{}).Room.ID
	w.join(bob, id)
	ctx := t.Context()
	name, private, empty := "New name", "private", ""
	v, err := w.rooms.Update(ctx, ann, id, room.Patch{Version: 1, Name: &name, Visibility: &private, Slug: &empty})
	if err != nil || v.Room.Name != name || v.Room.Version != 2 || v.Room.Slug != nil {
		t.Fatalf("update = %+v, %v", v.Room, err)
	}
	_, err = w.rooms.Update(ctx, ann, id, room.Patch{Version: 1, Name: &name})
	want(t, "stale", err, room.ErrVersion)
	_, err = w.rooms.Update(ctx, bob, id, room.Patch{Name: &name})
	want(t, "by a member", err, room.ErrDenied)
	want(t, "delete by a member", w.rooms.Delete(ctx, bob, id, name), room.ErrDenied)
	want(t, "delete without its name", w.rooms.Delete(ctx, ann, id, "x"), room.ErrConfirm)
	if err := w.rooms.Delete(ctx, ann, id, name); err != nil {
		t.Fatal(err)
	}
	if w.live.cuts[""] != protocol.CloseRoomDeleted {
		t.Errorf("cuts = %v", w.live.cuts)
	}
	_, err = w.rooms.View(ctx, ann, id)
	want(t, "view of a deleted room", err, store.ErrNotFound)
}

func TestListsShowWhatTheyMay(t *testing.T) {
	w := newWorld(t, nil)
	ann, bob := w.user("ann", "user"), w.user("bob", "user")
	open := w.create(ann, room.Draft{Name: "Open"}).Room.ID
	w.create(ann, room.Draft{Name: "Hidden", Visibility: "unlisted"})
	w.create(ann, room.Draft{Name: "Secret", Visibility: "private"})
	w.join(bob, open)
	ctx := t.Context()
	cards, _, err := w.rooms.Public(ctx, auth.Actor{}, room.Filter{})
	if err != nil || len(cards) != 1 || cards[0].Room.ID != open || cards[0].Members != 2 {
		t.Errorf("public rooms = %d, %v", len(cards), err)
	}
	mine, _, err := w.rooms.Mine(ctx, bob, room.Filter{})
	if err != nil || len(mine) != 1 || mine[0].MyRole != "member" || mine[0].MyStatus != "active" {
		t.Errorf("bob's rooms = %+v, %v", mine, err)
	}
	all, _, err := w.rooms.Mine(ctx, ann, room.Filter{Sort: "name"})
	if err != nil || len(all) != 3 || all[0].Room.Name != "Hidden" {
		t.Errorf("ann's rooms = %d, %v", len(all), err)
	}
	members, _, err := w.rooms.Members(ctx, bob, open, room.MemberFilter{})
	if err != nil || len(members) != 2 || members[0].Member.Role != "creator" || members[1].Mask != perm.DefaultMember&^perm.UseP2PMedia {
		t.Errorf("members = %+v, %v", members, err)
	}
	_, _, err = w.rooms.Members(ctx, bob, open, room.MemberFilter{Status: "banned"})
	want(t, "the ban list for a member", err, room.ErrDenied)
}

func TestClosedRoomsAndAbsentOwnersFreezeTheRoom(t *testing.T) {
	w := newWorld(t, nil)
	ann, bob := w.user("ann", "user"), w.user("bob", "user")
	id := w.create(ann, room.Draft{}).Room.ID
	w.join(bob, id)
	w.write(func(ctx context.Context, tx *store.Tx) error {
		u, err := tx.User(ctx, ann.ID)
		if err != nil {
			return err
		}
		u.Status = "banned"
		return tx.UpdateUser(ctx, &u)
	})
	ctx := t.Context()
	c, err := w.rooms.Me(ctx, bob, id)
	if err != nil || c.Mask != perm.DefaultMember&(perm.ViewPlaylist|perm.ViewMemberList|perm.ViewChatHistory|perm.ViewPlaybackHistory) {
		t.Errorf("member of a frozen room holds %v, %v", perm.Names(c.Mask), err)
	}
	_, err = w.rooms.Enter(ctx, bob, id)
	want(t, "enter", err, room.ErrRoomClosed)
	_, err = w.rooms.Join(ctx, w.user("cid", "user"), id, room.Application{})
	want(t, "join", err, room.ErrRoomClosed)
}
