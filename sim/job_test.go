package sim

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// jobScenario is a Job whose Pods have a sidecar and a main with the given lives.
func jobScenario(job Job, policy RestartPolicy, main ...Process) *Scenario {
	return &Scenario{
		Name: "job", Job: &job,
		Pod: Pod{Name: "job", Namespace: "default", RestartPolicy: policy, TerminationGracePeriodSeconds: 30,
			Init: []Container{{Name: "proxy", RestartPolicy: RestartAlways}},
			Main: []Container{{Name: "app", Behavior: Behavior{Runs: main}}}},
	}
}

func runTheJob(t *testing.T, target string, s *Scenario, config Config) *trace.Trace {
	t.Helper()
	got, err := Run(s, resolved(t, target), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Check(); err != nil {
		t.Fatal(err)
	}
	return got
}

func number(n int32) *int32 { return &n }

// instants are those of all events of a kind.
func instants(t *trace.Trace, kind trace.Kind) []time.Duration {
	var all []time.Duration
	for i := range t.Events {
		if t.Events[i].Kind == kind {
			all = append(all, t.Events[i].At.Sub(0))
		}
	}
	return all
}

// jobKinds are the events of the Job, in order, without its syncs and counts.
func jobKinds(t *trace.Trace) []trace.Kind {
	var all []trace.Kind
	for i := range t.Events {
		if k := t.Events[i].Kind; k.OfJob() && k != trace.JobSync && k != trace.JobCounts {
			all = append(all, k)
		}
	}
	return all
}

func lastStatus(t *testing.T, got *trace.Trace) *trace.JobStatus {
	t.Helper()
	if len(got.JobStatuses) == 0 {
		t.Fatal("the Job has no status")
	}
	return &got.JobStatuses[len(got.JobStatuses)-1]
}

// TestJobBacksOff: the waits between the Pods of a Job double from ten seconds on, and the seventh failure is the last.
func TestJobBacksOff(t *testing.T) {
	got := runTheJob(t, "1.33", jobScenario(Job{}, RestartNever, Process{For: time.Second, ExitCode: 1}), DefaultConfig())
	ends := instants(got, trace.SandboxStopped)
	begins := instants(got, trace.PodCreated)
	if len(begins) != 7 {
		t.Fatalf("%d Pods were made, want 7", len(begins))
	}
	for i, wait := 1, 10*time.Second; i < len(begins); i, wait = i+1, 2*wait {
		// The end of the last container counts, without its fraction of a second.
		if gap := begins[i] - ends[i-1]; gap < wait-1100*time.Millisecond || gap > wait+time.Second {
			t.Errorf("Pod %d begins %v after the end of the one before, want about %v", i, gap, wait)
		}
	}
	last := lastStatus(t, got)
	if c := last.Condition(trace.JobConditionFailed); c == nil || c.Reason != "BackoffLimitExceeded" || last.Failed != 7 {
		t.Errorf("the Job ends with %+v", last)
	}
}

// TestJobEndsAfterItsPods: where the end of a Job is delayed, it comes when the last of its Pods has stopped; the interim condition
// comes with the decision.
func TestJobEndsAfterItsPods(t *testing.T) {
	for target, want := range map[string][]trace.Kind{
		"1.30": {trace.JobCreated, trace.JobFailed},
		"1.31": {trace.JobCreated, trace.JobFailureTarget, trace.JobFailed},
		"1.37": {trace.JobCreated, trace.JobFailureTarget, trace.JobFailed},
	} {
		limit := int64(20)
		s := jobScenario(Job{ActiveDeadlineSeconds: &limit}, RestartNever, Process{For: Forever, OnStop: StopReaction{After: 5 * time.Second}})
		got := runTheJob(t, target, s, DefaultConfig())
		if kinds := jobKinds(got); !slices.Equal(kinds, want) {
			t.Fatalf("%s: the Job shows %v, want %v", target, kinds, want)
		}
		stopped, failed := instants(got, trace.SandboxStopped)[0], instants(got, trace.JobFailed)[0]
		if delayed := len(want) == 3; delayed != (failed > stopped) {
			t.Errorf("%s: the Job has failed at %v, its Pod stopped at %v", target, failed, stopped)
		}
	}
}

// TestRestartsOfSidecarsFailAJob: with restartPolicy OnFailure they count towards the limit, under Never they do not.
func TestRestartsOfSidecarsFailAJob(t *testing.T) {
	for policy, fails := range map[RestartPolicy]bool{RestartOnFailure: true, RestartNever: false} {
		s := jobScenario(Job{BackoffLimit: number(3)}, policy, Process{For: 5 * time.Minute})
		s.Pod.Init[0].Behavior.Runs = []Process{{For: 3 * time.Second, ExitCode: 1}}
		got := runTheJob(t, "1.33", s, DefaultConfig())
		if failed := lastStatus(t, got).Condition(trace.JobConditionFailed) != nil; failed != fails {
			t.Errorf("%s: the Job has failed: %t, want %t", policy, failed, fails)
		}
	}
}

// TestJobRunsRepeat: equal input gives equal bytes, whatever is chosen at random.
func TestJobRunsRepeat(t *testing.T) {
	three := jobScenario(Job{Parallelism: number(2), Completions: number(5), Indexed: true}, RestartNever,
		Process{For: 3 * time.Second}, Process{For: time.Second, ExitCode: 1})
	for _, seed := range []uint64{0, 1, 77} {
		config := DefaultConfig()
		config.Seed = seed
		var first []byte
		for range 3 {
			text, err := runTheJob(t, "1.36", three, config).AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = text
			}
			if !bytes.Equal(text, first) {
				t.Fatalf("seed %d: two runs differ", seed)
			}
		}
	}
}

