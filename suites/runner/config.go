package runner

import (
	"runtime"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// Config says what to verify, and how. Start from DefaultConfig.
type Config struct {
	Items   []fixtures.Item
	Targets []gates.Target
	How     judge.How
	// ExactRuns bounds the search for one recording of the oracle.
	ExactRuns int
	// Workers is how many cases are judged at once. Default: GOMAXPROCS.
	Workers int
	// Unlisted takes recordings of scenarios that are not among the items, too.
	Unlisted bool
	// Known are divergences to suppress.
	Known []recorded.Known
	// Again returns the command line that judges one case again; nil for none.
	Again func(scenario, target string) string
	// Progress is called as things go on, by one goroutine at a time; nil for nobody.
	Progress func(Progress)
}

// DefaultConfig judges as the recordings of the project are judged.
func DefaultConfig(items []fixtures.Item, targets []gates.Target) Config {
	return Config{Items: items, Targets: targets, How: judge.DefaultHow(), ExactRuns: 1000}
}

func (c *Config) workers() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// finish is what all reports have in common: known divergences, commands, order.
func (c *Config) finish(source report.Source, targets []report.Target, outcomes []report.Outcome) *report.Report {
	for i := range outcomes {
		o := &outcomes[i]
		if c.Again != nil && o.Reproduce == "" && o.Skipped == "" {
			o.Reproduce = c.Again(o.Scenario, o.Target)
		}
		for _, k := range c.Known {
			if k.Scenario == o.Scenario && k.Target == o.Target {
				o.Known = k.Reason + " (" + k.Evidence + ")"
			}
		}
	}
	r := &report.Report{Source: source, Targets: targets, Outcomes: outcomes}
	r.Sort()
	return r
}

func reportTargets(targets []gates.Target) []report.Target {
	var list []report.Target
	for _, t := range Expand(targets) {
		list = append(list, report.Target{Name: t.String()})
	}
	return list
}

// interrupted is why a case was not done.
const interrupted = "interrupted"

// State is how far a case is.
type State uint8

// The states.
const (
	// Step: something else than a case is done, such as making a cluster; Text says what.
	Step State = iota
	// Playing: its Pod is about to be created.
	Playing
	// Played: it came to its end on the cluster, or failed to; Text says why.
	Played
	// Judged: it has its outcome.
	Judged
)

// Progress is something that happened in a run.
type Progress struct {
	Target string
	// Scenario is the name with the family in front; empty for a Step.
	Scenario string
	State    State
	Text     string
	// Result is that of a Judged case.
	Result report.Result
	// Done of All cases of the target have come to an end: were judged or, while a cluster plays, were played.
	Done, All int
	// Left is an estimate of how long the rest takes; negative where there is none yet.
	Left time.Duration
}

// String returns the word for people.
func (s State) String() string { return [...]string{"step", "playing", "played", "judged"}[s] }
