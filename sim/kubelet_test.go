package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

func run(t *testing.T, s *Scenario, target string) *trace.Trace {
	t.Helper()
	tr, err := Run(s, resolved(t, target), DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// counted is how often an event of a container comes from an instant on.
func counted(tr *trace.Trace, container int16, kind trace.Kind, from time.Duration) int {
	n := 0
	for i := range tr.Events {
		if e := &tr.Events[i]; e.Kind == kind && e.Container == container && e.At >= trace.Instant(from) {
			n++
		}
	}
	return n
}

// TestRestartForgetsBackOff has a main in a back-off of 20 s when the kubelet is restarted: the next kubelet starts it at once.
func TestRestartForgetsBackOff(t *testing.T) {
	s := faultScenario(Step{RestartKubelet: &RestartKubelet{Down: time.Second}})
	s.Pod.Main[0].Behavior = Behavior{Runs: []Process{{For: time.Second, ExitCode: 1}, {For: time.Second, ExitCode: 1}, {For: time.Second, ExitCode: 1}, {For: Forever}}}
	s.Steps[0] = Step{After: &Selector{Container: "web", Kind: trace.BackOff.String(), Run: -1, Nth: 2}, At: time.Second, RestartKubelet: s.Steps[0].RestartKubelet}
	s.Horizon = 90 * time.Second
	tr := run(t, s, "1.33")
	started := firstOf(t, tr, trace.NoContainer, trace.KubeletStarted, 0).At
	if e := firstOf(t, tr, 1, trace.Running, time.Duration(started)); e.At > started.Add(2*time.Second) {
		t.Errorf("the web server runs %v after the kubelet's start, want at most 2s", e.At.Sub(started))
	}
	if n := counted(tr, 0, trace.Exited, 0); n != 0 {
		t.Errorf("the proxy ends %d times", n)
	}
}

// TestReadyOverRestart is the flap that 1.35 took away: without probe results a container that was ready is not, for a moment.
func TestReadyOverRestart(t *testing.T) {
	for target, flaps := range map[string]int{"1.34": 1, "1.35": 0, "1.35+ChangeContainerStatusOnKubeletRestart": 1} {
		s := faultScenario(Step{RestartKubelet: &RestartKubelet{Down: time.Second}})
		s.Pod.Main[0].Readiness = &Probe{PeriodSeconds: 5, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3, Handler: HandlerExec}
		s.Steps[0].At = 30 * time.Second
		s.Horizon = time.Minute
		tr := run(t, s, target)
		if n := counted(tr, 1, trace.NotReady, 0); n != flaps {
			t.Errorf("%s: the web server is not ready %d times, want %d", target, n, flaps)
		}
	}
}

// TestMainOfSeededSidecar is #136910: until 1.35.4 a sidecar with a startup probe has no result after a restart of the kubelet, the Pod does not
// count as initialized, and a main that ends is not started again.
func TestMainOfSeededSidecar(t *testing.T) {
	for target, restarts := range map[string]int{"1.34": 1, "1.35.2": 0, "1.35.4": 1, "1.36": 1} {
		s := faultScenario(Step{RestartKubelet: &RestartKubelet{Down: time.Second}})
		s.Pod.Init[0].Startup = &Probe{PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 30, Handler: HandlerExec}
		s.Steps[0].At = 30 * time.Second
		s.Steps = append(s.Steps, Step{At: 45 * time.Second, Kill: &Kill{Container: "web", Signal: SignalKill}})
		s.Horizon = 2 * time.Minute
		tr := run(t, s, target)
		if n := counted(tr, 1, trace.Running, 45*time.Second); n != restarts {
			t.Errorf("%s: the web server is started %d times after its end, want %d", target, n, restarts)
		}
	}
}

func TestReboot(t *testing.T) {
	for _, target := range []string{"1.28+SidecarContainers", "1.29", "1.37"} {
		s := faultScenario(Step{RebootNode: &RebootNode{Down: 20 * time.Second}})
		s.Pod.Init = append([]Container{{Name: "warm", Behavior: Behavior{Runs: []Process{{For: 5 * time.Second}}}}}, s.Pod.Init...)
		s.Horizon = 90 * time.Second
		tr := run(t, s, target)
		for c, name := range []string{1: "proxy", 2: "web"} {
			if name == "" {
				continue
			}
			if e := firstOf(t, tr, int16(c), trace.Exited, 0); e.ExitCode != 255 || e.At != trace.Instant(10*time.Second) {
				t.Errorf("%s: the %s exits %d at %v, want 255 at 10s", target, name, e.ExitCode, e.At)
			}
		}
		warmed := firstOf(t, tr, 0, trace.Exited, 30*time.Second).At
		web := firstOf(t, tr, 2, trace.Running, 30*time.Second).At
		if early := web < warmed; early != (target == "1.28+SidecarContainers") {
			t.Errorf("%s: the web server runs at %v, the plain init container ends at %v", target, web, warmed)
		}
	}
}

// TestRemovedMeanwhile deletes a Pod by force while the kubelet is away. Housekeeping finds its processes and stops them, all at once, with 2 s.
func TestRemovedMeanwhile(t *testing.T) {
	s := faultScenario(Step{RestartKubelet: &RestartKubelet{Down: 10 * time.Second}})
	s.Pod.Main[0].Behavior.Runs[0].OnStop = StopReaction{Ignore: true}
	s.Steps = append(s.Steps, Step{At: 12 * time.Second, Delete: &Delete{Force: true}})
	tr := run(t, s, "1.33")
	stops := [2]trace.Instant{}
	for c := range stops {
		e := firstOf(t, tr, int16(c), trace.StopSignal, 20*time.Second)
		if stops[c] = e.At; e.Span != 2*time.Second {
			t.Errorf("container %d gets %v", c, e.Span)
		}
	}
	if stops[0] != stops[1] {
		t.Errorf("the stop signals come at %v", stops)
	}
	if e := firstOf(t, tr, 1, trace.Exited, 0); e.ExitCode != 137 {
		t.Errorf("the web server exits %d", e.ExitCode)
	}
	if tr.Ending != trace.EndingRemoved {
		t.Errorf("the run ends %v", tr.Ending)
	}
}

// TestRestartWithoutTheGate is a kubelet that comes back and does not know sidecars any more: it rejects the Pod and stops what runs of it.
func TestRestartWithoutTheGate(t *testing.T) {
	off := []gates.Override{{Gate: gates.SidecarContainers}}
	tr := run(t, faultScenario(Step{RestartKubelet: &RestartKubelet{Gates: off}}), "1.30")
	if e := firstOf(t, tr, trace.NoContainer, trace.PodRejected, 0); !strings.Contains(e.Reason, "RestartPolicy") {
		t.Errorf("the Pod is rejected with %q", e.Reason)
	}
	for c := range int16(2) {
		firstOf(t, tr, c, trace.Exited, 0)
	}
	if last := tr.Statuses[len(tr.Statuses)-1]; last.Phase != trace.PhaseFailed {
		t.Errorf("the phase is %v", last.Phase)
	}

	tr = run(t, faultScenario(Step{RestartKubelet: &RestartKubelet{Gates: off}}), "1.33")
	if len(tr.Unknown) != 1 || !strings.Contains(tr.Unknown[0].Why, "locked") {
		t.Errorf("a locked gate leaves %v", tr.Unknown)
	}
	if n := counted(tr, trace.NoContainer, trace.KubeletStopped, 0); n != 0 {
		t.Error("the kubelet is stopped all the same")
	}
}
