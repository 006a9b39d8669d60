package rules

import (
	"slices"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// subject is a Pod with a gated sidecar, a plain sidecar, an init container between them and a main.
func subject(policy sim.RestartPolicy, life time.Duration) *Subject {
	return NoFacts(&sim.Scenario{
		Name: "doctored",
		Pod: sim.Pod{
			Name: "doctored", Namespace: "default", RestartPolicy: policy, TerminationGracePeriodSeconds: 30,
			Init: []sim.Container{
				{
					Name: "proxy", RestartPolicy: sim.RestartAlways,
					Startup:   &sim.Probe{PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3, Handler: sim.HandlerHTTP},
					Readiness: &sim.Probe{PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3, Handler: sim.HandlerHTTP},
				},
				{Name: "warm", Behavior: sim.Behavior{Runs: []sim.Process{{For: time.Second}}}},
				{Name: "ship", RestartPolicy: sim.RestartAlways},
			},
			Main: []sim.Container{{Name: "app", Behavior: sim.Behavior{Runs: []sim.Process{{For: life, OnStop: sim.StopReaction{After: time.Second}}}}}},
		},
	})
}

func target(t *testing.T, name string) *Target {
	t.Helper()
	list, err := gates.ParseTargets(name)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := NewTarget(list[0])
	if err != nil {
		t.Fatal(err)
	}
	return &resolved
}

// without takes the events of a kind of a container out of a trace, by making them nothing.
func without(t *testing.T, tr *trace.Trace, container string, kind trace.Kind) {
	t.Helper()
	found := false
	for i := range tr.Events {
		if e := &tr.Events[i]; e.Container >= 0 && tr.Containers[e.Container].Name == container && e.Kind == kind {
			e.Kind, found = trace.Relist, true
		}
	}
	if !found {
		t.Fatalf("%s has no %s to take out", container, kind)
	}
}

// setReady changes the condition Ready of the last version.
func setReady(t *testing.T, tr *trace.Trace, ready bool) {
	t.Helper()
	last := &tr.Statuses[len(tr.Statuses)-1]
	for i := range last.Conditions {
		if c := &last.Conditions[i]; c.Type == trace.PodReady && c.True != ready {
			c.True = ready
			return
		}
	}
	t.Fatalf("there is no condition Ready that is not %t", ready)
}

func setPhase(tr *trace.Trace, from, to trace.Phase) {
	for i := range tr.Statuses {
		if tr.Statuses[i].Phase == from {
			tr.Statuses[i].Phase = to
		}
	}
}

// doctored are runs that no cluster should show: one for each way in which a rule without a Pod that breaks it can be broken.
var doctored = []struct {
	rule, run string
	policy    sim.RestartPolicy
	life      time.Duration
	change    func(*testing.T, *trace.Trace)
}{
	{"ORD002", "undisturbed", sim.RestartAlways, sim.Forever, func(t *testing.T, tr *trace.Trace) { without(t, tr, "proxy", trace.Started) }},
	{"ORD002", "undisturbed", sim.RestartAlways, sim.Forever, func(t *testing.T, tr *trace.Trace) { without(t, tr, "warm", trace.Exited) }},
	{"ORD003", "undisturbed", sim.RestartAlways, sim.Forever, func(t *testing.T, tr *trace.Trace) { without(t, tr, "ship", trace.Started) }},
	{"ORD003", "undisturbed", sim.RestartAlways, sim.Forever, func(t *testing.T, tr *trace.Trace) { without(t, tr, "warm", trace.Exited) }},
	{"TRM001", "deleted with grace 0", sim.RestartAlways, sim.Forever, func(t *testing.T, tr *trace.Trace) { without(t, tr, "app", trace.Exited) }},
	{"TRM002", "deleted with grace 0", sim.RestartAlways, sim.Forever, func(t *testing.T, tr *trace.Trace) { without(t, tr, "ship", trace.Exited) }},
	{"JOB002", "undisturbed", sim.RestartNever, 10 * time.Second, func(_ *testing.T, tr *trace.Trace) { setPhase(tr, trace.PhaseSucceeded, trace.PhaseRunning) }},
	{"JOB003", "sidecars exit 137", sim.RestartNever, 10 * time.Second, func(_ *testing.T, tr *trace.Trace) { setPhase(tr, trace.PhaseSucceeded, trace.PhaseFailed) }},
	{"STA001", "all ready", sim.RestartAlways, sim.Forever, func(t *testing.T, tr *trace.Trace) { setReady(t, tr, false) }},
	{"STA001", "sidecar proxy not ready", sim.RestartAlways, sim.Forever, func(t *testing.T, tr *trace.Trace) { setReady(t, tr, true) }},
}

// TestDoctored breaks each rule that no Pod breaks.
func TestDoctored(t *testing.T) {
	policy := DefaultPolicy()
	var broken []string
	for _, c := range doctored {
		rule, known := Find(c.rule)
		if !known || !rule.Invariant {
			t.Fatalf("%s is no rule that Pods keep", c.rule)
		}
		e := examine(subject(c.policy, c.life), target(t, "1.34"), &policy)
		var before, after Outcome
		e.judge(rule, &before)
		if before.Verdict != Pass || len(before.Findings) > 0 {
			t.Errorf("%s: the run as it is: %s, %s", c.rule, before.Verdict, before.Reason)
		}
		i := slices.IndexFunc(e.runs, func(r run) bool { return r.name == c.run })
		if i < 0 {
			t.Fatalf("%s makes no run %q", c.rule, c.run)
		}
		c.change(t, e.runs[i].Trace)
		e.judge(rule, &after)
		if after.Verdict != Fail || len(after.Findings) == 0 || after.Severity() != Error {
			t.Errorf("%s: the doctored run %q: %s, %s", c.rule, c.run, after.Verdict, after.Reason)
		}
		broken = append(broken, c.rule)
	}
	for _, rule := range All() {
		if rule.Invariant && !slices.Contains(broken, rule.ID) {
			t.Errorf("no doctored run breaks %s", rule.ID)
		}
	}
}

// TestJudgeTrace holds traces against the rules for all traces: a good one, and doctored ones.
func TestJudgeTrace(t *testing.T) {
	s, on := subject(sim.RestartAlways, sim.Forever), target(t, "1.34")
	s.Scenario.Steps = []sim.Step{{At: 20 * time.Second, Delete: &sim.Delete{}}}
	for _, c := range []struct {
		container string
		kind      trace.Kind
		breaks    []string
	}{
		{"", trace.KindNone, nil},
		{"proxy", trace.Started, []string{"ORD002", "ORD003"}},
		{"app", trace.Exited, []string{"TRM001"}},
		{"ship", trace.Exited, []string{"TRM002"}},
	} {
		tr, err := sim.Run(s.Scenario, on.Nodes[0], sim.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		if c.container != "" {
			without(t, tr, c.container, c.kind)
		}
		var got []string
		for _, o := range JudgeTrace(s, on, tr) {
			if o.Verdict == Fail {
				got = append(got, o.Rule.ID)
			} else if o.Verdict != Pass {
				t.Errorf("%s: %s, %s", o.Rule.ID, o.Verdict, o.Reason)
			}
		}
		if !slices.Equal(got, c.breaks) {
			t.Errorf("without %s of %s: %q fail, want %q", c.kind, c.container, got, c.breaks)
		}
	}
}

// TestUnmodelled wants what depends on a field outside the model to be unknown, by its name, and nothing else.
func TestUnmodelled(t *testing.T) {
	policy := DefaultPolicy()
	for _, c := range []struct {
		field   string
		unknown []string
		decided []string
	}{
		{"spec.readinessGates", []string{"STA001"}, []string{"ORD002", "TRM001", "JOB002"}},
		{"spec.containers[0].somethingNew", []string{"ORD002", "TRM001", "RST001", "JOB002"}, nil},
		{"spec.containers[0].resizePolicy", nil, []string{"ORD002", "TRM001", "STA001"}},
	} {
		s := subject(sim.RestartNever, 10*time.Second)
		s.Scenario.Unmodelled = []sim.Unmodelled{{Field: c.field, Why: "not simulated yet"}}
		outcomes, err := Judge(s, target(t, "1.34"), &policy, All())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			if slices.Contains(c.unknown, o.Rule.ID) && (o.Verdict != Unknown || len(o.Findings) > 0 || o.Reason != c.field+" is set, which is not simulated") {
				t.Errorf("%s with %s: %s, %s", o.Rule.ID, c.field, o.Verdict, o.Reason)
			}
			if slices.Contains(c.decided, o.Rule.ID) && o.Verdict != Pass {
				t.Errorf("%s with %s: %s, %s", o.Rule.ID, c.field, o.Verdict, o.Reason)
			}
		}
	}
}

// TestEveryRuleSpeaks wants a complete page for each rule, an answer from each of its engines with a reason, and IDs in order.
func TestEveryRuleSpeaks(t *testing.T) {
	policy := DefaultPolicy()
	before := map[Group]string{}
	for _, r := range All() {
		if r.Title == "" || r.What == "" || r.Why == "" || r.Remedy == "" || len(r.Evidence) == 0 || len(r.Engines()) == 0 {
			t.Errorf("%s: its page is not complete", r.ID)
		}
		if r.ID[:3] != string(r.Group) || r.ID <= before[r.Group] {
			t.Errorf("%s is out of order in group %s", r.ID, r.Group)
		}
		before[r.Group] = r.ID
		if found, ok := Find(string(r.Group) + r.ID[3:]); !ok || found != r {
			t.Errorf("%s is not found", r.ID)
		}
	}
	for _, on := range []string{"1.28", "1.28+SidecarContainers", "1.29/{1.29,1.28}", "1.31.0", "1.37"} {
		outcomes, err := Judge(subject(sim.RestartOnFailure, 5*time.Second), target(t, on), &policy, All())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			if o.Reason == "" {
				t.Errorf("%s on %s says %s without a reason", o.Rule.ID, on, o.Verdict)
			}
			for engine, a := range o.Answers {
				wants := slices.Contains(o.Rule.Engines(), Engine(engine))
				if a.Asked != wants || wants && a.Reason == "" {
					t.Errorf("%s on %s: engine %s says %+v", o.Rule.ID, on, Engine(engine), a)
				}
				if wants && a.Verdict > o.Verdict {
					t.Errorf("%s on %s: engine %s says %s, the rule %s", o.Rule.ID, on, Engine(engine), a.Verdict, o.Verdict)
				}
			}
		}
	}
}

