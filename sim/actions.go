package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// What a sync decides to do, from the runtime status alone. kuberuntime/kuberuntime_manager.go: computePodActions.

// podActions is the plan of one SyncPod.
type podActions struct {
	killPod        bool
	createSandbox  bool
	startEphemeral []start
	startInit      []start
	startMain      []start
	kills          []kill
	resets         []reset
	resize         bool  // resources are changed, those of the Pod's cgroup at least
	updates        []int // running containers whose resources are changed in place
}

// start is one container to start, and why now.
type start struct {
	position int
	event    int32 // what opened the way, or none
	because  string
}

// kill is one running container to stop.
type kill struct {
	position int
	run      int32
	reason   killReason
	event    int32
	because  string
}

// killReason says why a container is stopped, as far as it decides the grace period.
type killReason uint8

const (
	killOther killReason = iota
	killStartup
	killLiveness
)

// computeActions fills the worker's plan. restartAll says that the Pod is marked for a restart of all its containers.
func (m *machine) computeActions(restartAll bool) {
	a, snap := &m.worker.sync.actions, &m.worker.snapshot
	*a = podActions{startEphemeral: a.startEphemeral[:0], startInit: a.startInit[:0], startMain: a.startMain[:0], kills: a.kills[:0], resets: a.resets[:0], updates: a.updates[:0]}
	if snap.sandboxNeeded() {
		a.killPod, a.createSandbox = true, true
	}
	if restartAll {
		m.resetAll(a, snap)
		return
	}
	if a.createSandbox {
		m.actionsForSandbox(a, snap)
		return
	}
	m.ephemeralActions(a, snap)
	initialized := false
	if m.legacyInit {
		initialized = m.legacyInitActions(a, snap)
	} else {
		initialized = m.initActions(a, snap)
	}
	if a.killPod || !initialized {
		return
	}
	m.mainActions(a, snap)
	a.resize = a.resize || m.resizesAtStart(a.startMain)
}

// actionsForSandbox decides what a Pod without a ready sandbox gets.
func (m *machine) actionsForSandbox(a *podActions, snap *snapshot) {
	again := snap.hasSandbox
	if m.scenario.Pod.RestartPolicy == RestartNever && again && m.anyRecord(snap, len(m.containers)) {
		a.createSandbox = false
		return
	}
	for i := m.inits; i < m.regular; i++ {
		if m.runsOnce(&m.containers[i]) && m.succeeded(i, snap) {
			continue
		}
		a.startMain = append(a.startMain, start{i, none, "the Pod has no init containers"})
	}
	if len(a.startMain) == 0 && m.mainsBegan(snap) {
		a.createSandbox = false
		return
	}
	if m.inits > 0 {
		a.startMain = a.startMain[:0]
		a.startInit = append(a.startInit, start{0, none, "it is the first init container"})
	}
}

// anyRecord reports whether one of the first containers has a record.
func (m *machine) anyRecord(snap *snapshot, containers int) bool {
	for i := range containers {
		if snap.newest(i) != nil {
			return true
		}
	}
	return false
}

// runsOnce reports whether a main that succeeded is left alone in a new sandbox.
func (m *machine) runsOnce(c *container) bool {
	if m.kubelet.RestartRules && c.policy != "" {
		return c.policy == RestartOnFailure
	}
	return m.scenario.Pod.RestartPolicy == RestartOnFailure
}

// succeeded is kuberuntime/helpers.go: containerSucceeded. Up to 1.31 a record that is not running counts whatever its
// state, and a Created one has exit code 0.
func (m *machine) succeeded(position int, snap *snapshot) bool {
	r := snap.newest(position)
	if r == nil || r.state == recordRunning || m.kubelet.RunOnceChecksState && r.state != recordExited {
		return false
	}
	return r.exitCode == 0
}

// mainsBegan is hasAnyRegularContainerCreated.
func (m *machine) mainsBegan(snap *snapshot) bool {
	for i := m.inits; i < m.regular; i++ {
		if snap.newest(i) != nil {
			return true
		}
	}
	return false
}

