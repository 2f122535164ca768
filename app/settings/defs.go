package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"synctv/store/perm"
)

// Site is what the administrators have decided. Field comments name the key.
type Site struct {
	Name          string // server.name
	Description   string // server.description
	PublicURL     string // server.public_url
	DefaultLocale string // server.default_locale

	SignupEnabled bool     // user.signup_enabled
	GuestsEnabled bool     // user.guests_enabled
	MaxRooms      int      // user.max_rooms
	ReservedNames []string // user.reserved_names

	AccessTTL      time.Duration // auth.access_ttl
	RefreshTTL     time.Duration // auth.refresh_ttl
	RefreshIdleTTL time.Duration // auth.refresh_idle_ttl
	GuestTTL       time.Duration // auth.guest_ttl
	PasswordMin    int           // auth.password_min

	RoomCreation        string // room.creation: all, admins, off
	PasswordPolicy      string // room.password_policy: optional, required, forbidden
	MaxMembersCap       int    // room.max_members_cap
	MaxViewersCap       int    // room.max_viewers_cap
	MaxMedia            int    // room.max_media
	MaxPlaylists        int    // room.max_playlists
	MaxItemsPerPlaylist int    // room.max_items_per_playlist
	DefaultVisibility   string // room.default_visibility

	AdminDefault  perm.Mask // permissions.admin_default
	MemberDefault perm.Mask // permissions.member_default
	GuestDefault  perm.Mask // permissions.guest_default

	WordFilter    []string // chat.word_filter
	MediaProxy    string   // media.proxy: off, on_demand, on
	OutboundAllow []string // outbound.allow

	MetricsToken      string // metrics.token
	NodeMaxSockets    int    // cluster.node_max_connections
	SocketsPerAddress int    // limits.sockets_per_address

	RateLimits map[string]RateLimit // rate_limit.<class>.max, rate_limit.<class>.window
}

// RateLimit replaces a rate class: Max requests per Window.
type RateLimit struct {
	Max    int
	Window time.Duration
}

// RateClasses are the classes that rate_limit.<class>.* may name.
var RateClasses = []string{"auth", "register", "guest", "refresh", "read", "write", "batch", "playback", "chat", "provider", "stream", "ws_connect", "ws_message"}

// Defaults is the snapshot of a site whose administrators changed nothing.
func Defaults() *Site {
	return &Site{
		Name: "SyncTV", DefaultLocale: "en", GuestsEnabled: true, MaxRooms: 10,
		ReservedNames: []string{
			"admin", "administrator", "root", "system", "synctv", "moderator", "mod", "support", "help",
			"official", "staff", "owner", "bot", "service", "security", "guest",
		},
		AccessTTL: 15 * time.Minute, RefreshTTL: 720 * time.Hour, RefreshIdleTTL: 168 * time.Hour, GuestTTL: 4 * time.Hour, PasswordMin: 8,
		RoomCreation: "all", PasswordPolicy: "optional", MaxMembersCap: 1000, MaxViewersCap: 2000,
		MaxMedia: 10_000, MaxPlaylists: 500, MaxItemsPerPlaylist: 1000, DefaultVisibility: "public",
		AdminDefault: perm.DefaultAdmin, MemberDefault: perm.DefaultMember, GuestDefault: perm.DefaultGuest,
		MediaProxy: "on_demand", NodeMaxSockets: 10_000, SocketsPerAddress: 256,
		RateLimits: map[string]RateLimit{},
	}
}

// def ties a key to a field of Site.
type def struct {
	Key   string
	apply func(*Site, json.RawMessage) error
	list  bool // text in the environment is comma-separated
	quote bool // text in the environment is a string
}

func (d def) fromText(text string) json.RawMessage {
	switch {
	case json.Valid([]byte(text)) && !d.quote:
		return json.RawMessage(text)
	case d.list:
		parts := []string{}
		for p := range strings.SplitSeq(text, ",") {
			if p = strings.TrimSpace(p); p != "" {
				parts = append(parts, p)
			}
		}
		raw, _ := json.Marshal(parts) // strings always encode
		return raw
	}
	raw, _ := json.Marshal(text) // strings always encode
	return raw
}

