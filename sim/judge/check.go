package judge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Check reports every inconsistency of the observation in itself. What it finds is a defect of the recorder, not of a cluster.
func (o *Observation) Check() error {
	c := &checker{o: o}
	c.fields()
	c.checkSources()
	for i := range o.Seen {
		c.checkSeen(i)
	}
	for i := range o.Statuses {
		c.checkStatus(i)
	}
	for i, g := range o.Gaps {
		if g.From < 0 || g.To < g.From || g.Source >= sourceCount {
			c.bad("gaps[%d]: %v from %v to %v is no span of a source", i, g.Source, g.From, g.To)
		}
	}
	for i, s := range o.Sentinels {
		if s.Node == "" {
			c.bad("sentinels[%d].node: empty; write the name of the node", i)
		}
	}
	c.checkOncePerRun()
	return errors.Join(c.problems...)
}

type checker struct {
	o        *Observation
	problems []error
}

func (c *checker) bad(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

func (c *checker) fields() {
	o := c.o
	if o.Scenario == "" {
		c.bad("scenario: empty; write the name of the scenario with its family in front")
	}
	if o.Target == "" {
		c.bad("target: empty; write the release, with its gates")
	}
	if err := trace.CheckContainers(o.Containers); err != nil {
		c.bad("%w", err)
	}
	if o.ClockPhase >= time.Second {
		c.bad("clockPhase: %v is not below a second", o.ClockPhase)
	}
	if o.Slack < 0 {
		c.bad("slack: %v is negative", o.Slack)
	}
	if o.Horizon < 0 {
		c.bad("horizon: %v is negative", o.Horizon)
	}
	sorted := slices.IsSortedFunc(o.Provenance.Gates, func(a, b GateState) int {
		return cmp.Or(cmp.Compare(a.Component, b.Component), cmp.Compare(a.Name, b.Name))
	})
	if !sorted {
		c.bad("provenance.gates: not sorted by component and name")
	}
	for i, g := range o.Provenance.Gates {
		if g.Component != ComponentAPIServer && g.Component != ComponentKubelet {
			c.bad("provenance.gates[%d].component: %q is neither %s nor %s", i, g.Component, ComponentAPIServer, ComponentKubelet)
		}
	}
}

func (c *checker) checkSources() {
	for i, s := range c.o.Sources {
		if s >= sourceCount {
			c.bad("sources[%d]: %d is no source", i, s)
		}
		if i > 0 && s <= c.o.Sources[i-1] {
			c.bad("sources[%d]: %v is named twice or out of order", i, s)
		}
	}
}

func (c *checker) checkSeen(i int) {
	o, s := c.o, &c.o.Seen[i]
	e := &s.Event
	if s.Earliest < 0 || s.Latest < s.Earliest {
		c.bad("seen[%d]: from %v to %v is no span", i, s.Earliest, s.Latest)
	}
	if i > 0 {
		before := &o.Seen[i-1]
		if before.Earliest > s.Earliest || before.Earliest == s.Earliest && before.Latest > s.Latest {
			c.bad("seen[%d]: %v comes behind %v; sort by earliest, then latest", i, s.Earliest, before.Earliest)
		}
	}
	if s.Latest > o.Horizon {
		c.bad("seen[%d]: %v is behind the horizon %v", i, s.Latest, o.Horizon)
	}
	if !slices.Contains(o.Sources, s.Source) {
		c.bad("seen[%d].source: %v is not one of the sources that were heard", i, s.Source)
	}
	if _, ok := trace.ParseKind(e.Kind.String()); !ok {
		c.bad("seen[%d].event.kind: %d is no kind", i, e.Kind)
	}
	if e.Container < trace.NoContainer || int(e.Container) >= len(o.Containers) {
		c.bad("seen[%d].event.container: %d of %d containers", i, e.Container, len(o.Containers))
	}
	if len(e.Causes) > 0 || e.At != 0 {
		c.bad("seen[%d].event: causes and at are not observed; leave them empty", i)
	}
}

func (c *checker) checkStatus(i int) {
	o, s := c.o, &c.o.Statuses[i]
	if s.Arrived.Earliest < 0 || s.Arrived.Latest < s.Arrived.Earliest {
		c.bad("statuses[%d]: from %v to %v is no span", i, s.Arrived.Earliest, s.Arrived.Latest)
	}
	if s.At != 0 || s.Event != -1 {
		c.bad("statuses[%d]: at is %v and event %d; leave at empty and event -1", i, s.At, s.Event)
	}
	if n := len(s.Containers); n != 0 && n != len(o.Containers) {
		c.bad("statuses[%d].containers: %d of %d", i, n, len(o.Containers))
	}
	if i > 0 && s.Arrived.Latest < o.Statuses[i-1].Arrived.Earliest {
		c.bad("statuses[%d]: it arrived before its predecessor", i)
	}
}

// checkOncePerRun wants the life of a run in order: made, started, ended, each at most once. A new sandbox counts its runs anew. What
// comes behind a gap may lack what came in it, unless the gap was filled afterwards.
func (c *checker) checkOncePerRun() {
	last := make([]trace.Kind, len(c.o.Containers))
	for i := range c.o.Seen {
		s := &c.o.Seen[i]
		e := &s.Event
		if s.Source != SourceRuntime || e.Container < 0 || int(e.Container) >= len(last) {
			continue
		}
		switch before := &last[e.Container]; e.Kind {
		case trace.Running, trace.Exited:
			want := trace.Created
			if e.Kind == trace.Exited {
				want = trace.Running
			}
			if *before != want && !c.unheard(s.Earliest) {
				c.bad("seen[%d]: %s of run %d of %s without its %s", i, e.Kind, e.Run, c.o.Containers[e.Container].Name, want)
			}
			*before = e.Kind
		case trace.Created:
			*before = e.Kind
		}
	}
}

// unheard reports whether the runtime was not heard at some time before an instant.
func (c *checker) unheard(before trace.Instant) bool {
	return slices.ContainsFunc(c.o.Gaps, func(g Gap) bool { return g.Source == SourceRuntime && !g.Planned && g.From <= before })
}
