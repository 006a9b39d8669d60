package runner

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/oracle"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// Recordings are what clusters did, by target.
type Recordings struct {
	// Targets are sorted, as package gates writes them.
	Targets []string
	// Of yields the recordings of one of them.
	Of func(target string) iter.Seq2[*recorded.Recording, error]
}

// BuiltIn are the recordings of package recorded.
func BuiltIn() Recordings { return Recordings{recorded.Targets(), recorded.Recordings} }

// FromFiles reads recordings of files and directories, as record writes them.
func FromFiles(tree fs.FS, names []string) (Recordings, error) {
	by := map[string][]*recorded.Recording{}
	var targets []string
	for r, err := range recorded.Files(tree, names) {
		if err != nil {
			return Recordings{}, err
		}
		target := r.Observation.Target
		if by[target] == nil {
			targets = append(targets, target)
		}
		by[target] = append(by[target], r)
	}
	slices.Sort(targets)
	return inMemory(targets, func(target string) ([]*recorded.Recording, error) { return by[target], nil }), nil
}

// Remember reads the recordings of a target when they are first asked for, and keeps them.
func (r Recordings) Remember() Recordings {
	read := map[string]func() ([]*recorded.Recording, error){}
	for _, target := range r.Targets {
		read[target] = sync.OnceValues(func() ([]*recorded.Recording, error) {
			var list []*recorded.Recording
			for one, err := range r.Of(target) {
				if err != nil {
					return nil, err
				}
				list = append(list, one)
			}
			return list, nil
		})
	}
	return inMemory(r.Targets, func(target string) ([]*recorded.Recording, error) { return read[target]() })
}

func inMemory(targets []string, list func(target string) ([]*recorded.Recording, error)) Recordings {
	return Recordings{targets, func(target string) iter.Seq2[*recorded.Recording, error] {
		return func(yield func(*recorded.Recording, error) bool) {
			all, err := list(target)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range all {
				if !yield(r, nil) {
					return
				}
			}
		}
	}}
}

// All parses the targets.
func (r Recordings) All() ([]gates.Target, error) {
	var all []gates.Target
	for _, text := range r.Targets {
		targets, err := gates.ParseTargets(text)
		if err != nil {
			return nil, fmt.Errorf("the target %q of recordings: %w", text, err)
		}
		all = append(all, targets...)
	}
	return all, nil
}

// Unplayable says why a cluster cannot play an item, empty if it can.
func Unplayable(item *fixtures.Item, o actor.Options) string {
	if why := observe.Unplayable(item); why != "" {
		return why
	}
	return strings.Join(actor.Realise(item, o).Reasons, "; ")
}

// Judge holds the simulator to recordings. A case with a recording is judged, also where the scenario does not speak of the target.
func Judge(ctx context.Context, c Config, from Recordings) (*report.Report, error) {
	cases := Plan(c.Items, c.Targets)
	track := newTracker(c.Progress)
	c.beginAll(track, cases)
	tasks := func(yield func(task, error) bool) {
		for _, target := range Expand(c.Targets) {
			name := target.String()
			if !slices.Contains(from.Targets, name) {
				continue
			}
			for r, err := range from.Of(name) {
				if err != nil {
					yield(task{}, err)
					return
				}
				if !c.takes(r.Observation.Scenario) {
					continue
				}
				if !yield(task{key{r.Observation.Scenario, name}, func() (finding, error) { return judgeRecording(r, c.How) }}, nil) {
					return
				}
			}
		}
	}
	list, err := judgeAll(ctx, c.workers(), tasks, track.judged)
	if err != nil {
		return nil, err
	}
	outcomes, targets, err := c.collect(cases, list, func(one *Case) report.Outcome {
		if ctx.Err() != nil {
			return notDone(one, interrupted)
		}
		return notRecorded(one)
	})
	if err != nil {
		return nil, err
	}
	return c.finish(report.Recordings, targets, outcomes), nil
}

