// Package config is the start-up configuration: where the server listens,
// where it keeps its data, and which site settings the operator has pinned.
//
// Flags win over SYNCTV_ environment variables, those over the file, that over
// the defaults, and every mistake in any of them is reported at once. Nothing
// is read after Load, and no part of the program sees viper or the environment.
//
// Imported by app, app/cli, app/telemetry and app/api. Imports nothing of ours.
package config

import (
	"log/slog"
	"net/netip"
)

// Config is everything known before the first byte of the database is read.
// Parts are given their own field of it, never the whole.
type Config struct {
	Listen           string   // HTTP address, host:port; an empty host means every address of the machine
	DataDir          string   // absolute path of the data folder
	Library          []Folder // folders offered as "local" instances
	Store            Store
	MasterKey        Secret // 32 bytes in hexadecimal or base64
	MasterKeyFile    string // a file that holds the same; both unset means <data>/master.key
	RootUsername     string // unattended set-up: the first root's name ...
	RootPasswordFile string // ... and the file with the password
	Server           Server
	Metrics          Metrics
	Log              Log
	Outbound         Outbound

	// Settings are the site settings pinned at start. They win over the
	// database and are shown as locked. A value is the text of the environment,
	// or what the file says: a text, number or switch as it stands there, a list
	// or tree as JSON. Types and ranges are the business of app/settings.
	Settings map[string]string

	values []Value
}

// Folder is one entry of library: a directory and the instance name it gets.
type Folder struct {
	Name string // [a-z0-9][a-z0-9_-]{0,63}, unique
	Path string // absolute
}

// Store says where records are kept.
type Store struct {
	URL Secret // "sqlite:" or "sqlite:<file>"; secret because other stores carry a password in it
}

// Server is how the outside reaches us.
type Server struct {
	PublicURL      string         // scheme and host links are built with, without a trailing slash; "" means from the request
	Hosts          []string       // accepted Host names, lower case; none means any
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For counts
}

// Metrics is the second listener for /metrics and pprof.
type Metrics struct {
	Listen string // "" means none
}

// Log says what is logged, how and where.
type Log struct {
	Level  slog.Level
	Format string // FormatAuto, FormatText or FormatJSON
	File   string // "" means standard error
}

// The values of log.format. Auto is text on a terminal and JSON elsewhere.
const (
	FormatAuto = "auto"
	FormatText = "text"
	FormatJSON = "json"
)

// Outbound rules what the server itself connects to.
type Outbound struct {
	Guard bool // refuse private and special addresses that outbound.allow does not list
}

// Value is one line of "config show": a key, its redacted value and where the
// value came from: "default", "file <path>", "environment <NAME>" or "flag --<name>".
type Value struct {
	Key    string
	Text   string
	Origin string
}

// Values lists every start-up key and every pinned site setting, in the order
// of the reference, secrets redacted.
func (c *Config) Values() []Value { return append([]Value(nil), c.values...) }
