package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"synctv/app/config"
)

// healthTimeout is shorter than what container runtimes allow a check.
const healthTimeout = 5 * time.Second

func healthcheckCommand(io streams) *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck [url]", Short: "Ask a running server whether it is ready", Args: usage(cobra.MaximumNArgs(1)),
		Long: "Ask a running server whether it is ready.\n\nWithout an address it asks the server of this configuration. Exit code 0 means ready.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			var base string
			if len(args) == 1 {
				base = strings.TrimSuffix(args[0], "/")
			} else if base, err = localURL(c.Listen); err != nil {
				return usageError{err}
			}
			if err := askReady(cmd.Context(), base, hostName(c)); err != nil {
				return err
			}
			_, err = fmt.Fprintln(io.out, "ready")
			return err
		},
	}
}

// localURL is how a server that listens there is reached from the same machine.
func localURL(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	if port == "0" {
		return "", errors.New("listen: port 0 is another one at each start; give the address of the server")
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "127.0.0.1"
		if err == nil && addr.Is6() {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// hostName is a Host header the server accepts, "" when it accepts any.
func hostName(c *config.Config) string {
	if len(c.Server.Hosts) > 0 {
		return c.Server.Hosts[0]
	}
	return ""
}

func askReady(ctx context.Context, base, host string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health/ready", nil)
	if err != nil {
		return usageError{fmt.Errorf("%s is not an address to ask", base)}
	}
	rq.Host = host
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	rs, err := client.Do(rq)
	if err != nil {
		return fmt.Errorf("no answer from %s: %w", base, errors.Unwrap(err))
	}
	defer rs.Body.Close()
	if rs.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(rs.Body, 1<<10))
		return fmt.Errorf("%s is not ready: %s %s", base, rs.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
