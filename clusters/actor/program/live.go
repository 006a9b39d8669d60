//go:build linux

package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

// process is the container's process.
type process struct {
	*running
	*journal
	script *script.Script
	life   *script.Process
	// ended gets a word when a hook has ended that ends the process.
	ended chan string
}

// live is the life of a container's process, from its start to its exit code.
func live() int {
	// The kernel keeps signals without a handler from the first process of a container, so the handlers come first.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGCHLD)
	start, at := monotonic(), time.Now().UTC()

	s, err := script.Parse(os.Getenv(script.Variable))
	if err != nil {
		return broken(err)
	}
	r, err := enter(s, start)
	if err != nil {
		return broken(err)
	}
	j, err := openJournal(s, r.run, os.Stdout)
	if err != nil {
		return broken(err)
	}
	p := &process{running: r, journal: j, script: s, life: s.Life(r.run), ended: make(chan string, 16)}
	p.write(script.Entry{At: at, Mono: int64(start), What: script.Started})
	if err := p.serve(); err != nil {
		return p.problem(err)
	}
	return p.wait(signals)
}

// age is how long the process has lived.
func (r *running) age() time.Duration { return monotonic() - r.Start }

// wait lets the process live until its time is over, it has been stopped, or a hook ends it, whichever comes first.
func (p *process) wait(signals <-chan os.Signal) int {
	var natural, stop <-chan time.Time
	if p.life.For != script.Forever {
		natural = time.After(time.Duration(p.life.For) - p.age())
	}
	stopped := false
	for {
		select {
		case <-natural:
			if p.life.OOMKilled {
				return p.outgrow()
			}
			return p.exit(p.life.ExitCode, "its time is over")
		case <-stop:
			return p.exit(p.life.OnStop.ExitCode, "it was stopped")
		case why := <-p.ended:
			return p.exit(p.life.OnStop.ExitCode, why)
		case s := <-signals:
			switch s {
			case syscall.SIGCHLD:
				reap()
			case syscall.SIGUSR1:
				go p.awaitHook()
			default:
				p.write(script.Entry{What: script.StopSignal, Signal: signalName(s)})
				if !stopped && !p.life.OnStop.Ignore {
					stop = time.After(time.Duration(p.life.OnStop.After))
				}
				stopped = true
			}
		}
	}
}

func (p *process) exit(code int32, why string) int {
	p.write(script.Entry{What: script.Exit, ExitCode: &code, Note: why})
	return int(code)
}

func signalName(s os.Signal) string {
	names := map[os.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT", syscall.SIGQUIT: "SIGQUIT", syscall.SIGHUP: "SIGHUP"}
	return names[s]
}

// reap takes the exit status of every dead child. The actor starts none, but the first process of a container inherits
// those whose parents are gone.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err != syscall.EINTR && pid <= 0 {
			return
		}
	}
}

// endingFile names the hook that ends the process: its content is the number of the hook's process.
const endingFile = "ending"

// awaitHook waits until the hook that sent SIGUSR1 is gone: if the container's process exited before it, the kernel would
// kill the hook, and the kubelet would see one that failed.
func (p *process) awaitHook() {
	const patience, pause = 5 * time.Second, time.Millisecond
	text, err := os.ReadFile(filepath.Join(home(p.script), endingFile))
	hook, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || convErr != nil {
		p.problem(fmt.Errorf("a hook asked the process to end, but did not say which hook: %q", text))
		return
	}
	for begin := monotonic(); monotonic()-begin < patience && syscall.Kill(hook, 0) == nil; {
		time.Sleep(pause)
	}
	p.ended <- "a hook ended it"
}

// outgrow uses memory until the kernel kills the process. It gives up at twice the limit: then nobody enforces it.
func (p *process) outgrow() int {
	p.write(script.Entry{What: script.Allocating})
	const step, page = 1 << 20, 4096
	var kept [][]byte
	for used := int64(0); used < 2*p.script.MemoryLimit; used += step {
		block := make([]byte, step)
		for i := 0; i < step; i += page {
			block[i] = 1
		}
		kept = append(kept, block)
	}
	return p.problem(fmt.Errorf("the process uses %d MiB and was not killed; its limit is %d bytes", len(kept), p.script.MemoryLimit))
}
