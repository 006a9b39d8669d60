package report_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// example is a report with an outcome of each kind, in no order.
func example() *report.Report {
	one := func(scenario, target string, profile fixtures.Profile, change func(*report.Outcome)) report.Outcome {
		family, _, _ := strings.Cut(scenario, "/")
		o := report.Outcome{
			Scenario: scenario, Target: target, Title: "A sidecar does what a sidecar does", Profile: profile, Labels: map[string]string{"family": family},
			Took: 1500 * time.Millisecond,
		}
		change(&o)
		return o
	}
	const on, old = "1.29.15", "1.28.15+SidecarContainers"
	return &report.Report{
		Source: report.Kind, Tool: "sidecar-conformance v0.1.0", Date: "2026-11-02T15:04:05Z", Reproduce: "sidecar-conformance verify --against kind --target 1.29",
		Targets: []report.Target{
			{Name: old},
			{Name: on, Measured: []report.Measured{{
				APIServer: "v1.29.15", Kubelet: "v1.29.15", Runtime: "containerd://1.7.1", NodeImage: "kindest/node:v1.29.15",
				Gates: []string{"apiserver SidecarContainers=true", "kubelet SidecarContainers=true"},
			}}},
			{Name: on, Measured: []report.Measured{{APIServer: "v1.29.15", Kubelet: "v1.29.15", Runtime: "containerd://2.0.0"}}},
		},
		Outcomes: []report.Outcome{
			one("termination/reverse-stop-order", on, fixtures.ProfileCore, func(o *report.Outcome) {
				o.Verdict, o.Reason, o.Stage = judge.Diverges, "proxy exited before app", "order"
				o.Explanation = "diverges in stage order after 3 runs of the simulator: proxy exited before app\n    predicted | observed\n  > 1.000s app exited 0 | 2.000s app exited 0\n"
				o.Reproduce = "sidecar-conformance verify termination/reverse-stop-order --target 1.29.15"
				o.Differs = "the recording that is built in conforms"
			}),
			one("start/plain-init-chain", on, fixtures.ProfileCore, func(o *report.Outcome) { o.Reason = "agrees" }),
			one("start/plain-init-chain", old, fixtures.ProfileCore, func(o *report.Outcome) { o.Reason = "agrees" }),
			one("start/mesh-proxy-native", on, fixtures.ProfileExtended, func(o *report.Outcome) {
				o.Verdict, o.Reason, o.Stage = judge.Inconclusive, "the node was 4s late | more than 3s", "assumptions"
			}),
			one("start/mesh-proxy-native", old, fixtures.ProfileExtended, func(o *report.Outcome) { o.Verdict, o.Reason = judge.Unknown, "spec.hostUsers: it is not simulated" }),
			one("skew/locked-gates", old, fixtures.ProfileExtended, func(o *report.Outcome) {
				o.Verdict, o.Reason, o.Took = judge.NotApplicable, "the scenario does not speak of the target", 0
			}),
			one("skew/locked-gates", on, fixtures.ProfileExtended, func(o *report.Outcome) {
				o.Verdict, o.Reason, o.Took = judge.NotApplicable, "the scenario does not speak of the target", 0
			}),
			one("backoff/ten-minutes-forget", on, fixtures.ProfileExtended, func(o *report.Outcome) {
				o.Skipped, o.Took = "a cluster cannot play it: the scenario says live: none", 0
			}),
			one("gating/readiness-is-no-gate", on, fixtures.ProfileCore, func(o *report.Outcome) {
				o.Verdict, o.Reason, o.Stage, o.Known = judge.Diverges, "a version of the status is missing", "status", "the API server drops it (kubernetes issue 1)"
			}),
			one("gating/post-start-fails", on, fixtures.ProfileExtended, func(o *report.Outcome) { o.Known = "it did not conform (kubernetes issue 2)" }),
			one("other-name", on, fixtures.ProfileExtended, func(o *report.Outcome) { o.Reason, o.Title, o.Labels = "agrees", "", nil }),
		},
	}
}

// TestGolden shows the renderings.
func TestGolden(t *testing.T) {
	for _, f := range report.Formats() {
		t.Run(string(f), func(t *testing.T) {
			r := example()
			r.Sort()
			golden.Want(t, *rewrite, "example."+string(f), write(t, r, f))
			golden.Want(t, *rewrite, "empty."+string(f), write(t, &report.Report{Source: report.Sim}, f))
		})
	}
}