// notRecorded is the outcome of a case that has no recording.
func notRecorded(c *Case) report.Outcome {
	if c.NotApplicable != "" {
		return notApplicable(c, c.NotApplicable)
	}
	if why := Unplayable(c.Item, actor.Options{}); why != "" {
		return notDone(c, "a cluster cannot play it: "+why)
	}
	return notDone(c, "not recorded")
}

// takes reports whether a recording of the scenario is judged.
func (c *Config) takes(scenario string) bool {
	return c.Unlisted || slices.ContainsFunc(c.Items, func(i fixtures.Item) bool { return i.FullName() == scenario })
}

func judgeRecording(r *recorded.Recording, how judge.How) (finding, error) {
	result, err := r.Judge(how)
	if err != nil {
		return finding{}, err
	}
	f := finding{verdict: result.Verdict, reason: result.Reason, measured: measured(&r.Observation.Provenance)}
	if result.Verdict == judge.Diverges || result.Verdict == judge.Inconclusive {
		f.stage, f.explanation = result.Stage.String(), result.Explain()
	}
	return f, nil
}

func measured(p *judge.Provenance) *report.Measured {
	m := &report.Measured{APIServer: p.APIServer, Kubelet: p.Kubelet, Runtime: p.Runtime, NodeImage: p.NodeImage}
	for _, g := range p.Gates {
		m.Gates = append(m.Gates, fmt.Sprintf("%s %s=%t", g.Component, g.Name, g.On))
	}
	return m
}

// OracleTargets are the targets that the oracle has recorded scenarios on, in the order of their releases.
func OracleTargets() []gates.Target {
	var targets []gates.Target
	for _, run := range oracle.Plan("", nil) {
		targets = append(targets, run.Target)
	}
	return Expand(targets)
}

// JudgeOracle holds the simulator to what the real kubelets did in virtual time: exactly, with both bounds of the kubelet's random
// waits.
func JudgeOracle(ctx context.Context, c Config) (*report.Report, error) {
	cases := Plan(c.Items, c.Targets)
	track := newTracker(c.Progress)
	c.beginAll(track, cases)
	wanted := map[string]bool{}
	for _, target := range Expand(c.Targets) {
		wanted[target.String()] = true
	}
	tasks := func(yield func(task, error) bool) {
		for _, family := range fixtures.Families() {
			ofFamily := func(i fixtures.Item) bool { return i.Family == family }
			if !slices.ContainsFunc(c.Items, ofFamily) {
				continue // reading them takes seconds
			}
			for r, err := range oracle.Recordings(family) {
				if err != nil {
					yield(task{}, err)
					return
				}
				if !wanted[canonical(r.Target)] || !c.takes(r.Name) {
					continue
				}
				if !yield(task{key{r.Name, canonical(r.Target)}, func() (finding, error) { return judgeExactly(r, c.ExactRuns) }}, nil) {
					return
				}
			}
		}
	}
	list, err := judgeAll(ctx, c.workers(), tasks, track.judged)
	if err != nil {
		return nil, err
	}
	outcomes, targets, err := c.collect(cases, list, func(one *Case) report.Outcome {
		switch {
		case ctx.Err() != nil:
			return notDone(one, interrupted)
		case one.NotApplicable != "":
			return notApplicable(one, one.NotApplicable)
		}
		return notDone(one, "the oracle has no recording of it")
	})
	if err != nil {
		return nil, err
	}
	return c.finish(report.Oracle, targets, outcomes), nil
}

// canonical spells out the patch release of a target.
func canonical(text string) string {
	targets, err := gates.ParseTargets(text)
	if err != nil || len(targets) != 1 {
		return text
	}
	return targets[0].String()
}

func judgeExactly(r *oracle.Recording, maxRuns int) (finding, error) {
	result, err := r.Judge(maxRuns)
	if err != nil {
		return finding{}, err
	}
	f := finding{verdict: result.Verdict, reason: "equal in kind, order, time and status", measured: &report.Measured{Kubelet: r.Release}}
	if result.Verdict != judge.Conforms {
		f.reason, f.explanation = fmt.Sprintf("no run of %d that the simulator allows is the observed one", result.Runs), result.Explain()
	}
	return f, nil
}
