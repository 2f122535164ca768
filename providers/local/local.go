// Package local plays files of folders of this machine.
//
// Every access goes through os.Root, so no name, link or race leaves the folder;
// what is not a regular file with a known media name is not there.
//
// Imported by app. Imports providers.
package local

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"synctv/providers"
)

// Config is the configuration of one folder.
type Config struct {
	Path    string   `json:"path"`
	Include []string `json:"include,omitempty"` // patterns of file names; none = every media file
	Exclude []string `json:"exclude,omitempty"` // patterns of names of files and folders
}

// Bounds of the configuration and of what is kept in memory.
const (
	maxPatterns = 100
	keepInfo    = 10 * time.Second // files change under us
	keptHeaders = 10_000
	keptIndexes = 1
)

// Source is what is stored of a media; a target has the same shape.
type Source struct {
	V    int    `json:"v,omitempty"`
	Path string `json:"path"`
}

// Provider serves one folder. Safe for concurrent use; Close waits for what
// runs in the background.
type Provider struct {
	name    string
	title   string // what people call it
	cfg     Config
	log     *slog.Logger
	headers *providers.Cache[providers.MediaHeader]
	index   *providers.Cache[[]indexed]
	stills  *stills
}

// Factory makes one instance per folder.
func Factory() providers.Factory {
	return providers.Factory{Kind: providers.KindLocal, Keep: keepInfo, New: New}
}

// New opens a folder. It refuses a folder that holds the server's data or lies in it.
func New(d providers.Deps, ic providers.InstanceConfig) (providers.Provider, error) {
	cfg, err := readConfig(ic.Config)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("library folder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("library folder %s: not a folder", cfg.Path)
	}
	if err := apart(cfg.Path, d.DataDir); err != nil {
		return nil, err
	}
	log := d.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Provider{
		name: ic.Name, title: cmp.Or(ic.Comment, ic.Name), cfg: cfg, log: log,
		headers: providers.NewCache[providers.MediaHeader](providers.CacheConfig{Entries: keptHeaders, Log: log}),
		index:   providers.NewCache[[]indexed](providers.CacheConfig{Entries: keptIndexes, Log: log}),
		stills:  newStills(d.DataDir, log),
	}, nil
}

func readConfig(raw json.RawMessage) (Config, error) {
	var cfg Config
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cfg); err != nil {
		return cfg, fmt.Errorf("library configuration: %w", err)
	}
	if cfg.Path == "" {
		return cfg, errors.New("library configuration: no path")
	}
	if len(cfg.Include)+len(cfg.Exclude) > maxPatterns {
		return cfg, fmt.Errorf("library configuration: more than %d patterns", maxPatterns)
	}
	for _, list := range [][]string{cfg.Include, cfg.Exclude} {
		for i, pat := range list {
			if _, err := path.Match(pat, ""); err != nil {
				return cfg, fmt.Errorf("library configuration: pattern %q: %w", pat, err)
			}
			list[i] = strings.ToLower(pat)
		}
	}
	abs, err := filepath.Abs(cfg.Path)
	if err != nil {
		return cfg, fmt.Errorf("library configuration: %w", err)
	}
	cfg.Path = abs
	return cfg, nil
}

// apart refuses a library that would show the database, in both directions.
func apart(library, data string) error {
	if data == "" {
		return nil
	}
	l, err := filepath.EvalSymlinks(library)
	if err != nil {
		return fmt.Errorf("library folder: %w", err)
	}
	d, err := filepath.Abs(data)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if real, err := filepath.EvalSymlinks(d); err == nil { // it may not exist yet
		d = real
	}
	if within(l, d) || within(d, l) {
		return fmt.Errorf("library folder %s and the server's data folder %s must not contain each other", library, data)
	}
	return nil
}

func within(parent, child string) bool {
	rel, err := filepath.Rel(parent, child)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

var (
	_ providers.Provider    = (*Provider)(nil)
	_ providers.Browser     = (*Provider)(nil)
	_ providers.Checker     = (*Provider)(nil)
	_ providers.Opener      = (*Provider)(nil)
	_ providers.Thumbnailer = (*Provider)(nil)
)

// Kind implements providers.Provider.
func (p *Provider) Kind() providers.Kind { return providers.KindLocal }

// Caps implements providers.Provider.
func (p *Provider) Caps() providers.Caps {
	return providers.CapBrowse | providers.CapSearch | providers.CapInstances | providers.CapSubtitles
}

// Close waits for what runs in the background.
func (p *Provider) Close() error {
	p.headers.Close()
	p.index.Close()
	p.stills.close()
	return nil
}

// Validate implements providers.Provider.
func (p *Provider) Validate(source json.RawMessage) (json.RawMessage, error) {
	name, err := readPath(source)
	if err != nil {
		return nil, err
	}
	if !providers.IsContainer(providers.ContainerByName(name)) || !p.shown(name, false) {
		return nil, providers.Invalid("this is no media file")
	}
	return pathJSON(name, 1), nil
}

// Health implements providers.Checker.
func (p *Provider) Health(context.Context) error {
	root, err := p.root()
	if err != nil {
		return err
	}
	defer root.Close()
	d, err := root.Open(".")
	if err != nil {
		return gone(err)
	}
	defer d.Close()
	if _, err := d.ReadDir(1); err != nil && !errors.Is(err, io.EOF) {
		return gone(err)
	}
	return nil
}

// root opens the folder afresh: a disk that was mounted meanwhile is seen.
func (p *Provider) root() (*os.Root, error) {
	root, err := os.OpenRoot(p.cfg.Path)
	if err != nil {
		return nil, gone(err)
	}
	return root, nil
}

func gone(err error) *providers.Error {
	return &providers.Error{Class: providers.ClassUnavailable, Reason: "the library folder cannot be read", Err: err}
}

// notFound is the answer for everything that is not there or not to be seen;
// which of the two it is stays here.
func notFound(err error) *providers.Error {
	return &providers.Error{Class: providers.ClassNotFound, Reason: "there is no such file in the library", Err: err}
}

// isGone tells a missing library from a missing file.
func isGone(err error) bool { return errors.Is(err, fs.ErrPermission) }
