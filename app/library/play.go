package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"synctv/app/auth"
	"synctv/providers"
	"synctv/providers/proxy"
	"synctv/store"
)

// PlayInfo is how one viewer plays a media: addresses a browser may load.
type PlayInfo struct {
	MediaID   string
	Title     string
	Duration  float64 // seconds, 0 = unknown
	Poster    string
	Live      bool
	Variants  []Variant
	Subtitles []Subtitle
	Warnings  []providers.Warning
	Expires   time.Time // zero = never
}

// Variant is one way to play it, the best first.
type Variant struct {
	ID, Label, URL, Container, MIME, Codecs string
	Quality, Width, Height, Bitrate         int
	Via                                     string // direct, proxy
}

// Subtitle is one subtitle track. ASS tracks come twice: as they are for a
// renderer, and as plain cues.
type Subtitle struct {
	ID, Label, Lang, Format, URL string
	Default, Forced              bool
}

const (
	mediaTTL  = 6 * time.Hour // longest life of a media ticket
	viaDirect = "direct"
	viaProxy  = "proxy"
)

// Play resolves a media for one viewer. publicURL is the origin of their page.
func (s *Service) Play(ctx context.Context, who auth.Actor, roomID, mediaID, publicURL string) (PlayInfo, error) {
	var m store.Media
	var tracks []store.Track
	err := s.db.Read(ctx, func(tx *store.Tx) error {
		_, err := s.rooms.Require(ctx, tx, who, roomID, 0)
		if err != nil {
			return err
		}
		if m, err = media(ctx, tx, roomID, mediaID); err != nil {
			return err
		}
		tracks, err = tx.TracksOf(ctx, mediaID)
		return err
	})
	if err != nil {
		return PlayInfo{}, fmt.Errorf("play media %s: %w", mediaID, err)
	}
	rq, err := s.resolveRequest(m, publicURL)
	if err != nil {
		return PlayInfo{}, err
	}
	info, err := s.registry.Resolve(ctx, rq)
	if err != nil {
		return PlayInfo{}, fmt.Errorf("play media %s: %w", mediaID, err)
	}
	v := viewing{room: roomID, media: m, user: who.ID, expires: ticketEnd(time.Now()), mode: s.settings.Current().MediaProxy, proxy: s.proxy}
	out, err := v.translate(info, tracks)
	if err != nil {
		return PlayInfo{}, fmt.Errorf("play media %s: %w", mediaID, err)
	}
	s.learn(ctx, m, info)
	return out, nil
}

func (s *Service) resolveRequest(m store.Media, publicURL string) (providers.ResolveRequest, error) {
	headers, err := s.openHeaders(m)
	rq := providers.ResolveRequest{Kind: providers.Kind(m.SourceProvider), Source: m.SourceConfig, Headers: headers, PublicURL: publicURL}
	if m.Instance != nil {
		rq.Instance = *m.Instance
	}
	return rq, err
}

// ticketEnd is when a ticket made now ends. Ends are on the hour, so that the
// same thing has the same address for an hour and caches work.
func ticketEnd(now time.Time) time.Time { return now.Truncate(time.Hour).Add(mediaTTL) }

// viewing is what every address of one play info is made for.
type viewing struct {
	room    string
	media   store.Media
	user    string
	expires time.Time
	mode    string // of the site: off, on_demand, on
	proxy   *proxy.Proxy
}

func (v viewing) translate(info *providers.PlayInfo, tracks []store.Track) (PlayInfo, error) {
	out := PlayInfo{
		MediaID: v.media.ID, Title: v.media.Name, Duration: info.Duration.Seconds(), Live: info.Live || v.media.Live,
		Poster: info.Poster, Warnings: info.Warnings, Expires: info.Expires,
	}
	if out.Duration == 0 && v.media.Duration != nil {
		out.Duration = *v.media.Duration
	}
	if out.Live {
		out.Duration = 0
	}
	if out.Poster == "" && v.media.ThumbnailURL != nil {
		out.Poster = *v.media.ThumbnailURL
	}
	if out.Poster == "" && info.Thumbnail != "" && v.media.Instance != nil {
		out.Poster = thumbnail(v.proxy, v.user, *v.media.Instance, info.Thumbnail)
	}
	order := make([]providers.Variant, 0, len(info.Variants))
	if d := info.Default; d > 0 && d < len(info.Variants) {
		order = append(order, info.Variants[d])
		order = append(append(order, info.Variants[:d]...), info.Variants[d+1:]...)
	} else {
		order = append(order, info.Variants...)
	}
	refused := false
	for _, pv := range order {
		ways, ok := v.ways(pv)
		refused = refused || !ok
		out.Variants = append(out.Variants, ways...)
	}
	if len(out.Variants) == 0 {
		reason := "the source offers nothing that can be played"
		if refused {
			reason = "this source plays through the server only, and that is switched off"
		}
		return out, &providers.Error{Class: providers.ClassUnsupported, Kind: providers.Kind(v.media.SourceProvider), Op: "play", Reason: reason}
	}
	for _, sub := range info.Subs {
		out.Subtitles = append(out.Subtitles, v.subtitles(sub)...)
	}
	for _, t := range tracks {
		if t.Kind == "subtitle" && t.URL != nil {
			out.Subtitles = append(out.Subtitles, v.subtitles(trackSubtitle(t))...)
		}
	}
	signed := len(out.Subtitles) > 0 || slices.ContainsFunc(out.Variants, func(w Variant) bool { return w.Via == viaProxy })
	if signed && (out.Expires.IsZero() || v.expires.Before(out.Expires)) {
		out.Expires = v.expires
	}
	return out, nil
}

