package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"synctv/app/account"
	"synctv/app/auth"
	"synctv/app/settings"
	"synctv/store"
)

// problemPrefix begins the type of every problem; clients switch on the rest.
const problemPrefix = "urn:synctv:problem:"

// Problem is what every failed request answers (RFC 9457).
type Problem struct {
	Type      string       `json:"type" example:"urn:synctv:problem:not-found" doc:"Stable; switch on this and on nothing else"`
	Title     string       `json:"title" example:"Not found"`
	Status    int          `json:"status" example:"404"`
	Detail    string       `json:"detail,omitempty" doc:"One sentence for a person"`
	Instance  string       `json:"instance,omitempty" doc:"The path that was asked"`
	RequestID string       `json:"request_id,omitempty" doc:"Names the request in the server's log"`
	Errors    []fieldError `json:"errors,omitempty" doc:"The offending places, at most 100"`

	members map[string]any
	headers http.Header
}

// Error makes a problem an error.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// GetStatus is asked by huma.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders is asked by huma.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType is asked by huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// MarshalJSON adds the members that only some problems have.
func (p *Problem) MarshalJSON() ([]byte, error) {
	type plain Problem
	if len(p.members) == 0 {
		return json.Marshal((*plain)(p))
	}
	fixed, err := json.Marshal((*plain)(p))
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	if err := json.Unmarshal(fixed, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, p.members)
	return json.Marshal(all)
}

// with adds a member to a problem.
func (p *Problem) with(name string, value any) {
	if p.members == nil {
		p.members = map[string]any{}
	}
	p.members[name] = value
}

// retryAfter adds the header and member that say when to try again.
func (p *Problem) retryAfter(d time.Duration) {
	seconds := max(1, int((d+time.Second-1)/time.Second))
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set("Retry-After", strconv.Itoa(seconds))
}

// problemRow maps one error to its problem. fill adds what the error carries.
type problemRow struct {
	err    error
	slug   string
	detail string // default: the error's own text
	fill   func(error, *Problem)
}

// Errors of the edge itself.
var (
	errUnauthenticated = errors.New("sign in first")
	errPending         = errors.New("this account waits for review")
	errBanned          = errors.New("this account is banned")
	errSetupNeeded     = errors.New("setup needed: open the link printed by the server at its start")
	errDraining        = errors.New("this node is going down, reconnect in a moment")
	errNoRoute         = errors.New("nothing here")
	errMethod          = errors.New("this path does not know that method")
	errTooLarge        = errors.New("the request body is too large")
	errContentType     = errors.New("send application/json")
	errBadRequest      = errors.New("the request cannot be read")
	errOrigin          = errors.New("requests from other sites are refused")
)

// slugs lists every problem with its status and title.
var slugs = map[string]struct {
	status int
	title  string
}{
	"bad-request": {400, "Bad request"}, "bad-cursor": {400, "Unusable cursor"},
	"unauthenticated": {401, "Not signed in"}, "token-expired": {401, "Token expired"}, "session-revoked": {401, "Session ended"},
	"bad-credentials": {401, "Wrong name or password"}, "mfa-required": {401, "Second factor needed"},
	"step-up-required": {403, "Confirm that it is you"}, "permission-denied": {403, "Not permitted"},
	"account-pending": {403, "Account waits for review"}, "account-banned": {403, "Account banned"},
	"member-pending": {403, "Membership waits for review"}, "member-banned": {403, "Banned from this room"}, "kick-cooldown": {403, "Removed a moment ago"},
	"room-pending": {403, "Room waits for review"}, "room-banned": {403, "Room banned"}, "room-closed": {403, "Room closed"},
	"guest-not-allowed": {403, "No guests here"}, "room-password-required": {403, "Password needed"}, "room-password-wrong": {403, "Wrong password"},
	"media-restricted": {403, "Not for you to watch"}, "rank-too-low": {403, "They have equal or higher rank"}, "foreign-origin": {403, "Other site"},
	"last-root": {409, "The last root"}, "not-found": {404, "Not found"}, "method-not-allowed": {405, "Method not allowed"},
	"conflict": {409, "Conflict"}, "name-taken": {409, "Name taken"}, "quota-exceeded": {409, "Limit reached"},
	"media-in-use": {409, "It is playing"}, "cycle": {409, "A list inside itself"}, "dynamic-playlist": {409, "A dynamic list"},
	"already-setup": {409, "Already set up"}, "in-progress": {409, "Still running"}, "gone": {410, "Gone"},
	"version-mismatch": {412, "Changed by someone else"}, "too-large": {413, "Too large"}, "unsupported-media-type": {415, "Unsupported type"},
	"validation": {422, "Invalid input"}, "idempotency-key-reused": {422, "Key used before"}, "precondition-required": {428, "If-Match needed"},
	"rate-limited": {429, "Too many requests"}, "internal": {500, "Internal error"},
	"feature-disabled": {503, "Switched off"}, "provider-failed": {502, "The source failed"},
	"storage-full": {507, "Storage full"}, "overloaded": {503, "Overloaded"}, "store-unavailable": {503, "Database unavailable"}, "node-draining": {503, "Going down"},
}

