package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

const checkedManifests = `apiVersion: batch/v1
kind: Job
metadata: {name: report}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: app, image: example.org/report:1}
      - name: proxy
        image: docker.io/istio/proxyv2:1.20.0
        args: [proxy, sidecar]
---
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  initContainers:
  - name: proxy
    image: example.org/proxy:1
    restartPolicy: Always
    readinessProbe: {httpGet: {port: 15021}}
  - name: migrate
    image: example.org/app:1
    env: [{name: PROXY, value: "http://localhost:15021"}]
    startupProbe: {httpGet: {port: 1}}
  containers:
  - {name: app, image: example.org/app:1}
`

// checked is a report with what it is made of.
type checked struct {
	report.Checks
	objects [][]report.Checked
}

// add makes the report.
func (c *checked) add(t *testing.T) {
	t.Helper()
	for _, object := range c.objects {
		if err := c.Add(object); err != nil {
			t.Fatal(err)
		}
	}
}

// checks is a report of two objects on two targets, with one check suppressed.
func checks(t *testing.T) *checked {
	t.Helper()
	loaded, err := fixtures.Load(fstest.MapFS{"dir/a b.yaml": {Data: []byte(checkedManifests)}}, []string{"dir/a b.yaml"}, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &checked{Checks: report.Checks{
		Tool: "sidecar-conformance v0.1.0", Reproduce: "sidecar-conformance check --filename 'dir/a b.yaml'", FailOn: rules.Error,
		Notes: []string{"the suppression of GAT001 for */*/* suppresses nothing; take it out"},
	}}
	for _, rule := range rules.All() {
		if rule.Group == rules.ORD || rule.ID == "GAT004" || rule.ID == "JOB001" || rule.ID == "TRM003" || rule.ID == "RST004" || rule.ID == "STA003" {
			r.Rules = append(r.Rules, rule)
		}
	}
	policy := rules.DefaultPolicy()
	for i := range loaded.Items {
		var object []report.Checked
		for _, name := range []string{"1.28", "1.37"} {
			parsed, err := gates.ParseTargets(name)
			if err != nil {
				t.Fatal(err)
			}
			target, err := rules.NewTarget(parsed[0])
			if err != nil {
				t.Fatal(err)
			}
			outcomes, err := rules.Judge(loaded.Items[i].Subject(nil), &target, &policy, r.Rules)
			if err != nil {
				t.Fatal(err)
			}
			object = append(object, report.NewChecked(&loaded.Items[i], target.Target.String(), outcomes, func(check string) string {
				if check == "ORD001" {
					return "it is known | and accepted"
				}
				return ""
			}))
			if i == 0 {
				r.Targets = append(r.Targets, target.Target.String())
			}
		}
		r.objects = append(r.objects, object)
	}
	return r
}

func render(t *testing.T, r *checked, f report.CheckFormat, o report.CheckTextOptions) string {
	t.Helper()
	fresh := *r
	var b bytes.Buffer
	if err := fresh.To(&b, f, o); err != nil {
		t.Fatal(err)
	}
	fresh.add(t)
	if err := fresh.End(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestChecksGolden keeps all renderings. Read every changed line.
func TestChecksGolden(t *testing.T) {
	r := checks(t)
	for _, f := range report.CheckFormats() {
		golden.Want(t, *rewrite, "checks."+string(f), render(t, r, f, report.CheckTextOptions{}))
		empty := checked{Checks: report.Checks{Rules: r.Rules[:1]}}
		if text := render(t, &empty, f, report.CheckTextOptions{}); f != report.CheckText && text == "" {
			t.Errorf("an empty report as %s is empty", f)
		}
	}
	golden.Want(t, *rewrite, "checks.all.text", render(t, r, report.CheckText, report.CheckTextOptions{Width: 60, All: true}))
}

// TestChecksText wants no line to leave the width, but for words that are longer.
func TestChecksText(t *testing.T) {
	r := checks(t)
	for _, width := range []int{40, 80, 120} {
		for line := range strings.Lines(render(t, r, report.CheckText, report.CheckTextOptions{Width: width, All: true})) {
			line = strings.TrimRight(line, "\n")
			words := strings.Fields(line)
			if len([]rune(line)) > max(width, 70) && len(words) > 1 && !strings.HasPrefix(line, "Job/") && !strings.HasPrefix(line, "Pod/") && !strings.HasPrefix(line, "explain") {
				t.Errorf("width %d: %q has %d", width, line, len([]rune(line)))
			}
			if line != strings.TrimRight(line, " ") {
				t.Errorf("width %d: blanks at the end of %q", width, line)
			}
		}
	}
	if plain, coloured := render(t, r, report.CheckText, report.CheckTextOptions{}), render(t, r, report.CheckText, report.CheckTextOptions{Color: true}); plain == coloured || strings.Contains(plain, "\x1b") {
		t.Error("colours are where none were asked for, or the other way round")
	}
}

// TestChecksCount wants counts, conformance and the worst finding to follow from the results.
func TestChecksCount(t *testing.T) {
	r := checks(t)
	r.add(t)
	sum := 0
	for _, core := range []bool{true, false} {
		counts := r.Count(core)
		sum += counts.Suppressed
		for _, n := range counts.Verdicts {
			sum += n
		}
	}
	if want := 2 * len(r.objects) * len(r.Rules); sum != want {
		t.Errorf("%d results are counted, want %d", sum, want)
	}
	if word, _ := r.Conformance(); word != "non-conformant" {
		t.Errorf("a report with failures is %s", word)
	}
	if worst, any := r.Worst(); !any || worst != rules.Error {
		t.Errorf("the worst finding is %s, %t", worst, any)
	}
	for _, c := range []struct {
		result  report.CheckResult
		partial bool
		want    string
	}{
		{report.CheckResult{Verdict: rules.Pass}, false, "conformant"},
		{report.CheckResult{Verdict: rules.Pass}, true, "partial"},
		{report.CheckResult{Verdict: rules.Pass, Suppressed: true}, false, "partial"},
		{report.CheckResult{Verdict: rules.Unknown}, false, "partial"},
		{report.CheckResult{Verdict: rules.Warn}, false, "conformant"},
		{report.CheckResult{Verdict: rules.Fail}, false, "non-conformant"},
	} {
		one := report.Checks{Rules: r.Rules[:1], Partial: c.partial}
		if err := one.Add([]report.Checked{{Results: []report.CheckResult{c.result}}}); err != nil {
			t.Fatal(err)
		}
		if word, why := one.Conformance(); word != c.want {
			t.Errorf("%+v is %s (%s), want %s", c.result, word, why, c.want)
		}
	}
}

// TestSARIF holds the log against what SARIF 2.1.0 requires, and each result against the line that it opens at.
func TestSARIF(t *testing.T) {
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID                                string
						Name                              string
						ShortDescription, FullDescription struct{ Text string }
						Help                              struct{ Text, Markdown string }
						DefaultConfiguration              struct{ Level string }
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Kind      string
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
					LogicalLocations []struct{ FullyQualifiedName string }
				}
				PartialFingerprints map[string]string
				Suppressions        []struct{ Kind, Justification string }
				Properties          struct{ Targets []string }
			}
		}
	}
	r := checks(t)
	decoder := json.NewDecoder(strings.NewReader(render(t, r, report.CheckSARIF, report.CheckTextOptions{})))
	if err := decoder.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-schema-2.1.0.json") || len(log.Runs) != 1 {
		t.Fatalf("version %q, schema %q, %d runs", log.Version, log.Schema, len(log.Runs))
	}
	run := log.Runs[0]
	levels := map[string]bool{"none": true, "note": true, "warning": true, "error": true}
	if run.Tool.Driver.Name == "" || len(run.Tool.Driver.Rules) != len(r.Rules) {
		t.Errorf("the driver is %+v", run.Tool.Driver)
	}
	for _, rule := range run.Tool.Driver.Rules {
		if rule.ID == "" || strings.Contains(rule.Name, " ") || rule.Name == "" || rule.ShortDescription.Text == "" || rule.FullDescription.Text == "" || rule.Help.Text == "" || !levels[rule.DefaultConfiguration.Level] {
			t.Errorf("the rule %s is not complete: %+v", rule.ID, rule)
		}
	}
	lines := strings.Split(checkedManifests, "\n")
	opens := map[string]string{ // what the line holds, by the last step of the field
		"restartPolicy": "restartPolicy:", "startupProbe": "startupProbe:", "containers[1]": "- name: proxy", "initContainers[0]": "- name: proxy",
		"initContainers[1]": "- name: migrate", "image": "image:", "annotations": "spec:", "template": "spec:",
	}
	suppressed, prints := 0, map[string]bool{}
	for _, one := range run.Results {
		if one.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[one.RuleIndex].ID != one.RuleID || one.Kind != "fail" || !levels[one.Level] || one.Message.Text == "" ||
			len(one.Locations) != 1 || len(one.Properties.Targets) == 0 {
			t.Errorf("the result is not complete: %+v", one)
			continue
		}
		at := one.Locations[0]
		if at.PhysicalLocation.ArtifactLocation.URI != "dir/a%20b.yaml" || at.PhysicalLocation.Region.StartLine < 1 || at.PhysicalLocation.Region.StartColumn < 1 {
			t.Errorf("%s is at %+v", one.RuleID, at.PhysicalLocation)
		}
		field := at.LogicalLocations[0].FullyQualifiedName
		want := opens[field[strings.LastIndexByte(field, '.')+1:]]
		if line := lines[at.PhysicalLocation.Region.StartLine-1]; want == "" || !strings.Contains(line, want) {
			t.Errorf("%s about %s opens at %q, want %q", one.RuleID, field, line, want)
		}
		for _, s := range one.Suppressions {
			if suppressed++; s.Kind != "external" || s.Justification == "" {
				t.Errorf("%s is suppressed by %+v", one.RuleID, s)
			}
		}
		for _, print := range one.PartialFingerprints {
			prints[print+one.Message.Text] = true
		}
	}
	if len(run.Results) < 4 || suppressed == 0 || len(prints) != len(run.Results) {
		t.Errorf("%d results, %d suppressed, %d fingerprints", len(run.Results), suppressed, len(prints))
	}
}

