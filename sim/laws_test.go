package sim

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The laws of order, on all role sequences up to four containers, with and without a deletion at many moments. A law that
// a release does not promise is not asked of it.

// roleSequences returns every sequence of init containers and sidecars followed by one to four mains, of at most four
// containers in all.
func roleSequences() []string {
	var all []string
	var extend func(prefix string)
	extend = func(prefix string) {
		for mains := 1; len(prefix)+mains <= 4; mains++ {
			all = append(all, prefix+"mmmm"[:mains])
		}
		if len(prefix) < 3 {
			extend(prefix + "i")
			extend(prefix + "s")
		}
	}
	extend("")
	return all
}

// podOf makes a Pod of a role sequence. Stops take different times, so that their order is told apart.
func podOf(roles string, policy RestartPolicy, grace int64) Pod {
	pod := Pod{Name: "p", Namespace: "default", RestartPolicy: policy, TerminationGracePeriodSeconds: grace}
	for i, role := range roles {
		c := Container{Name: fmt.Sprintf("%c%d", role, i)}
		stop := StopReaction{After: time.Duration(300+170*i) * time.Millisecond, ExitCode: exitSIGTERM}
		c.Behavior.Runs = []Process{{For: Forever, OnStop: stop}}
		switch role {
		case 'i':
			c.Behavior.Runs[0].For = time.Duration(400+90*i) * time.Millisecond
			pod.Init = append(pod.Init, c)
		case 's':
			c.RestartPolicy = RestartAlways
			pod.Init = append(pod.Init, c)
		default:
			if policy != RestartAlways {
				c.Behavior.Runs[0].For = time.Duration(3000+900*i) * time.Millisecond
			}
			pod.Main = append(pod.Main, c)
		}
	}
	return pod
}

