// Package app builds every part of the server, runs them and stops them in
// reverse order.
//
// The rule that keeps it whole: parts are wired here and nowhere else; nothing
// starts in New, and Run returns only when everything it started has ended.
//
// Imported by app/cli. Imports everything but app/cli.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"synctv/app/account"
	"synctv/app/api"
	"synctv/app/auth"
	"synctv/app/chat"
	"synctv/app/config"
	"synctv/app/files"
	"synctv/app/library"
	"synctv/app/netguard"
	"synctv/app/room"
	"synctv/app/settings"
	"synctv/app/telemetry"
	"synctv/providers"
	"synctv/providers/direct"
	"synctv/providers/local"
	"synctv/providers/proxy"
	"synctv/realtime"
	"synctv/realtime/bus"
	"synctv/realtime/protocol"
	"synctv/store"
	"synctv/webui"
)

// Config is what the command line hands over.
type Config struct {
	Config  *config.Config
	Log     *slog.Logger
	Version string
	Stderr  io.Writer // where the set-up link is printed; never the log
}

// App is a whole server.
type App struct {
	cfg     *config.Config
	log     *slog.Logger
	stderr  io.Writer
	version string

	db       *store.DB
	accounts *account.Service
	settings *settings.Service
	files    *files.Service
	registry *providers.Registry
	proxy    *proxy.Proxy
	rooms    *room.Service
	hub      *realtime.Hub
	api      *api.Server
	metrics  *prometheus.Registry

	listener net.Listener
	ready    chan struct{}
}

// New builds the server: it opens the database and reads keys and settings, but
// listens to nothing. Close or Run must follow.
func New(ctx context.Context, c Config) (*App, error) {
	a := &App{
		cfg: c.Config, log: c.Log, stderr: c.Stderr, version: c.Version,
		metrics: telemetry.NewRegistry(telemetry.Build(c.Version), telemetry.Records(c.Log)), ready: make(chan struct{}),
	}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) build(ctx context.Context) error {
	firstKey := a.prepareKey()
	// The lock on the folder comes with the database: nothing else in it is
	// touched before this server knows that it is alone.
	db, err := store.Open(ctx, store.Config{URL: a.cfg.Store.URL.Reveal(), Dir: a.cfg.DataDir, Log: a.log, Metrics: a.metrics})
	if err != nil {
		return err
	}
	a.db = db
	master, err := a.master()
	if err != nil {
		return err
	}
	if a.settings, err = settings.New(db, a.pinned()); err != nil {
		return fmt.Errorf("site settings in the configuration: %w", err)
	}
	if err := a.settings.Load(ctx); err != nil {
		return err
	}
	passwords := auth.NewPasswords(runtime.NumCPU(), machineMemory())
	a.accounts = account.New(account.Config{DB: db, Settings: a.settings, Passwords: passwords, Master: master, Log: a.log, Dir: a.cfg.DataDir, FirstKey: firstKey})
	if err := a.accounts.Start(ctx); err != nil {
		return err
	}
	if err := a.unattended(ctx); err != nil {
		return err
	}
	if a.files, err = files.New(files.Config{DB: db, Dir: a.cfg.DataDir, Key: master.Derive("files/v1"), Log: a.log}); err != nil {
		return err
	}
	return a.compose(ctx, master, passwords)
}

// prepareKey makes the signing key of a new site while its database opens: both
// take about as long. A site that has a database has a key in it.
func (a *App) prepareKey() func() (auth.Key, error) {
	if _, err := os.Stat(filepath.Join(a.cfg.DataDir, "synctv.db")); err == nil {
		return nil
	}
	type made struct {
		key auth.Key
		err error
	}
	done := make(chan made, 1)
	go func() {
		defer telemetry.Rescue(a.log, "signing key")
		defer close(done)
		k, err := auth.NewKey()
		done <- made{k, err}
	}()
	return func() (auth.Key, error) {
		m, ok := <-done
		if !ok {
			return auth.NewKey() // what made it has panicked; Rescue has said so
		}
		return m.key, m.err
	}
}

