package protocol

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"synctv/realtime/playback"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples has one of every message that a server sends. The golden files made
// of them are the documentation of the wire, and the web UI's tests read them.
func samples() map[string]any {
	state := StateOf(playback.State{
		Epoch: 3, Version: 42, Generation: 7, Playing: true, Position: 12.5, Rate: 1, UpdatedAt: 1790000004212.3,
		Media:  &playback.Current{ID: "06f1c2g9s3k5m7p9r1t3", PlaylistID: "06f1c2g9s3k5m7p9r1a0", Kind: "direct", Name: "Big Buck Bunny", Duration: 600.04},
		Reason: playback.ReasonPlay, Actor: "06f1c2g9s3k5m7p9r1u1", Op: "k3f9a8b7c6d5e4f3",
	})
	held := state
	held.Hold = &playback.Hold{Since: 1790000004212.3, Deadline: 1790000014212.3, Waiting: []string{"06f1c2g9s3k5m7p9r1u1"}}
	held.Reason, held.Actor, held.Op = playback.ReasonSelect, "", ""
	ann := Person{ID: "06f1c2g9s3k5m7p9r1u1", Kind: "user", Name: "Ann", AvatarURL: "/files/06f1c2g9s3k5m7p9r1f1/x"}
	bob := Person{ID: "g:06f1c2g9s3k5m7p9r1g1", Kind: "guest", Name: "Bob"}
	drift := -12
	presence := PresenceChanged{Count: 2, Members: []PresenceMember{
		{Person: ann, Role: "creator", Devices: 2, State: "playing", DriftMS: &drift}, {Person: bob, Role: "guest", Devices: 1},
	}}
	member := Member{Person: ann, Role: "admin", Status: "active", Nickname: "Annie", Version: 3}
	edited, reply := "2026-02-08T10:00:05.000Z", "06f1c2g9s3k5m7p9r1c0"
	return map[string]any{
		TypeWelcome: Welcome{
			ConnID: "a1", User: bob, Role: "guest", Room: RoomRef{ID: "06f1c2g9s3k5m7p9r1r1", Name: "Film night"},
			Permissions: []string{"send_chat", "view_playlist"}, PermissionsMask: "1099511627777", Epoch: 3, Seq: 811, State: state,
			MembersCount: 2, Server: Server{Version: "1.0.0", Build: "f0635ff"}, HeartbeatS: 20, ToleranceMS: 200,
			WelcomeMessage: "Be kind.", Resumed: true,
		},
		TypeResync:                  Resync{Epoch: 3, Seq: 811, State: state, Presence: presence, Reason: "gap"},
		TypeBye:                     Bye{Code: CloseKicked.String(), Detail: "by Ann", RetryAt: "2026-02-08T10:01:00.000Z"},
		TypeError:                   Error{Code: "validation", Detail: "position", Type: TypePlaybackCommand, Op: "k3f9a8b7c6d5e4f3"},
		TypeClockPong:               ClockPong{T0: 1790000000123.4, T1: 1790000003912.1, T2: 1790000003912.3},
		TypePlaybackState:           state,
		TypePlaybackState + ".hold": held,
		TypePlaybackState + ".none": StateOf(playback.State{Epoch: 3, Version: 1, Generation: 1, Rate: 1, Reason: playback.ReasonResync}),
		TypePlaybackReject:          PlaybackReject{Op: "k3f9a8b7c6d5e4f3", Code: RejectStale, State: state},
		TypePlaybackPeers:           PlaybackPeers{Items: []Peer{{ID: ann.ID, State: playback.Buffering, DriftMS: -12, BufferedS: 0.4}}},
		TypeNextIn:                  NextIn{Seconds: 3, MediaID: state.Media.ID, Media: state.Media, Generation: 7},
		TypeAdvanceFailed:           AdvanceFailed{Generation: 7, Retry: true},
		TypeWaitLimit:               WaitLimit{Until: 1790000304212.3},
		TypeLibraryChanged:          LibraryChanged{PlaylistID: state.Media.PlaylistID, Version: 12, Op: "added", IDs: []string{state.Media.ID}, Actor: ann.ID},
		TypePlaylistChanged:         PlaylistChanged{PlaylistID: state.Media.PlaylistID, Version: 2, Op: "updated"},
		TypeRoomUpdated:             RoomUpdated{ID: "06f1c2g9s3k5m7p9r1r1", Name: "Film night", Visibility: "public", Status: "active", Version: 4},
		TypeRoomSettings:            RoomSettings{Settings: json.RawMessage(`{"allow_guests":true}`), Version: 5},
		TypeMemberJoined:            MemberJoined{Member: member},
		TypeMemberLeft:              MemberLeft{ID: ann.ID, By: "06f1c2g9s3k5m7p9r1u2"},
		TypeMemberUpdated:           MemberUpdated{Member: member},
		TypePermissions:             PermissionsChanged{Role: "member", Permissions: []string{"send_chat"}, PermissionsMask: "1"},
		TypePresenceCount:           PresenceCount{Count: 250},
		TypePresenceChanged:         presence,
		TypeChatMessage:             ChatMessage{ID: "06f1c2g9s3k5m7p9r1c1", Seq: 5, Author: &ann, Kind: "text", Content: "hello <b>& you</b>", ReplyTo: &reply, ClientID: "c-1", CreatedAt: "2026-02-08T10:00:00.000Z"},
		TypeChatEdited:              ChatMessage{ID: "06f1c2g9s3k5m7p9r1c1", Seq: 5, Kind: "text", Content: "hello", CreatedAt: "2026-02-08T10:00:00.000Z", EditedAt: &edited},
		TypeChatDeleted:             ChatDeleted{ID: "06f1c2g9s3k5m7p9r1c1", Seq: 5, By: ann.ID},
		TypeChatCleared:             ChatCleared{Seq: 5, By: ann.ID},
		TypeChatTyping:              Typing{ID: ann.ID, Name: ann.Name},
	}
}