// TestIntervals holds the arithmetic of indexes against lists of numbers.
func TestIntervals(t *testing.T) {
	for _, c := range []struct {
		from intervals
		add  []int32
		text string
	}{
		{nil, nil, ""},
		{nil, []int32{3}, "3"},
		{intervals{{0, 2}}, []int32{3}, "0-3"},
		{intervals{{0, 0}}, []int32{5, 1}, "0,1,5"},
		{intervals{{1, 3}, {7, 7}}, []int32{5, 6, 4}, "1-7"},
	} {
		got := c.from.with(c.add...)
		if got.String() != c.text {
			t.Errorf("%v with %v is %q, want %q", c.from, c.add, got, c.text)
		}
		if back := parseIndexes(c.text, 100); back.String() != c.text || back.total() != got.total() {
			t.Errorf("%q is read as %v", c.text, back)
		}
	}
	taken := intervals{{0, 1}, {4, 4}}
	if got := taken.firstPending(3, 10); !slices.Equal(got, []int32{2, 3, 5}) {
		t.Errorf("the first indexes that %v lacks are %v", taken, got)
	}
	if got := taken.firstPending(9, 6); !slices.Equal(got, []int32{2, 3, 5}) {
		t.Errorf("below 6 those are %v", got)
	}
	if got := parseIndexes("0-9", 4); got.total() != 4 || got.has(4) || !got.has(3) {
		t.Errorf("0-9 below 4 is %v", got)
	}
	if got := taken.overlap(intervals{{1, 4}}); got != 2 {
		t.Errorf("the overlap is %d", got)
	}
}

