package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"synctv/store"
	"synctv/store/storetest"
)

var errRule = errors.New("against the rules")

// put is the smallest write.
func put(ctx context.Context, db *store.DB, key string) error {
	return db.Write(ctx, func(tx *store.Tx) error { return tx.PutSetting(ctx, key, []byte("1"), "") })
}

// settingKeys are the keys of the stored settings.
func settingKeys(t *testing.T, db *store.DB) []string {
	t.Helper()
	var keys []string
	read(t, db, func(ctx context.Context, tx *store.Tx) error {
		list, err := tx.Settings(ctx)
		for _, s := range list {
			keys = append(keys, s.Key)
		}
		return err
	})
	return keys
}

// occupy keeps the writer busy until the returned function is called, which
// waits for that write to end. Only in a bubble.
func occupy(t *testing.T, db *store.DB) (release func()) {
	t.Helper()
	hold, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- db.Write(context.Background(), func(*store.Tx) error {
			<-hold
			return nil
		})
	}()
	synctest.Wait()
	return func() {
		close(hold)
		if err := <-done; err != nil {
			t.Errorf("the occupying write: %v", err)
		}
	}
}

// bubble runs a test in a synctest bubble with a database of its own. A
// goroutine that outlives the database fails the test.
func bubble(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		f(t, db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAFailedFunctionUndoesItsOwnChangesAlone(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		release := occupy(t, db)
		errs := make([]error, 6)
		var writers sync.WaitGroup
		for i := range errs {
			writers.Go(func() {
				errs[i] = db.Write(t.Context(), func(tx *store.Tx) error {
					if err := tx.PutSetting(t.Context(), fmt.Sprint("key", i), []byte("1"), ""); err != nil || i%2 == 0 {
						return err
					}
					return errRule
				})
			})
		}
		synctest.Wait()
		release()
		writers.Wait()
		for i, err := range errs {
			if failed := i%2 == 1; failed != errors.Is(err, errRule) || !failed && err != nil {
				t.Errorf("write %d: %v", i, err)
			}
		}
		if got, want := settingKeys(t, db), []string{"key0", "key2", "key4"}; !slices.Equal(got, want) {
			t.Errorf("settings = %v, want %v", got, want)
		}
	})
}

func TestWritesThatWaitShareOneCommit(t *testing.T) {
	reg := prometheus.NewRegistry()
	dir := storetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), store.Config{Dir: dir, Metrics: reg})
		if err != nil {
			t.Fatal(err)
		}
		release := occupy(t, db)
		var writers sync.WaitGroup
		for i := range 64 {
			writers.Go(func() {
				if err := put(t.Context(), db, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		release()
		writers.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "synctv_store_group_writes" {
			h := f.GetMetric()[0].GetHistogram()
			if h.GetSampleSum() != 65 || h.GetSampleCount() != 1 {
				t.Errorf("%v writes in %d commits, want 65 in 1", h.GetSampleSum(), h.GetSampleCount())
			}
			return
		}
	}
	t.Error("groups are not counted")
}

func TestAfterCommitRunsInOrderAndOnlyAfterSuccess(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var order []string
		note := func(s string) func() { return func() { order = append(order, s) } }
		write(t, db, func(ctx context.Context, tx *store.Tx) error {
			tx.AfterCommit(note("first"))
			tx.AfterCommit(func() { //nolint:contextcheck // reads with the context of the test
				note("second")()
				if got := settingKeys(t, db); len(got) != 1 {
					t.Errorf("after the commit settings = %v", got)
				}
			})
			note("body")()
			return tx.PutSetting(ctx, "a", []byte("1"), "")
		})
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			tx.AfterCommit(note("never"))
			return errRule
		})
		if !errors.Is(err, errRule) {
			t.Errorf("error = %v", err)
		}
		if want := []string{"body", "first", "second"}; !slices.Equal(order, want) {
			t.Errorf("order = %v, want %v", order, want)
		}
	})
}

func TestAWriteThatIsGivenUpWhileItWaitsDoesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		release := occupy(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- put(ctx, db, "given up") }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
		release()
		if got := settingKeys(t, db); len(got) != 0 {
			t.Errorf("settings = %v", got)
		}
		if err := put(ctx, db, "late"); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
	})
}

func TestAContextThatEndsInsideTheFunctionUndoesIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Write(ctx, func(tx *store.Tx) error {
			if err := tx.PutSetting(ctx, "a", []byte("1"), ""); err != nil {
				return err
			}
			cancel()
			return tx.PutSetting(ctx, "b", []byte("1"), "")
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
		if got := settingKeys(t, db); len(got) != 0 {
			t.Errorf("settings = %v", got)
		}
	})
}

