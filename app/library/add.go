package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"synctv/app/auth"
	"synctv/app/room"
	"synctv/app/text"
	"synctv/providers"
	"synctv/store"
	"synctv/store/perm"
)

// Item is one media to be added.
type Item struct {
	Provider    string
	Instance    string
	Source      json.RawMessage
	Name        string // "" = from the source
	Description string
	Live        bool
	Proxy       string // auto, on, off; "" = the room's default
	Share       *bool  // nil = the provider's default
	Headers     map[string]string
	Tracks      []Track
	Duration    float64 // seconds, 0 = unknown
	Thumbnail   string
}

// Track is something beside a media: subtitles, another source.
type Track struct {
	Kind   string // subtitle, danmaku, audio, alt_source
	Name   string
	Lang   string
	Format string
	URL    string
}

// Batch is an addition of one or many media.
type Batch struct {
	Playlist string // "" = the root
	Index    *int   // nil = the end
	Dedupe   bool   // skip what the playlist holds already
	Items    []Item
	Single   bool // asked as one media: places read body.x instead of body.items[0].x
}

func (b Batch) at(i int) string {
	if b.Single {
		return "body"
	}
	return fmt.Sprintf("body.items[%d]", i)
}

// Added is what became of a batch.
type Added struct {
	Playlist store.Playlist
	Media    []MediaView
	Skipped  []int // indexes of the batch
}

var (
	mediaNameRule = text.Rule{Max: 500, Collapse: true}
	mediaTextRule = text.Rule{Max: 5000, Lines: 500}
	trackNameRule = text.Rule{Max: 100, Collapse: true}
)

// AddMedia adds the whole batch or nothing, and tells the room once.
func (s *Service) AddMedia(ctx context.Context, who auth.Actor, roomID string, b Batch) (Added, error) {
	if err := checkBatch("items", len(b.Items)); err != nil {
		return Added{}, err
	}
	rows, err := s.prepare(who, b) // shape of every source, before the transaction
	if err != nil {
		return Added{}, err
	}
	var out Added
	err = s.db.Write(ctx, func(tx *store.Tx) error { // may run again: assign, never append
		c, err := s.rooms.RequireMember(ctx, tx, who, roomID, perm.AddMedia)
		if err != nil {
			return err
		}
		out, err = s.insert(ctx, tx, c, b, rows)
		return err
	})
	if err != nil {
		return Added{}, fmt.Errorf("add %d media to room %s: %w", len(b.Items), roomID, err)
	}
	return out, nil
}

func (s *Service) insert(ctx context.Context, tx *store.Tx, c room.Caller, b Batch, rows []store.Media) (Added, error) {
	var out Added
	list, err := static(ctx, tx, c.Room.ID, b.Playlist)
	if err != nil {
		return out, err
	}
	sh := shelf{room: c.Room.ID, playlist: list.ID, maxCount: s.settings.Current().MaxItemsPerPlaylist, maxTotal: s.settings.Current().MaxMedia}
	if sh.count, err = tx.CountPlaylistMedia(ctx, list.ID); err != nil {
		return out, err
	}
	if sh.total, err = tx.CountMedia(ctx, c.Room.ID); err != nil {
		return out, err
	}
	fresh, tracks, skipped, err := s.dedupe(ctx, tx, c, list, b, rows)
	if err != nil {
		return out, err
	}
	placed, from, err := place(sh, fresh, b.Index)
	if err != nil {
		return out, err
	}
	if from < sh.count && len(placed) > 0 {
		if err := tx.ShiftMedia(ctx, list.ID, from, len(placed)); err != nil {
			return out, err
		}
	}
	if err := tx.AddMedia(ctx, placed); err != nil {
		return out, err
	}
	if len(tracks) > 0 {
		if err := tx.AddTracks(ctx, tracks); err != nil {
			return out, err
		}
	}
	if len(placed) > 0 {
		if err := s.added(ctx, tx, c, &list, placed); err != nil {
			return out, err
		}
	}
	out = Added{Playlist: list, Skipped: skipped}
	out.Media, err = views(ctx, tx, c, placed)
	for i, m := range out.Media {
		for _, t := range tracks {
			if t.MediaID == m.Media.ID {
				out.Media[i].Tracks = append(out.Media[i].Tracks, t)
			}
		}
	}
	return out, err
}

// added does what every addition ends with: version, activity, audit, news.
func (s *Service) added(ctx context.Context, tx *store.Tx, c room.Caller, list *store.Playlist, placed []store.Media) error {
	if err := tx.UpdatePlaylist(ctx, list); err != nil {
		return err
	}
	if err := tx.TouchRoom(ctx, c.Room.ID, tx.Now()); err != nil {
		return err
	}
	ids := mediaIDs(placed)
	news := *list
	tx.AfterCommit(func() { s.announce(ctx, c.Room.ID, news, "added", c.Actor, ids) })
	if len(ids) == 1 {
		return room.Audit(ctx, tx, c, "media.added", "media", ids[0], map[string]any{"playlist": list.ID, "provider": placed[0].SourceProvider})
	}
	return room.Audit(ctx, tx, c, "media.batch_added", "playlist", list.ID, map[string]any{"count": len(ids), "ids": firstIDs(ids)})
}

