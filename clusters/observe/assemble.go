package observe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// assembly puts one observation together.
type assembly struct {
	r *Recorder
	p *play
	o *judge.Observation
	// skew is how far the clocks of nodes may be from ours.
	skew time.Duration
	// lost is how many runs the journal knows and no other source does.
	lost int
}

// unknownSkew is how far clocks are allowed to be apart that nobody could compare.
const unknownSkew = time.Second

// assemble puts together what was heard of a play. Entries are its journal; problems say what of it could not be read.
func (r *Recorder) assemble(p *play, entries []actor.Entry, problems []string) *assembly {
	a := &assembly{r: r, p: p, o: &judge.Observation{
		Scenario: p.name, Target: r.targetOfPods().String(), Containers: p.table.containers, ClockPhase: -1,
		Sources: []judge.Source{judge.SourceWatch, judge.SourceKubeEvent, judge.SourceJournal, judge.SourceSteps},
		Horizon: trace.Instant(p.over.Sub(p.zero)), Provenance: r.provenance(p),
	}}
	if len(r.streams) > 0 {
		a.o.Sources = append([]judge.Source{judge.SourceRuntime}, a.o.Sources...)
		a.o.Removals = true
		a.o.ClockPhase = time.Duration(p.zero.Nanosecond())
	} else {
		a.skew = unknownSkew
		if !p.followed {
			// What came in the last moments may as well belong to the recorder's own clean-up, which begins at the end.
			a.o.Horizon = max(a.o.Horizon.Add(-a.skew), 0)
		}
	}
	if p.followed {
		a.onlyLooked()
	}
	for _, problem := range problems {
		a.gap(judge.SourceJournal, p.zero, p.over, problem)
	}
	if p.refused != "" {
		a.see(trace.Event{Kind: trace.PodRefused, Container: trace.NoContainer, Reason: p.refused}, judge.SourceSteps, p.asked, p.zero)
	}
	a.steps()
	a.runtime()
	a.watch()
	a.notes()
	if !p.followed {
		a.journal(entries)
	}
	a.silences()
	a.kubelet()
	slices.SortStableFunc(a.o.Seen, func(x, y judge.Seen) int {
		return cmp.Or(cmp.Compare(x.Earliest, y.Earliest), cmp.Compare(x.Latest, y.Latest))
	})
	return a
}

// instant is a time since the Pod's creation. What happened before the answer arrived happened at zero.
func (a *assembly) instant(t time.Time) trace.Instant { return trace.Instant(max(t.Sub(a.p.zero), 0)) }

// see adds an event unless it came behind the horizon.
func (a *assembly) see(e trace.Event, source judge.Source, from, to time.Time) {
	span := judge.Interval{Earliest: a.instant(from), Latest: a.instant(to)}
	if span.Latest = max(span.Latest, span.Earliest); span.Earliest > a.o.Horizon {
		return
	}
	span.Latest = min(span.Latest, a.o.Horizon)
	a.o.Seen = append(a.o.Seen, judge.Seen{Event: e, Interval: span, Source: source})
}

// gap adds a span in which a source was not heard, as far as it lies in the observation.
func (a *assembly) gap(source judge.Source, from, to time.Time, why string) {
	if to.IsZero() || to.After(a.p.over) {
		to = a.p.over
	}
	if from.After(a.p.over) || to.Before(a.p.zero) {
		return
	}
	a.o.Gaps = append(a.o.Gaps, judge.Gap{Source: source, From: a.instant(from), To: a.instant(to), Why: why})
}

func (a *assembly) foreign(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(a.o.Foreign, text) {
		a.o.Foreign = append(a.o.Foreign, text)
	}
}

func (a *assembly) steps() {
	for _, s := range a.p.steps {
		switch s.failed {
		case "":
			a.see(s.event, judge.SourceSteps, s.from, s.to)
		case "-":
		default:
			a.gap(judge.SourceSteps, s.from, s.to, "a step failed: "+s.failed)
		}
	}
}

