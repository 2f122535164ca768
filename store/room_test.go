package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"synctv/store"
	"synctv/store/perm"
)

func TestRooms(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		got, err := tx.Room(ctx, w.room.ID)
		same(t, "room", got, err, w.room)
		again := store.Room{ID: store.NewID(), Name: "FILM night", CreatorID: w.ann.ID, Visibility: "public", Status: "active"}
		taken(t, "same name", tx.AddRoom(ctx, &again), "rooms.creator_id,rooms.name_key")
		again.CreatorID, again.Slug = w.bob.ID, new("films")
		if err := tx.AddRoom(ctx, &again); err != nil {
			return err
		}
		third := store.Room{ID: store.NewID(), Name: "3", Slug: new("films"), CreatorID: w.bob.ID, Visibility: "public", Status: "active"}
		taken(t, "same slug", tx.AddRoom(ctx, &third), "rooms.slug")
		got, err = tx.RoomBySlug(ctx, "films")
		same(t, "room by slug", got, err, again)

		w.room.Name, w.room.PasswordHash = "Series", new("$argon2id$")
		if err := tx.UpdateRoom(ctx, &w.room); err != nil || w.room.Version != 2 || w.room.NameKey != "series" {
			t.Errorf("update: %v, %+v", err, w.room)
		}
		if err := errors.Join(tx.TouchRoom(ctx, w.room.ID, tx.Now()+50), tx.TouchRoom(ctx, w.room.ID, tx.Now())); err != nil {
			return err
		}
		w.room.LastActivityAt = tx.Now() + 50
		got, err = tx.Room(ctx, w.room.ID)
		same(t, "touched room", got, err, w.room)

		n, err := tx.CountRooms(ctx, w.ann.ID)
		same(t, "count", n, err, 1)
		if err := tx.DeleteRoom(ctx, w.room.ID, tx.Now()); err != nil {
			return err
		}
		fails(t, "second delete", tx.DeleteRoom(ctx, w.room.ID, tx.Now()), store.ErrNotFound)
		_, err = tx.Room(ctx, w.room.ID)
		fails(t, "deleted room", err, store.ErrNotFound)
		n, err = tx.CountRooms(ctx, w.ann.ID)
		same(t, "count after delete", n, err, 0)
		return nil
	})
}

func TestRoomSettingsAndGuestEpochs(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		_, _, err := tx.RoomSettings(ctx, w.room.ID)
		fails(t, "no settings", err, store.ErrNotFound)
		v, err := tx.PutRoomSettings(ctx, w.room.ID, json.RawMessage(`{"a":1}`), 0)
		same(t, "first version", v, err, int64(1))
		v, err = tx.PutRoomSettings(ctx, w.room.ID, json.RawMessage(`{"a":2}`), 1)
		same(t, "second version", v, err, int64(2))
		_, err = tx.PutRoomSettings(ctx, w.room.ID, json.RawMessage(`{"a":3}`), 1)
		fails(t, "stale version", err, store.ErrVersion)
		doc, v, err := tx.RoomSettings(ctx, w.room.ID)
		same(t, "settings", string(doc), err, `{"a":2}`)
		same(t, "their version", v, err, int64(2))

		for want := range int64(3) {
			epoch, err := tx.GuestEpoch(ctx, w.room.ID)
			same(t, "epoch", epoch, err, want)
			epoch, err = tx.BumpGuestEpoch(ctx, w.room.ID)
			same(t, "next epoch", epoch, err, want+1)
		}
		return nil
	})
}

