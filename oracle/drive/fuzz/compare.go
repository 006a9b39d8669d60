package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kept"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kubelet"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// outcome is what came of one Pod.
type outcome struct {
	config  sim.Config
	result  judge.Result
	failure string // the oracle's, if it could not run the Pod
	virtual time.Duration
	took    time.Duration // for the simulator's nominal run
}

// equal reports whether simulator and kubelet agree.
func (o *outcome) equal() bool { return o.failure == "" && o.result.Verdict == judge.Conforms }

// comparer compares Pods on one release.
type comparer struct {
	options options
	program string
	targets map[kept.Setting]gates.Resolved // by setting without its jitter
	asked   time.Duration                   // spent waiting for the oracle
}

// target is that of a Pod's setting.
func (c *comparer) target(s kept.Setting) (gates.Resolved, error) {
	s.Jitter = 0
	if t, known := c.targets[s]; known {
		return t, nil
	}
	named, err := s.Target(c.options.release)
	if err != nil {
		return gates.Resolved{}, err
	}
	t, err := gates.Resolve(named)
	if err == nil {
		c.targets[s] = t
	}
	return t, err
}

// margin is the end of each run that is left out: what was under way there may be seen by one side only.
const margin = 2 * time.Second

// compare has the oracle run the Pods and judges each.
func (c *comparer) compare(ctx context.Context, pods []generated) ([]outcome, error) {
	requests := make([]kubelet.Request, len(pods))
	for i := range pods {
		target, err := c.target(pods[i].setting)
		if err != nil {
			return nil, err
		}
		requests[i] = kubelet.Request{
			ID: pods[i].id, Scenario: &pods[i].scenario, Config: kubelet.Config(pods[i].setting.Jitter),
			Control: kubelet.Gates(target.Target.Control), Node: kubelet.Gates(target.Target.Nodes[0]),
		}
		if pods[i].scenario.Job != nil {
			// The back-off between Pods ends at whole seconds of the wall clock, which would be ticks of the sync loop.
			requests[i].Config.ClockPhase = 271 * time.Millisecond
		}
	}
	began := time.Now()
	responses, err := kubelet.Ask(ctx, c.program, requests)
	c.asked += time.Since(began)
	if err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(pods))
	for i := range pods {
		if outcomes[i], err = c.judge(pods[i], &responses[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", pods[i].id, err)
		}
	}
	return outcomes, nil
}

func (c *comparer) judge(pod generated, r *kubelet.Response) (outcome, error) {
	defer c.keepCrash(pod)
	switch {
	case r.Error != "":
		return outcome{failure: r.Error}, nil
	case len(r.SkippedGates) > 0:
		return outcome{failure: fmt.Sprintf("the kubelet has no gate %v", r.SkippedGates)}, nil
	}
	observed, err := r.Observed()
	if err != nil {
		return outcome{}, err
	}
	target, err := c.target(pod.setting)
	if err != nil {
		return outcome{}, err
	}
	config := r.Config
	config.MaxEvents = sim.DefaultConfig().MaxEvents
	began := time.Now()
	if err := c.simulate(&pod, config); err != nil {
		return outcome{}, err
	}
	took := time.Since(began)
	result, err := judge.Exact(&pod.scenario, target, config, observed, judge.Exactly{
		Until: trace.Instant(pod.scenario.Horizon - margin), MaxRuns: c.options.runs,
	})
	return outcome{config: config, result: result, virtual: pod.scenario.Horizon, took: took}, err
}

// keepCrash keeps the Pod in whose comparison the simulator panics.
func (c *comparer) keepCrash(pod generated) {
	crash := recover()
	if crash == nil {
		return
	}
	file, err := keep(c.options.keep, c.options.release, pod)
	if err != nil {
		panic(err)
	}
	panic(fmt.Sprintf("%s: %v; again with: -replay %s", pod.id, crash, file))
}

// simulate runs a Pod in the simulator alone, as far as it would be compared.
func (c *comparer) simulate(pod *generated, config sim.Config) error {
	target, err := c.target(pod.setting)
	if err != nil {
		return err
	}
	scenario := pod.scenario
	scenario.Horizon -= margin
	_, err = sim.Run(&scenario, target, config)
	return err
}
