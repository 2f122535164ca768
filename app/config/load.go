package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// FileName is the configuration file looked for in the data folder.
const FileName = "synctv.yaml"

// Options say what Load reads besides the environment of the process.
type Options struct {
	Flags    *pflag.FlagSet // parsed, made with Flags; nil means no command line
	Settings []string       // keys of the site settings that may be pinned
}

// Load reads and checks everything. The error joins all mistakes, one line
// each, and every line names the key, the variable or the file it is about; no
// line shows a value that may be secret.
func Load(o Options) (*Config, error) {
	l := loader{v: viper.New(), flags: o.Flags, known: map[string]bool{}, cfg: &Config{Settings: map[string]string{}}}
	if l.flags == nil {
		l.flags = pflag.NewFlagSet("", pflag.ContinueOnError)
	}
	for _, k := range keys() {
		l.bind(k.name, k.def)
		if f := l.flags.Lookup(k.flag); k.flag != "" && f != nil {
			l.note(l.v.BindPFlag(k.name, f))
		}
	}
	for _, s := range o.Settings {
		l.bind(s, "")
	}
	l.readFile()
	l.checkFileKeys()
	l.checkEnvironment()
	for _, k := range keys() {
		l.apply(k)
	}
	for _, s := range o.Settings {
		l.pin(s)
	}
	l.checkTogether()
	if err := errors.Join(l.mistakes...); err != nil {
		return nil, err
	}
	return l.cfg, nil
}

// loader is one run of Load.
type loader struct {
	v        *viper.Viper
	flags    *pflag.FlagSet
	path     string // of the file that was read, "" when none
	known    map[string]bool
	cfg      *Config
	mistakes []error
}

// note keeps a mistake for the end.
func (l *loader) note(err error) {
	if err != nil {
		l.mistakes = append(l.mistakes, err)
	}
}

func (l *loader) bind(name, def string) {
	if l.known[name] { // server.public_url is a start-up key and a site setting
		return
	}
	l.known[name] = true
	if def != "" {
		l.v.SetDefault(name, def)
	}
	l.note(l.v.BindEnv(name, env(name)))
}

// readFile reads the named file, which must be there, or the one in the data
// folder, which need not.
func (l *loader) readFile() {
	var path string
	named := true
	if f := l.flags.Lookup(flagConfig); f != nil && f.Value.String() != "" {
		path = f.Value.String()
	} else if path = os.Getenv(envPrefix + "CONFIG"); path == "" {
		path, named = filepath.Join(l.v.GetString("data_dir"), FileName), false
	}
	if _, err := os.Stat(path); err != nil && !named {
		return // a folder that cannot be looked into is a mistake for others to name
	}
	l.v.SetConfigFile(path)
	if err := l.v.ReadInConfig(); err != nil {
		l.note(fmt.Errorf("configuration file %s: %w", path, unquoted(err)))
		return
	}
	l.path = path
}

var lineNumber = regexp.MustCompile(`line \d+`)

// unquoted takes from a parser's error what may not be shown: parsers like to
// repeat the text they stumble over, and that text may be a key.
func unquoted(err error) error {
	var notFile *fs.PathError
	var parse viper.ConfigParseError
	var format viper.UnsupportedConfigError
	switch {
	case errors.As(err, &notFile):
		return notFile.Err
	case errors.As(err, &format):
		return errors.New("the name must end in .yaml, .toml or .json")
	case errors.As(err, &parse):
		if at := lineNumber.FindString(err.Error()); at != "" {
			return fmt.Errorf("cannot be understood at %s", at)
		}
	}
	return errors.New("cannot be understood")
}

// checkFileKeys refuses what nobody would read. What lies below a known key is
// part of that key's value.
func (l *loader) checkFileKeys() {
	names := l.v.AllKeys()
	slices.Sort(names)
	for _, name := range names {
		if l.known[name] {
			continue
		}
		if group := l.group(name); group != "" {
			if l.v.InConfig(name) {
				l.note(fmt.Errorf("%s: %s is a group of keys, like %s, and has no value of its own", l.path, name, group))
			}
			continue
		}
		l.note(fmt.Errorf("%s: unknown key %q, the nearest is %q", l.path, name, nearest(name, l.known)))
	}
}

