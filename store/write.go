package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// queueSize bounds the writes that wait. When it is full a write is
	// refused with ErrOverloaded: at 5,000 writes a second it holds almost a
	// second, and nobody should wait longer without being told.
	queueSize = 4096

	// A group takes what is queued while it runs, up to these bounds. They
	// keep the first of the group from waiting for the last.
	groupSize = 256
	groupTime = 5 * time.Millisecond
)

var (
	errAbandoned = errors.New("store: the function did not return")
	errEnded     = errors.New("store: the transaction has ended")
)

// call is one Write on its way through the writer. The writer lends the
// transaction to the caller's goroutine (turn), which runs its function and
// hands it back (back), and at last tells how it ended (done). So a function
// that panics or ends its goroutine hurts only its own caller.
type call struct {
	claimed atomic.Bool // by the writer, or by a caller that stopped waiting
	tx      *Tx         // of the last turn; the writer's
	turn    chan *Tx
	back    chan error
	done    chan error
}

// Write runs fn in a transaction and returns when the result is durable or
// refused. Writes are committed in groups; an error of fn undoes its own
// changes alone.
//
// fn may run more than once: it must have no effect outside tx but through
// AfterCommit, and assign results rather than append to them. fn must not call
// Write. When ctx ends while the write waits for its turn nothing happens;
// once fn runs, Write waits for the outcome, so the answer is always true.
//
// Beside errors of fn it returns ErrOverloaded, ErrUnavailable,
// ErrStorageFull, ErrReadOnly and ErrCorrupt. Safe for concurrent use.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	began := time.Now()
	c := &call{turn: make(chan *Tx, 1), back: make(chan error, 1), done: make(chan error, 1)}
	if err := db.enqueue(c); err != nil {
		db.metrics.refused(err)
		return err
	}
	after, err := c.wait(ctx, fn)
	db.metrics.wrote(time.Since(began), err)
	if err != nil {
		return err
	}
	for _, f := range after {
		f()
	}
	return nil
}

func (db *DB) enqueue(c *call) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return fmt.Errorf("%w: it is closed", ErrUnavailable)
	}
	select {
	case db.queue <- c:
		return nil
	default:
		return ErrOverloaded
	}
}

// wait is the caller's side of the hand-over.
func (c *call) wait(ctx context.Context, fn func(*Tx) error) (after []func(), err error) {
	giveUp := ctx.Done()
	for {
		select {
		case tx := <-c.turn:
			giveUp = nil
			c.run(tx, fn)
			after = tx.after
		case err := <-c.done:
			return after, err
		case <-giveUp:
			if c.claimed.CompareAndSwap(false, true) {
				return nil, ctx.Err()
			}
			giveUp = nil
		}
	}
}

// run hands the transaction back whatever fn does.
func (c *call) run(tx *Tx, fn func(*Tx) error) {
	err := errAbandoned
	defer func() { c.back <- err }()
	err = fn(tx)
}

// writer is the single connection that changes the database, and the only
// goroutine that drives it.
type writer struct {
	db      *DB
	conn    *conn
	running *call   // has the turn
	waiting []*call // of the current group: their functions ran, the commit is due
	failed  error   // set for good when the disk lost a write
}

// loop serves the queue until it is closed and empty.
func (w *writer) loop() {
	for c := range w.db.queue {
		w.group(c)
	}
}

// abort answers everybody the loop left behind when it ended.
func (w *writer) abort() {
	w.db.mu.Lock()
	if !w.db.closed {
		w.db.closed = true
		close(w.db.queue)
	}
	w.db.mu.Unlock()
	if w.running != nil {
		w.running.done <- ErrUnavailable
	}
	w.answer(ErrUnavailable)
	for c := range w.db.queue {
		if c.claimed.CompareAndSwap(false, true) {
			c.done <- ErrUnavailable
		}
	}
}

// group commits what is queued, beginning with first.
func (w *writer) group(first *call) {
	ctx := context.Background()
	if err := w.begin(ctx); err != nil {
		w.refuseQueued(first, err)
		return
	}
	began := time.Now()
	for c, n := first, 0; c != nil; c = w.next(began, n) {
		if !c.claimed.CompareAndSwap(false, true) {
			continue // its caller is gone
		}
		n++
		if lost := w.turn(ctx, c); lost {
			w.again(ctx)
			return
		}
	}
	err := w.commit(ctx)
	w.db.metrics.committed(len(w.waiting), time.Since(began))
	if errors.Is(err, ErrStorageFull) && len(w.waiting) > 1 {
		w.again(ctx) // perhaps one of them is large and the others fit
		return
	}
	w.answer(err)
}

