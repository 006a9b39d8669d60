package cri

import (
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Signal sends a signal to the process of a container of the Pod with the UID from outside the kubelet. Without a process it does nothing.
func (s *Service) Signal(uid, name string, signal sim.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.containers) - 1; i >= 0; i-- {
		c := s.containers[i]
		if c.pod != uid || c.name != name || c.state != runtimeapi.ContainerState_CONTAINER_RUNNING {
			continue
		}
		s.event(c, trace.OutsideSignal, Event{Reason: string(signal)})
		if signal == sim.SignalKill {
			s.end(c, killed, false)
		} else {
			s.signal(c, signal)
		}
		return
	}
}

// LoseSandbox ends the newest sandbox of the Pod with the UID. The processes in it go on, but nothing can be made or started in it any
// more.
func (s *Service) LoseSandbox(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.sandboxes) - 1; i >= 0; i-- {
		box := s.sandboxes[i]
		if box.uid() != uid {
			continue
		}
		if box.ready {
			box.ready = false
			s.hooks.Event(Event{Kind: trace.SandboxStopped, Pod: uid})
		}
		return
	}
}

// lost reports whether a container's sandbox is not ready any more. The lock is held.
func (s *Service) lost(sandbox string) bool {
	box, err := s.findSandbox(sandbox)
	return err != nil || !box.ready
}

// Crash ends all processes and sandboxes at once. The runtime is away for a while and dates their ends when it is back.
func (s *Service) Crash(down time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.containers {
		if c.state != runtimeapi.ContainerState_CONTAINER_RUNNING {
			continue
		}
		s.endFor(c, lostExitCode, "Unknown")
		c.finishedAt = c.finishedAt.Add(down)
	}
	for _, box := range s.sandboxes {
		if box.ready {
			box.ready = false
			s.hooks.Event(Event{Kind: trace.SandboxStopped, Pod: box.uid()})
		}
	}
}

// lostExitCode is what containerd shows of a process that was lost.
const lostExitCode = 255
