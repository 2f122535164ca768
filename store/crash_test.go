package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"synctv/store"
	"synctv/store/storetest"
)

// ledger is the program that is killed: eight writers, and a line on out for
// every write that was acknowledged.
func ledger(dir string, out io.Writer) int {
	db, err := store.Open(context.Background(), store.Config{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for {
				id := store.NewID()
				err := db.Write(context.Background(), func(tx *store.Tx) error {
					line := store.Audit{ID: id, ActorType: "cli", Action: "ledger.write", TargetType: "row", TargetID: id}
					if err := tx.AddAudit(context.Background(), &line); err != nil {
						return err
					}
					return tx.PutSetting(context.Background(), "ledger."+id[len(id)-1:], []byte(`"`+id+`"`), "")
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				fmt.Fprintln(out, id) // one write, shorter than the pipe's atomic size
			}
		})
	}
	writers.Wait()
	return 1
}

// TestR01NoAcknowledgedWriteIsLostToKill9 kills the writer at random moments
// and looks for every write it was promised.
func TestR01NoAcknowledgedWriteIsLostToKill9(t *testing.T) {
	t.Parallel()
	cycles := 50
	if testing.Short() {
		cycles = 5
	}
	dir := storetest.Dir(t)
	var acked []string
	var slowest time.Duration
	for cycle := range cycles {
		acked = append(acked, killedRun(t, dir)...)
		began := time.Now()
		db, err := store.Open(t.Context(), store.Config{Dir: dir})
		if err != nil {
			t.Fatalf("cycle %d: %v", cycle, err)
		}
		slowest = max(slowest, time.Since(began))
		stored := auditIDs(t, db)
		for _, id := range acked {
			if !stored[id] {
				t.Fatalf("cycle %d: acknowledged write %s is lost", cycle, id)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatalf("cycle %d: close: %v", cycle, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	t.Logf("%d cycles, %d acknowledged writes, none lost, slowest start %v", cycles, len(acked), slowest)
}

// killedRun starts the ledger, kills it some time after its first write and
// returns what it acknowledged.
func killedRun(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=ledger", "SYNCTV_STORE_DIR="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	var kill *time.Timer
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the last line may be cut: its writer was never answered
		}
		if kill == nil {
			kill = time.AfterFunc(time.Duration(rand.IntN(300))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		}
		ids = append(ids, strings.TrimSuffix(line, "\n"))
	}
	_ = cmd.Wait()
	if kill == nil || stderr.Len() > 0 {
		t.Fatalf("the writer failed by itself after %d writes: %s", len(ids), stderr.String())
	}
	kill.Stop()
	return ids
}

// auditIDs are the ids of the whole audit log.
func auditIDs(t *testing.T, db *store.DB) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	read(t, db, func(ctx context.Context, tx *store.Tx) error {
		f := store.AuditFilter{Limit: 1000}
		for {
			list, next, err := tx.Audits(ctx, f)
			if err != nil || next == "" && len(list) == 0 {
				return err
			}
			for _, line := range list {
				ids[line.ID] = true
			}
			if f.Cursor = next; next == "" {
				return nil
			}
		}
	})
	return ids
}

func TestR06IDsStayUniqueAndSortedInOneProcess(t *testing.T) {
	const goroutines, each = 4, 5000
	lists := make([][]string, goroutines)
	var makers sync.WaitGroup
	for g := range goroutines {
		makers.Go(func() {
			for range each {
				lists[g] = append(lists[g], store.NewID())
			}
		})
	}
	makers.Wait()
	seen := map[string]bool{}
	for _, list := range lists {
		// The first 9 characters are the time to within 8 ms.
		if !slices.IsSortedFunc(list, func(a, b string) int { return strings.Compare(a[:9], b[:9]) }) {
			t.Error("later ids sort before earlier ones")
		}
		for _, id := range list {
			if !store.ValidID(id) || seen[id] {
				t.Fatalf("id %q is invalid or made twice", id)
			}
			seen[id] = true
		}
	}
}
