package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// request and response are the oracle's lines, as far as they are used here. See oracle.Request.
type request struct {
	ID       string
	Scenario *sim.Scenario
	Config   *sim.Config
	Control  map[string]bool
	Node     map[string]bool
}

type response struct {
	ID     string
	Error  string
	Config sim.Config
	Trace  json.RawMessage
}

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

// config is the node of all comparisons. The Pod comes between the kubelet's whole-second ticks, and the relist keeps off
// the sync loop's ticker, so that few timers meet in one instant.
func (c *comparer) config() *sim.Config {
	config := sim.DefaultConfig()
	config.Jitter = c.options.jitter
	config.RelistPhase = 600 * time.Millisecond
	config.SyncTickPhase = 629 * time.Millisecond
	config.ClockPhase = 371 * time.Millisecond
	config.StatusPhase = 5629 * time.Millisecond
	config.RelistDelay = 3 * time.Millisecond
	return &config
}

// margin is the end of each run that is left out: what was under way there may be seen by one side only.
const margin = 2 * time.Second

// compare has the oracle run the Pods and judges each.
func (c *comparer) compare(ctx context.Context, pods []generated) ([]outcome, error) {
	responses, err := c.ask(ctx, pods)
	if err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(pods))
	for i, pod := range pods {
		r, ok := responses[pod.id]
		if !ok {
			outcomes[i].failure = "no answer"
			continue
		}
		if outcomes[i], err = c.judge(pod, r); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (c *comparer) judge(pod generated, r response) (outcome, error) {
	if r.Error != "" {
		return outcome{failure: r.Error}, nil
	}
	observed := &trace.Trace{}
	if err := json.Unmarshal(r.Trace, observed); err != nil {
		return outcome{}, fmt.Errorf("reading the oracle's trace of %s: %w", pod.id, err)
	}
	config := r.Config
	config.MaxEvents = sim.DefaultConfig().MaxEvents
	result, err := judge.Exact(&pod.scenario, c.target, config, observed, judge.Exactly{
		Until: trace.Instant(pod.scenario.Horizon - margin), Slack: time.Millisecond, MaxRuns: c.options.runs,
	})
	return outcome{config: config, result: result, virtual: pod.scenario.Horizon}, err
}

// ask runs one process of the oracle over the Pods.
func (c *comparer) ask(ctx context.Context, pods []generated) (map[string]response, error) {
	gate := map[string]bool{gates.SidecarContainers: !c.options.off}
	var in bytes.Buffer
	lines := json.NewEncoder(&in)
	for i := range pods {
		if err := lines.Encode(request{ID: pods[i].id, Scenario: &pods[i].scenario, Config: c.config(), Control: gate, Node: gate}); err != nil {
			return nil, err
		}
	}
	var errors bytes.Buffer
	command := exec.CommandContext(ctx, c.program)
	command.Stdin, command.Stderr = &in, &errors
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("running %s: %w\n%s", c.program, err, errors.Bytes())
	}
	responses := map[string]response{}
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Buffer(nil, 1<<28)
	for scanner.Scan() {
		var r response
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("reading the oracle's answer: %w", err)
		}
		responses[r.ID] = r
	}
	return responses, scanner.Err()
}
