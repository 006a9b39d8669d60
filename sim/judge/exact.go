package judge

import (
	"container/heap"
	"fmt"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/internal/random"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Exactly says how exact comparison is done.
type Exactly struct {
	// Until is the last instant that is compared; 0 means the end of the observed trace.
	Until trace.Instant
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
	at        int // the first difference, -1 if there is none
	agreed    int // how many rows agree
}

// Exact compares an observed trace with what the simulator allows for the scenario. The Config must be that of the
// observation: its phases, latencies and jitter.
func Exact(s *sim.Scenario, target gates.Resolved, config sim.Config, observed *trace.Trace, how Exactly) (Result, error) {
	search := search{scenario: s, target: target, config: config, how: how}
	if how.Until == 0 {
		search.how.Until = observed.EndedAt
	}
	search.view = viewOf(s, search.how.Until)
	search.observed = search.view.rows(observed)
	search.config.KeepIdle = false
	if err := search.run(); err != nil {
		return Result{}, err
	}
	if search.best.at >= 0 {
		search.best.Verdict = Diverges
	}
	search.best.Runs = search.runs
	return search.best, nil
}

// search goes through the simulator's choices, the run that agrees longest first. Each sequence of choices is met once:
// what follows from a run varies only choices behind those that led to it. Where many choices must come together before anything can be
// seen of them, that takes too long; then it also wanders. And a run that agrees long may be wrong all the same, and hide that a shorter one
// is but one choice away: now and then the branch that was left the longest is taken up.
type search struct {
	scenario *sim.Scenario
	target   gates.Resolved
	config   sim.Config
	how      Exactly
	view     view
	observed []row
	best     Result
	longest  *branch // that of the best run
	since    int     // the runs when it was found
	runs     int
	frontier frontier
	resting  []*branch // those that were left, in that order
	random   random.Source
}

// branch is a run whose later choices can still be varied.
type branch struct {
	agreed  int  // how many rows agree; of a replay, its rank
	depth   int  // how many choices were varied
	cost    int  // of one that was varied, in rows
	done    bool // its choices are varied
	same    bool // nothing that can be seen came of the last variation
	far     bool // only choices long before the difference are left
	order   int
	taken   []trace.Choice
	left    []int // the positions of those that are left to vary, in this order
	others  []int // … after them
	visible uint64
}

// near is how long before a difference the choices are that are varied first, and together: two relists.
const near = 2 * time.Second

// divide fills what is left to vary of a run: the choices between those that were given and its first difference, the latest first. Those
// near the difference, and those of the instant in which the last given one was made, come before the others.
func (b *branch) divide(given int, difference trace.Instant) {
	last := trace.Never
	if given > 0 {
		last = b.taken[given-1].At
	}
	for i := len(b.taken) - 1; i >= given; i-- {
		switch at := b.taken[i].At; {
		case at > difference:
		case at >= difference.Add(-near) || at == last:
			b.left = append(b.left, i)
		default:
			b.others = append(b.others, i)
		}
	}
}

// worth orders the branches: how long they agree, less what each variation cost to get there. A variation that is right gains more rows
// than it costs; one that gains a few by chance is not followed for ever.
func (b *branch) worth() int {
	worth := b.agreed - b.cost*b.depth
	if b.far {
		worth -= farCost
	}
	if b.same {
		worth--
	}
	return worth
}

// What a variation costs, of a Pod alone and of one of a Job, whose others it does not bring nearer; and what it costs to leave the
// neighbourhood of a difference, in rows.
const (
	variationCost    = 3
	jobVariationCost = 1
	farCost          = 5
)

// frontier is a heap of branches, the worthiest first.
type frontier []*branch

func (f frontier) Len() int      { return len(f) }
func (f frontier) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f frontier) Less(i, j int) bool {
	a, b := f[i], f[j]
	if x, y := a.worth(), b.worth(); x != y {
		return x > y
	}
	return a.order < b.order
}
func (f *frontier) Push(b any) { *f = append(*f, b.(*branch)) }
func (f *frontier) Pop() any {
	last := len(*f) - 1
	b := (*f)[last]
	*f = (*f)[:last]
	return b
}

func (s *search) run() error {
	if err := s.try([]int32{}, nil); err != nil {
		return err
	}
	rested, resumed := 0, 0 // the runs when it wandered last, and when it took up a branch
	for s.best.at >= 0 && len(s.frontier) > 0 && s.runs < s.how.MaxRuns {
		var b *branch
		if s.runs > resumed+impatient && len(s.resting) > 0 {
			b, s.resting = s.resting[0], s.resting[1:]
			resumed = s.runs
		} else {
			b = heap.Pop(&s.frontier).(*branch)
		}
		if b.done {
			continue
		}
		b.done = true
		if err := s.expand(b); err != nil {
			return err
		}
		if s.best.at >= 0 && s.runs > s.since+patient && s.runs > rested+wandered {
			if err := s.wander(); err != nil {
				return err
			}
			rested = s.runs
		}
	}
	return nil
}

// impatient is how many runs pass before the branch is taken up that was left the longest.
const impatient = 150

// How the search wanders: after how many runs without a longer agreement, how many runs at a time, and how long before the difference.
const (
	patient  = 400
	wandered = 200
	wide     = 20 * time.Second
)

