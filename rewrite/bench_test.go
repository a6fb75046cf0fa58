package rewrite

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"bee/image"
)

func busybox(b *testing.B) []byte {
	b.Helper()
	data, err := os.ReadFile(filepath.Join("..", "build", "thirdparty", "busybox-static-i386", "bin", "busybox"))
	if err != nil {
		b.Skip("no busybox here: ", err)
	}
	return data
}

func BenchmarkRewrite(b *testing.B) {
	data := busybox(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Bytes(data, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadBee(b *testing.B) {
	r, err := Bytes(busybox(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("file", func(b *testing.B) {
		for b.Loop() {
			if _, err := image.Read(bytes.NewReader(r.Output), int64(len(r.Output))); err != nil {
				b.Fatal(err)
			}
		}
	})
	payload := image.Encode(r.Manifest)
	b.Run("manifest", func(b *testing.B) {
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			if _, err := image.Decode(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}
