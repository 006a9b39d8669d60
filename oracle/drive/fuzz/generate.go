package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// generated is one Pod that was drawn.
type generated struct {
	id       string
	scenario sim.Scenario
}

// draw makes the choices of one Pod.
type draw struct{ *rand.Rand }

func (d draw) oneIn(n int) bool { return d.IntN(n) == 0 }

// odd is a length below the limit that is off every whole second and millisecond, so that processes do not end at the
// instant of a ticker.
func (d draw) odd(limit time.Duration) time.Duration {
	return time.Duration(d.Int64N(int64(limit/time.Millisecond)))*time.Millisecond + 333*time.Microsecond
}

func pick[T any](d draw, list ...T) T { return list[d.IntN(len(list))] }

// generate draws the n-th Pod of a seed.
func generate(seed, n uint64) generated {
	d := draw{rand.New(rand.NewPCG(seed, n))}
	s := sim.Scenario{Name: "generated", Horizon: pick(d, time.Minute, 90*time.Second, 90*time.Second, 4*time.Minute)}
	s.Pod = sim.Pod{
		Name: "p", Namespace: "default",
		RestartPolicy:                 pick(d, sim.RestartAlways, sim.RestartOnFailure, sim.RestartNever),
		TerminationGracePeriodSeconds: pick(d, int64(30), 30, 10, 5, 3, 2, 1, 0),
	}
	inits, mains := d.IntN(4), 1+d.IntN(2)
	if d.oneIn(8) {
		inits, mains = d.IntN(6), 1+d.IntN(3)
	}
	for i := range inits + mains {
		c := d.container(i, i < inits)
		if i < inits {
			s.Pod.Init = append(s.Pod.Init, c)
		} else {
			s.Pod.Main = append(s.Pod.Main, c)
		}
	}
	latency := latencyOf(0)
	s.Latency = &latency
	for range d.IntN(3) {
		s.Steps = append(s.Steps, d.deletion())
	}
	if d.oneIn(6) {
		s.Pod.ActiveDeadlineSeconds = 1 + d.Int64N(40)
	}
	return generated{id: fmt.Sprintf("%d-%d", seed, n), scenario: s}
}

// latencyOf gives each container its own latencies, so that no two containers do the same thing at the same instant.
func latencyOf(i int) sim.Latency {
	ms := func(base, step int) time.Duration { return time.Duration(base+step*i) * time.Millisecond }
	return sim.Latency{Sandbox: ms(213, 0), Pull: ms(101, 6), Create: ms(17, 3), Start: ms(29, 5), Stop: ms(11, 2), Exec: ms(7, 2)}
}

func (d draw) deletion() sim.Step {
	step := sim.Step{At: d.odd(45 * time.Second), Delete: &sim.Delete{}}
	if d.oneIn(2) {
		grace := 1 + d.Int64N(12)
		step.Delete.GracePeriodSeconds = &grace
	}
	return step
}

func (d draw) container(i int, init bool) sim.Container {
	latency := latencyOf(i)
	c := sim.Container{Name: fmt.Sprintf("c%d", i), Latency: &latency}
	sidecar := init && d.IntN(5) < 3
	if sidecar {
		c.RestartPolicy = sim.RestartAlways
	}
	for range 1 + d.IntN(3) {
		c.Behavior.Runs = append(c.Behavior.Runs, d.process(init && !sidecar))
	}
	if d.oneIn(10) {
		for range 1 + d.IntN(3) {
			c.Behavior.Starts = append(c.Behavior.Starts, pick(d, sim.Start{}, sim.Start{Create: "ConfigError"}, sim.Start{Create: "Error"}, sim.Start{Start: "Error"}))
		}
	}
	if !init || sidecar {
		d.probesAndHooks(&c)
	}
	return c
}

func (d draw) probesAndHooks(c *sim.Container) {
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
			probe.TerminationGracePeriodSeconds = 1 + d.Int64N(6)
		}
	}
	if d.oneIn(4) {
		c.PostStart = &sim.Hook{Handler: sim.HandlerExec}
	}
	if d.oneIn(4) {
		c.PreStop = &sim.Hook{Handler: sim.HandlerExec}
	}
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
		p.For = d.odd(pick(d, 300*time.Millisecond, 8*time.Second, 8*time.Second, 30*time.Second))
	}
	if d.oneIn(3) {
		p.ExitCode = int32(d.IntN(3))
	}
	p.OnStop = sim.StopReaction{ExitCode: pick(d, int32(0), 143, 1), After: d.odd(4 * time.Second)}
	if d.oneIn(6) {
		p.OnStop = sim.StopReaction{Ignore: true}
	}
	p.Startup, p.Readiness, p.Liveness = d.answers(), d.answers(), d.answers()
	p.PostStart = sim.HookRun{Takes: d.odd(3 * time.Second), Fails: d.oneIn(5)}
	p.PreStop = sim.HookRun{Takes: d.odd(4 * time.Second), Fails: d.oneIn(5)}
	return p
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
