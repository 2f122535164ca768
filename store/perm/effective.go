package perm

// Role is a place in one room.
type Role string

// The roles. Guest is nobody's row: it is given by an admitted guest token.
const (
	Creator Role = "creator"
	Admin   Role = "admin"
	Member  Role = "member"
	Guest   Role = "guest"
)

// Statuses and site roles as they are stored; the function below compares
// with nothing else.
const (
	active    = "active"
	pending   = "pending"
	closed    = "closed"
	siteRoot  = "root"
	siteAdmin = "admin"
)

const (
	// whileClosed is what a closed room, or one whose owner is gone, leaves.
	whileClosed = ViewStats | ExportData | DeleteRoom | ViewAudit | viewBits
	// whilePending is what the creator keeps until the room is reviewed.
	whilePending = SetRoomSettings | DeleteRoom
)

// Rank orders the roles of a room. Nobody acts on a rank that is not lower.
func (r Role) Rank() int {
	switch r {
	case Creator:
		return 40
	case Admin:
		return 30
	case Member:
		return 20
	case Guest:
		return 10
	}
	return 0
}

// Default is what a role holds when neither site nor room says otherwise.
func Default(r Role) Mask {
	switch r {
	case Creator:
		return All
	case Admin:
		return DefaultAdmin
	case Member:
		return DefaultMember
	case Guest:
		return DefaultGuest
	}
	return 0
}

// Cap is what a role can hold at most.
func Cap(r Role) Mask {
	switch r {
	case Creator:
		return CapCreator
	case Admin:
		return CapAdmin
	case Member:
		return CapMember
	case Guest:
		return CapGuest
	}
	return 0
}

// Switches are the features a room (or the site above it) has turned on. The
// zero value has everything off.
type Switches struct {
	Chat, Danmaku, Voice, Video, P2P, Sharing, Live bool
}

// Off is the permissions that the switched-off features take from everybody.
func (s Switches) Off() Mask {
	var off Mask
	for _, f := range [...]struct {
		on   bool
		bits Mask
	}{
		{s.Chat, SendChat},
		{s.Danmaku, SendDanmaku},
		{s.Voice, UseWebRTC | UseVideo | ShareScreen},
		{s.Video, UseVideo | ShareScreen},
		{s.P2P, UseP2PMedia},
		{s.Sharing, shareBits},
		{s.Live, PublishStream},
	} {
		if !f.on {
			off |= f.bits
		}
	}
	return off
}

// Inputs is everything that decides what one person may do in one room.
type Inputs struct {
	UserStatus    string // of the account; a guest: "active" while the token's epoch is the room's
	SiteRole      string // "root", "admin", "user"; a guest: ""
	RoomStatus    string // "active", "pending", "closed", "banned"
	OwnerInactive bool   // the creator's account is banned, pending or deleted
	CreatorIsRoot bool   // the creator's site role is root
	Role          Role   // "" = no member row and not an admitted guest
	MemberStatus  string // of the member row; an admitted guest: "active"

	SiteDefault   Mask // of this role; 0 means nothing, Default(role) is the usual value
	RoomAdded     Mask // the room's <role>_added
	RoomRemoved   Mask // the room's <role>_removed
	MemberAdded   Mask // ignored for guests
	MemberRemoved Mask // ignored for guests

	SwitchedOff Mask // Switches.Off of the room and the site
}

// ActsAsSiteAdmin reports whether the person is in this room by virtue of the
// site role: no membership needed, every action audited.
func (in Inputs) ActsAsSiteAdmin() bool {
	return in.UserStatus == active &&
		(in.SiteRole == siteRoot || in.SiteRole == siteAdmin && !in.CreatorIsRoot)
}

// Rank is the person's rank in this room. A site admin has no extra rank in
// the room of a root.
func (in Inputs) Rank() int {
	if in.ActsAsSiteAdmin() {
		if in.SiteRole == siteRoot {
			return 100
		}
		return 90
	}
	if in.MemberStatus != active {
		return 0
	}
	return in.Role.Rank()
}

// Held is the mask before features are switched off and before the room is
// closed: the measure for what one may hand to others.
func Held(in Inputs) Mask {
	switch {
	case in.UserStatus != active:
		return 0
	case in.ActsAsSiteAdmin():
		return All
	case in.Role == "" || in.MemberStatus != active:
		return 0
	case in.RoomStatus == pending && in.Role == Creator:
		return whilePending
	case in.RoomStatus != active && in.RoomStatus != closed:
		return 0
	case in.Role == Creator:
		return All
	}
	p := (in.SiteDefault | in.RoomAdded) &^ in.RoomRemoved
	if in.Role != Guest {
		p = (p | in.MemberAdded) &^ in.MemberRemoved
	}
	p &= Cap(in.Role)
	if !p.Has(UseWebRTC) {
		p &^= UseVideo | ShareScreen
	}
	return p
}

// Effective is what the person may do now. It is a pure function of its
// inputs; every check in the program compares with its answer.
func Effective(in Inputs) Mask {
	p := Held(in) &^ in.SwitchedOff
	if in.RoomStatus == closed || in.OwnerInactive {
		keep := whileClosed
		if in.Role == Creator || in.ActsAsSiteAdmin() {
			keep |= SetRoomSettings // to reopen
		}
		p &= keep
	}
	return p
}