// TestWhenAPodFinished is the table of pkg/controller/job/backoff_utils_test.go: TestGetFinishedTime, with sidecars, and the order in
// which the controller falls back on less exact times.
func TestWhenAPodFinished(t *testing.T) {
	second := trace.Instant(time.Second)
	ended := func(at trace.Instant) containerView {
		return containerView{present: true, terminated: true, finished: at * second}
	}
	runs := containerView{present: true, finished: trace.Never}
	table := []trace.Container{{Name: "proxy", Role: trace.RoleSidecar}, {Name: "warm", Role: trace.RoleInit}, {Name: "app", Role: trace.RoleMain}}
	for _, c := range []struct {
		name           string
		view           podView
		late, mainOnly trace.Instant // with and without the rule that sidecars count, in seconds
	}{
		{"all have ended", podView{containers: []containerView{ended(9), ended(2), ended(7)}}, 9, 7},
		{"the main ended last", podView{containers: []containerView{ended(5), ended(2), ended(7)}}, 7, 7},
		{"the sidecar runs", podView{containers: []containerView{runs, ended(2), ended(7)}, hasReady: true, readySince: 11 * second}, 11, 7},
		{"the main runs", podView{containers: []containerView{ended(9), ended(2), runs}, hasReady: true, readySince: 11 * second}, 9, 11},
		{"deleted while it is ready", podView{containers: []containerView{runs, ended(2), runs}, hasReady: true, ready: true, deleting: true}, 20, 20},
		{"nothing is known", podView{containers: make([]containerView, 3)}, 1, 1},
	} {
		for _, sidecars := range []bool{true, false} {
			r := &jobRun{trace: &trace.Trace{Containers: table}, gate: &gates.JobController{SidecarsEndLast: sidecars}}
			view := c.view
			p := &jobPod{run: r, machine: &machine{}, view: &view, created: second, deleteAt: 20 * second}
			want := c.late
			if !sidecars {
				want = c.mainOnly
			}
			if got := r.finishedAt(p); got != want*second {
				t.Errorf("%s, sidecars count: %t: finished at %v, want %ds", c.name, sidecars, trace.Seconds(got), want)
			}
		}
	}
}

// TestExitCodesOfSidecarsMatch: a rule that names no container looks at the mains by name, then at all init containers.
func TestExitCodesOfSidecarsMatch(t *testing.T) {
	table := []trace.Container{{Name: "proxy", Role: trace.RoleSidecar}, {Name: "b", Role: trace.RoleMain}, {Name: "a", Role: trace.RoleMain}}
	r := &jobRun{trace: &trace.Trace{Containers: table}, statusOrder: listStatuses(table)}
	exited := func(code int32) containerView { return containerView{present: true, terminated: true, exitCode: code} }
	p := &jobPod{view: &podView{containers: []containerView{exited(137), exited(1), exited(1)}}}
	for _, c := range []struct {
		rule ExitCodeMatch
		want int
	}{
		{ExitCodeMatch{Values: []int32{1}}, 2}, // a comes before b
		{ExitCodeMatch{Values: []int32{137}}, 0},
		{ExitCodeMatch{Values: []int32{137}, Container: "a"}, -1},
		{ExitCodeMatch{Values: []int32{1}, NotIn: true}, 0},
		{ExitCodeMatch{Values: []int32{1, 137}, NotIn: true}, -1},
	} {
		if got := r.matchExitCodes(p, &c.rule); got != c.want {
			t.Errorf("%+v matches container %d, want %d", c.rule, got, c.want)
		}
	}
}

// TestNodeOfAJob stops the kubelet of a Job's node: a Pod that runs goes on, one that is made meanwhile waits for the next kubelet, and one
// that is made behind it finds that.
func TestNodeOfAJob(t *testing.T) {
	s := jobScenario(Job{Completions: number(3), Parallelism: number(1)}, RestartNever, Process{For: 10 * time.Second})
	s.Steps = []Step{{Name: "restart", At: 8 * time.Second, RestartKubelet: &RestartKubelet{Down: 20 * time.Second}}}
	got := runTheJob(t, "1.37", s, DefaultConfig())
	if status := lastStatus(t, got); status.Succeeded != 3 {
		t.Fatalf("%d Pods succeeded, want 3", status.Succeeded)
	}
	runs := instants(got, trace.Running)
	if len(runs) != 6 || runs[2] < 28*time.Second {
		t.Errorf("containers run from %v on, want the second Pod's from the next kubelet's start at 28s on", runs)
	}
	started := instants(got, trace.KubeletStarted)
	if len(started) != 1 || started[0] != 28*time.Second {
		t.Errorf("kubelets start at %v, want one at 28s", started)
	}
	s.Steps[0] = Step{Name: "crash", At: 8 * time.Second, RebootNode: &RebootNode{Down: 20 * time.Second}}
	got = runTheJob(t, "1.37", s, DefaultConfig())
	if status := lastStatus(t, got); status.Succeeded != 3 || status.Failed != 1 {
		t.Errorf("%d Pods succeeded and %d failed, want 3 and the one that was lost with its node", status.Succeeded, status.Failed)
	}
}
