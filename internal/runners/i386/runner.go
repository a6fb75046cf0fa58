// Package i386 holds the runner for IA-32 programs, the Windows executable beerun.exe of that width, in builds with the tag
// bee_embed (`make build`).
package i386

// Packed is the gzipped executable; nil in other builds.
var Packed []byte
