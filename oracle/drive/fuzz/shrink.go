package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kept"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

// shrink takes things off a Pod as long as simulator and kubelet still differ.
func (c *comparer) shrink(ctx context.Context, pod generated, r outcome) (generated, outcome, error) {
	tries := 0
	for improved := true; improved && tries < c.options.shrinks; {
		improved = false
		smaller := pod.reductions()
		for first := 0; first < len(smaller) && tries < c.options.shrinks; first += batch {
			candidates := make([]generated, 0, batch)
			for i, candidate := range smaller[first:min(first+batch, len(smaller))] {
				candidate.id = fmt.Sprintf("%s.%d", pod.id, first+i)
				candidates = append(candidates, candidate)
			}
			tries += len(candidates)
			outcomes, err := c.compare(ctx, candidates)
			if err != nil {
				return pod, r, err
			}
			if i := slices.IndexFunc(outcomes, func(o outcome) bool { return o.failure == "" && o.result.Verdict == judge.Diverges }); i >= 0 {
				pod.scenario, pod.setting, r, improved = candidates[i].scenario, candidates[i].setting, outcomes[i], true
				break
			}
		}
	}
	return pod, r, nil
}

// reductions are the Pods that are one step simpler, the largest steps first, and the plainer settings last.
func (pod generated) reductions() []generated {
	var list []generated
	for _, s := range reductions(pod.scenario) {
		list = append(list, generated{scenario: s, setting: pod.setting})
	}
	for _, change := range []func(*kept.Setting) bool{
		func(s *kept.Setting) bool { return unset(&s.Jitter) },
		func(s *kept.Setting) bool { return unset(&s.ControlOff) },
		func(s *kept.Setting) bool { return unset(&s.NodeOff) },
		func(s *kept.Setting) bool { return unset(&s.Toggled) },
	} {
		if plainer := pod.setting; change(&plainer) {
			list = append(list, generated{scenario: pod.scenario, setting: plainer})
		}
	}
	return list
}

// reductions are the scenarios that are one step simpler, first of all without what nobody looks at.
func reductions(s sim.Scenario) []sim.Scenario {
	var list []sim.Scenario
	try := func(change func(*sim.Scenario) bool) {
		if c := clone(s); change(&c) && c.Validate() == nil {
			list = append(list, c)
		}
	}
	try(func(c *sim.Scenario) bool {
		tidied := tidy(c.Pod.Init)
		return tidy(c.Pod.Main) || tidied
	})
	for i := range s.Pod.Init {
		try(func(c *sim.Scenario) bool { c.Pod.Init = slices.Delete(c.Pod.Init, i, i+1); return withoutScript(c, i) })
	}
	for i := range s.Pod.Main {
		try(func(c *sim.Scenario) bool {
			c.Pod.Main = slices.Delete(c.Pod.Main, i, i+1)
			return withoutScript(c, len(c.Pod.Init)+i)
		})
	}
	if s.Job != nil {
		for _, change := range jobReductions(s.Job) {
			try(func(c *sim.Scenario) bool { return change(c.Job) })
		}
	}
	for i := range s.Pod.Ephemeral {
		try(func(c *sim.Scenario) bool { c.Pod.Ephemeral = slices.Delete(c.Pod.Ephemeral, i, i+1); return true })
	}
	for i := range s.Steps {
		try(func(c *sim.Scenario) bool { c.Steps = slices.Delete(c.Steps, i, i+1); return true })
	}
	for i := range s.Steps {
		try(func(c *sim.Scenario) bool { return unset(&c.Steps[i].After) })
		try(func(c *sim.Scenario) bool {
			return c.Steps[i].Delete != nil && unset(&c.Steps[i].Delete.GracePeriodSeconds)
		})
		try(func(c *sim.Scenario) bool { return c.Steps[i].Delete != nil && unset(&c.Steps[i].Delete.Force) })
	}
	try(func(c *sim.Scenario) bool { return unset(&c.Pod.ActiveDeadlineSeconds) })
	try(func(c *sim.Scenario) bool { return unset(&c.Node) })
	try(func(c *sim.Scenario) bool { c.Horizon /= 2; return c.Horizon > 20*time.Second })
	for i := range len(s.Pod.Init) + len(s.Pod.Main) {
		at := func(c *sim.Scenario) *sim.Container {
			if i < len(c.Pod.Init) {
				return &c.Pod.Init[i]
			}
			return &c.Pod.Main[i-len(c.Pod.Init)]
		}
		for _, change := range containerReductions(at(&s)) {
			try(func(c *sim.Scenario) bool { return change(at(c)) })
		}
	}
	return list
}

