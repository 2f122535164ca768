package providers

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Bounds of an HLS playlist, here and in the proxy.
const (
	MaxPlaylistBytes = 4 << 20
	MaxPlaylistLines = 50_000
)

// HLSInfo is what a playlist is.
type HLSInfo struct {
	Master   bool
	Live     bool          // a media playlist that still grows
	Duration time.Duration // of a complete media playlist
	Target   time.Duration // EXT-X-TARGETDURATION
	First    string        // master: the URI of its first stream
	Width    int           // master: the largest stream
	Height   int
	Codecs   string // master: of its first stream
}

// ReadHLS classifies a playlist. Class bad_upstream when it is none, too_large
// beyond the bounds.
func ReadHLS(text []byte) (h HLSInfo, err error) {
	if Sniff(text) != "hls" {
		return h, &Error{Class: ClassBadUpstream, Reason: "this is not an HLS playlist"}
	}
	if len(text) > MaxPlaylistBytes {
		return h, &Error{Class: ClassTooLarge, Reason: "the playlist is too large"}
	}
	var total float64
	var ended, stream bool
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, MaxPlaylistBytes+1)
	for n := 0; lines.Scan(); n++ {
		if n >= MaxPlaylistLines {
			return h, &Error{Class: ClassTooLarge, Reason: "the playlist has too many lines"}
		}
		line := strings.TrimSpace(lines.Text())
		tag, value, _ := strings.Cut(line, ":")
		switch {
		case line == "":
		case !strings.HasPrefix(line, "#"):
			if stream && h.First == "" {
				h.First = line
			}
			stream = false
		case tag == "#EXT-X-STREAM-INF":
			h.Master, stream = true, true
			h.stream(value)
		case tag == "#EXTINF":
			num, _, _ := strings.Cut(value, ",")
			if f, err := strconv.ParseFloat(strings.TrimSpace(num), 64); err == nil && f > 0 && f < 1e5 {
				total += f
			}
		case tag == "#EXT-X-TARGETDURATION":
			if f, err := strconv.ParseFloat(value, 64); err == nil && f > 0 && f < 1e5 {
				h.Target = seconds(f, 1)
			}
		case tag == "#EXT-X-ENDLIST", tag == "#EXT-X-PLAYLIST-TYPE" && value == "VOD":
			ended = true
		}
	}
	if h.Live = !h.Master && !ended; !h.Live && !h.Master {
		h.Duration = seconds(total, 1)
	}
	return h, nil
}

func (h *HLSInfo) stream(attrs string) {
	if h.Codecs == "" {
		_, rest, _ := strings.Cut(attrs, `CODECS="`)
		h.Codecs, _, _ = strings.Cut(rest, `"`)
	}
	_, size, _ := strings.Cut(attrs, "RESOLUTION=")
	size, _, _ = strings.Cut(size, ",")
	w, ht, _ := strings.Cut(size, "x")
	width, err1 := strconv.ParseUint(w, 10, 15)
	height, err2 := strconv.ParseUint(ht, 10, 15)
	if err1 == nil && err2 == nil && int(height) > h.Height {
		h.Width, h.Height = int(width), int(height)
	}
}
