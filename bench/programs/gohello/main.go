// Command gohello is the smallest Go program, the yardstick of start-up.
package main

import "os"

func main() { os.Stdout.WriteString("hello, world\n") }
