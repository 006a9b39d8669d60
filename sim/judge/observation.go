package judge

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Observation is what was seen of one Pod on a real cluster. Instants count from the Pod's creation: zero is when the recorder's
// create call was answered. (creationTimestamp is cut to seconds and not used.)
type Observation struct {
	// Scenario is the name of what was played, with its family in front: "gating/slow-probe-grid".
	Scenario string
	// Target is the Kubernetes that was asked for, as package gates writes it.
	Target     string
	Provenance Provenance
	// Sources are those that were heard from before the Pod's creation until the horizon, but for the gaps; ascending.
	Sources []Source
	// Removals says that the runtime's source shows when records of containers go, too.
	Removals bool
	// Containers is the Pod's table: init containers, then mains, in the order of the manifest.
	Containers []trace.Container
	// Seen is sorted by Earliest, then Latest.
	Seen []Seen
	// Statuses are the versions of the Pod's status in the order of their resourceVersion.
	Statuses []SeenStatus
	// ClockPhase is the fraction of a wall-clock second that had passed at instant zero, below 1 s; negative if it is not known.
	ClockPhase time.Duration
	// Slack is the delay of the node, as the sentinel Pods measured it. It is added to every window.
	Slack time.Duration
	// Gaps are the spans in which a source was not heard.
	Gaps []Gap
	// Foreign says who else changed the Pod: evictions, other writers. Each makes the assumptions fail.
	Foreign []string
	// Sentinels prove that the sources heard: Pods of the recorder's own, before and after.
	Sentinels []Sentinel
	// Horizon is until when it was observed.
	Horizon trace.Instant
}

// Interval is a closed span of time in which something happened.
type Interval struct{ Earliest, Latest trace.Instant }

// Seen is one event that a source showed.
type Seen struct {
	// Event has no causes, and its At is not used.
	Event trace.Event
	Interval
	Source Source
}

// SeenStatus is one version of the status. Its At is not used, its Event is -1.
type SeenStatus struct {
	trace.Status
	// Arrived is when the version was written, as far as its arrival tells.
	Arrived Interval
}

// Sentinel is a Pod of one container that starts and ends, to see that the sources hear it.
type Sentinel struct {
	Node string
	// Before is true for one that ran before the Pod's creation, false for one behind the horizon.
	Before bool
	// Started and Exited say whether the start and the end were heard.
	Started, Exited bool
}

// Gap is a span in which a source was not heard.
type Gap struct {
	Source   Source
	From, To trace.Instant
	// Planned is true for gaps that the scenario makes, as a reboot, and that were filled from the runtime's records afterwards.
	Planned bool
	Why     string
}

// Provenance says where an observation comes from.
type Provenance struct {
	// APIServer and Kubelet are the versions as measured, with a leading v.
	APIServer, Kubelet string
	// Gates are the feature gates as measured, sorted by component and name.
	Gates []GateState
	// Runtime is the container runtime and its version, NodeImage the node's image, Node the node's name.
	Runtime, NodeImage, Node string
	// Date is the day and time of the recording, as RFC 3339 writes it.
	Date string
	// Tool is the program that recorded, with its commit.
	Tool string
}

// GateState is the state of one feature gate in one component.
type GateState struct {
	// Component is apiserver or kubelet.
	Component, Name string
	On              bool
}

// The components whose gates decide.
const (
	ComponentAPIServer = "apiserver"
	ComponentKubelet   = "kubelet"
)

// delay is how late the node was: as the recorder measured it, or as an end shows that the runtime told of later than a call takes.
func (o *Observation) delay(how How) time.Duration {
	late := o.Slack
	for i := range o.Seen {
		if end := &o.Seen[i]; end.Source == SourceRuntime && end.Event.Kind == trace.Exited {
			late = max(late, end.Latest.Sub(end.Earliest)-how.Call)
		}
	}
	return late
}

// shows reports whether one of the sources shows every event of the kind.
func (o *Observation) shows(k trace.Kind) bool {
	for _, s := range o.Sources {
		if s.Shows(k) {
			return true
		}
	}
	return false
}