func write(t *testing.T, r *report.Report, f report.Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSort gives the same bytes for any order of the outcomes.
func TestSort(t *testing.T) {
	r, other := example(), example()
	slices.Reverse(other.Outcomes)
	r.Sort()
	other.Sort()
	if a, b := write(t, r, report.JSON), write(t, other, report.JSON); a != b {
		t.Error("the order of the outcomes shows")
	}
	if len(r.Targets) != 2 || len(r.Targets[1].Measured) != 2 {
		t.Errorf("targets are %+v", r.Targets)
	}
}

func TestJSONRoundTrips(t *testing.T) {
	r := example()
	r.Sort()
	text := write(t, r, report.JSON)
	again, err := report.ReadJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, again); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"ConformanceReport"`, `"Report"`, "kind"},
		{`dev/v1alpha1"`, `dev/v1beta1"`, "apiVersion"},
		{`"verdict": "diverges"`, `"verdict": "fails"`, `"fails" is no verdict`},
		{`"result": "suppressed"`, `"result": "conforms"`, "from the other fields follows"},
		{`"source": "kind"`, `"source": "hearsay"`, `"hearsay" is no source`},
		{`"tool"`, `"tule"`, "unknown field"},
	} {
		broken := strings.ReplaceAll(text, c.old, c.new)
		if _, err := report.ReadJSON(strings.NewReader(broken)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s gives %v", c.new, c.old, err)
		}
	}
}

// TestCounts wants every outcome to be counted once, and core and extended apart.
func TestCounts(t *testing.T) {
	r := example()
	r.Sort()
	all := r.Count("", "")
	if all.All() != len(r.Outcomes) {
		t.Errorf("%d of %d are counted", all.All(), len(r.Outcomes))
	}
	for result, n := range all {
		if n == 0 {
			t.Errorf("the example has no outcome that is %v", report.Result(result))
		}
	}
	core, extended := r.Count("1.29.15", fixtures.ProfileCore), r.Count("1.29.15", fixtures.ProfileExtended)
	if core[report.Diverges] != 1 || core[report.Suppressed] != 1 || core[report.Conforms] != 1 || extended[report.Conforms] != 1 || extended[report.Skipped] != 1 {
		t.Errorf("core %v, extended %v", core, extended)
	}
}

// TestEnding holds the rule of the exit status.
func TestEnding(t *testing.T) {
	of := func(verdicts ...judge.Verdict) *report.Report {
		r := &report.Report{}
		for i, v := range verdicts {
			r.Outcomes = append(r.Outcomes, report.Outcome{Scenario: fmt.Sprint("a/", i), Verdict: v})
		}
		return r
	}
	known := of(judge.Conforms, judge.Diverges)
	known.Outcomes[1].Known = "it is"
	stale := of(judge.Conforms)
	stale.Outcomes[0].Known = "it was"
	skipped := of(judge.Conforms)
	skipped.Outcomes[0].Skipped = "not recorded"
	for _, c := range []struct {
		name         string
		report       *report.Report
		want, strict report.Ending
	}{
		{"all conform", of(judge.Conforms, judge.NotApplicable), report.Clean, report.Clean},
		{"one diverges", of(judge.Conforms, judge.Diverges, judge.Inconclusive, judge.Unknown), report.Found, report.Found},
		{"one is inconclusive", of(judge.Conforms, judge.Inconclusive, judge.Unknown), report.NotProven, report.NotProven},
		{"one is unknown", of(judge.Conforms, judge.Unknown), report.Clean, report.OnlyUnknown},
		{"a known divergence", known, report.Clean, report.Clean},
		{"a stale entry", stale, report.Found, report.Found},
		{"nothing was judged", skipped, report.NotProven, report.NotProven},
		{"nothing applies", of(judge.NotApplicable), report.NotProven, report.NotProven},
		{"nothing", of(), report.NotProven, report.NotProven},
	} {
		if got, strict := c.report.Ending(false), c.report.Ending(true); got != c.want || strict != c.strict {
			t.Errorf("%s: %v, %v under strict", c.name, got, strict)
		}
	}
}

// TestTextFits wants the table of nine targets with all scenarios to fit a terminal.
func TestTextFits(t *testing.T) {
	items, err := fixtures.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	r := &report.Report{Source: report.Recordings}
	for _, item := range items {
		for target := range 9 {
			r.Outcomes = append(r.Outcomes, report.Outcome{Scenario: item.FullName(), Target: fmt.Sprintf("1.%d.1", 29+target), Profile: item.Profile})
		}
	}
	r.Sort()
	rows := 0
	for line := range strings.Lines(write(t, r, report.Text)) {
		rows++
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if rows < len(items) {
		t.Errorf("%d lines for %d scenarios", rows, len(items))
	}
}

// TestJUnit reads the XML back: what diverges fails, what is not known is an error, the rest is skipped.
func TestJUnit(t *testing.T) {
	r := example()
	r.Sort()
	kinds := map[string]int{}
	decoder := xml.NewDecoder(strings.NewReader(write(t, r, report.JUnit)))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			kinds[start.Name.Local]++
		}
	}
	if kinds["testsuite"] != 2 || kinds["testcase"] != len(r.Outcomes) || kinds["failure"] != 2 || kinds["error"] != 2 || kinds["skipped"] != 4 {
		t.Errorf("%v", kinds)
	}
}
