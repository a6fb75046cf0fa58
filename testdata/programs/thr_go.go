// Command thr_go does what Go's runtime needs of threads, signals and timers:
// one subject per argument. Its output is the same on each run.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	subjects := map[string]func(){
		"goroutines": goroutines,
		"timers":     timers,
		"signals":    signals,
		"recover":    recovered,
		"gc":         collect,
		"preempt":    preempt,
		"threads":    threads,
		"pipes":      pipes,
		"exec":       execNothing,
		"panic":      func() { panic("an end") },
		"nil":        func() { fmt.Println(*new(*int) == nil, **new(*int)) },
		"deadlock":   func() { select {} },
		"exit": func() {
			for range 8 {
				go func() {
					for {
					}
				}()
			}
			time.Sleep(10 * time.Millisecond)
			os.Exit(3)
		},
	}
	f := subjects[os.Args[1]]
	f()
}

// goroutines passes numbers through a chain of channels.
func goroutines() {
	const n = 2000
	first := make(chan int)
	in := first
	for range n {
		out := make(chan int)
		go func(in, out chan int) {
			for v := range in {
				out <- v + 1
			}
			close(out)
		}(in, out)
		in = out
	}
	go func() {
		for i := range 20 {
			first <- i
		}
		close(first)
	}()
	sum := 0
	for v := range in {
		sum += v
	}
	fmt.Println("chain", sum)
	var wg sync.WaitGroup
	var mu sync.RWMutex
	var total atomic.Int64
	m := map[int]int{}
	for g := range 50 {
		wg.Go(func() {
			for i := range 500 {
				if (i+g)%5 == 0 {
					mu.Lock()
					m[i%10]++
					mu.Unlock()
				} else {
					mu.RLock()
					_ = m[i%10]
					mu.RUnlock()
				}
				total.Add(1)
			}
		})
	}
	wg.Wait()
	n2 := 0
	for _, v := range m {
		n2 += v
	}
	fmt.Println("locks", total.Load(), n2)
}

func timers() {
	start := time.Now()
	time.Sleep(20 * time.Millisecond)
	fmt.Println("slept", time.Since(start) >= 20*time.Millisecond)
	tick := time.NewTicker(5 * time.Millisecond)
	for range 5 {
		<-tick.C
	}
	tick.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println(ctx.Err())
	stopped := time.AfterFunc(time.Hour, func() { fmt.Println("never") }).Stop()
	fired := make(chan bool)
	time.AfterFunc(time.Millisecond, func() { fired <- true })
	fmt.Println(stopped, <-fired)
	select {
	case <-time.After(10 * time.Millisecond):
		fmt.Println("after")
	case <-make(chan int):
	}
}

func signals() {
	c := make(chan os.Signal, 10)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGINT)
	for range 20 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			fmt.Println(err)
		}
		if s := <-c; s != syscall.SIGUSR1 {
			fmt.Println("got", s)
		}
	}
	if p, err := os.FindProcess(os.Getpid()); err != nil || p.Signal(os.Interrupt) != nil {
		fmt.Println("no signal", err)
	}
	fmt.Println(<-c)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	<-ctx.Done()
	stop()
	fmt.Println(context.Cause(ctx) != nil)
	signal.Ignore(syscall.SIGUSR1)
	_ = syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	signal.Reset()
	fmt.Println("end")
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	select {}
}

type node struct{ next *node }

//go:noinline
func deref(n *node) *node { return n.next.next }

func try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			err = r
		default:
			err = fmt.Errorf("%v", r)
		}
	}()
	f()
	return nil
}

func recovered() {
	zero := 0
	for range 3 {
		fmt.Println(try(func() { deref(&node{}) }))
		fmt.Println(try(func() { fmt.Println(1 / zero) }))
		fmt.Println(try(func() { fmt.Println([]int{1}[zero+1]) }))
	}
	var wg sync.WaitGroup
	var n atomic.Int32
	for range 8 {
		wg.Go(func() {
			for range 5 {
				var e runtime.Error
				if errors.As(try(func() { deref(&node{}) }), &e) {
					n.Add(1)
				}
			}
		})
	}
	wg.Wait()
	fmt.Println(n.Load())
}

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) count() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

func collect() {
	debug.SetGCPercent(1)
	var wg sync.WaitGroup
	var sum atomic.Int64
	for range 4 {
		wg.Go(func() {
			for range 5 {
				sum.Add(int64(grow(12).count()))
				b := bytes.Repeat([]byte("x"), 1<<16)
				sum.Add(int64(bytes.Count(b, []byte("x"))))
			}
		})
	}
	wg.Wait()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println(sum.Load(), m.NumGC > 3)
}

func preempt() {
	var stop atomic.Bool
	for range 4 {
		go func() {
			n := 0
			for { // without a call: only a signal ends its turn
				n++
				if n == 0 {
					stop.Store(true)
				}
			}
		}()
	}
	for range 5 {
		runtime.GC()
	}
	done := make(chan int)
	go func() { done <- 1 }()
	fmt.Println("collected", <-done)
}

func threads() {
	var wg sync.WaitGroup
	var n atomic.Int32
	for range 100 {
		wg.Go(func() {
			runtime.LockOSThread() // not unlocked: the thread ends with it
			time.Sleep(5 * time.Millisecond)
			n.Add(1)
		})
	}
	wg.Wait()
	fmt.Println("locked", n.Load())
	for range 50 { // the system calls block: a thread each
		wg.Go(func() {
			t := syscall.Timespec{Nsec: 20e6}
			_ = syscall.Nanosleep(&t, nil)
			n.Add(1)
		})
	}
	wg.Wait()
	fmt.Println("blocked", n.Load())
}

func pipes() {
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	got := make(chan int)
	go func() {
		n := 0
		b := make([]byte, 1000)
		for {
			k, err := r.Read(b)
			n += k
			if err != nil {
				got <- n
				return
			}
		}
	}()
	for range 300 {
		if _, err := w.Write(make([]byte, 1777)); err != nil {
			fmt.Println(err)
		}
	}
	w.Close()
	fmt.Println(<-got)
	r.Close()
	r, w, _ = os.Pipe()
	fmt.Println(r.SetReadDeadline(time.Now().Add(20 * time.Millisecond)))
	_, err = r.Read(make([]byte, 1))
	fmt.Println(errors.Is(err, os.ErrDeadlineExceeded))
	go func() {
		time.Sleep(10 * time.Millisecond)
		r.Close()
	}()
	r.SetReadDeadline(time.Time{})
	_, err = r.Read(make([]byte, 1))
	fmt.Println(errors.Is(err, os.ErrClosed))
	w.Close()
}

func execNothing() {
	fmt.Println(exec.Command("/no/such/program").Run())
}
