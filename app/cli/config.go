package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func configCommand(io streams) *cobra.Command {
	group := &cobra.Command{Use: "config", Short: "Look at the configuration"}
	group.AddCommand(&cobra.Command{
		Use: "show", Short: "Print every key, its value and where the value comes from", Args: usage(cobra.NoArgs),
		Long: "Print every key, its value and where the value comes from.\n\nSecrets are shown as stars. The command fails when the configuration has mistakes.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "KEY\tVALUE\tFROM")
			for _, v := range c.Values() {
				fmt.Fprintf(table, "%s\t%s\t%s\n", v.Key, v.Text, v.Origin)
			}
			return table.Flush()
		},
	})
	return group
}
