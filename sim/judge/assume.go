package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// assumptions says what of the assumptions does not hold, or nothing: the cluster is what the target says, everything was heard, nobody
// else had a hand in it, and the node was not too slow to tell.
func assumptions(s *sim.Scenario, target *gates.Target, o *Observation, how How) []string {
	var broken []string
	add := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if !how.Supposed {
		broken = append(broken, cluster(target, &o.Provenance)...)
	}
	for _, who := range o.Foreign {
		add("somebody else had a hand in it: %s", who)
	}
	for _, g := range o.Gaps {
		if !g.Planned {
			add("%v was not heard from %v to %v: %s", g.Source, g.From, g.To, g.Why)
		}
	}
	if !o.shows(trace.Running) && !o.shows(trace.PodRemoved) {
		add("no source was heard")
	}
	broken = append(broken, sentinels(o)...)
	if step := unplayed(s, o); step != "" {
		add("the step %s was not seen to be taken", step)
	}
	if late := o.delay(how); late > how.MaxSlack {
		add("the node was %v late, more than %v", late, how.MaxSlack)
	}
	return broken
}

// unplayed is the first step that had its time and was not taken, although there was a Pod to take it on.
func unplayed(s *sim.Scenario, o *Observation) string {
	if len(s.Steps) == 0 || s.Steps[0].After != nil || !slices.Contains(o.Sources, SourceSteps) || trace.Instant(s.Steps[0].At) >= o.Horizon {
		return ""
	}
	for i := range o.Seen {
		if seen := &o.Seen[i]; seen.Source == SourceSteps || seen.Event.Kind == trace.PodRemoved {
			return ""
		}
	}
	return fmt.Sprintf("%q", s.Steps[0].Name)
}

// sentinels wants the start and the end of a Pod of the recorder's own to have been heard before and after.
func sentinels(o *Observation) []string {
	var broken []string
	before, after := false, false
	for _, s := range o.Sentinels {
		if !s.Started || !s.Exited {
			broken = append(broken, fmt.Sprintf("the start or the end of a sentinel on %s was not heard", s.Node))
		}
		before, after = before || s.Before, after || !s.Before
	}
	if !before || !after {
		broken = append(broken, "there is no sentinel before the Pod, or none after it, so that nothing proves that all was heard")
	}
	return broken
}

// cluster compares releases and gates as measured with the target.
func cluster(target *gates.Target, p *Provenance) []string {
	var broken []string
	for _, c := range []struct {
		name, measured string
		want           gates.Component
	}{{ComponentAPIServer, p.APIServer, target.Control}, {ComponentKubelet, p.Kubelet, target.Nodes[0]}} {
		if version, _, _ := strings.Cut(strings.TrimPrefix(c.measured, "v"), "-"); version != c.want.Release.String() {
			broken = append(broken, fmt.Sprintf("the %s is %q, the target says %v", c.name, c.measured, c.want.Release))
		}
		broken = append(broken, gateStates(c.name, c.want, p)...)
	}
	return broken
}

// gateStates wants every gate that the target sets to have been measured, and every gate that was measured to be as it says.
func gateStates(component string, want gates.Component, p *Provenance) []string {
	var broken []string
	measured := func(name string) (on, ok bool) {
		for _, g := range p.Gates {
			if g.Component == component && g.Name == name {
				return g.On, true
			}
		}
		return false, false
	}
	for _, o := range want.Overrides {
		if _, ok := measured(o.Gate); !ok {
			broken = append(broken, fmt.Sprintf("the gate %s of the %s was not measured", o.Gate, component))
		}
	}
	for _, g := range gates.Gates() {
		if on, ok := measured(g.Name); ok && g.Spec(want.Release).Stage != gates.Unknown && on != want.On(g.Name) {
			broken = append(broken, fmt.Sprintf("the gate %s of the %s is %t, the target says %t", g.Name, component, on, !on))
		}
	}
	return broken
}

// sameContainers reports whether the observation is of the scenario's Pod.
func sameContainers(s *sim.Scenario, o *Observation) bool {
	return slices.EqualFunc(o.Containers, slices.Concat(s.Pod.Init, s.Pod.Main, s.Pod.Ephemeral), func(seen trace.Container, c sim.Container) bool {
		return seen.Name == c.Name
	})
}
