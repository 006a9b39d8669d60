package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// jobOf makes a Job of a generated Pod: its template, with another behaviour in some Pods of it.
func (g *generator) jobOf(n uint64, pod *generated) error {
	d := draw{Rand: rand.New(rand.NewPCG(g.seed^0x6a6f62, n))}
	pod.setting.ControlOff = pod.setting.NodeOff // the oracle's controller and kubelet share a process
	target, err := g.target(pod.setting)
	if err != nil {
		return err
	}
	d.target = &target
	s := &pod.scenario
	s.Pod.RestartPolicy = pick(d, sim.RestartOnFailure, sim.RestartNever, sim.RestartNever)
	for _, list := range [][]sim.Container{s.Pod.Init, s.Pod.Main} {
		for i := range list {
			forJob(&list[i])
		}
	}
	for i := range s.Pod.Main {
		if d.oneIn(2) {
			d.ends(&s.Pod.Main[i].Behavior)
		}
	}
	s.Pod.Ephemeral = nil // they are added to single Pods alone
	s.Job = d.job(s)
	s.Steps = nil
	for range pick(d, 0, 0, 0, 1, 1, 2) {
		s.Steps = append(s.Steps, d.jobStep(s))
	}
	if s.Horizon > 4*time.Minute {
		s.Horizon = 4 * time.Minute
	}
	return nil
}

// forJob leaves out what several Pods share on a node: images, and ConfigMaps.
func forJob(c *sim.Container) {
	c.Image, c.Behavior.Pulls, c.AlwaysPull = "", nil, false
	for i := range c.Behavior.Starts {
		if c.Behavior.Starts[i].Create == "ConfigError" {
			c.Behavior.Starts[i].Create = "Error"
		}
	}
}

// ends lets all processes of a container end soon.
func (d draw) ends(b *sim.Behavior) {
	for i := range b.Runs {
		if b.Runs[i].For == sim.Forever {
			b.Runs[i].For = d.odd(pick(d, 300*time.Millisecond, 6*time.Second, 20*time.Second))
		}
		if d.oneIn(2) {
			b.Runs[i].ExitCode, b.Runs[i].OOMKilled = 0, false
		}
	}
}

func (d draw) job(s *sim.Scenario) *sim.Job {
	j := &sim.Job{}
	number := func(n int32) *int32 { return &n }
	if !d.oneIn(4) {
		j.Parallelism = number(1 + d.Int32N(3))
	}
	if !d.oneIn(4) {
		j.Completions = number(1 + d.Int32N(4))
	}
	if d.oneIn(3) {
		j.Indexed = true
		if j.Completions == nil {
			j.Completions = number(1 + d.Int32N(3))
		}
	}
	if !d.oneIn(3) {
		j.BackoffLimit = number(d.Int32N(4))
	}
	if d.oneIn(5) {
		limit := 1 + d.Int64N(90)
		j.ActiveDeadlineSeconds = &limit
	}
	j.Suspend = d.oneIn(10)
	j.PodReplacementPolicy = pick(d, "", "", sim.ReplaceFailed, sim.ReplaceTerminatingOrFailed)
	never := s.Pod.RestartPolicy == sim.RestartNever
	if j.Indexed && never && d.oneIn(2) {
		j.BackoffLimitPerIndex = number(d.Int32N(3))
		if d.oneIn(3) {
			j.MaxFailedIndexes = number(d.Int32N(*j.Completions))
		}
	}
	if never && d.oneIn(3) {
		d.failurePolicy(s, j)
	}
	if j.Indexed && d.oneIn(3) {
		j.SuccessPolicy = append(j.SuccessPolicy, sim.SuccessRule{SucceededCount: number(1 + d.Int32N(*j.Completions))})
		if d.oneIn(2) {
			j.SuccessPolicy[0] = sim.SuccessRule{SucceededIndexes: "0"}
		}
	}
	for range d.IntN(3) {
		j.Pods = append(j.Pods, d.podScript(s))
	}
	return j
}

func (d draw) failurePolicy(s *sim.Scenario, j *sim.Job) {
	if j.PodReplacementPolicy == sim.ReplaceTerminatingOrFailed {
		j.PodReplacementPolicy = ""
	}
	for range 1 + d.IntN(2) {
		rule := sim.FailureRule{Action: pick(d, sim.FailureFailJob, sim.FailureIgnore, sim.FailureCount)}
		if j.BackoffLimitPerIndex != nil && d.oneIn(3) {
			rule.Action = sim.FailureFailIndex
		}
		rule.OnExitCodes = &sim.ExitCodeMatch{NotIn: d.oneIn(3), Values: []int32{pick(d, int32(1), 2, 137, 143)}}
		if d.oneIn(2) {
			rule.OnExitCodes.Container = d.anyOf(&s.Pod).Name
		}
		j.PodFailurePolicy = append(j.PodFailurePolicy, rule)
	}
}

