package sim

import (
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The Pod's status as the kubelet computes it from a snapshot of the runtime. kubelet/kubelet_pods.go:
// generateAPIPodStatus, convertToAPIContainerStatuses.

// startedState is the API's *bool `started`.
type startedState uint8

const (
	startedUnset startedState = iota
	startedFalse
	startedTrue
)

// containerStatus is the API's status of one container with what the kubelet reads back from it.
type containerStatus struct {
	trace.ContainerStatus
	started   startedState
	startedAt trace.Instant // of the running process
	message   startReason   // tells apart waiting states of the same reason
	id        int32         // the run whose record it names, and one more; 0 for none
	size      size          // allocatedResources, which a trace does not show
}

// absent is the status of a container that the Pod does not have yet.
var absent = containerStatus{ContainerStatus: trace.ContainerStatus{State: trace.ContainerState{Run: none}, Last: trace.ContainerState{Run: none}}}

// hasID reports whether the status names a container in the runtime.
func (s *containerStatus) hasID() bool { return s.State.Run >= 0 }

// podStatus is one computed status.
type podStatus struct {
	phase      trace.Phase
	reason     string
	message    string
	conditions [trace.DisruptionTarget + 1]trace.Condition
	count      int  // of conditions
	address    bool // the Pod's, which a trace does not show
	// noteLast: the API server appended the condition DisruptionTarget; the kubelet puts it first, which alone is a new version.
	// status_manager.go: mergePodStatus.
	noteLast   bool
	containers []containerStatus
}

// The reasons of the default waiting state, and of a container that nobody knows the end of.
const (
	reasonPodInitializing   = "PodInitializing"
	reasonContainerCreating = "ContainerCreating"
	reasonStatusUnknown     = "ContainerStatusUnknown"
	reasonOOM               = "OOMKilled"
	reasonDeadline          = "DeadlineExceeded"
	messageDeadline         = "Pod was active on the node longer than the specified deadline"
)

// generateStatus computes the status. terminal says that no container will start any more. The result is valid until
// the next call.
func (m *machine) generateStatus(snap *snapshot, final bool) *podStatus {
	old, s := &m.status.current, &m.status.scratch
	s.count, s.noteLast, s.address = 0, false, snap.address
	restarting := m.kubelet.RestartAll && m.askedToRestartAll(snap, old)
	for i := range m.containers {
		if !m.has(&m.containers[i]) {
			s.containers[i] = absent
			continue
		}
		m.convertContainer(&s.containers[i], &old.containers[i], i, snap, restarting)
	}
	s.phase = m.phase(s, snap, final)
	if !terminal(s.phase) && terminal(old.phase) {
		s.phase = old.phase
	}
	s.reason, s.message = "", ""
	if s.phase == old.phase {
		s.reason, s.message = old.reason, old.message
	}
	if m.pastDeadline() {
		s.phase, s.reason, s.message = trace.PhaseFailed, reasonDeadline, messageDeadline
	}
	if shown := m.worker.copy.phase; terminal(shown) {
		s.phase = shown // the reason stays
	}
	for i := range m.regular {
		m.probeFields(&s.containers[i], i)
	}
	m.conditions(s, snap, restarting)
	return s
}

// convertContainer is convertToAPIContainerStatuses for one container.
func (m *machine) convertContainer(s, old *containerStatus, i int, snap *snapshot, restarting bool) {
	c := &m.containers[i]
	waiting := trace.ContainerState{Kind: trace.StateWaiting, Reason: reasonContainerCreating, Run: none}
	if m.inits > 0 {
		waiting.Reason = reasonPodInitializing
	}
	records := snap.of(i)
	switch {
	case len(records) > 0:
		*s = m.convertRecord(c, &records[0], old)
		if len(records) > 1 {
			s.Last = stateOf(&records[1])
		}
	case old.Present && old.State.Kind == trace.StateTerminated:
		*s = *old
		m.lostRecord(s, old, restarting)
	default:
		*s = containerStatus{ContainerStatus: trace.ContainerStatus{Present: true, State: waiting}}
		if old.Present {
			s.Last, s.Restarts = old.Last, old.Restarts
			m.lostRecord(s, old, restarting)
		}
	}
	if len(records) == 0 && m.kubelet.LostInitCompleted && c.role == trace.RoleInit && s.State.Kind == trace.StateWaiting && m.mainsBegan(snap) {
		s.State = trace.ContainerState{Kind: trace.StateTerminated, Reason: "Completed", Run: none}
		return
	}
	m.overrideWaiting(s, c, snap)
}

// convertRecord is the closure convertContainerStatus.
func (m *machine) convertRecord(c *container, r *recordView, old *containerStatus) containerStatus {
	s := containerStatus{ContainerStatus: trace.ContainerStatus{Present: true, State: stateOf(r), Restarts: c.attempt(r.run)}, id: r.run + 1}
	if m.kubelet.Resize {
		s.size = m.size(c)
	}
	if m.kubelet.RestartAll {
		s.Restarts = max(s.Restarts, old.Restarts)
		if r.state == recordRunning && old.State.Kind == trace.StateTerminated && old.Restarts >= c.attempt(r.run) {
			s.Restarts = old.Restarts + 1
		}
	}
	if m.kubelet.CarryLastState {
		switch {
		case old.id != r.run+1 && old.State.Kind == trace.StateTerminated:
			s.Last = old.State
		case old.Last.Kind == trace.StateTerminated:
			s.Last = old.Last
		}
	}
	if r.state == recordRunning {
		s.startedAt = r.startedAt
		if m.kubelet.CarryStarted {
			s.started = old.started
		}
	}
	return s
}

func stateOf(r *recordView) trace.ContainerState {
	switch r.state {
	case recordRunning:
		return trace.ContainerState{Kind: trace.StateRunning, Run: r.run}
	case recordExited:
		return trace.ContainerState{Kind: trace.StateTerminated, Reason: r.reason, ExitCode: r.exitCode, Run: r.run}
	}
	return trace.ContainerState{Kind: trace.StateWaiting, Run: r.run}
}

// lostRecord handles a container that has no record but had a status.
func (m *machine) lostRecord(s, old *containerStatus, restarting bool) {
	if restarting && old.State.Kind != trace.StateWaiting {
		s.State.Kind, s.State.Reason, s.State.ExitCode = trace.StateWaiting, reasonRestartingAll, 0
		s.Last = trace.ContainerState{Kind: trace.StateTerminated, Reason: reasonRestartingAll, ExitCode: exitSIGKILL, Run: none}
		s.Restarts = old.Restarts + 1
		return
	}
	if old.State.Kind != trace.StateRunning || s.Last.Kind == trace.StateTerminated {
		return
	}
	s.Last = unknownState()
	if !m.worker.copy.deleting {
		s.Restarts++
	}
}

// unknownState is the end of a container that nobody saw.
func unknownState() trace.ContainerState {
	return trace.ContainerState{Kind: trace.StateTerminated, Reason: reasonStatusUnknown, ExitCode: exitSIGKILL, Run: none}
}

// overrideWaiting shows a container whose start failed as waiting with the reason of the failure, if it will be started
// again. Init containers that ended with exit code 0 are left alone, sidecars among them.
func (m *machine) overrideWaiting(s *containerStatus, c *container, snap *snapshot) {
	r := snap.newest(c.position)
	if c.position < m.inits && r != nil && r.state == recordExited && r.exitCode == 0 {
		return
	}
	if c.reason.reason == "" || !m.shouldRestart(c, r) {
		return
	}
	if s.State.Kind == trace.StateTerminated {
		s.Last = s.State
	}
	run := s.State.Run
	s.State = trace.ContainerState{Kind: trace.StateWaiting, Reason: c.reason.reason, Run: run}
	s.message = c.reason
}

// probeFields sets started and ready. prober_manager.go: UpdatePodStatus.
func (m *machine) probeFields(s *containerStatus, i int) {
	c := &m.containers[i]
	started := m.isStarted(s, i)
	s.started, s.Started = startedFalse, started
	if started {
		s.started = startedTrue
	}
	if c.role == trace.RoleInit {
		// It is never taken back: a status that was kept for want of a record keeps it, whatever state is shown now.
		s.Ready = s.Ready || s.State.Kind == trace.StateTerminated && s.State.ExitCode == 0
		return
	}
	if !started {
		return // a status that was kept for want of a record keeps whether it was ready
	}
	s.Ready = false
	if result, _, ok := m.probeResult(i, probeReadiness, s.State.Run); ok && result == resultSuccess {
		s.Ready = true
		return
	}
	s.Ready = m.findWorker(i, probeReadiness) == nil
	if !s.Ready {
		m.triggerReadiness(i)
	}
	if m.kubelet.CarryStarted && m.outlived(s) {
		m.keepReady(s, i)
	}
}

// keepReady is prober_manager.go: setReadyStateOnKubeletRestart: a container that was ready before the kubelet started stays so until its
// first probe, if the Pod was ready. 1.35.
func (m *machine) keepReady(s *containerStatus, i int) {
	if _, _, probed := m.probeResult(i, probeReadiness, s.State.Run); !probed {
		s.Ready = true
	}
	if m.containers[i].spec.Readiness != nil && !m.worker.copy.ready {
		s.Ready = false
	}
}

// isStarted is prober_manager.go: isContainerStarted.
func (m *machine) isStarted(s *containerStatus, i int) bool {
	if s.State.Kind != trace.StateRunning {
		return false
	}
	if result, _, ok := m.probeResult(i, probeStartup, s.State.Run); ok {
		return result == resultSuccess
	}
	if m.kubelet.CarryStarted && s.started == startedTrue {
		return true
	}
	return m.findWorker(i, probeStartup) == nil
}

// terminal reports whether a phase is final.
func terminal(p trace.Phase) bool { return p == trace.PhaseSucceeded || p == trace.PhaseFailed }

// mainShows is container/helpers.go: HasAnyRegularContainerStarted: a main that the API shows running or terminated.
func (m *machine) mainShows(s *podStatus) bool {
	for i := m.inits; i < m.regular; i++ {
		if k := s.containers[i].State.Kind; k == trace.StateRunning || k == trace.StateTerminated {
			return true
		}
	}
	return false
}

// phase is kubelet_pods.go: getPhase.
func (m *machine) phase(s *podStatus, snap *snapshot, final bool) trace.Phase {
	n := m.countForPhase(s)
	if n.failedInit > 0 && (m.kubelet.RestartRules || m.scenario.Pod.RestartPolicy == RestartNever) {
		return trace.PhaseFailed
	}
	switch {
	case m.initPends(&n, s, snap), n.waiting > 0:
		return trace.PhasePending
	case n.running > 0:
		return trace.PhaseRunning
	case final && !m.scenario.Pod.Static:
		if n.stopped == n.succeeded {
			return trace.PhaseSucceeded
		}
		return trace.PhaseFailed
	case n.restartable > 0:
		return trace.PhaseRunning
	case n.stopped == n.succeeded:
		return trace.PhaseSucceeded
	}
	return trace.PhaseFailed
}

// phaseCounts are the counters of getPhase.
type phaseCounts struct {
	pendingInit, pendingSidecar, failedInit int
	running, waiting, stopped, succeeded    int
	restartable                             int // stopped mains that will be started again
}

func (m *machine) countForPhase(s *podStatus) phaseCounts {
	n := phaseCounts{}
	for i := range m.inits {
		st, c := &s.containers[i], &m.containers[i]
		if c.role == trace.RoleSidecar {
			n.countSidecar(st)
		} else {
			n.countInit(m, c, st)
		}
	}
	for i := m.inits; i < m.regular; i++ {
		n.countMain(m, &m.containers[i], &s.containers[i])
	}
	return n
}

func (n *phaseCounts) countSidecar(s *containerStatus) {
	switch s.State.Kind {
	case trace.StateRunning:
		// Before 1.35 `started` is not known yet when the phase is computed, so every running sidecar counts.
		if s.started != startedTrue {
			n.pendingSidecar++
		}
		n.running++
	case trace.StateWaiting:
		if s.Last.Kind != trace.StateTerminated {
			n.pendingSidecar++
			n.waiting++
		}
	}
}

func (n *phaseCounts) countInit(m *machine, c *container, s *containerStatus) {
	end := s.State
	if end.Kind == trace.StateWaiting {
		end = s.Last
	}
	switch {
	case end.Kind != trace.StateTerminated:
		n.pendingInit++
	case end.ExitCode != 0 && !(m.kubelet.RestartRules && (m.restartsAfter(c, end.ExitCode) || m.endedToRestart(&end))):
		n.failedInit++
	}
}

func (n *phaseCounts) countMain(m *machine, c *container, s *containerStatus) {
	end := s.State
	switch s.State.Kind {
	case trace.StateRunning:
		n.running++
		return
	case trace.StateWaiting:
		if s.Last.Kind != trace.StateTerminated {
			n.waiting++
			return
		}
		end = s.Last
	case trace.StateTerminated:
		if end.ExitCode == 0 {
			n.succeeded++
		}
	}
	n.stopped++
	if m.restartsAfter(c, end.ExitCode) || m.endedToRestart(&end) {
		n.restartable++
	}
}

// initPends says whether the init containers keep the Pod in phase Pending.
func (m *machine) initPends(n *phaseCounts, s *podStatus, snap *snapshot) bool {
	switch m.kubelet.PendingRule {
	case gates.PendingUntilMainShows:
		return n.pendingInit+n.pendingSidecar > 0 && !m.mainShows(s)
	case gates.PendingSidecarUntilMainShows:
		return n.pendingInit > 0 || n.pendingSidecar > 0 && !m.mainShows(s)
	}
	if n.pendingInit > 0 || n.pendingSidecar == 0 {
		return n.pendingInit > 0
	}
	for i := m.inits; i < m.regular; i++ {
		if snap.active(i) != nil {
			return false
		}
	}
	return true
}
