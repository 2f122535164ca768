package store

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// Millis is an instant: Unix milliseconds, UTC. The zero value is "not set".
type Millis int64

// Time is the instant as a time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Text is the instant as it travels: RFC 3339, UTC, milliseconds.
func (m Millis) Text() string { return m.Time().Format("2006-01-02T15:04:05.000Z") }

// MillisOf cuts a time down to milliseconds.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

const idLength = 20

// idAlphabet sorts like the bits it encodes.
var idAlphabet = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// started anchors ids to the clock that never runs backwards: when the wall
// clock is set back while the program runs, later ids still sort later.
var started = time.Now()

// NewID is a fresh id: 48 bits of Unix milliseconds and 52 random bits in 20
// characters [0-9a-v] that sort by time. An id is not a secret.
func NewID() string {
	ms := started.Add(time.Since(started)).UnixMilli()
	var raw [13]byte // 100 of its 104 bits are used
	_, _ = rand.Read(raw[6:])
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(ms))
	copy(raw[:6], stamp[2:])
	return idAlphabet.EncodeToString(raw[:])[:idLength]
}

// ValidID reports whether s could be an id.
func ValidID(s string) bool {
	if len(s) != idLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'v') {
			return false
		}
	}
	return true
}
