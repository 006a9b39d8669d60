package judge_test

import (
	"flag"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
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

// TestRoughNodesConform judges seeded runs on nodes whose relists take their time and whose kubelet hears of the Pod late.
func TestRoughNodesConform(t *testing.T) {
	n, runs := 0, 0
	count := map[judge.Verdict]int{}
	for _, item := range scenarios(t) {
		for _, text := range judgedTargets {
			target := resolveTarget(t, text)
			for seed := range uint64(*seeds) {
				config := sim.DefaultConfig()
				config.Seed = 1000 + seed
				config.RelistPeriod += time.Duration(seed%6+1) * 10 * time.Millisecond
				tr, err := sim.Run(&item.Scenario, target, config)
				if err != nil {
					t.Fatal(err)
				}
				o := observed(tr, &item.Scenario, target, seed)
				shift(o, 0, time.Duration(seed*97%400)*time.Millisecond)
				report := judgeIt(t, &item.Scenario, target, o, judge.DefaultHow())
				n, runs = n+1, runs+report.Runs
				count[report.Verdict]++
				if report.Verdict == judge.Diverges {
					t.Errorf("%s/%s on %s, seed %d: %s", item.Family, item.Name, text, seed, report.Explain())
				} else if report.Verdict != judge.Conforms {
					t.Logf("%s/%s on %s, seed %d: %s", item.Family, item.Name, text, seed, report.Explain())
				}
			}
		}
	}
	t.Logf("%d observations, %v; %.1f runs of the simulator each", n, count, float64(runs)/float64(n))
}

// TestFalseAlarms judges seeded runs that once were said to diverge.
func TestFalseAlarms(t *testing.T) {
	for _, c := range []struct {
		scenario, target string
		seed             uint64
	}{
		{"backoff/liveness-restarts", "1.33", 70},                               // the last wait of the queue was the longest
		{"backoff/startup-failures", "1.29", 3},                                 // a relist's removal was taken for a garbage collection
		{"gating/crash-before-the-next-was-created", "1.29", 197},               // a relist within a millisecond of an exit
		{"gating/crash-before-the-next-was-created", "1.35", 120},               // … of the probes' ticks
		{"restart/collected-start-errors", "1.29", 13},                          // a start that a relist had brought about was taken for a wait's
		{"restart/end-waits-for-the-last-sidecar", "1.28+SidecarContainers", 1}, // a full pass of the status between two relists
		{"start/image-pull-of-a-sidecar-fails", "1.33", 1},                      // a pull between the sandbox and the first container
		{"start/mesh-proxy-classic", "1.37", 370},                               // a relist at the very start of a container
		{"start/mesh-proxy-native", "1.37", 18},                                 // three versions within one instant
	} {
		item, target := scenario(t, c.scenario), resolveTarget(t, c.target)
		o := observed(played(t, &item.Scenario, target, c.seed), &item.Scenario, target, c.seed)
		if r := judgeIt(t, &item.Scenario, target, o, judge.DefaultHow()); r.Verdict != judge.Conforms {
			t.Errorf("%s on %s, seed %d: %s", c.scenario, c.target, c.seed, r.Explain())
		}
	}
}
