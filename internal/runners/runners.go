// Package runners unpacks the Windows executables that run Linux programs. The packages below it hold one each, in builds with
// the tag bee_embed; a command links those that it imports.
package runners

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// Unpack undoes gzip.
func Unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("the runner in this executable: %w", err)
	}
	file, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("the runner in this executable: %w", err)
	}
	return file, nil
}
