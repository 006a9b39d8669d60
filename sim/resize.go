package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Other resources for a container of a Pod that is there. What of it orders containers: a resource whose resizePolicy is RestartContainer
// restarts that container, whatever the restart policies say; the others are changed while it runs. The kubelet knows of both what it has
// made of them, also after a restart. kuberuntime_manager.go: computePodResizeAction, doPodResizeAction; allocation/allocation_manager.go (1.33:
// kubelet.go): handlePodResourcesResize. 1.33 and later; the alpha feature before that is not simulated.

// size tells apart the resources that a container had: how often those were changed that want a restart, and the others.
type size struct{ restart, inPlace int32 }

// sizing is one change.
type sizing struct {
	from int32 // the change of the Pod that brought it
	size size
}

// resize changes the resources of a container. It returns why the API server does not let that happen.
func (m *machine) resize(r *Resize) (impossible string) {
	c := m.named(r.Container)
	switch {
	case !m.api.Resize:
		return "the API server does not let a Pod's resources change"
	case m.scenario.Pod.Static:
		return "the resources of a static Pod do not change"
	case c.role == trace.RoleInit:
		return "the resources of a plain init container do not change"
	}
	m.object.edits++
	next := sizing{from: m.object.edits}
	if n := len(c.sizes); n > 0 {
		next.size = c.sizes[n-1].size
	}
	if r.Restart {
		next.size.restart++
	} else {
		next.size.inPlace++
	}
	c.sizes = append(c.sizes, next)
	m.object.event = m.emit(c.event(trace.ResourcesChanged, max(c.nextRun-1, 0)), cause(m.object.event, "a client changes the Pod", windowRuntime))
	return ""
}

// size is that of the worker's copy of the Pod.
func (m *machine) size(c *container) size {
	now := size{}
	for i := range c.sizes {
		if c.sizes[i].from <= m.worker.copy.resized {
			now = c.sizes[i].size
		}
	}
	return now
}

// allocation is what the kubelet keeps on disk of the resources that it gave the Pod.
type allocation struct {
	known   bool  // it has admitted the Pod
	upTo    int32 // the last change of the Pod whose resources it gave
	pending bool  // there are others, asked for while it was down, which it has yet to look at
}

// resizeRetry is when a kubelet that starts looks at pending resizes, for it does not when it takes its Pods: it knows all its sources only
// behind that. allocation/allocation_manager.go: initialRetryDelay, retryPendingResizes.
const resizeRetry = 30 * time.Second

// allocateAdmitted is what a kubelet allocates to a Pod that it has just admitted: what it gave it in an earlier life, if it did.
// allocation/allocation_manager.go: AddPod; kubelet.go: HandlePodAdditions, 1.34. In 1.33 each sync takes what is asked for.
func (m *machine) allocateAdmitted() {
	a := &m.allocation
	if !a.known || !m.kubelet.ResizeWaits {
		a.known = m.kubelet.Resize
		m.takeResizes()
		return
	}
	for i := range m.containers {
		if n := len(m.containers[i].sizes); n > 0 && m.containers[i].sizes[n-1].from > a.upTo {
			a.pending = true
		}
	}
	if a.pending {
		m.queue.push(m.now.Add(resizeRetry), inputResize, 0, 0, 0)
	}
}

// takeResizes allocates all that is asked for: the node has room.
func (m *machine) takeResizes() {
	m.allocation.upTo, m.allocation.pending = m.object.edits, false
}

// retryResizes looks at a pending resize. allocation/allocation_manager.go: retryPendingResizes.
func (m *machine) retryResizes(event int32, why string) {
	if !m.allocation.pending {
		return
	}
	m.takeResizes()
	m.updatePod(update{trigger: event, because: why})
	if m.kubelet.OnDemandRelist {
		m.requestRelist()
	}
}

// endMakesRoom has the kubelet look at pending resizes, for this Pod has ended. kubelet.go: HandlePodReconcile.
func (m *machine) endMakesRoom() {
	if !m.kubelet.ResizeAtEnd {
		return
	}
	m.retryResizes(m.status.event, "a pending resize is made, for the Pod has ended")
	m.othersRetryResizes("a pending resize is made, for another Pod has ended")
}

