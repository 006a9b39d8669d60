package sim

import (
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The Pod's conditions. kubelet/status/generate.go.

// Reasons of conditions.
const (
	reasonNotInitialized = "ContainersNotInitialized"
	reasonNotReady       = "ContainersNotReady"
	reasonPodCompleted   = "PodCompleted"
	reasonPodFailed      = "PodFailed"
)

// conditions fills the conditions of a status in the kubelet's order.
func (m *machine) conditions(s *podStatus, snap *snapshot, restarting bool) {
	if m.kubelet.ReadyToStart != gates.ReadyToStartOff {
		c := trace.Condition{Type: trace.PodReadyToStartContainers, True: !snap.sandboxNeeded()}
		if !c.True {
			c.Reason = m.kubelet.ReadyToStartReason
		}
		s.add(c)
	}
	s.add(m.initializedCondition(s))
	ready := m.containersReady(s)
	s.add(trace.Condition{Type: trace.PodReady, True: ready.True, Reason: ready.Reason, Containers: ready.Containers})
	s.add(ready)
	s.add(trace.Condition{Type: trace.PodScheduled, True: true})
	m.restartingCondition(s, snap, restarting)
	m.keepDisruption(s)
}

func (s *podStatus) add(c trace.Condition) {
	s.conditions[s.count] = c
	s.count++
}

// put adds a condition or replaces the one of its type.
func (s *podStatus) put(c trace.Condition) {
	if old := s.condition(c.Type); old != nil {
		*old = c
		return
	}
	s.add(c)
}

func (s *podStatus) condition(t trace.ConditionType) *trace.Condition {
	for i := range s.count {
		if s.conditions[i].Type == t {
			return &s.conditions[i]
		}
	}
	return nil
}

// initializedCondition is GeneratePodInitializedCondition.
func (m *machine) initializedCondition(s *podStatus) trace.Condition {
	c := trace.Condition{Type: trace.PodInitialized, True: true}
	for i := range m.inits {
		st := &s.containers[i]
		if m.containers[i].role == trace.RoleSidecar && !st.Started || m.containers[i].role != trace.RoleSidecar && !st.Ready {
			c.Containers = c.Containers.With(i)
		}
	}
	switch {
	case s.phase == trace.PhaseSucceeded:
		c.Reason, c.Containers = reasonPodCompleted, 0
	case m.mainShows(s):
		c.Containers = 0
	case c.Containers != 0:
		if old := m.status.current.condition(trace.PodInitialized); m.kubelet.RestartAll && old != nil && old.True {
			c.Containers = 0
			break
		}
		c.True, c.Reason = false, reasonNotInitialized
	}
	return c
}

// containersReady is GenerateContainersReadyCondition.
func (m *machine) containersReady(s *podStatus) trace.Condition {
	c := trace.Condition{Type: trace.ContainersReady, True: true}
	for i := range m.regular {
		if m.containers[i].role != trace.RoleInit && !s.containers[i].Ready {
			c.Containers = c.Containers.With(i)
		}
	}
	switch {
	case s.phase == trace.PhaseSucceeded:
		return trace.Condition{Type: trace.ContainersReady, Reason: reasonPodCompleted}
	case s.phase == trace.PhaseFailed:
		return trace.Condition{Type: trace.ContainersReady, Reason: reasonPodFailed}
	case c.Containers != 0:
		c.True, c.Reason = false, reasonNotReady
	}
	return c
}
