package judge_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

var debugName, debugTarget = flag.String("name", "", ""), flag.String("target", "", "")
var debugSeed = flag.Int("seed", 0, "")

func TestDebug(t *testing.T) {
	for _, item := range scenarios(t) {
		if item.Name != *debugName {
			continue
		}
		target := resolveTarget(t, *debugTarget)
		tr := played(t, &item.Scenario, target, uint64(*debugSeed))
		for i := range tr.Events {
			e := &tr.Events[i]
			fmt.Println(e.At, tr.Label(int32(i), -1))
		}
		report := judgeIt(t, &item.Scenario, target, observed(tr, &item.Scenario, target, uint64(*debugSeed)), judge.DefaultHow())
		fmt.Println(report.Verdict, report.Stage, report.Runs, "PREDICTED", len(report.Predicted.Choices))
		for i := range report.Predicted.Events {
			e := &report.Predicted.Events[i]
			fmt.Println(e.At, report.Predicted.Label(int32(i), -1))
		}
		for _, c := range report.Predicted.Choices {
			fmt.Println(c)
		}
	}
}
