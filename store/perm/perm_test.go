package perm_test

import (
	"encoding/json"
	"errors"
	"math/bits"
	"slices"
	"testing"

	"synctv/store/perm"
)

var roles = []perm.Role{perm.Creator, perm.Admin, perm.Member, perm.Guest}

// set is the mask of these bit numbers, as domain.md writes masks.
func set(numbers ...int) perm.Mask {
	var m perm.Mask
	for _, n := range numbers {
		m |= 1 << n
	}
	return m
}

func TestDefaultsAndCapsAreThoseOfTheDesign(t *testing.T) {
	member := set(0, 1, 2, 4, 40, 41, 42, 43, 50, 51, 52, 53, 54)
	all := set(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 30, 31, 32, 33, 34, 35, 36, 37,
		40, 41, 42, 43, 50, 51, 52, 53, 54)
	for _, c := range []struct {
		name      string
		got, want perm.Mask
	}{
		{"All", perm.All, all},
		{"DefaultGuest", perm.DefaultGuest, set(0, 40, 41, 42, 53)},
		{"DefaultMember", perm.DefaultMember, member},
		{"DefaultAdmin", perm.DefaultAdmin, member | set(3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 21, 22, 25, 30, 31, 32, 33, 36, 37)},
		{"CapGuest", perm.CapGuest, set(0, 10, 11, 12, 40, 41, 42, 43, 50, 51, 53, 54)},
		{"CapMember", perm.CapMember, all &^ set(23, 24, 30, 31, 34, 35, 37)},
		{"CapAdmin", perm.CapAdmin, all &^ set(24)},
		{"CapCreator", perm.CapCreator, all},
	} {
		if c.got != c.want {
			t.Errorf("%s = %v, want %v", c.name, perm.Names(c.got), perm.Names(c.want))
		}
	}
	for _, role := range roles {
		if perm.Default(role)&^perm.Cap(role) != 0 {
			t.Errorf("default of %s is more than its cap", role)
		}
	}
	if perm.Default("stranger") != 0 || perm.Cap("stranger") != 0 || perm.Role("stranger").Rank() != 0 {
		t.Error("an unknown role holds something")
	}
}

func TestEveryPermissionHasOneBitAndOneName(t *testing.T) {
	seen := map[string]bool{}
	last := -1
	for _, info := range perm.List() {
		if info.Bit <= last || info.Bit > 62 || info.Name == "" || seen[info.Name] {
			t.Errorf("permission %+v is out of order, unnamed or named twice", info)
		}
		last, seen[info.Name] = info.Bit, true
	}
	if got, want := len(seen), bits.OnesCount64(uint64(perm.All)); got != want {
		t.Errorf("%d permissions are described, %d are defined", got, want)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  perm.Mask
		err   error
	}{
		{nil, 0, nil},
		{[]string{"send_chat"}, perm.SendChat, nil},
		{[]string{"view_playlist", "send_chat"}, perm.SendChat | perm.ViewPlaylist, nil},
		{[]string{"SEND_CHAT"}, 0, perm.ErrUnknown},
		{[]string{""}, 0, perm.ErrUnknown},
		{[]string{"send_chat", "send_chat"}, 0, perm.ErrDuplicate},
	} {
		got, err := perm.Parse(c.names)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Parse(%q) = %v, %v; want %v, %v", c.names, got, err, c.want, c.err)
		}
	}
}

func TestAMaskIsNeverAJSONNumber(t *testing.T) {
	out, err := json.Marshal(map[string]perm.Mask{"mask": perm.SendDanmaku | perm.UseP2PMedia})
	if want := `{"mask":"27021597764222976"}`; err != nil || string(out) != want {
		t.Errorf("JSON = %s, %v; want %s", out, err, want)
	}
	var back struct{ Mask perm.Mask }
	if err := json.Unmarshal([]byte(`{"mask":"27021597764222976"}`), &back); err != nil || back.Mask != perm.SendDanmaku|perm.UseP2PMedia {
		t.Errorf("read back %v, %v", back.Mask, err)
	}
	for _, bad := range []string{`{"mask":"-1"}`, `{"mask":"131072"}`, `{"mask":"x"}`} {
		if err := json.Unmarshal([]byte(bad), &back); !errors.Is(err, perm.ErrUnknown) {
			t.Errorf("%s is taken: %v", bad, err)
		}
	}
}

func TestTemplatesStayWithinWhatMembersCanHold(t *testing.T) {
	var names []string
	for _, tpl := range perm.Templates() {
		names = append(names, tpl.Name)
		if tpl.Added&^perm.CapMember != 0 || tpl.Added&tpl.Removed != 0 {
			t.Errorf("template %s adds %v and removes %v", tpl.Name, perm.Names(tpl.Added), perm.Names(tpl.Removed))
		}
	}
	if !slices.Equal(names, []string{"public", "standard", "private", "theater"}) {
		t.Errorf("templates = %v", names)
	}
}

// FuzzPermissions reads masks from numbers and from names.
func FuzzPermissions(f *testing.F) {
	f.Add(int64(perm.All), "send_chat", "12")
	f.Add(int64(-1), "use_p2p_media", "-1")
	f.Add(int64(1)<<62, "send_chat\x00", "0x10")
	f.Fuzz(func(t *testing.T, number int64, name, text string) {
		m := perm.Mask(number)
		names := perm.Names(m)
		back, err := perm.Parse(names)
		if err != nil || back != m&perm.All {
			t.Fatalf("Parse(Names(%d)) = %d, %v", number, back, err)
		}
		one, err := perm.Parse([]string{name})
		if err == nil && (bits.OnesCount64(uint64(one)) != 1 || perm.Names(one)[0] != name) {
			t.Fatalf("Parse(%q) = %v", name, one)
		}
		if _, err := perm.Parse([]string{name, name}); err == nil {
			t.Fatalf("%q twice is taken", name)
		}
		var read perm.Mask
		if err := read.UnmarshalText([]byte(text)); err == nil && (read < 0 || read&^perm.All != 0) {
			t.Fatalf("UnmarshalText(%q) = %d", text, read)
		}
	})
}
