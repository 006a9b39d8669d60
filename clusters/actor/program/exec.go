//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

// call finds the process that an exec belongs to.
func call() (*process, error) {
	s, err := script.Parse(os.Getenv(script.Variable))
	if err != nil {
		return nil, err
	}
	r, err := find(s)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(s, r.run, logOf(r.PID))
	if err != nil {
		return nil, err
	}
	return &process{running: r, journal: j, script: s, life: s.Life(r.run)}, nil
}

// execProbe is a probe by exec. The answer is that of the moment in which the command began.
func execProbe(probe script.Probe) int {
	now, at := monotonic(), time.Now().UTC()
	p, err := call()
	if err != nil {
		return broken(err)
	}
	answer := script.AnswerAt(p.life.Answers(probe), now-p.Start)
	began := p.write(script.Entry{At: at, Mono: int64(now), What: script.ProbeBegin, Name: string(probe), Via: "exec"})
	time.Sleep(time.Duration(answer.Takes))
	p.write(script.Entry{What: script.ProbeEnd, Name: string(probe), Via: "exec", Began: int64(began), Result: answer.Result})
	switch answer.Result {
	case script.Failure:
		fmt.Println("the script says that the probe fails")
		return 1
	case script.Errs:
		return p.problem(fmt.Errorf("the script says that the %s probe cannot be carried out, which an exec cannot play", probe))
	}
	return 0
}

// execHook is a hook by exec.
func execHook(hook script.Hook) int {
	now, at := monotonic(), time.Now().UTC()
	p, err := call()
	if err != nil {
		return broken(err)
	}
	does := p.life.Hook(hook)
	began := p.write(script.Entry{At: at, Mono: int64(now), What: hook.Begin(), Via: "exec"})
	time.Sleep(time.Duration(does.Takes))
	p.write(hookEnd(hook, "exec", began, does))
	if does.EndsProcess {
		if err := p.end(); err != nil {
			return p.problem(err)
		}
	}
	if does.Fails {
		fmt.Println("the script says that the hook fails")
		return 1
	}
	return 0
}

// end asks the container's process to exit as soon as this one is gone.
func (p *process) end() error {
	file := filepath.Join(home(p.script), endingFile)
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o666); err != nil {
		return fmt.Errorf("ending the process: %w", err)
	}
	if err := syscall.Kill(p.running.PID, syscall.SIGUSR1); err != nil {
		return fmt.Errorf("ending the process: %w", err)
	}
	return nil
}
