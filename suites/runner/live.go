package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// Clusters say where and how to play.
type Clusters struct {
	// Source is report.Kind or report.Kubeconfig.
	Source report.Source
	// Places are played one after the other. The targets of the Config are not looked at.
	Places []Place
	// Observe says how to record. Its Kind is set for each kind of node.
	Observe observe.Options
	// Keep is given the recordings of each target as soon as they are there; nil if nobody wants them.
	Keep func([]*recorded.Recording) error
	// Compare are recordings to compare the verdicts with; those without targets compare nothing.
	Compare Recordings

	// play is observe.Suite; a test has another one.
	play func(context.Context, observe.Cluster, []fixtures.Item, observe.Options, func(observe.Progress)) (*observe.Session, error)
}

// Live plays the scenarios on clusters, and holds the simulator to what was recorded there. A cluster that is not to be had, or that is not
// what its target says, leaves its cases without a conclusion, and the next is taken. The report is there also with an error, which says
// what went wrong beside: a recording that could not be written, a cluster that could not be taken away.
func Live(ctx context.Context, c Config, on Clusters) (*report.Report, error) {
	if on.play == nil {
		on.play = observe.Suite
	}
	l := &live{config: c, on: on, track: newTracker(c.Progress)}
	c.Targets = nil
	for _, place := range on.Places {
		c.Targets = append(c.Targets, place.Target)
		l.place(ctx, place)
	}
	r := c.finish(on.Source, append(reportTargets(c.Targets), l.targets...), l.outcomes)
	return r, errors.Join(append(l.problems, c.compare(ctx, r, on.Compare))...)
}

type live struct {
	config   Config
	on       Clusters
	track    *tracker
	targets  []report.Target
	outcomes []report.Outcome
	problems []error
}

func (l *live) problem(err error) {
	if err != nil {
		l.problems = append(l.problems, err)
	}
}

// step tells that something else than a case is done.
func (l *live) step(target gates.Target, format string, args ...any) {
	l.track.say(Progress{Target: target.String(), State: Step, Text: fmt.Sprintf(format, args...)}, false)
}

// played is what was played of one kind of node.
type played struct {
	target   gates.Target
	cases    []Case // those that were to be played
	session  *observe.Session
	failures map[string]string // by scenario
	err      error
}

// place plays and judges all cases of one cluster. The cluster goes before anything is judged: it takes memory, and the judge the
// processor.
func (l *live) place(ctx context.Context, p Place) {
	var todo []*played
	n := 0
	for _, target := range p.Target.Expand() {
		one := &played{target: target, failures: map[string]string{}}
		for _, c := range Plan(l.config.Items, []gates.Target{target}) {
			if why := Unplayable(c.Item, l.on.Observe.Actor); c.NotApplicable != "" {
				l.outcomes = append(l.outcomes, notApplicable(&c, c.NotApplicable))
			} else if why != "" {
				l.outcomes = append(l.outcomes, notDone(&c, "a cluster cannot play it: "+why))
			} else {
				one.cases = append(one.cases, c)
			}
		}
		n += len(one.cases)
		todo = append(todo, one)
	}
	if n == 0 {
		return
	}
	err := ctx.Err()
	var cluster *opened
	if err == nil {
		l.step(p.Target, "getting the cluster ready")
		cluster, err = p.open(ctx)
	}
	if err != nil {
		for _, one := range todo {
			l.nothing(ctx, one, err)
		}
		return
	}
	for kind, one := range todo {
		l.play(ctx, cluster, kind, one)
	}
	l.problem(cluster.close(ctx))
	for _, one := range todo {
		l.judge(ctx, one)
	}
}

