package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// patience is how long what the mechanism does not limit is waited for before it counts as missing: a process's end by itself, say.
const patience = 10 * time.Second

// compareRuns wants the same things to have happened on both sides: the same runs of the same containers, the same exit codes.
func (c *comparison) compareRuns() {
	for i := range c.predicted.Events {
		e := &c.predicted.Events[i]
		if !c.v.decides(e) {
			continue
		}
		if c.matched[i] == nothing {
			c.missing(i)
			continue
		}
		if seen := &c.v.o.Seen[c.matched[i]].Event; e.Kind == trace.Exited && seen.ExitCode != e.ExitCode {
			c.fail(difference{stage: StageRuns, at: e.At, event: int32(i), seen: c.matched[i], version: nothing,
				text:  fmt.Sprintf("%s was seen as %s", c.words(int32(i)), c.v.words(c.matched[i])),
				legal: fmt.Sprintf("exit code %d", e.ExitCode)})
		}
	}
	for j := range c.v.o.Seen {
		seen := &c.v.o.Seen[j]
		if c.seen[j] == nothing && c.v.decides(&seen.Event) && seen.Source.Shows(seen.Event.Kind) {
			c.fail(difference{stage: StageRuns, at: seen.Earliest, event: nothing, seen: int32(j), version: nothing,
				text: c.v.words(int32(j)) + " was seen and does not come", legal: "not to come"})
		}
	}
}

// missing is a predicted event that was not seen. It counts if all of its window lies before the horizon, and if its source was heard.
func (c *comparison) missing(i int) {
	e, s := &c.predicted.Events[i], c.when[i]
	by := min(s.hi, max(s.lo, e.At).Add(patience)).Add(c.v.slack)
	if by >= c.v.o.Horizon || e.Kind == trace.StopSignal && c.unheard(i) {
		return
	}
	c.fail(difference{stage: StageRuns, at: e.At, event: int32(i), seen: nothing, version: nothing,
		text: c.words(int32(i)) + " was not seen", legal: c.legal(i, s)})
}

// unheard reports whether a process was about to end by itself when its stop signal came, so that it may not have told of it.
func (c *comparison) unheard(i int) bool {
	e := &c.predicted.Events[i]
	life := c.v.life(e)
	if life.For == sim.Forever {
		return false
	}
	for _, j := range c.v.index[eventKey{e.Container, trace.Exited, e.Run}] {
		if seen := &c.v.o.Seen[j]; seen.Event.ExitCode == life.ExitCode && seen.Earliest <= add(c.when[i].hi, c.v.slack+sharp) {
			return true
		}
	}
	return false
}

// life is the script of the run that an event is of.
func (v *evidence) life(e *trace.Event) sim.Process {
	containers := slices.Concat(v.scenario.Pod.Init, v.scenario.Pod.Main, v.scenario.Pod.Ephemeral)
	runs := containers[e.Container].Behavior.Runs
	if len(runs) == 0 {
		return sim.Process{For: sim.Forever}
	}
	return runs[min(int(e.Run), len(runs)-1)]
}
