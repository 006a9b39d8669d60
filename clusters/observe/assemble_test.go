package observe

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var zero = time.Date(2026, 11, 26, 0, 0, 0, 250e6, time.UTC)

func at(d time.Duration) time.Time { return zero.Add(d) }

// heard is a recorder that has heard one run of a Pod of one container, and the play of it.
func heard(t *testing.T) (*Recorder, *play) {
	t.Helper()
	targets, err := gates.ParseTargets("1.29")
	if err != nil {
		t.Fatal(err)
	}
	who := identity{pod: "p", uid: "u", container: "app"}
	box := identity{pod: "p", uid: "u"}
	e := func(who identity, d time.Duration, what runtimeWhat) heardEvent {
		return heardEvent{runtimeEvent: runtimeEvent{at: at(d), what: what, id: "c-" + who.container}, who: who, node: "n"}
	}
	r := &Recorder{
		cluster: Cluster{Target: targets[0], Facts: &clusters.Facts{Nodes: []clusters.Node{{NodeName: "n"}}}},
		streams: []*stream{{node: "n", who: map[string]identity{"c-app": who}}}, pods: &watcher{}, events: &watcher{},
		runs: map[string][]heardEvent{"u": {
			e(box, 300*time.Millisecond, runtimeStarted), e(who, time.Second, runtimeCreated), e(who, 2*time.Second, runtimeStarted),
			e(who, 5*time.Second, runtimeExited), e(who, 5300*time.Millisecond, runtimeCollected), e(who, 6*time.Second, runtimeDeleted),
		}},
	}
	p := &play{recorder: r, name: "f/s", uid: "u", node: "n", asked: at(-20 * time.Millisecond), zero: zero, over: at(20 * time.Second)}
	p.table = newTable([]trace.Container{{Name: "app", Role: trace.RoleMain}})
	r.plays = []*play{p}
	return r, p
}

func started(d time.Duration) actor.Entry {
	return actor.Entry{At: at(d), Mono: int64(d), Container: "app", What: script.Started}
}

func whys(o *judge.Observation) string {
	var all []string
	for _, g := range o.Gaps {
		all = append(all, g.Source.String()+": "+g.Why)
	}
	return strings.Join(append(all, o.Foreign...), "\n")
}