func statusOf(slug string) int { return slugs[slug].status }

// coreProblems are the errors that any operation may meet.
func coreProblems() []problemRow {
	return []problemRow{
		{err: errUnauthenticated, slug: "unauthenticated"},
		{err: auth.ErrToken, slug: "unauthenticated", detail: "this token is not valid here"},
		{err: auth.ErrExpired, slug: "token-expired"},
		{err: account.ErrSession, slug: "session-revoked", detail: "this session has ended, sign in again"},
		{err: errPending, slug: "account-pending"},
		{err: errBanned, slug: "account-banned"},
		{err: account.ErrCredentials, slug: "bad-credentials", detail: "name or password is wrong"},
		{err: account.ErrBanned, slug: "account-banned"},
		{err: account.ErrSetupDone, slug: "already-setup"},
		{err: account.ErrSetupToken, slug: "bad-credentials"},
		{err: account.ErrSetupClosed, slug: "gone"},
		{err: account.ErrNameTaken, slug: "name-taken"},
		{err: &account.LockedError{}, slug: "rate-limited", fill: fillLocked},
		{err: &account.FieldError{}, slug: "validation", fill: fillField},
		{err: &settings.ValueError{}, slug: "validation", detail: "a setting was refused", fill: fillSetting},
		{err: errSetupNeeded, slug: "feature-disabled"},
		{err: errDraining, slug: "node-draining", fill: retry(time.Second)},
		{err: errNoRoute, slug: "not-found"},
		{err: errMethod, slug: "method-not-allowed"},
		{err: errTooLarge, slug: "too-large"},
		{err: errContentType, slug: "unsupported-media-type"},
		{err: errBadRequest, slug: "bad-request"},
		{err: errOrigin, slug: "foreign-origin"},
		{err: errPrecondition, slug: "precondition-required"},
		{err: auth.ErrBusy, slug: "rate-limited", fill: retry(2 * time.Second)},
		{err: store.ErrNotFound, slug: "not-found", detail: "no such thing, or not visible to you"},
		{err: store.ErrVersion, slug: "version-mismatch", detail: "someone else changed it first, read it again"},
		{err: store.ErrConflict, slug: "conflict", detail: "that conflicts with what is there"},
		{err: store.ErrStorageFull, slug: "storage-full", detail: "the server's disk is full, nothing was changed", fill: retry(time.Minute)},
		{err: store.ErrReadOnly, slug: "store-unavailable", detail: "the server's database is read-only, nothing was changed", fill: retry(time.Minute)},
		{err: store.ErrOverloaded, slug: "overloaded", detail: "too many writes wait, nothing was changed", fill: retry(time.Second)},
		{err: store.ErrUnavailable, slug: "store-unavailable", detail: "the database does not answer", fill: retry(5 * time.Second)},
		{err: context.DeadlineExceeded, slug: "overloaded", detail: "it took too long", fill: retry(2 * time.Second)},
	}
}

func fillLocked(err error, p *Problem) {
	var e *account.LockedError
	if errors.As(err, &e) {
		p.retryAfter(e.Wait)
	}
}

func fillField(err error, p *Problem) {
	var e *account.FieldError
	if errors.As(err, &e) {
		p.Detail = e.Error()
		p.Errors = []fieldError{{"body." + e.Field, e.Message}}
	}
}

// settingFields names the field of a request that sets a setting.
var settingFields = map[string]string{"server.name": "server_name", "server.public_url": "public_url", "user.signup_enabled": "signup_enabled"}

