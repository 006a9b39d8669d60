package sim

import (
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// asker exits 42 after a while, which by its rule restarts all containers, and the second time goes on.
func asker(after time.Duration) Container {
	return Container{
		Name: "worker", RestartPolicy: RestartNever,
		RestartRules: []RestartRule{{Action: ActionRestartAllContainers, Values: []int32{42}}},
		Behavior:     Behavior{Runs: []Process{{For: after, ExitCode: 42}, {For: Forever, OnStop: StopReaction{ExitCode: 143}}}},
	}
}

// TestRestartOfOneWaits: where only the container that asked for it is removed, nothing dies, and up to 1.35 nothing wakes the worker.
func TestRestartOfOneWaits(t *testing.T) {
	for target, least := range map[string]time.Duration{
		"1.35+RestartAllContainersOnContainerExits+NodeDeclaredFeatures": 60 * time.Second, "1.36": 0, "1.37": 0,
	} {
		s := &Scenario{Name: "x", Horizon: 3 * time.Minute,
			Pod: Pod{Name: "p", Namespace: "d", RestartPolicy: RestartNever, Main: []Container{asker(5 * time.Second)}}}
		tr := run(t, s, target)
		var runs []trace.Instant
		for i := range tr.Events {
			if e := &tr.Events[i]; e.Kind == trace.Running {
				runs = append(runs, e.At)
			}
		}
		if len(runs) != 2 {
			t.Fatalf("%s: %d runs, want 2", target, len(runs))
		}
		if wait := runs[1].Sub(runs[0]) - 5*time.Second; wait < least || wait > least+35*time.Second {
			t.Errorf("%s: it was away for %v, want %v or a little more", target, wait, least)
		}
	}
}

// TestRestartOfAllOrder: the targets go first, mains before init containers, and those that asked for it last.
func TestRestartOfAllOrder(t *testing.T) {
	quiet := func(name string, policy RestartPolicy) Container { return Container{Name: name, RestartPolicy: policy} }
	s := &Scenario{Name: "x", Horizon: 30 * time.Second, Pod: Pod{
		Name: "p", Namespace: "d", RestartPolicy: RestartNever,
		Init: []Container{quiet("first", RestartAlways), quiet("second", RestartAlways)},
		Main: []Container{asker(5 * time.Second), quiet("app", "")},
	}}
	tr := run(t, s, "1.37")
	var removed []string
	for i := range tr.Events {
		if e := &tr.Events[i]; e.Kind == trace.Removed {
			removed = append(removed, tr.Containers[e.Container].Name)
		}
	}
	want := []string{"app", "first", "second", "worker"}
	if len(removed) != len(want) {
		t.Fatalf("removed are %q, want %q", removed, want)
	}
	for i := range want {
		if removed[i] != want[i] {
			t.Fatalf("removed are %q, want %q", removed, want)
		}
	}
	last := tr.Statuses[len(tr.Statuses)-1]
	for i := range last.Containers {
		if c := last.Containers[i]; c.Restarts != 1 || c.Last.Reason != "RestartingAllContainers" {
			t.Errorf("%s has %d restarts, and ended with %s", tr.Containers[i].Name, c.Restarts, c.Last.Reason)
		}
	}
}

// TestStopSignals: two signals are the kernel's, whatever the process does.
func TestStopSignals(t *testing.T) {
	handles := StopReaction{After: time.Second, ExitCode: 7}
	only := StopReaction{After: time.Second, ExitCode: 7, Only: "SIGQUIT"}
	for _, c := range []struct {
		does   StopReaction
		signal Signal
		want   StopReaction
	}{
		{handles, "", handles}, {handles, "SIGUSR1", handles}, {only, "SIGQUIT", only}, {only, "", StopReaction{Ignore: true}},
		{StopReaction{Only: SignalTerm, ExitCode: 1}, "", StopReaction{Only: SignalTerm, ExitCode: 1}},
		{handles, SignalKill, StopReaction{ExitCode: 137}}, {handles, SignalStop, StopReaction{Ignore: true}},
	} {
		if got := c.does.On(c.signal); got != c.want {
			t.Errorf("%+v on %q: %+v, want %+v", c.does, c.signal, got, c.want)
		}
	}
}
