package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// row is one thing that both sides show, in words: an event, or a version of the status.
type row struct {
	at   trace.Instant
	rank int
	text string
}

func (r row) String() string { return fmt.Sprintf("%s %s", trace.Seconds(r.at), r.text) }

// owner is the Pod that a row of a Job's run is about, or the Job.
func (r row) owner() string {
	owner, _, _ := strings.Cut(r.text, " ")
	return owner
}

// statusRank puts the versions of an instant behind its events.
const statusRank = 1 << 16

// seen are the kinds of events that the runtime's own record shows, and so every observer of it.
func seen(k trace.Kind) bool {
	switch k {
	case trace.PodRefused, trace.JobRefused, trace.FieldDropped, trace.SandboxReady, trace.SandboxStopped, trace.PullBegin, trace.PullEnd, trace.PullFailed, trace.Created,
		trace.CreateError, trace.Running, trace.StartError, trace.PostStartBegin, trace.PostStartEnd, trace.PostStartFailed,
		trace.PreStopBegin, trace.StopSignal, trace.KillSignal, trace.OutsideSignal, trace.Exited, trace.PodRemoved, trace.SyncTerminating,
		trace.NodeReleased, trace.KubeletStopped:
		return true
	}
	return false
}

// view is what of a run an observer can see.
type view struct {
	until trace.Instant
	job   bool // the Pods are a Job's
	// owners are the first containers with the image of each: a runtime is not told whom a pull is for.
	owners []int
	// The kubelet carries out sleep hooks by itself, and no runtime sees them: the containers that have one.
	sleepPostStart, sleepPreStop trace.ContainerSet
}

func viewOf(s *sim.Scenario, until trace.Instant) view {
	v := view{until: until, job: s.Job != nil}
	all := slices.Concat(s.Pod.Init, s.Pod.Main, s.Pod.Ephemeral)
	for i, c := range all {
		owner := slices.IndexFunc(all[:i], func(o sim.Container) bool { return o.Image != "" && o.Image == c.Image })
		if owner < 0 {
			owner = i
		}
		v.owners = append(v.owners, owner)
		if c.PostStart != nil && c.PostStart.Handler == sim.HandlerSleep {
			v.sleepPostStart |= 1 << i
		}
		if c.PreStop != nil && c.PreStop.Handler == sim.HandlerSleep {
			v.sleepPreStop |= 1 << i
		}
	}
	return v
}

func (w *view) shows(e *trace.Event) bool {
	if !seen(e.Kind) || e.At > w.until {
		return false
	}
	switch e.Kind {
	case trace.PostStartBegin, trace.PostStartEnd, trace.PostStartFailed:
		return !w.sleepPostStart.Has(int(e.Container))
	case trace.PullFailed:
		// The kubelet cannot read the name, or pulls too much: it asks no runtime.
		return e.Reason != "InvalidImageName" && e.Reason != "RegistryPullQPS"
	case trace.CreateError:
		return e.Reason != "PodDirectoryRemoved" // likewise
	case trace.PreStopBegin:
		return !w.sleepPreStop.Has(int(e.Container))
	}
	return true
}

// rows turns a trace into what is compared. Events of one instant are put into one order on both sides; a version that shows
// nothing new is left out, for the kubelet also writes fields that the trace does not hold.
func (w *view) rows(t *trace.Trace) []row {
	all := w.jobRows(t)
	for i := range t.Events {
		if e := &t.Events[i]; w.shows(e) && !(ofNode(e.Kind) && (w.job || goneBefore(t, e))) {
			all = append(all, row{e.At, int(e.Kind), w.podText(e.Pod, w.eventText(t, e))})
		}
	}
	for _, pod := range t.Pods() {
		all = append(all, w.statusRows(t, pod)...)
	}
	slices.SortStableFunc(all, func(a, b row) int {
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		if a.rank != b.rank || a.rank == statusRank && !w.job {
			return cmp.Compare(a.rank, b.rank)
		}
		return strings.Compare(a.text, b.text)
	})
	return all
}

// ofNode reports whether an event is the node's: what becomes of that when the Pod is gone is not followed, and whose event it is where
// there are several Pods, or none, says nothing.
func ofNode(k trace.Kind) bool { return k == trace.NodeReleased || k == trace.KubeletStopped }

func goneBefore(t *trace.Trace, e *trace.Event) bool {
	at, gone := t.RemovedAt(e.Pod, e.At)
	return gone && at < e.At
}

