package nodeimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// command is one program to run.
type command struct {
	args   []string  // the program and its arguments
	dir    string    // where it runs; "" is here
	env    []string  // NAME=value, in addition to the environment
	stdin  io.Reader // nil is empty
	stdout io.Writer // where its result goes; nil counts it among what the program says
	said   *tail     // what it says, for errors and for progress; nil makes a new one
	kill   bool      // whether it is killed rather than interrupted when the build is cancelled
}

// runner runs a command to its end. It returns a *CommandError if the command fails. Tests have their own.
type runner func(context.Context, command) error

// CommandError is a command that failed.
type CommandError struct {
	Args []string
	Said []string // its last lines
	Err  error
}

// Error is the command line, its failure, and below it, indented, what it said last.
func (e *CommandError) Error() string {
	text := fmt.Sprintf("running %q: %v", commandLine(e.Args), e.Err)
	for _, line := range e.Said {
		text += "\n    " + line
	}
	return text
}

// longestWord is how long an argument may be to be shown whole.
const longestWord = 80

// commandLine joins a program and its arguments, the longest of them cut.
func commandLine(args []string) string {
	var words []string
	for _, word := range args {
		if len(word) > longestWord && !strings.Contains(word, "/") || len(word) > 2*longestWord {
			word = word[:longestWord] + "…"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// Unwrap returns the error of the process, or that of the context.
func (e *CommandError) Unwrap() error { return e.Err }

// patience is how long an interrupted program has to clean up after itself before it is killed.
const patience = 10 * time.Second

// run is the runner of real builds.
func run(ctx context.Context, c command) error {
	if c.said == nil {
		c.said = &tail{}
	}
	process := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	process.Dir, process.Stdin = c.dir, c.stdin
	process.Env = append(os.Environ(), c.env...)
	process.Stdout, process.Stderr = c.stdout, c.said
	if c.stdout == nil {
		process.Stdout = c.said
	}
	if !c.kill {
		process.Cancel = func() error { return process.Process.Signal(os.Interrupt) }
	}
	process.WaitDelay = patience
	err := process.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return &CommandError{Args: c.args, Said: c.said.lines(), Err: err}
	}
	return nil
}

// output runs a command and returns what it printed, without the space around it.
func output(ctx context.Context, run runner, c command) (string, error) {
	var out bytes.Buffer
	c.stdout = &out
	err := run(ctx, c)
	return strings.TrimSpace(out.String()), err
}

// missing reports whether a command failed because its program is not installed.
func missing(err error) bool { return errors.Is(err, exec.ErrNotFound) }

// tailLines is how many lines of a failed program an error shows.
const tailLines = 15

// tail keeps the last lines that were written to it. It may be read while it is written.
type tail struct {
	lock    sync.Mutex
	kept    []string
	partial []byte
}

// Write takes the output of a program. A carriage return ends a line as well: progress bars use it.
func (t *tail) Write(p []byte) (int, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.partial = append(t.partial, p...)
	for {
		i := bytes.IndexAny(t.partial, "\r\n")
		if i < 0 {
			return len(p), nil
		}
		t.keep(string(t.partial[:i]))
		t.partial = t.partial[i+1:]
	}
}

func (t *tail) keep(line string) {
	if line = strings.TrimSpace(line); line == "" {
		return
	}
	t.kept = append(t.kept, line)
	if len(t.kept) > tailLines {
		t.kept = append(t.kept[:0], t.kept[1:]...)
	}
}

// lines returns the last lines, the unfinished one included.
func (t *tail) lines() []string {
	t.lock.Lock()
	defer t.lock.Unlock()
	lines := append([]string(nil), t.kept...)
	if rest := strings.TrimSpace(string(t.partial)); rest != "" {
		lines = append(lines, rest)
	}
	return lines
}

// last returns the newest line, or "".
func (t *tail) last() string {
	if lines := t.lines(); len(lines) > 0 {
		return lines[len(lines)-1]
	}
	return ""
}
