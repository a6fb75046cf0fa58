// Command beegen writes the generated parts of this repository: tables from C
// headers, and pages of documentation from tables.
package main

import (
	"os"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{
		Use:           "beegen",
		Short:         "Write the generated parts of the repository",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newABICommand(), newCompatCommand(), newPECommand())
	if err := root.Execute(); err != nil {
		root.PrintErrln("beegen:", err)
		os.Exit(1)
	}
}
