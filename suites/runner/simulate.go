package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// Simulate runs each scenario in the simulator and holds it to what the scenario expects. A case of which nothing is expected is not
// applicable: nothing can fail there.
func Simulate(ctx context.Context, c Config) (*report.Report, error) {
	cases := Plan(c.Items, c.Targets)
	track := newTracker(c.Progress)
	c.beginAll(track, cases)
	tasks := func(yield func(task, error) bool) {
		for i := range cases {
			if cases[i].NotApplicable == "" && expects(&cases[i]) && !yield(task{cases[i].key(), func() (finding, error) { return simulate(&cases[i]) }}, nil) {
				return
			}
		}
	}
	list, err := judgeAll(ctx, c.workers(), tasks, track.judged)
	if err != nil {
		return nil, err
	}
	outcomes, targets, err := c.collect(cases, list, func(one *Case) report.Outcome {
		switch {
		case one.NotApplicable != "":
			return notApplicable(one, one.NotApplicable)
		case !expects(one):
			return notApplicable(one, "nothing is expected of it on the target")
		}
		return notDone(one, interrupted)
	})
	if err != nil {
		return nil, err
	}
	return c.finish(report.Sim, targets, outcomes), nil
}

func (c *Case) key() key { return key{c.Item.FullName(), c.Target.String()} }

// beginAll begins one phase for each target, of those cases that have something to show.
func (c *Config) beginAll(t *tracker, cases []Case) {
	all := map[string]int{}
	for i := range cases {
		if cases[i].NotApplicable == "" {
			all[cases[i].Target.String()]++
		}
	}
	for _, target := range Expand(c.Targets) {
		t.begin(target.String(), all[target.String()])
	}
}

// judged tells that a case has its outcome.
func (t *tracker) judged(j *judged) {
	o := report.Outcome{Verdict: j.verdict}
	t.say(Progress{Target: j.target, Scenario: j.scenario, State: Judged, Result: o.Result(), Text: j.reason}, true)
}

// expects reports whether some expectation of the scenario speaks of the target.
func expects(c *Case) bool {
	return slices.ContainsFunc(c.Item.Expect, func(e fixtures.Expectation) bool { return e.AppliesTo(c.Target) })
}

func simulate(c *Case) (finding, error) {
	target, err := gates.Resolve(c.Target)
	if err != nil {
		return finding{}, err
	}
	run, err := sim.Run(&c.Item.Scenario, target, sim.DefaultConfig())
	if err != nil {
		return finding{}, err
	}
	if len(run.Unknown) > 0 {
		return finding{verdict: judge.Unknown, reason: fmt.Sprint(run.Unknown)}, nil
	}
	found := fixtures.Check(c.Item.Expect, c.Target, run)
	if len(found) == 0 {
		return finding{reason: "what is expected of it holds"}, nil
	}
	var lines []string
	for _, f := range found {
		lines = append(lines, f.String()+"\n")
	}
	return finding{verdict: judge.Diverges, reason: found[0].String(), explanation: strings.Join(lines, "")}, nil
}
