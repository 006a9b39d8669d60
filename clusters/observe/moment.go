package observe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Moment is something that was heard of a followed Pod, for people.
type Moment struct {
	// At is since the Pod's creation: when it happened as far as that is told, else when it was heard.
	At trace.Instant
	// Container is what it is about. Its name is empty for the Pod itself.
	Container trace.Container
	// Words say what it is, those of a trace where a trace has it.
	Words  string
	Source judge.Source
	// Earlier is true for what the status tells of the time before the recording began.
	Earlier bool
}

// teller turns what was heard of a play into moments, each once.
type teller struct {
	play *play
	tell func(Moment)

	runtime, versions, notes int // how many were told
	oom                      map[string]bool
	last                     *version
	status                   trace.Status
}

// ofPod is what moments about the Pod itself are about.
var ofPod = trace.Container{Role: trace.RolePod}

// news tells what was heard since the last call, in the order in which it happened.
func (t *teller) news() {
	if t.tell == nil {
		return
	}
	moments := slices.Concat(t.ofRuntime(), t.ofWatch(), t.ofNotes())
	slices.SortStableFunc(moments, func(a, b Moment) int { return cmp.Compare(a.At, b.At) })
	for _, m := range moments {
		t.tell(m)
	}
}

func (t *teller) instant(at time.Time) trace.Instant {
	return trace.Instant(max(at.Sub(t.play.zero), 0))
}

func (t *teller) ofRuntime() []Moment {
	var moments []Moment
	heard := t.play.recorder.runtimeOf(t.play.uid)
	for i := t.runtime; i < len(heard); i++ {
		e := &heard[i]
		if e.what == runtimeOOM {
			if t.oom == nil {
				t.oom = map[string]bool{}
			}
			t.oom[e.id] = true
		}
		if event := e.words(t.oom[e.id]); event.Kind != trace.KindNone {
			moments = append(moments, Moment{At: t.instant(e.at), Container: t.container(e.who.container), Words: event.Words(), Source: judge.SourceRuntime})
		}
	}
	t.runtime = len(heard)
	return moments
}

// container is the one of a name; the Pod itself without one. One that is not in the Pod's spec was added to it.
func (t *teller) container(name string) trace.Container {
	if name == "" {
		return ofPod
	}
	if i, ok := t.play.table.index[name]; ok {
		return t.play.table.containers[i]
	}
	return trace.Container{Name: name, Role: trace.RoleEphemeral}
}

func (t *teller) ofWatch() []Moment {
	p := t.play
	p.mu.Lock()
	list := slices.Clone(p.versions[t.versions:])
	p.mu.Unlock()
	t.versions += len(list)
	var moments []Moment
	for i := range list {
		moments = append(moments, t.version(&list[i])...)
	}
	return moments
}

// version tells what is new in a version of the Pod.
func (t *teller) version(v *version) []Moment {
	p := t.play
	status := p.table.status(v.pod, func(string) int32 { return -1 })
	var moments []Moment
	pod := func(words string) {
		moments = append(moments, Moment{At: t.instant(v.arrived), Container: ofPod, Words: words, Source: judge.SourceWatch})
	}
	event := func(e trace.Event) { pod(e.Words()) }
	first := t.last == nil
	if first && p.since.IsZero() {
		event(trace.Event{Kind: trace.PodCreated})
	}
	if first && !p.since.IsZero() {
		moments = t.before(v)
		words := "the recording begins, phase " + status.Phase.String()
		if v.pod.DeletionTimestamp != nil {
			words += ", being deleted"
		}
		pod(words)
		t.last, t.status = v, status
		return moments
	}
	if v.pod.Spec.NodeName != "" && (first || t.last.pod.Spec.NodeName == "") {
		event(trace.Event{Kind: trace.PodBound})
	}
	if v.pod.DeletionTimestamp != nil && (first || t.last.pod.DeletionTimestamp == nil) {
		event(trace.Event{Kind: trace.DeleteRequested, Span: graceOf(v.pod)})
	}
	for i := range status.Containers {
		var old trace.ContainerStatus
		if !first {
			old = t.status.Containers[i]
		}
		for _, words := range changes(&old, &status.Containers[i], len(p.recorder.streams) > 0) {
			moments = append(moments, Moment{At: t.instant(v.arrived), Container: p.table.containers[i], Words: words, Source: judge.SourceWatch})
		}
	}
	if status.Phase != t.status.Phase || status.Reason != t.status.Reason {
		pod(strings.TrimSpace("phase " + status.Phase.String() + bracketed(status.Reason)))
	}
	if v.deleted {
		event(trace.Event{Kind: trace.PodRemoved})
	}
	t.last, t.status = v, status
	return moments
}

