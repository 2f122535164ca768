package local

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"synctv/providers"
)

// probeBudget is how long a page may spend on reading headers of files; what
// is not read by then has no duration yet.
const probeBudget = 2 * time.Second

// Browse implements providers.Browser.
func (p *Provider) Browse(ctx context.Context, rq providers.BrowseRequest) (*providers.Page, error) {
	dir, err := readPath(rq.Target)
	if err != nil {
		return nil, err
	}
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	limit := min(max(rq.Limit, 1), providers.MaxPage)
	if strings.TrimSpace(rq.Query) != "" {
		return p.search(ctx, root, dir, rq, limit)
	}
	f, err := p.list(root, dir)
	if err != nil {
		return nil, err
	}
	at, err := f.after(rq.Cursor)
	if err != nil {
		return nil, err
	}
	page := &providers.Page{Path: p.crumbs(dir), Items: []providers.Item{}}
	until := time.Now().Add(probeBudget)
	subs := f.subtitles(root)
	for ; at < len(f.entries) && len(page.Items) < limit; at++ {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if it, ok := p.item(ctx, root, f, f.entries[at], subs, until); ok {
			page.Items = append(page.Items, it)
		}
	}
	if at < len(f.entries) {
		page.Next = cursor(f.entries[at-1])
	}
	return page, nil
}

func (p *Provider) crumbs(dir string) []providers.Crumb {
	out := []providers.Crumb{{Name: p.title, Target: pathJSON(".", 0)}}
	if dir == "." {
		return out
	}
	parts := strings.Split(dir, "/")
	for i, part := range parts {
		out = append(out, providers.Crumb{Name: part, Target: pathJSON(strings.Join(parts[:i+1], "/"), 0)})
	}
	return out
}

// A cursor is the entry a page ended with, so that what comes and goes between
// two pages moves nothing else.
func cursor(e entry) string {
	kind := "m"
	if e.dir {
		kind = "f"
	}
	return base64.RawURLEncoding.EncodeToString([]byte(kind + e.name))
}

func (f *folder) after(cur string) (int, error) {
	if cur == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cur)
	if err != nil || len(b) < 2 || len(b) > maxPath || b[0] != 'm' && b[0] != 'f' {
		return 0, providers.Invalid("not a cursor of this list")
	}
	last := entry{name: string(b[1:]), dir: b[0] == 'f'}
	for i, e := range f.entries {
		if compareEntries(e, last) > 0 {
			return i, nil
		}
	}
	return len(f.entries), nil
}

// item describes an entry; false when it went away meanwhile.
func (p *Provider) item(ctx context.Context, root *os.Root, f *folder, e entry, subs []found, until time.Time) (providers.Item, bool) {
	full := path.Join(f.path, e.name)
	info, err := root.Stat(full)
	if err != nil {
		return providers.Item{}, false
	}
	it := providers.Item{Name: e.name, Type: providers.ItemFolder, Target: pathJSON(full, 0), ModifiedAt: info.ModTime()}
	if e.dir {
		it.Thumbnail = folderPicture(root, full)
		return it, true
	}
	it.Type, it.Source, it.Size = providers.ItemMedia, pathJSON(full, 1), info.Size()
	it.Name = strings.TrimSuffix(e.name, path.Ext(e.name))
	it.Container = providers.ContainerByName(e.name)
	if time.Now().Before(until) {
		if h, err := p.header(ctx, full, it.Container, info); err == nil {
			it.Duration = h.Duration.Seconds()
		}
	}
	it.Subtitles = len(matching(subs, e.name, f.media == 1))
	it.Thumbnail = p.picture(f, e.name)
	return it, true
}

// header reads duration and codecs of a file, once as long as it does not change.
func (p *Provider) header(ctx context.Context, full, container string, info os.FileInfo) (providers.MediaHeader, error) {
	key := fmt.Sprintf("%s\x00%d\x00%d", full, info.Size(), info.ModTime().UnixNano())
	h, _, err := p.headers.Get(ctx, key, false, func(context.Context) (providers.MediaHeader, time.Duration, error) {
		f, err := p.open(full)
		if err != nil {
			return providers.MediaHeader{}, 0, err
		}
		defer f.Close()
		return readHeader(f, container), 24 * time.Hour, nil
	})
	return h, err
}

// Next implements providers.Browser.
func (p *Provider) Next(ctx context.Context, rq providers.NextRequest) (*providers.Item, error) {
	dir, err := readPath(rq.Target)
	if err != nil {
		return nil, err
	}
	last, err := readPath(rq.After)
	if err != nil {
		return nil, err
	}
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := p.list(root, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range f.entries {
		if !e.dir && natural(e.name, path.Base(last)) > 0 {
			if it, ok := p.item(ctx, root, f, e, f.subtitles(root), time.Now().Add(probeBudget)); ok {
				return &it, nil
			}
		}
	}
	return nil, &providers.Error{Class: providers.ClassNotFound, Reason: "this was the last one"}
}
