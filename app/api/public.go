package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"synctv/store/perm"
)

// Info is what everybody may know of the site.
type Info struct {
	Name        string   `json:"name" example:"Kino Küche"`
	Description string   `json:"description"`
	Version     string   `json:"version"`
	Build       string   `json:"build" doc:"Names the web app inside this server"`
	SetupNeeded bool     `json:"setup_needed"`
	Locale      string   `json:"locale" example:"en"`
	PublicURL   string   `json:"public_url" doc:"Empty: use the address of the page"`
	Features    Features `json:"features"`
	Limits      Limits   `json:"limits"`
}

// Features tells what the site offers.
type Features struct {
	Signup        bool         `json:"signup"`
	SignupMethods []string     `json:"signup_methods"`
	OAuth         []string     `json:"oauth"`
	Guests        bool         `json:"guests"`
	Passkey       bool         `json:"passkey"`
	Captcha       string       `json:"captcha" enum:"none,pow"`
	Live          LiveFeatures `json:"live"`
	WebRTC        bool         `json:"webrtc"`
	Sharing       bool         `json:"sharing"`
	Mail          bool         `json:"mail"`
	Library       bool         `json:"library" doc:"Whether folders of the server can be browsed"`
}

// LiveFeatures tells how live streams may come in.
type LiveFeatures struct {
	RTMP bool `json:"rtmp"`
	WHIP bool `json:"whip"`
}

// Limits are bounds that a form may show.
type Limits struct {
	ChatMax        int `json:"chat_max" example:"500"`
	RoomNameMax    int `json:"room_name_max" example:"100"`
	DescriptionMax int `json:"description_max" example:"500"`
	PasswordMin    int `json:"password_min" example:"8"`
	RoomPassMin    int `json:"room_password_min" example:"4"`
	BodyMax        int `json:"body_max" example:"262144"`
	BatchMax       int `json:"batch_max" example:"1000"`
}

// TimeNow is the media clock.
type TimeNow struct {
	ServerTimeMS float64 `json:"server_time_ms" example:"1790000000123.4"`
}

// PermissionBit describes one right.
type PermissionBit struct {
	Bit    int    `json:"bit"`
	Name   string `json:"name" example:"send_chat"`
	Guest  string `json:"guest" enum:"on,off,never"`
	Member string `json:"member" enum:"on,off,never"`
	Admin  string `json:"admin" enum:"on,off,never"`
}

// PermissionCatalogue lists every right and who has it by default.
type PermissionCatalogue struct {
	Bits []PermissionBit `json:"bits"`
}

type uncached[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         T
}

func (s *Server) registerPublic() {
	tags := []string{"Public"}
	register(s, huma.Operation{
		OperationID: "get-info", Method: http.MethodGet, Path: "/public/info", Tags: tags, Summary: "Name, version and features of the site",
	}, rule{}, func(ctx context.Context, _ *struct{}) (*body[Info], error) {
		return answer(s.info()), nil
	})
	register(s, huma.Operation{
		OperationID: "get-time", Method: http.MethodGet, Path: "/public/time", Tags: tags, Summary: "The media clock, in Unix milliseconds with fraction",
	}, rule{}, func(context.Context, *struct{}) (*uncached[TimeNow], error) {
		return &uncached[TimeNow]{"no-store", TimeNow{s.Hub.MediaNow()}}, nil
	})
	register(s, huma.Operation{
		OperationID: "get-permissions", Method: http.MethodGet, Path: "/public/permissions", Tags: tags, Summary: "Every room permission and its defaults",
	}, rule{}, func(context.Context, *struct{}) (*body[PermissionCatalogue], error) {
		return answer(permissionCatalogue()), nil
	})
}

func (s *Server) info() Info {
	site := s.Settings.Current()
	methods := []string{}
	if site.SignupEnabled {
		methods = append(methods, "password")
	}
	return Info{
		Name: site.Name, Description: site.Description, Version: s.Version, Build: s.Build, SetupNeeded: s.Accounts.SetupNeeded(),
		Locale: site.DefaultLocale, PublicURL: site.PublicURL,
		Features: Features{
			Signup: false, SignupMethods: methods, OAuth: []string{}, Guests: site.GuestsEnabled, Captcha: "none", Library: s.LibraryFolders,
		},
		Limits: Limits{
			ChatMax: 500, RoomNameMax: 100, DescriptionMax: 500, PasswordMin: site.PasswordMin, RoomPassMin: 4, BodyMax: defaultBody, BatchMax: 1000,
		},
	}
}

func permissionCatalogue() PermissionCatalogue {
	word := func(standing string) string {
		if standing == "may" {
			return "off"
		}
		return standing
	}
	out := PermissionCatalogue{Bits: []PermissionBit{}}
	for _, p := range perm.List() {
		out.Bits = append(out.Bits, PermissionBit{Bit: p.Bit, Name: p.Name, Guest: word(p.Guest), Member: word(p.Member), Admin: word(p.Admin)})
	}
	return out
}
