package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

func TestDebug(t *testing.T) {
	targets, err := gates.ParseTargets("1.29,1.37")
	if err != nil {
		t.Fatal(err)
	}
	sc := &Scenario{Name: "x", Pod: Pod{Name: "p", RestartPolicy: RestartAlways, TerminationGracePeriodSeconds: 30,
		Init: []Container{{Name: "proxy", RestartPolicy: RestartAlways, Startup: &Probe{PeriodSeconds: 2, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3, Handler: HandlerExec}},
			{Name: "warm", Behavior: Behavior{Runs: []Process{{For: time.Second}}}}},
		Main: []Container{{Name: "app"}}},
		Steps: []Step{{At: 20 * time.Second, Delete: &Delete{}}}}
	for _, tg := range targets {
		r, err := gates.Resolve(tg)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := Run(sc, r, DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Check(); err != nil {
			t.Error(err)
		}
		fmt.Println(tr.Target, tr.Ending, tr.EndedAt)
		for i, e := range tr.Events {
			name := ""
			if e.Container >= 0 {
				name = tr.Containers[e.Container].Name
			}
			fmt.Printf("%3d %8.3f %-8s %d %-16s %s %v code=%d", i, float64(e.At)/1e9, name, e.Run, e.Kind, e.Reason, e.Span, e.ExitCode)
			for _, c := range e.Causes {
				fmt.Printf(" [%d %s]", c.Event, c.Because)
			}
			fmt.Println()
		}
		for _, s := range tr.Statuses {
			fmt.Printf("%8.3f %v %s del=%v", float64(s.At)/1e9, s.Phase, s.Reason, s.Deleting)
			for i, c := range s.Containers {
				fmt.Printf(" %s{%d %s %d st=%v rd=%v n=%d}", tr.Containers[i].Name, c.State.Kind, c.State.Reason, c.State.ExitCode, c.Started, c.Ready, c.Restarts)
			}
			for _, c := range s.Conditions {
				fmt.Printf(" %d=%v", c.Type, c.True)
			}
			fmt.Println()
		}
	}
}
