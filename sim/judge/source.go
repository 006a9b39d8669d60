package judge

import (
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Source says who saw something on a real cluster.
type Source uint8

// The sources.
const (
	// SourceRuntime is containerd's event stream on the node, exact to the nanosecond: starts and ends of tasks, containers made
	// and deleted. The end of a process is a span: from when it ended to when the runtime had collected it, for the kubelet does not
	// see it before. containerd: pkg/cri/server/events.go: handleContainerExit.
	SourceRuntime Source = iota
	// SourceWatch is the watch of the Pod: versions of its status, and its deletion.
	SourceWatch
	// SourceKubeEvent is Event objects, with stamps of one second, and some lost by their spam filter.
	SourceKubeEvent
	// SourceJournal is what the scripted process wrote down by itself: stop signals, hooks, probes.
	SourceJournal
	// SourceSteps is what was done to the Pod, and when.
	SourceSteps
	sourceCount
)

// sourceNames are the words of the JSON form. Never rename one: recordings use them.
var sourceNames = [sourceCount]string{"runtime", "watch", "kubeEvent", "journal", "steps"}

// String returns the word of the JSON form.
func (s Source) String() string {
	if s < sourceCount {
		return sourceNames[s]
	}
	return "invalid"
}

// ParseSource returns the source with the given word.
func ParseSource(word string) (Source, bool) {
	for i, name := range sourceNames {
		if name == word {
			return Source(i), true
		}
	}
	return 0, false
}

// Shows reports whether the source shows every event of a kind, so that one that it did not show did not happen. Of other kinds
// it may show some, and a missing one says nothing.
func (s Source) Shows(k trace.Kind) bool {
	switch s {
	case SourceRuntime:
		return k == trace.Created || k == trace.Running || k == trace.Exited
	case SourceWatch:
		return k == trace.PodRemoved
	case SourceJournal:
		return k == trace.StopSignal || k == trace.PostStartBegin || k == trace.PreStopBegin
	case SourceSteps:
		return k == trace.DeleteRequested || k == trace.PodRefused
	}
	return false
}
