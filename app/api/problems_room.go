package api

import (
	"errors"
	"net/http"

	"synctv/app/chat"
	"synctv/app/library"
	"synctv/app/room"
	"synctv/store"
)

// roomProblems are the errors of rooms, libraries and chats. What an error
// carries goes into its problem.
func roomProblems() []problemRow {
	return []problemRow{
		{err: room.ErrSignIn, slug: "unauthenticated"},
		{err: room.ErrGuestRevoked, slug: "session-revoked", detail: "this guest access has ended, come in again"},
		{err: room.ErrAccountPending, slug: "account-pending"},
		{err: room.ErrAccountBanned, slug: "account-banned"},
		{err: room.ErrMemberPending, slug: "member-pending", detail: "your request to join waits for an answer"},
		{err: room.ErrMemberBanned, slug: "member-banned"},
		{err: room.ErrCooldown, slug: "kick-cooldown", fill: fillCooldown},
		{err: room.ErrRoomPending, slug: "room-pending"},
		{err: room.ErrRoomBanned, slug: "room-banned"},
		{err: room.ErrRoomClosed, slug: "room-closed"},
		{err: room.ErrGuests, slug: "guest-not-allowed"},
		{err: room.ErrNotMember, slug: "permission-denied", detail: "you are not in this room, join it first"},
		{err: room.ErrDenied, slug: "permission-denied", detail: "you may not do this in this room", fill: fillDenied},
		{err: room.ErrJoinOff, slug: "permission-denied", detail: "this room takes no new members"},
		{err: room.ErrPasswordRequired, slug: "room-password-required"},
		{err: room.ErrPasswordWrong, slug: "room-password-wrong"},
		{err: room.ErrPasswordPolicy, slug: "conflict", detail: "this site's rule for room passwords does not allow that"},
		{err: room.ErrRank, slug: "rank-too-low"},
		{err: room.ErrNameTaken, slug: "name-taken", detail: "you have a room of that name already, or the short address is taken"},
		{err: room.ErrCreatorLeaves, slug: "conflict", detail: "the creator cannot leave: hand the room over or delete it"},
		{err: room.ErrCreationOff, slug: "feature-disabled", detail: "this site lets nobody, or only administrators, create rooms"},
		{err: room.ErrConfirm, slug: "validation", detail: "confirm must be the name of the room", fill: fillConfirm},
		{err: room.ErrQuota, slug: "quota-exceeded", fill: fillQuota},
		{err: room.ErrTooMany, slug: "rate-limited", detail: "too many, try again in a moment", fill: fillTooMany},
		{err: room.ErrVersion, slug: "version-mismatch", detail: "someone else changed it first, read it again", fill: fillVersion},
		{err: room.ErrInvalid, slug: "validation", detail: "some fields are not valid", fill: fillFields},
		{err: library.ErrMissing, slug: "not-found", detail: "no such thing, or not visible to you", fill: fillMissing},
		{err: library.ErrInUse, slug: "media-in-use", detail: "it is playing now; send force to remove it all the same"},
		{err: library.ErrDynamic, slug: "dynamic-playlist", detail: "this playlist shows a source and holds no media of its own"},
		{err: chat.ErrReused, slug: "idempotency-key-reused"},
		{err: store.ErrBadCursor, slug: "bad-cursor", detail: "this cursor belongs to another list"},
	}
}

func fillDenied(err error, p *Problem) {
	if e, ok := errors.AsType[*room.DeniedError](err); ok && e.Permission != "" {
		p.with("permission", e.Permission)
	}
}

func fillCooldown(err error, p *Problem) {
	if e, ok := errors.AsType[*room.CooldownError](err); ok {
		p.with("retry_at", store.MillisOf(e.RetryAt).Text())
	}
}

func fillConfirm(_ error, p *Problem) {
	p.Errors = []fieldError{{"body.confirm", "must be the name of the room"}}
}

func fillQuota(err error, p *Problem) {
	if e, ok := errors.AsType[*room.QuotaError](err); ok {
		p.Detail = "the limit for " + e.What + " is reached"
		p.with("limit", e.Limit)
		p.with("current", e.Current)
	}
}

func fillTooMany(err error, p *Problem) {
	if e, ok := errors.AsType[*room.TooManyError](err); ok {
		p.retryAfter(e.After)
	}
}

func fillVersion(err error, p *Problem) {
	if e, ok := errors.AsType[*room.VersionError](err); ok {
		p.with("current_version", e.Current)
	}
}

func fillFields(err error, p *Problem) {
	if e, ok := errors.AsType[*room.ValidationError](err); ok {
		p.Errors = fieldsOf(e.Fields)
	}
}

func fillMissing(err error, p *Problem) {
	if e, ok := errors.AsType[*library.MissingError](err); ok {
		p.Errors = fieldsOf(e.Fields)
	}
}

func fieldsOf(fields []room.Field) []fieldError {
	out := make([]fieldError, 0, min(len(fields), maxListedErrors))
	for _, f := range fields[:min(len(fields), maxListedErrors)] {
		out = append(out, fieldError{f.Location, f.Message})
	}
	return out
}

// conflictWith is a 409 that carries a member.
func conflictWith(detail, name string, value any) *Problem {
	p := newProblem("conflict", detail)
	p.Status = http.StatusConflict
	p.with(name, value)
	return p
}
