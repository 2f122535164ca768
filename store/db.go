// Package store is everything that is kept on disk: records, queries and
// transactions.
//
// Every change goes through one door, Write, and every answer of Write is
// true: nil means durable, an error means that nothing of it happened. Times
// and ids come from Go, never from SQL, and a transaction never waits for the
// network. The function given to Write may run more than once.
//
// Imported by the rule packages of app, app/api and app/cli. Imports
// store/perm and store/sqlgen. database/sql and the drivers live here alone.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"synctv/store/sqlgen"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	log     *slog.Logger
	dialect sqlgen.Dialect
	metrics *metrics
	locks   []*os.File // held until Close

	pools   []*sql.DB  // writer, readers
	readers chan *conn // free reader connections; nil = a free place, not opened yet
	queue   chan *call // bounded by queueSize, then ErrOverloaded
	done    chan struct{}
	writer  *writer
	failure atomic.Pointer[error] // of the last write that touched the disk

	closing chan struct{} // closed when Close begins

	mu     sync.RWMutex
	closed bool // the queue takes no more
}

// Read runs fn on a consistent view of the database. Changes are refused. When
// ctx ends a running query is stopped. It returns the error of fn, or
// ErrUnavailable or ErrCorrupt. Safe for concurrent use.
func (db *DB) Read(ctx context.Context, fn func(*Tx) error) error {
	c, err := db.reader(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	defer func() {
		if c.run(context.WithoutCancel(ctx), "ROLLBACK") != nil {
			c.close()
			c = nil
		}
		db.metrics.read(time.Since(began))
		db.readers <- c
	}()
	if err := c.run(context.WithoutCancel(ctx), "BEGIN"); err != nil {
		_, err = translate(err)
		return err
	}
	tx := &Tx{conn: c, dialect: db.dialect, now: MillisOf(began)}
	defer func() { tx.broken = errEnded }()
	return fn(tx)
}

// reader waits for a free reader connection and opens it if need be.
func (db *DB) reader(ctx context.Context) (*conn, error) {
	select {
	case <-db.closing: // first, so that a closed database never answers by luck
		return nil, fmt.Errorf("%w: it is closed", ErrUnavailable)
	default:
	}
	select {
	case c := <-db.readers:
		if c != nil {
			return c, nil
		}
		c, err := dial(ctx, db.pools[1])
		if err != nil {
			db.readers <- nil
			_, err = translate(err)
			return nil, err
		}
		return c, nil
	case <-db.closing:
		return nil, fmt.Errorf("%w: it is closed", ErrUnavailable)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Ping tells whether the database serves reads and, when the last write met a
// disk that is full, read-only or broken, whether it still is.
func (db *DB) Ping(ctx context.Context) error {
	err := db.Read(ctx, func(tx *Tx) error {
		_, err := value[int64](ctx, tx, "SELECT 1")
		return err
	})
	if err != nil || db.failure.Load() == nil {
		return err
	}
	return db.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, probe)
		return err
	})
}

// note remembers how the disk took the last write.
func (db *DB) note(err error) {
	if err == nil {
		if db.failure.Swap(nil) != nil {
			db.log.Info("database takes writes again")
		}
		return
	}
	if db.failure.Swap(&err) == nil {
		db.log.Error("write to the database failed", slog.Any("err", err))
	}
}

// Close refuses new work, finishes the writes that wait and the reads that
// run, and lets go of the data folder.
func (db *DB) Close() error {
	db.mu.Lock()
	if !db.closed {
		db.closed = true
		close(db.queue)
	}
	db.mu.Unlock()
	<-db.done
	if !db.shut() {
		return nil
	}
	for range cap(db.readers) {
		if c := <-db.readers; c != nil {
			c.close()
		}
	}
	db.writer.conn.close()
	return db.release()
}

// shut begins the end of the readers; false when somebody did so before.
func (db *DB) shut() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	select {
	case <-db.closing:
		return false
	default:
		close(db.closing)
		return true
	}
}

// release closes what Open opened, the locks last.
func (db *DB) release() error {
	var err error
	for _, pool := range slices.Backward(db.pools) { // the writer last: it folds the log into the file
		if e := pool.Close(); err == nil {
			err = e
		}
	}
	unlock(db.locks)
	return err
}
