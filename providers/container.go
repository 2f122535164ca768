package providers

import (
	"bytes"
	"mime"
	"path"
	"strings"
)

// SniffBytes is how much of a file Sniff wants to see.
const SniffBytes = 4 << 10

// containerInfo is one row of the table of what media are.
type containerInfo struct {
	name  string
	mime  string
	types string // other media types, space-separated
	exts  string // without dot, space-separated; the first one is ours
	audio bool
}

var containers = []containerInfo{
	{name: "hls", mime: "application/vnd.apple.mpegurl", types: "application/x-mpegurl audio/mpegurl audio/x-mpegurl", exts: "m3u8 m3u"},
	{name: "dash", mime: "application/dash+xml", exts: "mpd"},
	{name: "mp4", mime: "video/mp4", types: "video/x-m4v application/mp4 video/iso.segment", exts: "mp4 m4v m4s"},
	{name: "mov", mime: "video/quicktime", exts: "mov qt"},
	{name: "mkv", mime: "video/x-matroska", types: "video/matroska", exts: "mkv"},
	{name: "webm", mime: "video/webm", exts: "webm"},
	{name: "flv", mime: "video/x-flv", types: "video/flv", exts: "flv"},
	{name: "ts", mime: "video/mp2t", types: "video/mpegts", exts: "ts m2ts mts"},
	{name: "mp3", mime: "audio/mpeg", types: "audio/mp3", exts: "mp3", audio: true},
	{name: "m4a", mime: "audio/mp4", types: "audio/x-m4a", exts: "m4a m4b", audio: true},
	{name: "aac", mime: "audio/aac", types: "audio/aacp audio/x-aac", exts: "aac", audio: true},
	{name: "ogg", mime: "audio/ogg", types: "application/ogg video/ogg", exts: "ogg oga opus ogv", audio: true},
	{name: "flac", mime: "audio/flac", types: "audio/x-flac", exts: "flac", audio: true},
	{name: "wav", mime: "audio/wav", types: "audio/x-wav audio/wave audio/vnd.wave", exts: "wav", audio: true},
	{name: "html", mime: "text/html", types: "application/xhtml+xml", exts: "html htm php asp aspx jsp"},
}

func containerBy(fits func(containerInfo) bool) *containerInfo {
	for i := range containers {
		if fits(containers[i]) {
			return &containers[i]
		}
	}
	return nil
}

func listed(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

func nameOf(c *containerInfo) string {
	if c == nil {
		return ""
	}
	return c.name
}

// ContainerByType reads a Content-Type; "" when it says nothing of use.
func ContainerByType(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return nameOf(containerBy(func(c containerInfo) bool { return c.mime == t || listed(c.types, t) }))
}

// ContainerByName reads the extension of a file name or URL path.
func ContainerByName(name string) string {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	if ext == "" {
		return ""
	}
	return nameOf(containerBy(func(c containerInfo) bool { return listed(c.exts, ext) }))
}

// IsContainer reports whether the name is one a media may have.
func IsContainer(name string) bool {
	return name != "html" && containerBy(func(c containerInfo) bool { return c.name == name }) != nil
}

// IsAudio reports whether a container holds sound alone.
func IsAudio(name string) bool {
	c := containerBy(func(c containerInfo) bool { return c.name == name })
	return c != nil && c.audio
}

// MIMEOf is the media type a container is served as; never one that a browser
// would run.
func MIMEOf(name string) string {
	c := containerBy(func(c containerInfo) bool { return c.name == name })
	if c == nil || c.name == "html" {
		return "application/octet-stream"
	}
	return c.mime
}

// Sniff tells the container from the first bytes; "html" for a web page, ""
// when nothing is recognised.
func Sniff(head []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	has := func(at int, magic string) bool {
		return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
	}
	switch {
	case bytes.HasPrefix(text, []byte("#EXTM3U")):
		return "hls"
	case has(4, "ftyp"):
		switch {
		case has(8, "qt  "):
			return "mov"
		case has(8, "M4A "), has(8, "M4B "):
			return "m4a"
		}
		return "mp4"
	case has(4, "moov"), has(4, "styp"), has(4, "moof"), has(4, "sidx"):
		return "mp4"
	case has(0, "\x1a\x45\xdf\xa3"):
		if bytes.Contains(head[:min(len(head), 64)], []byte("webm")) {
			return "webm"
		}
		return "mkv"
	case has(0, "FLV\x01"):
		return "flv"
	case len(head) > 376 && head[0] == 0x47 && head[188] == 0x47 && head[376] == 0x47:
		return "ts"
	case len(head) > 388 && head[4] == 0x47 && head[196] == 0x47 && head[388] == 0x47: // m2ts: 4 bytes of time before each
		return "ts"
	case has(0, "OggS"):
		return "ogg"
	case has(0, "fLaC"):
		return "flac"
	case has(0, "RIFF") && has(8, "WAVE"):
		return "wav"
	case has(0, "ID3"):
		return "mp3"
	case len(head) > 1 && head[0] == 0xff && head[1]&0xf6 == 0xf0:
		return "aac"
	case len(head) > 1 && head[0] == 0xff && head[1]&0xe6 == 0xe2: // MPEG audio, layer III
		return "mp3"
	}
	return sniffMarkup(text)
}

func sniffMarkup(text []byte) string {
	if len(text) == 0 || text[0] != '<' {
		return ""
	}
	low := bytes.ToLower(text[:min(len(text), SniffBytes)])
	switch {
	case bytes.Contains(low, []byte("<mpd")):
		return "dash"
	case bytes.HasPrefix(low, []byte("<!doctype html")), bytes.Contains(low, []byte("<html")), bytes.Contains(low, []byte("<head")), bytes.Contains(low, []byte("<body")):
		return "html"
	}
	return ""
}