func (d draw) podScript(s *sim.Scenario) sim.PodScript {
	script := sim.PodScript{}
	if !d.oneIn(4) {
		index := d.Int32N(3)
		script.Match.Index = &index
	}
	if d.oneIn(4) {
		attempt := d.Int32N(2)
		script.Match.Attempt = &attempt
	}
	for i, list := range [][]sim.Container{s.Pod.Init, s.Pod.Main} {
		for _, c := range list {
			own := sim.ContainerScript{Behavior: sim.Behavior{Runs: []sim.Process{d.process(i == 0 && c.RestartPolicy == "")}}}
			leaveSleepsAlone([]sim.Container{{PostStart: c.PostStart, PreStop: c.PreStop, Behavior: own.Behavior}})
			if i == 1 && d.oneIn(2) {
				d.ends(&own.Behavior)
			}
			script.Containers = append(script.Containers, own)
		}
	}
	return script
}

func (d draw) jobStep(s *sim.Scenario) sim.Step {
	step := sim.Step{At: d.odd(60 * time.Second)}
	if d.oneIn(8) {
		down := d.odd(pick(d, time.Millisecond, 4*time.Second, 40*time.Second))
		switch d.IntN(5) {
		case 0, 1:
			step.RestartKubelet = &sim.RestartKubelet{Down: down}
		case 2:
			step.ShutdownNode = &sim.ShutdownNode{}
		default:
			step.RebootNode = &sim.RebootNode{Down: down, Orderly: d.oneIn(2)}
		}
	} else if d.oneIn(2) {
		index := d.Int32N(3)
		step.Pod = &sim.PodMatch{Index: &index}
		d.podStep(s, &step)
	} else {
		step.PatchJob = d.jobPatch(s.Job)
	}
	if d.oneIn(3) {
		step.At = d.odd(pick(d, 40*time.Millisecond, 3*time.Second, 15*time.Second))
		step.After = d.selector(&s.Pod)
		if kind, _ := trace.ParseKind(step.After.Kind); kind == trace.DeleteRequested || kind == trace.SyncTerminating {
			step.After.Kind = trace.SandboxReady.String()
		}
	}
	return step
}

// podStep is what befalls a Pod of a Job.
func (d draw) podStep(s *sim.Scenario, step *sim.Step) {
	switch name := d.anyOf(&s.Pod).Name; d.IntN(10) {
	case 0:
		step.LoseSandbox = &sim.LoseSandbox{}
	case 1:
		step.Evict = &sim.Evict{Mode: pick(d, sim.EvictAPI, sim.EvictHard, sim.EvictSoft, sim.EvictPreempt)}
	case 2:
		step.Patch = &sim.Patch{Images: []sim.ImageChange{{Container: name, Image: "images.invalid/next-" + name + ":1"}}}
	case 3, 4, 5:
		step.Kill = &sim.Kill{Container: name, Signal: pick(d, sim.SignalKill, sim.SignalTerm)}
	default:
		step.Delete = d.deletion()
	}
}

func (d draw) jobPatch(j *sim.Job) *sim.JobPatch {
	patch := &sim.JobPatch{}
	switch d.IntN(4) {
	case 0:
		n := d.Int32N(4)
		patch.Parallelism = &n
	case 1:
		limit := 1 + d.Int64N(60)
		patch.ActiveDeadlineSeconds = &limit
	default:
		suspend := !j.Suspend && !d.oneIn(4)
		patch.Suspend = &suspend
	}
	return patch
}

// withoutScript takes a container out of what is said about single Pods.
func withoutScript(s *sim.Scenario, container int) bool {
	if s.Job != nil {
		for i := range s.Job.Pods {
			list := &s.Job.Pods[i].Containers
			*list = slices.Delete(*list, container, container+1)
		}
	}
	return true
}

// jobReductions are the changes that make a Job simpler.
func jobReductions(now *sim.Job) []func(*sim.Job) bool {
	list := []func(*sim.Job) bool{
		func(j *sim.Job) bool { return unset(&j.Parallelism) },
		func(j *sim.Job) bool { return unset(&j.Completions) },
		func(j *sim.Job) bool {
			plain := sim.Job{Parallelism: j.Parallelism, Completions: j.Completions, BackoffLimit: j.BackoffLimit, Pods: j.Pods}
			had := j.Indexed
			*j = plain
			return had
		},
		func(j *sim.Job) bool { return unset(&j.BackoffLimit) },
		func(j *sim.Job) bool { return unset(&j.BackoffLimitPerIndex) },
		func(j *sim.Job) bool { return unset(&j.MaxFailedIndexes) },
		func(j *sim.Job) bool { return unset(&j.ActiveDeadlineSeconds) },
		func(j *sim.Job) bool { return unset(&j.Suspend) },
		func(j *sim.Job) bool { return unset(&j.PodReplacementPolicy) },
		func(j *sim.Job) bool { had := j.SuccessPolicy != nil; j.SuccessPolicy = nil; return had },
	}
	for i := range now.PodFailurePolicy {
		list = append(list, func(j *sim.Job) bool { j.PodFailurePolicy = slices.Delete(j.PodFailurePolicy, i, i+1); return true })
	}
	for i := range now.Pods {
		list = append(list, func(j *sim.Job) bool { j.Pods = slices.Delete(j.Pods, i, i+1); return true })
	}
	return list
}
