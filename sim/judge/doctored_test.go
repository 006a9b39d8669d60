package judge_test

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

func scenario(t testing.TB, name string) *fixtures.Item {
	t.Helper()
	for _, item := range scenarios(t) {
		if item.Family+"/"+item.Name == name {
			return item
		}
	}
	t.Fatalf("no scenario %s", name)
	return nil
}

// seen is the position of an event of an observation.
func seen(t testing.TB, o *judge.Observation, container string, kind trace.Kind, run int32) *judge.Seen {
	t.Helper()
	for i := range o.Seen {
		e := &o.Seen[i].Event
		if e.Kind == kind && e.Run == run && e.Container >= 0 && o.Containers[e.Container].Name == container {
			return &o.Seen[i]
		}
	}
	t.Fatalf("%v of run %d of %s was not seen", kind, run, container)
	return nil
}

// shift moves everything from an instant on.
func shift(o *judge.Observation, from trace.Instant, by time.Duration) {
	for i := range o.Seen {
		if s := &o.Seen[i]; s.Earliest >= from {
			s.Earliest, s.Latest = s.Earliest.Add(by), s.Latest.Add(by)
		}
	}
	for i := range o.Statuses {
		if a := &o.Statuses[i].Arrived; a.Latest >= from {
			a.Earliest, a.Latest = a.Earliest.Add(by), a.Latest.Add(by)
		}
	}
	o.Horizon = o.Horizon.Add(by)
}

func sortSeen(o *judge.Observation) {
	slices.SortStableFunc(o.Seen, func(a, b judge.Seen) int {
		return cmp.Or(cmp.Compare(a.Earliest, b.Earliest), cmp.Compare(a.Latest, b.Latest))
	})
}

