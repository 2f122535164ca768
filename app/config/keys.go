package config

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"
)

// envPrefix begins the name of every environment variable that is ours.
const envPrefix = "SYNCTV_"

// key is one start-up key: what it is called everywhere, how it is read, and
// the sentence of the reference that explains it.
type key struct {
	name   string
	flag   string // "" means it has none
	def    string // as written in the environment
	doc    string
	list   bool
	secret bool
	set    func(*Config, value) error
}

// keys is the whole start-up configuration. The reference page, the flags, the
// environment names and the listing of "config show" are made from it.
func keys() []key {
	return []key{
		{
			name: "listen", flag: "listen", def: ":8080", set: setListen,
			doc: "Address of the web server, `host:port`. An empty host means every address of the machine; port 0 takes a free one.",
		},
		{
			name: "data_dir", flag: "data-dir", def: "./data", set: setDataDir,
			doc: "Folder with everything the server keeps: database, master key, setup token, images. Made with mode 0700 when it is missing.",
		},
		{
			name: "library", flag: "library", list: true, set: setLibrary,
			doc: "Folders with films and music to offer in rooms. Each is a path, or `name=path` to choose the name that users see.",
		},
		{
			name: "store.url", flag: "store", def: "sqlite:", secret: true, set: setStoreURL,
			doc: "Where records are kept. `sqlite:` is `synctv.db` in the data folder, `sqlite:/path/file.db` another file.",
		},
		{
			name: "master_key", secret: true, set: setMasterKey,
			doc: "Key that seals secrets in the database: 32 bytes, in hexadecimal or base64. Without it `master.key` in the data folder is made and used.",
		},
		{
			name: "master_key_file", set: setPath(func(c *Config) *string { return &c.MasterKeyFile }),
			doc: "File that holds the master key, for secret stores that hand out files. Not together with `master_key`.",
		},
		{
			name: "root_username", set: func(c *Config, v value) (err error) { c.RootUsername, err = v.text(); return err },
			doc: "Unattended set-up: name of the first root account. Has no effect once a root exists.",
		},
		{
			name: "root_password_file", set: setPath(func(c *Config) *string { return &c.RootPasswordFile }),
			doc: "File with the password of that account; one trailing line end is ignored.",
		},
		{
			name: "server.public_url", set: setPublicURL,
			doc: "Scheme and host that links are built with, for example `https://tv.example.org`. Unset: taken from each request.",
		},
		{
			name: "server.hosts", list: true, set: setHosts,
			doc: "Host names that requests may carry, besides that of `server.public_url`. Unset: any.",
		},
		{
			name: "server.trusted_proxies", list: true, set: setProxies,
			doc: "Addresses or networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count.",
		},
		{
			name: "metrics.listen", set: setMetricsListen,
			doc: "A second address for `/metrics` and pprof, without sign-in: keep it on a private network. Unset: none.",
		},
		{
			name: "log.level", flag: "log-level", def: "info", set: setLogLevel,
			doc: "`debug`, `info`, `warn` or `error`.",
		},
		{
			name: "log.format", def: FormatAuto, set: setLogFormat,
			doc: "`text`, `json`, or `auto`: text on a terminal, else JSON.",
		},
		{
			name: "log.file", set: setPath(func(c *Config) *string { return &c.Log.File }),
			doc: "Write the log here instead of standard error: 10 MiB a file, five old ones kept. A file that was moved away is opened anew.",
		},
		{
			name: "outbound.guard", def: "true", set: func(c *Config, v value) (err error) { c.Outbound.Guard, err = v.boolean(); return err },
			doc: "Refuse to fetch from private, loopback and special addresses that the site setting `outbound.allow` does not list. Switching it off also needs the flag `--i-know`.",
		},
	}
}

// env is the name of a key's environment variable.
func env(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// flagConfig and flagIKnow are flags without a key.
const (
	flagConfig = "config"
	flagIKnow  = "i-know"
)

// Flags adds the flags of the start-up keys to a command line.
func Flags(fs *pflag.FlagSet) {
	fs.String(flagConfig, "", "configuration file (default synctv.yaml in the data folder, when it is there)")
	fs.Bool(flagIKnow, false, "confirm a setting that takes a protection away")
	for _, k := range keys() {
		usage := strings.ReplaceAll(k.doc, "`", "'")
		switch {
		case k.flag == "":
		case k.list:
			fs.StringArray(k.flag, nil, usage+" Repeatable.")
		default:
			fs.String(k.flag, k.def, usage)
		}
	}
}

var errEmpty = errors.New("must not be empty")