// compose wires what watches films together.
func (a *App) compose(ctx context.Context, master *auth.Master, passwords *auth.Passwords) error {
	policy := func() netguard.Policy {
		return netguard.Policy{Guard: a.cfg.Outbound.Guard, Allow: a.settings.Current().OutboundAllow, OwnAddrs: a.ownAddrs}
	}
	client := netguard.Client(policy)
	a.registry = providers.NewRegistry(providers.Deps{
		HTTP: client, Log: a.log, Metrics: a.metrics, DataDir: a.cfg.DataDir,
		CheckURL: netguard.NewDialer(policy).CheckURL,
	}, direct.Factory(), local.Factory())
	if err := a.applyInstances(ctx); err != nil {
		return err
	}
	media := proxy.New(proxy.Config{Key: master.Derive("proxy/v1"), HTTP: netguard.PlainClient(policy), Files: a.registry, Log: a.log, Metrics: a.metrics})
	a.proxy = media
	a.hub = realtime.NewHub(realtime.Config{
		Bus: bus.NewMemory(a.log), Backing: library.NewBacking(a.db), Log: a.log, Metrics: a.metrics,
		Server: protocol.Server{Version: a.version, Build: webui.Build()}, Judge: a.judge,
	})
	avatar := func(id string) string { return *a.files.URL(&id) }
	a.rooms = room.New(room.Config{
		DB: a.db, Publisher: a.hub, Live: liveRooms{a.hub}, Settings: a.settings, Passwords: passwords,
		Tokens: a.accounts.Tokens(), Avatar: avatar, Log: a.log,
	})
	lib := library.NewService(library.Config{DB: a.db, Rooms: a.rooms, Live: a.hub, Settings: a.settings, Registry: a.registry, Proxy: media, Sealer: master, Log: a.log})
	chats := chat.NewService(chat.Config{
		DB: a.db, Rooms: a.rooms, Publisher: a.hub, Settings: a.settings, Log: a.log,
		Avatar: avatar,
	})
	a.accounts.OnSessionEnd(a.cutSession)
	var err error
	a.api, err = api.New(api.Deps{
		Accounts: a.accounts, Settings: a.settings, Rooms: a.rooms, Library: lib, Chat: chats, Files: a.files, Hub: a.hub,
		Registry: a.registry, Proxy: media, UI: webui.FS(), Ready: a.checks, Metrics: a.metrics, Log: a.log,
		Version: a.version, Build: webui.Build(), Hosts: a.cfg.Server.Hosts, TrustedProxies: a.cfg.Server.TrustedProxies,
		LibraryFolders: len(a.cfg.Library) > 0,
	})
	return err
}

// master reads the site master key from where the configuration says.
func (a *App) master() (*auth.Master, error) {
	given := a.cfg.MasterKey.Reveal()
	if given == "" && a.cfg.MasterKeyFile != "" {
		text, err := os.ReadFile(a.cfg.MasterKeyFile)
		if err != nil {
			return nil, fmt.Errorf("read master_key_file: %w", err)
		}
		given = string(text)
	}
	return auth.LoadMaster(a.cfg.DataDir, given)
}

// pinned are the site settings that the configuration fixes.
func (a *App) pinned() map[string]string {
	fixed := map[string]string{}
	maps.Copy(fixed, a.cfg.Settings)
	if a.cfg.Server.PublicURL != "" {
		fixed["server.public_url"] = a.cfg.Server.PublicURL
	}
	return fixed
}

// unattended makes the first root from the configuration, once.
func (a *App) unattended(ctx context.Context) error {
	if a.cfg.RootUsername == "" || !a.accounts.SetupNeeded() {
		return nil
	}
	password, err := os.ReadFile(a.cfg.RootPasswordFile)
	if err != nil {
		return fmt.Errorf("read root_password_file: %w", err)
	}
	if err := a.accounts.CreateRoot(ctx, a.cfg.RootUsername, strings.TrimRight(string(password), "\r\n")); err != nil {
		return fmt.Errorf("create the root account: %w", err)
	}
	return nil
}

// applyInstances makes one local instance of each library folder.
func (a *App) applyInstances(ctx context.Context) error {
	var configs []providers.InstanceConfig
	for _, f := range a.cfg.Library {
		raw, err := json.Marshal(map[string]string{"path": f.Path})
		if err != nil {
			return fmt.Errorf("library folder %s: %w", f.Path, err)
		}
		configs = append(configs, providers.InstanceConfig{Name: f.Name, Kind: providers.KindLocal, Locked: true, Config: raw})
	}
	if err := a.registry.Apply(ctx, configs); err != nil {
		return fmt.Errorf("library folders: %w", err)
	}
	for _, in := range a.registry.Instances(providers.KindLocal) {
		if err := in.Err(); err != nil {
			return fmt.Errorf("library folder %q: %w", in.Name(), err)
		}
	}
	return nil
}

// ownAddrs are the addresses of this server, which nothing it fetches may reach.
func (a *App) ownAddrs() []netip.AddrPort {
	if a.listener == nil {
		return nil
	}
	ap, err := netip.ParseAddrPort(a.listener.Addr().String())
	if err != nil {
		return nil
	}
	return []netip.AddrPort{ap}
}

// checks are the parts that must work for the server to be of use.
func (a *App) checks(ctx context.Context) map[string]error {
	return map[string]error{"db": a.db.Ping(ctx)}
}

// Close frees what New has opened, for an App that never ran.
func (a *App) Close() error {
	var errs []error
	if a.proxy != nil {
		a.proxy.Close()
	}
	if a.registry != nil {
		errs = append(errs, a.registry.Close())
	}
	if a.files != nil {
		errs = append(errs, a.files.Close())
	}
	if a.api != nil {
		a.api.Close()
	}
	if a.accounts != nil {
		a.accounts.Close()
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	return errors.Join(errs...)
}

// SettingKeys are the site settings that the configuration may pin.
func SettingKeys() []string { return settings.Keys() }

// OpenAPI returns the API document.
func OpenAPI() ([]byte, error) {
	s, err := api.New(api.Deps{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.OpenAPI()
}
