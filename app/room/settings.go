package room

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"synctv/app/settings"
	"synctv/app/text"
	"synctv/store/perm"
)

// Settings are the rules a room sets for itself. The zero value is not valid:
// start from DefaultSettings.
type Settings struct {
	AllowGuests          bool     `json:"allow_guests"`
	RequireApproval      bool     `json:"require_approval"`
	AllowJoin            bool     `json:"allow_join"`
	MaxMembers           int      `json:"max_members"`
	MaxViewers           int      `json:"max_viewers"` // 0 = the site's limit
	ChatEnabled          bool     `json:"chat_enabled"`
	ChatHistoryVisible   bool     `json:"chat_history_visible"`
	ChatSlowModeSeconds  int      `json:"chat_slow_mode_seconds"`
	ChatMaxMessages      int      `json:"chat_max_messages"` // 0 = unlimited
	DanmakuEnabled       bool     `json:"danmaku_enabled"`
	VoiceEnabled         bool     `json:"voice_enabled"`
	VideoEnabled         bool     `json:"video_enabled"`
	WebRTCMode           string   `json:"webrtc_mode"`
	MaxVoiceParticipants int      `json:"max_voice_participants"`
	P2PEnabled           bool     `json:"p2p_enabled"`
	LiveEnabled          bool     `json:"live_enabled"`
	LiveAutoSelect       bool     `json:"live_auto_select"`
	SharingEnabled       bool     `json:"sharing_enabled"`
	AutoPlay             AutoPlay `json:"auto_play"`
	StartPaused          bool     `json:"start_paused"`
	ResumePositions      bool     `json:"resume_positions"`
	WaitForReady         string   `json:"wait_for_ready"`
	SyncToleranceMS      int      `json:"sync_tolerance_ms"`
	AllowMemberRate      bool     `json:"allow_member_rate"`
	EmptyPauseSeconds    int      `json:"empty_pause_seconds"` // 0 = never
	AdminAdded           []string `json:"admin_added"`
	AdminRemoved         []string `json:"admin_removed"`
	MemberAdded          []string `json:"member_added"`
	MemberRemoved        []string `json:"member_removed"`
	GuestAdded           []string `json:"guest_added"`
	GuestRemoved         []string `json:"guest_removed"`
	KickCooldownSeconds  int      `json:"kick_cooldown_seconds"`
	WelcomeMessage       string   `json:"welcome_message"`
	DefaultProxy         string   `json:"default_proxy"`
	ContentRating        string   `json:"content_rating"`
}

// AutoPlay says what follows when a media ends.
type AutoPlay struct {
	Enabled      bool   `json:"enabled"`
	Mode         string `json:"mode"` // sequential, repeat_one, repeat_all, shuffle
	DelaySeconds int    `json:"delay_seconds"`
}

// DefaultSettings is what a new room starts with.
func DefaultSettings() Settings {
	return Settings{
		AllowJoin: true, MaxMembers: 100,
		ChatEnabled: true, ChatHistoryVisible: true, ChatMaxMessages: 10000, DanmakuEnabled: true,
		VoiceEnabled: true, VideoEnabled: true, WebRTCMode: "auto", MaxVoiceParticipants: 8,
		LiveEnabled: true, SharingEnabled: true,
		AutoPlay:        AutoPlay{Enabled: true, Mode: "sequential", DelaySeconds: 3},
		ResumePositions: true, WaitForReady: "off", SyncToleranceMS: 200, EmptyPauseSeconds: 60,
		AdminAdded: []string{}, AdminRemoved: []string{}, MemberAdded: []string{}, MemberRemoved: []string{},
		GuestAdded: []string{}, GuestRemoved: []string{},
		KickCooldownSeconds: 60, DefaultProxy: "auto", ContentRating: "none",
	}
}

// ParseSettings reads a stored row over the defaults, so that a setting added
// later has its default in old rooms. Unknown keys are ignored.
func ParseSettings(stored json.RawMessage) (Settings, error) {
	s := DefaultSettings()
	if len(stored) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(stored, &s); err != nil {
		return s, fmt.Errorf("stored room settings: %w", err)
	}
	return s, nil
}

// merge lays a patch over stored settings and validates the result as a whole.
// Stored keys that this version does not know are kept.
func merge(stored, patch json.RawMessage, site *settings.Site) (Settings, json.RawMessage, error) {
	s, err := ParseSettings(stored)
	if err != nil {
		return s, nil, err
	}
	if len(patch) > 0 {
		if err := json.Unmarshal(patch, &s); err != nil {
			return s, nil, invalid("body", "these are no room settings")
		}
	}
	if s.WelcomeMessage, err = (text.Rule{Max: 500, Lines: 20}).Clean(s.WelcomeMessage); err != nil {
		return s, nil, invalid("body.welcome_message", err.Error())
	}
	if err := s.validate(site); err != nil {
		return s, nil, err
	}
	all := map[string]json.RawMessage{}
	if len(stored) > 0 {
		if err := json.Unmarshal(stored, &all); err != nil {
			return s, nil, fmt.Errorf("stored room settings: %w", err)
		}
	}
	known := map[string]json.RawMessage{}
	flat, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(flat, &known)
	}
	if err != nil {
		return s, nil, fmt.Errorf("encode room settings: %w", err)
	}
	maps.Copy(all, known)
	raw, err := json.Marshal(all)
	return s, raw, err
}

