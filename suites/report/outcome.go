package report

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

// Outcome is what came of one scenario on one target.
type Outcome struct {
	// Target is the Kubernetes, as package gates writes it.
	Target string
	// Scenario is the name with the family in front: "gating/slow-probe-grid".
	Scenario string
	// Title says in one line what the scenario shows; empty for a recording of a scenario that is not built in.
	Title   string
	Profile fixtures.Profile
	// Labels are those of the scenario.
	Labels map[string]string
	// Verdict holds where Skipped is empty.
	Verdict judge.Verdict
	// Reason says why, in one line.
	Reason string
	// Stage is the part of the judgement that failed; empty where none did, and in the simulator, which has none.
	Stage string
	// Explanation is what the judge has to say of it, in many lines; empty where the reason says all.
	Explanation string
	// Reproduce is a command line that gives this outcome again.
	Reproduce string
	// Known says why a divergence is known: it is then suppressed. A known divergence that does not diverge is stale.
	Known string
	// Skipped says why it was not judged: not played, not recorded, interrupted. That is another thing than not applicable.
	Skipped string
	// Differs says what the recordings that are built in say, where that is another verdict.
	Differs string
	// Took is how long the judgement took, with the Pod's time where it was played for it. Zero if nothing was done.
	Took time.Duration
}

// Result is what an outcome counts as.
type Result uint8

// The results, in the order in which they are counted.
const (
	Conforms Result = iota
	Diverges
	Inconclusive
	NotApplicable
	Unknown
	// Skipped: it was not judged, and its reason says why.
	Skipped
	// Suppressed: it diverges, which is known.
	Suppressed
	// Stale: it is known to diverge, and conforms.
	Stale
	results
)

var resultNames = [results]string{"conforms", "diverges", "inconclusive", "not applicable", "unknown", "skipped", "suppressed", "stale"}

// String returns the word for people.
func (r Result) String() string { return resultNames[r] }

// resultMarks are the signs in a table, one letter wide.
var resultMarks = [results]string{"✓", "✗", "~", "·", "?", "-", "!", "S"}

// Result is what the outcome counts as.
func (o *Outcome) Result() Result {
	switch {
	case o.Skipped != "":
		return Skipped
	case o.Known != "" && o.Verdict == judge.Diverges:
		return Suppressed
	case o.Known != "" && o.Verdict == judge.Conforms:
		return Stale
	}
	return [...]Result{Conforms, Diverges, Inconclusive, NotApplicable, Unknown}[o.Verdict]
}

// Why is the reason of what the outcome counts as, in one line.
func (o *Outcome) Why() string {
	switch o.Result() {
	case Skipped:
		return o.Skipped
	case Suppressed:
		return o.Known + "; " + o.Reason
	case Stale:
		return "it is known to diverge, and conforms; take the entry out: " + o.Known
	}
	return o.Reason
}

// notable reports whether the outcome is shown with all that is known of it.
func (r Result) notable() bool {
	return r != Conforms && r != NotApplicable && r != Skipped
}

// Counts are numbers of outcomes, by result.
type Counts [results]int

// All is how many there are.
func (c Counts) All() int {
	n := 0
	for _, one := range c {
		n += one
	}
	return n
}

// listed are the results that a table of counts has a column for: a stale entry is rare, and has one where there are some.
func (c Counts) listed() []Result {
	list := []Result{Conforms, Diverges, Inconclusive, NotApplicable, Unknown, Skipped, Suppressed}
	if c[Stale] > 0 {
		list = append(list, Stale)
	}
	return list
}
