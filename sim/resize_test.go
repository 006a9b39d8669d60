package sim

import (
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// TestResize changes resources of the sidecar and of the main, with and without a restart, and of a main that is in back-off.
func TestResize(t *testing.T) {
	change := func(container string, restart bool) Step {
		return Step{Patch: &Patch{Resize: []Resize{{Container: container, Restart: restart}}}}
	}
	for _, test := range []struct {
		target    string
		step      Step
		container int16
		restarts  int
		unknown   int
	}{
		{"1.33", change("web", true), 1, 1, 0},
		{"1.33", change("web", false), 1, 0, 0},
		{"1.33", change("proxy", true), 0, 1, 0},
		{"1.37", change("proxy", true), 0, 1, 0},
		{"1.37", change("proxy", false), 0, 0, 0},
		{"1.34-InPlacePodVerticalScaling", change("web", true), 1, 0, 1},
		{"1.34/1.34-InPlacePodVerticalScaling", change("web", true), 1, 0, 0},
		{"1.32", change("web", true), 1, 0, 1},
	} {
		s := faultScenario(test.step)
		s.Pod.RestartPolicy = RestartOnFailure // which has no say
		tr := run(t, s, test.target)
		if n := counted(tr, test.container, trace.Running, 5*time.Second); n != test.restarts {
			t.Errorf("%s, %+v: %d restarts, want %d", test.target, test.step.Patch.Resize[0], n, test.restarts)
		}
		if n := counted(tr, 1-test.container, trace.Running, 5*time.Second); n != 0 {
			t.Errorf("%s, %+v: the other container restarts %d times", test.target, test.step.Patch.Resize[0], n)
		}
		if len(tr.Unknown) != test.unknown {
			t.Errorf("%s, %+v: unknown is %v", test.target, test.step.Patch.Resize[0], tr.Unknown)
		}
	}
}

// TestResizeEndsBackOff has a main start at once that was in a back-off of minutes.
func TestResizeEndsBackOff(t *testing.T) {
	s := faultScenario(Step{Patch: &Patch{Resize: []Resize{{Container: "web"}}}})
	s.Pod.Main[0].Behavior = Behavior{Runs: []Process{{For: time.Second, ExitCode: 1}}}
	s.Steps[0].At, s.Horizon = 10*time.Minute, 11*time.Minute
	tr := run(t, s, "1.33")
	if e := firstOf(t, tr, 1, trace.Running, 10*time.Minute); e.At > trace.Instant(10*time.Minute+2*time.Second) {
		t.Errorf("the web server runs at %v", e.At)
	}
}
