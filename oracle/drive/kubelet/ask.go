package kubelet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Request is one line of the oracle's input, as far as it is used here. See oracle.Request.
type Request struct {
	ID            string
	Scenario      *sim.Scenario `json:",omitempty"`
	Config        *sim.Config
	Control       map[string]bool `json:",omitempty"`
	Node          map[string]bool `json:",omitempty"`
	SkipAdmission bool            `json:",omitempty"`
	// Manifest in place of a scenario asks what the API server says about it.
	Manifest json.RawMessage `json:",omitempty"`
}

// Response is one line of its output. See oracle.Response.
type Response struct {
	ID      string
	Release string
	Error   string
	// Config is what the run really had.
	Config       sim.Config
	SkippedGates []string
	// Trace is the JSON form of a trace.Trace.
	Trace json.RawMessage
	// Admission answers a Manifest.
	Admission *Admission
}

// Admission is what an API server says about a manifest. See oracle.Admission.
type Admission struct {
	Undecodable string
	Unknown     []string
	Message     string
	Refused     []struct{ Field, Type, Detail string }
	Stored      json.RawMessage
}

// Observed is the trace of a response, or why there is none.
func (r *Response) Observed() (*trace.Trace, error) {
	if r.Error != "" {
		return nil, fmt.Errorf("the kubelet of %s could not run %s: %s", r.Release, r.ID, r.Error)
	}
	t := &trace.Trace{}
	if err := json.Unmarshal(r.Trace, t); err != nil {
		return nil, fmt.Errorf("reading the oracle's trace of %s: %w", r.ID, err)
	}
	return t, nil
}

// Config is the node of all comparisons. The Pod comes between the kubelet's whole-second ticks, and the relist keeps off
// the sync loop's ticker, so that few timers meet in one instant. Jitter is where the kubelet's random waits lie in their
// range, in [0, 1).
func Config(jitter float64) *sim.Config {
	config := sim.DefaultConfig()
	config.Jitter = jitter
	config.RelistPhase = 600 * time.Millisecond
	config.SyncTickPhase = 629 * time.Millisecond
	config.ClockPhase = 371 * time.Millisecond
	config.StatusPhase = 5629 * time.Millisecond
	config.RelistDelay = 3 * time.Millisecond
	return &config
}

// Gates are the gates that a component's part of a target sets, in the form of a request.
func Gates(c gates.Component) map[string]bool {
	set := map[string]bool{}
	for _, o := range c.Overrides {
		set[o.Gate] = o.On
	}
	return set
}

// Program is the oracle's program of a release, such as 1.33 or 1.29.7, in a folder.
func Program(folder, release string) string { return filepath.Join(folder, "oracle-"+release) }

// Ask runs one process of a program over the requests and returns the responses in their order. Its memory grows with
// each; fifty Pods are a good size.
func Ask(ctx context.Context, program string, requests []Request) ([]Response, error) {
	var in, complaints bytes.Buffer
	lines := json.NewEncoder(&in)
	for i := range requests {
		if err := lines.Encode(&requests[i]); err != nil {
			return nil, fmt.Errorf("writing the request %s: %w", requests[i].ID, err)
		}
	}
	command := exec.CommandContext(ctx, program)
	command.Stdin, command.Stderr = &in, &complaints
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("running %s: %w\n%s", program, err, complaints.Bytes())
	}
	responses := make([]Response, 0, len(requests))
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Buffer(nil, 1<<28)
	for scanner.Scan() {
		var r Response
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("reading the oracle's answer: %w", err)
		}
		if i := len(responses); i >= len(requests) || requests[i].ID != r.ID {
			return nil, fmt.Errorf("%s answered %q out of turn", program, r.ID)
		}
		responses = append(responses, r)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("reading the oracle's answers: %w", err)
	}
	if len(responses) < len(requests) {
		return nil, fmt.Errorf("%s answered %d of %d requests", program, len(responses), len(requests))
	}
	return responses, nil
}
