package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Validate reports every value that is outside its documented range, all at once. It does not judge what an API
// server would refuse: that is part of the prediction.
func (s *Scenario) Validate() error {
	v := validation{scenario: s}
	pod := &s.Pod
	if len(pod.Main) == 0 {
		v.add("pod.main: a Pod needs at least one main container")
	}
	if n := len(pod.Init) + len(pod.Main) + len(pod.Ephemeral); n > trace.MaxContainers {
		v.add("pod: %d containers, at most %d can be simulated", n, trace.MaxContainers)
	}
	v.atLeast(place{name: "pod.terminationGracePeriodSeconds"}, pod.TerminationGracePeriodSeconds, 0)
	v.atLeast(place{name: "pod.activeDeadlineSeconds"}, pod.ActiveDeadlineSeconds, 0)
	if pod.RestartPolicy == "" {
		v.add("pod.restartPolicy is empty, want Always, OnFailure or Never")
	}
	v.policy(place{name: "pod.restartPolicy"}, pod.RestartPolicy)
	v.notNegative(place{name: "horizon"}, s.Horizon)
	for i := range pod.Init {
		v.container(place{list: "pod.init", index: i}, &pod.Init[i], pod.Init[:i])
	}
	for i := range pod.Main {
		v.container(place{list: "pod.main", index: i}, &pod.Main[i], pod.Main[:i])
		if pod.Main[i].Name != "" && named(pod.Init, pod.Main[i].Name) {
			v.add("pod.main[%d].name %q is taken by an init container", i, pod.Main[i].Name)
		}
	}
	for i := range pod.Ephemeral {
		v.ephemeral(place{list: "pod.ephemeral", index: i}, &pod.Ephemeral[i], pod.Ephemeral[:i])
	}
	if s.Latency != nil {
		v.problems = append(v.problems, s.Latency.check("latency")...)
	}
	if s.Job != nil {
		v.job(s.Job)
	}
	v.shutdown(&s.Node)
	for i := range s.Steps {
		v.step(place{list: "steps", index: i}, &s.Steps[i])
	}
	if len(v.problems) == 0 {
		return nil
	}
	return errors.Join(v.problems...)
}

// validation gathers problems. Nothing is formatted unless there is one: Validate is part of every run.
type validation struct {
	scenario *Scenario
	problems []error
}

// place is where a value stands in the scenario.
type place struct {
	list  string
	index int
	name  string
	inner int // the position in the list called name, from 1; 0 for none
	field string
}

func (p place) String() string {
	var b strings.Builder
	if p.list != "" {
		fmt.Fprintf(&b, "%s[%d]", p.list, p.index)
	}
	if p.name != "" {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p.name)
	}
	if p.inner > 0 {
		fmt.Fprintf(&b, "[%d]", p.inner-1)
	}
	if p.field != "" {
		b.WriteString("." + p.field)
	}
	return b.String()
}

func (p place) at(name string) place  { p.name = name; return p }
func (p place) nth(i int) place       { p.inner = i + 1; return p }
func (p place) of(field string) place { p.field = field; return p }
func named(list []Container, n string) bool {
	for i := range list {
		if list[i].Name == n {
			return true
		}
	}
	return false
}

func (v *validation) add(format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf(format, args...))
}

func (v *validation) atLeast(p place, n, least int64) {
	if n < least {
		v.add("%v is %d, want %d or more", p, n, least)
	}
}

func (v *validation) notNegative(p place, d time.Duration) {
	if d < 0 {
		v.add("%v is %v, want 0 or more", p, d)
	}
}

func (v *validation) policy(p place, policy RestartPolicy) {
	switch policy {
	case RestartAlways, RestartOnFailure, RestartNever, "":
	default:
		v.add("%v is %q, want Always, OnFailure or Never", p, string(policy))
	}
}

func (v *validation) container(p place, c *Container, before []Container) {
	if c.Name == "" {
		v.add("%v is empty", p.at("name"))
	}
	if named(before, c.Name) {
		v.add("%v %q is taken by another container", p.at("name"), c.Name)
	}
	v.policy(p.at("restartPolicy"), c.RestartPolicy)
	for i := range c.RestartRules {
		if action := c.RestartRules[i].Action; action != ActionRestart && action != ActionRestartAllContainers {
			v.add("%v is %q, want Restart or RestartAllContainers", p.at("restartRules").nth(i).of("action"), action)
		}
	}
	v.probe(p.at("startup"), c.Startup)
	v.probe(p.at("readiness"), c.Readiness)
	v.probe(p.at("liveness"), c.Liveness)
	if c.Latency != nil {
		v.problems = append(v.problems, c.Latency.check(p.at("latency").String())...)
	}
	for i := range c.Behavior.Pulls {
		v.notNegative(p.at("behavior.pulls").nth(i).of("takes"), c.Behavior.Pulls[i].Takes)
	}
	for i := range c.Behavior.Runs {
		v.process(p.at("behavior.runs").nth(i), &c.Behavior.Runs[i])
	}
}

