package store

import (
	"errors"

	"synctv/store/sqlgen"
)

// The ways in which the store says no. They come wrapped: compare with
// errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict with an existing row")
	ErrVersion  = errors.New("version mismatch") // someone else wrote first, or the row is gone

	ErrUnavailable = errors.New("database does not answer")    // try again later
	ErrOverloaded  = errors.New("too many writes are waiting") // try again in a second
	ErrStorageFull = errors.New("disk is full")                // heals by itself when there is space again
	ErrReadOnly    = errors.New("storage is read-only")
	ErrCorrupt     = errors.New("database is damaged")
	ErrNewerSchema = errors.New("database was written by a newer version")
	ErrLocked      = errors.New("data folder is in use")

	// ErrBadCursor is a page cursor that belongs to another list or is none.
	ErrBadCursor = sqlgen.ErrCursor
)

// ConflictError is an ErrConflict that knows what is taken.
type ConflictError struct {
	// Key is the columns of the unique constraint, such as
	// "rooms.creator_id,rooms.name_key", or "foreign_key" for a row that is
	// still referred to or refers to nothing.
	Key string
}

// Error says which key is taken. It carries no values.
func (e *ConflictError) Error() string { return ErrConflict.Error() + ": " + e.Key }

// Unwrap makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Unwrap() error { return ErrConflict }
