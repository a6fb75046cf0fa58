//go:build bee_embed

package i386

import _ "embed"

//go:embed embedded/beerun.exe.gz
var packed []byte

func init() { Packed = packed }
