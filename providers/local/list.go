package local

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"synctv/providers"
)

// maxEntries is how much of a folder is looked at.
const maxEntries = 10_000

// entry is a name in a folder.
type entry struct {
	name string
	dir  bool
}

// folder is one listing: what is shown, and what goes with it.
type folder struct {
	path    string
	entries []entry           // folders first, each in natural order
	media   int               // how many of them are media
	files   map[string]string // lower case name → name, of everything that is a file
	subDirs []string          // folders that hold subtitles
}

// list reads a folder. Links are followed where they stay inside.
func (p *Provider) list(root *os.Root, dir string) (*folder, error) {
	if dir != "." && !p.shown(dir, true) {
		return nil, notFound(nil)
	}
	info, err := root.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, notFound(err)
	}
	d, err := root.Open(dir)
	if err != nil {
		if isGone(err) {
			return nil, gone(err)
		}
		return nil, notFound(err)
	}
	defer d.Close()
	all, err := d.ReadDir(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, gone(err)
	}
	f := &folder{path: dir, files: make(map[string]string, len(all))}
	hls := false
	for _, de := range all {
		if isDir, ok := kindOf(root, dir, de); ok {
			f.add(p, de.Name(), isDir)
			hls = hls || !isDir && providers.ContainerByName(de.Name()) == "hls"
		}
	}
	if hls { // the pieces of a stream are not films
		f.entries = slices.DeleteFunc(f.entries, func(e entry) bool {
			ext := strings.ToLower(path.Ext(e.name))
			return !e.dir && (ext == ".ts" || ext == ".m4s" || ext == ".aac")
		})
	}
	for _, e := range f.entries {
		if !e.dir {
			f.media++
		}
	}
	slices.SortFunc(f.entries, compareEntries)
	return f, nil
}

// kindOf tells folders from regular files; false for anything else.
func kindOf(root *os.Root, dir string, de fs.DirEntry) (isDir, ok bool) {
	mode := de.Type()
	if mode&fs.ModeSymlink != 0 {
		info, err := root.Stat(path.Join(dir, de.Name()))
		if err != nil {
			return false, false
		}
		mode = info.Mode().Type()
	}
	return mode.IsDir(), mode.IsDir() || mode.IsRegular()
}

func (f *folder) add(p *Provider, name string, isDir bool) {
	full := path.Join(f.path, name)
	if !p.shown(full, isDir) && (isDir || !companion(name) || checkPath(full) != nil) {
		return
	}
	if isDir {
		if subFolder(name) {
			f.subDirs = append(f.subDirs, name)
			return
		}
		f.entries = append(f.entries, entry{name: name, dir: true})
		return
	}
	f.files[strings.ToLower(name)] = name
	if c := providers.ContainerByName(name); providers.IsContainer(c) && c != "dash" && p.shown(full, false) && strings.ToLower(path.Ext(name)) != ".m4s" {
		f.entries = append(f.entries, entry{name: name})
	}
}

// companion says whether a file is of use beside a film, whatever Include says.
func companion(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return subtitleFormats[ext] != "" || pictureTypes[ext] != ""
}

func compareEntries(a, b entry) int {
	if a.dir != b.dir {
		if a.dir {
			return -1
		}
		return 1
	}
	return natural(a.name, b.name)
}

// natural compares as people sort: without case, digits by their number.
// Names that are equal so far are told apart by their bytes.
func natural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		if digit(x[0]) && digit(y[0]) {
			var m, n string
			m, x = number(x)
			n, y = number(y)
			if c := cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n)); c != 0 {
				return c
			}
			continue
		}
		r, i := utf8.DecodeRuneInString(x)
		s, j := utf8.DecodeRuneInString(y)
		if c := cmp.Compare(unicode.ToLower(r), unicode.ToLower(s)); c != 0 {
			return c
		}
		x, y = x[i:], y[j:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// number cuts leading digits off, without their leading zeros.
func number(s string) (num, rest string) {
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	return strings.TrimLeft(s[:i], "0"), s[i:]
}
