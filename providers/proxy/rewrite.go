package proxy

import (
	"net/url"
	"path"
	"strings"

	"synctv/providers"
)

// maxVariable bounds the values of EXT-X-DEFINE, which can double each other.
const maxVariable = 4 << 10

// rewriter is the state while one playlist is rewritten.
type rewriter struct {
	proxy  *Proxy
	ticket Ticket
	base   *url.URL // nil: a file of a library
	home   string   // the directory of base
	beside bool     // the ticket lies in the directory the addresses are relative to
	stream bool     // the next address is a playlist
	dirs   map[string]string
	vars   map[string]string
	out    []byte
}

// The tags whose address is a playlist.
var playlistTags = map[string]bool{
	"#EXT-X-MEDIA": true, "#EXT-X-I-FRAME-STREAM-INF": true, "#EXT-X-RENDITION-REPORT": true,
	"#EXT-X-IMAGE-STREAM-INF": true,
}

// Tags that are dropped: variables are put in here, steering and interstitials
// load lists of addresses that would lead past us.
var droppedTags = map[string]bool{"#EXT-X-DEFINE": true, "#EXT-X-CONTENT-STEERING": true}

func (r *rewriter) line(s string) error {
	switch {
	case s == "":
		return nil
	case !strings.HasPrefix(s, "#"):
		manifest := r.stream
		r.stream = false
		uri, err := r.address(s, manifest || isPlaylistName(s))
		r.out = append(r.out, uri...)
		return err
	case !strings.HasPrefix(s, "#EXT"):
		r.out = append(r.out, '#')
		return nil
	}
	tag, value, hasValue := strings.Cut(s, ":")
	if !hasValue {
		value = ""
	}
	switch {
	case tag == "#EXTINF":
		length, title, _ := strings.Cut(value, ",")
		if strings.Contains(title, "//") {
			title = ""
		}
		r.out = append(r.out, tag+":"+plain(length)+","+title...)
		return nil
	case tag == "#EXT-X-DEFINE":
		r.out = append(r.out, '#')
		return r.define(value)
	case droppedTags[tag]:
		r.out = append(r.out, '#')
		return nil
	case tag == "#EXT-X-STREAM-INF":
		r.stream = true
	}
	return r.tag(tag, value, hasValue)
}

// plain drops what could be an address from a value that is none.
func plain(s string) string {
	if strings.Contains(s, "//") {
		return ""
	}
	return s
}

func isPlaylistName(s string) bool {
	s, _, _ = strings.Cut(s, "?")
	return providers.ContainerByName(s) == "hls"
}

func (r *rewriter) tag(tag, value string, hasValue bool) error {
	switch {
	case !attrName(tag[1:]): // no tag that any player knows
		r.out = append(r.out, '#')
		return nil
	case !hasValue:
		r.out = append(r.out, tag...)
		return nil
	}
	attrs, ok := parseAttrs(value)
	if !ok { // a plain value, such as a number or a date
		if strings.Contains(value, "//") || strings.Contains(value, `"`) {
			r.out = append(r.out, '#')
			return nil
		}
		r.out = append(r.out, tag+":"+value...)
		return nil
	}
	var line strings.Builder
	line.WriteString(tag + ":")
	for i, a := range attrs {
		if tag == "#EXT-X-SERVER-CONTROL" && (strings.HasPrefix(a.name, "CAN-BLOCK") || strings.HasPrefix(a.name, "CAN-SKIP")) {
			a.value = "NO" // the questions these invite carry a query, which we do not pass on
			if strings.HasPrefix(a.name, "CAN-SKIP") {
				a.name, a.value = "X-DROPPED", "NO"
			}
		}
		if strings.HasPrefix(a.name, "X-ASSET") {
			r.out = append(r.out, '#')
			return nil
		}
		if err := r.attr(tag, &a); err != nil {
			return err
		}
		if i > 0 {
			line.WriteByte(',')
		}
		line.WriteString(a.String())
	}
	r.out = append(r.out, line.String()...)
	return nil
}