const wordsEdited = "its image was changed"

// mainActions looks at the mains of an initialized Pod.
func (m *machine) mainActions(a *podActions, snap *snapshot) {
	keep := 0
	for i := m.inits; i < m.regular; i++ {
		c := &m.containers[i]
		r := snap.newest(i)
		if r == nil || r.state != recordRunning {
			if m.shouldRestart(c, r) {
				a.startMain = append(a.startMain, m.mainStart(i, r))
			}
			continue
		}
		if m.edited(c, r) {
			a.startMain = append(a.startMain, start{i, m.object.event, "restart with another image"})
			a.kills = append(a.kills, kill{i, r.run, killOther, m.object.event, wordsEdited})
			continue
		}
		reason, event := m.probeKill(c, r)
		if reason == killOther && m.resizes(a, c) {
			a.startMain = append(a.startMain, start{i, m.object.event, "restart with other resources"})
			a.kills = append(a.kills, kill{i, r.run, killOther, m.object.event, wordsResized})
			continue
		}
		if reason == killOther {
			keep++
			continue
		}
		if m.mayRestart(c) {
			a.startMain = append(a.startMain, start{i, event, "restart after a failed probe"})
		}
		a.kills = append(a.kills, kill{i, r.run, reason, event, killWords(reason)})
	}
	if keep == 0 && len(a.startMain) == 0 {
		// The natural end of the Pod: sidecars are not restarted, but stopped.
		a.killPod = true
		a.startInit = a.startInit[:0]
	}
}

func (m *machine) mainStart(position int, r *recordView) start {
	switch {
	case r == nil:
		return start{position, m.initializedBy(), "the Pod is initialized"}
	case r.state == recordCreated:
		return start{position, r.event, "its last start failed"}
	}
	return start{position, r.event, "it ended and is restarted"}
}

// initializedBy is the event that completed initialization: the end of the last init container, or its start if it is
// a sidecar.
func (m *machine) initializedBy() int32 {
	if m.inits == 0 {
		return m.sandbox.event
	}
	return m.gateEvent(m.inits - 1)
}

// probeKill says whether a running container has failed its liveness or startup probe, in that order.
func (m *machine) probeKill(c *container, r *recordView) (killReason, int32) {
	if result, event, ok := m.probeResult(c.position, probeLiveness, r.run); ok && result == resultFailure {
		return killLiveness, event
	}
	if result, event, ok := m.probeResult(c.position, probeStartup, r.run); ok && result == resultFailure {
		return killStartup, event
	}
	return killOther, none
}

func killWords(reason killReason) string {
	return [...]string{killOther: "it is to be stopped", killStartup: "its startup probe failed", killLiveness: "its liveness probe failed"}[reason]
}

// mayRestart reports whether a container that is killed while it runs is started again: rules on exit codes do not count.
func (m *machine) mayRestart(c *container) bool {
	if m.kubelet.RestartRules && c.policy != "" {
		return c.policy != RestartNever
	}
	return m.scenario.Pod.RestartPolicy != RestartNever
}

// shouldRestart is container/helpers.go: ShouldContainerBeRestarted.
func (m *machine) shouldRestart(c *container, r *recordView) bool {
	switch {
	case m.worker.copy.deleting:
		return false
	case r == nil:
		return true
	case r.state == recordRunning:
		return false
	case r.state == recordCreated:
		return true
	}
	return m.restartsAfter(c, r.exitCode)
}

// gateEvent is the event by which the init container at a position let the next one pass.
func (m *machine) gateEvent(position int) int32 {
	c := &m.containers[position]
	r := c.newest()
	if r == nil {
		return none
	}
	if c.role == trace.RoleSidecar {
		if _, event, ok := m.probeResult(position, probeStartup, r.run); ok {
			return event
		}
	}
	return r.event
}
