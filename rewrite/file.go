package rewrite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// maxInput bounds the size of a program: what a 32-bit host can hold twice.
const maxInput = 1 << 30

// ReadFile reads a program whole; it refuses what is no regular file.
func ReadFile(path string) ([]byte, os.FileInfo, error) {
	return readFile(path, func(int64) int64 { return 0 })
}

// readFile is ReadFile with room for more behind the file's, so that
// what is made of it needs no second copy.
func readFile(path string, room func(size int64) int64) ([]byte, os.FileInfo, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, nil, plain(path, err)
	}
	if err := regular(path, st); err != nil {
		return nil, nil, err
	}
	tooLarge := func(size int64) error {
		return &Error{File: path, Off: -1, Err: ErrTooLarge, Msg: fmt.Sprintf("%d bytes, %d at most", size, maxInput)}
	}
	if st.Size() > maxInput {
		return nil, nil, tooLarge(st.Size())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, plain(path, err)
	}
	defer f.Close()
	// One byte more shows the end without growing.
	data := make([]byte, 0, st.Size()+1+room(st.Size()))
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, st, nil
		case err != nil:
			return nil, nil, plain(path, err)
		case len(data) > maxInput: // it grew
			return nil, nil, tooLarge(int64(len(data)))
		case len(data) == cap(data):
			data = slices.Grow(data, len(data))
		}
	}
}

// room is what rewriting adds to a program, mostly: small programs with many
// sites grow by a twelfth.
func room(size int64) int64 { return size/8 + 1<<16 }

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
	data, st, err := readFile(in, room)
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
	res, err := rewriteBytes(data, true, opts)
	if err != nil {
		return nil, named(opts.Name, err)
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
