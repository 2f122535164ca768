package local

import (
	"context"
	"io"
	"path"
	"strings"

	"synctv/providers"
)

// readerAt reads pieces of an open file: those of a library can all seek.
type readerAt struct{ f io.ReadSeeker }

// ReadAt implements io.ReaderAt for one caller at a time.
func (r readerAt) ReadAt(b []byte, off int64) (int, error) {
	if _, err := r.f.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(r.f, b)
}

// sniff tells what a file is by its first bytes, then by its name.
func sniff(f *providers.File) string {
	head := make([]byte, providers.SniffBytes)
	n, _ := readerAt{f}.ReadAt(head, 0) // a shorter file is fine
	if c := providers.Sniff(head[:n]); c != "" {
		return c
	}
	return providers.ContainerByName(f.Name)
}

func readHeader(f *providers.File, container string) providers.MediaHeader {
	if c := sniff(f); c != "" {
		container = c
	}
	if container == "hls" {
		info, err := readPlaylist(f)
		if err != nil {
			return providers.MediaHeader{}
		}
		return providers.MediaHeader{Duration: info.Duration, Width: info.Width, Height: info.Height, Codecs: info.Codecs}
	}
	h, _ := providers.ReadHeader(container, readerAt{f}, f.Size) // what was found is valid
	return h
}

func readPlaylist(f *providers.File) (providers.HLSInfo, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return providers.HLSInfo{}, notFound(err)
	}
	text, err := io.ReadAll(io.LimitReader(f, providers.MaxPlaylistBytes+1))
	if err != nil {
		return providers.HLSInfo{}, notFound(err)
	}
	return providers.ReadHLS(text)
}

// Resolve implements providers.Provider.
func (p *Provider) Resolve(ctx context.Context, rq providers.ResolveRequest) (*providers.PlayInfo, error) {
	name, err := readPath(rq.Source)
	if err != nil {
		return nil, err
	}
	if !p.shown(name, false) {
		return nil, notFound(nil)
	}
	f, err := p.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	container := sniff(f)
	if !providers.IsContainer(container) || container == "dash" {
		return nil, &providers.Error{Class: providers.ClassUnsupported, Reason: "this is no media that can be recognised"}
	}
	h := readHeader(f, container)
	v := providers.Variant{
		ID: "file", Label: fileLabel(container, h), Container: container, MIME: providers.MIMEOf(container), Codecs: h.Codecs,
		Width: h.Width, Height: h.Height, Quality: h.Height, Proxy: providers.ProxyRequired, Reason: providers.ReasonServerFile,
		URLs: []providers.Upstream{{Instance: p.name, Path: name, RangeOK: providers.Yes, Size: f.Size}},
	}
	info := &providers.PlayInfo{
		Title: strings.TrimSuffix(f.Name, path.Ext(f.Name)), Duration: h.Duration, Variants: []providers.Variant{v},
		Warnings: warnings(container, h),
	}
	return info, p.surroundings(info, name)
}

// surroundings adds the subtitles and the picture that lie beside the file.
func (p *Provider) surroundings(info *providers.PlayInfo, name string) error {
	root, err := p.root()
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := p.list(root, path.Dir(name))
	if err != nil {
		return err
	}
	base := path.Base(name)
	for _, s := range matching(f.subtitles(root), base, f.media == 1) {
		info.Subs = append(info.Subs, p.track(s, base))
	}
	info.Thumbnail = p.picture(f, base)
	return nil
}

func fileLabel(container string, h providers.MediaHeader) string {
	if h.Height > 0 {
		return strings.ToUpper(container) + " " + size(h)
	}
	return strings.ToUpper(container)
}

func size(h providers.MediaHeader) string {
	for _, q := range []struct {
		w, h int
		name string
	}{{7680, 4320, "8K"}, {3840, 2160, "4K"}, {2560, 1440, "1440P"}, {1920, 1080, "1080P"}, {1280, 720, "720P"}, {854, 480, "480P"}} {
		if h.Height >= q.h || h.Width >= q.w {
			return q.name
		}
	}
	return "SD"
}

func warnings(container string, h providers.MediaHeader) []providers.Warning {
	var out []providers.Warning
	if container == "mkv" || container == "mov" {
		out = append(out, providers.Warning{Code: providers.WarnContainer, Message: "Not every browser plays " + strings.ToUpper(container) + " files."})
	}
	if h.IndexAtEnd {
		out = append(out, providers.Warning{Code: providers.WarnSlowStart, Message: "The file keeps its index at the end and may start slowly."})
	}
	if h.Duration == 0 {
		out = append(out, providers.Warning{Code: providers.WarnDuration, Message: "The length is not known before it plays."})
	}
	return out
}
