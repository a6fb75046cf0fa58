// Package amd64 holds the runner for x86-64 programs, the Windows executable beerun.exe of that width, in builds with the tag
// bee_embed (`make build`).
package amd64

// Packed is the gzipped executable; nil in other builds.
var Packed []byte
