package judge_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// A cluster without a cluster: seeded runs of the simulator, seen as a recorder would see them.

// slack is the delay that the recorder says the node has.
const slack = 200 * time.Millisecond

func resolveTarget(t testing.TB, text string) gates.Resolved {
	t.Helper()
	targets, err := gates.ParseTargets(text)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := gates.Resolve(targets[0])
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

// scenarios returns the built-in scenarios that can be played on a cluster.
func scenarios(t testing.TB) []*fixtures.Item {
	t.Helper()
	items, err := fixtures.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var list []*fixtures.Item
	for i := range items {
		if s := &items[i].Scenario; s.Job == nil && !slices.ContainsFunc(s.Steps, func(step sim.Step) bool { return !judge.Tellable(&step) }) {
			list = append(list, &items[i]) // a recorder plays no Jobs, and takes no other steps
		}
	}
	return list
}

// played is a seeded run of a scenario.
func played(t testing.TB, s *sim.Scenario, target gates.Resolved, seed uint64) *trace.Trace {
	t.Helper()
	config := sim.DefaultConfig()
	config.Seed = seed
	tr, err := sim.Run(s, target, config)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// observed is what a recorder sees of a run.
func observed(tr *trace.Trace, s *sim.Scenario, target gates.Resolved, seed uint64) *judge.Observation {
	random := rand.New(rand.NewPCG(seed, 7))
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d) + 1)) }
	o := &judge.Observation{
		Scenario: s.Name, Target: target.Name, Containers: tr.Containers, ClockPhase: -1, Slack: slack, Removals: true, Horizon: tr.EndedAt.Add(15 * time.Second),
		Sources: []judge.Source{judge.SourceRuntime, judge.SourceWatch, judge.SourceJournal, judge.SourceSteps},
		Provenance: judge.Provenance{
			APIServer: "v" + target.Target.Control.Release.String(), Kubelet: "v" + target.Target.Nodes[0].Release.String(), Gates: measured(target),
		},
		Sentinels: []judge.Sentinel{{Node: "n", Before: true, Started: true, Exited: true}, {Node: "n", Started: true, Exited: true}},
	}
	if tr.Ending == trace.EndingHorizon {
		o.Horizon = tr.EndedAt
	}
	sandboxes, lost := seed%2 == 0, false
	for i := range tr.Events {
		e := tr.Events[i]
		at := e.At
		e.At, e.Causes = 0, nil
		seen := judge.Seen{Event: e, Interval: judge.Interval{Earliest: at, Latest: at}}
		switch e.Kind {
		case trace.Created, trace.Running, trace.Exited, trace.Removed:
		case trace.SandboxReady:
			if !sandboxes {
				continue
			}
		case trace.StopSignal, trace.PostStartBegin, trace.PreStopBegin:
			if sleeps(s, &e) {
				continue
			}
			seen.Source = judge.SourceJournal
		case trace.SandboxStopped:
			if !slices.ContainsFunc(s.Steps, func(step sim.Step) bool { return step.LoseSandbox != nil }) || lost {
				continue
			}
			lost = true
			seen.Source = judge.SourceSteps
		case trace.DeleteRequested, trace.OutsideSignal, trace.PodRefused, trace.EphemeralAdded:
			seen.Source = judge.SourceSteps
			seen.Earliest, seen.Latest = max(at.Add(-upTo(10*time.Millisecond)), 0), at.Add(upTo(10*time.Millisecond))
		case trace.PodRemoved:
			seen.Source = judge.SourceWatch
			seen.Latest = at.Add(upTo(100 * time.Millisecond))
		default:
			continue
		}
		if seen.Latest > o.Horizon {
			continue
		}
		o.Seen = append(o.Seen, seen)
	}
	slices.SortStableFunc(o.Seen, func(a, b judge.Seen) int {
		return cmp.Or(cmp.Compare(a.Earliest, b.Earliest), cmp.Compare(a.Latest, b.Latest))
	})
	for i := range tr.Statuses {
		v := tr.Statuses[i]
		if i+1 < len(tr.Statuses) && tr.Statuses[i+1].At.Sub(v.At) <= 20*time.Millisecond && random.IntN(2) == 0 {
			continue // sent as one with the next
		}
		// The stamp is a whole second, the arrival is late.
		arrived := judge.Interval{Earliest: v.At / trace.Instant(time.Second) * trace.Instant(time.Second), Latest: v.At.Add(upTo(300 * time.Millisecond))}
		v.At, v.Event = 0, -1
		o.Statuses = append(o.Statuses, judge.SeenStatus{Status: v, Arrived: arrived})
	}
	return o
}

// sleeps reports whether an event is of a hook that the kubelet carries out by itself.
func sleeps(s *sim.Scenario, e *trace.Event) bool {
	if e.Container == trace.NoContainer {
		return false
	}
	c := slices.Concat(s.Pod.Init, s.Pod.Main, s.Pod.Ephemeral)[e.Container]
	return e.Kind == trace.PostStartBegin && c.PostStart != nil && c.PostStart.Handler == sim.HandlerSleep ||
		e.Kind == trace.PreStopBegin && c.PreStop != nil && c.PreStop.Handler == sim.HandlerSleep
}

// measured are the gates of a target as a cluster tells them.
func measured(target gates.Resolved) []judge.GateState {
	var states []judge.GateState
	for _, c := range []struct {
		name string
		of   gates.Component
	}{{judge.ComponentAPIServer, target.Target.Control}, {judge.ComponentKubelet, target.Target.Nodes[0]}} {
		for _, g := range gates.Gates() {
			if g.Spec(c.of.Release).Stage != gates.Unknown {
				states = append(states, judge.GateState{Component: c.name, Name: g.Name, On: c.of.On(g.Name)})
			}
		}
	}
	slices.SortFunc(states, func(a, b judge.GateState) int {
		return cmp.Or(cmp.Compare(a.Component, b.Component), cmp.Compare(a.Name, b.Name))
	})
	return states
}

func judgeIt(t testing.TB, s *sim.Scenario, target gates.Resolved, o *judge.Observation, how judge.How) *judge.Report {
	t.Helper()
	report, err := judge.Judge(s, target, o, how)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