// statusRows are the versions of one Pod's status.
func (w *view) statusRows(t *trace.Trace, pod trace.PodRef) []row {
	var all []row
	last := ""
	for i := range t.Statuses {
		v := &t.Statuses[i]
		if v.Pod != pod {
			continue
		}
		if v.At > w.until || len(v.Containers) == 0 || !anyPresent(v) {
			continue // the object before the kubelet has written to it
		}
		if text := statusText(t, v); text != last {
			last = text
			all = append(all, row{v.At, statusRank, w.podText(pod, text)})
		}
	}
	return all
}

func anyPresent(v *trace.Status) bool {
	for i := range v.Containers {
		if v.Containers[i].Present {
			return true
		}
	}
	return v.Reason != ""
}

// pulls reports whether an event is of a pull: the runtime is not told for which run it is, nor does it hear of a configuration
// that cannot be put together.
func pulls(k trace.Kind) bool {
	return k == trace.PullBegin || k == trace.PullEnd || k == trace.PullFailed
}

// eventText is what is compared of an event: of a pull only whose image it is.
func (w *view) eventText(t *trace.Trace, e *trace.Event) string {
	if pulls(e.Kind) {
		return eventText(t.Containers[w.owners[e.Container]].Name, e)
	}
	return eventText(nameOf(t, e), e)
}

// nameOf is the name of what an event happens to.
func nameOf(t *trace.Trace, e *trace.Event) string {
	if e.Container == trace.NoContainer {
		return "pod"
	}
	return t.Containers[e.Container].Name
}

// eventText is an event in words.
func eventText(name string, e *trace.Event) string {
	text := fmt.Sprintf("%s %v", name, e.Kind)
	if !pulls(e.Kind) && e.Reason != "CreateContainerConfigError" {
		text += fmt.Sprintf(" run %d", e.Run)
	}
	switch e.Kind {
	case trace.Exited:
		text += fmt.Sprintf(" code %d", e.ExitCode)
	case trace.PodRefused, trace.JobRefused, trace.FieldDropped:
		text += " " + e.Reason
	case trace.StopSignal:
		text += fmt.Sprintf(" grace %v", e.Span)
	}
	return text
}

func statusText(t *trace.Trace, v *trace.Status) string { return strings.Join(statusParts(t, v), "; ") }

// statusParts are what a version shows: the Pod, each container, each condition.
func statusParts(t *trace.Trace, v *trace.Status) []string {
	parts := []string{fmt.Sprintf("status %v %s deleting=%t", v.Phase, v.Reason, v.Deleting)}
	for i := range v.Containers {
		c := &v.Containers[i]
		if !c.Present {
			continue
		}
		text := fmt.Sprintf("%s %v %s %d", t.Containers[i].Name, c.State.Kind, c.State.Reason, c.State.ExitCode)
		if c.Last.Kind != trace.StateNone {
			text += fmt.Sprintf(" last %v %s %d", c.Last.Kind, c.Last.Reason, c.Last.ExitCode)
		}
		parts = append(parts, text+fmt.Sprintf(" started=%t ready=%t restarts=%d", c.Started, c.Ready, c.Restarts))
	}
	conditions := slices.Clone(v.Conditions)
	slices.SortFunc(conditions, func(x, y trace.Condition) int { return cmp.Compare(x.Type, y.Type) })
	for _, c := range conditions {
		parts = append(parts, fmt.Sprintf("%v=%t %s %s", c.Type, c.True, c.Reason, c.Message(t.Containers)))
	}
	return parts
}

// statusNews is what a version shows that the one before it does not.
func statusNews(t *trace.Trace, before, now *trace.Status) string {
	parts := statusParts(t, now)
	if before != nil {
		old := statusParts(t, before)
		parts = slices.DeleteFunc(parts, func(p string) bool { return slices.Contains(old, p) })
	}
	if len(parts) == 0 {
		return "as before"
	}
	for i := range parts {
		parts[i] = strings.Join(strings.Fields(parts[i]), " ")
	}
	return strings.Join(parts, "; ")
}

// firstDifference is the position of the first row that differs, or -1.
func firstDifference(observed, predicted []row) int {
	for i := range observed {
		if i >= len(predicted) || observed[i].text != predicted[i].text || observed[i].at != predicted[i].at {
			return i
		}
	}
	if len(predicted) > len(observed) {
		return len(observed)
	}
	return -1
}
