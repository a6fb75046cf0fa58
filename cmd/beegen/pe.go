package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"bee/internal/peimage"
)

// newPECommand changes a Windows executable that this build has made.
func newPECommand() *cobra.Command {
	var (
		base  string
		large bool
		out   string
	)
	cmd := &cobra.Command{
		Use:   "pe [--base ADDRESS] [--large-address-aware] [-o OUT] IN",
		Short: "Move a Windows executable of this build to another address, set the large-address flag",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if base == "" && !large {
				return errors.New("nothing to do: give --base or --large-address-aware")
			}
			if out == "" {
				out = args[0]
			}
			return editPE(args[0], out, base, large)
		},
	}
	cmd.Flags().StringVar(&base, "base", "", "link the image for this address")
	cmd.Flags().BoolVar(&large, "large-address-aware", false, "let a 32-bit process use the addresses above 2 GiB")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write this file (default: IN itself)")
	return cmd
}

func editPE(in, out, base string, large bool) error {
	file, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	if base != "" {
		address, err := strconv.ParseUint(base, 0, 64)
		if err != nil {
			return fmt.Errorf("--base %q is no address", base)
		}
		if file, err = peimage.Rebase(file, address); err != nil {
			return fmt.Errorf("%s: %w", in, err)
		}
	}
	if large {
		if file, err = peimage.SetLargeAddressAware(file); err != nil {
			return fmt.Errorf("%s: %w", in, err)
		}
	}
	return replaceFile(out, file)
}

// replaceFile writes an executable file in one step: a reader sees the old one or the whole new one.
func replaceFile(name string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Chmod(0o755)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
