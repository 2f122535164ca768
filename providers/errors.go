package providers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// ErrFailed matches every *Error with errors.Is.
var ErrFailed = errors.New("provider failed")

// Class says what kind of failure it is; clients switch on it.
type Class string

// The classes. Which HTTP status each becomes is decided in app/api.
const (
	ClassInvalid         Class = "invalid"
	ClassUnsupported     Class = "unsupported"
	ClassAuthRequired    Class = "auth_required"
	ClassAuthExpired     Class = "auth_expired"
	ClassOTPRequired     Class = "otp_required"
	ClassCaptchaRequired Class = "captcha_required"
	ClassForbidden       Class = "forbidden"
	ClassPaymentRequired Class = "payment_required"
	ClassGeoBlocked      Class = "geo_blocked"
	ClassNotFound        Class = "not_found"
	ClassOffline         Class = "offline"
	ClassRateLimited     Class = "rate_limited"
	ClassSignature       Class = "signature"
	ClassTimeout         Class = "timeout"
	ClassUnavailable     Class = "unavailable"
	ClassBadUpstream     Class = "bad_upstream"
	ClassTooLarge        Class = "too_large"
	ClassBlockedAddress  Class = "blocked_address"
	ClassLinkExpired     Class = "link_expired"
)

var actions = map[Class]string{
	ClassInvalid:         "edit_source",
	ClassAuthRequired:    "bind_account",
	ClassAuthExpired:     "rebind_account",
	ClassOTPRequired:     "enter_otp",
	ClassCaptchaRequired: "solve_captcha",
	ClassGeoBlocked:      "switch_instance",
	ClassOffline:         "wait_live",
	ClassTimeout:         "retry",
	ClassUnavailable:     "retry",
	ClassBadUpstream:     "report",
	ClassBlockedAddress:  "ask_admin", // app/api says allow_host to those who can
	ClassLinkExpired:     "refresh_play",
}

// Action names what a client can offer, "" when nothing helps.
func (c Class) Action() string { return actions[c] }

// UpstreamInfo is what the other side said.
type UpstreamInfo struct {
	HTTP int
	Code int64
	Msg  string // cleaned: at most 200 runes, no URL, no control character
}

// Error is every failure of a provider and of the proxy.
type Error struct {
	Class      Class
	Kind       Kind
	Op         string
	Instance   string
	Upstream   UpstreamInfo
	Reason     string        // one plain sentence for the user
	Addr       string        // class blocked_address: host:port an admin could allow
	RetryAfter time.Duration // 0 = not said
	Err        error         // cause, for the log only
}

// Error reads as a path and holds no URL beyond what the cause prints.
func (e *Error) Error() string {
	var b strings.Builder
	for _, s := range []string{string(e.Kind), e.Op, string(e.Class)} {
		if s != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(s)
		}
	}
	if e.Upstream.HTTP != 0 {
		fmt.Fprintf(&b, " (http %d)", e.Upstream.HTTP)
	}
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes every *Error match ErrFailed.
func (e *Error) Is(target error) bool { return target == ErrFailed }

// ClassOf is the class of err, "" when it is no *Error.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ""
}

// Invalid is the error of a source, target or input that cannot be right.
func Invalid(reason string) *Error { return &Error{Class: ClassInvalid, Reason: reason} }

// blocked is how app/netguard's refusal looks from here: providers may not
// import app.
type blocked interface {
	error
	BlockedAddr() string
}

// FromTransport turns the error of a Doer, or of reading a body, into an *Error.
// An *Error stays what it is.
func FromTransport(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var b blocked
	if errors.As(err, &b) {
		return &Error{
			Class: ClassBlockedAddress, Addr: b.BlockedAddr(), Err: withoutURL(err),
			Reason: "this address is not allowed by the server's outbound rules",
		}
	}
	var odd interface{ InvalidURL() string }
	if errors.As(err, &odd) {
		return &Error{Class: ClassInvalid, Reason: "this address cannot be used: " + odd.InvalidURL(), Err: withoutURL(err)}
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return &Error{Class: ClassTimeout, Reason: "the source did not answer in time", Err: withoutURL(err)}
	}
	return &Error{Class: ClassUnavailable, Reason: "the source cannot be reached", Err: withoutURL(err)}
}

// withoutURL drops the URL that net/http puts into its errors: it may hold tokens.
func withoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// retryAfterMax is the longest Retry-After that is believed.
const retryAfterMax = 10 * time.Minute

// FromStatus turns an HTTP answer that is not a success into an *Error. The
// header is looked at for Retry-After only.
func FromStatus(status int, header http.Header) *Error {
	e := &Error{Upstream: UpstreamInfo{HTTP: status}}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Class, e.Reason = ClassForbidden, "the source refuses access"
	case status == http.StatusNotFound, status == http.StatusGone:
		e.Class, e.Reason = ClassNotFound, "there is nothing at this address"
	case status == http.StatusTooManyRequests, status == http.StatusPreconditionFailed:
		e.Class, e.Reason = ClassRateLimited, "the source asks to slow down"
	case status == http.StatusPaymentRequired:
		e.Class, e.Reason = ClassPaymentRequired, "the source asks for payment"
	case status == http.StatusUnavailableForLegalReasons:
		e.Class, e.Reason = ClassGeoBlocked, "the source is not available here"
	case status >= 500:
		e.Class, e.Reason = ClassUnavailable, "the source has an error"
	default:
		e.Class, e.Reason = ClassBadUpstream, "the source gave an unexpected answer"
	}
	if d, err := time.ParseDuration(header.Get("Retry-After") + "s"); err == nil && d > 0 {
		e.RetryAfter = min(d, retryAfterMax)
	}
	return e
}

// upstreamMsgMax bounds what is passed on of another server's words.
const upstreamMsgMax = 200

// CleanMessage makes another server's words fit to be shown: at most 200
// runes, no control characters, no URLs.
func CleanMessage(s string) string {
	if len(s) > 4*upstreamMsgMax {
		s = s[:4*upstreamMsgMax]
	}
	s = strings.ToValidUTF8(s, "")
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	kept := words[:0]
	for _, w := range words {
		if !strings.Contains(w, "://") {
			kept = append(kept, w)
		}
	}
	out := []rune(strings.Join(kept, " "))
	return string(out[:min(len(out), upstreamMsgMax)])
}
