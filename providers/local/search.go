package local

import (
	"context"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"synctv/providers"
)

// Bounds of a search.
const (
	maxIndexed  = 50_000
	maxDepth    = 16
	maxFound    = 500
	maxQuery    = 100
	keepIndex   = time.Minute
	indexBudget = 10 * time.Second
)

// indexed is one name of the whole tree.
type indexed struct {
	path   string
	folded string // of the name alone
	dir    bool
}

func fold(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

// walk lists the tree, at most maxIndexed names and maxDepth levels, without
// following links to folders.
func (p *Provider) walk(ctx context.Context) ([]indexed, error) {
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	ctx, cancel := context.WithTimeout(ctx, indexBudget)
	defer cancel()
	var out []indexed
	queue := []string{"."}
	for len(queue) > 0 && len(out) < maxIndexed && ctx.Err() == nil {
		dir := queue[0]
		queue = queue[1:]
		f, err := p.list(root, dir)
		if err != nil {
			continue // gone meanwhile, or not ours to read
		}
		for _, e := range f.entries {
			full := path.Join(dir, e.name)
			out = append(out, indexed{path: full, folded: fold(e.name), dir: e.dir})
			if e.dir && strings.Count(full, "/") < maxDepth && !isLink(root, full) {
				queue = append(queue, full)
			}
		}
	}
	return out[:min(len(out), maxIndexed)], nil
}

func isLink(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	return err != nil || info.Mode()&fs.ModeSymlink != 0
}

// search finds names below dir that hold every word of the query.
func (p *Provider) search(ctx context.Context, root *os.Root, dir string, rq providers.BrowseRequest, limit int) (*providers.Page, error) {
	query := []rune(rq.Query)
	words := strings.Fields(fold(string(query[:min(len(query), maxQuery)])))
	from := 0
	if rq.Cursor != "" {
		n, err := strconv.ParseUint(rq.Cursor, 10, 16)
		if err != nil {
			return nil, providers.Invalid("not a cursor of this list")
		}
		from = int(n)
	}
	all, _, err := p.index.Get(ctx, "", false, func(ctx context.Context) ([]indexed, time.Duration, error) {
		list, err := p.walk(ctx)
		return list, keepIndex, err
	})
	if err != nil {
		return nil, err
	}
	var hits []indexed
	for _, x := range all {
		if len(hits) < maxFound && (dir == "." || strings.HasPrefix(x.path, dir+"/")) &&
			!slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(x.folded, w) }) {
			hits = append(hits, x)
		}
	}
	slices.SortFunc(hits, func(a, b indexed) int {
		return compareEntries(entry{name: a.path, dir: a.dir}, entry{name: b.path, dir: b.dir})
	})
	page := &providers.Page{Path: p.crumbs(dir), Items: []providers.Item{}}
	until := time.Now().Add(probeBudget)
	at := min(from, len(hits))
	for ; at < len(hits) && len(page.Items) < limit; at++ {
		f := &folder{path: path.Dir(hits[at].path), files: map[string]string{}}
		if it, ok := p.item(ctx, root, f, entry{name: path.Base(hits[at].path), dir: hits[at].dir}, nil, until); ok {
			page.Items = append(page.Items, it)
		}
	}
	if at < len(hits) {
		page.Next = strconv.Itoa(at)
	}
	return page, nil
}