// next is another call for the running group, or nil when it is time to
// commit.
func (w *writer) next(began time.Time, n int) *call {
	if n >= groupSize || time.Since(began) > groupTime {
		return nil
	}
	select {
	case c := <-w.db.queue: // nil when closed and empty
		return c
	default:
		return nil
	}
}

// turn runs one call inside its savepoint. lost tells that the transaction is
// gone and with it everybody in w.waiting.
func (w *writer) turn(ctx context.Context, c *call) (lost bool) {
	w.running = c
	defer func() { w.running = nil }()
	if err := w.conn.run(ctx, "SAVEPOINT caller"); err != nil {
		_, err = translate(err)
		c.done <- err
		return true
	}
	c.tx = &Tx{conn: w.conn, dialect: w.db.dialect, now: MillisOf(time.Now()), writable: true}
	c.turn <- c.tx
	err := <-c.back
	broken := c.tx.broken
	c.tx.broken = errEnded
	if broken != nil {
		w.db.note(broken)
		c.finish(broken)
		return true
	}
	if err == nil {
		if err = w.conn.run(ctx, "RELEASE caller"); err == nil {
			w.waiting = append(w.waiting, c)
			return false
		}
		_, err = translate(err)
	}
	c.finish(err)
	if w.conn.run(ctx, "ROLLBACK TO caller") != nil {
		return true
	}
	return w.conn.run(ctx, "RELEASE caller") != nil
}

// finish answers the caller. A failed run first takes back what it wrote into
// the caller's records, while that caller still waits.
func (c *call) finish(err error) {
	if err != nil {
		c.revert()
	}
	c.done <- err
}

func (c *call) revert() {
	for _, undo := range slices.Backward(c.tx.undo) {
		undo()
	}
	c.tx.undo = nil
}

// again gives everybody of a lost group a transaction of their own.
func (w *writer) again(ctx context.Context) {
	w.rollback(ctx)
	calls := w.waiting
	w.waiting = nil
	for i, c := range calls {
		c.revert()
		err := w.begin(ctx)
		if err != nil {
			w.waiting = calls[i:]
			w.answer(err)
			return
		}
		if lost := w.turn(ctx, c); lost {
			w.rollback(ctx)
			w.waiting = nil
			continue
		}
		w.answer(w.commit(ctx))
	}
}

func (w *writer) begin(ctx context.Context) error {
	if w.failed != nil {
		w.db.note(w.failed)
		return w.failed
	}
	if err := w.conn.run(ctx, "BEGIN IMMEDIATE"); err != nil {
		_, err = translate(err)
		w.db.note(err)
		return err
	}
	return nil
}

func (w *writer) commit(ctx context.Context) error {
	err := w.conn.run(ctx, "COMMIT")
	if err == nil {
		w.db.note(nil)
		return nil
	}
	if lostSync(err) {
		w.failed = fmt.Errorf("%w: the disk did not confirm a write; check the disk and restart the server", ErrUnavailable)
		w.db.log.Error("disk lost a write, writing stops until restart", slog.Any("err", err))
	}
	_, err = translate(err)
	w.db.note(err)
	w.rollback(ctx)
	return err
}

// rollback leaves the transaction if there still is one.
func (w *writer) rollback(ctx context.Context) {
	_ = w.conn.run(ctx, "ROLLBACK") // fails when SQLite did it already
}

func (w *writer) answer(err error) {
	for _, c := range w.waiting {
		c.finish(err)
	}
	w.waiting = w.waiting[:0]
}

// refuseQueued answers everybody who waits with the reason why no transaction
// can begin: they have waited for a lock as long as the first.
func (w *writer) refuseQueued(c *call, err error) {
	for n := 0; c != nil && n <= queueSize; n++ {
		if c.claimed.CompareAndSwap(false, true) {
			c.done <- err
		}
		select {
		case c = <-w.db.queue:
		default:
			c = nil
		}
	}
}
