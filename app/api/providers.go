package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/library"
	"synctv/providers"
)

// ProviderInfo is a kind of source.
type ProviderInfo struct {
	Provider     string             `json:"provider" example:"local"`
	Capabilities []string           `json:"capabilities" example:"[\"browse\",\"search\"]"`
	Instances    []ProviderInstance `json:"instances" doc:"Those you may use"`
}

// ProviderInstance is one configured way to reach a source.
type ProviderInstance struct {
	Name    string `json:"name" example:"films"`
	Healthy bool   `json:"healthy"`
}

// ProviderList is every kind of source of the site.
type ProviderList struct {
	Items []ProviderInfo `json:"items"`
}

// ResolveRequest is something pasted.
type ResolveRequest struct {
	URL      string `json:"url" minLength:"1" maxLength:"4096" example:"https://films.example.org/bunny.mp4"`
	Provider string `json:"provider,omitempty" maxLength:"32" doc:"Default: whoever understands it"`
}

// ParseRequest is something pasted for one kind of source.
type ParseRequest struct {
	URL      string          `json:"url,omitempty" maxLength:"4096" example:"https://films.example.org/bunny.mp4"`
	Source   json.RawMessage `json:"source,omitempty"`
	Instance string          `json:"instance,omitempty" maxLength:"64"`
}

// ParseResult is what it may mean, the surest first.
type ParseResult struct {
	Candidates []Candidate `json:"candidates"`
}

// Candidate is one media that could be added: pass provider, instance, source
// and live on.
type Candidate struct {
	Provider  string          `json:"provider" example:"direct"`
	Instance  *string         `json:"instance"`
	Name      string          `json:"name"`
	Source    json.RawMessage `json:"source"`
	Live      bool            `json:"live"`
	Duration  *float64        `json:"duration"`
	Container string          `json:"container" example:"mp4"`
	Warnings  []PlayWarning   `json:"warnings"`
}

// BrowseRequest asks for a page of a folder, or for matches below it.
type BrowseRequest struct {
	Instance string          `json:"instance,omitempty" maxLength:"64"`
	Target   json.RawMessage `json:"target,omitempty" doc:"Of a folder or a step of the path; absent: the top"`
	Cursor   string          `json:"cursor,omitempty" maxLength:"1024"`
	Query    string          `json:"q,omitempty" maxLength:"400" doc:"Search below the target"`
	Limit    int             `json:"limit,omitempty" minimum:"1" maximum:"200" example:"50"`
	Refresh  bool            `json:"refresh,omitempty"`
}

// BrowsePage is a part of a folder.
type BrowsePage struct {
	Path       []BrowseCrumb `json:"path" doc:"From the top to the folder"`
	Items      []BrowseItem  `json:"items"`
	NextCursor *string       `json:"next_cursor"`
}

// BrowseCrumb is one step of the path to a folder.
type BrowseCrumb struct {
	Name   string          `json:"name"`
	Target json.RawMessage `json:"target"`
}

// BrowseItem is one entry of a folder.
type BrowseItem struct {
	Name         string          `json:"name"`
	Type         string          `json:"type" enum:"folder,media"`
	Target       json.RawMessage `json:"target"`
	Source       json.RawMessage `json:"source,omitempty" doc:"Media: what POST media takes"`
	Size         int64           `json:"size"`
	ModifiedAt   *string         `json:"modified_at" format:"date-time"`
	Duration     *float64        `json:"duration"`
	Container    string          `json:"container,omitempty"`
	ThumbnailURL *string         `json:"thumbnail_url"`
	Subtitles    int             `json:"subtitles,omitempty" doc:"Files found beside it"`
}

// ProviderPath is a kind of source in a path.
type ProviderPath struct {
	Provider string `path:"provider" maxLength:"32" example:"local"`
}

// providerDeadline bounds what asks the outside.
const providerDeadline = 25 * time.Second

