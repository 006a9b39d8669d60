package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// twoFailing is a Pod whose two mains fail their liveness probes at the same tick: which of them is stopped first is free.
func twoFailing() *sim.Scenario {
	main := func(name string) sim.Container {
		return sim.Container{
			Name:     name,
			Liveness: &sim.Probe{PeriodSeconds: 5, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 1, Handler: sim.HandlerExec},
			Behavior: sim.Behavior{Runs: []sim.Process{{
				For: sim.Forever, OnStop: sim.StopReaction{After: time.Second, ExitCode: 143},
				Liveness: []sim.Answer{{Result: sim.AnswerSuccess}, {From: 4 * time.Second, Result: sim.AnswerFailure}},
			}}},
		}
	}
	return &sim.Scenario{
		Name:    "two-failing",
		Pod:     sim.Pod{Name: "p", RestartPolicy: sim.RestartNever, TerminationGracePeriodSeconds: 30, Main: []sim.Container{main("a"), main("b")}},
		Horizon: 30 * time.Second,
	}
}

func resolve(t *testing.T) gates.Resolved {
	t.Helper()
	targets, err := gates.ParseTargets("1.33")
	if err != nil {
		t.Fatal(err)
	}
	target, err := gates.Resolve(targets[0])
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func run(t *testing.T, choices []int32) *trace.Trace {
	t.Helper()
	config := sim.DefaultConfig()
	config.Choices = choices
	tr, err := sim.Run(twoFailing(), resolve(t), config)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func exact(t *testing.T, observed *trace.Trace) judge.Result {
	t.Helper()
	result, err := judge.Exact(twoFailing(), resolve(t), sim.DefaultConfig(), observed, judge.Exactly{MaxRuns: 500})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestExactFindsTheChoice flips each free choice of the run in turn; the search must find a run that agrees.
func TestExactFindsTheChoice(t *testing.T) {
	nominal := run(t, []int32{})
	if len(nominal.Choices) == 0 {
		t.Fatal("the Pod has no free choice")
	}
	differing := 0
	for i, c := range nominal.Choices {
		for way := range c.Options {
			choices := make([]int32, i+1)
			choices[i] = way
			result := exact(t, run(t, choices))
			if result.Verdict != judge.Conforms {
				t.Errorf("choice %d (%s at %v) taken as %d:\n%s", i, c.Point, c.At, way, result.Explain())
			}
			if result.Runs > 1 {
				differing++
			}
		}
	}
	if differing == 0 {
		t.Error("no choice made a difference, so nothing was searched for")
	}
}

func TestExactSeesEachKindOfDifference(t *testing.T) {
	for name, doctor := range map[string]func(tr *trace.Trace){
		"an event is missing":    func(tr *trace.Trace) { eventOf(tr, trace.StopSignal).Kind = trace.Removed },
		"an event comes later":   func(tr *trace.Trace) { eventOf(tr, trace.Exited).At += trace.Instant(2 * time.Millisecond) },
		"another exit code":      func(tr *trace.Trace) { eventOf(tr, trace.Exited).ExitCode = 9 },
		"another grace":          func(tr *trace.Trace) { eventOf(tr, trace.StopSignal).Span += time.Second },
		"another phase":          func(tr *trace.Trace) { tr.Statuses[len(tr.Statuses)-1].Phase = trace.PhaseSucceeded },
		"ready is not":           func(tr *trace.Trace) { tr.Statuses[2].Containers[0].Ready = false },
		"another condition":      func(tr *trace.Trace) { tr.Statuses[2].Conditions[0].True = false },
		"a version is missing":   func(tr *trace.Trace) { tr.Statuses = tr.Statuses[:len(tr.Statuses)-1] },
		"one restart more":       func(tr *trace.Trace) { tr.Statuses[2].Containers[0].Restarts = 1 },
		"a version comes sooner": func(tr *trace.Trace) { tr.Statuses[2].At -= trace.Instant(5 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			observed := run(t, nil)
			doctor(observed)
			result := exact(t, observed)
			if result.Verdict != judge.Diverges {
				t.Fatal("no difference was seen")
			}
			if text := result.Explain(); !strings.Contains(text, "observed") || !strings.Contains(text, "predicted") {
				t.Errorf("the explanation lacks a side:\n%s", text)
			}
		})
	}
}

func eventOf(tr *trace.Trace, kind trace.Kind) *trace.Event {
	for i := range tr.Events {
		if tr.Events[i].Kind == kind {
			return &tr.Events[i]
		}
	}
	panic("the trace has no such event")
}