// wander varies choices of the best run at random, few or many of them. The same draws come in every search.
func (s *search) wander() error {
	from, until := s.longest, s.differenceAt(&s.best)
	for range wandered {
		if s.runs >= s.how.MaxRuns {
			return nil
		}
		var choices []int32
		oneIn := 1 << s.random.Intn(4)
		for _, c := range from.taken {
			if c.At > until {
				break
			}
			if c.At > until.Add(-wide) && s.random.Intn(oneIn) == 0 {
				c.Taken = int32(s.random.Intn(int(c.Options)))
			}
			choices = append(choices, c.Taken)
		}
		r, err := s.simulate(choices)
		if err != nil {
			return err
		}
		if r.at < 0 || r.agreed > s.best.agreed {
			s.keep(r, from)
			return nil
		}
	}
	return nil
}

// expand varies each choice that is left of a run. It stops when a variation agrees longer and all choices of its instant have been
// varied, for the one that is met first need not be the right one; or when the others are next. The rest is left for later.
func (s *search) expand(b *branch) error {
	longer := trace.Never // the instant of a variation that agrees longer
	for n, i := range b.left {
		if longer != trace.Never && b.taken[i].At != longer {
			s.leave(b, b.left[n:], b.others, b.far)
			return nil
		}
		for way := range b.taken[i].Options {
			if way == b.taken[i].Taken {
				continue
			}
			if s.runs >= s.how.MaxRuns {
				return nil
			}
			agreed := s.best.agreed
			if err := s.try(forced(b.taken, i, way), b); err != nil {
				return err
			}
			if s.best.at < 0 {
				return nil
			}
			if s.best.agreed > agreed {
				longer = b.taken[i].At
			}
		}
	}
	if len(b.others) > 0 {
		s.leave(b, b.others, nil, true)
	}
	return nil
}

// leave puts off what is left to vary of a branch.
func (s *search) leave(b *branch, left, others []int, far bool) {
	rest := *b
	rest.left, rest.others, rest.far, rest.done = left, others, far, false
	heap.Push(&s.frontier, &rest)
	s.resting = append(s.resting, &rest)
}

// try runs the simulator with the given choices, and keeps what can be varied further.
func (s *search) try(choices []int32, from *branch) error {
	r, err := s.simulate(choices)
	if err == nil {
		s.keep(r, from)
	}
	return err
}

// simulate runs the simulator with the given choices and compares.
func (s *search) simulate(choices []int32) (Result, error) {
	s.runs++
	s.config.Choices = choices
	t, err := sim.Run(s.scenario, s.target, s.config)
	if err != nil {
		return Result{}, fmt.Errorf("replaying %q: %w", s.scenario.Name, err)
	}
	r := Result{Choices: choices, Predicted: t, observed: s.observed, predicted: s.view.rows(t)}
	r.at = firstDifference(s.observed, r.predicted)
	r.agreed = s.agreement(&r)
	return r, nil
}

// keep takes a run as the best if it is, and as a branch if it is not the observed one.
func (s *search) keep(r Result, from *branch) {
	longer := from == nil || r.at < 0 || r.agreed > s.best.agreed
	if longer {
		s.best, s.since = r, s.runs
	}
	if r.at < 0 {
		return
	}
	b := &branch{agreed: r.agreed, cost: variationCost, order: s.runs, taken: r.Predicted.Choices, visible: fingerprint(r.predicted)}
	if s.view.job {
		b.cost = jobVariationCost
	}
	b.divide(len(r.Choices), s.differenceAt(&r))
	if from != nil {
		b.depth = from.depth + 1
		b.same = from.visible == b.visible
	}
	if longer {
		s.longest = b
	}
	heap.Push(&s.frontier, b)
}

// fingerprint tells rows apart, as FNV-1a does. A search keeps thousands of branches, so that they cannot keep their rows.
func fingerprint(rows []row) uint64 {
	hash := uint64(14695981039346656037)
	for i := range rows {
		hash = (hash ^ uint64(rows[i].at)) * 1099511628211
		for j := range len(rows[i].text) {
			hash = (hash ^ uint64(rows[i].text[j])) * 1099511628211
		}
	}
	return hash
}

// differenceAt is the instant of the first difference, on whichever side is later.
func (s *search) differenceAt(r *Result) trace.Instant {
	at := trace.Instant(0)
	if r.at < len(r.observed) {
		at = r.observed[r.at].at
	}
	if r.at < len(r.predicted) {
		at = max(at, r.predicted[r.at].at)
	}
	return at
}

// agreement is how many rows agree: all up to the first difference, and of a Job those of its instant that agree for one Pod, or for the
// Job, alone. Pods that do the same thing at the same time need the same choice each, and one that is right would gain nothing.
func (s *search) agreement(r *Result) int {
	if !s.view.job || r.at < 0 {
		return r.at
	}
	left, until := map[string][]row{}, s.differenceAt(r)
	for _, o := range s.observed[r.at:] {
		if o.at > until {
			break
		}
		left[o.owner()] = append(left[o.owner()], o)
	}
	agreed := r.at
	for _, p := range r.predicted[r.at:] {
		if p.at > until {
			break
		}
		switch own := left[p.owner()]; {
		case len(own) > 0 && own[0].at == p.at && own[0].text == p.text:
			agreed++
			left[p.owner()] = own[1:]
		default:
			left[p.owner()] = nil
		}
	}
	return agreed
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
