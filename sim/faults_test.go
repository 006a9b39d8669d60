package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// faultScenario is a sidecar and a main that take 2 s to stop, and a step after ten seconds.
func faultScenario(step Step) *Scenario {
	s := lifeScenario()
	s.Pod.Init, s.Pod.Main = nil, nil
	stop := Behavior{Runs: []Process{{For: Forever, OnStop: StopReaction{After: 2 * time.Second, ExitCode: 3}}}}
	s.Pod.Init = append(s.Pod.Init, Container{Name: "proxy", RestartPolicy: RestartAlways, Behavior: stop})
	s.Pod.Main = append(s.Pod.Main, Container{Name: "web", Behavior: stop})
	s.Pod.RestartPolicy = RestartAlways
	s.Steps, s.Horizon = []Step{step}, 40*time.Second
	s.Steps[0].At = 10 * time.Second
	return s
}

// firstOf returns the first event of a kind of a container from an instant on.
func firstOf(t *testing.T, tr *trace.Trace, container int16, kind trace.Kind, from time.Duration) *trace.Event {
	t.Helper()
	for i := range tr.Events {
		if e := &tr.Events[i]; e.Kind == kind && e.Container == container && e.At >= trace.Instant(from) {
			return e
		}
	}
	t.Fatalf("no %v of container %d from %v on", kind, container, from)
	return nil
}

func TestSignalsFromOutside(t *testing.T) {
	for _, test := range []struct {
		signal Signal
		at     time.Duration
		code   int32
	}{{SignalKill, 10 * time.Second, 137}, {SignalTerm, 12 * time.Second, 3}} {
		s := faultScenario(Step{Kill: &Kill{Container: "web", Signal: test.signal}})
		tr, err := Run(s, resolved(t, "1.33"), DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		if e := firstOf(t, tr, 1, trace.Exited, 0); e.ExitCode != test.code || e.At != trace.Instant(test.at) {
			t.Errorf("%s: the web server exits %d at %v, want %d at %v", test.signal, e.ExitCode, e.At, test.code, test.at)
		}
		if e := firstOf(t, tr, 1, trace.Running, test.at); e.Run != 1 {
			t.Errorf("%s: the web server's next run is %d, want 1", test.signal, e.Run)
		}
		for i := range tr.Events {
			if e := &tr.Events[i]; e.Container == 0 && e.Kind == trace.Exited {
				t.Errorf("%s: the proxy ends at %v", test.signal, e.At)
			}
		}
	}
}

// TestSecondSignal has the process end when it would have on the first signal: it reacts only once.
func TestSecondSignal(t *testing.T) {
	s := faultScenario(Step{Kill: &Kill{Container: "web", Signal: SignalTerm}})
	s.Steps = append(s.Steps, Step{At: 11 * time.Second, Delete: &Delete{}})
	tr, err := Run(s, resolved(t, "1.33"), DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if e := firstOf(t, tr, 1, trace.StopSignal, 0); e.At != trace.Instant(11*time.Second) {
		t.Errorf("the stop signal comes at %v, want 11s", e.At)
	}
	if e := firstOf(t, tr, 1, trace.Exited, 0); e.At != trace.Instant(12*time.Second) || e.ExitCode != 3 {
		t.Errorf("the web server exits %d at %v, want 3 at 12s", e.ExitCode, e.At)
	}
}

func TestStepsThatFindNothing(t *testing.T) {
	for _, test := range []struct {
		step Step
		want string
	}{
		{Step{Kill: &Kill{Container: "web", Signal: SignalKill}}, "no process"},
		{Step{LoseSandbox: &LoseSandbox{}}, "no sandbox"},
	} {
		s := faultScenario(test.step)
		s.Steps[0].At = 100 * time.Millisecond // the sandbox takes 200 ms
		tr, err := Run(s, resolved(t, "1.33"), DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		if len(tr.Unknown) != 1 || !strings.Contains(tr.Unknown[0].Why, test.want) {
			t.Errorf("%+v: unknown is %v, want one entry with %q", test.step, tr.Unknown, test.want)
		}
	}
}

// TestLostSandbox has the sandbox go while a main is created in it. The runtime refuses, and the next sandbox is the second.
func TestLostSandbox(t *testing.T) {
	s := faultScenario(Step{LoseSandbox: &LoseSandbox{}})
	s.Steps[0].At = 0
	s.Steps[0].After = &Selector{Container: "proxy", Kind: trace.Created.String(), Run: -1}
	tr, err := Run(s, resolved(t, "1.33"), DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if e := firstOf(t, tr, 0, trace.StartError, 0); e.At > trace.Instant(300*time.Millisecond) {
		t.Errorf("the start in a lost sandbox fails at %v", e.At)
	}
	count := 0
	for i := range tr.Events {
		if tr.Events[i].Kind == trace.SandboxReady {
			count++
		}
	}
	if count != 2 {
		t.Errorf("%d sandboxes, want 2", count)
	}
	if e := firstOf(t, tr, 1, trace.Running, 0); e.Run != 0 {
		t.Errorf("the web server begins with run %d", e.Run)
	}
}
