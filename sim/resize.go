package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

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
		if c.sizes[i].from <= m.worker.copy.edits {
			now = c.sizes[i].size
		}
	}
	return now
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
	if !c.sized && c.resizable {
		return m.scenario.Pod.RestartPolicy != RestartNever // whose resizePolicy cannot say RestartContainer
	}
	return c.allocated.restart != c.actuated.restart
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

// resizesAtStart reports whether a main is to start with other resources than were made. As long as it cannot start, for its image perhaps,
// each sync resizes, and the relist behind it wakes the worker.
func (m *machine) resizesAtStart(a *podActions) bool {
	if !m.kubelet.Resize || !m.kubelet.ResizeAtStart {
		return false
	}
	for i := range a.startMain {
		if c := &m.containers[a.startMain[i].position]; c.allocated != c.actuated {
			return true
		}
	}
	return false
}

// doResize changes what can be changed while containers run. The next relist wakes the worker.
func (m *machine) doResize() {
	s := &m.worker.sync
	if !s.actions.resize {
		return
	}
	s.did = true
	m.worker.idle.set = false // the sync is what the relist looks after
	for i := range m.regular {
		if c := &m.containers[i]; c.allocated.restart == c.actuated.restart {
			c.actuated = c.allocated
		}
	}
	if m.kubelet.ResizeInspects {
		m.pleg.inspect = m.worker.lastEvent
		m.needRelist()
	}
}