// TestChecksJUnit wants the numbers of JUnit to be those of its elements, and its failures to be the findings that count.
func TestChecksJUnit(t *testing.T) {
	type suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Failure *struct{} `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	}
	var all struct {
		suite
		Suites []suite `xml:"testsuite"`
	}
	r := checks(t)
	for failOn, want := range map[rules.Severity]int{rules.Error: 3, rules.Warning: 3} {
		r.FailOn = failOn
		decoder := xml.NewDecoder(strings.NewReader(render(t, r, report.CheckJUnit, report.CheckTextOptions{})))
		all.Suites = nil
		if err := decoder.Decode(&all); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		tests, failures, skipped := 0, 0, 0
		for _, s := range all.Suites {
			for _, c := range s.Cases {
				tests++
				if c.Failure != nil {
					failures++
				}
				if c.Skipped != nil {
					skipped++
				}
			}
			if s.Tests != len(s.Cases) {
				t.Errorf("a suite says %d tests and has %d", s.Tests, len(s.Cases))
			}
		}
		if tests != all.Tests || failures != all.Failures || skipped != all.Skipped || failures < want {
			t.Errorf("%d tests, %d failures, %d skipped; it says %d, %d, %d", tests, failures, skipped, all.Tests, all.Failures, all.Skipped)
		}
	}
}