// nothing ends the cases of a target that had no cluster.
func (l *live) nothing(ctx context.Context, one *played, err error) {
	if ctx.Err() == nil {
		l.step(one.target, "not played: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if left, ok := errors.AsType[*clusters.LeftoverError](err); ok {
		l.problem(left)
	}
	for i := range one.cases {
		if ctx.Err() != nil {
			l.outcomes = append(l.outcomes, notDone(&one.cases[i], interrupted))
			continue
		}
		o := one.cases[i].outcome()
		o.Verdict, o.Stage = judge.Inconclusive, judge.StageAssumptions.String()
		if errors.Is(err, clusters.ErrUnverified) {
			o.Verdict, o.Stage = judge.Unknown, ""
		}
		o.Reason = "not played: " + strings.ReplaceAll(err.Error(), "\n", "; ")
		l.outcomes = append(l.outcomes, o)
	}
}

// play records the cases of one kind of node.
func (l *live) play(ctx context.Context, cluster *opened, kind int, one *played) {
	if len(one.cases) == 0 || ctx.Err() != nil {
		return
	}
	c, o := cluster.cluster, l.on.Observe
	o.Kind = kind
	if kind < len(cluster.images) {
		c.NodeImage = cluster.images[kind]
	}
	var items []fixtures.Item
	for i := range one.cases {
		items = append(items, *one.cases[i].Item)
	}
	name := one.target.String()
	l.track.begin(name, len(items))
	ended := map[string]bool{}
	one.session, one.err = l.on.play(ctx, c, items, o, func(p observe.Progress) {
		next := Progress{Target: name, Scenario: p.Scenario, State: Playing, Text: strings.Join(p.Reasons, "; ")}
		ends := p.State != observe.Playing && !ended[p.Scenario] // some are played again
		if p.State != observe.Playing {
			next.State, ended[p.Scenario] = Played, true
		}
		if p.State == observe.Failed || p.State == observe.LeftOut {
			one.failures[p.Scenario] = next.Text
		}
		l.track.say(next, ends)
	})
	if one.err != nil && ctx.Err() == nil {
		l.step(one.target, "%v", one.err)
	}
	if one.session != nil && l.on.Keep != nil && len(one.session.Recordings) > 0 {
		l.problem(l.on.Keep(one.session.Recordings))
	}
}

// judge judges what was recorded of one kind of node. It does so after an interrupt, too, but then nothing conforms: what came behind was
// not seen.
func (l *live) judge(ctx context.Context, one *played) {
	var recorded []*recorded.Recording
	if one.session != nil {
		recorded = one.session.Recordings
	}
	name := one.target.String()
	l.track.begin(name, len(recorded))
	broken := ctx.Err() != nil
	tasks := func(yield func(task, error) bool) {
		for _, r := range recorded {
			if !yield(task{key{r.Observation.Scenario, name}, func() (finding, error) { return l.judgeOne(broken)(judgeRecording(r, l.config.How)) }}, nil) {
				return
			}
		}
	}
	list, err := judgeAll(context.WithoutCancel(ctx), l.config.workers(), tasks, l.track.judged)
	l.problem(err)
	c := l.config
	c.Targets = []gates.Target{one.target}
	outcomes, targets, err := c.collect(one.cases, list, func(k *Case) report.Outcome {
		if broken {
			return notDone(k, interrupted)
		}
		o := k.outcome()
		o.Verdict, o.Stage, o.Reason = judge.Inconclusive, judge.StageAssumptions.String(), "not played"
		if why := one.failures[o.Scenario]; why != "" {
			o.Reason = "not played: " + why
		} else if one.err != nil {
			o.Reason = "not played: " + strings.ReplaceAll(one.err.Error(), "\n", "; ")
		}
		return o
	})
	l.problem(err)
	l.outcomes, l.targets = append(l.outcomes, outcomes...), append(l.targets, targets...)
}

// judgeOne turns what cannot be judged, or was interrupted, into a finding without a conclusion.
func (l *live) judgeOne(broken bool) func(finding, error) (finding, error) {
	return func(f finding, err error) (finding, error) {
		switch {
		case err != nil:
			f = finding{verdict: judge.Inconclusive, stage: judge.StageAssumptions.String(), reason: err.Error()}
		case broken && f.verdict == judge.Conforms:
			f.verdict, f.stage, f.reason = judge.Inconclusive, judge.StageAssumptions.String(), interrupted
		}
		return f, nil
	}
}

// compare says of each outcome where the recordings have another verdict.
func (c *Config) compare(ctx context.Context, r *report.Report, with Recordings) error {
	if len(with.Targets) == 0 || ctx.Err() != nil {
		return nil
	}
	quiet := *c
	quiet.Progress, quiet.Known = nil, nil
	other, err := Judge(ctx, quiet, with)
	if err != nil {
		return fmt.Errorf("comparing with the recordings that are built in: %w", err)
	}
	for i := range r.Outcomes {
		now := &r.Outcomes[i]
		then := other.Outcome(now.Scenario, now.Target)
		if then != nil && then.Skipped == "" && now.Skipped == "" && then.Verdict != now.Verdict && now.Verdict != judge.NotApplicable {
			now.Differs = "the recording that is built in " + words(then.Result())
		}
	}
	return nil
}

// words make a sentence of a result.
func words(r report.Result) string {
	if r == report.Conforms || r == report.Diverges {
		return r.String()
	}
	return "is " + r.String()
}
