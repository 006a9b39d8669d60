package sim

// Housekeeping, as far as it keeps containers from starting. kubelet_pods.go: HandlePodCleanups. When it forgets a back-off is said
// in backOff.

// awaitHousekeeping lets housekeeping look at a Pod that is gone from the API server while a sync of it runs. A Pod with mounted
// volumes keeps its directory.
func (m *machine) awaitHousekeeping() {
	if m.scenario.Pod.NoVolumes && m.syncsPod() {
		m.queue.push(tickAfter(m.now, m.config.HousekeepingPhase, housekeepingPeriod), inputHousekeeping, 0, 0, 0)
	}
}

// syncsPod reports whether a SyncPod is under way.
func (m *machine) syncsPod() bool { return m.worker.sync.running && m.worker.work == workSync }

// housekeeping removes the directory of a Pod that the kubelet does not know any more and of which nothing runs. A container that
// the sync still wants to create finds no place for its files. kubelet_volumes.go: cleanupOrphanedPodDirs, all releases.
func (m *machine) housekeeping() {
	switch {
	case !m.syncsPod():
	case m.runs():
		m.awaitHousekeeping()
	default:
		m.worker.directoryGone = true
	}
}

// runs reports whether the Pod has a ready sandbox or a running container.
func (m *machine) runs() bool {
	if m.sandbox.ready {
		return true
	}
	for i := range m.containers {
		if r := m.containers[i].newest(); r != nil && r.state == recordRunning {
			return true
		}
	}
	return false
}
