//go:build bee_embed

package amd64

import _ "embed"

//go:embed embedded/beerun.exe.gz
var packed []byte

func init() { Packed = packed }
