package judge

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Judge says whether an observation of a real cluster is one of the runs that the simulator allows for the scenario on the target. An
// error says that the observation or the scenario is not what it should be; everything else is a verdict with its reason.
func Judge(scenario *sim.Scenario, target gates.Resolved, o *Observation, how How) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("judging %q on %q: %w", o.Scenario, o.Target, err)
	}
	if !sameContainers(scenario, o) {
		return nil, fmt.Errorf("judging %q on %q: the observation has other containers than the scenario %q", o.Scenario, o.Target, scenario.Name)
	}
	r := &Report{observation: o, Until: o.Horizon}
	broken := assumptions(scenario, &target.Target, o, how)
	switch {
	case how.NotApplicable != "":
		r.Verdict, r.Reason = NotApplicable, how.NotApplicable
	case scenario.Job != nil:
		r.Verdict, r.Reason = Unknown, "an observation holds one Pod, and the scenario's Job makes several"
	case len(scenario.Unmodelled) > 0:
		r.Verdict, r.Reason = Unknown, fmt.Sprintf("%s: %s", scenario.Unmodelled[0].Field, scenario.Unmodelled[0].Why)
	case len(broken) > 0:
		r.Verdict, r.Reason = Inconclusive, strings.Join(broken, "; ")
	default:
		p := &replay{evidence: prepare(scenario, o, how), target: target, report: r}
		if err := p.run(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// replay looks for a run that agrees. The runs are guided by what was observed; what is left open is searched: first where the tickers
// lie, as far as it can make a difference, then the free choices, the run that agrees longest first, its choices near the first
// difference first.
type replay struct {
	*evidence
	target   gates.Resolved
	report   *Report
	best     *comparison
	frontier frontier
	configs  []sim.Config // of the branches, by their order
	whole    bool         // all variations near the first difference of the best run were tried
	alike    bool         // some run shows the containers in the states of the observed version that does not come
	tried    [][]*trace.Status
}

// maxPhases bounds the phases that are tried for the relist.
const maxPhases = 40

// gap is a part of the relist's period in which nothing was seen in any period.
type gap struct{ from, to time.Duration }

// maxVaried is how many choices before the first difference are varied.
const maxVaried = 48

func (r *replay) run() error {
	if err := r.tryPhases(); err != nil {
		return err
	}
	for r.best.first() != nil && len(r.frontier) > 0 && r.report.Runs < r.how.MaxRuns {
		b := heap.Pop(&r.frontier).(*branch)
		if err := r.expand(b); err != nil {
			return err
		}
	}
	r.conclude()
	return nil
}

// tryPhases tries each phase of the relist, with waits that are alike, and with the last of them the longest; then, where something is
// probed, with volumes that take their time.
func (r *replay) tryPhases() error {
	late := *r.guide
	late.LateWaits = true
	phases := r.phases()
	type round struct {
		guide  sim.Guide
		mounts bool
	}
	rounds := []round{{guide: *r.guide}, {guide: late}}
	if r.probes() {
		rounds = append(rounds, round{guide: *r.guide, mounts: true})
	}
	for n, round := range rounds {
		for i, phase := range phases {
			run := i + n*len(phases)
			guide := round.guide
			if round.mounts {
				guide.Mount = r.mount(run)
			}
			config := r.config(phase, run)
			config.Guide = &guide
			if err := r.try(config, []int32{}, nil); err != nil {
				return err
			}
			if r.best.first() == nil {
				return nil
			}
		}
	}
	return nil
}

// mount is how long volumes took to mount in the n-th run: what is seen is only that they were mounted before there was a sandbox.
func (r *replay) mount(n int) time.Duration {
	for i := range r.guide.Moments {
		if box := &r.guide.Moments[i]; box.Kind == trace.SandboxReady {
			return part(0.618034*float64(n), time.Duration(box.At))
		}
	}
	return 0
}

// probes reports whether a container is probed.
func (r *replay) probes() bool {
	return slices.ContainsFunc(slices.Concat(r.scenario.Pod.Init, r.scenario.Pod.Main), func(c sim.Container) bool {
		return c.Startup != nil || c.Readiness != nil || c.Liveness != nil
	})
}

// phases are the phases of the relist that can be told apart by what was seen: between any two neighbours of the observed instants,
// taken as parts of a period.
func (r *replay) phases() []time.Duration {
	// The probes tick in whole seconds from the first sync on.
	parts := []time.Duration{0, 6 * time.Millisecond}
	for i := range r.guide.Moments {
		parts = append(parts, time.Duration(r.guide.Moments[i].At)%time.Second)
	}
	slices.Sort(parts)
	parts = slices.Compact(parts)
	var gaps []gap
	for i := range parts {
		next := parts[(i+1)%len(parts)]
		if i+1 == len(parts) {
			next += time.Second
		}
		gaps = append(gaps, gap{parts[i], next})
	}
	slices.SortStableFunc(gaps, func(a, b gap) int { return cmp.Compare(b.to-b.from, a.to-a.from) })
	var phases []time.Duration
	for _, g := range gaps[:min(len(gaps), maxPhases)] {
		phases = append(phases, (g.from+g.to)/2%time.Second)
	}
	// At last those that coincide with something: what comes first is then a choice.
	return append(phases, parts[:min(len(parts), maxPhases)]...)
}

// config is the node of the n-th phase: what is not known is spread over its range.
func (r *replay) config(phase time.Duration, n int) sim.Config {
	spread := func(step float64, over time.Duration) time.Duration {
		return part(0.5+step*float64(n), over)
	}
	c := sim.DefaultConfig()
	c.Guide = r.guide
	c.RelistPhase = phase
	c.SyncTickPhase = spread(0.618034, time.Second)
	c.HousekeepingPhase = spread(0.754878, 2*time.Second)
	c.StatusPhase = spread(0.569840, 10*time.Second)
	c.GarbagePhase = spread(0.819173, time.Minute)
	c.ClockPhase = r.o.ClockPhase
	if c.ClockPhase < 0 {
		c.ClockPhase = spread(0.671044, time.Second)
	}
	c.RelistDelay = time.Millisecond + spread(0.549700, 20*time.Millisecond)
	return c
}

// part is the fraction of x as a part of a length.
func part(x float64, of time.Duration) time.Duration {
	return time.Duration((x - float64(int(x))) * float64(of)).Truncate(time.Millisecond)
}

// try runs the simulator with the given choices and compares.
func (r *replay) try(config sim.Config, choices []int32, from *branch) error {
	r.report.Runs++
	config.Choices = choices
	t, err := sim.Run(r.scenario, r.target, config)
	if err != nil {
		return fmt.Errorf("replaying %q: %w", r.scenario.Name, err)
	}
	c := r.compare(t)
	if c.better(r.best) {
		r.best, r.whole = c, false
		r.report.Predicted, r.report.Choices = t, choices
	}
	d := c.earliest()
	if d == nil {
		return nil
	}
	r.tried = append(r.tried, c.versions)
	if d.stage == StageStatus && int(d.version) < len(r.versions) {
		r.alike = r.alike || slices.ContainsFunc(c.versions, func(v *trace.Status) bool { return sameStates(v, r.versions[d.version]) })
	}
	b := &branch{agreed: c.rank, cost: variationCost, order: len(r.configs), taken: t.Choices}
	for i, limit := len(b.taken)-1, r.limit(c, d); i >= len(choices) && len(b.left) < maxVaried; i-- {
		if b.taken[i].At <= limit {
			b.left = append(b.left, i)
		}
	}
	if from != nil {
		b.depth = from.depth + 1
	}
	r.configs = append(r.configs, config)
	heap.Push(&r.frontier, b)
	return nil
}

// limit is the instant up to which choices can have made a difference: that of the difference, on whichever side is later.
func (r *replay) limit(c *comparison, d *difference) trace.Instant {
	at := d.at
	if d.seen != nothing {
		at = max(at, r.o.Seen[d.seen].Latest)
	}
	if d.version != nothing && int(d.version) < len(r.arrived) {
		at = max(at, r.arrived[d.version].Latest)
	}
	return at.Add(r.slack)
}

// expand varies the choices of a run before its first difference, the nearest to it first, until a variation agrees longer.
func (r *replay) expand(b *branch) error {
	best := r.best
	for n, i := range b.left {
		for way := range b.taken[i].Options {
			if way == b.taken[i].Taken {
				continue
			}
			if r.report.Runs >= r.how.MaxRuns {
				return nil
			}
			if err := r.try(r.configs[b.order], forced(b.taken, i, way), b); err != nil {
				return err
			}
			if r.best.first() == nil {
				return nil
			}
			if r.best != best {
				rest := *b
				rest.left = b.left[n+1:]
				heap.Push(&r.frontier, &rest)
				return nil
			}
		}
	}
	r.whole = true
	return nil
}

// conclude turns the best comparison into a verdict.
func (r *replay) conclude() {
	report := r.report
	report.best = r.best
	d := r.best.first()
	switch {
	case d == nil:
		report.Verdict, report.Stage, report.Reason = Conforms, StageDone, "it is one of the runs that the simulator allows"
		return
	case !r.whole && len(r.frontier) > 0:
		report.Verdict, report.Stage = Inconclusive, d.stage
		report.Reason = fmt.Sprintf("no run agrees after %d of them, and some are left; the best differs: %s", report.Runs, d.text)
	case d.stage == StageStatus && int(d.version) < len(r.versions) && !r.alike:
		report.Verdict, report.Stage = Inconclusive, d.stage
		report.Reason = "no run that was tried shows the containers in these states together: " + d.text
	case d.apart:
		report.Verdict, report.Stage = Inconclusive, d.stage
		report.Reason = "the mechanism allows the delay, but no run that was tried has it: " + d.text
	case d.stage == StageStatus && r.bestWithOneRelist():
		report.Verdict, report.Stage = Inconclusive, d.stage
		report.Reason = "one relist may have seen what two saw in the run that agrees longest: " + d.text
	case d.stage == StageStatus && r.legalByItself(int(d.version)):
		report.Verdict, report.Stage = Inconclusive, d.stage
		report.Reason = "each version follows legally on the one before, but no run that was tried shows all of them: " + d.text
	case d.stage >= StageWindows && !r.o.Removals && r.startsFail():
		report.Verdict, report.Stage = Inconclusive, d.stage
		report.Reason = "when the records of failed starts went decides over what follows, and was not observed: " + d.text
	default:
		report.Verdict, report.Stage, report.Reason = Diverges, d.stage, d.text
	}
}

// bestWithOneRelist reports whether the best run agrees but for a version that lasted no longer than a period of the relist, so that a
// relist a little later would have had no such version.
func (r *replay) bestWithOneRelist() bool {
	lenient := *r.evidence
	lenient.spare = 1
	return lenient.compare(r.best.predicted).failed[StageStatus] == nil
}

// legalByItself reports whether some run that was tried goes from the observed version before the n-th to the n-th, or ends with the
// last one.
func (r *replay) legalByItself(n int) bool {
	if n == 0 || len(r.versions) == 0 {
		return false
	}
	return slices.ContainsFunc(r.tried, func(versions []*trace.Status) bool {
		for i, v := range versions {
			if !sameStatus(v, r.versions[n-1]) {
				continue
			}
			if n == len(r.versions) {
				return i+1 == len(versions)
			}
			c := comparison{v: r.evidence, versions: versions}
			return c.find(r.versions[n], i+1) >= 0
		}
		return false
	})
}

// startsFail reports whether the runtime fails to start a container: a record that never ran is collected like one that ended, and the
// kubelet starts anew when it misses it.
func (r *replay) startsFail() bool {
	for _, c := range slices.Concat(r.scenario.Pod.Init, r.scenario.Pod.Main, r.scenario.Pod.Ephemeral) {
		if slices.ContainsFunc(c.Behavior.Starts, func(s sim.Start) bool { return s.Start != "" }) {
			return true
		}
	}
	return false
}
