package perm

import (
	"errors"
	"math/bits"
)

// The two ways in which a list of names can be wrong.
var (
	ErrUnknown   = errors.New("unknown permission")
	ErrDuplicate = errors.New("permission listed twice")
)

// Info describes one permission for those who show or document it.
type Info struct {
	Bit   int    `json:"bit"`
	Name  string `json:"name"`
	Group string `json:"group"`
	// What each role has: "on" by default, "may" be granted, or "never".
	Guest   string `json:"guest"`
	Member  string `json:"member"`
	Admin   string `json:"admin"`
	Creator string `json:"creator"`
}

// table is the order of the wire: by bit.
var table = [...]struct {
	mask  Mask
	name  string
	group string
}{
	{SendChat, "send_chat", "chat"},                             // send, edit and delete own chat, react, typing
	{AddMedia, "add_media", "library"},                          // single, batch, import, from a dynamic playlist
	{DeleteOwnMedia, "delete_own_media", "library"},             // media one created
	{DeleteAnyMedia, "delete_any_media", "library"},             // any media
	{EditOwnMedia, "edit_own_media", "library"},                 // media one created
	{EditAnyMedia, "edit_any_media", "library"},                 // any media, and see its source
	{ReorderPlaylist, "reorder_playlist", "library"},            // reorder and move media and playlists
	{ClearPlaylist, "clear_playlist", "library"},                // a playlist or the whole library
	{ManagePlaylists, "manage_playlists", "library"},            // create, rename, delete, bind
	{SetMediaAccess, "set_media_access", "library"},             // access rules of media and playlists
	{PlayControl, "play_control", "playback"},                   // play, pause, seek
	{ChangeCurrentMedia, "change_current_media", "playback"},    // select, next, previous, stop
	{ChangePlaybackRate, "change_playback_rate", "playback"},    // rate
	{PublishStream, "publish_stream", "live"},                   // own stream keys, push
	{ManageStreams, "manage_streams", "live"},                   // any stream and key
	{CreateShareLink, "create_share_link", "sharing"},           // links for media one may see
	{ManageShareLinks, "manage_share_links", "sharing"},         // all links and their figures
	{ApproveMember, "approve_member", "members"},                // see and decide join requests
	{KickMember, "kick_member", "members"},                      // members and guests
	{BanMember, "ban_member", "members"},                        // ban and unban
	{SetMemberPermissions, "set_member_permissions", "members"}, // overrides of lower-ranked members
	{ManageAdmin, "manage_admin", "members"},                    // promote, demote, admins' overrides
	{InviteMember, "invite_member", "members"},                  // invites, adding directly
	{SetRoomSettings, "set_room_settings", "room"},              // name, cover, settings, role defaults
	{SetRoomPassword, "set_room_password", "room"},              // set, clear, ask whether there is one
	{DeleteChat, "delete_chat", "chat"},                         // any message, clear
	{ViewStats, "view_stats", "room"},                           // statistics
	{ExportData, "export_data", "room"},                         // export and import library and chat
	{DeleteRoom, "delete_room", "room"},                         // delete or close
	{PinChat, "pin_chat", "chat"},                               // pin and unpin
	{ViewAudit, "view_audit", "room"},                           // the room's audit log
	{ViewPlaylist, "view_playlist", "view"},                     // library and media cards
	{ViewMemberList, "view_member_list", "view"},                // members and presence
	{ViewChatHistory, "view_chat_history", "view"},              // receive and page chat
	{ViewPlaybackHistory, "view_playback_history", "view"},      // what the room played
	{UseWebRTC, "use_webrtc", "call"},                           // voice, signalling
	{UseVideo, "use_video", "call"},                             // camera, needs use_webrtc
	{ShareScreen, "share_screen", "call"},                       // screen, needs use_webrtc
	{SendDanmaku, "send_danmaku", "chat"},                       // comments over the video
	{UseP2PMedia, "use_p2p_media", "call"},                      // segment exchange between viewers
}

// List describes every permission, by bit. The caller owns the slice.
func List() []Info {
	list := make([]Info, 0, len(table))
	for _, row := range table {
		list = append(list, Info{
			Bit:     bits.TrailingZeros64(uint64(row.mask)),
			Name:    row.name,
			Group:   row.group,
			Guest:   standing(Guest, row.mask),
			Member:  standing(Member, row.mask),
			Admin:   standing(Admin, row.mask),
			Creator: standing(Creator, row.mask),
		})
	}
	return list
}

func standing(r Role, bit Mask) string {
	switch {
	case Default(r).Has(bit):
		return "on"
	case Cap(r).Has(bit):
		return "may"
	default:
		return "never"
	}
}

// Template is a preset of the create-room dialog. It only fills the room's
// member_added and member_removed, which stay editable.
type Template struct {
	Name    string
	Added   Mask
	Removed Mask
}

// Templates lists the presets in the order they are shown. The caller owns
// the slice.
func Templates() []Template {
	return []Template{
		{Name: "public", Added: playbackBits},
		{Name: "standard"},
		{Name: "private", Removed: AddMedia | DeleteOwnMedia | EditOwnMedia},
		// Removing control too keeps it with the admins when a site's own
		// default hands it to members.
		{Name: "theater", Removed: AddMedia | DeleteOwnMedia | EditOwnMedia | ViewMemberList | playbackBits},
	}
}
