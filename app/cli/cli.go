// Package cli is the command line: it turns arguments into one call of the
// packages below and errors into one sentence and an exit code.
//
// No rule lives here. What a command does, another package can do without it;
// secrets come from files or standard input, never from arguments, which every
// user of the machine can list.
//
// Imported by main only. Imports app and what its commands call.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"synctv/app"
	"synctv/app/config"
)

// Exit codes. Scripts may rely on them.
const (
	exitOK     = 0
	exitFailed = 1 // the command was understood and did not succeed
	exitUsage  = 2 // a mistake in arguments, environment or configuration file
)

// usageError is a mistake of the caller's, not of the machine's.
type usageError struct{ error }

// Unwrap returns what was wrong.
func (e usageError) Unwrap() error { return e.error }

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Main runs the command that args name and returns the exit code.
func Main(ctx context.Context, args []string) int {
	return run(ctx, args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
}

func run(ctx context.Context, args []string, io streams) int {
	root := newRoot(io) //nolint:contextcheck // a command gets the context from cobra, as ExecuteContext hands it on
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(io.err, "synctv: %s\n", line)
	}
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

func newRoot(io streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "synctv",
		Short:         "Watch films together, each at home and all in sync",
		Long:          "Watch films together, each at home and all in sync.\n\nWithout a command the server starts. Flags win over SYNCTV_ environment\nvariables, those over synctv.yaml in the data folder, that over the defaults.",
		Args:          usage(cobra.NoArgs),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return serve(cmd, io) },
	}
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	config.Flags(root.PersistentFlags())
	root.AddCommand(serveCommand(io), versionCommand(io), configCommand(io), healthcheckCommand(io), openapiCommand(io), adminCommand(io), benchCommand(io))
	return root
}

// usage makes a wrong number of arguments, an unknown command among them, a
// mistake of the caller's.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// load reads the configuration for a command.
func load(cmd *cobra.Command) (*config.Config, error) {
	c, err := config.Load(config.Options{Flags: cmd.Flags(), Settings: app.SettingKeys()})
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

func versionCommand(io streams) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(io.out, "synctv", Version(), platform())
			return err
		},
	}
}

func openapiCommand(io streams) *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the OpenAPI document of this version's API", Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			document, err := app.OpenAPI()
			if err != nil {
				return fmt.Errorf("make the document: %w", err)
			}
			_, err = io.out.Write(document)
			return err
		},
	}
}
