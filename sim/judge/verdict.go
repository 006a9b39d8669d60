package judge

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Verdict is the outcome of a comparison.
type Verdict uint8

// The verdicts.
const (
	// Conforms: one of the runs that the simulator allows is the observed one.
	Conforms Verdict = iota
	// Diverges: none of them is.
	Diverges
	// Inconclusive: the observation does not suffice, or the bound of the search was met with something still open.
	Inconclusive
	// NotApplicable: the scenario has nothing to show on the target.
	NotApplicable
	// Unknown: the prediction rests on something outside the model.
	Unknown
)

// String returns the verdict as reports write it.
func (v Verdict) String() string {
	return [...]string{"conforms", "diverges", "inconclusive", "not applicable", "unknown"}[v]
}

// Stage is a part of the judgement. Once one fails, nothing is claimed of those behind it.
type Stage uint8

// The stages in their order.
const (
	// StageAssumptions: the cluster is what the target says, and the recording is complete.
	StageAssumptions Stage = iota
	// StageRuns: the same things happened: the same runs of the same containers, with the same exit codes.
	StageRuns
	// StageOrder: nothing came before what it needs.
	StageOrder
	// StageWindows: everything came as long after its causes as the mechanism allows.
	StageWindows
	// StageStatus: the API showed the versions of the status in a legal sequence, down to the final one.
	StageStatus
	// StageDone is behind the last: nothing failed.
	StageDone
)

// String returns the stage as reports write it.
func (s Stage) String() string {
	return [...]string{"assumptions", "runs", "order", "windows", "status", "done"}[s]
}

// How says how strictly to judge, and for how long. Start from DefaultHow.
type How struct {
	// MaxRuns bounds the runs of the simulator for one observation.
	MaxRuns int
	// MaxSlack is the largest delay of a node that still proves something.
	MaxSlack time.Duration
	// Call is how long one call of the container runtime may take on a node without delay; the mechanism does not limit it.
	Call time.Duration
	// Drift is how much longer than its period a round of the relist may take on a node without delay. A relist is calls of the runtime one
	// after the other: on a node with a delay it may be as much later. pleg/generic.go: Start, Relist.
	Drift time.Duration
	// Coalesce is how soon after a version of the status the next must come for the API not to have shown the first.
	Coalesce time.Duration
	// Supposed leaves out whether the cluster is what the target says: what if it were?
	Supposed bool
	// NotApplicable says why the scenario has nothing to show on the target, if that is so.
	NotApplicable string
}

// DefaultHow is how the recordings of the project are judged.
func DefaultHow() How {
	return How{
		MaxRuns: 600, MaxSlack: 3 * time.Second, Call: time.Second, Drift: 50 * time.Millisecond, Coalesce: 300 * time.Millisecond,
	}
}

// Report is a verdict with what explains it.
type Report struct {
	Verdict Verdict
	// Stage is the one that failed, or StageDone.
	Stage Stage
	// Reason says why, in one line.
	Reason string
	// Runs is the number of simulations that were needed.
	Runs int
	// Predicted is the run that agrees, or that agrees longest; nil if none was needed. Choices are those that lead to it.
	Predicted *trace.Trace
	Choices   []int32
	// Until is the instant up to which was judged.
	Until trace.Instant

	observation *Observation
	best        *comparison
}
