package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// PasswordKind chooses the cost: an account's password guards more than a room's.
type PasswordKind int

// The kinds of passwords.
const (
	Account  PasswordKind = iota // m = 19 MiB, t = 2
	RoomDoor                     // room and share passwords: m = 8 MiB, t = 1
)

const (
	saltBytes = 16
	tagBytes  = 32

	// HashQueue is how many verifications may wait for a slot; more get ErrBusy.
	HashQueue = 50
	// hashWait bounds the time in the queue.
	hashWait = 10 * time.Second
	// hashMemory is what one account hash takes; slots are counted in it.
	hashMemory = 19 << 20
)

// ErrBusy means that too many password checks wait already; try again shortly.
var ErrBusy = errors.New("too many sign-ins at once")

// ErrBadHash means that a stored hash cannot be read.
var ErrBadHash = errors.New("unreadable password hash")

type cost struct {
	memory uint32 // KiB
	time   uint32
}

var costs = map[PasswordKind]cost{Account: {19 * 1024, 2}, RoomDoor: {8 * 1024, 1}}

// Passwords hashes and verifies with Argon2id, a bounded number at a time, so
// that a flood of sign-ins can exhaust neither cores nor memory.
type Passwords struct {
	slots chan struct{} // one token per running hash
	queue chan struct{} // one token per running or waiting hash
	dummy string        // verified for unknown users, so that they cost the same time
}

// NewPasswords makes a hasher for a machine with that many cores and bytes of
// memory: at most 2 hashes per core and 1/16 of the memory, at least one.
func NewPasswords(cores int, memory uint64) *Passwords {
	n := max(1, min(2*cores, int(memory/16/hashMemory)))
	p := &Passwords{slots: make(chan struct{}, n), queue: make(chan struct{}, n+HashQueue)}
	p.dummy = encode(costs[Account], make([]byte, saltBytes), make([]byte, tagBytes))
	return p
}

// Slots reports how many hashes may run at once.
func (p *Passwords) Slots() int { return cap(p.slots) }

// Hash returns the PHC string of a password. ErrBusy when the queue is full.
func (p *Passwords) Hash(ctx context.Context, kind PasswordKind, password string) (string, error) {
	release, err := p.enter(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails, see crypto/rand
	c := costs[kind]
	return encode(c, salt, derive(c, salt, password)), nil
}

// Verify compares a password with a PHC string. stale reports that the hash was
// made with weaker parameters than today's account passwords get.
func (p *Passwords) Verify(ctx context.Context, phc, password string) (ok, stale bool, err error) {
	c, salt, want, err := decode(phc)
	if err != nil {
		return false, false, err
	}
	release, err := p.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	ok = subtle.ConstantTimeCompare(derive(c, salt, password), want) == 1
	now := costs[Account]
	return ok, c.memory < now.memory || c.time < now.time, nil
}

// Burn takes as long as Verify does and says no: for names nobody has.
func (p *Passwords) Burn(ctx context.Context, password string) error {
	_, _, err := p.Verify(ctx, p.dummy, password)
	return err
}

func (p *Passwords) enter(ctx context.Context) (release func(), err error) {
	select {
	case p.queue <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	wait := time.NewTimer(hashWait)
	defer wait.Stop()
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots; <-p.queue }, nil
	case <-wait.C:
		<-p.queue
		return nil, ErrBusy
	case <-ctx.Done():
		<-p.queue
		return nil, ctx.Err()
	}
}

func derive(c cost, salt []byte, password string) []byte {
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, c.time, c.memory, 1, tagBytes)
}

func encode(c cost, salt, tag []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, c.memory, c.time, b.EncodeToString(salt), b.EncodeToString(tag))
}

// Bounds on parameters read from a stored hash, so that a damaged row cannot
// ask for gigabytes.
const (
	maxMemoryKiB = 256 * 1024
	maxTime      = 16
)

func decode(phc string) (c cost, salt, tag []byte, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return c, nil, nil, ErrBadHash
	}
	var version, lanes int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return c, nil, nil, ErrBadHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &lanes); err != nil || lanes != 1 {
		return c, nil, nil, ErrBadHash
	}
	if c.memory == 0 || c.memory > maxMemoryKiB || c.time == 0 || c.time > maxTime {
		return c, nil, nil, ErrBadHash
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	tag, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(tag) != tagBytes {
		return c, nil, nil, ErrBadHash
	}
	return c, salt, tag, nil
}
