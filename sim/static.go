package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// Static Pods come from a manifest on the node and go with it; what the API server has of them is a mirror, whose deletion stops nothing.
// kubelet.go: HandlePodRemoves, deletePod; kubelet_pods.go: HandlePodCleanups.

const wordsMirror = "the Pod is static: the kubelet makes another mirror of it, and its containers go on"

// removeManifest takes the Pod's manifest away. It returns why that could not be seen.
func (m *machine) removeManifest() (impossible string) {
	w := &m.worker
	switch {
	case m.life.down:
		return "the kubelet is down at that moment"
	case !w.known:
		return "the kubelet has no such Pod at that moment"
	}
	gone := m.emit(podEvent(trace.ManifestRemoved), cause(m.object.event, "somebody removes it from the node", windowRuntime))
	m.updatePod(update{trigger: gone, because: "its manifest is gone", kill: true})
	return ""
}

// awaitMirror has housekeeping remove the mirror of a Pod without a manifest, once all its containers are stopped. pod_workers.go:
// IsPodForMirrorPodTerminatingByFullName.
func (m *machine) awaitMirror() {
	if m.scenario.Pod.Static && !m.worker.known {
		m.queue.push(tickAfter(m.now, m.config.HousekeepingPhase, housekeepingPeriod), inputMirror, 0, 0, 0)
	}
}

// removeMirror is that housekeeping.
func (m *machine) removeMirror() {
	m.object.exists = false
	m.object.event = m.emit(podEvent(trace.PodRemoved), cause(m.worker.lastEvent, "housekeeping removes the mirror of a Pod without a manifest", windowUpTo(housekeepingPeriod)))
	if m.worker.finished {
		m.ended = true
		m.trace.Ending = trace.EndingRemoved
	}
}