func find(key string) (def, bool) {
	i := slices.IndexFunc(defs, func(d def) bool { return d.Key == key })
	if i < 0 {
		return def{}, false
	}
	return defs[i], true
}

func decodeInto[T any](raw json.RawMessage, to *T, check func(T) error) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("wants %T", v)
	}
	if err := check(v); err != nil {
		return err
	}
	*to = v
	return nil
}

func text(key string, field func(*Site) *string, longest int) def {
	return def{Key: key, quote: true, apply: func(s *Site, raw json.RawMessage) error {
		return decodeInto(raw, field(s), func(v string) error {
			if utf8.RuneCountInString(v) > longest {
				return fmt.Errorf("at most %d characters", longest)
			}
			return nil
		})
	}}
}

func oneOf(key string, field func(*Site) *string, values ...string) def {
	return def{Key: key, quote: true, apply: func(s *Site, raw json.RawMessage) error {
		return decodeInto(raw, field(s), func(v string) error {
			if !slices.Contains(values, v) {
				return fmt.Errorf("one of %s", strings.Join(values, ", "))
			}
			return nil
		})
	}}
}

func flag(key string, field func(*Site) *bool) def {
	return def{Key: key, apply: func(s *Site, raw json.RawMessage) error {
		return decodeInto(raw, field(s), func(bool) error { return nil })
	}}
}

func number(key string, field func(*Site) *int, low, high int) def {
	return def{Key: key, apply: func(s *Site, raw json.RawMessage) error {
		return decodeInto(raw, field(s), func(v int) error {
			if v < low || v > high {
				return fmt.Errorf("between %d and %d", low, high)
			}
			return nil
		})
	}}
}

func duration(key string, field func(*Site) *time.Duration, low, high time.Duration) def {
	return def{Key: key, quote: true, apply: func(s *Site, raw json.RawMessage) error {
		v, err := parseDuration(raw, low, high)
		if err == nil {
			*field(s) = v
		}
		return err
	}}
}

func parseDuration(raw json.RawMessage, low, high time.Duration) (time.Duration, error) {
	var t string
	if err := json.Unmarshal(raw, &t); err != nil {
		return 0, errors.New(`wants a duration such as "15m"`)
	}
	d, err := time.ParseDuration(t)
	if err != nil || d < low || d > high {
		return 0, fmt.Errorf("a duration between %s and %s", low, high)
	}
	return d, nil
}

func words(key string, field func(*Site) *[]string, most int) def {
	return def{Key: key, list: true, apply: func(s *Site, raw json.RawMessage) error {
		return decodeInto(raw, field(s), func(v []string) error {
			if len(v) > most {
				return fmt.Errorf("at most %d entries", most)
			}
			return nil
		})
	}}
}

func mask(key string, field func(*Site) *perm.Mask, within perm.Mask) def {
	return def{Key: key, list: true, apply: func(s *Site, raw json.RawMessage) error {
		var names []string
		if err := json.Unmarshal(raw, &names); err != nil {
			return errors.New("wants permission names")
		}
		m, err := perm.Parse(names)
		if err != nil {
			return err
		}
		if m&^within != 0 {
			return fmt.Errorf("this role can never hold %s", strings.Join(perm.Names(m&^within), ", "))
		}
		*field(s) = m
		return nil
	}}
}

func site(key string, field func(*Site) *string) def {
	return def{Key: key, quote: true, apply: func(s *Site, raw json.RawMessage) error {
		return decodeInto(raw, field(s), func(v string) error {
			u, err := url.Parse(v)
			if v != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "") {
				return errors.New("an address such as https://tv.example.org")
			}
			return nil
		})
	}}
}