// othersRetryResizes has the kubelet look at pending resizes of the other Pods of the Job.
func (m *machine) othersRetryResizes(why string) {
	if m.owner == nil {
		return
	}
	for _, p := range m.owner.run.pods {
		if other := p.machine; other != m && other.allocation.pending {
			p.touch()
			other.retryResizes(other.life.event, why)
		}
	}
}

// allocate takes the sizes that are asked for: the node has room. A crash back-off of other resources does not count: Reset in 1.33,
// GetBackoffKey later.
func (m *machine) allocate() {
	if !m.kubelet.Resize {
		return
	}
	for i := range m.regular {
		c := &m.containers[i]
		if now := m.size(c); now != c.allocated {
			c.allocated, c.backOff = now, backOff{}
		}
	}
}

// allocated is what the allocation manager does once it has given a Pod other sizes, besides what any update does. It writes them to disk in
// between, so that an idle worker has begun. allocation/allocation_manager.go: retryPendingResizes; kubelet.go: syncPodNow.
func (m *machine) allocated() {
	if m.kubelet.ResizeSyncsTwice {
		m.queue.push(m.now, inputNews, m.object.event, newsChanged, 0)
	}
	if m.kubelet.OnDemandRelist {
		m.requestRelist()
	}
}

const wordsResized = "its resources were changed"

// resizes plans what a running container needs for its size. It reports whether that is a restart.
func (m *machine) resizes(a *podActions, c *container) (restart bool) {
	if !m.kubelet.Resize || c.allocated == c.actuated && (c.sized || !c.resizable) {
		return false
	}
	a.resize = true
	restart = c.allocated.restart != c.actuated.restart
	if !c.sized && c.resizable {
		restart = m.scenario.Pod.RestartPolicy != RestartNever // whose resizePolicy cannot say RestartContainer
	}
	if !restart {
		a.updates = append(a.updates, c.position)
	}
	return restart
}

// forgetSizes is what becomes of the sizes of a Pod that is gone from the API server: a sync that does not know that yet resizes everything.
// kubelet.go: HandlePodRemoves; allocation/allocation_manager.go: RemovePod.
func (m *machine) forgetSizes() {
	for i := range m.containers {
		m.containers[i].sized = false
	}
}

// initializeSizes takes the sizes of a Pod of whose sizes nothing is known for made, before any container starts.
// kuberuntime_manager.go: InitializeActuatedPod, 1.37.
func (m *machine) initializeSizes() {
	if !m.kubelet.Resize || !m.kubelet.ResizeAtStart {
		return
	}
	for i := range m.regular {
		if m.containers[i].sized {
			return
		}
	}
	for i := range m.regular {
		if c := &m.containers[i]; c.role != trace.RoleInit {
			c.actuated, c.sized = c.allocated, true
		}
	}
}

// markResizable finds the containers that some step resizes.
func (m *machine) markResizable() {
	for i := range m.scenario.Steps {
		if patch := m.scenario.Steps[i].Patch; patch != nil {
			for j := range patch.Resize {
				m.named(patch.Resize[j].Container).resizable = true
			}
		}
	}
}

// resizesAtStart reports whether a container is to start with other resources than were made. As long as it cannot start, for its image
// perhaps, each sync resizes, and the relist behind it wakes the worker. kuberuntime_manager.go: startingResizedContainer, 1.37.
func (m *machine) resizesAtStart(starts []start) bool {
	if !m.kubelet.Resize || !m.kubelet.ResizeAtStart {
		return false
	}
	for i := range starts {
		if c := &m.containers[starts[i].position]; c.allocated != c.actuated {
			return true
		}
	}
	return false
}

// doResize changes what can be changed while containers run. The next relist wakes the worker. kuberuntime_manager.go: doPodResizeAction,
// updatePodContainerResources.
func (m *machine) doResize() {
	s := &m.worker.sync
	if !s.actions.resize {
		return
	}
	s.did = true
	m.worker.idle.set = false // the sync is what the relist looks after
	for _, position := range s.actions.updates {
		c := &m.containers[position]
		c.actuated, c.sized = c.allocated, true
	}
	if m.kubelet.ResizeInspects {
		m.pleg.inspect = m.worker.lastEvent
		m.needRelist()
	}
}