func (v *validation) ephemeral(p place, c *Container, before []Container) {
	v.container(p, c, before)
	if pod := &v.scenario.Pod; named(pod.Init, c.Name) || named(pod.Main, c.Name) {
		v.add("%v %q is taken by another container", p.at("name"), c.Name)
	}
	if c.Startup != nil || c.Readiness != nil || c.Liveness != nil || c.PostStart != nil || c.PreStop != nil {
		v.add("%v has probes or hooks, which an ephemeral container may not have", p)
	}
	if v.scenario.Job != nil {
		v.add("%v: ephemeral containers of a Job's Pods are not simulated", p)
	}
}

func (v *validation) probe(p place, probe *Probe) {
	if probe == nil {
		return
	}
	v.atLeast(p.of("periodSeconds"), probe.PeriodSeconds, 1)
	v.atLeast(p.of("timeoutSeconds"), probe.TimeoutSeconds, 1)
	v.atLeast(p.of("successThreshold"), probe.SuccessThreshold, 1)
	v.atLeast(p.of("failureThreshold"), probe.FailureThreshold, 1)
	v.atLeast(p.of("initialDelaySeconds"), probe.InitialDelaySeconds, 0)
	v.atLeast(p.of("terminationGracePeriodSeconds"), probe.TerminationGracePeriodSeconds, 0)
}

func (v *validation) process(p place, r *Process) {
	if r.For < 0 && r.For != Forever {
		v.add("%v is %v, want 0 or more, or forever", p.of("for"), r.For)
	}
	v.notNegative(p.of("onStop.after"), r.OnStop.After)
	v.answers(p.of("startup"), r.Startup)
	v.answers(p.of("readiness"), r.Readiness)
	v.answers(p.of("liveness"), r.Liveness)
	v.notNegative(p.of("postStart.takes"), r.PostStart.Takes)
	v.notNegative(p.of("preStop.takes"), r.PreStop.Takes)
}

func (v *validation) answers(p place, list []Answer) {
	for i, a := range list {
		switch {
		case a.From < 0:
			v.add("%v[%d].from is %v, want 0 or more", p, i, a.From)
		case a.Takes < 0:
			v.add("%v[%d].takes is %v, want 0 or more", p, i, a.Takes)
		case i > 0 && a.From < list[i-1].From:
			v.add("%v[%d].from is %v, earlier than the entry before it", p, i, a.From)
		}
	}
}

func (v *validation) step(p place, s *Step) {
	v.notNegative(p.at("at"), s.At)
	v.action(p, s)
	if s.After == nil {
		return
	}
	if name := s.After.Container; name != "" && !v.scenario.Pod.Names(name) {
		v.add("%v %q is not in the Pod", p.at("after.event.container"), name)
	}
	if _, known := trace.ParseKind(s.After.Kind); !known {
		v.add("%v %q is not a kind of event", p.at("after.event.kind"), s.After.Kind)
	}
}

// action wants exactly one action, and judges it.
func (v *validation) action(p place, s *Step) {
	actions := 0
	for _, set := range [...]bool{s.Delete != nil, s.Kill != nil, s.LoseSandbox != nil, s.RestartKubelet != nil, s.RebootNode != nil, s.ShutdownNode != nil, s.RemoveManifest != nil, s.Evict != nil,
		s.Patch != nil, s.AddEphemeral != nil, s.PatchJob != nil} {
		if set {
			actions++
		}
	}
	if actions != 1 {
		v.add("%v has %d actions, want 1", p, actions)
	}
	if s.PatchJob != nil && v.scenario.Job == nil {
		v.add("%v patches a Job, and there is none", p)
	}
	if d := s.Delete; d != nil && d.GracePeriodSeconds != nil {
		v.atLeast(p.at("deletePod.gracePeriodSeconds"), *d.GracePeriodSeconds, 0)
	}
	if s.Patch != nil {
		v.patch(p, s.Patch)
	}
	if e := s.Evict; e != nil && e.Mode != EvictAPI && e.Mode != EvictHard && e.Mode != EvictSoft && e.Mode != EvictPreempt {
		v.add("%v is %q, want api, hard, soft or preempt", p.at("evict.mode"), e.Mode)
	}
	if r := s.RestartKubelet; r != nil {
		v.notNegative(p.at("restartKubelet.down"), r.Down)
	}
	if r := s.RebootNode; r != nil {
		v.notNegative(p.at("rebootNode.down"), r.Down)
	}
	if s.RemoveManifest != nil && !v.scenario.Pod.Static {
		v.add("%v removes a manifest, and the Pod is not static", p)
	}
	if a := s.AddEphemeral; a != nil && !named(v.scenario.Pod.Ephemeral, a.Container) {
		v.add("%v %q is no ephemeral container of the Pod", p.at("addEphemeral.container"), a.Container)
	}
	if k := s.Kill; k != nil {
		if !v.scenario.Pod.Names(k.Container) {
			v.add("%v %q is not in the Pod", p.at("kill.container"), k.Container)
		}
		if k.Signal != SignalKill && k.Signal != SignalTerm {
			v.add("%v is %q, want SIGKILL or SIGTERM", p.at("kill.signal"), k.Signal)
		}
	}
}

