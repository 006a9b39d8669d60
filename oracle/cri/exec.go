package cri

import (
	"context"
	"errors"
	"fmt"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	utilexec "k8s.io/utils/exec"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The commands by which the runtime knows what an exec is: the first word says probe
// or hook, the second which one.
const (
	CommandProbe = "probe"
	CommandHook  = "hook"
)

// ExecSync plays one probe or one hook.
func (s *Session) ExecSync(ctx context.Context, id string, command []string, timeout time.Duration) ([]byte, []byte, error) {
	s.alive()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	c, err := s.find(id)
	if err == nil && c.state != runtimeapi.ContainerState_CONTAINER_RUNNING {
		err = fmt.Errorf("container %q is not running", id)
	}
	s.mu.Unlock()
	if err == nil && len(command) != 2 {
		err = fmt.Errorf("unknown command %q", command)
	}
	if err != nil {
		return nil, nil, err
	}
	if command[0] == CommandHook {
		return nil, nil, s.hook(ctx, c, command[1])
	}
	return nil, nil, s.probe(ctx, c, command[1], timeout)
}

// wait lets d pass. It ends early, with the error that the caller shall see, if the
// process ends or the caller gives up.
func (c *container) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.ended:
		return exit(killed)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func exit(code int) error {
	return utilexec.CodeExitError{Err: fmt.Errorf("command exited with %d", code), Code: code}
}

func (s *Session) probe(ctx context.Context, c *container, probe string, timeout time.Duration) error {
	begin := time.Now()
	lists := map[string][]sim.Answer{"startup": c.run.Startup, "readiness": c.run.Readiness, "liveness": c.run.Liveness}
	found := answer(lists[probe], begin.Sub(c.startedAt))
	takes := c.script.latency.Exec + found.Takes
	late := timeout > 0 && takes > timeout
	if late {
		takes = timeout
	}
	err := c.wait(ctx, takes)
	s.alive()
	call := ProbeCall{Pod: c.pod, Container: c.name, Run: int32(c.attempt), Probe: probe, Begin: begin, End: time.Now(), Result: "success"}
	switch {
	case err != nil:
		call.Result = "ended"
	case late:
		call.Result, err = "timeout", exit(killed)
	case found.Result == sim.AnswerFailure:
		call.Result, err = "failure", exit(1)
	case found.Result == sim.AnswerError:
		call.Result, err = "error", errors.New("scripted probe error")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.Probe(call)
	return err
}

func (s *Session) hook(ctx context.Context, c *container, hook string) error {
	kinds := [3]trace.Kind{trace.PostStartBegin, trace.PostStartEnd, trace.PostStartFailed}
	script := c.run.PostStart
	if hook == "prestop" {
		kinds = [3]trace.Kind{trace.PreStopBegin, trace.PreStopEnd, trace.PreStopFailed}
		script = c.run.PreStop
	}
	s.mu.Lock()
	s.event(c, kinds[0], Event{})
	s.mu.Unlock()

	err := c.wait(ctx, c.script.latency.Exec+script.Takes)
	s.alive()

	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && script.Fails {
		err = exit(1)
	}
	kind := kinds[1]
	if err != nil {
		kind = kinds[2]
	}
	s.event(c, kind, Event{})
	if script.EndsProcess {
		s.end(c, c.run.OnStop.ExitCode, false)
	}
	return err
}
