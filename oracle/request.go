package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Request is one line of input.
type Request struct {
	// ID comes back in the response.
	ID string `json:",omitempty"`
	// Control and Node are the gates that are set, of the API server and of the kubelet.
	Control, Node map[string]bool `json:",omitempty"`
	Scenario      sim.Scenario
	// Manifest, where set, is a Pod as a user wrote it, in JSON. Then nothing is run: the response holds what the API
	// server says about it, and of this request Control alone counts.
	Manifest json.RawMessage `json:",omitempty"`
	// Config is nil for sim.DefaultConfig. The kubelet ties its tickers together, so not every combination of phases is
	// possible; the response says which were used.
	Config *sim.Config `json:",omitempty"`
	// Seed decides what Go leaves free (ready cases of a select, timers of one instant, map order). 0: timers of one
	// instant fire in the order of arming.
	Seed uint64 `json:",omitempty"`
	// SkipAdmission stores the Pod as it is: no field is dropped, nothing is refused.
	SkipAdmission bool `json:",omitempty"`
	// Raw adds every status as the API server got it.
	Raw bool `json:",omitempty"`
}

// Response is one line of output.
type Response struct {
	ID string `json:",omitempty"`
	// Release of the kubelet.
	Release string
	// Error says why there is no trace.
	Error string `json:",omitempty"`
	// Config is what the run really had; give it to the simulator.
	Config sim.Config
	// SkippedGates are gates of the request that the release does not know or has locked to the other value.
	SkippedGates []string `json:",omitempty"`
	Trace        *trace.Trace
	// Relists and OnDemandRelists are the instants at which one began.
	Relists, OnDemandRelists []trace.Instant `json:",omitempty"`
	Probes                   []ProbeCall     `json:",omitempty"`
	Recorded                 []Recorded      `json:",omitempty"`
	// Steps are the ends of the pod worker's steps; the beginnings are events of the trace.
	StepEnds []StepEnd         `json:",omitempty"`
	Raw      []json.RawMessage `json:",omitempty"`
	// Admission answers a request with a Manifest.
	Admission *Admission `json:",omitempty"`
}

// ProbeCall is one probe that the runtime carried out.
type ProbeCall struct {
	Begin, End trace.Instant
	Container  string
	Run        int32
	Probe      string
	// Result is success, failure, error, timeout, or ended: the process ended, or the kubelet gave up.
	Result string
}

// Recorded is one event of the kubelet's recorder.
type Recorded struct {
	At   trace.Instant
	Text string
}

// StepEnd is the end of one step of the pod worker.
type StepEnd struct {
	At   trace.Instant
	Step string
}

// config returns the wanted configuration, or why it is not possible here.
func (r *Request) config() (sim.Config, error) {
	c := sim.DefaultConfig()
	if r.Config != nil {
		c = *r.Config
	}
	if r.Scenario.Latency != nil {
		c.Latency = *r.Scenario.Latency
	}
	var problems []error
	if c.Seed != 0 {
		problems = append(problems, errors.New("Config.Seed must be 0: phases are given, not drawn"))
	}
	if c.RelistPeriod != time.Second {
		problems = append(problems, fmt.Errorf("Config.RelistPeriod is %v; the kubelet's is 1s", c.RelistPeriod))
	}
	if c.KubeletStartup != time.Second {
		problems = append(problems, fmt.Errorf("Config.KubeletStartup is %v; the kubelet's is 1s", c.KubeletStartup))
	}
	if r.Scenario.Pod.Static {
		problems = append(problems, errors.New("static Pods are not supported"))
	}
	problems = append(problems, c.Validate())
	return c, errors.Join(problems...)
}

// limit is the virtual time at which the run stops.
func (r *Request) limit() time.Duration {
	if r.Scenario.Horizon > 0 {
		return r.Scenario.Horizon
	}
	last := time.Duration(0)
	for _, step := range r.Scenario.Steps {
		if step.After == nil {
			last = max(last, step.At)
		}
	}
	return last + r.horizon()
}

// horizon is how long a run goes on by default.
func (r *Request) horizon() time.Duration {
	if r.Scenario.Job != nil {
		return sim.DefaultJobHorizon
	}
	return sim.DefaultHorizon
}

// warmUp is how long the kubelet has run, in whole seconds, when the Pod is created one tick phase earlier. It must be
// longer than every probe period (else the probe worker waits at random), and gives the phases of the slower tickers.
func (r *Request) warmUp(c sim.Config) time.Duration {
	up := 60 * time.Second
	for _, list := range [][]sim.Container{r.Scenario.Pod.Init, r.Scenario.Pod.Main} {
		for _, container := range list {
			for _, p := range []*sim.Probe{container.Startup, container.Readiness, container.Liveness} {
				for p != nil && up <= time.Duration(p.PeriodSeconds+1)*time.Second {
					up += 60 * time.Second
				}
			}
		}
	}
	// The status manager's ticks are the multiples of 10 s, the housekeeping ticks those of 2 s, of the kubelet's life.
	wanted := (c.StatusPhase - c.SyncTickPhase).Round(time.Second) % (10 * time.Second)
	return up + (10*time.Second-wanted)%(10*time.Second)
}