func (s Settings) validate(site *settings.Site) error {
	var bad ValidationError
	number := func(name string, v, low, high int) {
		if v < low || v > high {
			bad.Add("body."+name, fmt.Sprintf("must be between %d and %d", low, high))
		}
	}
	oneOf := func(name, v string, of ...string) {
		if !slices.Contains(of, v) {
			bad.Add("body."+name, fmt.Sprintf("must be one of %v", of))
		}
	}
	number("max_members", s.MaxMembers, 1, min(10000, site.MaxMembersCap))
	number("max_viewers", s.MaxViewers, 0, min(10000, site.MaxViewersCap))
	number("chat_slow_mode_seconds", s.ChatSlowModeSeconds, 0, 3600)
	number("chat_max_messages", s.ChatMaxMessages, 0, 100000)
	number("max_voice_participants", s.MaxVoiceParticipants, 2, 32)
	number("auto_play.delay_seconds", s.AutoPlay.DelaySeconds, 0, 86400)
	number("sync_tolerance_ms", s.SyncToleranceMS, 50, 5000)
	number("empty_pause_seconds", s.EmptyPauseSeconds, 0, 86400)
	number("kick_cooldown_seconds", s.KickCooldownSeconds, 1, 2592000)
	oneOf("webrtc_mode", s.WebRTCMode, "auto", "p2p", "sfu")
	oneOf("auto_play.mode", s.AutoPlay.Mode, "sequential", "repeat_one", "repeat_all", "shuffle")
	oneOf("wait_for_ready", s.WaitForReady, "off", "soft")
	oneOf("default_proxy", s.DefaultProxy, "auto", "on", "off")
	oneOf("content_rating", s.ContentRating, "none", "mature")
	for _, d := range s.roleDefaults() {
		d.check(&bad)
	}
	return bad.OrNil()
}

type roleDefault struct {
	role           perm.Role
	name           string
	added, removed []string
}

func (s Settings) roleDefaults() []roleDefault {
	return []roleDefault{
		{perm.Admin, "admin", s.AdminAdded, s.AdminRemoved},
		{perm.Member, "member", s.MemberAdded, s.MemberRemoved},
		{perm.Guest, "guest", s.GuestAdded, s.GuestRemoved},
	}
}

func (d roleDefault) check(bad *ValidationError) {
	added, err := perm.Parse(d.added)
	if err != nil {
		bad.Add("body."+d.name+"_added", err.Error())
		return
	}
	removed, err := perm.Parse(d.removed)
	if err != nil {
		bad.Add("body."+d.name+"_removed", err.Error())
		return
	}
	if over := added &^ perm.Cap(d.role); over != 0 {
		bad.Add("body."+d.name+"_added", fmt.Sprintf("this role can never hold %v", perm.Names(over)))
	}
	if over := removed &^ perm.Cap(d.role); over != 0 {
		bad.Add("body."+d.name+"_removed", fmt.Sprintf("this role can never hold %v", perm.Names(over)))
	}
	if both := added & removed; both != 0 {
		bad.Add("body."+d.name+"_removed", fmt.Sprintf("added and removed at once: %v", perm.Names(both)))
	}
}

// overrides are the role's added and removed bits; they were validated when
// they were stored, so unknown names count as none.
func (s Settings) overrides(role perm.Role) (added, removed perm.Mask) {
	for _, d := range s.roleDefaults() {
		if d.role == role {
			added, _ = perm.Parse(d.added)
			removed, _ = perm.Parse(d.removed)
		}
	}
	return added, removed
}

// switchedOff are the bits that the room's switches take from everybody.
func (s Settings) switchedOff() perm.Mask {
	return perm.Switches{
		Chat: s.ChatEnabled, Danmaku: s.DanmakuEnabled, Voice: s.VoiceEnabled, Video: s.VideoEnabled,
		P2P: s.P2PEnabled, Sharing: s.SharingEnabled, Live: s.LiveEnabled,
	}.Off()
}

// templates are the presets of the create-room dialog; they fill member_added
// and member_removed and may be edited freely afterwards.
var templates = map[string]struct{ added, removed perm.Mask }{
	"standard": {},
	"public":   {added: perm.PlayControl | perm.ChangeCurrentMedia | perm.ChangePlaybackRate},
	"private":  {removed: perm.AddMedia | perm.DeleteOwnMedia | perm.EditOwnMedia},
	"theater":  {removed: perm.AddMedia | perm.DeleteOwnMedia | perm.EditOwnMedia | perm.ViewMemberList},
}

// fromTemplate is the patch that a template stands for.
func fromTemplate(name string) (json.RawMessage, error) {
	if name == "" {
		return nil, nil
	}
	t, ok := templates[name]
	if !ok {
		return nil, invalid("body.template", "no such template")
	}
	return json.Marshal(map[string][]string{"member_added": perm.Names(t.added), "member_removed": perm.Names(t.removed)})
}
