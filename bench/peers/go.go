// go.go: the questions of this folder, to Go, on one processor.
//
// GOMAXPROCS is 1, as one run of bide is one thread.  Its goroutines grow their
// stacks, so that a parked one holds less than a page.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// As in bench.h.
const (
	yields     = 4000000
	spawns     = 1000000
	coldSpawns = 20000
	messages   = 2000000
	locks      = 4000000
	scopes     = 1000000
	lifetime   = 300 * time.Second
)

func processorTime() time.Duration {
	var use syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &use))
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

func each(began time.Duration, n int) float64 {
	return float64(processorTime()-began) / float64(n)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		os.Exit(1)
	}
}

func startAll(n int, body func(i int)) *sync.WaitGroup {
	var wait sync.WaitGroup
	wait.Add(n)
	for i := 0; i < n; i++ {
		go func(i int) {
			body(i)
			wait.Done()
		}(i)
	}
	return &wait
}

// ---- As in yield.c and spawn.c ---------------------------------------------

func yield(n int) float64 {
	count := yields / n
	wait := startAll(n, func(int) {
		for left := count; left > 0; left-- {
			runtime.Gosched()
		}
	})
	runtime.Gosched()
	began := processorTime()
	wait.Wait()
	return each(began, (count-1)*n)
}

func spawn(int) float64 {
	began := processorTime()
	for i := 0; i < spawns; i++ {
		done := make(chan struct{})
		go close(done)
		<-done
	}
	return each(began, spawns)
}

func coldSpawn(int) float64 {
	began := processorTime()
	wait := startAll(coldSpawns, func(int) {})
	result := each(began, coldSpawns)
	wait.Wait()
	return result
}

// ---- As in memory.c and timers.c -------------------------------------------

func resident() int {
	text, err := os.ReadFile("/proc/self/status")
	check(err)
	sum := 0
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) > 1 && (words[0] == "VmRSS:" || words[0] == "VmPTE:") {
			kib, err := strconv.Atoi(words[1])
			check(err)
			sum += kib * 1024
		}
	}
	return sum
}

func maps() int {
	text, err := os.ReadFile("/proc/self/maps")
	check(err)
	return strings.Count(string(text), "\n")
}

func whileParked(n int, measure func() int) int {
	gate := make(chan struct{})
	wait := startAll(n, func(int) { <-gate })
	time.Sleep(time.Millisecond)
	seen := measure()
	close(gate)
	wait.Wait()
	return seen
}

func memory(n int) float64 {
	before := resident()
	return float64(whileParked(n, resident)-before) / float64(n)
}

func mappings(n int) float64 {
	return float64(whileParked(n, maps))
}

func timers(n int) float64 {
	began := processorTime()
	startAll(n, func(i int) {
		time.Sleep(time.Duration(i*7919%1000+1) * time.Millisecond)
	}).Wait()
	return each(began, n) / 1e3
}

// ---- As in scope.c and cancel.c --------------------------------------------

func scope(int) float64 {
	outer, end := context.WithCancel(context.Background())
	defer end()
	began := processorTime()
	for i := 0; i < scopes; i++ {
		_, cancel := context.WithCancel(outer)
		cancel()
	}
	return each(began, scopes)
}

func deadline(int) float64 {
	outer, end := context.WithCancel(context.Background())
	defer end()
	began := processorTime()
	for i := 0; i < scopes; i++ {
		_, cancel := context.WithTimeout(outer, time.Second)
		cancel()
	}
	return each(began, scopes)
}

func cancel(n int) float64 {
	ctx, cancel := context.WithCancel(context.Background())
	wait := startAll(n, func(int) {
		own, end := context.WithTimeout(ctx, time.Hour)
		<-own.Done()
		end()
	})
	time.Sleep(time.Millisecond)
	began := processorTime()
	cancel()
	wait.Wait()
	return each(began, 1) / 1e6
}

// ---- As in chan.c, select.c and mutex.c ---------------------------------------

func channel(n int) float64 {
	c := make(chan int, n)
	began := processorTime()
	go func() {
		for i := 0; i < messages; i++ {
			c <- i
		}
		close(c)
	}()
	for range c {
	}
	return each(began, messages)
}

func selectOf8(n int) float64 {
	var c [8]chan int
	for i := range c {
		c[i] = make(chan int, n)
	}
	began := processorTime()
	if n == 0 {
		go func() {
			for i := 0; i < messages; i++ {
				c[i*5%8] <- i
			}
		}()
	}
	for i := 0; i < messages; i++ {
		if n > 0 {
			c[i*5%8] <- i
		}
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		case <-c[4]:
		case <-c[5]:
		case <-c[6]:
		case <-c[7]:
		}
	}
	return each(began, messages)
}

func mutex(n int) float64 {
	var lock sync.Mutex
	count := locks / n
	began := processorTime()
	startAll(n, func(int) {
		for left := count; left > 0; left-- {
			lock.Lock()
			if n > 1 {
				runtime.Gosched()
			}
			lock.Unlock()
		}
	}).Wait()
	return each(began, count*n)
}

// ---- As in echo.c ----------------------------------------------------------

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	time.AfterFunc(lifetime, func() { os.Exit(0) })
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return listener
}

func echoClient(sock net.Conn) {
	defer sock.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := sock.Read(buf)
		if err != nil {
			return
		}
		if _, err = sock.Write(buf[:n]); err != nil {
			return
		}
	}
}

func echo(int) float64 {
	listener := listen()
	for {
		sock, err := listener.Accept()
		check(err)
		go echoClient(sock)
	}
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Write([]byte("Hello, world\n"))
}

func serveHTTP(int) float64 {
	check(http.Serve(listen(), http.HandlerFunc(hello)))
	return 0
}

var questions = map[string]func(int) float64{
	"yield": yield, "spawn": spawn, "cold_spawn": coldSpawn,
	"memory": memory, "mappings": mappings, "timers": timers,
	"scope": scope, "deadline": deadline, "cancel": cancel,
	"chan": channel, "select": selectOf8, "mutex": mutex, "echo": echo, "http": serveHTTP,
}

func main() {
	runtime.GOMAXPROCS(1)
	n := 0
	if len(os.Args) > 2 {
		n, _ = strconv.Atoi(os.Args[2])
	}
	ask := questions[os.Args[1]]
	if ask == nil {
		check(fmt.Errorf("does not know the question '%s'", os.Args[1]))
	}
	fmt.Printf("%.3f\n", ask(n))
}
