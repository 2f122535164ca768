package room

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"synctv/store"
	"synctv/store/perm"
)

// Refusals. What a caller may not know of is store.ErrNotFound instead.
var (
	ErrSignIn           = errors.New("sign in first")
	ErrAccountPending   = errors.New("account is pending")
	ErrAccountBanned    = errors.New("account is banned")
	ErrMemberPending    = errors.New("membership is pending")
	ErrMemberBanned     = errors.New("banned from the room")
	ErrRoomPending      = errors.New("room is pending")
	ErrRoomBanned       = errors.New("room is banned")
	ErrRoomClosed       = errors.New("room is closed")
	ErrGuests           = errors.New("guests are not allowed")
	ErrGuestRevoked     = errors.New("guest access was revoked")
	ErrPasswordRequired = errors.New("room password required")
	ErrPasswordWrong    = errors.New("room password wrong")
	ErrPasswordPolicy   = errors.New("the site's password policy refuses this")
	ErrRank             = errors.New("target has equal or higher rank")
	ErrNameTaken        = errors.New("name taken")
	ErrCreatorLeaves    = errors.New("the creator cannot leave")
	ErrCreationOff      = errors.New("room creation is off")
	ErrJoinOff          = errors.New("the room takes no new members")
	ErrNotMember        = errors.New("not in this room")
	ErrConfirm          = errors.New("confirmation does not match")
)

// Errors that match every error of the type that carries the data.
var (
	ErrDenied   = errors.New("permission denied")
	ErrInvalid  = errors.New("validation failed")
	ErrQuota    = errors.New("limit reached")
	ErrCooldown = errors.New("removed a moment ago")
	ErrTooMany  = errors.New("too many attempts")
	ErrVersion  = errors.New("version mismatch")
)

// DeniedError is a missing permission; only the first missing bit is named.
type DeniedError struct{ Permission string }

func (e *DeniedError) Error() string { return "permission denied: " + e.Permission }

// Is makes errors.Is(err, ErrDenied) true.
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }

// Denied is the error for the first of the needed bits that a mask lacks.
func Denied(need, have perm.Mask) error {
	names := perm.Names(need &^ have)
	if len(names) == 0 {
		return &DeniedError{}
	}
	return &DeniedError{Permission: names[0]}
}

// CooldownError refuses to join shortly after a kick.
type CooldownError struct{ RetryAt time.Time }

// Is makes errors.Is(err, ErrCooldown) true.
func (e *CooldownError) Is(target error) bool { return target == ErrCooldown }

func (e *CooldownError) Error() string {
	return "kicked a moment ago, until " + e.RetryAt.UTC().Format(time.RFC3339)
}

// QuotaError is a limit that was reached.
type QuotaError struct {
	What           string
	Limit, Current int
}

// Is makes errors.Is(err, ErrQuota) true.
func (e *QuotaError) Is(target error) bool { return target == ErrQuota }

func (e *QuotaError) Error() string {
	return fmt.Sprintf("%s: limit %d reached (%d)", e.What, e.Limit, e.Current)
}

// TooManyError asks to come back later: wrong passwords, slow mode.
type TooManyError struct{ After time.Duration }

// Is makes errors.Is(err, ErrTooMany) true.
func (e *TooManyError) Is(target error) bool { return target == ErrTooMany }

func (e *TooManyError) Error() string { return fmt.Sprintf("too many, again in %s", e.After) }

// VersionError says which version a resource has, when another was expected.
type VersionError struct{ Current int64 }

// Is makes errors.Is(err, ErrVersion) true.
func (e *VersionError) Is(target error) bool { return target == ErrVersion }

func (e *VersionError) Error() string { return fmt.Sprintf("version mismatch: it is %d", e.Current) }

// ValidationError lists what is wrong with an input, at most 100 places.
type ValidationError struct{ Fields []Field }

// Field is one place of an input with what is wrong there.
type Field struct{ Location, Message string }

// Is makes errors.Is(err, ErrInvalid) true.
func (e *ValidationError) Is(target error) bool { return target == ErrInvalid }

func (e *ValidationError) Error() string {
	parts := make([]string, 0, len(e.Fields))
	for _, f := range e.Fields {
		parts = append(parts, f.Location+": "+f.Message)
	}
	return "validation: " + strings.Join(parts, "; ")
}

const maxFields = 100

// Add notes one place more; beyond 100 it is dropped.
func (e *ValidationError) Add(location, message string) {
	if len(e.Fields) < maxFields {
		e.Fields = append(e.Fields, Field{location, message})
	}
}

// OrNil is e when it holds anything, else a nil error.
func (e *ValidationError) OrNil() error {
	if len(e.Fields) == 0 {
		return nil
	}
	return e
}

// Invalid is a ValidationError for one place; locations read "body.name".
func Invalid(location, message string) error { return invalid(location, message) }

func invalid(location, message string) error {
	return &ValidationError{Fields: []Field{{location, message}}}
}

// refusals are the errors that mean "not admitted", as opposed to a failure.
var refusals = []error{
	ErrSignIn, ErrAccountPending, ErrAccountBanned, ErrMemberPending, ErrMemberBanned, ErrRoomPending, ErrRoomBanned,
	ErrRoomClosed, ErrGuests, ErrGuestRevoked, ErrNotMember, ErrDenied, ErrCooldown, store.ErrNotFound,
}

func refusal(err error) bool {
	for _, r := range refusals {
		if errors.Is(err, r) {
			return true
		}
	}
	return false
}