// tidy takes the answers to probes and the doings of hooks that the containers do not have out of their processes. It reports
// whether there were any.
func tidy(list []sim.Container) bool {
	tidied := false
	for i := range list {
		c := &list[i]
		for j := range c.Behavior.Runs {
			r := &c.Behavior.Runs[j]
			for _, p := range []struct {
				probe   *sim.Probe
				answers *[]sim.Answer
			}{{c.Startup, &r.Startup}, {c.Readiness, &r.Readiness}, {c.Liveness, &r.Liveness}} {
				if p.probe == nil && *p.answers != nil {
					*p.answers, tidied = nil, true
				}
			}
			if c.PostStart == nil {
				tidied = unset(&r.PostStart) || tidied
			}
			if c.PreStop == nil {
				tidied = unset(&r.PreStop) || tidied
			}
		}
	}
	return tidied
}

// containerReductions are the changes that make a container simpler. Each reports whether it changed anything.
func containerReductions(now *sim.Container) []func(*sim.Container) bool {
	list := []func(*sim.Container) bool{
		func(c *sim.Container) bool { had := len(c.Behavior.Runs) > 0; c.Behavior = sim.Behavior{}; return had },
		func(c *sim.Container) bool {
			had := len(c.Behavior.Runs) > 1
			c.Behavior.Runs = c.Behavior.Runs[:min(1, len(c.Behavior.Runs))]
			return had
		},
		func(c *sim.Container) bool { return unset(&c.Startup) },
		func(c *sim.Container) bool { return unset(&c.Readiness) },
		func(c *sim.Container) bool { return unset(&c.Liveness) },
		func(c *sim.Container) bool { return unset(&c.PostStart) },
		func(c *sim.Container) bool { return unset(&c.PreStop) },
		func(c *sim.Container) bool { had := len(c.Behavior.Starts) > 0; c.Behavior.Starts = nil; return had },
		func(c *sim.Container) bool { had := len(c.Behavior.Pulls) > 0; c.Behavior.Pulls = nil; return had },
		func(c *sim.Container) bool { return unset(&c.AlwaysPull) },
		func(c *sim.Container) bool { return unset(&c.Image) },
		func(c *sim.Container) bool { return unset(&c.RestartPolicy) },
	}
	for i := range now.Behavior.Runs {
		list = append(list,
			func(c *sim.Container) bool {
				c.Behavior.Runs = slices.Delete(c.Behavior.Runs, i, i+1)
				return len(c.Behavior.Runs) > 0
			},
			func(c *sim.Container) bool {
				r := &c.Behavior.Runs[i]
				had := r.Startup != nil
				r.Startup = nil
				return had
			},
			func(c *sim.Container) bool {
				r := &c.Behavior.Runs[i]
				had := r.Readiness != nil
				r.Readiness = nil
				return had
			},
			func(c *sim.Container) bool {
				r := &c.Behavior.Runs[i]
				had := r.Liveness != nil
				r.Liveness = nil
				return had
			},
			func(c *sim.Container) bool { return unset(&c.Behavior.Runs[i].PostStart) },
			func(c *sim.Container) bool { return unset(&c.Behavior.Runs[i].PreStop) },
			func(c *sim.Container) bool { return unset(&c.Behavior.Runs[i].OnStop) },
			func(c *sim.Container) bool { return unset(&c.Behavior.Runs[i].ExitCode) },
			func(c *sim.Container) bool { return unset(&c.Behavior.Runs[i].OOMKilled) },
		)
	}
	return list
}

// unset gives a value its zero and reports whether it had another.
func unset[T comparable](v *T) bool {
	var zero T
	had := *v != zero
	*v = zero
	return had
}

func clone(s sim.Scenario) sim.Scenario {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // plain data
	}
	var c sim.Scenario
	if err := json.Unmarshal(text, &c); err != nil {
		panic(err)
	}
	return c
}