func graceOf(pod *corev1.Pod) time.Duration {
	if pod.DeletionGracePeriodSeconds == nil {
		return 0
	}
	return time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
}

// changes are the words for what a status has that the one before it had not. What the runtime tells better is left out.
func changes(old, now *trace.ContainerStatus, runtimeHeard bool) []string {
	var words []string
	add := func(e trace.Event) { words = append(words, e.Words()) }
	if now.State != old.State || now.Restarts != old.Restarts {
		switch {
		case now.State.Kind == trace.StateWaiting && now.State != old.State:
			words = append(words, "waiting"+bracketed(now.State.Reason))
		case now.State.Kind == trace.StateRunning && !runtimeHeard:
			add(trace.Event{Kind: trace.Running, Run: now.Restarts})
		case now.State.Kind == trace.StateTerminated && !runtimeHeard:
			add(trace.Event{Kind: trace.Exited, ExitCode: now.State.ExitCode, Reason: now.State.Reason})
		}
	}
	if now.Started && !old.Started {
		add(trace.Event{Kind: trace.Started})
	}
	if now.Ready && !old.Ready {
		add(trace.Event{Kind: trace.Ready})
	}
	if old.Ready && !now.Ready {
		add(trace.Event{Kind: trace.NotReady})
	}
	return words
}

func bracketed(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// before tells what the status says of the time before the recording began. Its times are cut to seconds.
func (t *teller) before(v *version) []Moment {
	var moments []Moment
	add := func(container string, at metav1.Time, e trace.Event) {
		if at.IsZero() {
			at = metav1.NewTime(v.arrived)
		}
		moments = append(moments, Moment{At: t.instant(at.Time), Container: t.container(container), Words: e.Words(), Source: judge.SourceWatch, Earlier: true})
	}
	ended := func(container string, s *corev1.ContainerStateTerminated) {
		if s != nil {
			add(container, s.FinishedAt, trace.Event{Kind: trace.Exited, ExitCode: s.ExitCode, Reason: s.Reason})
		}
	}
	s := &v.pod.Status
	for _, c := range slices.Concat(s.InitContainerStatuses, s.ContainerStatuses, s.EphemeralContainerStatuses) {
		ended(c.Name, c.LastTerminationState.Terminated)
		if c.State.Running != nil {
			add(c.Name, c.State.Running.StartedAt, trace.Event{Kind: trace.Running, Run: c.RestartCount})
		}
		ended(c.Name, c.State.Terminated)
		if c.State.Waiting != nil {
			moments = append(moments, Moment{At: t.instant(v.arrived), Container: t.container(c.Name), Words: "waiting" + bracketed(c.State.Waiting.Reason),
				Source: judge.SourceWatch, Earlier: true})
		}
	}
	slices.SortStableFunc(moments, func(a, b Moment) int { return cmp.Compare(a.At, b.At) })
	return moments
}

// ofNotes tells the Event objects about the Pod. They have stamps of a second; their arrival says more unless it is late.
func (t *teller) ofNotes() []Moment {
	r := t.play.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	var moments []Moment
	for _, note := range r.notes[t.notes:] {
		if note.InvolvedObject.UID != t.play.uid {
			continue
		}
		at := r.said[note.Name+" "+note.ResourceVersion]
		if stamp := note.LastTimestamp.Time; !stamp.IsZero() && at.After(stamp.Add(time.Second)) {
			at = stamp.Add(time.Second)
		}
		_, field, _ := strings.Cut(note.InvolvedObject.FieldPath, "{")
		words := note.Reason + ": " + strings.Join(strings.Fields(note.Message), " ")
		if note.Count > 1 {
			words += fmt.Sprintf(" (%d times)", note.Count)
		}
		moments = append(moments, Moment{At: t.instant(at), Container: t.container(strings.TrimSuffix(field, "}")), Words: words, Source: judge.SourceKubeEvent})
	}
	t.notes = len(r.notes)
	return moments
}
