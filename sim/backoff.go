package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// backOff is one entry of client-go's flowcontrol.Backoff: of a container's crashes, or of an image's pulls.
type backOff struct {
	exists  bool
	wait    time.Duration
	updated trace.Instant
	event   int32 // what made or doubled the entry
	edition int32 // of the container's image: another one has an entry of its own
}

// Bounds of the image pull back-off, the same in all releases. kubelet.go: the image manager's back-off.
const (
	pullBackOffInitial = 10 * time.Second
	pullBackOffMax     = 300 * time.Second
)

// crashBounds returns the first and the longest crash back-off on this node. kubelet.go: newCrashLoopBackOff.
func (m *machine) crashBounds() (initial, longest time.Duration) {
	initial, longest = m.kubelet.BackOffInitial, m.kubelet.BackOffMax
	if cap := m.scenario.Node.MaxContainerRestartPeriod; cap > 0 && m.kubelet.BackOffNodeCap {
		longest = cap
	}
	return min(initial, longest), longest
}

// resetAfter is the time after which an entry that was not used counts as none. client-go/util/flowcontrol/backoff.go:
// hasExpired; kubelet.go: HasExpiredFunc, 1.32.
func (m *machine) resetAfter(longest time.Duration) time.Duration {
	if m.kubelet.BackOffFixedReset {
		return 600 * time.Second
	}
	return 2 * longest
}

// forgotten reports whether housekeeping has thrown the entry away: it looks every 2 s for entries that were not
// updated for long. kubelet_pods.go: HandlePodCleanups; flowcontrol/backoff.go: GC.
func (m *machine) forgotten(entry *backOff, longest time.Duration) bool {
	stale := entry.updated.Add(m.resetAfter(longest))
	return tickAfter(stale, m.config.HousekeepingPhase, housekeepingPeriod) <= m.now
}

// crashBackOff is kuberuntime_manager.go: doBackOff. It works on the snapshot of the sync, so an instance that this very
// sync has killed does not count yet. It returns the end of the back-off, or Never if the container may start, and
// then how that came about.
func (m *machine) crashBackOff(c *container, snap *snapshot) (until trace.Instant, why trace.Cause) {
	exited := snap.lastExited(c.position)
	if exited == nil {
		return trace.Never, cause(none, "", windowNow)
	}
	initial, longest := m.crashBounds()
	entry, finished := &c.backOff, exited.finishedAt
	if entry.exists && m.forgotten(entry, longest) {
		entry.exists = false
	}
	if edition := c.edition(&m.worker.copy); entry.edition != edition {
		*entry = backOff{edition: edition}
	}
	expired := !entry.exists || finished.Sub(entry.updated) > m.resetAfter(longest)
	if !expired && m.now.Sub(finished) < entry.wait {
		return finished.Add(entry.wait), cause(exited.event, "its back-off counts from the end of its last run", windowRuntime)
	}
	why = cause(exited.event, "its back-off since that end is over", windowFrom(entry.wait))
	if expired {
		why.Window.Min = 0
		why.Because = "its first back-off begins with this restart"
		entry.wait = initial
	} else {
		entry.wait = min(2*entry.wait, longest)
	}
	entry.exists, entry.updated = true, m.now
	entry.event = m.worker.lastEvent
	return trace.Never, why
}

// pullBackOff reports whether the image's back-off forbids a pull now. image_manager.go: EnsureImageExists.
func (m *machine) pullBackOff(c *container) bool {
	entry := &m.imageOf(c).backOff
	return entry.exists && m.now.Sub(entry.updated) < entry.wait
}

// pullFailed counts a failed pull.
func (m *machine) pullFailed(c *container, event int32) {
	entry := &m.imageOf(c).backOff
	if !entry.exists || m.now.Sub(entry.updated) > 2*pullBackOffMax {
		*entry = backOff{exists: true, wait: pullBackOffInitial}
	} else {
		entry.wait = min(2*entry.wait, pullBackOffMax)
	}
	entry.updated, entry.event = m.now, event
}
