package rewrite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxInput bounds the size of a program: what a 32-bit host can hold twice.
const maxInput = 1 << 30

// ReadFile reads a program whole; it refuses what is no regular file.
func ReadFile(path string) ([]byte, os.FileInfo, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, nil, plain(path, err)
	}
	if err := regular(path, st); err != nil {
		return nil, nil, err
	}
	if st.Size() > maxInput {
		return nil, nil, &Error{File: path, Off: -1, Err: ErrTooLarge, Msg: fmt.Sprintf("%d bytes, %d at most", st.Size(), maxInput)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, plain(path, err)
	}
	return data, st, nil
}

func regular(path string, st os.FileInfo) error {
	if st.IsDir() {
		return &Error{File: path, Off: -1, Err: ErrNotRegular, Msg: "it is a directory"}
	}
	if !st.Mode().IsRegular() {
		return &Error{File: path, Off: -1, Err: ErrNotRegular, Msg: st.Mode().Type().String()}
	}
	return nil
}

// plain drops the operation and the path (a temporary one perhaps) from a
// file system's error, and names the file that the user gave.
func plain(path string, err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// File rewrites the program at in and writes the result to out, which is
// replaced as a whole or not at all. The result has in's permissions.
func File(in, out string, opts Options) (*Result, error) {
	data, st, err := ReadFile(in)
	if err != nil {
		return nil, err
	}
	switch ost, err := os.Stat(out); {
	case err == nil && os.SameFile(st, ost):
		return nil, &Error{File: out, Off: -1, Err: ErrSameFile, Msg: "give another name with -o"}
	case err == nil:
		if err := regular(out, ost); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, plain(out, err)
	}
	if opts.Name == "" {
		opts.Name = in
	}
	res, err := Bytes(data, opts)
	if err != nil {
		return nil, err
	}
	if opts.Wrap != nil {
		if res.Output, err = opts.Wrap(res); err != nil {
			return nil, err
		}
		res.Report.Form, res.Report.OutputBytes = "exe", len(res.Output)
	}
	// What may be read may be run.
	perm := st.Mode().Perm()
	if err := writeFile(out, res.Output, perm|perm&0o444>>2); err != nil {
		return nil, plain(out, err)
	}
	return res, nil
}

// writeFile writes a file through a temporary one beside it.
func writeFile(path string, b []byte, perm os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".beerewrite-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
