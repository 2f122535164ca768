package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/library"
	"synctv/store"
)

// Media is one entry of a playlist.
type Media struct {
	ID           string          `json:"id" example:"06f1c2g9s3k5m7p9r1t3"`
	RoomID       string          `json:"room_id"`
	PlaylistID   string          `json:"playlist_id"`
	Name         string          `json:"name" example:"Big Buck Bunny"`
	Description  string          `json:"description"`
	Provider     string          `json:"provider" example:"direct"`
	Instance     *string         `json:"instance"`
	Live         bool            `json:"live"`
	Duration     *float64        `json:"duration" doc:"Seconds; null while unknown"`
	Proxy        string          `json:"proxy" enum:"auto,on,off"`
	Share        bool            `json:"share"`
	ThumbnailURL *string         `json:"thumbnail_url"`
	Creator      *UserPublic     `json:"creator" doc:"null when the account is gone"`
	Position     int64           `json:"position"`
	AccessMode   string          `json:"access_mode"`
	Restricted   bool            `json:"restricted"`
	Tracks       int             `json:"tracks"`
	CreatedAt    string          `json:"created_at" format:"date-time"`
	Version      int64           `json:"version"`
	Source       json.RawMessage `json:"source,omitempty" doc:"For those who may edit it"`
}

// MediaNew is one media to be added.
type MediaNew struct {
	Provider     string            `json:"provider" minLength:"1" maxLength:"32" example:"direct"`
	Source       json.RawMessage   `json:"source" doc:"What the provider wants: a candidate of /resolve, an item of a folder" example:"{\"url\":\"https://films.example.org/bunny.mp4\"}"`
	Instance     string            `json:"instance,omitempty" maxLength:"64"`
	Name         string            `json:"name,omitempty" maxLength:"2000" doc:"Default: from the source"`
	Description  string            `json:"description,omitempty" maxLength:"20000"`
	Live         bool              `json:"live,omitempty"`
	Duration     float64           `json:"duration,omitempty" minimum:"0" maximum:"604800" doc:"Seconds, when it is known already"`
	Proxy        string            `json:"proxy,omitempty" enum:"auto,on,off" doc:"Default: the room's"`
	Share        *bool             `json:"share,omitempty"`
	ThumbnailURL string            `json:"thumbnail_url,omitempty" maxLength:"2048"`
	Headers      map[string]string `json:"headers,omitempty" doc:"Sent to the source; never shown again"`
	Tracks       []TrackNew        `json:"tracks,omitempty" maxItems:"32"`
}

// TrackNew is a subtitle, or another companion of a media.
type TrackNew struct {
	Kind   string `json:"kind" enum:"subtitle,danmaku,audio,alt_source"`
	Name   string `json:"name,omitempty" maxLength:"400" example:"English"`
	Lang   string `json:"lang,omitempty" maxLength:"16" example:"en"`
	Format string `json:"format,omitempty" maxLength:"16" example:"vtt"`
	URL    string `json:"url" maxLength:"4096"`
}

// MediaCreate adds one media.
type MediaCreate struct {
	MediaNew
	PlaylistID string `json:"playlist_id,omitempty" maxLength:"20" doc:"Default: the root"`
	Index      *int   `json:"index,omitempty" minimum:"0" doc:"Default: the end"`
}

// MediaBatch adds many media, all or none.
type MediaBatch struct {
	Items      []MediaNew `json:"items" doc:"1 to 1000"`
	PlaylistID string     `json:"playlist_id,omitempty" maxLength:"20" doc:"Default: the root"`
	Index      *int       `json:"index,omitempty" minimum:"0" doc:"Default: the end"`
	Dedupe     bool       `json:"dedupe,omitempty" doc:"Skip what the playlist holds already"`
}

// MediaAdded is what became of a batch.
type MediaAdded struct {
	Items   []Media `json:"items"`
	Skipped []int   `json:"skipped" doc:"Places of the batch that the playlist held already"`
}

