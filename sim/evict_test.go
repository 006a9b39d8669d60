package sim

import (
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// TestEvictions has each eviction give the grace of its kind. The runtime gets at least two seconds.
func TestEvictions(t *testing.T) {
	for _, test := range []struct {
		target string
		mode   EvictMode
		grace  time.Duration
		reason string
	}{
		{"1.30", EvictHard, 30 * time.Second, "Evicted"},
		{"1.31", EvictHard, 2 * time.Second, "Evicted"},
		{"1.31", EvictSoft, 50 * time.Second, "Evicted"},
		{"1.32", EvictSoft, 30 * time.Second, "Evicted"},
		{"1.33", EvictPreempt, 30 * time.Second, "Preempting"},
		{"1.33", EvictAPI, 30 * time.Second, ""},
	} {
		s := faultScenario(Step{Evict: &Evict{Mode: test.mode}})
		s.Node.EvictionMaxPodGracePeriod = 50 * time.Second
		tr := run(t, s, test.target)
		if e := firstOf(t, tr, 1, trace.StopSignal, 0); e.Span != test.grace {
			t.Errorf("%s: %s gives the web server %v, want %v", test.target, test.mode, e.Span, test.grace)
		}
		last := tr.Statuses[len(tr.Statuses)-1]
		if last.Phase != trace.PhaseFailed || last.Reason != test.reason {
			t.Errorf("%s: %s ends with %v %q, want Failed %q", test.target, test.mode, last.Phase, last.Reason, test.reason)
		}
		if proxy, web := firstOf(t, tr, 0, trace.StopSignal, 0).At, firstOf(t, tr, 1, trace.Exited, 0).At; proxy < web && test.grace > 2*time.Second {
			t.Errorf("%s: %s stops the proxy at %v, before the web server ends at %v", test.target, test.mode, proxy, web)
		}
	}
}

// TestNothingToEvict evicts a Pod that no kubelet has seen.
func TestNothingToEvict(t *testing.T) {
	s := faultScenario(Step{Evict: &Evict{Mode: EvictHard}})
	s.Steps = append(s.Steps, Step{At: time.Second, Delete: &Delete{Force: true}})
	if tr := run(t, s, "1.33"); len(tr.Unknown) != 1 {
		t.Errorf("unknown is %v, want the eviction of a Pod that is gone", tr.Unknown)
	}
}

// TestImageChange gives the sidecar another image, then the main, then the main its first one again. A main is restarted whenever its image
// differs from that of its record, a running sidecar from 1.32 on.
func TestImageChange(t *testing.T) {
	for target, proxies := range map[string]int{"1.28+SidecarContainers": 1, "1.31": 1, "1.32": 2, "1.37": 2} {
		s := faultScenario(Step{Patch: &Patch{Images: []ImageChange{{"proxy", "proxy:2"}}}})
		s.Pod.Main[0].Image = "web:1"
		s.Steps = append(s.Steps,
			Step{At: 15 * time.Second, Patch: &Patch{Images: []ImageChange{{"web", "web:2"}}}},
			Step{At: 15100 * time.Millisecond, Patch: &Patch{Images: []ImageChange{{"web", "web:1"}}}}, // before the first is over: once more
			Step{At: 25 * time.Second, Patch: &Patch{Images: []ImageChange{{"web", "web:1"}}}},         // nothing new
		)
		tr := run(t, s, target)
		if n := counted(tr, 0, trace.Running, 0); n != proxies {
			t.Errorf("%s: the proxy runs %d times, want %d", target, n, proxies)
		}
		if n := counted(tr, 1, trace.Running, 0); n != 3 {
			t.Errorf("%s: the web server runs %d times, want 3", target, n)
		}
	}
}
