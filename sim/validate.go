package sim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Validate reports every value that is outside its documented range, all at once. It does not judge what an API
// server would refuse: that is part of the prediction.
func (s *Scenario) Validate() error {
	v := validation{}
	pod := &s.Pod
	count := len(pod.Init) + len(pod.Main)
	v.check(len(pod.Main) > 0, "pod.main: a Pod needs at least one main container")
	v.check(count <= trace.MaxContainers, "pod: %d containers, at most %d can be simulated", count, trace.MaxContainers)
	v.check(pod.TerminationGracePeriodSeconds >= 0, "pod.terminationGracePeriodSeconds is %d, want 0 or more", pod.TerminationGracePeriodSeconds)
	v.check(pod.ActiveDeadlineSeconds >= 0, "pod.activeDeadlineSeconds is %d, want 0 or more", pod.ActiveDeadlineSeconds)
	v.policy("pod.restartPolicy", pod.RestartPolicy, false)
	v.check(s.Horizon >= 0, "horizon is %v, want 0 or more", s.Horizon)
	names := map[string]bool{}
	for i := range pod.Init {
		v.container(fmt.Sprintf("pod.init[%d]", i), &pod.Init[i], names)
	}
	for i := range pod.Main {
		v.container(fmt.Sprintf("pod.main[%d]", i), &pod.Main[i], names)
	}
	if s.Latency != nil {
		v.problems = append(v.problems, s.Latency.check("latency")...)
	}
	for i := range s.Steps {
		v.step(fmt.Sprintf("steps[%d]", i), &s.Steps[i], names)
	}
	return errors.Join(v.problems...)
}

type validation struct{ problems []error }

func (v *validation) check(ok bool, format string, args ...any) {
	if !ok {
		v.problems = append(v.problems, fmt.Errorf(format, args...))
	}
}

func (v *validation) policy(path string, p RestartPolicy, mayBeEmpty bool) {
	switch p {
	case RestartAlways, RestartOnFailure, RestartNever:
	case "":
		v.check(mayBeEmpty, "%s is empty, want Always, OnFailure or Never", path)
	default:
		v.check(false, "%s is %q, want Always, OnFailure or Never", path, string(p))
	}
}

func (v *validation) container(path string, c *Container, names map[string]bool) {
	v.check(c.Name != "", "%s.name is empty", path)
	v.check(!names[c.Name], "%s.name %q is taken by another container", path, c.Name)
	names[c.Name] = true
	v.policy(path+".restartPolicy", c.RestartPolicy, true)
	v.probe(path+".startup", c.Startup)
	v.probe(path+".readiness", c.Readiness)
	v.probe(path+".liveness", c.Liveness)
	if c.Latency != nil {
		v.problems = append(v.problems, c.Latency.check(path+".latency")...)
	}
	for i, pull := range c.Behavior.Pulls {
		v.check(pull.Takes >= 0, "%s.behavior.pulls[%d].takes is %v, want 0 or more", path, i, pull.Takes)
	}
	for i := range c.Behavior.Runs {
		v.run(fmt.Sprintf("%s.behavior.runs[%d]", path, i), &c.Behavior.Runs[i])
	}
}

func (v *validation) probe(path string, p *Probe) {
	if p == nil {
		return
	}
	v.check(p.PeriodSeconds >= 1, "%s.periodSeconds is %d, want 1 or more", path, p.PeriodSeconds)
	v.check(p.TimeoutSeconds >= 1, "%s.timeoutSeconds is %d, want 1 or more", path, p.TimeoutSeconds)
	v.check(p.SuccessThreshold >= 1, "%s.successThreshold is %d, want 1 or more", path, p.SuccessThreshold)
	v.check(p.FailureThreshold >= 1, "%s.failureThreshold is %d, want 1 or more", path, p.FailureThreshold)
	v.check(p.InitialDelaySeconds >= 0, "%s.initialDelaySeconds is %d, want 0 or more", path, p.InitialDelaySeconds)
	v.check(p.TerminationGracePeriodSeconds >= 0, "%s.terminationGracePeriodSeconds is %d, want 0 or more", path, p.TerminationGracePeriodSeconds)
}

func (v *validation) run(path string, r *Process) {
	v.check(r.For >= 0 || r.For == Forever, "%s.for is %v, want 0 or more, or forever", path, r.For)
	v.check(r.OnStop.After >= 0, "%s.onStop.after is %v, want 0 or more", path, r.OnStop.After)
	for _, answers := range []struct {
		name string
		list []Answer
	}{{"startup", r.Startup}, {"readiness", r.Readiness}, {"liveness", r.Liveness}} {
		for i, a := range answers.list {
			where := fmt.Sprintf("%s.%s[%d]", path, answers.name, i)
			v.check(a.From >= 0, "%s.from is %v, want 0 or more", where, a.From)
			v.check(a.Takes >= 0, "%s.takes is %v, want 0 or more", where, a.Takes)
			v.check(i == 0 || a.From >= answers.list[i-1].From, "%s.from is %v, earlier than the entry before it", where, a.From)
		}
	}
	v.check(r.PostStart.Takes >= 0, "%s.postStart.takes is %v, want 0 or more", path, r.PostStart.Takes)
	v.check(r.PreStop.Takes >= 0, "%s.preStop.takes is %v, want 0 or more", path, r.PreStop.Takes)
}

func (v *validation) step(path string, s *Step, names map[string]bool) {
	v.check(s.At >= 0, "%s.at is %v, want 0 or more", path, s.At)
	v.check(s.Delete != nil, "%s has no action", path)
	if s.Delete != nil && s.Delete.GracePeriodSeconds != nil {
		v.check(*s.Delete.GracePeriodSeconds >= 0, "%s.deletePod.gracePeriodSeconds is %d, want 0 or more", path, *s.Delete.GracePeriodSeconds)
	}
	if s.After == nil {
		return
	}
	v.check(s.After.Container == "" || names[s.After.Container], "%s.after.event.container %q is not in the Pod", path, s.After.Container)
	_, known := trace.ParseKind(s.After.Kind)
	v.check(known, "%s.after.event.kind %q is not a kind of event", path, s.After.Kind)
}

// stepField is the path under which a step is reported.
func stepField(i int, s *Step) string {
	field := fmt.Sprintf("spec.steps[%d]", i)
	if s.Name != "" {
		field += " (" + strings.TrimSpace(s.Name) + ")"
	}
	return field
}
