package main

import (
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// The results of a pull, besides success.
const (
	pullError        = "ErrImagePull"
	invalidImageName = "InvalidImageName"
)

func (d draw) container(i int, init bool, grace int64) sim.Container {
	latency := latencyOf(i)
	if d.oneIn(4) {
		d.stretch(&latency)
	}
	c := sim.Container{Name: fmt.Sprintf("c%d", i), Latency: &latency}
	sidecar := init && d.IntN(5) < 3
	switch {
	case sidecar:
		c.RestartPolicy = sim.RestartAlways
	case d.target.API.RestartRules && d.oneIn(4):
		c.RestartPolicy = pick(d, sim.RestartOnFailure, sim.RestartNever)
		if !init && d.oneIn(3) {
			c.RestartPolicy = sim.RestartAlways
		}
	}
	for range 1 + d.IntN(3) {
		c.Behavior.Runs = append(c.Behavior.Runs, d.process(init && !sidecar))
	}
	if d.oneIn(25) {
		c.Behavior.Runs = nil // what a process does that nobody describes
	}
	if d.oneIn(10) {
		for range 1 + d.IntN(3) {
			c.Behavior.Starts = append(c.Behavior.Starts, pick(d, sim.Start{}, sim.Start{Create: "ConfigError"}, sim.Start{Create: "Error"}, sim.Start{Start: "Error"}))
		}
	}
	if d.oneIn(8) {
		c.Behavior.Pulls = d.pulls()
	}
	c.AlwaysPull = d.oneIn(12)
	if !init || sidecar {
		d.probesAndHooks(&c, grace)
	}
	return c
}

// ephemeral draws a container that a step adds.
func (d draw) ephemeral(i int) sim.Container {
	c := d.container(i, true, 0)
	c.RestartPolicy, c.Startup, c.Readiness, c.Liveness, c.PostStart, c.PreStop = "", nil, nil, nil, nil, nil
	return c
}

// stretch makes one or two of a runtime's latencies long.
func (d draw) stretch(l *sim.Latency) {
	for range 1 + d.IntN(2) {
		switch d.IntN(5) {
		case 0:
			l.Pull = d.odd(20 * time.Second)
		case 1:
			l.Create = d.odd(2500 * time.Millisecond)
		case 2:
			l.Start = d.odd(2500 * time.Millisecond)
		case 3:
			l.Stop = d.odd(4 * time.Second)
		case 4:
			l.Exec = d.odd(1200 * time.Millisecond)
		}
	}
}

func (d draw) pulls() []sim.Pull {
	if d.oneIn(8) {
		return []sim.Pull{{Result: invalidImageName}} // the name does not get better by itself
	}
	var pulls []sim.Pull
	for range 1 + d.IntN(4) {
		pulls = append(pulls, sim.Pull{Takes: d.odd(5 * time.Second), Result: pick(d, "", pullError, pullError)})
	}
	return pulls
}

func (d draw) probesAndHooks(c *sim.Container, grace int64) {
	for _, probe := range []**sim.Probe{&c.Startup, &c.Readiness, &c.Liveness} {
		if d.oneIn(3) {
			*probe = d.probe()
		}
	}
	for _, probe := range []*sim.Probe{c.Startup, c.Liveness} {
		if probe == nil {
			continue
		}
		probe.SuccessThreshold = 1
		if d.oneIn(4) {
			probe.TerminationGracePeriodSeconds = pick(d, 1+d.Int64N(6), 1+d.Int64N(6), 3600)
		}
	}
	if d.oneIn(4) {
		c.PostStart = d.hook(grace)
	}
	if d.oneIn(4) {
		c.PreStop = d.hook(grace)
	}
}

// leaveSleepsAlone takes it back that a sleep hook ends the process: the kubelet sleeps by itself, and nothing in the container
// is told.
func leaveSleepsAlone(list []sim.Container) {
	for i := range list {
		c := &list[i]
		for j := range c.Behavior.Runs {
			run := &c.Behavior.Runs[j]
			run.PostStart.EndsProcess = run.PostStart.EndsProcess && !sleeps(c.PostStart)
			run.PreStop.EndsProcess = run.PreStop.EndsProcess && !sleeps(c.PreStop)
		}
	}
}

func sleeps(h *sim.Hook) bool { return h != nil && h.Handler == sim.HandlerSleep }

// hook is an exec, or a sleep that the API server accepts.
func (d draw) hook(grace int64) *sim.Hook {
	if !d.target.API.SleepHook || !d.target.Kubelet.SleepHook || !d.oneIn(4) {
		return &sim.Hook{Handler: sim.HandlerExec}
	}
	least, most := int64(1), min(grace, 15)
	if d.target.API.SleepZero {
		least = 0
	}
	if most < least {
		return &sim.Hook{Handler: sim.HandlerExec}
	}
	return &sim.Hook{Handler: sim.HandlerSleep, SleepSeconds: least + d.Int64N(most-least+1)}
}

func (d draw) probe() *sim.Probe {
	p := &sim.Probe{
		PeriodSeconds: 1 + d.Int64N(5), TimeoutSeconds: 1 + d.Int64N(2), SuccessThreshold: 1 + d.Int64N(2), FailureThreshold: 1 + d.Int64N(3),
		Handler: sim.HandlerExec,
	}
	if d.oneIn(3) {
		p.InitialDelaySeconds = d.Int64N(6)
	}
	return p
}

func (d draw) process(ends bool) sim.Process {
	p := sim.Process{For: sim.Forever}
	if ends && !d.oneIn(12) || d.oneIn(3) {
		p.For = d.odd(pick(d, 4*time.Millisecond, 300*time.Millisecond, 8*time.Second, 8*time.Second, 30*time.Second))
	}
	if d.oneIn(3) {
		p.ExitCode = int32(d.IntN(3))
	}
	if d.oneIn(12) {
		p.OOMKilled, p.ExitCode = true, pick(d, int32(137), 0)
	}
	p.OnStop = sim.StopReaction{ExitCode: pick(d, int32(0), 143, 1), After: d.odd(4 * time.Second)}
	if d.oneIn(6) {
		p.OnStop = sim.StopReaction{Ignore: true}
	}
	p.Startup, p.Readiness, p.Liveness = d.answers(), d.answers(), d.answers()
	p.PostStart, p.PreStop = d.hookRun(3*time.Second), d.hookRun(4*time.Second)
	return p
}

func (d draw) hookRun(limit time.Duration) sim.HookRun {
	run := sim.HookRun{Takes: d.odd(limit), Fails: d.oneIn(5)}
	if d.oneIn(8) {
		run.Takes = d.odd(40 * time.Second)
	}
	run.EndsProcess = d.oneIn(6)
	return run
}

func (d draw) answers() []sim.Answer {
	var answers []sim.Answer
	from := time.Duration(0)
	for range d.IntN(3) {
		a := sim.Answer{From: from, Result: pick(d, sim.AnswerSuccess, sim.AnswerFailure, sim.AnswerFailure, sim.AnswerError)}
		if d.oneIn(4) {
			a.Takes = d.odd(1500 * time.Millisecond)
		}
		answers = append(answers, a)
		from += d.odd(8 * time.Second)
	}
	if len(answers) > 0 && d.oneIn(2) {
		answers = append(answers, sim.Answer{From: from, Result: sim.AnswerSuccess})
	}
	return answers
}
