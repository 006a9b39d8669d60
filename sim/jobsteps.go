package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Steps from outside, in the run of a Job.

// scheduleSteps puts the timed steps in order and fixes the horizon.
func (r *jobRun) scheduleSteps() {
	r.steps = make([]step, len(r.scenario.Steps))
	last := trace.Instant(0)
	r.keepAll = r.config.KeepIdle
	for i := range r.scenario.Steps {
		s := &r.scenario.Steps[i]
		if s.After == nil {
			r.addStep(trace.Instant(s.At), i)
			last = max(last, trace.Instant(s.At))
			continue
		}
		kind, _ := trace.ParseKind(s.After.Kind)
		r.keepAll = r.keepAll || kind.Mechanism()
	}
	r.horizon = last.Add(DefaultJobHorizon)
	if r.scenario.Horizon > 0 {
		r.horizon = trace.Instant(r.scenario.Horizon)
	}
}

// addStep has a step taken at the instant, behind others of that instant.
func (r *jobRun) addStep(at trace.Instant, i int) {
	place := len(r.timed)
	for place > 0 && r.timed[place-1].at > at {
		place--
	}
	r.timed = slices.Insert(r.timed, place, timedStep{at, i})
}

// wakeSteps schedules the steps that wait for the event.
func (r *jobRun) wakeSteps(e *trace.Event) {
	for i := range r.scenario.Steps {
		s, state := &r.scenario.Steps[i], &r.steps[i]
		if s.After == nil || state.fired || !r.selects(s.After, e) {
			continue
		}
		state.matches++
		if state.matches < max(s.After.Nth, 1) {
			continue
		}
		state.fired = true
		r.addStep(r.now.Add(s.At), i)
		if r.scenario.Horizon == 0 {
			r.horizon = max(r.horizon, r.now.Add(s.At).Add(DefaultJobHorizon))
		}
	}
}

func (r *jobRun) selects(s *Selector, e *trace.Event) bool {
	if e.Kind.String() != s.Kind || s.Run >= 0 && e.Run != s.Run || !e.Kind.OfJob() && !s.Pod.matches(e.Pod) {
		return false
	}
	if s.Container == "" {
		return e.Container == trace.NoContainer
	}
	return e.Container != trace.NoContainer && r.containerName(int(e.Container)) == s.Container
}

// takeStep takes a step that is due. One that speaks of a Pod is taken with the first that matches and exists.
func (r *jobRun) takeStep(i int) {
	s, state := &r.scenario.Steps[i], &r.steps[i]
	state.fired = true
	if s.PatchJob != nil {
		r.patch(s.PatchJob)
		return
	}
	if s.RestartKubelet != nil || s.RebootNode != nil || s.ShutdownNode != nil {
		state.impossible = r.disturbNode(s)
		return
	}
	for _, p := range r.pods {
		if p.machine.object.exists && s.Pod.matches(p.ref) {
			p.touch()
			state.impossible = p.machine.act(s)
			return
		}
	}
	state.impossible = "there is no such Pod at that moment"
}

// patch is a PATCH request of a client on the Job's spec. pkg/registry/batch/job/strategy.go: PrepareForUpdate counts the generation.
func (r *jobRun) patch(p *JobPatch) {
	o := &r.object
	if !o.exists {
		return
	}
	next := o.spec
	var changes []string
	note := func(field string, value any, changed bool) {
		if changed {
			changes = append(changes, fmt.Sprintf("%s %v", field, value))
		}
	}
	if v := p.Suspend; v != nil {
		note("suspend", *v, next.Suspend != *v)
		next.Suspend = *v
	}
	if v := p.Parallelism; v != nil {
		note("parallelism", *v, next.parallelism != *v)
		next.parallelism = *v
	}
	if v := p.Completions; v != nil {
		note("completions", *v, next.Completions == nil || *next.Completions != *v)
		next.Completions = v
	}
	if v := p.BackoffLimit; v != nil {
		note("backoffLimit", *v, next.backoffLimit != *v)
		next.backoffLimit = *v
	}
	if v := p.ActiveDeadlineSeconds; v != nil {
		note("activeDeadlineSeconds", *v, next.ActiveDeadlineSeconds == nil || *next.ActiveDeadlineSeconds != *v)
		next.ActiveDeadlineSeconds = v
	}
	if len(changes) == 0 {
		return
	}
	next.generation++
	o.spec = next
	o.version++
	o.event = r.emit(trace.Event{Kind: trace.JobPatched, Reason: strings.Join(changes, ", ")},
		cause(o.event, "a client changes the Job", windowRuntime))
	r.watchJob()
}
