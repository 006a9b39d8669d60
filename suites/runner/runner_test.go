package runner

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

func builtin(t *testing.T, names ...string) []fixtures.Item {
	t.Helper()
	items, err := fixtures.Builtin()
	if err == nil {
		items, err = Select(items, names, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func targets(t *testing.T, list string) []gates.Target {
	t.Helper()
	all, err := gates.ParseTargets(list)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPlan(t *testing.T) {
	cases := Plan(builtin(t, "reverse-stop-order", "mixed-nodes", "plain-init-chain"), targets(t, "1.29,1.29/{1.29,1.28},1.29"))
	applicable := map[string][]string{}
	for _, c := range cases {
		if c.NotApplicable == "" {
			applicable[c.Target.String()] = append(applicable[c.Target.String()], c.Item.Name)
		}
	}
	if len(cases) != 9 {
		t.Errorf("%d cases, want three for each of three targets", len(cases))
	}
	for target, want := range map[string][]string{
		"1.29.15": {"plain-init-chain", "reverse-stop-order"}, "1.29.15/1.28.15": {"plain-init-chain", "mixed-nodes"},
	} {
		if got := applicable[target]; !slices.Equal(got, want) {
			t.Errorf("on %s: %v, want %v", target, got, want)
		}
	}
}

func TestSelect(t *testing.T) {
	items := builtin(t)
	core, err := Select(items, nil, fixtures.ProfileCore)
	if err != nil || len(core) != 30 {
		t.Errorf("%d core scenarios, %v", len(core), err)
	}
	some, err := Select(items, []string{"skew", "gating/slow-probe-grid", "slow-probe-grid"}, "")
	if err != nil || len(some) != 11 || some[0].Name != "slow-probe-grid" {
		t.Errorf("%d scenarios, %v", len(some), err)
	}
	if _, err := Select(items, []string{"nothing", "skew", "nowhere"}, ""); err == nil || !strings.Contains(err.Error(), `"nothing", "nowhere"`) {
		t.Errorf("unknown names give %v", err)
	}
}

// TestSimulate runs all scenarios on all targets that the matrix and the scenarios name: what is expected holds.
func TestSimulate(t *testing.T) {
	items := builtin(t)
	c := DefaultConfig(items, NamedTargets(items))
	ended := 0
	c.Progress = func(p Progress) { ended++ }
	r, err := Simulate(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	counts := r.Count("", "")
	if counts[report.Conforms] < 700 || counts[report.Conforms]+counts[report.NotApplicable] != counts.All() {
		t.Errorf("%v", counts)
	}
	for i := range r.Outcomes {
		if o := &r.Outcomes[i]; o.Result() == report.Diverges {
			t.Errorf("%s on %s: %s", o.Scenario, o.Target, o.Reason)
		}
	}
	if ended != counts[report.Conforms] {
		t.Errorf("%d cases were told of, %d were judged", ended, counts[report.Conforms])
	}
}

// TestSimulateDiverges breaks an expectation, and takes all of them away.
func TestSimulateDiverges(t *testing.T) {
	items := builtin(t, "reverse-stop-order")
	broken := slices.Clone(items[0].Expect)
	broken[0].Before = []fixtures.Selector{broken[0].Before[1], broken[0].Before[0]}
	items[0].Expect = broken
	c := DefaultConfig(items, targets(t, "1.29"))
	c.Again = func(scenario, target string) string { return "again " + scenario + " " + target }
	r, err := Simulate(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if o := r.Outcomes[0]; o.Result() != report.Diverges || o.Explanation == "" || o.Reproduce != "again termination/reverse-stop-order 1.29.15" || r.Ending(false) != report.Found {
		t.Errorf("%+v", o)
	}
	items[0].Expect = nil
	if r, err = Simulate(t.Context(), c); err != nil || r.Outcomes[0].Result() != report.NotApplicable || r.Ending(false) != report.NotProven {
		t.Errorf("without expectations: %+v, %v", r, err)
	}
}

// example are the recordings that the examples of the program use.
func example(t *testing.T) Recordings {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	from, err := FromFiles(root, []string{"cmd/sidecar-conformance/testdata/examples/recordings.jsonl.zst"})
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// TestJudge judges a recording, says what is not recorded, and takes a recording without a scenario if it is asked to.
func TestJudge(t *testing.T) {
	from := example(t)
	all, err := from.All()
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig(builtin(t, "deleted-app-that-exits-zero", "slow-probe-grid", "start-error-is-retried", "locked-gates"), all)
	r, err := Judge(t.Context(), c, from)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]report.Result{
		"status/deleted-app-that-exits-zero": report.Conforms, "gating/slow-probe-grid": report.Skipped, "start/start-error-is-retried": report.Skipped,
		"skew/locked-gates": report.NotApplicable,
	} {
		if o := r.Outcome(name, "1.29.15"); o == nil || o.Result() != want {
			t.Errorf("%s: %+v, want %v", name, o, want)
		}
	}
	if o := r.Outcome("gating/slow-probe-grid", "1.29.15"); o.Skipped != "not recorded" {
		t.Errorf("%q", o.Skipped)
	}
	if o := r.Outcome("start/start-error-is-retried", "1.29.15"); !strings.Contains(o.Skipped, "live: none") {
		t.Errorf("%q", o.Skipped)
	}
	if m := r.Targets[0].Measured; len(m) != 1 || m[0].Kubelet != "v1.29.15" || len(m[0].Gates) == 0 {
		t.Errorf("measured: %+v", m)
	}
	c.Items = builtin(t, "slow-probe-grid")
	if r, err = Judge(t.Context(), c, from); err != nil || len(r.Outcomes) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	c.Unlisted = true
	if r, err = Judge(t.Context(), c, from); err != nil || len(r.Outcomes) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// doctored is the example with the app's exit changed.
func doctored(t *testing.T) Recordings {
	t.Helper()
	from := example(t)
	for r, err := range from.Of("1.29.15") {
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Observation.Seen {
			if e := &r.Observation.Seen[i].Event; e.Kind == trace.Exited {
				e.ExitCode++
			}
		}
	}
	return from
}

// TestKnown suppresses a known divergence, and finds one that is not one any more.
func TestKnown(t *testing.T) {
	c := DefaultConfig(builtin(t, "deleted-app-that-exits-zero"), targets(t, "1.29"))
	for _, one := range []struct {
		name  string
		from  Recordings
		known bool
		want  report.Result
		end   report.Ending
	}{
		{"diverges", doctored(t), false, report.Diverges, report.Found},
		{"known", doctored(t), true, report.Suppressed, report.Clean},
		{"stale", example(t), true, report.Stale, report.Found},
	} {
		c.Known = nil
		if one.known {
			c.Known = []recorded.Known{{Scenario: "status/deleted-app-that-exits-zero", Target: "1.29.15", Reason: "it is doctored", Evidence: "this test"}}
		}
		r, err := Judge(t.Context(), c, one.from)
		if err != nil {
			t.Fatal(err)
		}
		if o := r.Outcomes[0]; o.Result() != one.want || r.Ending(false) != one.end {
			t.Errorf("%s: %v, %v: %s", one.name, o.Result(), r.Ending(false), o.Why())
		}
	}
}

// TestJudgeOracle judges both recordings of a case as one.
func TestJudgeOracle(t *testing.T) {
	r, err := JudgeOracle(t.Context(), DefaultConfig(builtin(t, "reverse-stop-order", "static-pod-keeps-the-field"), targets(t, "1.29,1.37")))
	if err != nil {
		t.Fatal(err)
	}
	if o := r.Outcome("termination/reverse-stop-order", "1.37.2"); o.Result() != report.Conforms || !strings.HasPrefix(o.Reason, "2 of 2 recordings") {
		t.Errorf("%+v", o)
	}
	if o := r.Outcome("skew/static-pod-keeps-the-field", "1.29.15"); o.Result() != report.Skipped {
		t.Errorf("%+v", o)
	}
	if len(r.Outcomes) != 4 || len(OracleTargets()) != 10 {
		t.Errorf("%d outcomes, %d targets", len(r.Outcomes), len(OracleTargets()))
	}
}

// TestInterrupted gives every case an outcome after the context has ended; none conforms.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	items := builtin(t)
	c := DefaultConfig(items, MatrixTargets())
	var once sync.Once
	c.Progress = func(p Progress) { once.Do(cancel) }
	r, err := Simulate(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	counts := r.Count("", "")
	if counts.All() != len(items)*len(Expand(c.Targets)) || counts[report.Skipped] == 0 {
		t.Errorf("%v", counts)
	}
	cancel()
	if r, err = Judge(ctx, DefaultConfig(builtin(t, "deleted-app-that-exits-zero"), targets(t, "1.29")), example(t)); err != nil || r.Outcomes[0].Skipped != interrupted {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestMerge takes the worst of several judgements.
func TestMerge(t *testing.T) {
	of := func(verdicts ...judge.Verdict) report.Outcome {
		var list []*judged
		for _, v := range verdicts {
			list = append(list, &judged{finding: finding{verdict: v, reason: "r"}, took: 1})
		}
		return merge(report.Outcome{}, list)
	}
	if o := of(judge.Conforms, judge.Inconclusive, judge.Diverges, judge.Unknown); o.Verdict != judge.Diverges || o.Reason != "1 of 4 recordings: r" || o.Took != 4 {
		t.Errorf("%+v", o)
	}
	if o := of(judge.Conforms); o.Reason != "r" {
		t.Errorf("%+v", o)
	}
}