// attr changes the value when it is, or could be, an address.
func (r *rewriter) attr(tag string, a *attribute) (err error) {
	switch {
	case a.name == "URI", strings.HasSuffix(a.name, "-URI"):
		a.quoted = true
		if strings.HasPrefix(a.value, "data:") && dataURI(a.value) || strings.HasPrefix(a.value, "skd:") && !strings.ContainsAny(a.value, "\"\\ ") {
			return nil
		}
		a.value, err = r.address(a.value, playlistTags[tag] || isPlaylistName(a.value))
		return err
	case strings.Contains(a.value, "//"), strings.Contains(a.value, "{$"):
		a.value, err = r.substitute(a.value)
		if strings.Contains(a.value, "//") {
			a.value = ""
		}
		if !a.quoted && a.value == "" {
			a.quoted = true
		}
		return err
	}
	return nil
}

// dataURI accepts the letters of a data URL, none of which ends the attribute.
func dataURI(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' {
			return false
		}
	}
	return true
}

// address turns one URI into a ticket, relative to where playlists are served:
// /media/{ticket}/{name}.
func (r *rewriter) address(s string, manifest bool) (string, error) {
	s, err := r.substitute(strings.TrimSpace(s))
	if err != nil || s == "" {
		return "", err
	}
	if r.beside && !manifest && plainName(s) { // most lines of a long film
		return "~" + s, nil
	}
	ref, err := url.Parse(s)
	if err != nil {
		return "", &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist holds an address that cannot be read"}
	}
	if r.base == nil && ref.Scheme == "" && ref.Host == "" {
		return r.local(ref, manifest)
	}
	u := ref
	if r.base != nil {
		u = r.base.ResolveReference(ref)
	}
	u.Fragment, u.RawFragment = "", ""
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist leads to an address that cannot be used"}
	}
	target := u.String()
	if len(target) > maxURL {
		return "", &providers.Error{Class: providers.ClassTooLarge, Reason: "the playlist holds an address that is too long"}
	}
	t := r.ticket
	t.Instance, t.Path = "", ""
	t.Header = headerBeside(r.ticket, u)
	name := path.Base(u.EscapedPath())
	if manifest || u.RawQuery != "" || u.ForceQuery || !plainName(name) || strings.HasSuffix(u.Path, "/") {
		t.URL = target
		return r.ticketFor(t, manifest, name)
	}
	dir := dirOf(u)
	if r.beside && dir == r.home {
		return "~" + name, nil
	}
	t.URL = dir
	return r.inDir(t, dir, name), nil
}

// local is address for a playlist that lies in a library.
func (r *rewriter) local(ref *url.URL, manifest bool) (string, error) {
	p := path.Join(path.Dir(r.ticket.Path), ref.Path)
	if ref.Path == "" || strings.HasPrefix(ref.Path, "/") || p == ".." || strings.HasPrefix(p, "../") || ref.Opaque != "" {
		return "", &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist leads out of the library"}
	}
	t := r.ticket
	name := path.Base(p)
	if manifest || !plainName(name) {
		t.Path = p
		return r.ticketFor(t, manifest, name)
	}
	dir := path.Dir(p)
	if dir == path.Dir(r.ticket.Path) {
		return "~" + name, nil
	}
	t.Path = dir + "/"
	return r.inDir(t, dir, name), nil
}

func (r *rewriter) ticketFor(t Ticket, manifest bool, name string) (string, error) {
	kind := KindURL
	switch {
	case manifest:
		kind, name = KindManifest, "index.m3u8"
	case t.Path != "":
		kind = KindFile
	}
	t.Kind, t.Format = kind, ""
	if manifest {
		if t.depth++; t.depth > maxDepth {
			return "", &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist is nested too deeply"}
		}
	}
	if !plainName(name) {
		name = "media"
	}
	return "../" + r.proxy.Sign(t) + "/" + name, nil
}

// inDir names a file below a directory whose ticket is made once: a film has
// thousands of segments.
func (r *rewriter) inDir(t Ticket, key, name string) string {
	sealed := r.dirs[key]
	if sealed == "" {
		t.Kind, t.Format = kindDir, ""
		sealed = r.proxy.Sign(t)
		r.dirs[key] = sealed
	}
	return "../" + sealed + "/~" + name
}