// TestDoctored changes one thing of an observation; the judgement must say in which stage.
func TestDoctored(t *testing.T) {
	for _, c := range []struct {
		name, scenario, target string
		verdict                judge.Verdict
		stage                  judge.Stage
		doctor                 func(o *judge.Observation)
	}{
		{"nothing", "termination/reverse-stop-order", "1.33", judge.Conforms, judge.StageDone, func(*judge.Observation) {}},
		{"another exit code", "termination/reverse-stop-order", "1.33", judge.Diverges, judge.StageRuns, func(o *judge.Observation) {
			o.Seen[slices.IndexFunc(o.Seen, func(s judge.Seen) bool { return s.Event.Kind == trace.Exited })].Event.ExitCode++
		}},
		{"a run more", "restart/never-pod-restarts-its-sidecar", "1.33", judge.Diverges, judge.StageRuns, func(o *judge.Observation) {
			e := *seen(t, o, "proxy", trace.Exited, 1)
			for i, kind := range []trace.Kind{trace.Created, trace.Running} {
				again := e
				again.Event.Kind, again.Event.Run, again.Event.ExitCode, again.Event.Reason = kind, 2, 0, ""
				again.Earliest = e.Earliest.Add(time.Duration(i+1) * 300 * time.Millisecond)
				again.Latest = again.Earliest
				o.Seen = append(o.Seen, again)
			}
			sortSeen(o)
		}},
		{"a stop signal missing", "termination/reverse-stop-order", "1.33", judge.Diverges, judge.StageRuns, func(o *judge.Observation) {
			o.Seen = slices.DeleteFunc(o.Seen, func(s judge.Seen) bool { return s.Event.Kind == trace.StopSignal && s.Event.Container == 0 })
		}},
		{"two stop signals swapped", "termination/reverse-stop-order", "1.33", judge.Diverges, judge.StageOrder, func(o *judge.Observation) {
			var signals []int
			for i := range o.Seen {
				if o.Seen[i].Event.Kind == trace.StopSignal {
					signals = append(signals, i)
				}
			}
			a, b := &o.Seen[signals[0]].Event, &o.Seen[signals[len(signals)-1]].Event
			*a, *b = *b, *a
		}},
		{"sidecars start in reverse order", "start/three-sidecars-in-order", "1.33", judge.Diverges, judge.StageOrder, func(o *judge.Observation) {
			for i := range o.Seen {
				if e := &o.Seen[i].Event; e.Kind == trace.Created || e.Kind == trace.Running {
					switch e.Container {
					case 0:
						e.Container = 2
					case 2:
						e.Container = 0
					}
				}
			}
		}},
		{"a start before its gate", "gating/startup-probe-holds-back", "1.33", judge.Diverges, judge.StageWindows, func(o *judge.Observation) {
			first := seen(t, o, o.Containers[0].Name, trace.Running, 0).Earliest
			for i := range o.Seen {
				if e := &o.Seen[i]; e.Event.Container == 1 && (e.Event.Kind == trace.Created || e.Event.Kind == trace.Running) {
					e.Earliest = first.Add(20 * time.Millisecond * time.Duration(e.Event.Kind-trace.Created+1))
					e.Latest = e.Earliest
				}
			}
			sortSeen(o)
		}},
		{"a back-off too short", "backoff/crash-loop-of-a-main", "1.33", judge.Diverges, judge.StageWindows, func(o *judge.Observation) {
			died, made := seen(t, o, "app", trace.Exited, 1).Latest, seen(t, o, "app", trace.Created, 2).Earliest
			shift(o, made, 8*time.Second-made.Sub(died))
		}},
		{"a back-off too long", "backoff/crash-loop-of-a-main", "1.33", judge.Diverges, judge.StageWindows, func(o *judge.Observation) {
			shift(o, seen(t, o, "app", trace.Created, 2).Earliest, 18*time.Second)
		}},
		{"the first version missing", "termination/reverse-stop-order", "1.33", judge.Diverges, judge.StageStatus, func(o *judge.Observation) {
			o.Statuses = o.Statuses[3:]
		}},
		{"the final version missing", "termination/natural-end-in-order", "1.33", judge.Diverges, judge.StageStatus, func(o *judge.Observation) {
			o.Statuses = o.Statuses[:len(o.Statuses)-1]
		}},
		{"a status that goes back", "termination/natural-end-in-order", "1.33", judge.Diverges, judge.StageStatus, func(o *judge.Observation) {
			last := o.Statuses[len(o.Statuses)-1]
			back := o.Statuses[len(o.Statuses)-3]
			back.Arrived = last.Arrived
			o.Statuses = append(o.Statuses, back)
		}},
		{"another phase at the end", "termination/natural-end-in-order", "1.33", judge.Diverges, judge.StageStatus, func(o *judge.Observation) {
			o.Statuses[len(o.Statuses)-1].Phase = trace.PhaseFailed
		}},
		{"a gap", "termination/reverse-stop-order", "1.33", judge.Inconclusive, judge.StageAssumptions, func(o *judge.Observation) {
			o.Gaps = []judge.Gap{{Source: judge.SourceRuntime, From: 1, To: 2, Why: "the stream ended"}}
		}},
		{"somebody else", "termination/reverse-stop-order", "1.33", judge.Inconclusive, judge.StageAssumptions, func(o *judge.Observation) {
			o.Foreign = []string{"eviction by the taint manager"}
		}},
		{"a sentinel that was not heard", "termination/reverse-stop-order", "1.33", judge.Inconclusive, judge.StageAssumptions, func(o *judge.Observation) {
			o.Sentinels[1].Exited = false
		}},
		{"a step that was not taken", "termination/pre-stop-eats-the-grace", "1.33", judge.Inconclusive, judge.StageAssumptions, func(o *judge.Observation) {
			o.Seen = slices.DeleteFunc(o.Seen, func(s judge.Seen) bool {
				return s.Event.Kind == trace.DeleteRequested || s.Event.Kind == trace.PodRemoved
			})
		}},
		{"a slow node", "termination/reverse-stop-order", "1.33", judge.Inconclusive, judge.StageAssumptions, func(o *judge.Observation) { o.Slack = 10 * time.Second }},
		{"another kubelet", "termination/reverse-stop-order", "1.33", judge.Inconclusive, judge.StageAssumptions, func(o *judge.Observation) {
			o.Provenance.Kubelet = "v1.32.0"
		}},
		{"another gate", "termination/reverse-stop-order", "1.29", judge.Inconclusive, judge.StageAssumptions, func(o *judge.Observation) {
			for i := range o.Provenance.Gates {
				if o.Provenance.Gates[i].Name == "SidecarContainers" {
					o.Provenance.Gates[i].On = false
				}
			}
		}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			item, target := scenario(t, c.scenario), resolveTarget(t, c.target)
			o := observed(played(t, &item.Scenario, target, 5), &item.Scenario, target, 5)
			c.doctor(o)
			report := judgeIt(t, &item.Scenario, target, o, judge.DefaultHow())
			if report.Verdict != c.verdict || c.verdict != judge.Conforms && report.Stage != c.stage {
				t.Errorf("want %v in stage %v:\n%s", c.verdict, c.stage, report.Explain())
			}
			text := report.Explain()
			if report.Verdict == judge.Diverges && !(strings.Contains(text, "| ") && strings.Contains(text, "legal would have been") && strings.Contains(text, "to replay")) {
				t.Errorf("the explanation is not complete:\n%s", text)
			}
		})
	}
}

