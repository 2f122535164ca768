package room

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"synctv/app/auth"
	"synctv/app/settings"
	"synctv/app/text"
	"synctv/store"
)

// Draft is a room to be created.
type Draft struct {
	Name        string
	Description string
	Visibility  string // "" = the site's default
	Slug        string // "" = none
	Password    string // "" = none
	Template    string // standard, public, private, theater; "" = standard
	Settings    json.RawMessage
}

var (
	nameRule        = text.Rule{Min: 1, Max: 100, Collapse: true}
	descriptionRule = text.Rule{Max: 500, Lines: 50}
	nicknameRule    = text.Rule{Max: 64, Collapse: true}
	slugForm        = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,39}$`)
)

// reservedSlugs are path segments that a page of ours has or may get.
var reservedSlugs = []string{"health", "stats", "batch", "reorder", "new", "create", "settings"}

// Create makes a room with everything that belongs to it: settings, its
// creator as a member, the root playlist, the playback state.
func (s *Service) Create(ctx context.Context, who auth.Actor, d Draft) (View, error) {
	if err := RequireUser(who); err != nil {
		return View{}, err
	}
	site := s.site()
	if site.RoomCreation == "off" && !who.IsSiteAdmin() || site.RoomCreation == "admins" && !who.IsSiteAdmin() {
		return View{}, ErrCreationOff
	}
	r, raw, err := d.clean(site)
	if err != nil {
		return View{}, err
	}
	if r.PasswordHash, err = s.hash(ctx, site, d.Password); err != nil {
		return View{}, err
	}
	r.CreatorID = who.ID
	var made store.Room
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		made = r // this may run again: start from the same
		made.ID = store.NewID()
		made.LastActivityAt = tx.Now()
		return s.insert(ctx, tx, who, &made, raw, site)
	})
	if err != nil {
		return View{}, fmt.Errorf("create room: %w", taken(err))
	}
	return s.View(ctx, who, made.ID)
}

func (d Draft) clean(site *settings.Site) (store.Room, json.RawMessage, error) {
	r := store.Room{Status: "active", Visibility: d.Visibility}
	if r.Visibility == "" {
		r.Visibility = site.DefaultVisibility
	}
	var bad ValidationError
	cleanInto(&bad, "body.name", nameRule, d.Name, &r.Name)
	cleanInto(&bad, "body.description", descriptionRule, d.Description, &r.Description)
	checkVisibility(&bad, r.Visibility)
	r.NameKey = store.Fold(r.Name)
	if d.Slug != "" {
		checkSlug(&bad, d.Slug)
		r.Slug = &d.Slug
	}
	checkPassword(&bad, d.Password)
	if err := bad.OrNil(); err != nil {
		return r, nil, err
	}
	base, err := fromTemplate(d.Template)
	if err != nil {
		return r, nil, err
	}
	_, raw, err := merge(nil, base, site)
	if err != nil {
		return r, nil, err
	}
	_, raw, err = merge(raw, d.Settings, site)
	return r, raw, err
}

func cleanInto(bad *ValidationError, location string, rule text.Rule, in string, out *string) {
	clean, err := rule.Clean(in)
	if err != nil {
		bad.Add(location, err.Error())
	}
	*out = clean
}

func checkVisibility(bad *ValidationError, v string) {
	if v != "public" && v != "unlisted" && v != "private" {
		bad.Add("body.visibility", "must be public, unlisted or private")
	}
}

func checkSlug(bad *ValidationError, slug string) {
	switch {
	case !slugForm.MatchString(slug) || len(slug) > 40:
		bad.Add("body.slug", "3 to 40 of a-z, 0-9 and single dashes between them")
	case store.ValidID(slug):
		bad.Add("body.slug", "looks like an id")
	default:
		for _, r := range reservedSlugs {
			if slug == r {
				bad.Add("body.slug", "is reserved")
			}
		}
	}
}

// checkPassword accepts the empty password: it means "none".
func checkPassword(bad *ValidationError, password string) {
	if n := utf8.RuneCountInString(password); password != "" && (n < 4 || n > 128 || !utf8.ValidString(password)) {
		bad.Add("body.password", "4 to 128 characters")
	}
}

// hash applies the site's policy and hashes; nil for no password.
func (s *Service) hash(ctx context.Context, site *settings.Site, password string) (*string, error) {
	switch {
	case password == "" && site.PasswordPolicy == "required", password != "" && site.PasswordPolicy == "forbidden":
		return nil, ErrPasswordPolicy
	case password == "":
		return nil, nil
	}
	phc, err := s.passwords.Hash(ctx, auth.RoomDoor, password)
	if err != nil {
		return nil, err
	}
	return &phc, nil
}

func (s *Service) insert(ctx context.Context, tx *store.Tx, who auth.Actor, r *store.Room, raw json.RawMessage, site *settings.Site) error {
	have, err := tx.CountRooms(ctx, who.ID)
	if err != nil {
		return err
	}
	if have >= site.MaxRooms {
		return &QuotaError{What: "rooms", Limit: site.MaxRooms, Current: have}
	}
	if err := tx.AddRoom(ctx, r); err != nil {
		return err
	}
	if _, err := tx.PutRoomSettings(ctx, r.ID, raw, 0); err != nil {
		return err
	}
	now := tx.Now()
	if err := tx.AddMember(ctx, &store.Member{RoomID: r.ID, UserID: who.ID, Role: "creator", Status: "active", JoinedAt: &now}); err != nil {
		return err
	}
	root := &store.Playlist{ID: store.NewID(), RoomID: r.ID, IsRoot: true, Kind: "static", CreatorID: &who.ID, BrowseMode: "all", AccessMode: "inherit"}
	if err := tx.AddPlaylist(ctx, root); err != nil {
		return err
	}
	if err := tx.AddPlayback(ctx, &store.Playback{RoomID: r.ID, Rate: 1, Generation: 1, Version: 1, UpdatedAt: now}); err != nil {
		return err
	}
	return audit(ctx, tx, who, "", r.ID, "room.created", "room", r.ID, map[string]any{"name": r.Name, "visibility": r.Visibility})
}

// taken turns a broken uniqueness of rooms into a refusal people understand.
func taken(err error) error {
	var c *store.ConflictError
	if errors.As(err, &c) && (strings.Contains(c.Key, "name_key") || strings.Contains(c.Key, "slug")) {
		return ErrNameTaken
	}
	return err
}
