package cri

import (
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// killed is the exit code of a process that SIGKILL ended.
const killed = 137

// container is one record of the runtime and, once started, the process in it.
type container struct {
	id, sandbox string
	pod         string // the Pod's UID
	name        string
	attempt     uint32
	script      *script
	config      *runtimeapi.ContainerConfig
	state       runtimeapi.ContainerState
	createdAt   time.Time
	log         string // the file, empty for none
	number      int    // of its process in the container's script

	// Of the process; valid once it was started.
	run        sim.Process
	startedAt  time.Time
	finishedAt time.Time
	exitCode   int32
	reason     string
	signalled  bool
	endsAt     time.Time     // the earliest end that is planned; zero for none
	ended      chan struct{} // closed at the end
}

// start begins the process's life. The service's lock is held.
func (s *Service) start(c *container) {
	c.run = c.script.life(c)
	c.state = runtimeapi.ContainerState_CONTAINER_RUNNING
	c.startedAt = time.Now()
	c.ended = make(chan struct{})
	s.event(c, trace.Running, Event{})
	if c.run.For != sim.Forever {
		s.plan(c, c.run.For, c.run.ExitCode, c.run.OOMKilled)
	}
}

// plan lets the process end after d, if it still runs then. The service's lock is held.
func (s *Service) plan(c *container, d time.Duration, code int32, oom bool) {
	at := time.Now().Add(d)
	if c.endsAt.IsZero() || at.Before(c.endsAt) {
		c.endsAt = at
	}
	time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.end(c, code, oom)
	})
}

// signal delivers the stop signal; a process reacts to the first one only. The service's lock is held.
func (s *Service) signal(c *container, signal sim.Signal) {
	if c.signalled || c.state != runtimeapi.ContainerState_CONTAINER_RUNNING {
		return
	}
	c.signalled = true
	if does := c.run.OnStop.On(signal); !does.Ignore {
		s.plan(c, does.After, does.ExitCode, false)
	}
}

// end ends the process, if it still runs. The service's lock is held.
func (s *Service) end(c *container, code int32, oom bool) {
	if c.state != runtimeapi.ContainerState_CONTAINER_RUNNING {
		return
	}
	reason := "Error"
	switch {
	case oom:
		reason = "OOMKilled"
	case code == 0:
		reason = "Completed"
	}
	s.endFor(c, code, reason)
}

// endFor ends a process that runs, for a reason. The service's lock is held.
func (s *Service) endFor(c *container, code int32, reason string) {
	c.state = runtimeapi.ContainerState_CONTAINER_EXITED
	c.finishedAt = time.Now()
	c.exitCode, c.reason = code, reason
	close(c.ended)
	s.event(c, trace.Exited, Event{ExitCode: code, Reason: c.reason})
}
