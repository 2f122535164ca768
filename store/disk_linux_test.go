package store_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"synctv/store"
	"synctv/store/storetest"
)

const (
	insideEnv = "SYNCTV_STORE_INSIDE" // set in the process that may mount
	noMount   = "cannot mount here"
)

// withMounts runs the calling test again in a process with a mount namespace
// of its own and reports true there; the caller outside returns. Where the
// system forbids it the test is skipped.
func withMounts(t *testing.T) (inside bool) {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Skip(noMount)
		}
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM), strings.Contains(string(out), noMount):
		missing(t, "the right to mount")
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// mount puts a file system of its own on dir.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skip(noMount)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fill writes until the disk is full and tells how many writes were promised.
func fill(t *testing.T, db *store.DB) (acked []string) {
	t.Helper()
	for range 10000 {
		id := store.NewID()
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			details := fmt.Appendf(nil, "%q", strings.Repeat("x", 8000))
			return tx.AddAudit(t.Context(), &store.Audit{ID: id, ActorType: "system", Action: "fill.disk", TargetType: "row", TargetID: id, Details: details})
		})
		if err != nil {
			if !errors.Is(err, store.ErrStorageFull) {
				t.Fatalf("a write on a full disk: %v", err)
			}
			return acked
		}
		acked = append(acked, id)
	}
	t.Fatal("the disk never filled up")
	return nil
}

// promised checks that everything acknowledged can be read.
func promised(t *testing.T, db *store.DB, acked []string) {
	t.Helper()
	stored := auditIDs(t, db)
	for _, id := range acked {
		if !stored[id] {
			t.Fatalf("acknowledged write %s is lost", id)
		}
	}
	if len(stored) != len(acked) {
		t.Errorf("%d writes are stored, %d were acknowledged", len(stored), len(acked))
	}
}

func TestR04AFullDiskStopsWritesAloneAndHeals(t *testing.T) {
	if !withMounts(t) {
		return
	}
	dir := t.TempDir()
	mount(t, dir, "size=12m")
	db := storetest.Open(t, dir)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	acked := fill(t, db)
	for range 10000 { // the last hole takes the smallest write there is
		if err := put(t.Context(), db, "small"); errors.Is(err, store.ErrStorageFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Ping(t.Context()); !errors.Is(err, store.ErrStorageFull) {
		t.Errorf("ping = %v", err)
	}
	promised(t, db, acked)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("ping with space again = %v", err)
	}
	more := fill(t, db)
	if len(more) == 0 {
		t.Error("no write succeeds with space again")
	}
	acked = append(acked, more...)
	promised(t, db, acked)
	_ = db.Close() // may have no space to fold the log into the file
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	promised(t, storetest.Open(t, dir), acked)
}

func TestR04OpeningOnAFullDiskSaysSo(t *testing.T) {
	if !withMounts(t) {
		return
	}
	dir := t.TempDir()
	mount(t, dir, "size=64k")
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 48<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, store.ErrStorageFull, "free some space")
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=16m"); err != nil {
		t.Fatal(err)
	}
	storetest.Open(t, dir) // what was left half made is no obstacle
}

func TestR05AReadOnlyFolderIsRefused(t *testing.T) {
	if !withMounts(t) {
		return
	}
	t.Run("empty", func(t *testing.T) {
		dir := t.TempDir()
		mount(t, dir, "size=1m")
		remountReadOnly(t, dir)
		refused(t, dir, store.ErrReadOnly, "writable")
		refused(t, filepath.Join(dir, "below"), store.ErrReadOnly, "writable")
	})
	t.Run("with a database", func(t *testing.T) {
		dir := t.TempDir()
		mount(t, dir, "size=16m")
		db := storetest.Open(t, dir)
		if err := put(t.Context(), db, "a"); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		remountReadOnly(t, dir)
		untouched(t, dir, func() { refused(t, dir, store.ErrReadOnly, "--data-dir") })
	})
}

func remountReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}
