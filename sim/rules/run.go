package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// run is one simulation of the subject, or a trace from elsewhere.
type run struct {
	*trace.Trace
	node int
	name string
}

// life is the run of the Pod as it is, with what the scenario does to it.
func (c *checking) life() *run {
	if len(c.subject.Scenario.Steps) == 0 && c.subject.Scenario.Horizon == 0 {
		return c.alone()
	}
	return c.variant("as it is", func(*sim.Scenario) {})
}

// alone is the run of the Pod to which nobody does anything.
func (c *checking) alone() *run { return c.variant("undisturbed", undisturbed) }

// variant runs the Pod with a change, once for each name and node. The change gets a copy whose containers are its own.
func (c *checking) variant(name string, change func(*sim.Scenario)) *run {
	return c.simulated(name, func(s *sim.Scenario) {
		s.Job = nil // rules read a run as one Pod's, and this is the first that a Job makes
		change(s)
	})
}

// jobWatch is how long a Job is watched: the restarts of a sidecar come at most some minutes apart, and so may its failed Pods.
const jobWatch = 6 * time.Hour

// ofJob runs the Job with all its Pods, until it has ended.
func (c *checking) ofJob() *run {
	return c.simulated("the Job", func(s *sim.Scenario) { s.Steps, s.Horizon = nil, jobWatch })
}

// jobEvent returns the position of the event that says why the Job fails, -1 if it does not fail for that.
func (r *run) jobEvent(reason string) int32 {
	for i := range r.Events {
		if e := &r.Events[i]; (e.Kind == trace.JobFailureTarget || e.Kind == trace.JobFailed) && e.Reason == reason {
			return int32(i)
		}
	}
	return -1
}

// simulated makes a run of the scenario with a change, once for each name and node.
func (c *checking) simulated(name string, change func(*sim.Scenario)) *run {
	return c.simulatedOn(c.here(), c.node, name, change)
}

// elsewhere is that no kind of node of the target is.
const elsewhere = -1

// simulatedOn makes a run on another target than the one that is looked at: its node is elsewhere, and its name says which.
func (c *checking) simulatedOn(target *gates.Resolved, node int, name string, change func(*sim.Scenario)) *run {
	for i := range c.runs {
		if c.runs[i].node == node && c.runs[i].name == name {
			return &c.runs[i]
		}
	}
	scenario := *c.subject.Scenario
	scenario.Pod.Init, scenario.Pod.Main = slices.Clone(scenario.Pod.Init), slices.Clone(scenario.Pod.Main)
	change(&scenario)
	if c.memory == nil {
		c.memory = &sim.Memory{}
	}
	t, err := c.memory.Run(&scenario, target, sim.DefaultConfig())
	if err != nil {
		t = &trace.Trace{}
		if c.err == nil {
			c.err = fmt.Errorf("%s: %w", name, err)
		}
	}
	c.runs = append(c.runs, run{t, node, name})
	return &c.runs[len(c.runs)-1]
}

// undisturbed takes the scenario's own steps away, for a variant that has one of its own.
func undisturbed(s *sim.Scenario) { s.Steps, s.Horizon = nil, 0 }

// afterStart is how long after the last main began a Pod is deleted.
const afterStart = 2 * time.Second

// deleted runs the Pod and deletes it soon after its last main began. It returns nil, and says so, where the mains do not all
// begin. With a grace of 0 the Pod's own grace period counts.
func (c *checking) deleted(graceSeconds int64) *run {
	if graceSeconds == c.subject.Scenario.Pod.TerminationGracePeriodSeconds {
		graceSeconds = 0 // the same run
	}
	at := trace.Instant(0)
	life := c.alone()
	for i := c.inits; i < len(c.parts); i++ {
		begins := life.first(i, trace.Running)
		if begins < 0 {
			c.skip("%s never starts, so nothing is there to stop; see %s", c.parts[i].Name, c.blocker())
			return nil
		}
		at = max(at, life.Events[begins].At)
	}
	name := fmt.Sprintf("deleted with grace %d", graceSeconds)
	return c.variant(name, func(s *sim.Scenario) {
		undisturbed(s)
		step := sim.Step{Name: "deletion", At: time.Duration(at) + afterStart, Delete: &sim.Delete{}}
		if graceSeconds > 0 {
			step.Delete.GracePeriodSeconds = &graceSeconds
		}
		s.Steps = []sim.Step{step}
	})
}

// blocker names the check that says why a Pod does not start.
func (c *checking) blocker() string {
	if !capable(c.here()) {
		return "CMP001 and CMP002"
	}
	return "ORD005 and GAT003"
}

// container returns the spec of a part in a scenario that a variant may change.
func (p *part) container(s *sim.Scenario) *sim.Container {
	if p.init {
		return &s.Pod.Init[p.index]
	}
	return &s.Pod.Main[p.index]
}

