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
		if m.scenario.Pod.Static {
			return wordsMirror
		}
		m.noteEviction()
		m.deleteObject(&Delete{})
		return ""
	}
	w := &m.worker
	if !w.known || w.rejected || w.terminated {
		return "the kubelet has no active Pod to evict at that moment" // one that stops is active: kubelet_pods.go: filterOutInactivePods
	}
	if m.scenario.Pod.Static || m.scenario.Pod.Critical && e.Mode != EvictPreempt {
		return "the kubelet evicts no critical Pod" // eviction_manager.go: evictPod
	}
	order := m.evictionOf(e.Mode)
	event := podEvent(trace.EvictRequested)
	event.Reason, event.Span = string(e.Mode), seconds(m.graceWith(0, order.grace))
	w.eviction = &order
	if !w.terminate && !m.object.deleting && !terminal(m.status.api.phase) {
		w.evicted = true // pod_workers.go: UpdatePod: what ends the Pod first counts
		m.queue.push(nextTick(m.now, m.config.GarbagePhase, garbagePeriod), inputGarbagePod, 0, 0, 0)
	}
	m.updatePod(update{trigger: m.emit(event, cause(m.object.event, "the kubelet evicts the Pod", windowRuntime)), because: "the Pod is evicted", evicts: true})
	return ""
}

// eviction is what the kubelet asks of a Pod that it evicts.
type eviction struct {
	reason, message string
	grace           int64 // the override, noOverride for the Pod's own
	shutdown        bool  // of the node: the Pod does not count as evicted
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
		return eviction{reason: reasonEvicted, message: messageEvicted}
	case EvictSoft:
		grace := int64(m.scenario.Node.EvictionMaxPodGracePeriod / time.Second)
		if m.kubelet.SoftEvictionMin {
			grace = min(grace, m.scenario.Pod.TerminationGracePeriodSeconds)
		}
		return eviction{reason: reasonEvicted, message: messageEvicted, grace: grace}
	}
	return eviction{reason: reasonPreempted, message: messagePreempt, grace: noOverride}
}

// evicted gives the status of a Pod that is evicted its phase and reason, when the stop begins. pod_workers.go: PodStatusFunc. What the
// containers make of it may take that back: a Pod all of whose mains exit 0 has succeeded.
func (m *machine) evicted(s *podStatus) {
	e := m.worker.eviction
	if e == nil {
		return
	}
	if !e.shutdown || s.phase != trace.PhaseSucceeded {
		s.phase = trace.PhaseFailed
	}
	s.reason, s.message = e.reason, e.message
	if m.kubelet.DisruptionConditions {
		s.put(trace.Condition{Type: trace.DisruptionTarget, True: true, Reason: reasonByKubelet})
	}
}

// Reasons of the condition DisruptionTarget.
const (
	reasonByKubelet = "TerminationByKubelet"
	reasonByAPI     = "EvictionByEvictionAPI"
)

// noteEviction is what the API server writes before it deletes a Pod that is evicted. pkg/registry/core/pod/storage/eviction.go:
// addConditionAndDeletePod.
func (m *machine) noteEviction() {
	s := &m.status
	note := trace.Condition{Type: trace.DisruptionTarget, True: true, Reason: reasonByAPI}
	if old := s.api.condition(trace.DisruptionTarget); !m.api.DisruptionConditions || old != nil && *old == note {
		return
	}
	s.api.put(note)
	s.api.noteLast = true
	e := podEvent(trace.EvictRequested)
	e.Reason, e.Span = string(EvictAPI), seconds(m.scenario.Pod.TerminationGracePeriodSeconds)
	m.object.event = m.emit(e, cause(m.object.event, "a client evicts the Pod", windowRuntime))
	m.publishFor(m.object.event)
}

// keepDisruption carries the condition over, which nobody computes anew. kubelet_pods.go: generateAPIPodStatus.
func (m *machine) keepDisruption(s *podStatus) {
	if old := m.status.current.condition(trace.DisruptionTarget); old != nil && m.kubelet.DisruptionConditions {
		s.put(*old)
	}
}

// mergeDisruption has the kubelet's word sent with a terminal phase alone; else that of the API server stays. mergePodStatus.
func mergeDisruption(merged, api *podStatus, ends bool) {
	now, old := merged.condition(trace.DisruptionTarget), api.condition(trace.DisruptionTarget)
	switch {
	case ends && now != nil:
	case old != nil:
		merged.put(*old)
	case now != nil:
		merged.count-- // it is the last
	}
}

// collectEvicted removes what is left of a Pod once the API shows it as evicted. kubelet.go: HandlePodReconcile; eviction/helpers.go: PodIsEvicted.
func (m *machine) collectEvicted() {
	if s := &m.status; m.worker.eviction != nil && s.api.phase == trace.PhaseFailed && s.api.reason == reasonEvicted {
		m.removeKnownDead(cause(s.event, "no dead record is kept of an evicted Pod", windowRuntime))
	}
}

// removeKnownDead removes the records that the last relist saw ended, or that are older than all that it kept.
func (m *machine) removeKnownDead(because trace.Cause) {
	for i := range m.containers {
		c, views := &m.containers[i], m.pleg.cache.of(i)
		for j := len(c.records) - 1; j >= 0; j-- {
			r := &c.records[j]
			known := len(views) == snapshotDepth && r.run < views[len(views)-1].run
			for k := range views {
				known = known || views[k].run == r.run && views[k].state == recordExited
			}
			if known && r.state == recordExited {
				m.remove(c, r.run, because)
			}
		}
	}
}
