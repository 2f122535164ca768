package api

import "synctv/app/room"

// RoomSettingsBody is every setting of a room.
type RoomSettingsBody struct {
	AllowGuests          bool          `json:"allow_guests" doc:"Visitors without an account may enter"`
	RequireApproval      bool          `json:"require_approval" doc:"Joining makes an applicant"`
	AllowJoin            bool          `json:"allow_join" doc:"New members may join at all"`
	MaxMembers           int           `json:"max_members"`
	MaxViewers           int           `json:"max_viewers" doc:"Connections at once; 0 = the site's limit"`
	ChatEnabled          bool          `json:"chat_enabled"`
	ChatHistoryVisible   bool          `json:"chat_history_visible" doc:"Newcomers see what was said before"`
	ChatSlowModeSeconds  int           `json:"chat_slow_mode_seconds"`
	ChatMaxMessages      int           `json:"chat_max_messages" doc:"The oldest go beyond that; 0 = unlimited"`
	DanmakuEnabled       bool          `json:"danmaku_enabled"`
	VoiceEnabled         bool          `json:"voice_enabled"`
	VideoEnabled         bool          `json:"video_enabled"`
	WebRTCMode           string        `json:"webrtc_mode" enum:"auto,p2p,sfu"`
	MaxVoiceParticipants int           `json:"max_voice_participants"`
	P2PEnabled           bool          `json:"p2p_enabled"`
	LiveEnabled          bool          `json:"live_enabled"`
	LiveAutoSelect       bool          `json:"live_auto_select"`
	SharingEnabled       bool          `json:"sharing_enabled"`
	AutoPlay             room.AutoPlay `json:"auto_play"`
	StartPaused          bool          `json:"start_paused" doc:"Selecting a media does not start it"`
	ResumePositions      bool          `json:"resume_positions" doc:"Selecting a media goes on where the room left it"`
	WaitForReady         string        `json:"wait_for_ready" enum:"off,soft" doc:"soft: wait up to 10 s until most have buffered"`
	SyncToleranceMS      int           `json:"sync_tolerance_ms"`
	AllowMemberRate      bool          `json:"allow_member_rate"`
	EmptyPauseSeconds    int           `json:"empty_pause_seconds" doc:"Pause when nobody is there; 0 = never"`
	AdminAdded           []string      `json:"admin_added"`
	AdminRemoved         []string      `json:"admin_removed"`
	MemberAdded          []string      `json:"member_added"`
	MemberRemoved        []string      `json:"member_removed"`
	GuestAdded           []string      `json:"guest_added"`
	GuestRemoved         []string      `json:"guest_removed"`
	KickCooldownSeconds  int           `json:"kick_cooldown_seconds"`
	WelcomeMessage       string        `json:"welcome_message"`
	DefaultProxy         string        `json:"default_proxy" enum:"auto,on,off"`
	ContentRating        string        `json:"content_rating" enum:"none,mature"`
}

// It is the settings of the rules, field by field: a conversion, no copying.
var _ = RoomSettingsBody(room.Settings{})

// RoomSettingsPatch is any part of the settings; absent fields stay.
type RoomSettingsPatch struct {
	AllowGuests          *bool          `json:"allow_guests,omitempty" example:"true"`
	RequireApproval      *bool          `json:"require_approval,omitempty"`
	AllowJoin            *bool          `json:"allow_join,omitempty"`
	MaxMembers           *int           `json:"max_members,omitempty" minimum:"1" maximum:"10000"`
	MaxViewers           *int           `json:"max_viewers,omitempty" minimum:"0" maximum:"10000"`
	ChatEnabled          *bool          `json:"chat_enabled,omitempty"`
	ChatHistoryVisible   *bool          `json:"chat_history_visible,omitempty"`
	ChatSlowModeSeconds  *int           `json:"chat_slow_mode_seconds,omitempty" minimum:"0" maximum:"3600"`
	ChatMaxMessages      *int           `json:"chat_max_messages,omitempty" minimum:"0" maximum:"100000"`
	DanmakuEnabled       *bool          `json:"danmaku_enabled,omitempty"`
	VoiceEnabled         *bool          `json:"voice_enabled,omitempty"`
	VideoEnabled         *bool          `json:"video_enabled,omitempty"`
	WebRTCMode           *string        `json:"webrtc_mode,omitempty" enum:"auto,p2p,sfu"`
	MaxVoiceParticipants *int           `json:"max_voice_participants,omitempty" minimum:"2" maximum:"32"`
	P2PEnabled           *bool          `json:"p2p_enabled,omitempty"`
	LiveEnabled          *bool          `json:"live_enabled,omitempty"`
	LiveAutoSelect       *bool          `json:"live_auto_select,omitempty"`
	SharingEnabled       *bool          `json:"sharing_enabled,omitempty"`
	AutoPlay             *AutoPlayPatch `json:"auto_play,omitempty"`
	StartPaused          *bool          `json:"start_paused,omitempty"`
	ResumePositions      *bool          `json:"resume_positions,omitempty"`
	WaitForReady         *string        `json:"wait_for_ready,omitempty" enum:"off,soft"`
	SyncToleranceMS      *int           `json:"sync_tolerance_ms,omitempty" minimum:"50" maximum:"5000"`
	AllowMemberRate      *bool          `json:"allow_member_rate,omitempty"`
	EmptyPauseSeconds    *int           `json:"empty_pause_seconds,omitempty" minimum:"0" maximum:"86400"`
	AdminAdded           *[]string      `json:"admin_added,omitempty" maxItems:"64"`
	AdminRemoved         *[]string      `json:"admin_removed,omitempty" maxItems:"64"`
	MemberAdded          *[]string      `json:"member_added,omitempty" maxItems:"64"`
	MemberRemoved        *[]string      `json:"member_removed,omitempty" maxItems:"64"`
	GuestAdded           *[]string      `json:"guest_added,omitempty" maxItems:"64"`
	GuestRemoved         *[]string      `json:"guest_removed,omitempty" maxItems:"64"`
	KickCooldownSeconds  *int           `json:"kick_cooldown_seconds,omitempty" minimum:"1" maximum:"2592000"`
	WelcomeMessage       *string        `json:"welcome_message,omitempty" maxLength:"2000"`
	DefaultProxy         *string        `json:"default_proxy,omitempty" enum:"auto,on,off"`
	ContentRating        *string        `json:"content_rating,omitempty" enum:"none,mature"`
}

// AutoPlayPatch is any part of what follows when a media ends.
type AutoPlayPatch struct {
	Enabled      *bool   `json:"enabled,omitempty"`
	Mode         *string `json:"mode,omitempty" enum:"sequential,repeat_one,repeat_all,shuffle"`
	DelaySeconds *int    `json:"delay_seconds,omitempty" minimum:"0" maximum:"86400"`
}
