//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

// journal writes lines to a file in the container's directory, and to the standard output of the container's process.
// Each line is one write, so that lines of several processes do not mix.
type journal struct {
	container string
	run       int
	file, log *os.File
}

// openJournal opens the journal of a run. The log is where lines go besides the file; nil means nowhere.
func openJournal(s *script.Script, run int, log *os.File) (*journal, error) {
	file, err := os.OpenFile(filepath.Join(home(s), script.JournalFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	return &journal{container: s.Container, run: run, file: file, log: log}, nil
}

// write writes one line and returns its instant on the monotonic clock. An entry that has no instant happens now.
func (j *journal) write(e script.Entry) time.Duration {
	if e.Mono == 0 {
		e.At, e.Mono = time.Now().UTC(), int64(monotonic())
	}
	e.Container, e.Run, e.PID = j.container, j.run, os.Getpid()
	line := e.Line()
	_, err := j.file.Write(line)
	if j.log != nil {
		_, logErr := j.log.Write(line)
		err = errors.Join(err, logErr)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "actor: writing the journal: %v; the line was %s", err, line)
	}
	return time.Duration(e.Mono)
}

// problem notes what the actor could not do, and returns the exit code for it.
func (j *journal) problem(err error) int {
	j.write(script.Entry{What: script.Problem, Note: err.Error()})
	return broken(err)
}

// logOf opens the standard output of another process if it is a pipe, as that of a container is. A file has no end that
// two processes share, so it is left alone.
func logOf(pid int) *os.File {
	name := fmt.Sprintf("/proc/%d/fd/1", pid)
	if info, err := os.Stat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return nil
	}
	log, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return nil // a process of another user; the file has every line
	}
	return log
}

// printJournal copies the file to standard output, for a reader outside the container.
func printJournal() int {
	s, err := script.Parse(os.Getenv(script.Variable))
	if err != nil {
		return broken(err)
	}
	file, err := os.Open(filepath.Join(home(s), script.JournalFile))
	if err != nil {
		return broken(err)
	}
	if _, err := io.Copy(os.Stdout, file); err != nil {
		return broken(err)
	}
	return 0
}
