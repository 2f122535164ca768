package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MasterBytes is the length of the site master key.
const MasterBytes = 32

// ErrSealed means that a sealed value does not open: another key, another row,
// or altered bytes.
var ErrSealed = errors.New("sealed value does not open with this site's master key")

// Master is the site master key. Everything secret at rest is sealed with keys
// derived from it, one per purpose; the database alone opens nothing.
type Master struct {
	key []byte
	id  string // names the key inside sealed values, so that a rotation can tell them apart
}

// LoadMaster returns the key given as text (64 hex digits or base64 of 32
// bytes), or the one kept in dir/master.key, made there on the first start.
func LoadMaster(dir, given string) (*Master, error) {
	if given != "" {
		return parseMaster(strings.TrimSpace(given))
	}
	name := filepath.Join(dir, "master.key")
	text, err := os.ReadFile(name)
	if err == nil {
		m, err := parseMaster(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w; restore it from your backup, the secrets in the database need it", name, err)
		}
		return m, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	key := make([]byte, MasterBytes)
	_, _ = rand.Read(key)
	if err := writeOnce(name, hex.EncodeToString(key)+"\n"); err != nil {
		return nil, fmt.Errorf("write the master key: %w", err)
	}
	return newMaster(key), nil
}

func writeOnce(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func parseMaster(text string) (*Master, error) {
	key, err := hex.DecodeString(text)
	if err != nil {
		key, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(key) != MasterBytes {
		return nil, errors.New("the master key must be 32 bytes as hex or base64")
	}
	return newMaster(key), nil
}

func newMaster(key []byte) *Master {
	sum := sha256.Sum256(key)
	return &Master{key: key, id: hex.EncodeToString(sum[:4])}
}

// Derive returns the 32-byte key of one purpose.
func (m *Master) Derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, m.key, nil, "synctv/"+purpose, 32)
	if err != nil {
		panic(err) // only a length beyond 255 hashes can fail
	}
	return key
}

// MAC returns the HMAC-SHA-256 of data under the key of a purpose.
func (m *Master) MAC(purpose, data string) []byte {
	h := hmac.New(sha256.New, m.Derive(purpose))
	h.Write([]byte(data))
	return h.Sum(nil)
}

// Seal encrypts a secret for one row: place is table, column and row id joined,
// and a value copied to another place does not open there.
func (m *Master) Seal(purpose, place string, secret []byte) []byte {
	aead := m.aead(purpose)
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	head := append([]byte(m.id), nonce...)
	return aead.Seal(head, nonce, secret, []byte(m.id+"|"+place))
}

// Open undoes Seal. ErrSealed when key, place or bytes differ.
func (m *Master) Open(purpose, place string, sealed []byte) ([]byte, error) {
	aead := m.aead(purpose)
	if n := len(m.id) + aead.NonceSize(); len(sealed) < n || string(sealed[:len(m.id)]) != m.id {
		return nil, ErrSealed
	}
	rest := sealed[len(m.id):]
	plain, err := aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], []byte(m.id+"|"+place))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func (m *Master) aead(purpose string) cipher.AEAD {
	block, err := aes.NewCipher(m.Derive(purpose))
	if err != nil {
		panic(err) // the key is always 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES blocks always fit
	}
	return aead
}
