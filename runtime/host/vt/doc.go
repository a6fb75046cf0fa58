// Package vt is for consoles that know keys and cells but no control
// sequences: Windows's before version 10 or in legacy mode, and some of those
// that stand in for it. Keys turns key events into what an xterm sends, Screen
// draws what programs write for an xterm.
//
// Nothing in it calls Windows; the values of its interfaces are those of
// Windows's console functions.
package vt