// TestNotJudged gives the verdicts that need no comparison.
func TestNotJudged(t *testing.T) {
	item, target := scenario(t, "termination/reverse-stop-order"), resolveTarget(t, "1.33")
	o := observed(played(t, &item.Scenario, target, 5), &item.Scenario, target, 5)
	how := judge.DefaultHow()
	how.NotApplicable = "a config error cannot be made on this cluster"
	if r := judgeIt(t, &item.Scenario, target, o, how); r.Verdict != judge.NotApplicable || r.Reason != how.NotApplicable {
		t.Errorf("%s", r.Explain())
	}
	strange := item.Scenario
	strange.Unmodelled = []sim.Unmodelled{{Field: "spec.hostPID", Why: "it is not modelled"}}
	if r := judgeIt(t, &strange, target, o, judge.DefaultHow()); r.Verdict != judge.Unknown || !strings.Contains(r.Reason, "spec.hostPID") {
		t.Errorf("%s", r.Explain())
	}
	if _, err := judge.Judge(&scenario(t, "start/plain-init-chain").Scenario, target, o, judge.DefaultHow()); err == nil {
		t.Error("an observation of another Pod was judged")
	}
}

// happened is the order of what happened in a run.
func happened(tr *trace.Trace) []string {
	var list []string
	for i := range tr.Events {
		switch e := &tr.Events[i]; e.Kind {
		case trace.Created, trace.Exited, trace.StopSignal, trace.PodRefused:
			list = append(list, tr.Label(int32(i), trace.NoContainer))
		}
	}
	return list
}

// TestOtherTargetDiverges judges what one release showed as if it were another. Where the orders differ, the verdict must.
func TestOtherTargetDiverges(t *testing.T) {
	how := judge.DefaultHow()
	how.Supposed = true
	for _, pair := range [][2]string{{"1.29", "1.28+SidecarContainers"}, {"1.28+SidecarContainers", "1.29"}} {
		differ, missed := 0, 0
		for _, item := range scenarios(t) {
			real, supposed := resolveTarget(t, pair[0]), resolveTarget(t, pair[1])
			a, b := nominal(t, &item.Scenario, real), nominal(t, &item.Scenario, supposed)
			if reflect.DeepEqual(happened(a), happened(b)) {
				continue
			}
			differ++
			report := judgeIt(t, &item.Scenario, supposed, observed(played(t, &item.Scenario, real, 3), &item.Scenario, real, 3), how)
			if report.Verdict != judge.Diverges {
				missed++
				t.Errorf("%s/%s on %s is judged as one of %s: %s", item.Family, item.Name, pair[0], pair[1], report.Explain())
			}
		}
		t.Logf("%s judged as %s: %d scenarios differ in order, %d missed", pair[0], pair[1], differ, missed)
		if differ < 15 {
			t.Errorf("%d scenarios differ; the test has lost its way", differ)
		}
	}
}

func nominal(t testing.TB, s *sim.Scenario, target gates.Resolved) *trace.Trace {
	t.Helper()
	tr, err := sim.Run(s, target, sim.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return tr
}
