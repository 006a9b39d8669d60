package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// TestShutdown gives Pods the time of their group, but not more than their own, and lets the node go when they have stopped, or when the time
// of the group is over.
func TestShutdown(t *testing.T) {
	for _, test := range []struct {
		target           string
		critical         bool
		ignores          bool
		volumes          bool
		all, forCritical time.Duration
		grace, held      time.Duration
	}{
		{"1.33", false, false, false, 30 * time.Second, 10 * time.Second, 20 * time.Second, 4020 * time.Millisecond},
		{"1.33", false, false, true, 30 * time.Second, 10 * time.Second, 20 * time.Second, 4320 * time.Millisecond},
		{"1.31", false, false, true, 30 * time.Second, 10 * time.Second, 20 * time.Second, 4020 * time.Millisecond},
		{"1.33", true, false, false, 30 * time.Second, 10 * time.Second, 10 * time.Second, 4020 * time.Millisecond},
		{"1.33", false, false, false, 300 * time.Second, 0, 30 * time.Second, 4020 * time.Millisecond},
		{"1.33", false, true, false, 5 * time.Second, 0, 5 * time.Second, 5 * time.Second},
		{"1.30", true, false, false, 30 * time.Second, 0, 30 * time.Second, 0}, // no time at all counts as the Pod's own
		{"1.31", true, false, false, 30 * time.Second, 0, 2 * time.Second, 0},
		{"1.33", false, true, false, 0, 0, 0, 0},
		{"1.33-GracefulNodeShutdown-GracefulNodeShutdownBasedOnPodPriority", false, true, false, 30 * time.Second, 0, 0, 0},
	} {
		s := faultScenario(Step{ShutdownNode: &ShutdownNode{}})
		s.Pod.Critical, s.Pod.NoVolumes = test.critical, !test.volumes
		s.Pod.Main[0].Behavior.Runs[0].OnStop.Ignore = test.ignores
		s.Node.ShutdownGracePeriod, s.Node.ShutdownGracePeriodCriticalPods = test.all, test.forCritical
		tr := run(t, s, test.target)
		shutdown, released := firstOf(t, tr, trace.NoContainer, trace.NodeShutdown, 0), firstOf(t, tr, trace.NoContainer, trace.NodeReleased, 0)
		if held := released.At.Sub(shutdown.At); held != test.held {
			t.Errorf("%+v: the node is held for %v", test, held)
		}
		if test.grace == 0 {
			if n := counted(tr, 1, trace.StopSignal, 0); n != 0 {
				t.Errorf("%+v: the web server gets %d stop signals", test, n)
			}
		} else if e := firstOf(t, tr, 1, trace.StopSignal, 0); e.Span != test.grace {
			t.Errorf("%+v: the web server has %v", test, e.Span)
		}
		if stopped := firstOf(t, tr, trace.NoContainer, trace.KubeletStopped, 0); stopped.At != released.At.Add(100*time.Millisecond) {
			t.Errorf("%+v: the kubelet ends at %v, the node was let go at %v", test, stopped.At, released.At)
		}
	}
}

// TestReboots has a Pod that was stopped in order stay where it is, and one that was lost with its node start again.
func TestReboots(t *testing.T) {
	for orderly, starts := range map[bool]int{true: 0, false: 1} {
		s := faultScenario(Step{RebootNode: &RebootNode{Down: 5 * time.Second, Orderly: orderly}})
		s.Node.ShutdownGracePeriod = 30 * time.Second
		tr := run(t, s, "1.33")
		if n := counted(tr, 1, trace.Running, 5*time.Second); n != starts {
			t.Errorf("orderly=%v: the web server starts again %d times, want %d", orderly, n, starts)
		}
		last := tr.Statuses[len(tr.Statuses)-1]
		if ended := last.Phase == trace.PhaseFailed && last.Reason == "Terminated"; ended != orderly {
			t.Errorf("orderly=%v: the Pod ends %v %s", orderly, last.Phase, last.Reason)
		}
	}
}

// TestShutdownIsAlone has nothing else happen to a node that shuts down.
func TestShutdownIsAlone(t *testing.T) {
	s := faultScenario(Step{ShutdownNode: &ShutdownNode{}})
	s.Node.ShutdownGracePeriod = 30 * time.Second
	for _, step := range []Step{{ShutdownNode: &ShutdownNode{}}, {RestartKubelet: &RestartKubelet{}}, {RebootNode: &RebootNode{}}, {RebootNode: &RebootNode{Orderly: true}}} {
		step.At = 11 * time.Second
		s.Steps = append(s.Steps, step)
	}
	s.Steps = append(s.Steps, Step{At: 30 * time.Second, ShutdownNode: &ShutdownNode{}})
	if tr := run(t, s, "1.33"); len(tr.Unknown) != 5 {
		t.Errorf("unknown is %v, want five steps", tr.Unknown)
	}
}

// TestDisruptionTarget shows who ended the Pod: the kubelet says so with the terminal phase alone, the API server before it deletes.
func TestDisruptionTarget(t *testing.T) {
	for _, test := range []struct {
		target, reason string
		step           Step
		early          bool
	}{
		{"1.33", "TerminationByKubelet", Step{Evict: &Evict{Mode: EvictHard}}, false},
		{"1.33", "TerminationByKubelet", Step{Evict: &Evict{Mode: EvictPreempt}}, false},
		{"1.37", "TerminationByKubelet", Step{ShutdownNode: &ShutdownNode{}}, false},
		{"1.30-PodDisruptionConditions", "", Step{ShutdownNode: &ShutdownNode{}}, false},
		{"1.33", "EvictionByEvictionAPI", Step{Evict: &Evict{Mode: EvictAPI}}, true},
		{"1.30-PodDisruptionConditions", "", Step{Evict: &Evict{Mode: EvictAPI}}, false},
		{"1.33", "", Step{Delete: &Delete{}}, false},
	} {
		s := faultScenario(test.step)
		s.Node.ShutdownGracePeriod = 30 * time.Second
		tr := run(t, s, test.target)
		for i := range tr.Statuses {
			v := &tr.Statuses[i]
			if v.At < trace.Instant(10*time.Second) {
				continue
			}
			reason := ""
			if at := slices.IndexFunc(v.Conditions, func(c trace.Condition) bool { return c.Type == trace.DisruptionTarget && c.True }); at >= 0 {
				reason = v.Conditions[at].Reason
			}
			want := test.reason
			if !test.early && !v.Phase.Terminal() {
				want = ""
			}
			if reason != want {
				t.Errorf("%s, %+v: at %v in phase %v the reason is %q, want %q", test.target, test.step, v.At, v.Phase, reason, want)
			}
		}
	}
}

// TestNodeRefusesPods has the Pod come while the node shuts down.
func TestNodeRefusesPods(t *testing.T) {
	s := faultScenario(Step{ShutdownNode: &ShutdownNode{}})
	s.Steps[0].At = 0
	s.Node.ShutdownGracePeriod = 30 * time.Second
	config := DefaultConfig()
	config.NodeHalt = time.Minute
	config.Choices = []int32{0}
	tr, err := Run(s, resolved(t, "1.33"), config)
	if err != nil {
		t.Fatal(err)
	}
	if e := firstOf(t, tr, trace.NoContainer, trace.PodRejected, 0); e.Reason != "NodeShutdown" {
		t.Errorf("the Pod is rejected for %q", e.Reason)
	}
}
