//go:build unix

package local

import (
	"path/filepath"
	"syscall"
	"testing"

	"synctv/providers"
)

func TestA47_PipesAndDevicesAreRefusedWithoutWaiting(t *testing.T) {
	p, dir := library(t, nil)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.mp4"), 0o644); err != nil {
		t.Skip("mkfifo:", err)
	}
	if f, err := p.Open(t.Context(), "pipe.mp4"); providers.ClassOf(err) != providers.ClassNotFound {
		t.Errorf("pipe = %v, %v", f, err)
	}
	if got := names(browse(t, p, providers.BrowseRequest{})); len(got) != 0 {
		t.Errorf("listing = %v", got)
	}
}