// TestListsOfRooms walks every order in small pages: each room once, in order.
func TestListsOfRooms(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		for i := range 9 {
			r := store.Room{
				ID: store.NewID(), Name: fmt.Sprintf("%c %s 100%%", 'z'-i, strings.Repeat("<é>", 30)), CreatorID: w.bob.ID,
				Visibility: []string{"public", "unlisted", "private"}[i%3], Status: "active", LastActivityAt: store.Millis(1000 + i/2),
			}
			if err := tx.AddRoom(ctx, &r); err != nil {
				return err
			}
			if i < 2 {
				m := store.Member{RoomID: r.ID, UserID: w.ann.ID, Role: "member", Status: []string{"active", "pending"}[i]}
				if err := tx.AddMember(ctx, &m); err != nil {
					return err
				}
			}
		}
		less := map[string]func(a, b store.Room) int{
			"last_activity_at": func(a, b store.Room) int { return int(a.LastActivityAt - b.LastActivityAt) },
			"created_at":       func(a, b store.Room) int { return int(a.CreatedAt - b.CreatedAt) },
			"name":             func(a, b store.Room) int { return strings.Compare(a.NameKey, b.NameKey) },
		}
		for field, cmp := range less {
			for _, sign := range []string{"", "-"} {
				var all []store.Room
				f := store.RoomFilter{Sort: sign + field, Limit: 4}
				for {
					list, next, err := tx.Rooms(ctx, f)
					if err != nil {
						return err
					}
					all = append(all, list...)
					if f.Cursor = next; next == "" {
						break
					}
				}
				ordered := slices.IsSortedFunc(all, func(a, b store.Room) int {
					if sign == "-" {
						return cmp(b, a)
					}
					return cmp(a, b)
				})
				seen := map[string]bool{}
				for _, r := range all {
					seen[r.ID] = true
				}
				if len(all) != 10 || len(seen) != 10 || !ordered {
					t.Errorf("sort %s%s: %d rooms, %d different, in order: %v", sign, field, len(all), len(seen), ordered)
				}
			}
		}
		for name, c := range map[string]struct {
			f    store.RoomFilter
			want int
		}{
			"public":          {store.RoomFilter{Visibility: "public", Status: "active"}, 4},
			"closed":          {store.RoomFilter{Status: "closed"}, 0},
			"creator":         {store.RoomFilter{Creator: w.bob.ID}, 9},
			"member":          {store.RoomFilter{Member: w.ann.ID}, 1},
			"applicant":       {store.RoomFilter{Member: w.ann.ID, MemberStatus: "pending"}, 1},
			"query":           {store.RoomFilter{Query: "FILM"}, 1},
			"unicode query":   {store.RoomFilter{Query: "É"}, 9},
			"literal percent": {store.RoomFilter{Query: "0%"}, 9},
			"literal _":       {store.RoomFilter{Query: "_"}, 0},
		} {
			list, _, err := tx.Rooms(ctx, c.f)
			if err != nil || len(list) != c.want {
				t.Errorf("%s: %d rooms, %v, want %d", name, len(list), err, c.want)
			}
		}
		_, next, err := tx.Rooms(ctx, store.RoomFilter{Limit: 1})
		if err != nil || next == "" {
			t.Fatalf("first page: %q, %v", next, err)
		}
		_, _, err = tx.Rooms(ctx, store.RoomFilter{Limit: 1, Cursor: next, Query: "film"})
		fails(t, "cursor of another filter", err, store.ErrBadCursor)
		if _, _, err := tx.Rooms(ctx, store.RoomFilter{Sort: "password_hash"}); err == nil {
			t.Error("rooms are sorted by a secret")
		}
		return nil
	})
}

func TestMembers(t *testing.T) {
	story(t, func(ctx context.Context, t *testing.T, tx *store.Tx, w world) error {
		boss := store.Member{RoomID: w.room.ID, UserID: w.ann.ID, Role: "creator", Status: "active", JoinedAt: new(tx.Now())}
		bob := store.Member{RoomID: w.room.ID, UserID: w.bob.ID, Role: "member", Status: "active", Added: perm.PlayControl, Removed: perm.SendChat, Nickname: "Bobby"}
		if err := errors.Join(tx.AddMember(ctx, &bob), tx.AddMember(ctx, &boss)); err != nil {
			return err
		}
		twice := bob
		taken(t, "second row", tx.AddMember(ctx, &twice), "room_members.room_id,room_members.user_id")
		got, err := tx.Member(ctx, w.room.ID, w.bob.ID)
		same(t, "member", got, err, bob)
		list, next, err := tx.Members(ctx, w.room.ID, store.MemberFilter{Limit: 1})
		same(t, "first page", list, err, []store.Member{boss})
		list, next, err = tx.Members(ctx, w.room.ID, store.MemberFilter{Limit: 1, Cursor: next})
		same(t, "second page", list, err, []store.Member{bob})
		same(t, "end", next, nil, "")
		for query, want := range map[string]int{"BOBB": 1, "nn": 1, "nobody": 0, "": 2} {
			list, _, err := tx.Members(ctx, w.room.ID, store.MemberFilter{Query: query, Status: "active"})
			same(t, "members like "+query, len(list), err, want)
		}
		bob.Status, bob.BanReason = "banned", "spam"
		if err := tx.UpdateMember(ctx, &bob); err != nil {
			return err
		}
		for status, want := range map[string]int{"active": 1, "banned": 1, "pending": 0, "": 2} {
			n, err := tx.CountMembers(ctx, w.room.ID, status)
			same(t, "count of "+status, n, err, want)
		}
		if err := tx.DeleteMember(ctx, w.room.ID, w.bob.ID); err != nil {
			return err
		}
		fails(t, "second delete", tx.DeleteMember(ctx, w.room.ID, w.bob.ID), store.ErrNotFound)

		bad := store.Member{RoomID: w.room.ID, UserID: w.bob.ID, Role: "member", Status: "active", Added: 1, Removed: 1}
		if tx.AddMember(ctx, &bad) == nil {
			t.Error("a permission is added and removed at once")
		}
		guest := "g:" + store.NewID()
		for _, ends := range []store.Millis{tx.Now() + 60, tx.Now() + 90} {
			if err := tx.PutKickCooldown(ctx, w.room.ID, guest, w.ann.ID, ends); err != nil {
				return err
			}
			at, err := tx.KickCooldown(ctx, w.room.ID, guest)
			same(t, "cooldown", at, err, ends)
		}
		at, err := tx.KickCooldown(ctx, w.room.ID, w.bob.ID)
		same(t, "no cooldown", at, err, store.Millis(0))
		return nil
	})
}
