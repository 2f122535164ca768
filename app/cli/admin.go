package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"synctv/app/account"
	"synctv/app/auth"
	"synctv/app/config"
	"synctv/app/settings"
	"synctv/app/telemetry"
	"synctv/store"
)

// passwordLimit is more than any password may have.
const passwordLimit = 4 << 10

func adminCommand(io streams) *cobra.Command {
	group := &cobra.Command{Use: "admin", Short: "Help with the first account, for who holds the data folder"}
	create := &cobra.Command{
		Use: "create-root", Short: "Create the first account", Args: usage(cobra.NoArgs),
		Long: "Create the first account, instead of the link that the server prints.\n\nThe server must not be running. The password is read from standard input\nor from --password-file; never from an argument, which others can list.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withAccount(cmd, io, func(ctx context.Context, s *account.Service, name, password string) error {
				return s.CreateRoot(ctx, name, password)
			}, "created the root account")
		},
	}
	reset := &cobra.Command{
		Use: "reset-root", Short: "Give a root account a new password", Args: usage(cobra.NoArgs),
		Long: "Give a root account a new password and end all its sessions.\n\nThe server must not be running. The password is read from standard input\nor from --password-file; never from an argument, which others can list.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withAccount(cmd, io, func(ctx context.Context, s *account.Service, name, password string) error {
				return s.ResetRoot(ctx, name, password)
			}, "changed the password of")
		},
	}
	for _, cmd := range []*cobra.Command{create, reset} {
		cmd.Flags().String("username", "", "name of the account")
		cmd.Flags().String("password-file", "", "file with the password, instead of standard input")
		group.AddCommand(cmd)
	}
	return group
}

// withAccount opens the database and lets do work on an account in it.
func withAccount(cmd *cobra.Command, io streams, do func(ctx context.Context, s *account.Service, name, password string) error, done string) (err error) {
	c, err := load(cmd)
	if err != nil {
		return err
	}
	name, _ := cmd.Flags().GetString("username")
	if name == "" {
		return usageError{errors.New("--username says which account")}
	}
	file, _ := cmd.Flags().GetString("password-file")
	password, err := readPassword(io, file)
	if err != nil {
		return err
	}
	if err := checkFolder(c.DataDir); err != nil {
		return err
	}
	s, closeAll, err := openAccounts(cmd.Context(), c, io.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	switch err := do(cmd.Context(), s, name, password); {
	case errors.Is(err, account.ErrSetupDone):
		return errors.New("there is a root account already; admin reset-root gives it a new password")
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("there is no account %q", name)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintln(io.out, done, name)
	return err
}

// openAccounts opens what accounts are kept in, without a server around it.
func openAccounts(ctx context.Context, c *config.Config, errOut io.Writer) (s *account.Service, closeAll func() error, err error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data_dir: %w", err)
	}
	log, _, err := telemetry.NewLogger(config.Log{Level: slog.LevelWarn}, errOut)
	if err != nil {
		return nil, nil, err
	}
	db, err := store.Open(ctx, store.Config{URL: c.Store.URL.Reveal(), Dir: c.DataDir, Log: log, Metrics: telemetry.NewRegistry()})
	if err != nil {
		return nil, nil, err
	}
	closers := []func() error{db.Close}
	closeAll = func() error {
		var errs []error
		for i := range closers {
			errs = append(errs, closers[len(closers)-1-i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()
	key, err := masterKey(c)
	if err != nil {
		return nil, nil, err
	}
	master, err := auth.LoadMaster(c.DataDir, key)
	if err != nil {
		return nil, nil, err
	}
	site, err := settings.New(db, c.Settings)
	if err != nil {
		return nil, nil, usageError{err}
	}
	if err := site.Load(ctx); err != nil {
		return nil, nil, err
	}
	passwords := auth.NewPasswords(runtime.NumCPU(), 0) // one at a time is enough here
	s = account.New(account.Config{DB: db, Settings: site, Passwords: passwords, Master: master, Log: log, Dir: c.DataDir})
	closers = append(closers, func() error { s.Close(); return nil })
	return s, closeAll, s.Start(ctx)
}

func masterKey(c *config.Config) (string, error) {
	if c.MasterKeyFile == "" {
		return c.MasterKey.Reveal(), nil
	}
	text, err := os.ReadFile(c.MasterKeyFile)
	if err != nil {
		return "", fmt.Errorf("master_key_file: %w", err)
	}
	return string(text), nil
}

// readPassword reads one line from a file or from standard input.
func readPassword(io streams, file string) (string, error) {
	from := io.in
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("password file: %w", err)
		}
		defer f.Close()
		from = f
	} else if isTerminal(io.in) {
		fmt.Fprint(io.err, "Password (it is shown while you type): ")
	}
	line, err := bufio.NewReader(limited(from)).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usageError{errors.New("no password was given: write it to standard input, or name a file with --password-file")}
	}
	if err != nil && len(line) >= passwordLimit {
		return "", usageError{errors.New("the password is too long")}
	}
	return line, nil
}

func limited(r io.Reader) io.Reader { return io.LimitReader(r, passwordLimit) }

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
