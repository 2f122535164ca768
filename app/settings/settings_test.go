package settings_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"synctv/app/settings"
	"synctv/store"
	"synctv/store/perm"
	"synctv/store/storetest"
)

func TestFixedValuesWinAndAreLocked(t *testing.T) {
	db := storetest.New(t)
	s, err := settings.New(db, map[string]string{
		"server.name": "123", "user.max_rooms": "3", "outbound.allow": "192.168.1.20:5244, nas.lan", "auth.access_ttl": "5m",
		"rate_limit.chat.max": "100", "rate_limit.chat.window": "1s", "permissions.guest_default": "view_playlist",
	})
	if err != nil {
		t.Fatal(err)
	}
	now := s.Current()
	if now.Name != "123" || now.MaxRooms != 3 || len(now.OutboundAllow) != 2 || now.AccessTTL != 5*time.Minute ||
		now.RateLimits["chat"] != (settings.RateLimit{Max: 100, Window: time.Second}) || now.GuestDefault != perm.ViewPlaylist {
		t.Errorf("snapshot = %+v", now)
	}
	err = db.Write(t.Context(), func(tx *store.Tx) error {
		return s.Update(t.Context(), tx, map[string]json.RawMessage{"server.name": json.RawMessage(`"x"`)}, "")
	})
	if !errors.Is(err, settings.ErrLocked) {
		t.Errorf("changing a fixed value: %v, want ErrLocked", err)
	}
}

func TestBadConfigurationNamesEveryKey(t *testing.T) {
	_, err := settings.New(storetest.New(t), map[string]string{"server.nam": "x", "user.max_rooms": "-1", "room.creation": "maybe"})
	for _, key := range []string{"server.nam", "user.max_rooms", "room.creation"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v does not name %s", err, key)
		}
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	db := storetest.New(t)
	s, err := settings.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	s.Watch(func(site *settings.Site) { told = append(told, site.Name) })
	put := func(values map[string]json.RawMessage) error {
		return db.Write(t.Context(), func(tx *store.Tx) error { return s.Update(t.Context(), tx, values, "") })
	}
	err = put(map[string]json.RawMessage{"server.name": json.RawMessage(`"Kino"`), "user.max_rooms": json.RawMessage(`"many"`)})
	if !errors.As(err, new(*settings.ValueError)) || s.Current().Name != "SyncTV" || len(told) != 0 {
		t.Fatalf("half an update: %v, name %q, told %v", err, s.Current().Name, told)
	}
	if err := put(map[string]json.RawMessage{"server.name": json.RawMessage(`"Kino"`), "user.max_rooms": json.RawMessage(`7`)}); err != nil {
		t.Fatal(err)
	}
	again, err := settings.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again.Current().Name != "Kino" || again.Current().MaxRooms != 7 || len(told) != 1 || told[0] != "Kino" {
		t.Errorf("after restart: %+v, told %v", again.Current(), told)
	}
}

func TestEveryKeyHasARule(t *testing.T) {
	if n := len(settings.Keys()); n < 40 {
		t.Errorf("%d keys", n)
	}
	for _, key := range settings.Keys() {
		if _, err := settings.New(storetest.New(t), map[string]string{key: "\x00not a value"}); err == nil && key != "server.name" && key != "server.description" &&
			key != "server.default_locale" && key != "metrics.token" && key != "chat.word_filter" && key != "outbound.allow" && key != "user.reserved_names" {
			t.Errorf("%s accepts anything", key)
		}
	}
}
