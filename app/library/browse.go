package library

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/providers"
)

// Source is a kind of source a user can choose from.
type Source struct {
	Kind      providers.Kind
	Caps      []string
	Instances []Instance
}

// Instance is one configured way to reach a source.
type Instance struct {
	Name    string
	Healthy bool
}

// Sources lists the kinds of sources of this site with the instances that the
// caller may use.
func (s *Service) Sources(_ context.Context, who auth.Actor) ([]Source, error) {
	if err := room.RequireUser(who); err != nil {
		return nil, err
	}
	out := []Source{}
	for _, kind := range s.registry.Kinds() {
		src := Source{Kind: kind, Caps: s.registry.Caps(kind).Names(), Instances: []Instance{}}
		builtIn := false
		for _, in := range s.registry.Instances(kind) {
			switch {
			case in.Name() == "":
				builtIn = true
			case !in.Config().Disabled && visible(in.Config(), who):
				src.Instances = append(src.Instances, Instance{Name: in.Name(), Healthy: in.Err() == nil})
			}
		}
		if builtIn || len(src.Instances) > 0 {
			out = append(out, src)
		}
	}
	return out, nil
}

// visible reports whether an instance is there for the caller. One that is not
// does not exist for them.
func visible(cfg providers.InstanceConfig, who auth.Actor) bool {
	var conf struct {
		VisibleTo struct {
			Mode  string   `json:"mode"`
			Roles []string `json:"roles"`
			Users []string `json:"users"`
		} `json:"visible_to"`
	}
	var word struct {
		VisibleTo string `json:"visible_to"`
	}
	if json.Unmarshal(cfg.Config, &word) == nil && word.VisibleTo != "" {
		return word.VisibleTo == "everyone" || who.IsSiteAdmin()
	}
	if json.Unmarshal(cfg.Config, &conf) != nil || conf.VisibleTo.Mode == "" || conf.VisibleTo.Mode == "everyone" || who.IsSiteAdmin() {
		return true
	}
	for _, r := range conf.VisibleTo.Roles {
		if conf.VisibleTo.Mode == "roles" && r == who.SiteRole {
			return true
		}
	}
	for _, u := range conf.VisibleTo.Users {
		if conf.VisibleTo.Mode == "users" && u == who.ID {
			return true
		}
	}
	return false
}

// instance finds an instance that the caller may use. Without a name it is the
// built-in one, or the only one there is.
func (s *Service) instance(kind providers.Kind, name string, who auth.Actor) (*providers.Instance, error) {
	if name == "" {
		all := s.registry.Instances(kind)
		if len(all) == 1 {
			name = all[0].Name()
		}
	}
	in, err := s.registry.Get(kind, name)
	if err != nil {
		return nil, err
	}
	if !visible(in.Config(), who) {
		return nil, &providers.Error{Class: providers.ClassNotFound, Kind: kind, Instance: name, Reason: "there is no such instance"}
	}
	return in, nil
}

// Folder is one page of a source, with pictures that a browser may load.
type Folder struct {
	Page       *providers.Page
	Thumbnails []string // by item; "" = none
}

// Browse lists a folder of a source, or matches below it.
func (s *Service) Browse(ctx context.Context, who auth.Actor, kind providers.Kind, rq providers.BrowseRequest) (Folder, error) {
	if err := room.RequireUser(who); err != nil {
		return Folder{}, err
	}
	in, err := s.instance(kind, rq.Instance, who)
	if err != nil {
		return Folder{}, err
	}
	page, err := in.Browse(ctx, rq)
	if err != nil {
		return Folder{}, fmt.Errorf("browse %s: %w", kind, err)
	}
	f := Folder{Page: page, Thumbnails: make([]string, len(page.Items))}
	for i, it := range page.Items {
		if it.Thumbnail != "" {
			f.Thumbnails[i] = thumbnail(s.proxy, who.ID, in.Name(), it.Thumbnail)
		}
	}
	return f, nil
}

// Parse asks one kind of source what a pasted text means.
func (s *Service) Parse(ctx context.Context, who auth.Actor, kind providers.Kind, instance, input, publicURL string) ([]providers.Candidate, error) {
	if err := room.RequireUser(who); err != nil {
		return nil, err
	}
	in, err := s.instance(kind, instance, who)
	if err != nil {
		return nil, err
	}
	res, err := in.Parse(ctx, providers.ParseRequest{Input: input, Instance: in.Name(), PublicURL: publicURL})
	if err != nil {
		return nil, fmt.Errorf("parse with %s: %w", kind, err)
	}
	return res.Candidates, nil
}

// resolveBudget bounds the time spent on one guess of Guess.
const resolveBudget = 12 * time.Second

// Guess finds out what a pasted text means without being told the kind of
// source: the surest kinds are asked first, the first answer wins.
func (s *Service) Guess(ctx context.Context, who auth.Actor, input, publicURL string) ([]providers.Candidate, error) {
	if err := room.RequireUser(who); err != nil {
		return nil, err
	}
	var first error
	for _, match := range s.registry.Match(input) {
		ctx, cancel := context.WithTimeout(ctx, resolveBudget)
		list, err := s.Parse(ctx, who, match.Kind, match.Instance, input, publicURL)
		cancel()
		if err == nil && len(list) > 0 {
			return list, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = &providers.Error{Class: providers.ClassUnsupported, Op: "parse", Reason: "no source understands this; paste a web address"}
	}
	return nil, first
}
