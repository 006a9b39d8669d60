package judge_test

import (
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

// BenchmarkJudge judges one recording.
func BenchmarkJudge(b *testing.B) {
	item, target := scenario(b, "termination/reverse-stop-order"), resolveTarget(b, "1.33")
	o := observed(played(b, &item.Scenario, target, 5), &item.Scenario, target, 5)
	b.ReportAllocs()
	for b.Loop() {
		if r := judgeIt(b, &item.Scenario, target, o, judge.DefaultHow()); r.Verdict != judge.Conforms {
			b.Fatal(r.Explain())
		}
	}
}

// BenchmarkJudgeDivergent judges one that diverges, which takes all the runs that are allowed.
func BenchmarkJudgeDivergent(b *testing.B) {
	item, target := scenario(b, "termination/reverse-stop-order"), resolveTarget(b, "1.33")
	o := observed(played(b, &item.Scenario, target, 5), &item.Scenario, target, 5)
	o.Statuses = o.Statuses[3:]
	for b.Loop() {
		if r := judgeIt(b, &item.Scenario, target, o, judge.DefaultHow()); r.Verdict != judge.Diverges {
			b.Fatal(r.Explain())
		}
	}
}

// BenchmarkJudgeAll judges an observation of every scenario on every target.
func BenchmarkJudgeAll(b *testing.B) {
	type one struct {
		s      int
		target gates.Resolved
		o      *judge.Observation
	}
	items := scenarios(b)
	var all []one
	for _, text := range judgedTargets {
		target := resolveTarget(b, text)
		for i, item := range items {
			all = append(all, one{i, target, observed(played(b, &item.Scenario, target, 9), &item.Scenario, target, 9)})
		}
	}
	b.ReportMetric(float64(len(all)), "observations")
	for b.Loop() {
		for _, x := range all {
			judgeIt(b, &items[x.s].Scenario, x.target, x.o, judge.DefaultHow())
		}
	}
}
