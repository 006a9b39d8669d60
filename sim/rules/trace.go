package rules

import (
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// invariants are the rules that every trace must keep, whoever made it.
var invariants = [...]struct {
	id    string
	judge func(*checking, *run)
	// stops says that the rule speaks of stops, and so of kubelets that order them.
	stops bool
}{
	{"ORD002", (*checking).initOrder, false},
	{"ORD003", (*checking).mainsLast, false},
	{"TRM001", (*checking).mainsFirst, true},
	{"TRM002", (*checking).reverse, true},
}

// JudgeTrace holds a trace of the subject, predicted or observed, against the rules that every trace on the target must keep:
// ORD002, ORD003, TRM001 and TRM002. The target must have one kind of node.
func JudgeTrace(s *Subject, t *Target, observed *trace.Trace) []Outcome {
	policy := DefaultPolicy()
	e := examine(s, t, &policy)
	r := &run{Trace: observed}
	var outcomes []Outcome
	for _, invariant := range invariants {
		rule, _ := Find(invariant.id)
		c := checking{exam: e, rule: rule, engine: Simulate, said: Answer{Asked: true}}
		if !invariant.stops || c.needOrder() {
			invariant.judge(&c, r)
		}
		o := Outcome{Rule: rule, Verdict: c.said.Verdict, Reason: c.said.Reason, Findings: c.findings}
		o.Answers[Simulate] = c.said
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// NoFacts returns a subject of a scenario of which nothing is known but what package sim runs.
func NoFacts(s *sim.Scenario) *Subject {
	return &Subject{Kind: "Pod", Namespace: s.Pod.Namespace, Name: s.Pod.Name, Scenario: s, Init: make([]Facts, len(s.Pod.Init)), Main: make([]Facts, len(s.Pod.Main))}
}
