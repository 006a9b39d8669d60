package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// withDebug is the sidecar and the main with an ephemeral container that a step adds.
func withDebug(life Behavior) *Scenario {
	s := faultScenario(Step{AddEphemeral: &AddEphemeral{Container: "debug"}})
	s.Pod.Ephemeral = []Container{{Name: "debug", Behavior: life}}
	return s
}

// TestEphemeral adds a container that fails at once: it is not started again, and neither phase nor readiness nor restarts tell of it.
func TestEphemeral(t *testing.T) {
	s := withDebug(Behavior{Runs: []Process{{For: time.Second, ExitCode: 1}}})
	s.Steps = append(s.Steps, Step{At: 20 * time.Second, AddEphemeral: &AddEphemeral{Container: "debug"}}, Step{At: 25 * time.Second, LoseSandbox: &LoseSandbox{}})
	s.Horizon = 2 * time.Minute
	for _, target := range []string{"1.28+SidecarContainers", "1.33", "1.37"} {
		tr := run(t, s, target)
		if n := counted(tr, 2, trace.Running, 0); n != 1 {
			t.Errorf("%s: it runs %d times, want once", target, n)
		}
		if len(tr.Unknown) != 1 || !strings.Contains(tr.Unknown[0].Why, "already") {
			t.Errorf("%s: unknown is %v, want the second step", target, tr.Unknown)
		}
		last := tr.Statuses[len(tr.Statuses)-1]
		if last.Phase != trace.PhaseRunning {
			t.Errorf("%s: the Pod ends in phase %v", target, last.Phase)
		}
		if debug := last.Containers[2]; debug.State.ExitCode != 1 || debug.Started || debug.Ready || debug.Restarts != 0 {
			t.Errorf("%s: it is shown as %+v", target, debug)
		}
		for i := range tr.Statuses {
			if v := &tr.Statuses[i]; v.At < trace.Instant(10*time.Second) && len(v.Containers) > 2 && v.Containers[2].Present {
				t.Errorf("%s: it is shown at %v, before it was added", target, v.At)
			}
		}
	}
}

// TestEphemeralStop has a sidecar not wait for an ephemeral container, and the sandbox wait.
func TestEphemeralStop(t *testing.T) {
	s := withDebug(Behavior{Runs: []Process{{For: Forever, OnStop: StopReaction{After: 10 * time.Second}}}})
	s.Steps = append(s.Steps, Step{At: 20 * time.Second, Delete: &Delete{}})
	tr := run(t, s, "1.33")
	debug := firstOf(t, tr, 2, trace.Exited, 0).At
	if proxy := firstOf(t, tr, 0, trace.Exited, 0).At; proxy > debug {
		t.Errorf("the sidecar ends at %v, the ephemeral container at %v", proxy, debug)
	}
	if gone := firstOf(t, tr, trace.NoContainer, trace.SandboxStopped, 0).At; gone < debug {
		t.Errorf("the sandbox ends at %v, the ephemeral container at %v", gone, debug)
	}
}
