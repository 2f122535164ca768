package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"synctv/providers"
)

// Bounds of stills: one ffmpeg at a time, 10 s and 2 MiB each, and how many
// requests may wait for it and files are kept.
const (
	stillTimeout = 10 * time.Second
	stillBytes   = 2 << 20
	stillsWait   = 64
	stillsKept   = 10_000
	pruneEvery   = 256
	keepNoStill  = 10 * time.Minute
)

// demuxers are forced, so that a file that is a list of other addresses in
// truth opens none of them.
var demuxers = map[string]string{"mp4": "mov", "mov": "mov", "mkv": "matroska", "webm": "matroska", "ts": "mpegts", "flv": "flv"}

var errNoStill = errors.New("no still")

// stills grabs one picture per film with ffmpeg, when there is one, and keeps
// it under the data folder.
type stills struct {
	dir     string // "" = none are made
	ffmpeg  string
	log     *slog.Logger
	slot    chan struct{} // one at a time
	waiting atomic.Int64
	made    atomic.Int64
	grabs   *providers.Cache[string]
}

func newStills(dataDir string, log *slog.Logger) *stills {
	s := &stills{log: log, slot: make(chan struct{}, 1)}
	s.grabs = providers.NewCache[string](providers.CacheConfig{Entries: 1024, Timeout: stillsWait * time.Second, Log: log})
	bin, err := exec.LookPath("ffmpeg")
	if err != nil || dataDir == "" || runtime.GOOS == "windows" { // the file is handed over as a descriptor
		return s
	}
	s.ffmpeg, s.dir = bin, filepath.Join(dataDir, "cache", "stills")
	return s
}

func (s *stills) can(container string) bool { return s.dir != "" && demuxers[container] != "" }

func (s *stills) close() { s.grabs.Close() }

// get opens the still of a film, making it first when needed.
func (s *stills) get(ctx context.Context, p *Provider, name string) (*providers.File, error) {
	if s.dir == "" {
		return nil, notFound(errNoStill)
	}
	f, err := p.open(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%d", p.cfg.Path, name, f.Size, f.ModTime.UnixNano()))
	f.Close()
	file := filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".jpg")
	if out, err := openStill(file); err == nil {
		return out, nil
	}
	_, _, err = s.grabs.Get(ctx, file, false, func(ctx context.Context) (string, time.Duration, error) {
		err := s.make(ctx, p, name, file)
		if errors.Is(err, errNoStill) {
			return "", keepNoStill, notFound(err)
		}
		return file, 0, err
	})
	if err != nil {
		return nil, err
	}
	return openStill(file)
}

func openStill(file string) (*providers.File, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, notFound(err)
	}
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		f.Close()
		return nil, notFound(err)
	}
	return &providers.File{ReadSeekCloser: f, Name: "still.jpg", MIME: "image/jpeg", Size: info.Size(), ModTime: info.ModTime()}, nil
}

func (s *stills) make(ctx context.Context, p *Provider, name, file string) error {
	busy := &providers.Error{Class: providers.ClassUnavailable, Reason: "too many pictures are being made", RetryAfter: stillTimeout}
	if s.waiting.Add(1) > stillsWait {
		s.waiting.Add(-1)
		return busy
	}
	defer s.waiting.Add(-1)
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	case <-ctx.Done():
		return busy
	}
	picture, err := s.grab(ctx, p, name)
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelDebug, "no still", slog.Any("err", err))
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("keep still: %w", err)
	}
	if s.made.Add(1)%pruneEvery == 0 {
		s.prune()
	}
	return writeWhole(file, picture)
}

// grab runs ffmpeg on the open file; it never learns a path.
func (s *stills) grab(ctx context.Context, p *Provider, name string) ([]byte, error) {
	f, err := p.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	osFile, ok := f.ReadSeekCloser.(*os.File)
	if !ok {
		return nil, errNoStill
	}
	container := sniff(f)
	demuxer := demuxers[container]
	if demuxer == "" {
		return nil, errNoStill
	}
	at := 5 * time.Second
	if h := readHeader(f, container); h.Duration > 0 {
		at = min(h.Duration/5, 3*time.Minute)
	}
	ctx, cancel := context.WithTimeout(ctx, stillTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1",
		"-protocol_whitelist", "file,pipe", "-ss", strconv.FormatFloat(at.Seconds(), 'f', 2, 64), "-f", demuxer, "-i", "/dev/fd/3",
		"-map", "0:v:0", "-frames:v", "1", "-vf", "scale=480:-2", "-q:v", "4", "-f", "mjpeg", "pipe:1")
	cmd.ExtraFiles = []*os.File{osFile}
	cmd.Env = []string{}
	cmd.WaitDelay = time.Second
	out := &capped{limit: stillBytes}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: ffmpeg: %w", errNoStill, err)
	}
	if sniffPicture(out.buf.Bytes()) != "image/jpeg" {
		return nil, errNoStill
	}
	return out.buf.Bytes(), nil
}

// capped fails once more than limit bytes were written.
type capped struct {
	buf   bytes.Buffer // not embedded: its ReadFrom would pass the limit by
	limit int
}

// Write implements io.Writer.
func (c *capped) Write(b []byte) (int, error) {
	if c.buf.Len()+len(b) > c.limit {
		return 0, errNoStill
	}
	return c.buf.Write(b)
}

// writeWhole makes the file appear complete or not at all.
func writeWhole(file string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".still-*")
	if err != nil {
		return fmt.Errorf("keep still: %w", err)
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("keep still: %w", err)
	}
	return nil
}

// prune removes the oldest stills beyond what is kept.
func (s *stills) prune() {
	all, err := os.ReadDir(s.dir)
	if err != nil || len(all) <= stillsKept {
		return
	}
	infos := make([]fs.FileInfo, 0, len(all))
	for _, de := range all {
		if info, err := de.Info(); err == nil {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range infos[:max(len(infos)-stillsKept, 0)] {
		os.Remove(filepath.Join(s.dir, info.Name()))
	}
}
