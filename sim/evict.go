package sim

import (
	"math"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Evictions. That of the API is a deletion; those of the kubelet leave the Pod in the API server and give it a phase and a reason of their
// own, with a grace of their own. kubelet/eviction/eviction_manager.go: synchronize, evictPod; kubelet/preemption/preemption.go;
// kubelet/pod_workers.go: killPodNow, UpdatePod.

// evict evicts the Pod. It returns why there is nothing to evict.
func (m *machine) evict(e *Evict) (impossible string) {
	if e.Mode == EvictAPI {
		if !m.object.exists {
			return "the Pod is gone at that moment"
		}
		m.deleteObject(&Delete{})
		return ""
	}
	w := &m.worker
	if !w.known || w.rejected || w.terminated {
		return "the kubelet has no active Pod to evict at that moment" // one that stops is active: kubelet_pods.go: filterOutInactivePods
	}
	order := m.evictionOf(e.Mode)
	event := podEvent(trace.EvictRequested)
	event.Reason, event.Span = string(e.Mode), seconds(m.graceWith(0, order.grace))
	w.eviction = &order
	m.updatePod(update{trigger: m.emit(event, cause(m.object.event, "the kubelet evicts the Pod", windowRuntime)), because: "the Pod is evicted"})
	return ""
}

// eviction is what the kubelet asks of a Pod that it evicts.
type eviction struct {
	reason, message string
	grace           int64 // the override, noOverride for the Pod's own
}

// noOverride stands for a grace that was not asked for.
const noOverride = math.MaxInt64

// Messages as the node's shortage would write them, without its numbers.
const (
	reasonEvicted   = "Evicted"
	messageEvicted  = "The node was low on resource"
	reasonPreempted = "Preempting"
	messagePreempt  = "Preempted in order to admit critical pod"
)

// evictionOf is the grace and the words of an eviction. Up to 1.31 a soft one does not look at the Pod's own grace.
func (m *machine) evictionOf(mode EvictMode) eviction {
	switch mode {
	case EvictHard:
		return eviction{reasonEvicted, messageEvicted, 0}
	case EvictSoft:
		grace := int64(m.scenario.Node.EvictionMaxPodGracePeriod / time.Second)
		if m.kubelet.SoftEvictionMin {
			grace = min(grace, m.scenario.Pod.TerminationGracePeriodSeconds)
		}
		return eviction{reasonEvicted, messageEvicted, grace}
	}
	return eviction{reasonPreempted, messagePreempt, noOverride}
}

// evicted gives the status of a Pod that is evicted its phase and reason, when the stop begins. pod_workers.go: PodStatusFunc. What the
// containers make of it may take that back: a Pod all of whose mains exit 0 has succeeded.
func (m *machine) evicted(s *podStatus) {
	if e := m.worker.eviction; e != nil {
		s.phase, s.reason, s.message = trace.PhaseFailed, e.reason, e.message
	}
}

// collectEvicted removes what is left of a Pod once the API shows it as evicted. kubelet.go: HandlePodReconcile; eviction/helpers.go: PodIsEvicted.
func (m *machine) collectEvicted() {
	if s := &m.status; m.worker.eviction != nil && s.api.phase == trace.PhaseFailed && s.api.reason == reasonEvicted {
		m.keepDead(0, cause(s.event, "no dead record is kept of an evicted Pod", windowRuntime))
	}
}