func fillSetting(err error, p *Problem) {
	var e *settings.ValueError
	if !errors.As(err, &e) {
		return
	}
	field, ok := settingFields[e.Key]
	if !ok {
		field = e.Key
	}
	p.Detail = e.Error()
	p.Errors = []fieldError{{"body." + field, e.Err.Error()}}
}

func retry(d time.Duration) func(error, *Problem) {
	return func(_ error, p *Problem) { p.retryAfter(d) }
}

// newProblem makes a problem of a slug.
func newProblem(slug, detail string) *Problem {
	s := slugs[slug]
	return &Problem{Type: problemPrefix + slug, Title: s.title, Status: s.status, Detail: detail}
}

// problem maps an error to what the client sees. What no row knows is a 500
// whose cause goes to the log alone.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	p := s.mapError(err)
	rq := requestOf(ctx)
	p.Instance, p.RequestID = rq.path, rq.actor.RequestID
	if p.Status >= http.StatusInternalServerError {
		s.log.LogAttrs(ctx, slog.LevelWarn, "request failed", slog.String("request", rq.actor.RequestID),
			slog.String("path", rq.path), slog.Int("status", p.Status), slog.Any("err", err))
	}
	return p
}

func (s *Server) mapError(err error) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	var bad *invalidError
	if errors.As(err, &bad) {
		p := newProblem("validation", "some fields are not valid")
		p.Errors = bad.fields[:min(len(bad.fields), maxListedErrors)]
		return p
	}
	var limited *rateError
	if errors.As(err, &limited) {
		return limited.problem()
	}
	for _, row := range s.problems {
		if !errors.Is(err, row.err) && !sameType(err, row.err) {
			continue
		}
		detail := row.detail
		if detail == "" {
			detail = row.err.Error()
		}
		p := newProblem(row.slug, detail)
		if p.Status == http.StatusUnauthorized {
			p.headers = http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
		}
		if row.fill != nil {
			row.fill(err, p)
		}
		return p
	}
	var fe *fiber.Error
	if errors.As(err, &fe) {
		return fiberProblem(fe)
	}
	return newProblem("internal", "something went wrong here; the server's log knows more under this request id")
}

// maxListedErrors bounds the places that one problem lists.
const maxListedErrors = 100

// sameType lets a row stand for every error of one type: it asks the row's
// sample whether err holds one of its kind.
func sameType(err, sample error) bool {
	m, ok := sample.(interface{ Matches(error) bool })
	return ok && m.Matches(err)
}

// fiberProblem translates what the HTTP library refuses by itself.
func fiberProblem(fe *fiber.Error) *Problem {
	switch fe.Code {
	case http.StatusNotFound:
		return newProblem("not-found", errNoRoute.Error())
	case http.StatusMethodNotAllowed:
		return newProblem("method-not-allowed", errMethod.Error())
	case http.StatusRequestEntityTooLarge:
		return newProblem("too-large", errTooLarge.Error())
	case http.StatusInternalServerError:
		return newProblem("internal", "something went wrong here")
	}
	p := newProblem("bad-request", errBadRequest.Error())
	p.Status = fe.Code
	return p
}

// humaProblem is what huma's own refusals become: malformed JSON, wrong types,
// unknown fields. The refused value is never repeated.
func humaProblem(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
	var p *Problem
	switch {
	case status == http.StatusUnprocessableEntity:
		p = newProblem("validation", "some fields are not valid")
	case status == http.StatusRequestEntityTooLarge:
		p = newProblem("too-large", errTooLarge.Error())
	case status == http.StatusUnsupportedMediaType:
		p = newProblem("unsupported-media-type", errContentType.Error())
	case status >= http.StatusInternalServerError:
		p = newProblem("internal", "something went wrong here; the server's log knows more under this request id")
	default:
		p = newProblem("bad-request", msg)
	}
	if ctx != nil {
		rq := requestOf(ctx.Context())
		p.Instance, p.RequestID = rq.path, rq.actor.RequestID
	}
	if p.Status >= http.StatusInternalServerError {
		return p
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		switch {
		case len(p.Errors) == maxListedErrors || err == nil:
		case errors.As(err, &d):
			detail := d.ErrorDetail()
			p.Errors = append(p.Errors, fieldError{detail.Location, detail.Message})
		default:
			p.Errors = append(p.Errors, fieldError{"body", err.Error()})
		}
	}
	return p
}
