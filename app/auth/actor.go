// Package auth makes and checks proofs of identity: password hashes, signed
// tokens, sealed secrets. It keeps nothing: who may sign in is app/account's
// business, and what an actor may do in a room is app/room's.
//
// The rule that keeps it whole: every kind of token names exactly one audience,
// and a verifier asks for exactly one kind.
//
// Imported by every package of rules and by app/api. Imports store/perm only.
package auth

import "strings"

// Kind says what sort of being acts.
type Kind string

// The kinds of actors.
const (
	Anonymous Kind = ""       // nobody: no token was presented
	User      Kind = "user"   // a registered account
	Guest     Kind = "guest"  // a visitor admitted to one room
	System    Kind = "system" // the server itself: jobs, auto-advance
	CLI       Kind = "cli"    // an operator with the data folder in hand
)

// GuestPrefix begins the id of every guest, so that it never equals a user id.
const GuestPrefix = "g:"

// Actor is who asks. Services take it as an argument and decide by it.
type Actor struct {
	Kind       Kind
	ID         string // user id, or "g:" and 20 characters for a guest
	Name       string // display name as it was when the token was read
	Session    string // session id; empty for guests
	SiteRole   string // root, admin, user; empty for guests
	Status     string // active, pending, banned; empty for guests
	Room       string // the only room of a guest
	GuestEpoch int64  // the room's guest epoch the token was made in
	IP         string
	UserAgent  string
	RequestID  string
}

// IsUser reports whether the actor is a registered account.
func (a Actor) IsUser() bool { return a.Kind == User }

// IsGuest reports whether the actor is a guest of one room.
func (a Actor) IsGuest() bool { return a.Kind == Guest }

// IsSiteAdmin reports whether the actor administers the site (admin or root).
func (a Actor) IsSiteAdmin() bool {
	return a.Kind == User && (a.SiteRole == "root" || a.SiteRole == "admin")
}

// IsRoot reports whether the actor is a root of the site.
func (a Actor) IsRoot() bool { return a.Kind == User && a.SiteRole == "root" }

// IsActive reports whether the actor is an account in good standing.
func (a Actor) IsActive() bool { return a.Kind == User && a.Status == "active" }

// As is the same caller, known from now on as an account: for the record of
// what they did to become it.
func (a Actor) As(id, name string) Actor {
	a.Kind, a.ID, a.Name = User, id, name
	return a
}

// IsGuestID reports whether an id is that of a guest.
func IsGuestID(id string) bool { return strings.HasPrefix(id, GuestPrefix) }
