package sim

import (
	"cmp"
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Ephemeral containers: they are added to a Pod that is there, started once, before anything else that the sync starts, and never again.
// Nothing waits for them but the end of the sandbox, and neither phase nor conditions count them. kuberuntime_manager.go: computePodActions,
// SyncPod; kubelet_pods.go: generateAPIPodStatus.

// addEphemeral adds a container through the API. It returns why it could not.
func (m *machine) addEphemeral(a *AddEphemeral) (impossible string) {
	c := m.named(a.Container)
	switch {
	case !m.object.exists:
		return "the Pod is gone at that moment"
	case m.scenario.Pod.Static:
		return "static Pods do not support ephemeral containers" // ValidatePodEphemeralContainersUpdate
	case c.added > 0:
		return "the Pod has it already"
	}
	m.object.edits++
	c.added = m.object.edits
	m.object.event = m.emit(c.event(trace.EphemeralAdded, 0), cause(m.object.event, "a client changes the Pod", windowRuntime))
	m.tellController()
	m.updatePod(update{trigger: m.object.event, because: "the Pod was changed"})
	return ""
}

// has reports whether the worker's copy of the Pod has a container.
func (m *machine) has(c *container) bool {
	return c.role != trace.RoleEphemeral || c.added > 0 && c.added <= m.worker.copy.edits
}

// ephemeralActions starts those that have no record, whatever the others do, in the order in which they were added.
func (m *machine) ephemeralActions(a *podActions, snap *snapshot) {
	for i := m.regular; i < len(m.containers); i++ {
		if c := &m.containers[i]; m.has(c) && snap.newest(i) == nil {
			a.startEphemeral = append(a.startEphemeral, start{i, m.object.event, "it was added"})
		}
	}
	slices.SortFunc(a.startEphemeral, func(x, y start) int {
		return cmp.Compare(m.containers[x.position].added, m.containers[y.position].added)
	})
}