// MediaPatch changes a media; absent fields stay.
type MediaPatch struct {
	Name        *string            `json:"name,omitempty" maxLength:"2000" doc:"Empty: from the source" example:"Big Buck Bunny"`
	Description *string            `json:"description,omitempty" maxLength:"20000"`
	Source      json.RawMessage    `json:"source,omitempty"`
	Instance    *string            `json:"instance,omitempty" maxLength:"64"`
	Live        *bool              `json:"live,omitempty"`
	Proxy       *string            `json:"proxy,omitempty" enum:"auto,on,off"`
	Share       *bool              `json:"share,omitempty"`
	Headers     *map[string]string `json:"headers,omitempty" doc:"Replaces all; an empty object removes them"`
}

// MediaDelete names what is to go.
type MediaDelete struct {
	IDs   []string `json:"ids" doc:"1 to 1000, none twice"`
	Force bool     `json:"force,omitempty" doc:"Also what plays now: the room goes on to what follows"`
}

// MediaDeleted says how many are gone.
type MediaDeleted struct {
	Deleted int `json:"deleted"`
}

// MediaPath is a media of a room.
type MediaPath struct {
	RoomPath
	MediaID string `path:"media_id" example:"06f1c2g9s3k5m7p9r1t3"`
}

// thumbnail is the picture of a media as the caller may fetch it.
func (s *Server) thumbnail(ctx context.Context, m store.Media) *string {
	if cover := s.Files.URL(m.CoverFileID); cover != nil {
		return cover
	}
	if u := s.Library.Thumbnail(actorOf(ctx), m); u != "" {
		return &u
	}
	return nil
}

func (s *Server) mediaOf(ctx context.Context, v library.MediaView) Media {
	m := v.Media
	out := Media{
		ID: m.ID, RoomID: m.RoomID, PlaylistID: m.PlaylistID, Name: m.Name, Description: m.Description, Provider: m.SourceProvider,
		Instance: m.Instance, Live: m.Live, Duration: m.Duration, Proxy: m.Proxy, Share: m.Share, ThumbnailURL: s.thumbnail(ctx, m),
		Position: m.Position, AccessMode: m.AccessMode, Tracks: len(v.Tracks), CreatedAt: m.CreatedAt.Text(), Version: m.Version,
	}
	if v.Creator != nil {
		u := s.userOf(*v.Creator)
		out.Creator = &u
	}
	if v.Editor {
		out.Source = m.SourceConfig
	}
	return out
}

func (s *Server) mediaList(ctx context.Context, list []library.MediaView) []Media {
	items := make([]Media, len(list))
	for i, v := range list {
		items[i] = s.mediaOf(ctx, v)
	}
	return items
}

func (m MediaNew) item() library.Item {
	it := library.Item{
		Provider: m.Provider, Instance: m.Instance, Source: m.Source, Name: m.Name, Description: m.Description, Live: m.Live,
		Proxy: m.Proxy, Share: m.Share, Headers: m.Headers, Duration: m.Duration, Thumbnail: m.ThumbnailURL,
	}
	for _, t := range m.Tracks {
		it.Tracks = append(it.Tracks, library.Track(t))
	}
	return it
}

