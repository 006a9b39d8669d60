package observe

import (
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// TestCoreCanBePlayed wants thirty scenarios in the core profile, each of a kind that a cluster can play beside others, and
// over within two minutes on every target that it speaks of.
func TestCoreCanBePlayed(t *testing.T) {
	items, err := fixtures.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	core, families, playable := 0, map[string]bool{}, map[string]bool{}
	for i := range items {
		item := &items[i]
		playable[item.Family] = playable[item.Family] || Unplayable(item) == ""
		if item.Profile != fixtures.ProfileCore {
			continue
		}
		core++
		families[item.Family] = true
		if why := Unplayable(item); why != "" {
			t.Errorf("%s: %s", item.FullName(), why)
		}
		if _, why := actor.Pod(item, actor.Options{}); len(why) > 0 {
			t.Errorf("%s: %v", item.FullName(), why)
		}
		if item.Live != fixtures.LiveShared {
			t.Errorf("%s is %s", item.FullName(), item.Live)
		}
		for _, target := range item.Targets {
			if took := lasts(t, item, target); took > 2*time.Minute {
				t.Errorf("%s takes %v on %s", item.FullName(), took, target)
			}
		}
	}
	if core != 30 {
		t.Errorf("%d scenarios are core, want 30", core)
	}
	extended := map[string]string{
		"fault": "a node need not let anybody signal its processes",
		"rules": "what few releases have is no part of the core",
	}
	for _, family := range fixtures.Families() {
		if extended[family] == "" && playable[family] && !families[family] {
			t.Errorf("clusters can play the family %s, and none of its scenarios is core", family)
		}
	}
}

// lasts is the longest that the scenario lasts on the target's nodes.
func lasts(t *testing.T, item *fixtures.Item, target gates.Target) time.Duration {
	t.Helper()
	longest := time.Duration(0)
	for _, one := range target.Expand() {
		resolved, err := gates.Resolve(one)
		if err != nil {
			t.Fatal(err)
		}
		run, err := sim.Run(&item.Scenario, resolved, sim.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Duration(run.EndedAt))
	}
	return longest
}
