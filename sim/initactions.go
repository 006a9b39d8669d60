package sim

import (
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The two init algorithms.

// initActions is kuberuntime_container.go: computeInitContainerActions. It goes through the init containers from the
// last to the first, because records of completed ones may be gone, and reports whether the Pod is initialized.
func (m *machine) initActions(a *podActions, snap *snapshot) bool {
	if m.inits == 0 {
		return true
	}
	initialized := m.seed(snap)
	before := initialized // whether something after position i proves that i is done
	for i := m.inits - 1; i >= 0; i-- {
		c := &m.containers[i]
		r := m.initRecord(snap, i)
		if r == nil {
			if before && c.role == trace.RoleSidecar {
				a.startInit = append(a.startInit, start{i, none, "its record is gone"})
			}
			continue
		}
		if before && c.role != trace.RoleSidecar {
			continue
		}
		switch r.state {
		case recordCreated:
			if m.kubelet.RetryCreatedInit {
				a.startInit = append(a.startInit, start{i, r.event, "its last start failed"})
			}
		case recordRunning:
			if c.role == trace.RoleSidecar && m.runningSidecar(a, c, r, before) {
				initialized = true
			}
		case recordExited:
			done, stop := m.exitedInit(a, c, r)
			if stop {
				return false
			}
			initialized = initialized || done
		}
		before = true
	}
	if !before {
		a.startInit = append(a.startInit, start{0, none, "it is the first init container"})
	}
	for l, r := 0, len(a.startInit)-1; l < r; l, r = l+1, r-1 {
		a.startInit[l], a.startInit[r] = a.startInit[r], a.startInit[l]
	}
	a.resize = a.resize || m.resizesAtStart(a.startInit)
	return initialized
}

// seed says whether the mains alone prove that the Pod was initialized.
func (m *machine) seed(snap *snapshot) bool {
	for i := m.inits; i < m.regular; i++ {
		switch m.kubelet.InitSeed {
		case gates.SeedAnyRecord:
			if snap.newest(i) != nil {
				return true
			}
		case gates.SeedLive:
			if r := snap.newest(i); r != nil && r.state != recordExited {
				return true
			}
		default:
			if snap.active(i) != nil {
				return true
			}
		}
	}
	return false
}

func (m *machine) initRecord(snap *snapshot, position int) *recordView {
	if m.kubelet.ActiveSandboxOnly {
		return snap.active(position)
	}
	return snap.newest(position)
}

// runningSidecar handles a sidecar that runs. It reports whether the sidecar completes the initialization.
func (m *machine) runningSidecar(a *podActions, c *container, r *recordView, before bool) bool {
	i := c.position
	if c.spec.Startup != nil {
		result, event, ok := m.probeResult(i, probeStartup, r.run)
		if !ok {
			return false
		}
		if result != resultSuccess {
			if result == resultFailure {
				a.kills = append(a.kills, kill{i, r.run, killStartup, event, killWords(killStartup)})
				a.startInit = append(a.startInit, start{i, event, "restart after a failed probe"})
			}
			return false
		}
	}
	last := i == m.inits-1
	if !last && !before {
		a.startInit = append(a.startInit, start{i + 1, m.gateEvent(i), "the sidecar before it has started"})
	}
	if m.kubelet.RestartEditedSidecar && m.edited(c, r) {
		a.kills = append(a.kills, kill{i, r.run, killOther, m.object.event, wordsEdited})
		a.startInit = append(a.startInit, start{i, m.object.event, "restart with another image"})
		return last
	}
	if c.spec.Liveness != nil {
		// The liveness of a sidecar takes no part in letting the next container start, so it comes after.
		result, event, ok := m.probeResult(i, probeLiveness, r.run)
		if !ok {
			return last
		}
		if result == resultFailure {
			a.kills = append(a.kills, kill{i, r.run, killLiveness, event, killWords(killLiveness)})
			a.startInit = append(a.startInit, start{i, event, "restart after a failed probe"})
			return last
		}
	}
	if m.resizes(a, c) {
		a.kills = append(a.kills, kill{i, r.run, killOther, m.object.event, wordsResized})
		a.startInit = append(a.startInit, start{i, m.object.event, "restart with other resources"})
	}
	return last
}

// exitedInit handles an init container that has ended. It reports whether that completes the initialization, and
// whether it ends the Pod.
func (m *machine) exitedInit(a *podActions, c *container, r *recordView) (done, stop bool) {
	i := c.position
	if c.role == trace.RoleSidecar {
		a.startInit = append(a.startInit, start{i, r.event, "a sidecar that ended is restarted"})
		return false, false
	}
	if failedInit(r) {
		if !m.initMayRestart(c, r) {
			a.killPod = true
			a.startInit = a.startInit[:0]
			return false, true
		}
		a.startInit = append(a.startInit, start{i, r.event, "it failed and is restarted"})
		return false, false
	}
	if i == m.inits-1 {
		return true, false
	}
	a.startInit = append(a.startInit, start{i + 1, r.event, "the init container before it completed"})
	return false, false
}

// failedInit is kuberuntime/helpers.go: isInitContainerFailed.
func failedInit(r *recordView) bool {
	return r.state == recordExited && (r.exitCode != 0 || r.reason == reasonOOM)
}

func (m *machine) initMayRestart(c *container, r *recordView) bool {
	if m.kubelet.RestartRules {
		return m.shouldRestart(c, r)
	}
	return m.scenario.Pod.RestartPolicy != RestartNever
}

// legacyInitActions is kuberuntime_container.go: findNextInitContainerToRun with its caller in computePodActions: one
// init container at a time.
func (m *machine) legacyInitActions(a *podActions, snap *snapshot) bool {
	if m.inits == 0 {
		return true
	}
	for i := m.inits; i < m.regular; i++ {
		if snap.running(i) {
			return true
		}
	}
	for i := m.inits - 1; i >= 0; i-- {
		r := snap.newest(i)
		if r == nil || !failedInit(r) {
			continue
		}
		if m.scenario.Pod.RestartPolicy == RestartNever {
			a.killPod = true
			return false
		}
		a.startInit = append(a.startInit, start{i, r.event, "it failed and is restarted"})
		return false
	}
	for i := m.inits - 1; i >= 0; i-- {
		r := snap.newest(i)
		if r == nil || r.state == recordCreated {
			continue
		}
		if r.state == recordRunning {
			return false
		}
		if i == m.inits-1 {
			return true
		}
		a.startInit = append(a.startInit, start{i + 1, r.event, "the init container before it completed"})
		return false
	}
	a.startInit = append(a.startInit, start{0, none, "it is the first init container"})
	return false
}