func (s *Server) registerMedia() {
	tags := []string{"Library"}
	adding := []string{"guest-not-allowed", "quota-exceeded", "dynamic-playlist"}
	register(s, huma.Operation{
		OperationID: "add-media", Method: http.MethodPost, Path: "/rooms/{room_id}/media", Tags: tags, Summary: "Add one media", DefaultStatus: http.StatusCreated,
	}, rule{Need: inRoom, Problems: adding}, s.addMedia)
	register(s, huma.Operation{
		OperationID: "add-media-batch", Method: http.MethodPost, Path: "/rooms/{room_id}/media/batch", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Add up to 1000 media, all or none", Description: "A refusal lists every offender.",
	}, rule{Need: inRoom, Rate: "batch", Problems: adding}, s.addBatch)
	register(s, huma.Operation{
		OperationID: "delete-media-batch", Method: http.MethodPost, Path: "/rooms/{room_id}/media/batch-delete", Tags: tags,
		Summary: "Remove up to 1000 media, all or none",
	}, rule{Need: inRoom, Rate: "batch", Problems: []string{"guest-not-allowed", "media-in-use"}}, func(ctx context.Context, in *struct {
		RoomPath
		Body MediaDelete
	},
	) (*body[MediaDeleted], error) {
		n, err := s.Library.DeleteMedia(ctx, actorOf(ctx), in.RoomID, in.Body.IDs, in.Body.Force)
		if err != nil {
			return nil, err
		}
		return answer(MediaDeleted{n}), nil
	})
	register(s, huma.Operation{
		OperationID: "get-media", Method: http.MethodGet, Path: "/rooms/{room_id}/media/{media_id}", Tags: tags, Summary: "One media",
	}, rule{Need: inRoom}, func(ctx context.Context, in *MediaPath) (*versioned[Media], error) {
		v, err := s.Library.Media(ctx, actorOf(ctx), in.RoomID, in.MediaID)
		if err != nil {
			return nil, err
		}
		return &versioned[Media]{etag(v.Media.Version), s.mediaOf(ctx, v)}, nil
	})
	register(s, huma.Operation{
		OperationID: "update-media", Method: http.MethodPatch, Path: "/rooms/{room_id}/media/{media_id}", Tags: tags, Summary: "Change a media",
	}, rule{Need: inRoom, Problems: []string{"guest-not-allowed", "version-mismatch"}}, s.updateMedia)
	register(s, huma.Operation{
		OperationID: "delete-media", Method: http.MethodDelete, Path: "/rooms/{room_id}/media/{media_id}", Tags: tags, Summary: "Remove a media", DefaultStatus: noContent,
	}, rule{Need: inRoom, Problems: []string{"guest-not-allowed", "media-in-use"}}, func(ctx context.Context, in *struct {
		MediaPath
		Force bool `query:"force" doc:"Also when it plays now"`
	},
	) (*status204, error) {
		_, err := s.Library.DeleteMedia(ctx, actorOf(ctx), in.RoomID, []string{in.MediaID}, in.Force)
		return &status204{}, err
	})
	s.registerPlay(tags)
}

func (s *Server) addMedia(ctx context.Context, in *struct {
	RoomPath
	Body MediaCreate
},
) (*versioned[Media], error) {
	out, err := s.Library.AddMedia(ctx, actorOf(ctx), in.RoomID, library.Batch{
		Playlist: in.Body.PlaylistID, Index: in.Body.Index, Items: []library.Item{in.Body.item()}, Single: true,
	})
	if err != nil {
		return nil, err
	}
	v := out.Media[0]
	return &versioned[Media]{etag(v.Media.Version), s.mediaOf(ctx, v)}, nil
}

func (s *Server) addBatch(ctx context.Context, in *struct {
	RoomPath
	Body MediaBatch
},
) (*body[MediaAdded], error) {
	b := library.Batch{Playlist: in.Body.PlaylistID, Index: in.Body.Index, Dedupe: in.Body.Dedupe, Items: make([]library.Item, len(in.Body.Items))}
	for i, m := range in.Body.Items {
		b.Items[i] = m.item()
	}
	out, err := s.Library.AddMedia(ctx, actorOf(ctx), in.RoomID, b)
	if err != nil {
		return nil, err
	}
	added := MediaAdded{Items: s.mediaList(ctx, out.Media), Skipped: out.Skipped}
	if added.Skipped == nil {
		added.Skipped = []int{}
	}
	return &body[MediaAdded]{Body: added}, nil
}