// TestSameAnswer wants the same outcomes for the same Pod, and the subject left as it was.
func TestSameAnswer(t *testing.T) {
	policy := DefaultPolicy()
	s := subject(sim.RestartNever, 5*time.Second)
	s.Main = append(s.Main, Facts{Image: "docker.io/istio/proxyv2:1"})
	s.Scenario.Pod.Main = append(s.Scenario.Pod.Main, sim.Container{Name: "mesh", Behavior: sim.Behavior{Runs: []sim.Process{{For: 10 * time.Second}}}})
	var texts [2][]string
	for i := range texts {
		outcomes, err := Judge(s, target(t, "1.36"), &policy, All())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			texts[i] = append(texts[i], o.Rule.ID+" "+o.Verdict.String()+" "+o.Reason)
			for _, f := range o.Findings {
				texts[i] = append(texts[i], f.Message+f.Explanation+f.Remedy+f.At.Path)
			}
		}
	}
	if !slices.Equal(texts[0], texts[1]) {
		t.Errorf("the answers differ:\n%q\n%q", texts[0], texts[1])
	}
	if life := s.Scenario.Pod.Main[1].Behavior.Runs[0].For; life != 10*time.Second {
		t.Errorf("the subject was changed: the helper lives %v", life)
	}
}

// BenchmarkJudge is one Job with a mesh proxy on one target, all rules.
func BenchmarkJudge(b *testing.B) {
	list, err := gates.ParseTargets("1.34")
	if err != nil {
		b.Fatal(err)
	}
	on, err := NewTarget(list[0])
	if err != nil {
		b.Fatal(err)
	}
	policy, s, all := DefaultPolicy(), subject(sim.RestartNever, 10*time.Second), All()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Judge(s, &on, &policy, all); err != nil {
			b.Fatal(err)
		}
	}
}