// ends makes the container's first run end by itself after a time, and leaves its later runs as they are.
func ends(container *sim.Container, after time.Duration, code int32) {
	first := sim.Process{For: sim.Forever, OnStop: sim.StopReaction{ExitCode: 143}}
	rest := []sim.Process{first}
	if len(container.Behavior.Runs) > 0 {
		first, rest = container.Behavior.Runs[0], container.Behavior.Runs
	}
	first.For, first.ExitCode, first.OOMKilled = after, code, false
	container.Behavior.Runs = append([]sim.Process{first}, rest...)
}

// everyRun changes all runs of a container.
func everyRun(container *sim.Container, change func(*sim.Process)) {
	runs := slices.Clone(container.Behavior.Runs)
	if len(runs) == 0 {
		runs = []sim.Process{{For: sim.Forever, OnStop: sim.StopReaction{ExitCode: 143}}}
	}
	for i := range runs {
		change(&runs[i])
	}
	container.Behavior.Runs = runs
}

// first returns the position of the container's first event of a kind, -1 if there is none.
func (r *run) first(container int, kind trace.Kind) int32 { return r.after(container, kind, -1) }

// after returns the position of the container's first event of a kind behind a position.
func (r *run) after(container int, kind trace.Kind, behind int32) int32 {
	for i := int(behind) + 1; i < len(r.Events); i++ {
		if e := &r.Events[i]; int(e.Container) == container && e.Kind == kind {
			return int32(i)
		}
	}
	return -1
}

// last returns the position of the container's last event of a kind, -1 if there is none.
func (r *run) last(container int, kind trace.Kind) int32 {
	for i := len(r.Events) - 1; i >= 0; i-- {
		if e := &r.Events[i]; int(e.Container) == container && e.Kind == kind {
			return int32(i)
		}
	}
	return -1
}

// pod returns the position of the first event of a kind that is about the Pod.
func (r *run) pod(kind trace.Kind) int32 { return r.first(trace.NoContainer, kind) }

// count counts the container's events of a kind.
func (r *run) count(container int, kind trace.Kind) int {
	n := 0
	for i := range r.Events {
		if e := &r.Events[i]; int(e.Container) == container && e.Kind == kind {
			n++
		}
	}
	return n
}

// at is the instant of an event, Never for -1.
func (r *run) at(event int32) trace.Instant {
	if event < 0 {
		return trace.Never
	}
	return r.Events[event].At
}

// final is the last version of the status, nil if there is none.
func (r *run) final() *trace.Status {
	if len(r.Statuses) == 0 {
		return nil
	}
	return &r.Statuses[len(r.Statuses)-1]
}

// terminal returns the first version with a terminal phase, nil if there is none.
func (r *run) terminal() *trace.Status {
	for i := range r.Statuses {
		if r.Statuses[i].Phase.Terminal() {
			return &r.Statuses[i]
		}
	}
	return nil
}

// began reports whether a kubelet took the Pod.
func (r *run) began() bool { return r.pod(trace.SandboxReady) >= 0 }

// needCapable skips a target on which sidecars do not work: what happens there is said by others.
func (c *checking) needCapable() bool {
	if capable(c.here()) || !c.has((*part).sidecar) {
		return true
	}
	c.skip("native sidecars do not work on this target; see CMP001 and CMP002")
	return false
}

// needRun skips a Pod that no kubelet takes.
func (c *checking) needRun() bool {
	if c.life().began() {
		return true
	}
	c.skip("the Pod does not get to a node on this target; see CMP001, CMP002 and GAT004")
	return false
}

// needModel makes an answer of the simulating engine unknown that rests on a field outside the model.
func (c *checking) needModel(before int) {
	if c.engine != Simulate || c.said.Verdict == Skip || c.said.Verdict == Unknown {
		return
	}
	var fields []string
	for _, u := range c.subject.Scenario.Unmodelled {
		if bearsOn(u.Field, c.rule) {
			fields = append(fields, u.Field)
		}
	}
	if len(fields) == 0 {
		return
	}
	c.findings = c.findings[:before]
	c.said.Verdict, c.said.Reason = Unknown, and(fields)+" is set, which is not simulated"
	if len(fields) > 1 {
		c.said.Reason = and(fields) + " are set, which are not simulated"
	}
}

// bearsOn reports whether a field that is not simulated can change the answer of a rule. What is not listed can change all.
func bearsOn(field string, rule *Rule) bool {
	name := field[strings.LastIndexByte(field, '.')+1:]
	switch name {
	case "readinessGates":
		return rule.ID == "STA001" || rule.ID == "STA002"
	case "schedulingGates", "schedulingGroup", "workloadRef":
		return rule.ID == "GAT003"
	case "evictionResponders", "ephemeralContainers":
		return false // nothing that the rules do to a Pod meets them
	case "resizePolicy":
		return false // no rule resizes; whether the API server takes it is CMP009's matter
	}
	return true
}