// ways says by which addresses a variant is played: direct, through us, or
// direct first and through us when that fails. ok is false when it would have
// to go through us and may not.
func (v viewing) ways(pv providers.Variant) (ways []Variant, ok bool) {
	if len(pv.URLs) == 0 {
		return nil, true
	}
	base := Variant{
		ID: pv.ID, Label: pv.Label, Container: pv.Container, MIME: pv.MIME, Codecs: pv.Codecs,
		Quality: pv.Quality, Width: pv.Width, Height: pv.Height, Bitrate: pv.Bitrate,
	}
	direct, through := base, base
	direct.Via, direct.URL = viaDirect, pv.URLs[0].URL
	through.Via = viaProxy
	allowed := v.mode != "off" && v.media.Proxy != "off"
	file := pv.URLs[0].Path != ""
	required := pv.Proxy == providers.ProxyRequired || file
	switch {
	case file: // a file of this server has no other address
		through.URL = v.address(pv)
		return []Variant{through}, true
	case required && !allowed:
		return nil, false
	case required, allowed && (v.media.Proxy == "on" || v.mode == "on"):
		through.URL = v.address(pv)
		return []Variant{through}, true
	case pv.Proxy == providers.ProxyOptional && allowed:
		through.ID, through.URL = pv.ID+"-proxy", v.address(pv)
		return []Variant{direct, through}, true
	}
	return []Variant{direct}, true
}

func (v viewing) address(pv providers.Variant) string {
	return v.sign(proxy.For(pv.URLs[0], pv.Container), pv.Expires)
}

func (v viewing) sign(t proxy.Ticket, until time.Time) string {
	t.Room, t.Media, t.User, t.Expires = v.room, v.media.ID, v.user, v.expires
	if !until.IsZero() && until.Before(t.Expires) {
		t.Expires = until
	}
	return v.proxy.Path(t)
}

func (v viewing) subtitles(sub providers.Subtitle) []Subtitle {
	base := Subtitle{ID: sub.ID, Label: sub.Label, Lang: sub.Lang, Default: sub.Default, Forced: sub.Forced, Format: "vtt"}
	base.URL = v.sign(proxy.ForSubtitle(sub, "vtt"), time.Time{})
	if sub.Format != "ass" && sub.Format != "ssa" {
		return []Subtitle{base}
	}
	raw := base
	raw.Format, raw.URL = "ass", v.sign(proxy.ForSubtitle(sub, "ass"), time.Time{})
	base.ID, base.Default = base.ID+"-plain", false
	return []Subtitle{raw, base}
}

func trackSubtitle(t store.Track) providers.Subtitle {
	return providers.Subtitle{ID: "track-" + t.ID, Label: t.Name, Lang: t.Lang, Format: t.Format, Up: providers.Upstream{URL: *t.URL}}
}

// thumbnail is the address of a picture of a local library.
func thumbnail(p *proxy.Proxy, user, instance, id string) string {
	return p.Path(proxy.Ticket{Kind: proxy.KindThumbnail, User: user, Instance: instance, Path: id, Expires: ticketEnd(time.Now())})
}

// learn keeps what resolving has found out about a media for the room's clock.
// Whoever asked does not wait for it to work.
func (s *Service) learn(ctx context.Context, m store.Media, info *providers.PlayInfo) {
	d := info.Duration.Seconds()
	if m.Live || info.Live || d <= 0 || d > maxDuration || m.Duration != nil && abs(*m.Duration-d) < 0.05 {
		return
	}
	err := s.db.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		now, err := tx.Media(ctx, m.RoomID, m.ID)
		if err != nil || now.Version != m.Version {
			return err
		}
		now.Duration = &d
		return tx.UpdateMedia(ctx, &now)
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrVersion) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "duration not kept", slog.String("media", m.ID), slog.Any("err", err))
	}
}

func abs(f float64) float64 { return max(f, -f) }

// Origin makes the origin of a page from the site's public address, or from
// how the page was asked for.
func (s *Service) Origin(scheme, host string) string {
	if u := s.settings.Current().PublicURL; u != "" {
		return u
	}
	if _, err := url.Parse(scheme + "://" + host); err != nil || host == "" {
		return ""
	}
	return scheme + "://" + host
}
