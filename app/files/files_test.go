package files

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"synctv/store"
	"synctv/store/storetest"
)

// service returns a service on a fresh database, and its data folder.
func service(t *testing.T) (*Service, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := New(Config{DB: storetest.New(t), Dir: dir, Key: bytes.Repeat([]byte{7}, 32), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, dir
}

func add(t *testing.T, s *Service, kind Kind, data []byte) store.File {
	t.Helper()
	f, err := s.Add(t.Context(), "", kind, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// open asks for what URL has signed.
func open(t *testing.T, s *Service, id string) ([]byte, *Content) {
	t.Helper()
	parts := strings.Split(*s.URL(&id), "/")
	c, err := s.Open(t.Context(), parts[2], parts[3])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Body.Close()
	data, err := io.ReadAll(c.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data, c
}

// onDisk lists the picture files of a data folder.
func onDisk(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, folder), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
			info, err := d.Info()
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func swap(t *testing.T, s *Service, old, next *string) error {
	t.Helper()
	return s.db.Write(t.Context(), func(tx *store.Tx) error { return Swap(t.Context(), tx, old, next) })
}

func TestAddedPictureIsServedUnderItsAddressOnly(t *testing.T) {
	s, _ := service(t)
	f := add(t, s, Avatar, encoded(t, "png", gradient(1000, 500)))
	if f.Mime != "image/jpeg" || *f.Width != 512 || *f.Height != 256 {
		t.Errorf("kept as %s, %d×%d; want a jpeg of 512×256", f.Mime, *f.Width, *f.Height)
	}
	data, c := open(t, s, f.ID)
	if int64(len(data)) != f.Size || c.Length != f.Size || c.Header.Get("Content-Type") != "image/jpeg" || !bytes.HasPrefix(data, []byte("\xff\xd8\xff")) {
		t.Errorf("served %d bytes as %s, want %d of a jpeg", len(data), c.Header.Get("Content-Type"), f.Size)
	}
	for name, want := range map[string]string{ // A31
		"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'", "Cross-Origin-Resource-Policy": "same-origin",
		"Content-Disposition": `inline; filename="` + f.ID + `.jpeg"`, "Cache-Control": "private, max-age=31536000, immutable",
	} {
		if got := c.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if s.URL(nil) != nil {
		t.Error("no file has an address")
	}
	signature := strings.Split(*s.URL(&f.ID), "/")[3]
	for _, bad := range []struct{ id, signature string }{
		{f.ID, ""}, {f.ID, signature[1:]}, {f.ID, signature + "="}, {store.NewID(), signature}, {"../" + f.ID, s.sign("../" + f.ID)}, {"", s.sign("")},
	} {
		if _, err := s.Open(t.Context(), bad.id, bad.signature); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Open(%q, %q) = %v, want ErrNotFound", bad.id, bad.signature, err)
		}
	}
	if _, err := s.Open(t.Context(), store.NewID(), "x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown id: %v", err)
	}
}

func TestSamePictureIsKeptOnce(t *testing.T) {
	s, dir := service(t)
	data := encoded(t, "png", gradient(20, 20))
	first, again := add(t, s, Avatar, data), add(t, s, Avatar, append(data, "hidden"...))
	cover := add(t, s, RoomCover, data)
	if first.ID != again.ID || cover.ID == first.ID {
		t.Errorf("ids %s, %s and %s; want the first two equal", first.ID, again.ID, cover.ID)
	}
	if n := len(onDisk(t, dir)); n != 2 {
		t.Errorf("%d files on disk, want 2", n)
	}
}

func TestPictureLivesWhileItIsUsed(t *testing.T) {
	s, dir := service(t)
	used, unused := add(t, s, Avatar, encoded(t, "png", gradient(20, 20))), add(t, s, Avatar, encoded(t, "png", gradient(30, 20)))
	if err := swap(t, s, nil, &used.ID); err != nil {
		t.Fatal(err)
	}
	purge := func(after time.Duration) int {
		n, err := s.Purge(t.Context(), time.Now().Add(after), 10)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := purge(23 * time.Hour); n != 0 {
		t.Errorf("%d files went before their day was over", n)
	}
	if n := purge(25 * time.Hour); n != 1 {
		t.Errorf("%d files went, want the unused one", n)
	}
	open(t, s, used.ID)
	parts := strings.Split(*s.URL(&unused.ID), "/")
	if _, err := s.Open(t.Context(), parts[2], parts[3]); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the unused file answers %v", err)
	}
	if err := swap(t, s, &used.ID, nil); err != nil {
		t.Fatal(err)
	}
	if n := purge(25 * time.Hour); n != 1 || len(onDisk(t, dir)) != 0 {
		t.Errorf("%d files went, %v are left", n, onDisk(t, dir))
	}
}

func TestSwapNeedsThePictureToExist(t *testing.T) {
	s, _ := service(t)
	f, missing := add(t, s, Avatar, encoded(t, "png", gradient(20, 20))), store.NewID()
	if err := swap(t, s, nil, &missing); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a reference to nothing: %v, want ErrNotFound", err)
	}
	if err := swap(t, s, &missing, &f.ID); err != nil {
		t.Errorf("a lost old picture stops the new one: %v", err)
	}
	if err := swap(t, s, &f.ID, &f.ID); err != nil {
		t.Error(err)
	}
}

func TestUploadsHaveLimits(t *testing.T) {
	s, dir := service(t)
	if _, err := s.Add(t.Context(), "", Avatar, io.LimitReader(zeros{}, 1<<40)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an endless upload: %v, want ErrTooLarge", err)
	}
	if _, err := s.Add(t.Context(), "", "subtitle", bytes.NewReader(nil)); err == nil {
		t.Error("an unknown kind passes")
	}
	broken := errors.New("gone")
	if _, err := s.Add(t.Context(), "", Avatar, io.MultiReader(strings.NewReader("GIF89a"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("an upload that breaks: %v", err)
	}
	if left := onDisk(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestLineOfUploadsIsShort(t *testing.T) {
	s, _ := service(t)
	release, err := s.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	results := make(chan error, waiting)
	for range waiting {
		go func() {
			_, err := s.enter(gone)
			results <- err
		}()
	}
	for len(s.line) < decoders+waiting { // each is about to stand in line
		select {
		case err := <-results:
			t.Fatal(err)
		default:
		}
	}
	if _, err := s.enter(t.Context()); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v, want ErrBusy", err)
	}
	cancel()
	for range waiting {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who left: %v", err)
		}
	}
	release()
	if len(s.line) != 0 || len(s.decode) != 0 {
		t.Errorf("the line still holds %d and %d", len(s.line), len(s.decode))
	}
}

func TestLostFileIsNotFound(t *testing.T) {
	s, dir := service(t)
	img := gradient(20, 20)
	img.SetNRGBA(3, 3, color.NRGBA{})
	data := encoded(t, "png", img)
	f := add(t, s, ChatImage, data)
	if err := os.Remove(onDisk(t, dir)[0]); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(*s.URL(&f.ID), "/")
	if _, err := s.Open(t.Context(), parts[2], parts[3]); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a lost file: %v, want ErrNotFound", err)
	}
	if again := add(t, s, ChatImage, data); again.ID != f.ID {
		t.Errorf("sent again it is %s, want %s", again.ID, f.ID)
	}
	if _, c := open(t, s, f.ID); c.Header.Get("Content-Type") != "image/png" {
		t.Errorf("served as %s, want image/png", c.Header.Get("Content-Type"))
	}
}