func mediaIDs(rows []store.Media) []string {
	ids := make([]string, len(rows))
	for i, m := range rows {
		ids[i] = m.ID
	}
	return ids
}

// dedupe finishes the rows of a batch for one run of the transaction: fresh
// ids, the creator, sealed headers; with Dedupe, without what is there.
func (s *Service) dedupe(ctx context.Context, tx *store.Tx, c room.Caller, list store.Playlist, b Batch, rows []store.Media) (fresh []store.Media, tracks []store.Track, skipped []int, err error) {
	seen := map[string]bool{}
	if b.Dedupe {
		ids, err := tx.MediaIDs(ctx, c.Room.ID, list.ID)
		if err != nil {
			return nil, nil, nil, err
		}
		have, err := tx.MediaByIDs(ctx, c.Room.ID, ids)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, m := range have {
			seen[sourceKey(m)] = true
		}
	}
	for i, m := range rows {
		if key := sourceKey(m); b.Dedupe && seen[key] {
			skipped = append(skipped, i)
			continue
		} else if b.Dedupe {
			seen[key] = true
		}
		m.ID, m.CreatorID = store.NewID(), &c.Actor.ID
		if m.Proxy == "" {
			m.Proxy = c.Settings.DefaultProxy
		}
		if m.HeadersEnc, err = s.sealHeaders(m.ID, b.Items[i].Headers); err != nil {
			return nil, nil, nil, err
		}
		fresh = append(fresh, m)
		tracks = append(tracks, trackRows(m.ID, b.Items[i].Tracks)...)
	}
	return fresh, tracks, skipped, nil
}

// sourceKey is what makes two media the same: provider, instance and source.
func sourceKey(m store.Media) string {
	instance := ""
	if m.Instance != nil {
		instance = *m.Instance
	}
	return m.SourceProvider + "|" + instance + "|" + string(m.SourceConfig)
}

// prepare checks every item and lists all offenders.
func (s *Service) prepare(who auth.Actor, b Batch) ([]store.Media, error) {
	var bad room.ValidationError
	if len(b.Items) == 0 {
		return nil, checkBatch("items", 0)
	}
	rows := make([]store.Media, len(b.Items))
	for i := range b.Items {
		rows[i] = s.row(&bad, who, b.at(i), &b.Items[i])
	}
	return rows, bad.OrNil()
}

// row is the record an item becomes, but for id, creator and place. It cleans
// the tracks of the item as well.
func (s *Service) row(bad *room.ValidationError, who auth.Actor, at string, it *Item) store.Media {
	m := store.Media{
		SourceProvider: it.Provider, Live: it.Live, Proxy: it.Proxy, AccessMode: "inherit",
		Share: shareDefault(it.Provider),
	}
	if it.Share != nil {
		m.Share = *it.Share
	}
	var err error
	if m.SourceConfig, m.Instance, err = s.source(who, it.Provider, it.Instance, it.Source); err != nil {
		bad.Add(at+".source", reason(err))
	}
	if m.Name, err = mediaNameRule.Clean(it.Name); err != nil {
		bad.Add(at+".name", err.Error())
	}
	if m.Name == "" {
		m.Name = nameOf(m.SourceConfig)
	}
	if m.Description, err = mediaTextRule.Clean(it.Description); err != nil {
		bad.Add(at+".description", err.Error())
	}
	if it.Proxy != "" && !slices.Contains(proxyModes, it.Proxy) {
		bad.Add(at+".proxy", "must be auto, on or off")
	}
	if it.Duration < 0 || it.Duration > maxDuration {
		bad.Add(at+".duration", "must be between 0 and a week, in seconds")
	} else if it.Duration > 0 && !it.Live {
		m.Duration = &it.Duration
	}
	if it.Thumbnail != "" {
		if err := checkURL(it.Thumbnail, 2048); err != nil {
			bad.Add(at+".thumbnail_url", err.Error())
		}
		m.ThumbnailURL = &it.Thumbnail
	}
	checkHeaders(bad, at, it.Headers)
	checkTracks(bad, at, it.Tracks)
	return m
}

var proxyModes = []string{"auto", "on", "off"}

const (
	maxDuration = 7 * 24 * 3600
	maxSource   = 16 << 10
	maxTracks   = 32
)

// shareDefault says whether viewers without an account of the source may watch
// through the one who added it.
func shareDefault(provider string) bool { return provider != "bilibili" }

