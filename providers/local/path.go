package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"synctv/providers"
)

// Bounds of a path inside a library.
const (
	maxPath  = 2048
	maxLevel = 32
)

// readPath reads a source or target. The result is a valid slash path below
// the folder, "." for the folder itself.
func readPath(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return ".", nil
	}
	if len(raw) > 2*maxPath {
		return "", providers.Invalid("the path is too long")
	}
	var s Source
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return "", providers.Invalid(`a library wants {"path": …}`)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", providers.Invalid("more than one value")
	}
	if s.V > 1 {
		return "", &providers.Error{Class: providers.ClassUnsupported, Reason: "the source was stored by a newer server"}
	}
	if s.Path == "" {
		return ".", nil
	}
	if err := checkPath(s.Path); err != nil {
		return "", err
	}
	return s.Path, nil
}

// checkPath refuses every path that is not plainly one below the folder.
// os.Root would not follow it out either; this keeps odd names from ever
// reaching a file system.
func checkPath(p string) error {
	if p == "." {
		return nil
	}
	if len(p) > maxPath || !utf8.ValidString(p) || !fs.ValidPath(p) || !filepath.IsLocal(filepath.FromSlash(p)) {
		return notFound(nil)
	}
	if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return notFound(nil)
	}
	level := 0
	for part := range strings.SplitSeq(p, "/") {
		if level++; level > maxLevel || strings.HasPrefix(part, ".") {
			return notFound(nil)
		}
	}
	return nil
}

func pathJSON(p string, v int) json.RawMessage {
	if p == "." {
		p = ""
	}
	out, err := json.Marshal(Source{V: v, Path: p})
	if err != nil { // a string and a number always can
		return nil
	}
	return out
}

// hidden are folders and files that systems leave behind.
var hidden = map[string]bool{
	"lost+found": true, "@eadir": true, "#recycle": true, "$recycle.bin": true,
	"system volume information": true, "thumbs.db": true, "desktop.ini": true, "#snapshot": true,
}

// shown says whether the configuration and good manners let a name be seen.
func (p *Provider) shown(name string, dir bool) bool {
	if checkPath(name) != nil {
		return false
	}
	low := strings.ToLower(name)
	for at := low; at != "."; at = path.Dir(at) { // what lies in a hidden folder is hidden
		if hidden[path.Base(at)] || fits(p.cfg.Exclude, at) {
			return false
		}
	}
	return dir || len(p.cfg.Include) == 0 || fits(p.cfg.Include, low)
}

// fits matches the name alone and the whole path.
func fits(patterns []string, low string) bool {
	for _, pat := range patterns {
		a, _ := path.Match(pat, path.Base(low)) // checked when it was configured
		b, _ := path.Match(pat, low)
		if a || b {
			return true
		}
	}
	return false
}

// besides are the names that go with media: subtitles and parts of HLS.
var besides = map[string]bool{
	".srt": true, ".vtt": true, ".ass": true, ".ssa": true, ".m4s": true, ".key": true, ".webvtt": true,
	".cmfv": true, ".cmfa": true, ".ttf": true, ".otf": true,
}

// Open implements providers.Opener: media files and what goes with them.
func (p *Provider) Open(_ context.Context, name string) (*providers.File, error) {
	if err := checkPath(name); err != nil {
		return nil, err
	}
	c := providers.ContainerByName(name)
	if !providers.IsContainer(c) && !besides[strings.ToLower(path.Ext(name))] {
		return nil, notFound(nil)
	}
	return p.open(name)
}

// open opens a regular file and nothing else: a pipe or device must not even
// be waited for.
func (p *Provider) open(name string) (*providers.File, error) {
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return openIn(root, name)
}

func openIn(root *os.Root, name string) (*providers.File, error) {
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, notFound(err)
	}
	f, err := root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, notFound(err)
	}
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() { // it may be another one by now
		f.Close()
		return nil, notFound(err)
	}
	return &providers.File{ReadSeekCloser: f, Name: path.Base(name), Size: info.Size(), ModTime: info.ModTime()}, nil
}
