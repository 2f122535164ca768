package perm_test

import (
	"testing"

	"pgregory.net/rapid"

	"synctv/store/perm"
)

// member is an ordinary active member of an ordinary room with everything
// switched on.
func member(change func(*perm.Inputs)) perm.Inputs {
	in := perm.Inputs{
		UserStatus: "active", SiteRole: "user", RoomStatus: "active",
		Role: perm.Member, MemberStatus: "active", SiteDefault: perm.DefaultMember,
	}
	change(&in)
	return in
}

func as(role perm.Role) func(*perm.Inputs) {
	return func(in *perm.Inputs) {
		in.Role, in.SiteDefault = role, perm.Default(role)
		if role == perm.Guest {
			in.SiteRole = ""
		}
	}
}

func TestEffective(t *testing.T) {
	closed := set(33, 34, 35, 37, 40, 41, 42, 43)
	for _, c := range []struct {
		name   string
		change func(*perm.Inputs)
		want   perm.Mask
	}{
		{"member", func(*perm.Inputs) {}, perm.DefaultMember},
		{"admin", as(perm.Admin), perm.DefaultAdmin},
		{"guest", as(perm.Guest), perm.DefaultGuest},
		{"creator", as(perm.Creator), perm.All},

		{"banned account", func(in *perm.Inputs) { in.UserStatus = "banned" }, 0},
		{"banned site root", func(in *perm.Inputs) { in.UserStatus, in.SiteRole = "banned", "root" }, 0},
		{"guest of an old epoch", func(in *perm.Inputs) { as(perm.Guest)(in); in.UserStatus = "" }, 0},
		{"stranger", func(in *perm.Inputs) { in.Role, in.MemberStatus = "", "" }, 0},
		{"applicant", func(in *perm.Inputs) { in.MemberStatus = "pending" }, 0},
		{"banned member", func(in *perm.Inputs) { in.MemberStatus = "banned" }, 0},

		{"site root", func(in *perm.Inputs) { in.SiteRole, in.Role, in.MemberStatus = "root", "", "" }, perm.All},
		{"site admin", func(in *perm.Inputs) { in.SiteRole, in.Role, in.MemberStatus = "admin", "", "" }, perm.All},
		{"site admin in a root's room", func(in *perm.Inputs) {
			in.SiteRole, in.Role, in.MemberStatus, in.CreatorIsRoot = "admin", "", "", true
		}, 0},
		{"site admin as member of a root's room", func(in *perm.Inputs) { in.SiteRole, in.CreatorIsRoot = "admin", true }, perm.DefaultMember},
		{"site root in a root's room", func(in *perm.Inputs) { in.SiteRole, in.CreatorIsRoot = "root", true }, perm.All},

		{"member of a pending room", func(in *perm.Inputs) { in.RoomStatus = "pending" }, 0},
		{"creator of a pending room", func(in *perm.Inputs) { as(perm.Creator)(in); in.RoomStatus = "pending" }, set(30, 35)},
		{"creator of a banned room", func(in *perm.Inputs) { as(perm.Creator)(in); in.RoomStatus = "banned" }, 0},
		{"site admin in a banned room", func(in *perm.Inputs) { in.SiteRole, in.RoomStatus = "admin", "banned" }, perm.All},
		{"room of unknown status", func(in *perm.Inputs) { in.RoomStatus = "" }, 0},
		{"member of a closed room", func(in *perm.Inputs) { in.RoomStatus = "closed" }, set(40, 41, 42, 43)},
		{"creator of a closed room", func(in *perm.Inputs) { as(perm.Creator)(in); in.RoomStatus = "closed" }, closed | set(30)},
		{"site admin in a closed room", func(in *perm.Inputs) { in.SiteRole, in.RoomStatus = "admin", "closed" }, closed | set(30)},
		{"admin while the owner is gone", func(in *perm.Inputs) { as(perm.Admin)(in); in.OwnerInactive = true }, set(33, 37, 40, 41, 42, 43)},

		{"room adds", func(in *perm.Inputs) { in.RoomAdded = perm.PlayControl }, perm.DefaultMember | perm.PlayControl},
		{"room removes what it adds", func(in *perm.Inputs) {
			in.RoomAdded, in.RoomRemoved = perm.PlayControl, perm.PlayControl|perm.SendChat
		}, perm.DefaultMember &^ perm.SendChat},
		{"member addition beats room removal", func(in *perm.Inputs) {
			in.RoomRemoved, in.MemberAdded = perm.SendChat, perm.SendChat
		}, perm.DefaultMember},
		{"member removal beats member addition", func(in *perm.Inputs) {
			in.MemberAdded, in.MemberRemoved = perm.SendChat, perm.SendChat
		}, perm.DefaultMember &^ perm.SendChat},
		{"nobody lifts a member above the cap", func(in *perm.Inputs) {
			in.SiteDefault, in.RoomAdded, in.MemberAdded = perm.All, perm.All, perm.All
		}, perm.CapMember},
		{"guests have no overrides of their own", func(in *perm.Inputs) {
			as(perm.Guest)(in)
			in.MemberAdded, in.MemberRemoved = perm.PlayControl, perm.SendChat
		}, perm.DefaultGuest},
		{"an empty default stays empty", func(in *perm.Inputs) { in.SiteDefault = 0 }, 0},

		{"no voice, no camera", func(in *perm.Inputs) { in.MemberRemoved = perm.UseWebRTC }, perm.DefaultMember &^ set(50, 51, 52)},
		{"chat off", func(in *perm.Inputs) {
			as(perm.Creator)(in)
			in.SwitchedOff = perm.Switches{Danmaku: true, Voice: true, Video: true, P2P: true, Sharing: true, Live: true}.Off()
		}, perm.All &^ perm.SendChat},
		{"all features off", func(in *perm.Inputs) { in.SiteRole, in.SwitchedOff = "root", perm.Switches{}.Off() }, perm.All &^ set(0, 13, 15, 16, 50, 51, 52, 53, 54)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := perm.Effective(member(c.change)); got != c.want {
				t.Errorf("effective = %v, want %v", perm.Names(got), perm.Names(c.want))
			}
		})
	}
}

