package sim_test

import (
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// tutorial is the Pod of the package documentation.
func tutorial() *sim.Scenario {
	return &sim.Scenario{
		Name: "tutorial",
		Pod: sim.Pod{
			Name: "web", RestartPolicy: sim.RestartAlways, TerminationGracePeriodSeconds: 30,
			Init: []sim.Container{
				{
					Name: "proxy", RestartPolicy: sim.RestartAlways,
					Startup: &sim.Probe{PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3, Handler: sim.HandlerExec},
				},
				{Name: "warm", Behavior: sim.Behavior{Runs: []sim.Process{{For: time.Second}}}},
			},
			Main: []sim.Container{{
				Name:     "app",
				Behavior: sim.Behavior{Runs: []sim.Process{{For: sim.Forever, OnStop: sim.StopReaction{After: 2 * time.Second}}}},
			}},
		},
		Steps: []sim.Step{{At: 10 * time.Second, Delete: &sim.Delete{}}},
	}
}

func ExampleRun() {
	targets, err := gates.ParseTargets("1.33")
	if err != nil {
		panic(err)
	}
	target, err := gates.Resolve(targets[0])
	if err != nil {
		panic(err)
	}
	t, err := sim.Run(tutorial(), target, sim.DefaultConfig())
	if err != nil {
		panic(err)
	}
	fmt.Print(t.Text(trace.TextOptions{}))
	// Output:
}