// TestComplete puts together a run that all sources heard.
func TestComplete(t *testing.T) {
	r, p := heard(t)
	stop := actor.Entry{At: at(4 * time.Second), Mono: 4e9, Container: "app", What: script.StopSignal}
	again := stop
	again.Mono++
	p.steps = []stepTaken{{from: at(3900 * time.Millisecond), to: at(3950 * time.Millisecond), event: trace.Event{Kind: trace.DeleteRequested, Container: trace.NoContainer, Span: 30 * time.Second}}}
	o := r.assemble(p, []actor.Entry{started(2 * time.Second), stop, again}, nil).o
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	if why := whys(o); why != "" {
		t.Error(why)
	}
	var kinds []string
	for _, s := range o.Seen {
		kinds = append(kinds, s.Source.String()+" "+s.Event.Kind.String())
		if want := map[trace.Kind]time.Duration{trace.Exited: 300 * time.Millisecond}[s.Event.Kind]; s.Source == judge.SourceRuntime && s.Latest.Sub(s.Earliest) != want {
			t.Errorf("%v came from %v to %v, want a span of %v", s.Event.Kind, s.Earliest, s.Latest, want)
		}
	}
	want := "runtime sandboxReady, runtime created, runtime running, steps deleteRequested, journal stopSignal, runtime exited, runtime removed"
	if got := strings.Join(kinds, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if o.ClockPhase != 250*time.Millisecond || o.Horizon != trace.Instant(20*time.Second) {
		t.Errorf("clock phase %v, horizon %v", o.ClockPhase, o.Horizon)
	}
}

// TestSignalFromOutside tells the signal of a step from that of the kubelet: to the process both look alike.
func TestSignalFromOutside(t *testing.T) {
	r, p := heard(t)
	outside := actor.Entry{At: at(3 * time.Second), Mono: 3e9, Container: "app", What: script.StopSignal}
	stop := outside
	stop.At, stop.Mono = at(4*time.Second), 4e9
	p.steps = []stepTaken{{from: at(2950 * time.Millisecond), to: at(2990 * time.Millisecond), event: trace.Event{Kind: trace.OutsideSignal, Reason: "SIGTERM"}}}
	var stops []judge.Interval
	for _, s := range r.assemble(p, []actor.Entry{started(2 * time.Second), outside, stop}, nil).o.Seen {
		if s.Event.Kind == trace.StopSignal {
			stops = append(stops, s.Interval)
		}
	}
	if len(stops) != 1 || stops[0].Earliest < trace.Instant(3500*time.Millisecond) {
		t.Errorf("stop signals at %v, want the kubelet's alone", stops)
	}
}

// TestAttemptsBeginAnew has the runtime count from 0 again, as it does in a new sandbox where nothing is left of the runs before.
func TestAttemptsBeginAnew(t *testing.T) {
	r, p := heard(t)
	again := slices.Clone(r.runs["u"][1:])
	for i := range again {
		again[i].at = again[i].at.Add(6 * time.Second)
	}
	r.runs["u"] = append(r.runs["u"], again...)
	second := started(8 * time.Second)
	second.Run = 1
	stop := actor.Entry{At: at(10 * time.Second), Mono: 10e9, Container: "app", What: script.StopSignal, Run: 1}
	o := r.assemble(p, []actor.Entry{started(2 * time.Second), second, stop}, nil).o
	if why := whys(o); why != "" {
		t.Error(why)
	}
	for _, s := range o.Seen {
		if s.Event.Kind == trace.StopSignal && s.Event.Run != 0 {
			t.Errorf("the stop signal is of run %d, want 0, as the runtime calls the second run", s.Event.Run)
		}
	}
}

// TestIncomplete takes something away from what was heard, and wants the observation to say so.
func TestIncomplete(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(r *Recorder, p *play, entries *[]actor.Entry)
	}{
		{"a start was not heard", "runtime: app ran 2 times by its journal, and 1 were heard", func(_ *Recorder, _ *play, entries *[]actor.Entry) {
			*entries = append(*entries, started(9*time.Second))
		}},
		{"a journal is gone", "journal: app ran 1 times and its journal knows 0", func(_ *Recorder, _ *play, entries *[]actor.Entry) { *entries = nil }},
		{"the stream broke", "runtime: it broke", func(r *Recorder, _ *play, _ *[]actor.Entry) {
			r.streams[0].broken(at(time.Second), "it broke")
			r.streams[0].mended(at(2 * time.Second))
		}},
		{"the stream broke and did not come back", "runtime: it broke", func(r *Recorder, _ *play, _ *[]actor.Entry) { r.streams[0].broken(at(-time.Second), "it broke") }},
		{"the watch lost versions", "watch: too old", func(r *Recorder, _ *play, _ *[]actor.Entry) { r.pods.lose(at(time.Second), "too old") }},
		{"somebody wrote", "kubectl-edit wrote to it", func(_ *Recorder, p *play, _ *[]actor.Entry) {
			p.versions = []version{{pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl-edit"}}}}, arrived: at(time.Second)}}
		}},
		{"somebody deleted", "it was deleted, and not by a step", func(_ *Recorder, p *play, _ *[]actor.Entry) {
			p.versions = []version{{pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{}}}, arrived: at(time.Second)}}
		}},
		{"the kubelet was restarted", "the kubelet of node n was started anew at 2026-11-26T00:00:07Z", func(r *Recorder, _ *play, _ *[]actor.Entry) {
			r.kubelets = map[string]*kubeletLife{"n": {first: at(-time.Hour), last: at(7 * time.Second)}}
		}},
		{"the kubelet did not answer", "watch: whether the kubelet was restarted is not known: no", func(r *Recorder, _ *play, _ *[]actor.Entry) {
			r.kubelets = map[string]*kubeletLife{"n": {first: at(-time.Hour), err: errors.New("no")}}
		}},
		{"it was evicted", "it was Evicted: the node was low on memory", func(_ *Recorder, p *play, _ *[]actor.Entry) {
			p.versions = []version{{pod: &corev1.Pod{Status: corev1.PodStatus{Reason: "Evicted", Message: "the node was low on memory"}}, arrived: at(time.Second)}}
		}},
		{"a step failed", "steps: a step failed: no", func(_ *Recorder, p *play, _ *[]actor.Entry) {
			p.steps = []stepTaken{{from: zero, to: zero, failed: "no"}}
		}},
	} {
		r, p := heard(t)
		entries := []actor.Entry{started(2 * time.Second)}
		c.change(r, p, &entries)
		o := r.assemble(p, entries, nil).o
		if got := whys(o); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if err := o.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	r, p := heard(t)
	r.streams[0].broken(at(-2*time.Second), "before")
	r.streams[0].mended(at(-time.Second))
	r.kubelets = map[string]*kubeletLife{"n": {first: at(-time.Hour), last: at(10*time.Millisecond - time.Hour)}, "other": {first: at(-time.Hour), last: at(time.Second)}}
	r.pods.gaps = []silence{{at(21 * time.Second), at(22 * time.Second), "behind"}}
	if why := whys(r.assemble(p, []actor.Entry{started(2 * time.Second)}, nil).o); why != "" {
		t.Errorf("what was not heard before or behind is %q", why)
	}
}

// TestProcessThatEndsAtOnce has an end that is older than the word of its start.
func TestProcessThatEndsAtOnce(t *testing.T) {
	r, p := heard(t)
	r.runs["u"][3].at = at(1990 * time.Millisecond)
	if err := r.assemble(p, []actor.Entry{started(1980 * time.Millisecond)}, nil).o.Check(); err != nil {
		t.Error(err)
	}
}

// TestWithoutNodes widens what the journal says by what the clocks may be apart, and claims nothing of the runtime.
func TestWithoutNodes(t *testing.T) {
	r, p := heard(t)
	r.streams = nil
	stop := actor.Entry{At: at(4 * time.Second), Mono: 4e9, Container: "app", What: script.StopSignal}
	r.runs = nil
	o := r.assemble(p, []actor.Entry{started(2 * time.Second), stop}, nil).o
	if o.Sources[0] != judge.SourceWatch || o.Removals || o.ClockPhase >= 0 {
		t.Errorf("%+v", o)
	}
	if len(o.Seen) != 1 || o.Seen[0].Earliest != trace.Instant(3*time.Second) || o.Seen[0].Latest != trace.Instant(5*time.Second) {
		t.Errorf("%+v", o.Seen)
	}
}

// TestStatus turns the status of a real Pod into that of a trace.
func TestStatus(t *testing.T) {
	text, err := os.ReadFile("testdata/pod.json")
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := json.Unmarshal(text, &pod); err != nil {
		t.Fatal(err)
	}
	table := tableOf(&pod.Spec, nil)
	s := table.status(&pod, func(id string) int32 {
		if strings.Contains(id, ":") {
			t.Errorf("the ID %q has its runtime's name", id)
		}
		return 7
	})
	got := string(s.AppendJSON(nil, table.containers))
	want, err := os.ReadFile("testdata/status.json")
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.TrimSpace(string(want)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if earliest := written(&pod); earliest.IsZero() || earliest.Nanosecond() != 0 {
		t.Errorf("it was written no sooner than %v", earliest)
	}
}

// TestDelay measures a sentinel that is late at two of its steps.
func TestDelay(t *testing.T) {
	r, p := heard(t)
	p.sentinel = 2 * time.Second
	if got := p.delay(); got != time.Second { // it lived for 3 s instead of 2 s
		t.Errorf("%v", got)
	}
	if got := p.heardOf(); !got.Started || !got.Exited {
		t.Errorf("%+v", got)
	}
	r.runs["u"] = r.runs["u"][:3]
	if got := p.heardOf(); !got.Started || got.Exited {
		t.Errorf("%+v", got)
	}
}