// defs are the settings of this version.
var defs = slices.Concat([]def{
	text("server.name", func(s *Site) *string { return &s.Name }, 64),
	text("server.description", func(s *Site) *string { return &s.Description }, 500),
	site("server.public_url", func(s *Site) *string { return &s.PublicURL }),
	text("server.default_locale", func(s *Site) *string { return &s.DefaultLocale }, 16),
	flag("user.signup_enabled", func(s *Site) *bool { return &s.SignupEnabled }),
	flag("user.guests_enabled", func(s *Site) *bool { return &s.GuestsEnabled }),
	number("user.max_rooms", func(s *Site) *int { return &s.MaxRooms }, 0, 1000),
	words("user.reserved_names", func(s *Site) *[]string { return &s.ReservedNames }, 500),
	duration("auth.access_ttl", func(s *Site) *time.Duration { return &s.AccessTTL }, time.Minute, time.Hour),
	duration("auth.refresh_ttl", func(s *Site) *time.Duration { return &s.RefreshTTL }, time.Hour, 8760*time.Hour),
	duration("auth.refresh_idle_ttl", func(s *Site) *time.Duration { return &s.RefreshIdleTTL }, time.Hour, 8760*time.Hour),
	duration("auth.guest_ttl", func(s *Site) *time.Duration { return &s.GuestTTL }, time.Minute, 4*time.Hour),
	number("auth.password_min", func(s *Site) *int { return &s.PasswordMin }, 8, 64),
	oneOf("room.creation", func(s *Site) *string { return &s.RoomCreation }, "all", "admins", "off"),
	oneOf("room.password_policy", func(s *Site) *string { return &s.PasswordPolicy }, "optional", "required", "forbidden"),
	number("room.max_members_cap", func(s *Site) *int { return &s.MaxMembersCap }, 1, 10_000),
	number("room.max_viewers_cap", func(s *Site) *int { return &s.MaxViewersCap }, 1, 20_000),
	number("room.max_media", func(s *Site) *int { return &s.MaxMedia }, 1, 100_000),
	number("room.max_playlists", func(s *Site) *int { return &s.MaxPlaylists }, 1, 10_000),
	number("room.max_items_per_playlist", func(s *Site) *int { return &s.MaxItemsPerPlaylist }, 1, 10_000),
	oneOf("room.default_visibility", func(s *Site) *string { return &s.DefaultVisibility }, "public", "unlisted", "private"),
	mask("permissions.admin_default", func(s *Site) *perm.Mask { return &s.AdminDefault }, perm.CapAdmin),
	mask("permissions.member_default", func(s *Site) *perm.Mask { return &s.MemberDefault }, perm.CapMember),
	mask("permissions.guest_default", func(s *Site) *perm.Mask { return &s.GuestDefault }, perm.CapGuest),
	words("chat.word_filter", func(s *Site) *[]string { return &s.WordFilter }, 1000),
	oneOf("media.proxy", func(s *Site) *string { return &s.MediaProxy }, "off", "on_demand", "on"),
	words("outbound.allow", func(s *Site) *[]string { return &s.OutboundAllow }, 200),
	text("metrics.token", func(s *Site) *string { return &s.MetricsToken }, 256),
	number("cluster.node_max_connections", func(s *Site) *int { return &s.NodeMaxSockets }, 10, 100_000),
	number("limits.sockets_per_address", func(s *Site) *int { return &s.SocketsPerAddress }, 1, 100_000),
}, rateDefs())

func rateDefs() []def {
	out := make([]def, 0, 2*len(RateClasses))
	for _, name := range RateClasses {
		out = append(out,
			def{Key: "rate_limit." + name + ".max", apply: func(s *Site, raw json.RawMessage) error {
				n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
				if err != nil || n < 1 || n > 10_000_000 {
					return errors.New("between 1 and 10000000")
				}
				l := s.RateLimits[name]
				l.Max = n
				s.RateLimits[name] = l
				return nil
			}},
			def{Key: "rate_limit." + name + ".window", quote: true, apply: func(s *Site, raw json.RawMessage) error {
				d, err := parseDuration(raw, time.Second, 24*time.Hour)
				if err != nil {
					return err
				}
				l := s.RateLimits[name]
				l.Window = d
				s.RateLimits[name] = l
				return nil
			}})
	}
	return out
}
