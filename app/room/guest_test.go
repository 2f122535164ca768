package room_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/store/perm"
)

func TestA23GuestTokensOpenOneRoomOnly(t *testing.T) {
	w := newWorld(t, nil)
	ann := w.user("ann", "user")
	ctx := t.Context()
	id := w.create(ann, room.Draft{Settings: json.RawMessage(openDoor)}).Room.ID
	other := w.create(ann, room.Draft{Name: "Other", Settings: json.RawMessage(openDoor)}).Room.ID
	gus := w.guest(id, "gus", "")
	if c, err := w.rooms.Me(ctx, gus, id); err != nil || c.Role != perm.Guest || c.Mask != perm.DefaultGuest {
		t.Fatalf("guest = %v %v, %v", c.Role, c.Mask, err)
	}
	_, err := w.rooms.Me(ctx, gus, other)
	want(t, "another room", err, room.ErrGuests)
	want(t, "leave", w.rooms.Leave(ctx, gus, id), room.ErrGuests)
	_, err = w.rooms.Join(ctx, gus, id, room.Application{})
	want(t, "join", err, room.ErrGuests)
	_, _, err = w.rooms.SettingsOf(ctx, gus, id)
	want(t, "settings", err, room.ErrGuests)
	_, _, err = w.rooms.Mine(ctx, gus, room.Filter{})
	want(t, "own rooms", err, room.ErrGuests)

	w.enter(gus, id)
	if err := w.rooms.SetPassword(ctx, ann, id, "sesame", false); err != nil {
		t.Fatal(err)
	}
	_, err = w.rooms.Me(ctx, gus, id)
	want(t, "after the password changed", err, room.ErrGuestRevoked)
	if w.live.cuts[gus.ID] != protocol.CloseGuestRevoked {
		t.Errorf("cuts = %v", w.live.cuts)
	}
	_, err = w.rooms.Guest(ctx, auth.Actor{}, id, "gus", "")
	want(t, "no password", err, room.ErrPasswordRequired)
	gus = w.guest(id, "gus", "sesame")
	if _, _, err := w.rooms.UpdateSettings(ctx, ann, id, 1, json.RawMessage(`{"allow_guests":false}`)); err != nil {
		t.Fatal(err)
	}
	_, err = w.rooms.Me(ctx, gus, id)
	want(t, "after guests were switched off", err, room.ErrGuestRevoked)
	_, err = w.rooms.Guest(ctx, auth.Actor{}, id, "gus", "sesame")
	want(t, "guests are off", err, room.ErrGuests)

	forged := gus
	forged.GuestEpoch = 99
	_, err = w.rooms.Me(ctx, forged, other)
	want(t, "a forged epoch elsewhere", err, room.ErrGuests)
}

func TestGuestsRenewForADayAndGetNamesOfTheirOwn(t *testing.T) {
	w := newWorld(t, nil)
	ann := w.user("ann", "user")
	id := w.create(ann, room.Draft{Settings: json.RawMessage(openDoor)}).Room.ID
	ctx := t.Context()
	for name, ok := range map[string]func(string) bool{
		"Gus":       func(s string) bool { return s == "Gus" },
		"ＡＮＮ":       func(s string) bool { return strings.HasPrefix(s, "ＡＮＮ#") && len(s) == len("ＡＮＮ#1234") },
		"":          func(s string) bool { return strings.HasPrefix(s, "Guest#") },
		"a\u200bnn": func(s string) bool { return strings.HasPrefix(s, "ann#") },
	} {
		g, err := w.rooms.Guest(ctx, auth.Actor{}, id, name, "")
		if err != nil || !ok(g.Name) {
			t.Errorf("guest %q is called %q, %v", name, g.Name, err)
		}
	}
	_, err := w.rooms.Guest(ctx, auth.Actor{}, id, strings.Repeat("x", 33), "")
	want(t, "a long name", err, room.ErrInvalid)

	g, err := w.rooms.Guest(ctx, auth.Actor{}, id, "gus", "")
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.rooms.RefreshGuest(ctx, w.actor(g), id, g.Token)
	if err != nil || again.ID != g.ID || again.Name != g.Name {
		t.Errorf("renewed = %+v, %v", again, err)
	}
	_, err = w.rooms.RefreshGuest(ctx, ann, id, g.Token)
	want(t, "a member with a guest's token", err, auth.ErrToken)
	_, err = w.rooms.RefreshGuest(ctx, auth.Actor{Kind: auth.Guest, ID: "g:" + store.NewID(), Room: id}, id, g.Token)
	want(t, "renewing another guest's token", err, auth.ErrToken)
}

func TestA25PasswordsCannotBeGuessed(t *testing.T) {
	w := newWorld(t, nil)
	ann, eve := w.user("ann", "user"), w.user("eve", "user")
	id := w.create(ann, room.Draft{Password: "sesame", Settings: json.RawMessage(openDoor)}).Room.ID
	ctx := t.Context()
	for i := range 7 {
		_, err := w.rooms.Join(ctx, eve, id, room.Application{Password: "guess"})
		expect := room.ErrPasswordWrong
		if i >= 5 {
			expect = room.ErrTooMany
		}
		want(t, "guess", err, expect)
	}
	_, err := w.rooms.Join(ctx, eve, id, room.Application{Password: "sesame"})
	want(t, "the right one while locked out", err, room.ErrTooMany)
	wrong := 0
	for i := range 30 {
		_, err := w.rooms.Guest(ctx, auth.Actor{IP: "198.51.100." + string(rune('a'+i))}, id, "x", "guess")
		if errors.Is(err, room.ErrPasswordWrong) {
			wrong++
		}
	}
	if wrong != 15 {
		t.Errorf("%d guesses from other addresses got through, want 15 (20 per room)", wrong)
	}
}