// group returns the first key below name, "" when there is none.
func (l *loader) group(name string) string {
	var below []string
	for k := range l.known {
		if strings.HasPrefix(k, name+".") {
			below = append(below, k)
		}
	}
	if len(below) == 0 {
		return ""
	}
	return slices.Min(below)
}

// checkEnvironment refuses SYNCTV_ variables that nobody would read. Those of
// the tests (SYNCTV_TEST_...) pass.
func (l *loader) checkEnvironment() {
	vars := map[string]bool{envPrefix + "CONFIG": true}
	for name := range l.known {
		vars[env(name)] = true
	}
	for _, line := range os.Environ() {
		name, _, _ := strings.Cut(line, "=")
		if strings.HasPrefix(name, envPrefix) && !strings.HasPrefix(name, envPrefix+"TEST_") && !vars[name] {
			l.note(fmt.Errorf("unknown environment variable %q, the nearest is %q", name, nearest(name, vars)))
		}
	}
}

// value is what a key holds, wherever that came from.
func (l *loader) value(name, flag string) value {
	v := value{key: name, raw: l.v.Get(name)}
	if f := l.flags.Lookup(flag); flag != "" && f != nil && f.Changed {
		v.origin = "flag --" + flag
	} else if os.Getenv(env(name)) != "" {
		v.origin, v.commas = "environment "+env(name), true
	} else if l.path != "" && l.v.InConfig(name) {
		v.origin = "file " + l.path
	} else {
		v.origin, v.commas = "default", true
	}
	return v
}

func (l *loader) apply(k key) {
	v := l.value(k.name, k.flag)
	line := Value{Key: k.name, Origin: v.origin, Text: v.String()}
	if k.secret && line.Text != k.def {
		line.Text = NewSecret(line.Text).String()
	}
	l.cfg.values = append(l.cfg.values, line)
	if v.raw == nil {
		return
	}
	l.noteEach(k.name, v.origin, k.set(l.cfg, v))
}

// noteEach notes every mistake of one value by itself.
func (l *loader) noteEach(name, origin string, err error) {
	if err == nil {
		return
	}
	each := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		each = joined.Unwrap()
	}
	for _, err := range each {
		l.note(fmt.Errorf("%s: %w (%s)", name, err, origin))
	}
}

// pin keeps a site setting that was given here.
func (l *loader) pin(name string) {
	v := l.value(name, "")
	if v.origin == "default" || v.raw == nil {
		return
	}
	text, err := v.setting()
	if err != nil {
		l.noteEach(name, v.origin, err)
		return
	}
	l.cfg.Settings[name] = text
	if slices.ContainsFunc(l.cfg.values, func(v Value) bool { return v.Key == name }) {
		return
	}
	line := Value{Key: name, Origin: v.origin, Text: text}
	if secretName.MatchString(name) {
		line.Text = hidden
	}
	l.cfg.values = append(l.cfg.values, line)
}

// secretName finds the site settings that are secrets by their names.
var secretName = regexp.MustCompile(`(^|[._])(token|password|secret|key)$`)

// checkTogether finds mistakes that no key makes alone.
func (l *loader) checkTogether() {
	if l.cfg.MasterKey.IsSet() && l.cfg.MasterKeyFile != "" {
		l.note(errors.New("master_key and master_key_file: only one of them may be set"))
	}
	if (l.cfg.RootUsername == "") != (l.cfg.RootPasswordFile == "") {
		l.note(errors.New("root_username and root_password_file: both are needed, or none"))
	}
	if l.cfg.Metrics.Listen != "" && l.cfg.Metrics.Listen == l.cfg.Listen && !strings.HasSuffix(l.cfg.Listen, ":0") {
		l.note(errors.New("metrics.listen: must differ from listen"))
	}
}

// nearest is the known name with the fewest letters to change.
func nearest(name string, known map[string]bool) string {
	names := make([]string, 0, len(known))
	for k := range known {
		names = append(names, k)
	}
	slices.Sort(names)
	return slices.MinFunc(names, func(a, b string) int { return cmp.Compare(distance(name, a), distance(name, b)) })
}

// distance is Levenshtein's, over bytes.
func distance(a, b string) int {
	if len(a) > 100 { // nobody's typing mistake
		a = a[:100]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
