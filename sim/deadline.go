package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// activeDeadlineSeconds. kubelet/active_deadline.go: pastActiveDeadline, ShouldSync, ShouldEvict.

// deadline is the instant from which the Pod is past its deadline, or Never. status.startTime is cut to whole seconds.
func (m *machine) deadline() trace.Instant {
	if m.scenario.Pod.ActiveDeadlineSeconds == 0 || !m.status.written && !m.status.told {
		return trace.Never
	}
	return m.wholeSecond(m.status.started).Add(seconds(m.scenario.Pod.ActiveDeadlineSeconds))
}

func (m *machine) pastDeadline() bool { return m.deadline() <= m.now }

// armDeadline makes sure that the sync loop looks at the Pod when its deadline is over. It does so with every tick from then on; once
// the Pod stops, only those ticks are stepped that bring the worker another copy of the Pod than it has.
func (m *machine) armDeadline() {
	d := m.deadline()
	if d == trace.Never || m.worker.terminate && m.copyNow() == m.worker.latestCopy() {
		return
	}
	m.armTick(&m.worker.deadlineTick, nextTick(max(d, m.now+1), m.config.SyncTickPhase, syncTickPeriod))
}

// deadlineEvent shows, once, that the kubelet has seen the deadline pass.
func (m *machine) deadlineEvent() int32 {
	if m.worker.deadline == none {
		// Its second is cut off, and the sync loop looks once a second.
		since := m.status.started.Add(seconds(m.scenario.Pod.ActiveDeadlineSeconds)).Sub(m.trace.Events[m.object.event].At)
		window := trace.Window{Min: max(since-time.Second, 0), Max: since + syncTickPeriod}
		m.worker.deadline = m.emit(podEvent(trace.DeadlineExceeded),
			cause(m.object.event, "activeDeadlineSeconds counts from the whole second in which the kubelet first wrote a status", window))
	}
	return m.worker.deadline
}