func TestAFullQueueRefuses(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		release := occupy(t, db)
		var writers sync.WaitGroup
		for range 4096 {
			writers.Go(func() {
				if err := db.Write(t.Context(), func(*store.Tx) error { return nil }); err != nil {
					t.Errorf("a queued write: %v", err)
				}
			})
		}
		synctest.Wait()
		if err := put(t.Context(), db, "one more"); !errors.Is(err, store.ErrOverloaded) {
			t.Errorf("error = %v, want ErrOverloaded", err)
		}
		release()
		writers.Wait()
	})
}

func TestAPanicReachesItsCallerAlone(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		func() {
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("recovered %v", r)
				}
			}()
			_ = db.Write(t.Context(), func(tx *store.Tx) error {
				_ = tx.PutSetting(t.Context(), "a", []byte("1"), "")
				panic("boom")
			})
		}()
		ended := make(chan struct{})
		go func() { // what t.FailNow does inside a function
			defer close(ended)
			_ = db.Write(t.Context(), func(*store.Tx) error {
				runtime.Goexit()
				return nil
			})
		}()
		<-ended
		if err := put(t.Context(), db, "b"); err != nil {
			t.Errorf("the next write: %v", err)
		}
		if got := settingKeys(t, db); !slices.Equal(got, []string{"b"}) {
			t.Errorf("settings = %v", got)
		}
	})
}

func TestATransactionIsDeadWhenItsFunctionReturns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var kept *store.Tx
		keep := func(tx *store.Tx) error { kept = tx; return nil }
		for name, run := range map[string]func(context.Context, func(*store.Tx) error) error{"Write": db.Write, "Read": db.Read} {
			if err := run(t.Context(), keep); err != nil {
				t.Fatal(err)
			}
			if _, err := kept.Settings(t.Context()); err == nil {
				t.Errorf("the transaction of %s still answers", name)
			}
		}
	})
}

func TestReadsChangeNothingAndSeeOneMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := put(ctx, db, "a"); err != nil {
			t.Fatal(err)
		}
		read(t, db, func(ctx context.Context, tx *store.Tx) error {
			before, err := tx.Settings(ctx)
			if err != nil {
				return err
			}
			if err := put(ctx, db, "b"); err != nil {
				return err
			}
			after, err := tx.Settings(ctx)
			if len(before) != 1 || len(after) != 1 {
				t.Errorf("a read sees %d, then %d settings", len(before), len(after))
			}
			if err := tx.PutSetting(ctx, "c", []byte("1"), ""); err == nil {
				t.Error("a read may write")
			}
			return err
		})
	})
}

func TestACloseFinishesWhatWaitsAndRefusesTheRest(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		release := occupy(t, db)
		waiting, closed := make(chan error, 1), make(chan error, 1)
		go func() { waiting <- put(t.Context(), db, "a") }()
		synctest.Wait()
		go func() { closed <- db.Close() }()
		synctest.Wait()
		if err := put(t.Context(), db, "b"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a write after Close: %v", err)
		}
		release()
		if err := <-waiting; err != nil {
			t.Errorf("the write that waited: %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		err := db.Read(t.Context(), func(*store.Tx) error { return nil })
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a read after Close: %v", err)
		}
		if err := db.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a ping after Close: %v", err)
		}
	})
}

func TestOfManyWritersOnOneVersionOneWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ann := addUser(t, db, "ann")
		var writers sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			writers.Go(func() {
				mine := ann
				errs[i] = db.Write(t.Context(), func(tx *store.Tx) error {
					mine.DisplayName = fmt.Sprint("Ann ", i)
					return tx.UpdateUser(t.Context(), &mine)
				})
				if want := ann.Version + 1; errs[i] == nil && mine.Version != want {
					t.Errorf("the winner has version %d, want %d", mine.Version, want)
				}
				if errs[i] != nil && mine.Version != ann.Version {
					t.Errorf("a loser has version %d, want %d", mine.Version, ann.Version)
				}
			})
		}
		writers.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, store.ErrVersion):
				t.Errorf("error = %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d writers won", won)
		}
	})
}

// BenchmarkWrite64 is 64 writers with small durable writes.
func BenchmarkWrite64(b *testing.B) {
	db := storetest.New(b)
	ctx := b.Context()
	b.ReportAllocs()
	b.SetParallelism((64 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := store.NewID()
			err := db.Write(ctx, func(tx *store.Tx) error {
				return tx.AddAudit(ctx, &store.Audit{ID: id, ActorType: "system", Action: "bench.write", TargetType: "row", TargetID: id})
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

func BenchmarkReadUser(b *testing.B) {
	db := storetest.New(b)
	ann := addUser(b, db, "ann")
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := db.Read(ctx, func(tx *store.Tx) error { _, err := tx.User(ctx, ann.ID); return err }); err != nil {
			b.Fatal(err)
		}
	}
}
