package sim

import (
	"reflect"
	"testing"
	"time"
)

// TestMemory wants runs in used memory to show what runs in new memory do, and the traces of one round to live side by side.
func TestMemory(t *testing.T) {
	crash := lifeScenario()
	crash.Pod.Main = append(crash.Pod.Main, Container{Name: "flaps", Behavior: Behavior{Runs: []Process{{For: time.Second, ExitCode: 1}}}})
	crash.Horizon = time.Hour
	refused := lifeScenario()
	refused.Pod.Init[1].Startup = refused.Pod.Init[0].Startup
	job := jobScenario(Job{Parallelism: number(2), Completions: number(2)}, RestartNever, Process{For: 5 * time.Second})
	scenarios := []*Scenario{crash, lifeScenario(), refused, job, lifeScenario()}
	var memory Memory
	for _, on := range []string{"1.28", "1.29", "1.37"} {
		target := resolved(t, on)
		memory.Reset()
		for round := range 2 {
			for i, s := range scenarios {
				want, err := Run(s, target, DefaultConfig())
				if err != nil {
					t.Fatal(err)
				}
				got, err := memory.Run(s, &target, DefaultConfig())
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("on %s, scenario %d differs in round %d", on, i, round)
				}
			}
		}
	}
	first, err := memory.Run(scenarios[1], new(resolved(t, "1.37")), DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	events := len(first.Events)
	if _, err := memory.Run(scenarios[0], new(resolved(t, "1.37")), DefaultConfig()); err != nil || len(first.Events) != events || first.Scenario != "life" {
		t.Errorf("the trace before is gone: %d events of %q, %v", len(first.Events), first.Scenario, err)
	}
}