// shutdown is apis/config/validation: ValidateKubeletConfiguration.
func (v *validation) shutdown(n *Node) {
	v.notNegative(place{name: "node.shutdownGracePeriod"}, n.ShutdownGracePeriod)
	v.notNegative(place{name: "node.shutdownGracePeriodCriticalPods"}, n.ShutdownGracePeriodCriticalPods)
	if n.ShutdownGracePeriodCriticalPods > n.ShutdownGracePeriod {
		v.add("node.shutdownGracePeriodCriticalPods is %v, more than shutdownGracePeriod", n.ShutdownGracePeriodCriticalPods)
	}
}

func (v *validation) patch(p place, change *Patch) {
	if len(change.Images) == 0 && len(change.Resize) == 0 {
		v.add("%v changes nothing", p)
	}
	pod := &v.scenario.Pod
	for _, resize := range change.Resize {
		if !named(pod.Init, resize.Container) && !named(pod.Main, resize.Container) {
			v.add("%v %q is not in the Pod", p.at("patch.merge"), resize.Container)
		}
		if resize.Restart && pod.RestartPolicy == RestartNever {
			v.add("%v restarts %q, and the Pod says Never: no API server takes RestartContainer there", p.at("patch.merge"), resize.Container)
		}
	}
	for _, image := range change.Images {
		if !named(pod.Init, image.Container) && !named(pod.Main, image.Container) {
			v.add("%v %q is not in the Pod", p.at("patch.merge"), image.Container)
		}
	}
}

// stepField is the path under which a step is reported.
func stepField(i int, s *Step) string {
	field := fmt.Sprintf("spec.steps[%d]", i)
	if s.Name != "" {
		field += " (" + strings.TrimSpace(s.Name) + ")"
	}
	return field
}

// job reports what of a Job the run could not make sense of.
func (v *validation) job(j *Job) {
	number := func(field string, n *int32) {
		if n != nil {
			v.atLeast(place{name: "job." + field}, int64(*n), 0)
		}
	}
	number("parallelism", j.Parallelism)
	number("completions", j.Completions)
	number("backoffLimit", j.BackoffLimit)
	number("backoffLimitPerIndex", j.BackoffLimitPerIndex)
	number("maxFailedIndexes", j.MaxFailedIndexes)
	number("ttlSecondsAfterFinished", j.TTLSecondsAfterFinished)
	if j.ActiveDeadlineSeconds != nil {
		v.atLeast(place{name: "job.activeDeadlineSeconds"}, *j.ActiveDeadlineSeconds, 0)
	}
	if j.Indexed && j.Completions == nil {
		v.add("job.completions is not set, but an indexed Job needs it")
	}
	if !j.Indexed && (j.BackoffLimitPerIndex != nil || j.MaxFailedIndexes != nil || len(j.SuccessPolicy) > 0) {
		v.add("job.indexed is false, but backoffLimitPerIndex, maxFailedIndexes and successPolicy need it")
	}
	if v.scenario.Pod.RestartPolicy == RestartAlways {
		v.add("pod.restartPolicy is Always, which a Job does not allow")
	}
	for i := range j.PodFailurePolicy {
		rule := &j.PodFailurePolicy[i]
		if (rule.OnExitCodes == nil) == (len(rule.OnPodConditions) == 0) {
			v.add("job.podFailurePolicy[%d] needs exactly one of onExitCodes and onPodConditions", i)
		}
	}
	for i := range j.Pods {
		if have, want := len(j.Pods[i].Containers), len(v.scenario.Pod.Init)+len(v.scenario.Pod.Main); have != want {
			v.add("job.pods[%d] has %d containers, the Pod has %d", i, have, want)
		}
	}
}
