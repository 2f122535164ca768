package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/auth"
	"synctv/store"
)

// access is the least an operation asks of its caller before any rule runs.
type access int

const (
	public   access = iota // anybody; a token is read when there is a valid one
	signedIn               // an account, also one that waits for review
	active                 // an account in good standing
	inRoom                 // an account in good standing, or a guest of the room
)

// rule is what an operation asks besides its schema.
type rule struct {
	Need     access
	Rate     string   // rate class; by default read for GET and write for the rest
	Problems []string // slugs beyond those every operation may answer
	Deadline time.Duration
}

// operationDeadline bounds every operation that names no other.
const operationDeadline = 30 * time.Second

// register adds a typed operation. Errors of the handler become problems here,
// and nowhere else.
func register[I, O any](s *Server, op huma.Operation, r rule, handle func(context.Context, *I) (*O, error)) {
	if r.Rate == "" {
		r.Rate = "write"
		if op.Method == http.MethodGet {
			r.Rate = "read"
		}
	}
	if r.Deadline == 0 {
		r.Deadline = operationDeadline
	}
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = bodyLimit(op.Path) + 1 // huma refuses a body of exactly the limit
	}
	describe(&op, r)
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, r.Deadline)
		defer cancel()
		if err := s.admit(ctx, r); err != nil {
			return nil, s.problem(ctx, err)
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// describe writes access and problems of an operation into the document.
func describe(op *huma.Operation, r rule) {
	slugs := append([]string{"validation", "rate-limited", "internal"}, r.Problems...)
	switch r.Need {
	case public:
	case signedIn:
		slugs = append(slugs, "unauthenticated", "token-expired", "session-revoked")
	case active:
		slugs = append(slugs, "unauthenticated", "token-expired", "session-revoked", "account-pending", "account-banned")
	case inRoom:
		slugs = append(slugs, "unauthenticated", "token-expired", "session-revoked", "account-pending", "account-banned", "not-found",
			"permission-denied", "member-pending", "member-banned", "room-pending", "room-banned", "room-closed")
	}
	if r.Need != public {
		op.Security = []map[string][]string{{"bearer": {}}}
	}
	slices.Sort(slugs)
	slugs = slices.Compact(slugs)
	op.Errors = nil
	for _, slug := range slugs {
		if status := statusOf(slug); !slices.Contains(op.Errors, status) {
			op.Errors = append(op.Errors, status)
		}
	}
	slices.Sort(op.Errors)
	op.Extensions = map[string]any{"x-problems": slugs, "x-access": [...]string{"public", "signed-in", "active", "in-room"}[r.Need]}
	op.Description = strings.TrimSpace(op.Description + "\n\nProblems: `" + strings.Join(slugs, "`, `") + "`.")
}

// admit applies the rate class and the least access of an operation.
func (s *Server) admit(ctx context.Context, r rule) error {
	rq := requestOf(ctx)
	if err := s.rates.take(r.Rate, rq); err != nil {
		return err
	}
	if r.Need == public {
		return nil
	}
	if rq.tokenErr != nil {
		return rq.tokenErr
	}
	who := rq.actor
	switch {
	case who.Kind == auth.Anonymous:
		return errUnauthenticated
	case r.Need == inRoom && who.IsGuest():
		return nil
	case !who.IsUser():
		return errUnauthenticated
	case r.Need != signedIn && who.Status == "pending":
		return errPending
	case r.Need != signedIn && who.Status == "banned":
		return errBanned
	}
	return nil
}

// actorOf returns who asks: an anonymous actor with an address when nobody has
// signed in.
func actorOf(ctx context.Context) auth.Actor { return requestOf(ctx).actor }

// page is the answer of every list.
type page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor" doc:"Pass it as cursor for the next page; null on the last one"`
}

// pageOf makes a page that never holds a null list.
func pageOf[T any](items []T, next string) page[T] {
	if items == nil {
		items = []T{}
	}
	p := page[T]{Items: items}
	if next != "" {
		p.NextCursor = &next
	}
	return p
}

// body wraps an answer.
type body[T any] struct{ Body T }

func answer[T any](v T) *body[T] { return &body[T]{Body: v} }

func timeTextPtr(m *store.Millis) *string {
	if m == nil {
		return nil
	}
	t := m.Text()
	return &t
}

// etag is the strong tag of a version.
func etag(version int64) string { return `"v` + strconv.FormatInt(version, 10) + `"` }

// errPrecondition asks for If-Match where an edit without it is too dangerous.
var errPrecondition = errors.New("send If-Match with the version you have read")

// ifMatch reads an If-Match header: the version it names, whether there was
// one, and an error for anything that is not a tag of ours.
func ifMatch(header string) (version int64, set bool, err error) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return 0, false, nil
	}
	digits, ok := strings.CutPrefix(header, `"v`)
	if digits, ok2 := strings.CutSuffix(digits, `"`); ok && ok2 {
		if version, err = strconv.ParseInt(digits, 10, 64); err == nil {
			return version, true, nil
		}
	}
	return 0, false, invalid("header.If-Match", `must look like "v3"`)
}

// Optional tells an absent field, null (Value nil) and a value apart.
type Optional[T any] struct {
	Set   bool
	Value *T
}

// fieldError names one offending place of a request.
type fieldError struct {
	Location string `json:"location" example:"body.name"`
	Message  string `json:"message" example:"expected length <= 100"`
}

// invalidError is a domain validation failure with its places.
type invalidError struct{ fields []fieldError }

func (e *invalidError) Error() string {
	if len(e.fields) == 0 {
		return "validation failed"
	}
	return fmt.Sprintf("%s %s", e.fields[0].Location, e.fields[0].Message)
}

func invalid(location, message string) error {
	return &invalidError{fields: []fieldError{{location, message}}}
}
