//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

// running is what a container's process leaves for the execs beside it: the file run-N of its directory.
type running struct {
	run int
	PID int
	// Ticks is when the kernel started the process, as in /proc/PID/stat. It tells this process from an earlier one of the
	// same number: every container's is number 1.
	Ticks string
	// Start is the instant of its start on the monotonic clock.
	Start time.Duration
}

// home is the container's own directory.
func home(s *script.Script) string { return filepath.Join(s.Directory, s.Container) }

const runPrefix = "run-"

// enter takes the next number of a run and writes its file. It is the first thing that a process does.
func enter(s *script.Script, start time.Duration) (*running, error) {
	if err := os.MkdirAll(home(s), 0o777); err != nil {
		return nil, fmt.Errorf("making the directory of the container: %w", err)
	}
	ticks, err := startTicks(os.Getpid())
	if err != nil {
		return nil, err
	}
	last, err := lastRun(s)
	if err != nil {
		return nil, err
	}
	r := running{run: last + 1, PID: os.Getpid(), Ticks: ticks, Start: start}
	text, err := json.Marshal(&r)
	if err != nil {
		return nil, err
	}
	for {
		file, err := os.OpenFile(runFile(s, r.run), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if errors.Is(err, fs.ErrExist) {
			r.run++
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("counting the runs: %w", err)
		}
		_, err = file.Write(text)
		return &r, errors.Join(err, file.Close())
	}
}

func runFile(s *script.Script, run int) string {
	return filepath.Join(home(s), runPrefix+strconv.Itoa(run))
}

// lastRun returns the number of the newest run, -1 for none.
func lastRun(s *script.Script) (int, error) {
	entries, err := os.ReadDir(home(s))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("counting the runs: %w", err)
	}
	last := -1
	for _, entry := range entries {
		number, isRun := strings.CutPrefix(entry.Name(), runPrefix)
		if n, err := strconv.Atoi(number); isRun && err == nil {
			last = max(last, n)
		}
	}
	return last, nil
}

// find returns the run that an exec belongs to. The process may be so young that it has not written its file: then the
// newest file is that of a dead run, or half written, and find looks again.
func find(s *script.Script) (*running, error) {
	const patience, pause = 10 * time.Second, 2 * time.Millisecond
	for begin := monotonic(); ; time.Sleep(pause) {
		r, err := newest(s)
		if err == nil {
			ticks, statErr := startTicks(r.PID)
			if statErr == nil && ticks == r.Ticks {
				return r, nil
			}
			err = fmt.Errorf("run %d is over", r.run)
		}
		if monotonic()-begin > patience {
			return nil, fmt.Errorf("no process of the container was found for %v: %w", patience, err)
		}
	}
}

func newest(s *script.Script) (*running, error) {
	last, err := lastRun(s)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(runFile(s, last))
	if err != nil {
		return nil, err
	}
	r := running{run: last}
	return &r, json.Unmarshal(text, &r)
}

// startTicks reads when the kernel started a process: field 22 of /proc/PID/stat. Only field 2, in parentheses, may hold blanks.
func startTicks(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const index = 22 - 3
	if len(fields) <= index {
		return "", fmt.Errorf("/proc/%d/stat has no start time", pid)
	}
	return fields[index], nil
}