func (s *Server) updateMedia(ctx context.Context, in *struct {
	MediaPath
	IfMatch string `header:"If-Match"`
	Body    MediaPatch
},
) (*versioned[Media], error) {
	version, _, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	b := in.Body
	v, err := s.Library.UpdateMedia(ctx, actorOf(ctx), in.RoomID, in.MediaID, library.MediaPatch{
		Version: version, Name: b.Name, Description: b.Description, Source: b.Source, Instance: b.Instance, Proxy: b.Proxy,
		Share: b.Share, Headers: b.Headers, Live: b.Live,
	})
	if err != nil {
		return nil, err
	}
	return &versioned[Media]{etag(v.Media.Version), s.mediaOf(ctx, v)}, nil
}

// PlayInfo is how the caller plays a media.
type PlayInfo struct {
	MediaID   string         `json:"media_id"`
	Title     string         `json:"title"`
	Duration  *float64       `json:"duration" doc:"Seconds; null when unknown or live"`
	Poster    *string        `json:"poster"`
	Live      bool           `json:"live"`
	Variants  []PlayVariant  `json:"variants" doc:"The best first"`
	Subtitles []PlaySubtitle `json:"subtitles"`
	Warnings  []PlayWarning  `json:"warnings"`
	ExpiresAt *string        `json:"expires_at" format:"date-time" doc:"Ask again before; null = never"`
}

// PlayVariant is one way to play it.
type PlayVariant struct {
	ID        string `json:"id"`
	Label     string `json:"label"`
	URL       string `json:"url" doc:"Absolute, or a path of this server"`
	Container string `json:"container" example:"mp4"`
	MIME      string `json:"mime" example:"video/mp4"`
	Codecs    string `json:"codecs"`
	Quality   int    `json:"quality"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Bitrate   int    `json:"bitrate"`
	Via       string `json:"via" enum:"direct,proxy"`
}

// PlaySubtitle is one subtitle track.
type PlaySubtitle struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Lang    string `json:"lang"`
	Format  string `json:"format" enum:"vtt,ass"`
	URL     string `json:"url"`
	Default bool   `json:"default"`
	Forced  bool   `json:"forced"`
}

// PlayWarning is what the viewer should know although it plays.
type PlayWarning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (s *Server) registerPlay(tags []string) {
	register(s, huma.Operation{
		OperationID: "play-media", Method: http.MethodGet, Path: "/rooms/{room_id}/media/{media_id}/play", Tags: tags,
		Summary: "Addresses to play a media", Description: "What a browser cannot load by itself goes through this server under a sealed address.",
	}, rule{Need: inRoom, Problems: []string{"provider-failed", "media-restricted", "guest-not-allowed"}}, func(ctx context.Context, in *MediaPath) (*body[PlayInfo], error) {
		info, err := s.Library.Play(ctx, actorOf(ctx), in.RoomID, in.MediaID, s.origin(ctx))
		if err != nil {
			return nil, err
		}
		return answer(playOf(info)), nil
	})
}

func playOf(p library.PlayInfo) PlayInfo {
	out := PlayInfo{
		MediaID: p.MediaID, Title: p.Title, Live: p.Live, Duration: known(p.Duration), Poster: filled(p.Poster), ExpiresAt: timeOr(p.Expires),
		Variants: make([]PlayVariant, len(p.Variants)), Subtitles: make([]PlaySubtitle, len(p.Subtitles)), Warnings: make([]PlayWarning, len(p.Warnings)),
	}
	for i, v := range p.Variants {
		out.Variants[i] = PlayVariant(v)
	}
	for i, sub := range p.Subtitles {
		out.Subtitles[i] = PlaySubtitle(sub)
	}
	for i, w := range p.Warnings {
		out.Warnings[i] = PlayWarning(w)
	}
	return out
}

// known is a number that is there, nil for the zero that stands for "unknown".
func known(f float64) *float64 {
	if f <= 0 {
		return nil
	}
	return &f
}

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func timeOr(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	at := store.MillisOf(t).Text()
	return &at
}
