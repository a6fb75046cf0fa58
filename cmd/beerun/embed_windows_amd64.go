//go:build bee_embed

package main

import _ "embed"

//go:embed embedded/runner386.gz
var embedded386 []byte

func init() { runner386 = embedded386 }
