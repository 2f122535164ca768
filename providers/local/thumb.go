package local

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path"
	"strings"

	"synctv/providers"
)

// maxPicture is the largest picture that is served.
const maxPicture = 8 << 20

var pictureTypes = map[string]string{".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}

// The names of a picture: of a film, put behind its stem; of a folder.
var (
	filmPictures   = []string{"", "-poster", "-thumb", ".poster"}
	folderPictures = []string{"poster", "folder", "cover"}
	pictureExts    = []string{".jpg", ".jpeg", ".png", ".webp"}
)

// A thumbnail id is one of these and a path.
const (
	idPicture = "p:"
	idStill   = "s:"
	idFilm    = "f:" // whichever of the two a film has, chosen when it is asked for
)

// picture chooses the thumbnail of a film: its own picture, that of a folder
// with one film, a still, that of the folder.
func (p *Provider) picture(f *folder, film string) string {
	stem := strings.ToLower(strings.TrimSuffix(film, path.Ext(film)))
	if name := f.find(stem, filmPictures); name != "" {
		return idPicture + path.Join(f.path, name)
	}
	shared := ""
	for _, n := range folderPictures {
		if name := f.find(n, filmPictures[:1]); name != "" {
			shared = idPicture + path.Join(f.path, name)
			break
		}
	}
	c := providers.ContainerByName(film)
	if shared != "" && f.media == 1 || !p.stills.can(c) {
		return shared
	}
	return idStill + path.Join(f.path, film)
}

func (f *folder) find(stem string, tails []string) string {
	for _, tail := range tails {
		for _, ext := range pictureExts {
			if name := f.files[stem+tail+ext]; name != "" {
				return name
			}
		}
	}
	return ""
}

// folderPicture looks into a folder for its picture.
func folderPicture(root *os.Root, dir string) string {
	for _, n := range folderPictures {
		for _, ext := range pictureExts[:3] {
			full := path.Join(dir, n+ext)
			if info, err := root.Stat(full); err == nil && info.Mode().IsRegular() {
				return idPicture + full
			}
		}
	}
	return ""
}

// Thumbnail implements providers.Thumbnailer.
func (p *Provider) Thumbnail(ctx context.Context, id string) (*providers.File, error) {
	if name, ok := strings.CutPrefix(id, idPicture); ok {
		return p.openPicture(name)
	}
	if name, ok := strings.CutPrefix(id, idFilm); ok {
		chosen, err := p.pictureOf(name)
		if err != nil {
			return nil, err
		}
		return p.Thumbnail(ctx, chosen)
	}
	name, ok := strings.CutPrefix(id, idStill)
	if !ok || checkPath(name) != nil || !p.shown(name, false) {
		return nil, notFound(nil)
	}
	return p.stills.get(ctx, p, name)
}

// Picture implements providers.Pictured.
func (p *Provider) Picture(source json.RawMessage) string {
	name, err := readPath(source)
	if err != nil {
		return ""
	}
	return idFilm + name
}

// pictureOf looks beside a film for its picture.
func (p *Provider) pictureOf(name string) (string, error) {
	if checkPath(name) != nil || !p.shown(name, false) {
		return "", notFound(nil)
	}
	root, err := p.root()
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := p.list(root, path.Dir(name))
	if err != nil {
		return "", err
	}
	id := p.picture(f, path.Base(name))
	if id == "" {
		return "", notFound(nil)
	}
	return id, nil
}

func (p *Provider) openPicture(name string) (*providers.File, error) {
	mime := pictureTypes[strings.ToLower(path.Ext(name))]
	if mime == "" || checkPath(name) != nil {
		return nil, notFound(nil)
	}
	f, err := p.open(name)
	if err != nil {
		return nil, err
	}
	var head [12]byte
	_, err = io.ReadFull(f, head[:])
	if err != nil || f.Size > maxPicture || sniffPicture(head[:]) == "" {
		f.Close()
		return nil, notFound(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, notFound(err)
	}
	f.MIME = sniffPicture(head[:])
	return f, nil
}

// sniffPicture accepts what a browser can show and what cannot hold a script.
func sniffPicture(head []byte) string {
	switch s := string(head); {
	case strings.HasPrefix(s, "\xff\xd8\xff"):
		return "image/jpeg"
	case strings.HasPrefix(s, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case strings.HasPrefix(s, "RIFF") && len(s) >= 12 && s[8:12] == "WEBP":
		return "image/webp"
	}
	return ""
}
