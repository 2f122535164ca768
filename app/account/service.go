// Package account holds the rules of identity: the first set-up, signing in,
// sessions and their refresh, and who a token belongs to.
//
// The rule that keeps it whole: a secret is stored only as its hash or sealed,
// and an answer never tells whether a name exists.
//
// Imported by app/api, app/cli and app.
package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"synctv/app/auth"
	"synctv/app/settings"
	"synctv/store"
)

// Errors of identity.
var (
	ErrCredentials = errors.New("wrong name or password")
	ErrBanned      = errors.New("this account is banned")
	ErrSession     = errors.New("session ended")
	ErrNameTaken   = errors.New("this name is taken")
	ErrSetupDone   = errors.New("this server is already set up")
	ErrSetupToken  = errors.New("this set-up link is not valid; use the one the server printed at its last start")
	ErrSetupClosed = errors.New("too many wrong set-up links; restart the server to get a new one")
)

// FieldError is a value that breaks a rule; Field is its JSON name.
type FieldError struct{ Field, Message string }

func (e *FieldError) Error() string { return e.Field + " " + e.Message }

// Matches lets one row of the problem table stand for every FieldError.
func (e *FieldError) Matches(err error) bool { return errors.As(err, new(*FieldError)) }

const (
	// sessionCache bounds the sessions whose state is remembered.
	sessionCache = 50_000
	// sessionFresh is how long a remembered state may be believed.
	sessionFresh = time.Minute
)

// Config is what the service works with.
type Config struct {
	DB        *store.DB
	Settings  *settings.Service
	Passwords *auth.Passwords
	Master    *auth.Master
	Log       *slog.Logger
	Dir       string // the data folder, for the set-up token file
	// FirstKey gives the signing key of a new site; nil = made when it is needed.
	FirstKey func() (auth.Key, error)
}

// Service answers questions of identity. Safe for concurrent use.
type Service struct {
	Config
	log    *slog.Logger
	tokens *auth.Tokens

	sessions *otter.Cache[string, state]
	lock     *lockout

	setupNeeded atomic.Bool
	setupMu     sync.Mutex
	setupToken  string
	setupWrong  int

	cutMu sync.Mutex
	cut   []func(session string) // told of every session that ends
}

// state is what a request needs of a session.
type state struct {
	userID, name, role, status string
	epoch                      int64
	revoked                    bool
}

// New makes the service. Start must run before it answers.
func New(c Config) *Service {
	return &Service{
		Config: c, log: c.Log.With("part", "account"), lock: newLockout(),
		sessions: otter.Must(&otter.Options[string, state]{MaximumSize: sessionCache, ExpiryCalculator: otter.ExpiryWriting[string, state](sessionFresh)}),
	}
}

// issuerKey is the setting that holds the id of this site.
const issuerKey = "site.id"

// Start loads or makes the site's id and signing keys, and looks whether a root
// exists.
func (s *Service) Start(ctx context.Context) error {
	id, err := s.siteID(ctx)
	if err != nil {
		return err
	}
	s.tokens = auth.NewTokens(id)
	if err := s.loadKeys(ctx); err != nil {
		return err
	}
	var roots int
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		roots, err = tx.CountUsers(ctx, "root")
		return err
	})
	if err != nil {
		return fmt.Errorf("look for a root account: %w", err)
	}
	return s.openSetup(roots == 0)
}

// Close ends what the service runs.
func (s *Service) Close() { s.sessions.StopAllGoroutines() }

// Tokens signs and verifies for this site.
func (s *Service) Tokens() *auth.Tokens { return s.tokens }

// OnSessionEnd registers a listener for sessions that end, so that their
// sockets can be cut. f must return quickly.
func (s *Service) OnSessionEnd(f func(session string)) {
	s.cutMu.Lock()
	defer s.cutMu.Unlock()
	s.cut = append(s.cut, f)
}

func (s *Service) ended(ids ...string) {
	s.cutMu.Lock()
	listeners := s.cut
	s.cutMu.Unlock()
	for _, id := range ids {
		s.sessions.Set(id, state{revoked: true})
		for _, f := range listeners {
			f(id)
		}
	}
}

func (s *Service) siteID(ctx context.Context) (id string, err error) {
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		rows, err := tx.Settings(ctx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Key == issuerKey {
				return json.Unmarshal(r.Value, &id)
			}
		}
		id = store.NewID()
		raw, err := json.Marshal(id)
		if err != nil {
			return err
		}
		return tx.PutSetting(ctx, issuerKey, raw, "")
	})
	if err != nil {
		return "", fmt.Errorf("read the site id: %w", err)
	}
	return id, nil
}

// keyPurpose derives the key that seals signing keys.
const keyPurpose = "signing-key/v1"

func (s *Service) loadKeys(ctx context.Context) error {
	var rows []store.SigningKey
	err := s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.SigningKeys(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("load signing keys: %w", err)
	}
	if len(rows) == 0 {
		if rows, err = s.makeKey(ctx); err != nil {
			return err
		}
	}
	keys := make([]auth.Key, 0, len(rows))
	for _, r := range rows {
		der, err := s.Master.Open(keyPurpose, "signing_keys|private_enc|"+r.Kid, r.PrivateEnc)
		if err != nil {
			return fmt.Errorf("signing key %s: %w; put back the master.key that belongs to this database", r.Kid, err)
		}
		k, err := auth.ParseKey(r.Kid, der, r.State == "active")
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	return s.tokens.SetKeys(keys)
}

func (s *Service) makeKey(ctx context.Context) ([]store.SigningKey, error) {
	first := s.FirstKey
	if first == nil {
		first = auth.NewKey
	}
	k, err := first()
	if err != nil {
		return nil, err
	}
	der, err := k.PrivateDER()
	if err != nil {
		return nil, fmt.Errorf("encode the signing key: %w", err)
	}
	public, err := k.PublicPEM()
	if err != nil {
		return nil, err
	}
	now := store.MillisOf(time.Now())
	row := store.SigningKey{
		Kid: k.ID, Alg: "RS256", PublicPEM: public, State: "active", ActivatedAt: &now,
		PrivateEnc: s.Master.Seal(keyPurpose, "signing_keys|private_enc|"+k.ID, der),
	}
	if err := s.DB.Write(ctx, func(tx *store.Tx) error { return tx.AddSigningKey(ctx, &row) }); err != nil {
		return nil, fmt.Errorf("store the signing key: %w", err)
	}
	return []store.SigningKey{row}, nil
}

// audit writes one row of the audit log inside tx.
func audit(ctx context.Context, tx *store.Tx, who auth.Actor, action, result, target string, details map[string]any) error {
	raw, err := json.Marshal(details)
	if err != nil {
		return fmt.Errorf("encode audit details: %w", err)
	}
	row := store.Audit{
		ActorType: string(who.Kind), ActorName: who.Name, Action: action, TargetType: "user", TargetID: target,
		Result: result, Details: raw, IP: who.IP, UserAgent: who.UserAgent, RequestID: who.RequestID,
	}
	if who.Kind == auth.Anonymous {
		row.ActorType = "guest"
	}
	if who.ID != "" {
		row.ActorID = &who.ID
	}
	return tx.AddAudit(ctx, &row)
}

// nameHash names an unknown login in the audit log without keeping what may be
// a password typed into the wrong field.
func nameHash(login string) string {
	sum := sha256.Sum256([]byte(login))
	return hex.EncodeToString(sum[:6])
}