func (s *Server) registerProviders() {
	tags := []string{"Sources"}
	register(s, huma.Operation{
		OperationID: "list-providers", Method: http.MethodGet, Path: "/providers", Tags: tags, Summary: "Kinds of sources of this site",
	}, rule{Need: active}, s.listProviders)
	asking := rule{Need: active, Rate: "provider", Deadline: providerDeadline, Problems: []string{"provider-failed"}}
	register(s, huma.Operation{
		OperationID: "resolve", Method: http.MethodPost, Path: "/resolve", Tags: tags, Summary: "Find out what a pasted address is",
	}, asking, func(ctx context.Context, in *struct{ Body ResolveRequest }) (*body[ParseResult], error) {
		input := strings.TrimSpace(in.Body.URL)
		var list []providers.Candidate
		var err error
		if in.Body.Provider != "" {
			list, err = s.Library.Parse(ctx, actorOf(ctx), providers.Kind(in.Body.Provider), "", input, s.origin(ctx))
		} else {
			list, err = s.Library.Guess(ctx, actorOf(ctx), input, s.origin(ctx))
		}
		return candidatesOf(list, err)
	})
	register(s, huma.Operation{
		OperationID: "parse", Method: http.MethodPost, Path: "/providers/{provider}/parse", Tags: tags, Summary: "Ask one kind of source what a pasted text means",
	}, asking, func(ctx context.Context, in *struct {
		ProviderPath
		Body ParseRequest
	},
	) (*body[ParseResult], error) {
		input := strings.TrimSpace(in.Body.URL)
		if input == "" {
			input = string(in.Body.Source)
		}
		list, err := s.Library.Parse(ctx, actorOf(ctx), providers.Kind(in.Provider), in.Body.Instance, input, s.origin(ctx))
		return candidatesOf(list, err)
	})
	register(s, huma.Operation{
		OperationID: "browse", Method: http.MethodPost, Path: "/providers/{provider}/browse", Tags: tags, Summary: "Look into a folder of a source, or search below it",
	}, asking, s.browse)
}

func (s *Server) listProviders(ctx context.Context, _ *struct{}) (*body[ProviderList], error) {
	list, err := s.Library.Sources(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	out := ProviderList{Items: make([]ProviderInfo, len(list))}
	for i, src := range list {
		info := ProviderInfo{Provider: string(src.Kind), Capabilities: src.Caps, Instances: make([]ProviderInstance, len(src.Instances))}
		for j, in := range src.Instances {
			info.Instances[j] = ProviderInstance(in)
		}
		out.Items[i] = info
	}
	return answer(out), nil
}

func candidatesOf(list []providers.Candidate, err error) (*body[ParseResult], error) {
	if err != nil {
		return nil, err
	}
	out := ParseResult{Candidates: make([]Candidate, len(list))}
	for i, c := range list {
		out.Candidates[i] = Candidate{
			Provider: string(c.Provider), Instance: filled(c.Instance), Name: c.Name, Source: c.Source, Live: c.Live,
			Duration: known(c.Duration), Container: c.Container, Warnings: make([]PlayWarning, len(c.Warnings)),
		}
		for j, w := range c.Warnings {
			out.Candidates[i].Warnings[j] = PlayWarning(w)
		}
	}
	return answer(out), nil
}

func (s *Server) browse(ctx context.Context, in *struct {
	ProviderPath
	Body BrowseRequest
},
) (*body[BrowsePage], error) {
	b := in.Body
	f, err := s.Library.Browse(ctx, actorOf(ctx), providers.Kind(in.Provider), providers.BrowseRequest{
		Instance: b.Instance, Target: b.Target, Cursor: b.Cursor, Query: b.Query, Limit: b.Limit,
	})
	if err != nil {
		return nil, err
	}
	return answer(folderOf(f)), nil
}

func folderOf(f library.Folder) BrowsePage {
	out := BrowsePage{Path: make([]BrowseCrumb, len(f.Page.Path)), Items: make([]BrowseItem, len(f.Page.Items)), NextCursor: filled(f.Page.Next)}
	for i, c := range f.Page.Path {
		out.Path[i] = BrowseCrumb{Name: c.Name, Target: c.Target}
	}
	for i, it := range f.Page.Items {
		out.Items[i] = BrowseItem{
			Name: it.Name, Type: it.Type, Target: it.Target, Source: it.Source, Size: it.Size, ModifiedAt: timeOr(it.ModifiedAt),
			Duration: known(it.Duration), Container: it.Container, ThumbnailURL: filled(f.Thumbnails[i]), Subtitles: it.Subtitles,
		}
	}
	return out
}