// runtime adds the lives of the containers, and of the sandboxes.
func (a *assembly) runtime() {
	oom := map[string]bool{}
	ended, collected := map[string]time.Time{}, map[string]time.Time{}
	heard := a.r.runtimeOf(a.p.uid)
	for _, e := range heard {
		switch e.what {
		case runtimeOOM:
			oom[e.id] = true
		case runtimeExited:
			ended[e.id] = e.at
		case runtimeCollected:
			collected[e.id] = e.at
		}
	}
	for _, e := range heard {
		position, ok := a.p.table.index[e.who.container]
		if !ok && e.who.container != "" {
			a.foreign("container %s was added", e.who.container)
			continue
		}
		event := e.words(oom[e.id])
		if event.Kind == trace.KindNone {
			continue
		}
		if e.who.container != "" {
			event.Container = int16(position)
		}
		to := e.at
		switch end := ended[e.id]; {
		case event.Kind == trace.Running && !end.IsZero() && end.Before(e.at):
			e.at, to = end, end // a process may end before its start is told
		case event.Kind == trace.Exited:
			to = later(to, collected[e.id])
		}
		a.see(event, judge.SourceRuntime, e.at, to)
	}
}

// words is the event in the words of a trace, without the container's position. Its kind is KindNone for what no trace has.
func (e *heardEvent) words(oom bool) trace.Event {
	event := trace.Event{Container: trace.NoContainer, Run: e.who.attempt}
	if e.who.container == "" {
		if e.what == runtimeStarted {
			event.Kind = trace.SandboxReady
		}
		return event
	}
	switch e.what {
	case runtimeCreated:
		event.Kind = trace.Created
	case runtimeStarted:
		event.Kind = trace.Running
	case runtimeExited:
		event.Kind, event.ExitCode, event.Reason = trace.Exited, e.exitCode, exitReason(e.exitCode, oom)
	case runtimeDeleted:
		event.Kind = trace.Removed
	}
	return event
}

func exitReason(code int32, oom bool) string {
	switch {
	case oom:
		return "OOMKilled"
	case code == 0:
		return "Completed"
	}
	return "Error"
}

// began counts the runs of each container that began, by the runtime or, where that is not heard, by the status.
func (a *assembly) began() []int32 {
	n := make([]int32, len(a.p.table.containers))
	for i := range a.o.Seen {
		if e := &a.o.Seen[i].Event; e.Kind == trace.Running {
			n[e.Container]++
		}
	}
	if len(a.r.streams) > 0 {
		return n
	}
	for i := range a.o.Statuses {
		for c, s := range a.o.Statuses[i].Containers {
			runs := s.Restarts
			if s.State.Kind == trace.StateRunning || s.State.Kind == trace.StateTerminated {
				runs++
			}
			n[c] = max(n[c], runs)
		}
	}
	return n
}

