package sim_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// TestTutorialIsCurrent keeps the trace at the end of the package documentation true.
func TestTutorialIsCurrent(t *testing.T) {
	targets, err := gates.ParseTargets("1.33")
	if err != nil {
		t.Fatal(err)
	}
	target, err := gates.Resolve(targets[0])
	if err != nil {
		t.Fatal(err)
	}
	tr, err := sim.Run(tutorial(), target, sim.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(doc), "# A trace\n")
	if !found {
		t.Fatal("doc.go has no section \"A trace\"")
	}
	var got []string
	for line := range strings.Lines(shown) {
		if text, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "//\t"); ok {
			got = append(got, text)
		}
	}
	want := strings.Split(strings.TrimRight(tr.Text(trace.TextOptions{}), "\n"), "\n")
	for i := range want {
		want[i] = strings.TrimPrefix(strings.TrimRight(want[i], " "), "    ") // gofmt takes off a common indent
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the trace in doc.go is not the one that the tutorial's Pod has now (-want +shown):\n%s", diff)
	}
}
