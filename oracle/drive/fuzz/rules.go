package main

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// Restart rules, the restart of all containers, and stop signals, on targets whose API server takes them.

// rules gives many containers of a Pod rules of their own, and a few a stop signal.
func (d draw) rules(pod *sim.Pod) {
	api := &d.target.API
	if api.RestartRules && d.oneIn(2) {
		for i := range pod.Init {
			d.rulesOf(&pod.Init[i], true)
		}
		for i := range pod.Main {
			d.rulesOf(&pod.Main[i], false)
		}
	}
	if api.StopSignal && d.oneIn(2) {
		pod.OS = "linux"
		for i := range pod.Main {
			d.stopSignal(&pod.Main[i])
		}
		for i := range pod.Init {
			if c := &pod.Init[i]; c.RestartPolicy == sim.RestartAlways {
				d.stopSignal(c)
			}
		}
	}
}

func (d draw) rulesOf(c *sim.Container, init bool) {
	all := d.target.API.RestartAll
	sidecar := init && c.RestartPolicy == sim.RestartAlways
	if sidecar && !all || d.oneIn(3) {
		return
	}
	if !sidecar {
		c.RestartPolicy = pick(d, sim.RestartOnFailure, sim.RestartNever, sim.RestartNever)
		if !init && d.oneIn(3) {
			c.RestartPolicy = sim.RestartAlways
		}
	}
	for range 1 + d.IntN(3) {
		c.RestartRules = append(c.RestartRules, d.rule(all))
	}
	for i := range c.Behavior.Runs {
		if run := &c.Behavior.Runs[i]; run.For == sim.Forever && d.oneIn(3) {
			run.For, run.ExitCode = d.odd(pick(d, 8*time.Second, 30*time.Second)), int32(d.IntN(3))
		}
	}
}

func (d draw) rule(all bool) sim.RestartRule {
	rule := sim.RestartRule{Action: sim.ActionRestart, NotIn: d.oneIn(4)}
	if all && d.oneIn(3) {
		rule.Action = sim.ActionRestartAllContainers
	}
	for range d.IntN(4) {
		rule.Values = append(rule.Values, pick(d, int32(0), 1, 2, 137, 143, 255))
	}
	return rule
}

func (d draw) stopSignal(c *sim.Container) {
	if d.oneIn(2) {
		return
	}
	c.StopSignal = pick[sim.Signal](d, "SIGTERM", "SIGUSR1", "SIGQUIT", "SIGRTMIN+3", "SIGRTMAX-2", sim.SignalKill, sim.SignalStop)
	for i := range c.Behavior.Runs {
		if run := &c.Behavior.Runs[i]; !run.OnStop.Ignore && d.oneIn(3) {
			run.OnStop.Only = pick(d, c.StopSignal, sim.SignalTerm)
		}
	}
}