// watch adds the versions of the status, the binding, and the removal. A version was written after the one before it.
func (a *assembly) watch() {
	p := a.p
	from := p.asked
	bound := false
	for i, v := range p.versions {
		if v.arrived.After(p.over) {
			break
		}
		from = later(from, written(v.pod))
		if from.After(v.arrived) {
			from = v.arrived // the API server's clock is ahead
		}
		a.writers(v.pod)
		if !bound && v.pod.Spec.NodeName != "" {
			bound = true
			a.see(trace.Event{Kind: trace.PodBound, Container: trace.NoContainer}, judge.SourceWatch, p.asked, v.arrived)
		}
		if v.deleted {
			a.see(trace.Event{Kind: trace.PodRemoved, Container: trace.NoContainer}, judge.SourceWatch, from, v.arrived)
			continue
		}
		if i > 0 && p.versions[i-1].pod.ResourceVersion == v.pod.ResourceVersion {
			continue
		}
		a.o.Statuses = append(a.o.Statuses, judge.SeenStatus{
			Status:  p.table.status(v.pod, a.attempt),
			Arrived: judge.Interval{Earliest: a.instant(from), Latest: a.instant(v.arrived)},
		})
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// attempt is the run of a container's ID, if the runtime was heard.
func (a *assembly) attempt(id string) int32 {
	for _, s := range a.r.streams {
		if who, ok := s.identityOf(id); ok {
			return who.attempt
		}
	}
	return -1
}

// written is a time before which a version was not written: the newest that its writers left, cut to seconds.
func written(pod *corev1.Pod) time.Time {
	var newest time.Time
	for _, f := range pod.ManagedFields {
		if f.Time != nil {
			newest = later(newest, f.Time.Time)
		}
	}
	return newest
}

// writers are the managers of fields that a Pod of ours may have, by the beginnings of their names: we, and the node. The
// binding and the deletion leave no name.
var writers = []string{clusters.ManagedBy, "kubelet", "kube-scheduler"}

// writers says who else changed the Pod.
func (a *assembly) writers(pod *corev1.Pod) {
	for _, f := range pod.ManagedFields {
		known := slices.Contains(a.p.owners, f.Manager) || slices.ContainsFunc(writers, func(name string) bool { return strings.HasPrefix(f.Manager, name) })
		if !known {
			a.foreign("%s wrote to it", f.Manager)
		}
	}
	deletes := func(s stepTaken) bool { return s.event.Kind == trace.DeleteRequested }
	if pod.DeletionTimestamp != nil && !slices.ContainsFunc(a.p.steps, deletes) {
		a.foreign("it was deleted, and not by a step")
	}
	switch pod.Status.Reason {
	case "Evicted", "Preempting", "NodeLost", "NodeShutdown", "Terminated":
		a.foreign("it was %s: %s", pod.Status.Reason, pod.Status.Message)
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue && !(c.Reason == "EvictionByEvictionAPI" && a.p.evicts()) {
			a.foreign("%s: %s", c.Reason, c.Message)
		}
	}
}

// notes adds what Event objects tell. They have stamps of a second, and one object stands for several events alike.
func (a *assembly) notes() {
	for _, note := range a.r.notes {
		if note.InvolvedObject.UID != a.p.uid || note.Reason != "Killing" {
			continue
		}
		_, name, ok := strings.Cut(note.InvolvedObject.FieldPath, "{")
		position, known := a.p.table.index[strings.TrimSuffix(name, "}")]
		at := note.LastTimestamp.Time
		if !ok || !known || at.IsZero() {
			continue
		}
		to := at.Add(time.Second)
		if arrived := a.r.said[note.Name+" "+note.ResourceVersion]; arrived.Before(to) {
			to = arrived
		}
		if run := a.running(int16(position), at, to); run >= 0 {
			a.see(trace.Event{Kind: trace.Killing, Container: int16(position), Run: run}, judge.SourceKubeEvent, at, to)
		}
	}
}

// running is the run that a container was in during all of a span, or -1.
func (a *assembly) running(container int16, from, to time.Time) int32 {
	run, since := int32(-1), trace.Never
	for i := range a.o.Seen {
		s := &a.o.Seen[i]
		if s.Event.Container != container {
			continue
		}
		switch {
		case s.Event.Kind == trace.Running && s.Earliest <= a.instant(to):
			run, since = s.Event.Run, s.Earliest
		case s.Event.Kind == trace.Exited && s.Latest < a.instant(from):
			run, since = -1, trace.Never
		}
	}
	if since > a.instant(from) {
		return -1
	}
	return run
}

func (a *assembly) silences() {
	for _, s := range a.r.streams {
		if s.node != a.p.node {
			continue
		}
		for _, g := range s.silences() {
			a.gap(judge.SourceRuntime, g.from, g.to, g.why)
		}
	}
	for _, g := range a.r.pods.silences() {
		a.gap(judge.SourceWatch, g.from, g.to, g.why)
	}
	for _, g := range a.r.events.silences() {
		a.gap(judge.SourceKubeEvent, g.from, g.to, g.why)
	}
}

// provenance says where the observation comes from.
func (r *Recorder) provenance(p *play) judge.Provenance {
	facts := r.cluster.Facts
	out := judge.Provenance{
		APIServer: facts.API.Version, NodeImage: r.cluster.NodeImage, Node: p.node, Date: p.zero.UTC().Format(time.RFC3339), Tool: r.options.Tool,
	}
	kubelet := facts.Kubelets
	for i := range facts.Nodes {
		if n := &facts.Nodes[i]; n.NodeName == p.node || p.node == "" && n.Kind == r.options.Kind {
			kubelet, out.Runtime = &n.Component, n.Runtime
			break
		}
	}
	add := func(component string, of *clusters.Component) {
		for _, g := range of.Gates {
			if g.State != clusters.Unknown {
				out.Gates = append(out.Gates, judge.GateState{Component: component, Name: g.Name, On: g.State == clusters.On})
			}
		}
	}
	add(judge.ComponentAPIServer, &facts.API)
	if kubelet != nil {
		out.Kubelet = kubelet.Version
		add(judge.ComponentKubelet, kubelet)
	}
	slices.SortFunc(out.Gates, func(a, b judge.GateState) int {
		return cmp.Or(cmp.Compare(a.Component, b.Component), cmp.Compare(a.Name, b.Name))
	})
	return out
}
