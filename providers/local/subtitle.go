package local

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"synctv/providers"
)

// maxSubtitles bounds the tracks of one film.
const maxSubtitles = 32

var subtitleFormats = map[string]string{".srt": "srt", ".vtt": "vtt", ".ass": "ass", ".ssa": "ssa"}

// subFolder says whether a folder of this name holds subtitles of the films beside it.
func subFolder(name string) bool {
	switch strings.ToLower(name) {
	case "subs", "subtitles", "字幕":
		return true
	}
	return false
}

// found is a subtitle file and where it lies.
type found struct {
	path   string // below the library
	stem   string // lower case, without extension
	format string
	apart  bool // in a folder of its own
}

// subtitles lists the files beside the films and in the folders for them.
func (f *folder) subtitles(root *os.Root) []found {
	var out []found
	take := func(dir, name string, apart bool) {
		ext := path.Ext(name)
		if format := subtitleFormats[strings.ToLower(ext)]; format != "" && len(out) < maxEntries {
			full := path.Join(dir, name)
			if checkPath(full) == nil {
				out = append(out, found{path: full, stem: strings.ToLower(strings.TrimSuffix(name, ext)), format: format, apart: apart})
			}
		}
	}
	for _, name := range f.files {
		take(f.path, name, false)
	}
	for _, sub := range f.subDirs {
		dir := path.Join(f.path, sub)
		for _, name := range regularFiles(root, dir) {
			take(dir, name, true)
		}
	}
	slices.SortFunc(out, func(a, b found) int { return natural(a.path, b.path) })
	return out
}

func regularFiles(root *os.Root, dir string) []string {
	d, err := root.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	all, err := d.ReadDir(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	var out []string
	for _, de := range all {
		if isDir, ok := kindOf(root, dir, de); ok && !isDir {
			out = append(out, de.Name())
		}
	}
	return out
}

// matching are the subtitles of one film: those named like it, and in a folder
// of their own any when it is the only film.
func matching(all []found, film string, only bool) []found {
	stem := strings.ToLower(strings.TrimSuffix(film, path.Ext(film)))
	var out []found
	for _, s := range all {
		if s.stem == stem || strings.HasPrefix(s.stem, stem+".") || only && s.apart {
			out = append(out, s)
		}
	}
	return out[:min(len(out), maxSubtitles)]
}

// track describes a subtitle of a film by the words behind the film's name.
func (p *Provider) track(s found, film string) providers.Subtitle {
	stem := strings.ToLower(strings.TrimSuffix(film, path.Ext(film)))
	words := strings.TrimPrefix(s.stem, stem)
	out := providers.Subtitle{Format: s.format, Up: providers.Upstream{Instance: p.name, Path: s.path, RangeOK: providers.Yes}}
	sum := sha256.Sum256([]byte(s.path))
	out.ID = hex.EncodeToString(sum[:6])
	var rest []string
	parts := strings.FieldsFunc(words, func(r rune) bool { return strings.ContainsRune("._ []()&+", r) })
	for _, w := range slices.Backward(parts) {
		lang, known := languages[w]
		switch {
		case w == "forced" || w == "foreign":
			out.Forced = true
		case w == "sdh" || w == "cc" || w == "hi" && (out.Lang == "" && len(parts) > 1):
			out.SDH = true
		case w == "default":
			out.Default = true
		case known:
			if out.Lang == "" || lang == "zh-Hans" || lang == "zh-Hant" { // two languages: the Chinese one leads
				out.Lang = lang
			}
		default:
			rest = append(rest, w)
		}
	}
	slices.Reverse(rest)
	out.Label = trackLabel(out, strings.Join(rest, " "), s.format)
	return out
}

func trackLabel(s providers.Subtitle, rest, format string) string {
	label := languageNames[s.Lang]
	if label == "" {
		label = s.Lang
	}
	if rest != "" {
		label = strings.TrimSpace(label + " " + rest)
	}
	if label == "" {
		label = strings.ToUpper(format)
	}
	if s.Forced {
		label += " (forced)"
	}
	if s.SDH {
		label += " (SDH)"
	}
	r := []rune(label)
	return string(r[:min(len(r), 100)])
}
