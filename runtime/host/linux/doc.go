// Package linuxhost is package host on Linux: enough to run the kernel's own
// tests natively and with the race detector.
package linuxhost