// source validates the shape of a source and returns it normalised, with the
// instance it belongs to: one that the caller may use.
func (s *Service) source(who auth.Actor, provider, instance string, source json.RawMessage) (json.RawMessage, *string, error) {
	if len(source) > maxSource {
		return nil, nil, providers.Invalid("the source is too large")
	}
	in, err := s.instance(providers.Kind(provider), instance, who)
	if err != nil {
		return nil, nil, err
	}
	norm, err := in.Validate(source)
	if err != nil || in.Name() == "" {
		return norm, nil, err
	}
	name := in.Name()
	return norm, &name, nil
}

// reason is what a provider's refusal says to a person.
func reason(err error) string {
	var e *providers.Error
	if errors.As(err, &e) && e.Reason != "" {
		return e.Reason
	}
	return "not a valid source"
}

// nameOf makes a name of a source: the last segment of its path, else its host.
func nameOf(source json.RawMessage) string {
	var src struct{ URL, Path string }
	_ = json.Unmarshal(source, &src) // validated; other shapes leave it empty
	name := path.Base(src.Path)
	if u, err := url.Parse(src.URL); src.URL != "" && err == nil {
		if name = path.Base(u.Path); name == "." || name == "/" {
			name = u.Hostname()
		}
	}
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 6 && src.Path != "" {
		name = name[:i]
	}
	clean := []rune(text.Name(name))
	if len(clean) == 0 || name == "." || name == "/" {
		return "Untitled"
	}
	return string(clean[:min(len(clean), 500)])
}

func checkURL(s string, most int) error {
	u, err := url.Parse(s)
	switch {
	case len(s) > most:
		return fmt.Errorf("at most %d bytes", most)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must be an http or https address")
	case u.User != nil:
		return errors.New("must not hold a user name or password")
	}
	return nil
}

func checkHeaders(bad *room.ValidationError, at string, headers map[string]string) {
	if err := providers.CheckHeaders(headerSet(headers)); err != nil {
		bad.Add(at+".headers", reason(err))
	}
}

func headerSet(flat map[string]string) http.Header {
	if len(flat) == 0 {
		return nil
	}
	h := http.Header{}
	for name, value := range flat {
		h[http.CanonicalHeaderKey(name)] = append(h[http.CanonicalHeaderKey(name)], value)
	}
	return h
}

// checkTracks cleans the tracks in place.
func checkTracks(bad *room.ValidationError, at string, tracks []Track) {
	if len(tracks) > maxTracks {
		bad.Add(at+".tracks", fmt.Sprintf("at most %d", maxTracks))
		return
	}
	for i := range tracks {
		t, here := &tracks[i], fmt.Sprintf("%s.tracks[%d]", at, i)
		var err error
		if t.Name, err = trackNameRule.Clean(t.Name); err != nil {
			bad.Add(here+".name", err.Error())
		}
		if !slices.Contains([]string{"subtitle", "danmaku", "audio", "alt_source"}, t.Kind) {
			bad.Add(here+".kind", "must be subtitle, danmaku, audio or alt_source")
		}
		if t.Kind == "subtitle" && !slices.Contains([]string{"vtt", "srt", "ass", "ssa"}, t.Format) {
			bad.Add(here+".format", "must be vtt, srt, ass or ssa")
		}
		if len(t.Lang) > 16 || len(t.Format) > 16 {
			bad.Add(here, "language and format have at most 16 characters")
		}
		if err := checkURL(t.URL, 4096); err != nil {
			bad.Add(here+".url", err.Error())
		}
	}
}

func trackRows(mediaID string, tracks []Track) []store.Track {
	rows := make([]store.Track, len(tracks))
	for i, t := range tracks {
		rows[i] = store.Track{ID: store.NewID(), MediaID: mediaID, Kind: t.Kind, Name: t.Name, Lang: t.Lang, Format: t.Format, URL: &t.URL, Position: int64(i)}
	}
	return rows
}

const headersPurpose = "media-headers"

func headersPlace(mediaID string) string { return "media|headers_enc|" + mediaID }

func (s *Service) sealHeaders(mediaID string, headers map[string]string) ([]byte, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(headers)
	if err != nil {
		return nil, fmt.Errorf("encode headers: %w", err)
	}
	return s.sealer.Seal(headersPurpose, headersPlace(mediaID), raw), nil
}

func (s *Service) openHeaders(m store.Media) (http.Header, error) {
	if len(m.HeadersEnc) == 0 {
		return nil, nil
	}
	raw, err := s.sealer.Open(headersPurpose, headersPlace(m.ID), m.HeadersEnc)
	if err != nil {
		return nil, fmt.Errorf("headers of media %s: %w", m.ID, err)
	}
	var flat map[string]string
	if err := json.Unmarshal(raw, &flat); err != nil {
		return nil, fmt.Errorf("headers of media %s: %w", m.ID, err)
	}
	return headerSet(flat), nil
}