// lawTargets are the newest patch release of every line, with the gate on in 1.28.
func lawTargets(t *testing.T) []gates.Resolved {
	t.Helper()
	list := []gates.Resolved{resolved(t, "1.28+SidecarContainers")}
	for _, target := range gates.AllTargets()[1:] {
		r, err := gates.Resolve(target)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func TestLawsOnAllRoleSequences(t *testing.T) {
	moments := []time.Duration{-1, 0, 250 * time.Millisecond, 900 * time.Millisecond, 2100 * time.Millisecond, 5300 * time.Millisecond, 12 * time.Second}
	runs := 0
	for _, target := range lawTargets(t) {
		for _, roles := range roleSequences() {
			for _, policy := range []RestartPolicy{RestartAlways, RestartOnFailure, RestartNever} {
				for _, moment := range moments {
					for seed := range uint64(2) {
						checkLaws(t, target, roles, policy, moment, seed)
						runs++
					}
				}
			}
		}
	}
	if runs < 10_000 {
		t.Errorf("only %d runs, want the whole space", runs)
	}
}

func checkLaws(t *testing.T, target gates.Resolved, roles string, policy RestartPolicy, moment time.Duration, seed uint64) {
	t.Helper()
	const grace = 10
	s := &Scenario{Name: roles, Pod: podOf(roles, policy, grace), Horizon: time.Minute}
	if moment >= 0 {
		s.Steps = []Step{{At: moment, Delete: &Delete{}}}
	}
	config := DefaultConfig()
	config.Seed = seed
	tr, err := Run(s, target, config)
	if err != nil {
		t.Fatal(err)
	}
	where := fmt.Sprintf("%s on %s, policy %s, deleted at %v, seed %d", roles, tr.Target, policy, moment, seed)
	for _, broken := range brokenLaws(tr, target, grace*time.Second) {
		t.Errorf("%s: %s", where, broken)
	}
	if moment >= 0 && tr.Ending != trace.EndingRemoved {
		t.Errorf("%s: the Pod was deleted, but the run ended with %v", where, tr.Ending)
	}
	if moment < 0 && policy != RestartAlways && tr.Ending != trace.EndingTerminal {
		t.Errorf("%s: all mains end, but the run ended with %v", where, tr.Ending)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// brokenLaws checks one trace of a Pod whose containers never crash.
func brokenLaws(tr *trace.Trace, target gates.Resolved, grace time.Duration) []string {
	var broken []string
	report := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if err := tr.Check(); err != nil {
		report("%v", err)
	}
	first := func(container int, kinds ...trace.Kind) (trace.Instant, bool) {
		for _, e := range tr.Events {
			for _, k := range kinds {
				if int(e.Container) == container && e.Kind == k {
					return e.At, true
				}
			}
		}
		return 0, false
	}
	for i, c := range tr.Containers {
		began, ok := first(i, trace.Created)
		if !ok || c.Role == trace.RoleMain && i > 0 && tr.Containers[i-1].Role == trace.RoleMain {
			continue
		}
		// Nothing starts before the init container in front of it has completed, or the sidecar has started.
		for j := range i {
			gate, open := first(j, trace.Exited)
			if tr.Containers[j].Role == trace.RoleSidecar {
				gate, open = first(j, trace.Running)
			}
			if tr.Containers[j].Role != trace.RoleMain && (!open || gate > began) {
				report("%s was created at %v before %s let it (%v, %t)", c.Name, began, tr.Containers[j].Name, gate, open)
			}
		}
	}
	broken = append(broken, brokenStopLaws(tr, target, grace, first)...)
	return broken
}

// brokenStopLaws checks the stop: one purse of grace for all, mains before sidecars, sidecars in reverse.
func brokenStopLaws(tr *trace.Trace, target gates.Resolved, grace time.Duration, first func(int, ...trace.Kind) (trace.Instant, bool)) []string {
	var broken []string
	report := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	var begins trace.Instant = trace.Never
	for _, e := range tr.Events {
		if e.Kind == trace.Killing {
			begins = min(begins, e.At)
		}
	}
	ordered := target.Kubelet.StopOrder != gates.StopTogether
	for i, c := range tr.Containers {
		signal, signalled := first(i, trace.StopSignal)
		if !signalled {
			continue
		}
		if gone, ok := first(i, trace.Exited); !ok {
			report("%s got a stop signal and never ended", c.Name)
		} else if gone > begins.Add(grace+minimumGrace*time.Second+time.Second) {
			report("%s ended %v after the stop began, the purse is %v", c.Name, gone.Sub(begins), grace)
		}
		if c.Role != trace.RoleSidecar || !ordered {
			if signal != begins {
				report("%s waited for its stop signal until %v, the stop began at %v", c.Name, signal, begins)
			}
			continue
		}
		for j := i + 1; j < len(tr.Containers); j++ {
			later := tr.Containers[j]
			if later.Role == trace.RoleInit {
				continue
			}
			stopped, wasStopped := first(j, trace.StopSignal)
			gone, ended := first(j, trace.Exited)
			if wasStopped && (!ended || gone > signal) && signal < begins.Add(grace) {
				report("%s got its stop signal at %v before %s, stopped at %v, was gone at %v", c.Name, signal, later.Name, stopped, gone)
			}
		}
	}
	return broken
}

// TestLawsCatchDoctoredTraces breaks a good trace in one way for each law.
func TestLawsCatchDoctoredTraces(t *testing.T) {
	target := resolved(t, "1.33")
	s := &Scenario{Name: "ssm", Pod: podOf("ssm", RestartAlways, 10), Steps: []Step{{At: 12 * time.Second, Delete: &Delete{}}}}
	for name, doctor := range map[string]func(tr *trace.Trace){
		"created too early": func(tr *trace.Trace) { moveFirst(tr, 2, trace.Created, 0) },
		"stopped too early": func(tr *trace.Trace) { moveFirst(tr, 0, trace.StopSignal, 12*time.Second) },
		"ended too late":    func(tr *trace.Trace) { moveFirst(tr, 0, trace.Exited, 40*time.Second) },
		"never ended":       func(tr *trace.Trace) { dropKind(tr, 1, trace.Exited) },
		"main waits":        func(tr *trace.Trace) { moveFirst(tr, 2, trace.StopSignal, 13*time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			tr, err := Run(s, target, DefaultConfig())
			if err != nil {
				t.Fatal(err)
			}
			if broken := brokenLaws(tr, target, 10*time.Second); len(broken) > 0 {
				t.Fatalf("the good trace breaks %q", broken)
			}
			doctor(tr)
			if len(brokenLaws(tr, target, 10*time.Second)) == 0 {
				t.Error("no law noticed")
			}
		})
	}
}

func moveFirst(tr *trace.Trace, container int16, kind trace.Kind, at time.Duration) {
	for i := range tr.Events {
		if e := &tr.Events[i]; e.Container == container && e.Kind == kind {
			e.At = trace.Instant(at)
			return
		}
	}
}

func dropKind(tr *trace.Trace, container int16, kind trace.Kind) {
	for i := range tr.Events {
		if e := &tr.Events[i]; e.Container == container && e.Kind == kind {
			e.Kind = trace.Removed
		}
	}
}

func TestRunIsDeterministic(t *testing.T) {
	for _, target := range lawTargets(t) {
		for _, seed := range []uint64{0, 7} {
			config := DefaultConfig()
			config.Seed = seed
			var want []byte
			for range 100 {
				tr, err := Run(lifeScenario(), target, config)
				if err != nil {
					t.Fatal(err)
				}
				got, err := tr.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = got
				}
				if !bytes.Equal(want, got) {
					t.Fatalf("%s, seed %d: two runs differ", tr.Target, seed)
				}
			}
		}
	}
}
