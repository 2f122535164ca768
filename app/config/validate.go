package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// keySize is the length of the master key in bytes.
const keySize = 32

// checkKey refuses what app/auth could not read as a master key.
func checkKey(text string) error {
	text = strings.TrimSpace(text)
	key, err := hex.DecodeString(text)
	if err != nil {
		key, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(key) != keySize {
		return fmt.Errorf("must be %d bytes in hexadecimal or base64", keySize)
	}
	return nil
}

func setListen(c *Config, v value) (err error) {
	c.Listen, err = address(v)
	return err
}

func setMetricsListen(c *Config, v value) (err error) {
	c.Metrics.Listen, err = address(v)
	return err
}

// address is host:port to listen on.
func address(v value) (string, error) {
	text, err := v.text()
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", errors.New(`must be an address like ":8080" or "127.0.0.1:8080"`)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", errors.New("must end in a port number between 0 and 65535")
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil && !isHostName(host) {
		return "", errors.New("must begin with an IP address or a host name, or with the colon")
	}
	return text, nil
}

func setDataDir(c *Config, v value) error {
	text, err := v.text()
	if err != nil {
		return err
	}
	c.DataDir, err = absolute(text)
	return err
}

// setPath is the setter of a key that names a file, which need not exist yet.
func setPath(field func(*Config) *string) func(*Config, value) error {
	return func(c *Config, v value) error {
		text, err := v.text()
		if err != nil || text == "" {
			return err
		}
		*field(c), err = absolute(text)
		return err
	}
}

func absolute(path string) (string, error) {
	if path == "" {
		return "", errEmpty
	}
	if strings.ContainsRune(path, 0) {
		return "", errors.New("must be a path")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", errors.New("is relative, and the working directory is unknown")
	}
	return abs, nil
}

// folderName is what the table provider_instances takes as a name.
var folderName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

func setLibrary(c *Config, v value) error {
	items, err := v.list()
	if err != nil {
		return err
	}
	var mistakes []error
	taken := map[string]bool{}
	for i, item := range items {
		folder, named := Folder{Path: item}, false
		if name, path, ok := strings.Cut(item, "="); ok && folderName.MatchString(name) {
			folder, named = Folder{Name: name, Path: path}, true
		}
		if folder.Path, err = absolute(folder.Path); err != nil {
			mistakes = append(mistakes, fmt.Errorf("folder %d %w", i+1, err))
			continue
		}
		if !named {
			folder.Name = free(plain(filepath.Base(folder.Path)), taken)
		}
		if taken[folder.Name] {
			mistakes = append(mistakes, fmt.Errorf("two folders are named %q", folder.Name))
		}
		taken[folder.Name] = true
		c.Library = append(c.Library, folder)
	}
	return errors.Join(mistakes...)
}

// plain makes an instance name of a folder's name.
func plain(base string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r == ' ', r == '.':
			return '-'
		}
		return -1
	}, base)
	name = strings.Trim(name, "-_")
	if name = name[:min(len(name), 48)]; name == "" {
		return "library"
	}
	return name
}

// free appends a number until nobody else has the name.
func free(name string, taken map[string]bool) string {
	out := name
	for n := 2; taken[out]; n++ {
		out = fmt.Sprintf("%s-%d", name, n)
	}
	return out
}

func setStoreURL(c *Config, v value) error {
	text, err := v.text()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(text, "sqlite:") {
		return errors.New(`must begin with "sqlite:", the only store of this version`)
	}
	c.Store.URL = NewSecret(text)
	return nil
}

func setMasterKey(c *Config, v value) error {
	text, err := v.text()
	if err != nil || text == "" {
		return err
	}
	c.MasterKey = NewSecret(text)
	return checkKey(text)
}

func setPublicURL(c *Config, v value) error {
	text, err := v.text()
	if err != nil || text == "" {
		return err
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return errors.New("must be a scheme and a host, like https://tv.example.org")
	}
	c.Server.PublicURL = u.Scheme + "://" + strings.ToLower(u.Host)
	return nil
}

func setHosts(c *Config, v value) error {
	items, err := v.list()
	if err != nil {
		return err
	}
	var mistakes []error
	for i, item := range items {
		host := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(item, "["), "]"))
		if _, err := netip.ParseAddr(host); err != nil && !isHostName(host) {
			mistakes = append(mistakes, fmt.Errorf("host %d must be a host name without scheme, port and path", i+1))
			continue
		}
		c.Server.Hosts = append(c.Server.Hosts, host)
	}
	return errors.Join(mistakes...)
}

// isHostName accepts what DNS does, and underscores, which container names have.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		bad := func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, bad) {
			return false
		}
	}
	return true
}

func setProxies(c *Config, v value) error {
	items, err := v.list()
	if err != nil {
		return err
	}
	var mistakes []error
	for i, item := range items {
		p, err := netip.ParsePrefix(item)
		if addr, addrErr := netip.ParseAddr(item); err != nil && addrErr == nil && addr.Zone() == "" {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("entry %d must be an address or a network like 10.0.0.0/8", i+1))
			continue
		}
		c.Server.TrustedProxies = append(c.Server.TrustedProxies, p.Masked())
	}
	return errors.Join(mistakes...)
}

func setLogLevel(c *Config, v value) error {
	text, err := v.text()
	if err != nil {
		return err
	}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(text)]
	if !ok {
		return errors.New("must be debug, info, warn or error")
	}
	c.Log.Level = level
	return nil
}

func setLogFormat(c *Config, v value) error {
	text, err := v.text()
	if err != nil {
		return err
	}
	if !slices.Contains([]string{FormatAuto, FormatText, FormatJSON}, text) {
		return errors.New("must be auto, text or json")
	}
	c.Log.Format = text
	return nil
}
