package main

import (
	"context"
	"time"

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
}

// comparer compares Pods on one release.
type comparer struct {
	options options
	target  gates.Resolved
	program string
}

// margin is the end of each run that is left out: what was under way there may be seen by one side only.
const margin = 2 * time.Second

// compare has the oracle run the Pods and judges each.
func (c *comparer) compare(ctx context.Context, pods []generated) ([]outcome, error) {
	gate := map[string]bool{gates.SidecarContainers: !c.options.off}
	requests := make([]kubelet.Request, len(pods))
	for i := range pods {
		requests[i] = kubelet.Request{
			ID: pods[i].id, Scenario: &pods[i].scenario, Config: kubelet.Config(c.options.jitter), Control: gate, Node: gate,
		}
	}
	responses, err := kubelet.Ask(ctx, c.program, requests)
	if err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(pods))
	for i := range pods {
		if outcomes[i], err = c.judge(pods[i], &responses[i]); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (c *comparer) judge(pod generated, r *kubelet.Response) (outcome, error) {
	if r.Error != "" {
		return outcome{failure: r.Error}, nil
	}
	observed, err := r.Observed()
	if err != nil {
		return outcome{}, err
	}
	config := r.Config
	config.MaxEvents = sim.DefaultConfig().MaxEvents
	result, err := judge.Exact(&pod.scenario, c.target, config, observed, judge.Exactly{
		Until: trace.Instant(pod.scenario.Horizon - margin), Slack: time.Millisecond, MaxRuns: c.options.runs,
	})
	return outcome{config: config, result: result, virtual: pod.scenario.Horizon}, err
}
