package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/bubble"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/node"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The tests run the kubelet of the release whose module runs them (make check RELEASE=1.33).

func stopping(name string, policy sim.RestartPolicy, after time.Duration) sim.Container {
	return sim.Container{Name: name, RestartPolicy: policy, Behavior: sim.Behavior{
		Runs: []sim.Process{{For: sim.Forever, OnStop: sim.StopReaction{After: after}}},
	}}
}

// deletion: two sidecars and a main, deleted when all run.
func deletion() *Request {
	gate := map[string]bool{"SidecarContainers": true}
	return &Request{ID: "deletion", Control: gate, Node: gate, Scenario: sim.Scenario{
		Name: "deletion",
		Pod: sim.Pod{
			Name: "pod", Namespace: "default", RestartPolicy: sim.RestartAlways, TerminationGracePeriodSeconds: 30,
			Init: []sim.Container{
				stopping("s1", sim.RestartAlways, 3*time.Second), stopping("s2", sim.RestartAlways, 3*time.Second),
			},
			Main: []sim.Container{stopping("m1", "", 5*time.Second)},
		},
		Steps: []sim.Step{{At: 20 * time.Second, Delete: &sim.Delete{}}},
	}}
}

func strict(t *testing.T) {
	t.Helper()
	runtime.GOMAXPROCS(1)
	node.RedirectLog(nil)
	bubble.Strict()
}

func TestSidecarsStopAfterMainInReverseOrder(t *testing.T) {
	strict(t)
	response := Run(deletion())
	if response.Error != "" {
		t.Fatal(response.Error)
	}
	var got []string
	for _, e := range response.Trace.Events {
		if e.Kind == trace.StopSignal {
			got = append(got, fmt.Sprintf("%v %s", time.Duration(e.At), response.Trace.Containers[e.Container].Name))
		}
	}
	want := "20s m1, 25.01s s2, 28.02s s1"
	if strings.HasPrefix(release, "v1.28.") { // no order there
		if len(got) != 3 || !strings.HasPrefix(got[2], "20s") {
			t.Fatalf("stop signals: %v, want all at 20s", got)
		}
		return
	}
	if strings.Join(got, ", ") != want {
		t.Fatalf("stop signals: %v, want %s", got, want)
	}
	if response.Trace.Ending != trace.EndingRemoved {
		t.Errorf("the run ended %v, want removed", response.Trace.Ending)
	}
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	strict(t)
	for _, seed := range []uint64{0, 1, 12345} {
		var first []byte
		for i := range 3 {
			request := deletion()
			request.Seed, request.Raw = seed, false
			text, err := json.Marshal(Run(request))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = text
			} else if !bytes.Equal(text, first) {
				t.Errorf("seed %d: run %d differs:\n%s\n%s", seed, i, first, text)
			}
		}
	}
}

func TestTheAPIServerRefuses(t *testing.T) {
	strict(t)
	request := deletion()
	request.Scenario.Pod.Main = nil
	response := Run(request)
	if response.Error != "" {
		t.Fatal(response.Error)
	}
	if response.Trace.Ending != trace.EndingRefused || !strings.Contains(response.Trace.Events[0].Reason, "spec.containers: Required value") {
		t.Fatalf("a Pod without containers: %v", response.Trace.Events)
	}
}

func TestPhasesArePlacedAsReported(t *testing.T) {
	strict(t)
	request := deletion()
	c := sim.DefaultConfig()
	c.RelistPhase, c.SyncTickPhase, c.ClockPhase, c.StatusPhase = 123*time.Millisecond, 456*time.Millisecond, 789*time.Millisecond, 3*time.Second
	request.Config = &c
	response := Run(request)
	if response.Error != "" {
		t.Fatal(response.Error)
	}
	if got := time.Duration(response.Relists[0]); got != c.RelistPhase {
		t.Errorf("the first relist is at %v, want %v", got, c.RelistPhase)
	}
	if got := response.Config; got.SyncTickPhase != c.SyncTickPhase || got.ClockPhase != c.ClockPhase || got.StatusPhase != 3456*time.Millisecond {
		t.Errorf("phases are %+v", got)
	}
}
