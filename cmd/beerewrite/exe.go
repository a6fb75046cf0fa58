package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bee/image"
	"bee/internal/exe"
	"bee/internal/runners"
	"bee/internal/runners/amd64"
	"bee/internal/runners/i386"
	"bee/rewrite"
)

// wrapper makes a Windows executable of a rewritten program. runner is the
// path of a beerun.exe; if it is empty, the one in this command serves.
func wrapper(in, out, runner string) func(*rewrite.Result) ([]byte, error) {
	return func(res *rewrite.Result) ([]byte, error) {
		if same(out, runner) {
			return nil, fmt.Errorf("%s: output and runner are the same file", out)
		}
		file, err := runnerFor(res.Manifest.Images[0].Arch, runner)
		if err != nil {
			return nil, err
		}
		b, err := exe.Make(file, exe.Program{
			Name: filepath.Base(in), Output: filepath.Base(out), Bee: res.Output, Manifest: res.Manifest,
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", out, err)
		}
		return b, nil
	}
}

func runnerFor(arch image.Arch, path string) ([]byte, error) {
	if path == "" {
		packed := i386.Packed
		if arch == image.AMD64 {
			packed = amd64.Packed
		}
		if packed == nil {
			return nil, errNoRunner
		}
		return runners.Unpack(packed)
	}
	file, _, err := rewrite.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := exe.CheckRunner(file, arch); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// readProgram reads a program, a .bee file, or the one in an executable.
func readProgram(path string) ([]byte, error) {
	data, _, err := rewrite.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := bytes.NewReader(data)
	c, err := exe.Find(r)
	if err == nil && c != nil {
		data, err = c.Bee(r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// same tells whether two paths, which need not exist, name one file.
func same(a, b string) bool {
	sa, err := os.Stat(a)
	if err != nil {
		return false
	}
	sb, err := os.Stat(b)
	return err == nil && os.SameFile(sa, sb)
}

// errNoRunner answers --exe in a build without the tag bee_embed.
var errNoRunner = errors.New("this build of beerewrite holds no runner: name a beerun.exe with --runner, or use the beerewrite of `make build`")

// errForm answers --exe together with --form.
var errForm = errors.New("--exe and --form: an executable always holds a .bee file")
