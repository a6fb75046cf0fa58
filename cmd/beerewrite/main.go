// Command beerewrite turns a static Linux program into a .bee file, which
// beerun runs on Windows and Linux runs as the original program.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"bee/image"
	"bee/rewrite"
	"bee/rewrite/reporttext"
)

// Exit statuses.
const (
	exitInput = 1 // a file cannot be read, rewritten or written
	exitUsage = 2
)

func main() {
	collectOften()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// collectOften keeps the peak of memory near what is needed. It costs little:
// most of the heap is the program itself, which holds no pointers.
func collectOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// gcPercent is how much the heap may grow before it is collected.
const gcPercent = 10

// inputError marks errors that are not about how the command was called.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

func input(err error) error {
	if err == nil {
		return nil
	}
	return inputError{err}
}

func run(args []string, stdout, stderr io.Writer) int {
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.Execute()
	if err == nil {
		return 0
	}
	var ie inputError
	if errors.As(err, &ie) {
		fmt.Fprintf(stderr, "beerewrite: %v\n", ie.error)
		return exitInput
	}
	fmt.Fprintf(stderr, "beerewrite: %v\n", err)
	fmt.Fprintln(stderr, `Run "beerewrite --help" for usage.`)
	return exitUsage
}

func command() *cobra.Command {
	var out, report, form, runner string
	var allowTrap, quiet, verbose, asExe bool
	root := &cobra.Command{
		Use:   "beerewrite IN -o OUT",
		Short: "Make a static Linux program ready to run on Windows",
		Long: `beerewrite reads a statically linked IA-32 or x86-64 Linux program and writes
a .bee file: the program byte for byte, and behind it what beerun needs to run
it as native code on Windows. On Linux the .bee file runs as the original does.

With --exe the file is a Windows executable that holds the program and all it
takes to run it. It takes the program's arguments and no others;
"worker.exe --bee-info" tells what it holds.

Link programs with -static or -static-pie (Go: CGO_ENABLED=0).

Exit status: 0 done, 1 a file cannot be rewritten (nothing is written), 2 usage.`,
		Example: `  beerewrite worker.elf -o worker.bee
  beerewrite worker.elf -o worker.bee --report json > report.json
  beerewrite --exe worker.elf -o worker.exe
  beerewrite worker.elf -o worker.proof --form linux-proof && ./worker.proof
  beerewrite inspect worker.bee --disasm
  beerewrite verify worker.bee`,
		Args:          cobra.ExactArgs(1),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := rewrite.ParseForm(form)
			if err != nil {
				return err
			}
			if report != "text" && report != "json" {
				return fmt.Errorf("unknown report %q; there are text and json", report)
			}
			if out == "" {
				return fmt.Errorf("name the output with -o OUT")
			}
			o := rewrite.Options{Form: f, AllowTrap: allowTrap}
			switch {
			case asExe && cmd.Flags().Changed("form"):
				return errForm
			case asExe:
				o.Wrap = wrapper(args[0], out, runner)
			case runner != "":
				return errors.New("--runner is for --exe")
			}
			res, err := rewrite.File(args[0], out, o)
			if err != nil {
				return input(err)
			}
			switch {
			case quiet:
				return nil
			case report == "json":
				return input(res.Report.JSON(cmd.OutOrStdout()))
			}
			return input(reporttext.Write(cmd.OutOrStdout(), res.Report, verbose))
		},
	}
	fl := root.Flags()
	fl.StringVarP(&out, "output", "o", "", "the file to write")
	fl.StringVar(&report, "report", "text", "form of the report on stdout: text or json")
	fl.StringVar(&form, "form", "bee", "what to write: bee, or linux-proof for tests on Linux")
	fl.BoolVar(&asExe, "exe", false, "write a Windows executable")
	fl.StringVar(&runner, "runner", "", "put the program into this beerun.exe (a `file`), not the one in this command")
	fl.BoolVar(&allowTrap, "allow-trap", false, "leave sites that cannot be patched as traps, for diagnosis")
	fl.BoolVarP(&quiet, "quiet", "q", false, "no report")
	fl.BoolVarP(&verbose, "verbose", "v", false, "list the patterns that no evidence reaches")
	root.AddCommand(inspectCommand(), verifyCommand(), versionCommand())
	return root
}

func inspectCommand() *cobra.Command {
	var disasm, asJSON, verbose bool
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what a .bee file or an executable holds, or what would be patched in a program",
		Example: `  beerewrite inspect worker.bee
  beerewrite inspect worker.exe
  beerewrite inspect worker.elf --disasm | less`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readProgram(args[0])
			if err != nil {
				return input(err)
			}
			i, err := rewrite.Inspect(args[0], data)
			if err != nil {
				return input(err)
			}
			w := cmd.OutOrStdout()
			if asJSON {
				return input(i.Report.JSON(w))
			}
			if err := reporttext.Write(w, i.Report, verbose); err != nil || !disasm {
				return input(err)
			}
			return input(i.Disasm(w))
		},
	}
	c.Flags().BoolVar(&disasm, "disasm", false, "show original (-), patched (+) and moved (>) instructions")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "list the patterns that no evidence reaches")
	c.MarkFlagsMutuallyExclusive("disasm", "json")
	return c
}

func verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "verify FILE",
		Short:   "Check a .bee file, also one in an executable: digests, tables, and the patch set against a new plan",
		Example: `  beerewrite verify worker.bee`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readProgram(args[0])
			if err != nil {
				return input(err)
			}
			m, err := rewrite.Verify(args[0], data)
			if err != nil {
				return input(err)
			}
			im := &m.Images[0]
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: good: %d sites, %d patches, program SHA-256 %x\n",
				args[0], len(im.Sites), len(im.Patches), im.SourceDigest)
			return input(err)
		},
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "beerewrite %s, file format %d\n", rewrite.Version, image.FormatVersion)
			return input(err)
		},
	}
}
