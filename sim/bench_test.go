package sim

import (
	"strconv"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// lifeScenario is the Pod of the speed bar: a sidecar with a startup probe, an init container and a main, started, run
// and deleted.
func lifeScenario() *Scenario {
	return &Scenario{
		Name: "life",
		Pod: Pod{
			Name: "web", Namespace: "default", RestartPolicy: RestartAlways, TerminationGracePeriodSeconds: 30,
			Init: []Container{
				{
					Name: "proxy", RestartPolicy: RestartAlways,
					Startup: &Probe{PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3, Handler: HandlerExec},
				},
				{Name: "migrate", Behavior: Behavior{Runs: []Process{{For: 2 * time.Second}}}},
			},
			Main: []Container{{Name: "app"}},
		},
		Steps: []Step{{At: 20 * time.Second, Delete: &Delete{}}},
	}
}

func resolved(tb testing.TB, target string) gates.Resolved {
	tb.Helper()
	targets, err := gates.ParseTargets(target)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := gates.Resolve(targets[0])
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func BenchmarkPodLife(b *testing.B) {
	scenario, target, config := lifeScenario(), resolved(b, "1.33"), DefaultConfig()
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		t, err := Run(scenario, target, config)
		if err != nil {
			b.Fatal(err)
		}
		events = len(t.Events)
	}
	b.ReportMetric(float64(events), "events")
}

// BenchmarkPodLifeAgain is the same life in memory that was used before: what checks of many manifests cost.
func BenchmarkPodLifeAgain(b *testing.B) {
	scenario, target, config := lifeScenario(), resolved(b, "1.33"), DefaultConfig()
	b.ReportAllocs()
	memory := &Memory{}
	for b.Loop() {
		memory.Reset()
		if _, err := memory.Run(scenario, &target, config); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCrashLoop runs one crash loop for long and longer: the time for one restart must stay the same.
func BenchmarkCrashLoop(b *testing.B) {
	for _, restarts := range []int{100, 1_000, 10_000} {
		b.Run(time.Duration(restarts).String()[:len(time.Duration(restarts).String())-2], func(b *testing.B) {
			scenario := &Scenario{
				Name: "crash",
				Pod: Pod{
					Name: "web", RestartPolicy: RestartAlways, TerminationGracePeriodSeconds: 30,
					Main: []Container{{Name: "app", Behavior: Behavior{Runs: []Process{{For: time.Second, ExitCode: 1}}}}},
				},
				Horizon: time.Duration(restarts) * 308 * time.Second,
			}
			target, config := resolved(b, "1.33"), DefaultConfig()
			config.MaxEvents = 1 << 30
			runs := 0
			for b.Loop() {
				t, err := Run(scenario, target, config)
				if err != nil {
					b.Fatal(err)
				}
				runs = int(t.Statuses[len(t.Statuses)-1].Containers[0].Restarts)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(runs), "ns/restart")
			b.ReportMetric(float64(runs), "restarts")
		})
	}
}

// BenchmarkJob runs Jobs of more and more Pods, two at a time: the time for one Pod must hardly grow.
func BenchmarkJob(b *testing.B) {
	for _, pods := range []int32{1, 10, 100, 1_000} {
		b.Run(strconv.Itoa(int(pods)), func(b *testing.B) {
			scenario := jobScenario(Job{Parallelism: number(2), Completions: number(pods)}, RestartNever, Process{For: 5 * time.Second})
			scenario.Horizon = 100 * time.Hour
			target, config := resolved(b, "1.33"), DefaultConfig()
			config.MaxEvents = 1 << 30
			b.ReportAllocs()
			for b.Loop() {
				t, err := Run(scenario, target, config)
				if err != nil {
					b.Fatal(err)
				}
				if last := t.JobStatuses[len(t.JobStatuses)-1]; last.Succeeded != pods {
					b.Fatalf("%d Pods succeeded, want %d", last.Succeeded, pods)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(pods), "ns/Pod")
		})
	}
}
