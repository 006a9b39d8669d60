package runner

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// key names a case.
type key struct{ scenario, target string }

// finding is what one judgement came to.
type finding struct {
	verdict                    judge.Verdict
	stage, reason, explanation string
	measured                   *report.Measured
}

// task is one judgement that is to be made.
type task struct {
	key
	judge func() (finding, error)
}

// judged is one judgement that was made.
type judged struct {
	task
	finding
	err  error
	took time.Duration
	done bool
}

// judgeAll makes many judgements at once and returns them in the order of the tasks. It stops at the end of the context, and at the
// first error of the tasks.
func judgeAll(ctx context.Context, workers int, tasks iter.Seq2[task, error], end func(*judged)) ([]*judged, error) {
	var list []*judged
	var all sync.WaitGroup
	defer all.Wait()
	places := make(chan struct{}, workers)
	for t, err := range tasks {
		if err != nil {
			return list, err
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return list, nil
		}
		j := &judged{task: t}
		list = append(list, j)
		all.Go(func() {
			defer func() { <-places }()
			began := time.Now()
			j.finding, j.err = t.judge()
			j.took, j.done = time.Since(began), true
			end(j)
		})
	}
	all.Wait()
	return list, nil
}

// collect turns judgements into outcomes: one for each case of the plan, and one for each scenario that is not planned. Missing is what
// becomes of a case without a judgement.
func (c *Config) collect(cases []Case, list []*judged, missing func(*Case) report.Outcome) ([]report.Outcome, []report.Target, error) {
	by := map[key][]*judged{}
	targets := reportTargets(c.Targets)
	for _, j := range list {
		if j.err != nil {
			return nil, nil, fmt.Errorf("judging %s on %s: %w", j.scenario, j.target, j.err)
		}
		by[j.key] = append(by[j.key], j)
		if j.measured != nil {
			targets = append(targets, report.Target{Name: j.target, Measured: []report.Measured{*j.measured}})
		}
	}
	var outcomes []report.Outcome
	for i := range cases {
		k := key{cases[i].Item.FullName(), cases[i].Target.String()}
		if by[k] == nil {
			outcomes = append(outcomes, missing(&cases[i]))
			continue
		}
		outcomes = append(outcomes, merge(cases[i].outcome(), by[k]))
		delete(by, k)
	}
	for _, j := range list {
		if of := by[j.key]; of != nil { // not planned
			o := report.Outcome{Scenario: j.scenario, Target: j.target, Profile: fixtures.ProfileExtended}
			outcomes = append(outcomes, merge(o, of))
			delete(by, j.key)
		}
	}
	return outcomes, targets, nil
}

// worst is the order of verdicts where a case was judged several times.
func worst(v judge.Verdict) int {
	return slices.Index([]judge.Verdict{judge.Diverges, judge.Inconclusive, judge.Unknown, judge.NotApplicable, judge.Conforms}, v)
}

// merge is the outcome of a case that was judged once or several times: the worst counts.
func merge(o report.Outcome, list []*judged) report.Outcome {
	bad := slices.MinFunc(list, func(a, b *judged) int { return cmp.Compare(worst(a.verdict), worst(b.verdict)) })
	o.Verdict, o.Reason, o.Stage, o.Explanation = bad.verdict, bad.reason, bad.stage, bad.explanation
	alike := 0
	for _, j := range list {
		o.Took += j.took
		if j.verdict == bad.verdict {
			alike++
		}
	}
	if len(list) > 1 {
		o.Reason = fmt.Sprintf("%d of %d recordings: %s", alike, len(list), bad.reason)
	}
	return o
}

// notDone is the outcome of a case that was skipped.
func notDone(c *Case, why string) report.Outcome {
	o := c.outcome()
	o.Skipped = why
	return o
}

// notApplicable is the outcome of a case that has nothing to show.
func notApplicable(c *Case, why string) report.Outcome {
	o := c.outcome()
	o.Verdict, o.Reason = judge.NotApplicable, why
	return o
}
