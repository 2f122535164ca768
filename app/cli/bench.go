package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"synctv/app/bench"
	"synctv/app/config"
	"synctv/app/telemetry"
)

func benchCommand(io streams) *cobra.Command {
	group := &cobra.Command{Use: "bench", Short: "Measure a running server"}
	var c bench.ViewersConfig
	var secretFile, roomFile string
	var asJSON bool
	viewers := &cobra.Command{
		Use: "viewers url", Short: "Fill a room with viewers and measure what each message costs", Args: usage(cobra.ExactArgs(1)),
		Long: `Fill a room with viewers and measure what each message costs.

Name a room that lets guests in (--room), or an account that creates one
(--login with --password-file). All viewers come from this machine, so the
server must allow them: raise limits.sockets_per_address, room.max_viewers_cap
and rate_limit.* there. With --pid the CPU and memory of a server on the same
machine are measured; with --baseline the same bytes are also written by a
process that does nothing else, for comparison.`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			c.URL, c.Progress = args[0], io.err
			if c.Secret, err = fromFile(io, c.Login, secretFile, "--password-file"); err != nil {
				return err
			}
			if roomFile != "" {
				if c.Password, err = readPassword(io, roomFile); err != nil {
					return err
				}
			}
			if c.Log, _, err = telemetry.NewLogger(config.Log{Level: slog.LevelWarn}, io.err); err != nil {
				return err
			}
			report, err := bench.Viewers(cmd.Context(), c)
			if err != nil || report.Viewers == 0 { // nobody: this was the child of the baseline
				return err
			}
			if asJSON {
				return report.JSON(io.out)
			}
			_, err = fmt.Fprintln(io.out, strings.TrimSuffix(report.String(), "\n"))
			return err
		},
	}
	flags := viewers.Flags()
	flags.StringVar(&c.Room, "room", "", "id of a room that lets guests in")
	flags.StringVar(&roomFile, "room-password-file", "", "file with the password of that room")
	flags.StringVar(&c.Login, "login", "", "account that creates a room for the run")
	flags.StringVar(&secretFile, "password-file", "", "file with the password of that account")
	flags.IntVar(&c.Viewers, "viewers", 500, "how many watch")
	flags.Float64Var(&c.Rate, "rate", 100, "messages a second")
	flags.DurationVar(&c.Duration, "duration", 10*time.Second, "how long messages are sent")
	flags.Float64Var(&c.Joins, "joins", 200, "viewers a second while they come")
	flags.IntVar(&c.PID, "pid", 0, "process of the server, to measure its CPU and memory")
	flags.BoolVar(&c.Baseline, "baseline", false, "also measure a bare write per viewer")
	flags.BoolVar(&asJSON, "json", false, "print the report as JSON")
	group.AddCommand(viewers)
	return group
}

// fromFile reads the password of an account from a file. Not from standard
// input: the baseline starts this program again with the same arguments.
func fromFile(io streams, account, file, flag string) (string, error) {
	switch {
	case account == "":
		return "", nil
	case file == "":
		return "", usageError{errors.New(flag + " says where the password of the account is")}
	}
	return readPassword(io, file)
}
