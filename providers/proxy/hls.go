package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"synctv/providers"
)

// Bounds of playlists; those of one text are providers.MaxPlaylistBytes and
// MaxPlaylistLines.
const (
	maxPlaylists   = 256
	maxKeptBytes   = 256 << 10 // longer ones are shared by those who wait, not kept
	maxRewritten   = 32 << 20
	maxDepth       = 3 // master, media, and one in between
	keepComplete   = 30 * time.Second
	minLiveRefresh = time.Second
	hlsType        = "application/vnd.apple.mpegurl"
)

// playlist is a text as it came and the address it finally came from.
type playlist struct {
	text []byte
	base *url.URL // nil for a local file
	info providers.HLSInfo
}

// manifest answers with the playlist in which every address is a ticket.
func (p *Proxy) manifest(ctx context.Context, t Ticket) (*Response, error) {
	pl, err := p.playlist(ctx, t)
	if err != nil {
		return nil, err
	}
	text, err := p.rewrite(t, pl.base, pl.text)
	if err != nil {
		return nil, err
	}
	h := t.header(hlsType)
	h.Set("Cache-Control", "private, max-age=30")
	if pl.info.Live {
		h.Set("Cache-Control", "no-store")
	}
	return memory(h, text), nil
}

// playlist loads the text once for everybody who asks within the same moment:
// all viewers of a live stream ask every few seconds.
func (p *Proxy) playlist(ctx context.Context, t Ticket) (*playlist, error) {
	if t.Path != "" {
		return p.localPlaylist(ctx, t)
	}
	sum := sha256.Sum256(append([]byte(t.URL+"\x00"), marshalHeader(t.Header)...))
	pl, _, err := p.playlists.Get(ctx, hex.EncodeToString(sum[:]), false, func(ctx context.Context) (*playlist, time.Duration, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		text, final, err := p.whole(ctx, cancel, t, providers.MaxPlaylistBytes)
		if err != nil {
			return nil, 0, err
		}
		info, err := providers.ReadHLS(text)
		if err != nil {
			return nil, 0, err
		}
		keep := keepComplete
		switch {
		case len(text) > maxKeptBytes:
			keep = 0
		case info.Live:
			keep = max(minLiveRefresh, min(info.Target/2, keepComplete))
		}
		return &playlist{text: text, base: final, info: info}, keep, nil
	})
	return pl, err
}

func (p *Proxy) localPlaylist(ctx context.Context, t Ticket) (*playlist, error) {
	f, err := p.openFile(ctx, t)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := readAtMost(f, providers.MaxPlaylistBytes)
	if err != nil {
		return nil, err
	}
	info, err := providers.ReadHLS(text)
	return &playlist{text: text, info: info}, err
}

// rewrite replaces every address of the playlist. The number of lines stays;
// what cannot be understood and could be an address becomes a comment.
func (p *Proxy) rewrite(t Ticket, base *url.URL, text []byte) ([]byte, error) {
	r := &rewriter{proxy: p, ticket: t, base: base, dirs: map[string]string{}, vars: map[string]string{}}
	if t.depth > maxDepth {
		return nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist is nested too deeply"}
	}
	if base != nil {
		own, err := url.Parse(t.URL)
		r.home = dirOf(base)
		r.beside = err == nil && dirOf(own) == r.home
	} else {
		r.beside = true
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	lines := 0
	for line := range bytes.Lines(text) {
		if lines++; lines > providers.MaxPlaylistLines {
			return nil, &providers.Error{Class: providers.ClassTooLarge, Reason: "the playlist has too many lines"}
		}
		body, ended := bytes.CutSuffix(line, []byte("\n"))
		s := strings.TrimSpace(string(body))
		if strings.ContainsFunc(s, breaksLine) {
			return nil, &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist holds control characters"}
		}
		if err := r.line(s); err != nil {
			return nil, err
		}
		if ended {
			r.out = append(r.out, '\n')
		}
		if len(r.out) > maxRewritten {
			return nil, &providers.Error{Class: providers.ClassTooLarge, Reason: "the playlist is too large"}
		}
	}
	return r.out, nil
}

// breaksLine is what some reader takes for the end of a line, or swallows.
func breaksLine(c rune) bool {
	return c < ' ' && c != '\t' || c >= 0x7f && c <= 0x9f || c == 0x2028 || c == 0x2029
}

// dirOf is a URL up to its last slash, without query.
func dirOf(u *url.URL) string {
	d := u.ResolveReference(&url.URL{Path: "."})
	return d.Scheme + "://" + strings.ToLower(d.Host) + d.EscapedPath()
}

// headerBeside is the header set for something at target that the ticket's
// source named.
func headerBeside(t Ticket, target *url.URL) http.Header {
	home, err := url.Parse(t.URL)
	if err != nil || len(t.Header) == 0 {
		return nil
	}
	return headerFor(t.Header, home, target)
}
