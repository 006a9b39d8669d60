package judge

import (
	"fmt"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Verdict is the outcome of a comparison.
type Verdict uint8

// The verdicts.
const (
	// Conforms: one of the runs that the simulator allows is the observed one.
	Conforms Verdict = iota
	// Diverges: none of those that were tried is.
	Diverges
)

// String returns the verdict as reports write it.
func (v Verdict) String() string { return [...]string{"conforms", "diverges"}[v] }

// Exactly says how exact comparison is done.
type Exactly struct {
	// Until is the last instant that is compared; 0 means the end of the observed trace.
	Until trace.Instant
	// Slack is by how much two instants may differ. The kubelet's error handling sleeps for up to a millisecond when two
	// errors come at once, which the simulator does not model. 1 ms unless something else is said.
	Slack time.Duration
	// MaxRuns bounds the search through the choices.
	MaxRuns int
}

// Result is a verdict with what explains it.
type Result struct {
	Verdict Verdict
	// Runs is the number of simulations that were needed.
	Runs int
	// Choices are those of the run that agrees, or that agrees longest; nil if the nominal run does.
	Choices []int32
	// Predicted is that run.
	Predicted *trace.Trace
	observed  []row
	predicted []row
	at        int
}

// Exact compares an observed trace with what the simulator allows for the scenario. The Config must be that of the
// observation: its phases, latencies and jitter.
func Exact(s *sim.Scenario, target gates.Resolved, config sim.Config, observed *trace.Trace, how Exactly) (Result, error) {
	search := search{scenario: s, target: target, config: config, how: how}
	if how.Until == 0 {
		search.how.Until = observed.EndedAt
	}
	search.observed = rows(observed, search.how.Until)
	search.config.KeepIdle = false
	if err := search.try([]int32{}); err != nil {
		return Result{}, err
	}
	for search.best.at >= 0 {
		improved, err := search.improve()
		if err != nil {
			return Result{}, err
		}
		if !improved {
			break
		}
	}
	if search.best.at >= 0 {
		search.best.Verdict = Diverges
	}
	search.best.Runs = search.runs
	return search.best, nil
}

// search is a climb: it varies one choice at a time, the one nearest to the first difference first, and keeps what moves
// that difference further back.
type search struct {
	scenario *sim.Scenario
	target   gates.Resolved
	config   sim.Config
	how      Exactly
	observed []row
	best     Result
	runs     int
	last     Result
}

// try runs the simulator with the given choices.
func (s *search) try(choices []int32) error {
	s.runs++
	s.config.Choices = choices
	t, err := sim.Run(s.scenario, s.target, s.config)
	if err != nil {
		return fmt.Errorf("replaying %q: %w", s.scenario.Name, err)
	}
	s.last = Result{Choices: choices, Predicted: t, observed: s.observed, predicted: rows(t, s.how.Until)}
	s.last.at = firstDifference(s.observed, s.last.predicted, s.how.Slack)
	if s.runs == 1 || s.better() {
		s.best = s.last
	}
	return nil
}

func (s *search) better() bool { return s.last.at < 0 || s.best.at >= 0 && s.last.at > s.best.at }

// improve looks for a better run among the neighbours of the best one.
func (s *search) improve() (bool, error) {
	base := s.best
	taken := base.Predicted.Choices
	limit := s.differenceAt(base)
	for i := len(taken) - 1; i >= 0; i-- {
		if taken[i].At > limit {
			continue
		}
		for way := range taken[i].Options {
			if way == taken[i].Taken {
				continue
			}
			if s.runs >= s.how.MaxRuns {
				return false, nil
			}
			if err := s.try(forced(taken, i, way)); err != nil {
				return false, err
			}
			if s.best.at != base.at {
				return true, nil
			}
		}
	}
	return false, nil
}

// differenceAt is the instant of the first difference, on whichever side is later.
func (s *search) differenceAt(r Result) trace.Instant {
	at := trace.Instant(0)
	if r.at < len(r.observed) {
		at = r.observed[r.at].at
	}
	if r.at < len(r.predicted) {
		at = max(at, r.predicted[r.at].at)
	}
	return at
}

// forced is the choices of a run up to position i, and another way there.
func forced(taken []trace.Choice, i int, way int32) []int32 {
	choices := make([]int32, i+1)
	for j := range choices {
		choices[j] = taken[j].Taken
	}
	choices[i] = way
	return choices
}

// Context is how many equal rows Explain shows before the first difference.
const context = 6

// Explain shows the first difference with both sides around it, or says that there is none.
func (r *Result) Explain() string {
	if r.Verdict == Conforms {
		return fmt.Sprintf("conforms after %d runs\n", r.Runs)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "diverges: row %d, after %d runs of the simulator\n", r.at, r.Runs)
	for i := max(0, r.at-context); i < min(r.at+context, max(len(r.observed), len(r.predicted))); i++ {
		o, p := line(r.observed, i), line(r.predicted, i)
		if i < r.at {
			fmt.Fprintf(&b, "  = %s\n", o)
			continue
		}
		fmt.Fprintf(&b, "  observed  %s\n  predicted %s\n", o, p)
	}
	return b.String()
}

func line(rows []row, i int) string {
	if i >= len(rows) {
		return "(nothing)"
	}
	return rows[i].String()
}
