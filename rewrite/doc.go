// Package rewrite turns a static Linux program into a .bee file: it reads the
// ELF file, collects the evidence of what is code, has package plan decide
// how every site is patched, and writes the result.
//
//	ELF file -> program (elf.go) -> plan.Evidence (evidence.go) -> plan.Make
//	         -> image.Manifest (rewrite.go) -> .bee, or a patched ELF file (proof.go)
//
// cmd/beerewrite is its command, the runner calls Bytes for programs that
// were not rewritten before.
package rewrite
