package judge_test

import (
	"flag"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

var seeds = flag.Int("seeds", 2, "how many seeded runs of each scenario on each target are judged")

// targets are those on which seeded runs are judged.
var judgedTargets = []string{"1.28+SidecarContainers", "1.28", "1.29", "1.31", "1.33", "1.35", "1.37"}

// TestSeededRunsConform judges seeded runs of the simulator as if they were recorded on a cluster: none may diverge.
func TestSeededRunsConform(t *testing.T) {
	n, runs, most := 0, 0, 0
	count := map[judge.Verdict]int{}
	for _, item := range scenarios(t) {
		for _, text := range judgedTargets {
			target := resolveTarget(t, text)
			for seed := range uint64(*seeds) {
				seed++
				tr := played(t, &item.Scenario, target, seed)
				report := judgeIt(t, &item.Scenario, target, observed(tr, &item.Scenario, target, seed), judge.DefaultHow())
				n, runs, most = n+1, runs+report.Runs, max(most, report.Runs)
				count[report.Verdict]++
				switch report.Verdict {
				case judge.Conforms:
				case judge.Diverges:
					t.Errorf("%s/%s on %s, seed %d: %s", item.Family, item.Name, text, seed, report.Explain())
				default:
					t.Logf("%s/%s on %s, seed %d: %s", item.Family, item.Name, text, seed, report.Explain())
				}
			}
		}
	}
	t.Logf("%d observations, %v; %.1f runs of the simulator each, at most %d", n, count, float64(runs)/float64(n), most)
}
