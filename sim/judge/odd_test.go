package judge_test

import (
	"maps"
	"os"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

// TestOddNodes judges what was recorded of nodes that were as slow as they can be (a start of two seconds, an end that was told of two seconds late,
// relists that came a third of a second late each), and of one whose runtime missed that a process ended for its memory. The docs have
// their story: track-record.md.
func TestOddNodes(t *testing.T) {
	want := map[string]judge.Verdict{
		"gating/sidecar-exits-at-once on 1.29.15":         judge.Conforms,
		"restart/end-with-all-sidecars-down on 1.37.2":    judge.Conforms,
		"status/initialized-may-fall-back on 1.29.15":     judge.Inconclusive,
		"restart/sidecar-dies-without-its-app on 1.29.15": judge.Conforms,
	}
	got := map[string]judge.Verdict{}
	for r, err := range recorded.Files(os.DirFS("testdata"), []string{"odd-nodes.jsonl.zst"}) {
		if err != nil {
			t.Fatal(err)
		}
		report, err := r.Judge(judge.DefaultHow())
		if err != nil {
			t.Fatal(err)
		}
		name := r.Observation.Scenario + " on " + r.Observation.Target
		if got[name] = report.Verdict; report.Verdict != want[name] {
			t.Errorf("%s: %v: %s", name, report.Verdict, report.Reason)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("judged %v, want %v", got, want)
	}
}
