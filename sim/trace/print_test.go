package trace

import (
	"testing"
	"time"
)

func TestColumnsAt(t *testing.T) {
	s := sample()
	tests := []struct {
		at   float64
		want Columns
	}{
		{0, Columns{"0/2", "Pending", "0", "0s"}},
		{1, Columns{"0/2", "Init:0/1", "0", "1s"}},
		{2.5, Columns{"1/2", "PodInitializing", "0", "2s"}},
		{5, Columns{"2/2", "Running", "0", "5s"}},
		{22, Columns{"2/2", "Terminating", "0", "22s"}},
		{26.25, Columns{"0/2", "Error", "0", "26s"}},
	}
	for _, test := range tests {
		got, ok := s.ColumnsAt(PodRef{}, Instant(test.at*float64(time.Second)), PrintRules{})
		if !ok || got != test.want {
			t.Errorf("at %vs: got %+v, want %+v", test.at, got, test.want)
		}
	}
	if got, ok := s.ColumnsAt(PodRef{}, Instant(26300*time.Millisecond), PrintRules{}); ok {
		t.Errorf("the Pod is removed, got %+v", got)
	}
	if got, _ := s.ColumnsAt(PodRef{}, Instant(26250*time.Millisecond), PrintRules{TerminatingHidesTerminal: true}); got.Status != "Terminating" {
		t.Errorf("up to 1.30 the deletion hides the end, got %+v", got)
	}
}

// columnsOf prints a Pod with one sidecar s, one plain init container i and two mains a and b.
func columnsOf(phase Phase, rules PrintRules, initialized, ready bool, statuses ...ContainerStatus) Columns {
	s := Trace{
		Containers: []Container{{"s", RoleSidecar}, {"i", RoleInit}, {"b", RoleMain}, {"a", RoleMain}},
		Events:     []Event{{Kind: PodCreated, Container: NoContainer}, {At: 5e9, Kind: Exited, Container: 0, ExitCode: 1}},
		Statuses: []Status{{Phase: phase, Containers: statuses,
			Conditions: []Condition{{Type: PodInitialized, True: initialized}, {Type: PodReady, True: ready}}}},
	}
	columns, _ := s.ColumnsAt(PodRef{}, 60e9, rules)
	return columns
}

func TestColumnsOfTypicalPods(t *testing.T) {
	present := func(kind StateKind, reason string, code int32) ContainerStatus {
		up := kind == StateRunning
		return ContainerStatus{Present: true, State: ContainerState{Kind: kind, Reason: reason, ExitCode: code}, Started: up, Ready: up}
	}
	running, done := present(StateRunning, "", 0), present(StateTerminated, "Completed", 0)
	failed, waits := present(StateTerminated, "Error", 1), present(StateWaiting, "PodInitializing", 0)
	unready := running
	unready.Ready = false
	crashing := present(StateWaiting, "CrashLoopBackOff", 0)
	crashing.Restarts, crashing.Last = 3, ContainerState{Kind: StateTerminated, ExitCode: 1}
	killed := present(StateTerminated, "Error", 137)
	old, young := PrintRules{TerminatingHidesTerminal: true}, PrintRules{FailureShowsThroughCompleted: true}
	tests := map[string]struct{ got, want Columns }{
		"first init container of two waits":  {columnsOf(PhasePending, old, false, false, present(StateWaiting, "", 0), waits, waits, waits), Columns{"0/3", "Init:0/2", "0", "60s"}},
		"sidecar started, init runs":         {columnsOf(PhasePending, old, false, false, running, unready, waits, waits), Columns{"1/3", "Init:1/2", "0", "60s"}},
		"mains are pulled":                   {columnsOf(PhasePending, old, true, false, running, done, waits, waits), Columns{"1/3", "PodInitializing", "0", "60s"}},
		"sidecar not ready":                  {columnsOf(PhaseRunning, old, true, false, unready, done, running, running), Columns{"2/3", "Running", "0", "60s"}},
		"sidecar in back-off, mains run":     {columnsOf(PhaseRunning, old, true, false, crashing, done, running, running), Columns{"2/3", "Init:CrashLoopBackOff", "3 (55s ago)", "60s"}},
		"mains completed, sidecar drains":    {columnsOf(PhaseRunning, old, true, false, running, done, done, done), Columns{"1/3", "Completed", "0", "60s"}},
		"succeeded, sidecar killed":          {columnsOf(PhaseSucceeded, old, true, false, killed, done, done, done), Columns{"0/3", "Completed", "0", "60s"}},
		"a completed, b failed, before 1.35": {columnsOf(PhaseFailed, old, true, false, done, done, failed, done), Columns{"0/3", "Completed", "0", "60s"}},
		"a completed, b failed, from 1.35":   {columnsOf(PhaseFailed, young, true, false, done, done, failed, done), Columns{"0/3", "Error", "0", "60s"}},
		"a completed, b ready, Pod not":      {columnsOf(PhaseRunning, old, true, false, running, done, running, done), Columns{"2/3", "NotReady", "0", "60s"}},
	}
	for name, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, test.got, test.want)
		}
	}
}

func TestHumanDuration(t *testing.T) {
	tests := map[time.Duration]string{
		-time.Second: "0s", 119 * time.Second: "119s", 2 * time.Minute: "2m", 200 * time.Second: "3m20s", 25 * time.Minute: "25m",
		310 * time.Minute: "5h10m", 10 * time.Hour: "10h", 76 * time.Hour: "3d4h", 24 * 400 * time.Hour: "400d", 24 * 800 * time.Hour: "2y70d",
	}
	for d, want := range tests {
		if got := HumanDuration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