func TestRank(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*perm.Inputs)
		want   int
	}{
		{"site root", func(in *perm.Inputs) { in.SiteRole = "root" }, 100},
		{"site admin", func(in *perm.Inputs) { in.SiteRole = "admin" }, 90},
		{"site admin in a root's room", func(in *perm.Inputs) { in.SiteRole, in.CreatorIsRoot = "admin", true }, 20},
		{"creator", as(perm.Creator), 40},
		{"admin", as(perm.Admin), 30},
		{"member", as(perm.Member), 20},
		{"guest", as(perm.Guest), 10},
		{"applicant", func(in *perm.Inputs) { in.MemberStatus = "pending" }, 0},
		{"banned site root", func(in *perm.Inputs) { in.SiteRole, in.UserStatus, in.MemberStatus = "root", "banned", "" }, 0},
	} {
		if got := member(c.change).Rank(); got != c.want {
			t.Errorf("rank of %s = %d, want %d", c.name, got, c.want)
		}
	}
}

// anyInputs draws every combination that can be stored, and some that cannot.
func anyInputs(t *rapid.T) perm.Inputs {
	one := func(name string, values ...string) string { return rapid.SampledFrom(values).Draw(t, name) }
	mask := func(name string) perm.Mask { return perm.Mask(rapid.Int64Min(0).Draw(t, name)) }
	return perm.Inputs{
		UserStatus:    one("user", "active", "active", "pending", "banned", ""),
		SiteRole:      one("site", "user", "user", "", "admin", "root"),
		RoomStatus:    one("room", "active", "active", "pending", "closed", "banned"),
		OwnerInactive: rapid.Bool().Draw(t, "owner inactive"),
		CreatorIsRoot: rapid.Bool().Draw(t, "creator is root"),
		Role:          perm.Role(one("role", "creator", "admin", "member", "guest", "")),
		MemberStatus:  one("member", "active", "active", "pending", "banned", ""),
		SiteDefault:   mask("default"), RoomAdded: mask("room added"), RoomRemoved: mask("room removed"),
		MemberAdded: mask("member added"), MemberRemoved: mask("member removed"),
		SwitchedOff: mask("off"),
	}
}

func TestNobodyHoldsMoreThanTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInputs(t)
		limit := perm.Cap(in.Role)
		if in.ActsAsSiteAdmin() {
			limit = perm.All
		}
		got := perm.Effective(in)
		if got&^limit != 0 || got&^perm.All != 0 || got&in.SwitchedOff != 0 || got&^perm.Held(in) != 0 {
			t.Fatalf("effective %v is more than %v allows", perm.Names(got), in)
		}
	})
}

func TestTheCreatorDependsOnSwitchesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInputs(t)
		in.Role = perm.Creator
		bare := in
		bare.SiteDefault, bare.RoomAdded, bare.RoomRemoved, bare.MemberAdded, bare.MemberRemoved = 0, 0, 0, 0, 0
		if a, b := perm.Effective(in), perm.Effective(bare); a != b {
			t.Fatalf("settings change the creator's mask from %v to %v", perm.Names(b), perm.Names(a))
		}
	})
}

func TestRemovingNeverAddsAndAddingNeverRemoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInputs(t)
		before := perm.Effective(in)
		bits := perm.Mask(rapid.Int64Min(0).Draw(t, "bits"))
		for name, field := range map[string]*perm.Mask{"room": &in.RoomRemoved, "member": &in.MemberRemoved, "off": &in.SwitchedOff} {
			old := *field
			*field |= bits
			if got := perm.Effective(in); got&^before != 0 {
				t.Fatalf("removing %v from %s adds %v", perm.Names(bits), name, perm.Names(got&^before))
			}
			*field = old
		}
		for name, field := range map[string]*perm.Mask{"room": &in.RoomAdded, "member": &in.MemberAdded, "default": &in.SiteDefault} {
			old := *field
			*field |= bits
			if got := perm.Effective(in); before&^got != 0 {
				t.Fatalf("adding %v to %s removes %v", perm.Names(bits), name, perm.Names(before&^got))
			}
			*field = old
		}
	})
}

func TestTheOrderOfChangesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SliceOfN(rapid.IntRange(0, 62), 0, 20).Draw(t, "bits")
		order := rapid.Permutation(bits).Draw(t, "order")
		in := anyInputs(t)
		apply := func(in perm.Inputs, bits []int) perm.Mask {
			for _, b := range bits {
				in.MemberRemoved |= 1 << b
			}
			return perm.Effective(in)
		}
		if a, b := apply(in, bits), apply(in, order); a != b {
			t.Fatalf("order %v gives %v, order %v gives %v", bits, perm.Names(a), order, perm.Names(b))
		}
	})
}

func TestCameraAndScreenNeedVoice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInputs(t)
		in.SwitchedOff &^= perm.UseWebRTC
		got := perm.Effective(in)
		if !got.Has(perm.UseWebRTC) && got&(perm.UseVideo|perm.ShareScreen) != 0 {
			t.Fatalf("effective = %v", perm.Names(got))
		}
	})
}

func BenchmarkEffective(b *testing.B) {
	in := member(func(in *perm.Inputs) {
		in.RoomAdded, in.MemberRemoved = perm.PlayControl, perm.SendDanmaku
		in.SwitchedOff = perm.Switches{Chat: true, Voice: true}.Off()
	})
	b.ReportAllocs()
	for b.Loop() {
		perm.Effective(in)
	}
}
