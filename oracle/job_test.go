package oracle

import (
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// aJob is a Job whose first Pod fails and whose second one succeeds, with a sidecar that takes its time to stop.
func aJob() *Request {
	gate := map[string]bool{"SidecarContainers": true}
	index := int32(0)
	life := func(code int32) sim.ContainerScript {
		return sim.ContainerScript{Behavior: sim.Behavior{Runs: []sim.Process{{For: 3 * time.Second, ExitCode: code}}}}
	}
	sidecar := stopping("proxy", sim.RestartAlways, 2*time.Second)
	return &Request{ID: "job", Control: gate, Node: gate, Scenario: sim.Scenario{
		Name: "job", Horizon: 2 * time.Minute,
		Pod: sim.Pod{
			Name: "job", Namespace: "default", RestartPolicy: sim.RestartNever, TerminationGracePeriodSeconds: 30,
			Init: []sim.Container{sidecar}, Main: []sim.Container{{Name: "work", Behavior: life(0).Behavior}},
		},
		Job: &sim.Job{Pods: []sim.PodScript{{
			Match: sim.PodMatch{Index: &index}, Containers: []sim.ContainerScript{{Behavior: sidecar.Behavior}, life(1)},
		}}},
	}}
}

func TestTheJobControllerRuns(t *testing.T) {
	strict(t)
	response := Run(aJob())
	if response.Error != "" {
		t.Fatal(response.Error)
	}
	var made, removed int
	for _, e := range response.Trace.Events {
		switch e.Kind {
		case trace.PodCreated:
			made++
		case trace.PodRemoved:
			removed++
		}
	}
	if made != 2 || removed != 0 {
		t.Errorf("%d Pods were made and %d removed, want 2 and none", made, removed)
	}
	if len(response.Trace.JobStatuses) == 0 {
		t.Fatal("the Job has no status")
	}
	last := response.Trace.JobStatuses[len(response.Trace.JobStatuses)-1]
	if c := last.Condition(trace.JobConditionComplete); c == nil || !c.True || last.Succeeded != 1 || last.Failed != 1 {
		t.Errorf("the Job ends with %+v", last)
	}
	if response.Trace.Ending != trace.EndingTerminal {
		t.Errorf("the run ended %v, want terminal", response.Trace.Ending)
	}
}

func TestTheAPIServerRefusesAJob(t *testing.T) {
	strict(t)
	request := aJob()
	request.Scenario.Pod.RestartPolicy = sim.RestartAlways
	response := Run(request)
	if response.Error != "" {
		t.Fatal(response.Error)
	}
	if response.Trace.Ending != trace.EndingRefused || response.Trace.Events[0].Kind != trace.JobRefused {
		t.Fatalf("a Job of Pods that restart for ever: %v", response.Trace.Events)
	}
}