// incoming has one of every message that a client sends.
var incoming = map[string]string{
	"hello":            `{"type":"hello","data":{"resume":{"epoch":3,"seq":811},"client":"web/1.4.0","caps":["hls","flv","ass"]}}`,
	"clock.ping":       `{"type":"clock.ping","data":{"t0":1790000000123.4}}`,
	"playback.command": `{"type":"playback.command","data":{"op":"k3f9a8b7c6d5e4f3","do":"seek","position":12.5,"at":1790000000123.4,"expected_generation":7,"expected_version":41}}`,
	"playback.report":  `{"type":"playback.report","data":{"version":42,"generation":7,"state":"playing","position":13.02,"at":1790000000623,"drift_ms":-12,"buffered_s":24.1,"rtt_ms":83,"offset_err_ms":6,"rate":1,"duration":600.04,"stalls":0,"dropped":3,"engine":"hls"}}`,
	"sync.get":         `{"type":"sync.get","data":{"epoch":3,"version":41}}`,
	"chat.typing":      `{"type":"chat.typing","data":{}}`,
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatalf("%s is not JSON: %v", name, err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pretty.Bytes(), want) {
		t.Errorf("%s changed on the wire:\n%s", name, pretty.String())
	}
}

func TestServerMessages(t *testing.T) {
	direct := map[string]bool{
		TypeWelcome: true, TypeResync: true, TypeBye: true, TypeError: true, TypePlaybackReject: true, TypePresenceCount: true,
		TypePresenceChanged: true, TypePlaybackPeers: true, TypeChatTyping: true, TypeWaitLimit: true,
	}
	for name, data := range samples() {
		t.Run(name, func(t *testing.T) {
			typ := name
			if typ == TypePlaybackState+".hold" || typ == TypePlaybackState+".none" {
				typ = TypePlaybackState
			}
			p, err := Encode(Event{Type: typ, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			seq := uint64(812)
			if direct[typ] {
				seq = 0
			}
			f := NewFrame(seq, typ, 1790000004212.3, p)
			if typ == TypeClockPong {
				pong, _ := data.(ClockPong)
				f = NewRaw(AppendPong(nil, pong))
				golden(t, "server."+name, f.Wire()[2:])
				return
			}
			golden(t, "server."+name, f.Text())
			if typ == TypePlaybackState && len(p) > 400 {
				t.Errorf("a state of %d bytes, want at most 400", len(p))
			}
		})
	}
}

func TestClientMessages(t *testing.T) {
	for name, p := range incoming {
		t.Run(name, func(t *testing.T) {
			cmd, err := Decode([]byte(p))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "client."+name, []byte(p))
			data, err := json.Marshal(cmd)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Decode(append(append([]byte(`{"type":"`+name+`","data":`), data...), '}'))
			if err != nil {
				t.Fatalf("what was encoded is not decoded: %v\n%s", err, data)
			}
			if a, _ := json.Marshal(again); !bytes.Equal(a, data) {
				t.Errorf("%s\nbecame\n%s", data, a)
			}
		})
	}
}
