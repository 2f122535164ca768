package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"synctv/app"
	"synctv/app/config"
	"synctv/app/telemetry"
)

func serveCommand(io streams) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Start the server (what happens without a command)", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, io) },
	}
}

// serve runs the server until a signal, or until a part of it gives up.
func serve(cmd *cobra.Command, io streams) (err error) {
	c, err := load(cmd)
	if err != nil {
		return err
	}
	if known, _ := cmd.Flags().GetBool("i-know"); !c.Outbound.Guard && !known {
		return usageError{errors.New("outbound.guard: without the guard every user can reach the network of this machine; add the flag --i-know if that is what you want")}
	}
	if err := checkFolder(c.DataDir); err != nil {
		return err
	}
	log, closeLog, err := telemetry.NewLogger(c.Log, io.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	warn(log, c)
	limitMemory(log)
	ctx, stop := untilSignal(cmd.Context(), log, os.Exit)
	defer stop()
	a, err := app.New(ctx, app.Config{Config: c, Log: log, Version: Version(), Stderr: io.err})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// checkFolder refuses a data folder that others can write to: the database and
// the master key in it are the whole site. One that is not there yet is fine.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("data_dir: %w", err)
	case !info.IsDir():
		return fmt.Errorf("data_dir: %s is a file; choose a folder with --data-dir", dir)
	case worldWritable(info.Mode()):
		return fmt.Errorf("data_dir: every user of this machine can write to %s; run: chmod 700 %s", dir, dir)
	}
	return nil
}

// warn says what works but should not stay so.
func warn(log *slog.Logger, c *config.Config) {
	if os.Geteuid() == 0 {
		log.Warn("running as root; a user of its own needs no more than the data folder")
	}
	if !c.Outbound.Guard {
		log.Warn("the outbound guard is off: users can reach the network of this machine")
	}
}
