package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Checks is what came of holding objects against the checks of the catalogue.
type Checks struct {
	// Tool is the program with its version, Reproduce the command line that makes this report.
	Tool, Reproduce string
	// Targets are the names of all targets, in the order in which they were given.
	Targets []string
	// Rules are the checks that were asked for. Partial says that the user left checks of the core out.
	Rules   []*rules.Rule
	Partial bool
	// FailOn is the least severity that counts as a failure where a format knows failures.
	FailOn  rules.Severity
	Objects []Checked
	// Notes are lines about the run as a whole: suppressions that have expired or were of no use.
	Notes []string
}

// Checked is one object on one target.
type Checked struct {
	// Object is kind, namespace and name, joined by slashes.
	Object string
	File   string
	Line   int
	Target string
	// Assumed says what the input left open.
	Assumed []string
	// Results are beside Checks.Rules.
	Results  []CheckResult
	Findings []CheckFinding
}

// CheckResult is what one check says of one object on one target.
type CheckResult struct {
	Verdict rules.Verdict
	Reason  string
	// Suppressed says that all findings of it are.
	Suppressed bool
	// Answers are those of the engines.
	Answers []CheckAnswer
}

// CheckAnswer is what one engine says.
type CheckAnswer struct {
	Engine  rules.Engine
	Verdict rules.Verdict
	Reason  string
}

// CheckFinding is a finding at its place.
type CheckFinding struct {
	// Rule is the position in Checks.Rules.
	Rule     int
	Verdict  rules.Verdict
	Severity rules.Severity
	Engine   rules.Engine
	Node     string
	At       fixtures.Position
	Message  string
	// Explanation and Remedy may be empty.
	Explanation, Remedy string
	// Events are lines of the run that proves it: instant, container, what happened.
	Events []CheckEvent
	// Suppressed is the reason why it does not count, empty where it does.
	Suppressed string
}

// CheckEvent is one event of a run that proves a finding.
type CheckEvent struct {
	// Event is its position in the run's list of events.
	Event int32
	Text  string
}

// NewChecked turns the outcomes of an item into what reports hold, with places. Suppress returns the reason why the findings of a check
// do not count, or nothing.
func NewChecked(item *fixtures.Item, target string, outcomes []rules.Outcome, suppress func(check string) string) Checked {
	c := Checked{Object: item.ObjectName(), File: item.File, Line: item.Line, Target: target, Results: make([]CheckResult, len(outcomes))}
	for i := range outcomes {
		o := &outcomes[i]
		r := &c.Results[i]
		r.Verdict, r.Reason = o.Verdict, o.Reason
		for engine, answer := range o.Answers {
			if answer.Asked {
				r.Answers = append(r.Answers, CheckAnswer{rules.Engine(engine), answer.Verdict, answer.Reason})
			}
		}
		if len(o.Findings) == 0 {
			continue
		}
		reason := suppress(o.Rule.ID)
		r.Suppressed = reason != ""
		for j := range o.Findings {
			f := newFinding(item, &o.Findings[j])
			f.Rule, f.Suppressed = i, reason
			c.Findings = append(c.Findings, f)
		}
	}
	return c
}

func newFinding(item *fixtures.Item, f *rules.Finding) CheckFinding {
	found := CheckFinding{Verdict: f.Verdict, Severity: f.Severity, Engine: f.Engine, Node: f.Node, At: item.Locate(f.At), Message: f.Message, Explanation: f.Explanation, Remedy: f.Remedy}
	for _, event := range f.Events {
		e := &f.Trace.Events[event]
		who := "pod"
		switch {
		case e.Kind.OfJob():
			who = "job"
		case e.Container != trace.NoContainer:
			who = f.Trace.Containers[e.Container].Name
		}
		found.Events = append(found.Events, CheckEvent{event, trace.Seconds(e.At) + " " + who + " " + e.Words()})
	}
	return found
}

// CheckCounts counts the results of checks: by verdict, and those that are suppressed apart.
type CheckCounts struct {
	Verdicts   [5]int
	Suppressed int
}

// add counts a result.
func (c *CheckCounts) add(r *CheckResult) {
	if r.Suppressed {
		c.Suppressed++
		return
	}
	c.Verdicts[r.Verdict]++
}

// Count counts the results of the core or of the extended checks.
func (c *Checks) Count(core bool) CheckCounts {
	var counts CheckCounts
	for i := range c.Objects {
		for j := range c.Objects[i].Results {
			if c.Rules[j].Core == core {
				counts.add(&c.Objects[i].Results[j])
			}
		}
	}
	return counts
}

// Conformance is what the report comes to under the profile: conformant, partial or non-conformant, and why. A profile is
// conformant only with no failure and nothing unknown in its core, and no check of the core left out.
func (c *Checks) Conformance() (word, why string) {
	core := c.Count(true)
	switch {
	case core.Verdicts[rules.Fail] > 0:
		return "non-conformant", count(core.Verdicts[rules.Fail], "core check fails", "core checks fail")
	case core.Verdicts[rules.Unknown] > 0:
		return "partial", count(core.Verdicts[rules.Unknown], "core check is unknown", "core checks are unknown")
	case c.Partial:
		return "partial", "core checks were left out"
	case core.Suppressed > 0:
		return "partial", count(core.Suppressed, "core check is suppressed", "core checks are suppressed")
	}
	return "conformant", ""
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Worst returns the severity of the worst finding that counts, and whether there is one.
func (c *Checks) Worst() (worst rules.Severity, any bool) {
	for i := range c.Objects {
		for j := range c.Objects[i].Findings {
			if f := &c.Objects[i].Findings[j]; f.Suppressed == "" {
				worst, any = max(worst, f.Severity), true
			}
		}
	}
	return worst, any
}

// CheckFormat is a rendering of Checks.
type CheckFormat string

// The renderings.
const (
	CheckText     CheckFormat = "text"
	CheckJSON     CheckFormat = "json"
	CheckJUnit    CheckFormat = "junit"
	CheckSARIF    CheckFormat = "sarif"
	CheckMarkdown CheckFormat = "markdown"
)

// CheckFormats returns all renderings.
func CheckFormats() []CheckFormat {
	return []CheckFormat{CheckText, CheckJSON, CheckJUnit, CheckSARIF, CheckMarkdown}
}

// ParseCheckFormat reads the name of a rendering.
func ParseCheckFormat(text string) (CheckFormat, error) {
	if slices.Contains(CheckFormats(), CheckFormat(text)) {
		return CheckFormat(text), nil
	}
	return "", fmt.Errorf("format %q is not known; known are text, json, junit, sarif, markdown", text)
}

// CheckTextOptions say how text is written.
type CheckTextOptions struct {
	// Width is the number of columns; 0 means 80.
	Width int
	Color bool
	// All lists every check with its reason, and the notes.
	All bool
}

// Write writes the report in a format. The options are for text alone.
func (c *Checks) Write(w io.Writer, f CheckFormat, o CheckTextOptions) error {
	switch f {
	case CheckJSON:
		return c.writeJSON(w)
	case CheckJUnit:
		return c.writeJUnit(w)
	case CheckSARIF:
		return c.writeSARIF(w)
	case CheckMarkdown:
		return c.writeMarkdown(w)
	}
	return c.writeText(w, o)
}

// row is a finding of one object with the targets that it holds on. Of one check, findings that differ in nothing but the target are
// one row.
type row struct {
	*CheckFinding
	targets []string
}

// objects gathers what belongs to one object: its reports on all targets, which stand one behind the other.
func (c *Checks) objects() [][]Checked {
	var list [][]Checked
	for start := 0; start < len(c.Objects); {
		end := start + 1
		for end < len(c.Objects) && c.Objects[end].Object == c.Objects[start].Object && c.Objects[end].File == c.Objects[start].File && c.Objects[end].Line == c.Objects[start].Line {
			end++
		}
		list = append(list, c.Objects[start:end])
		start = end
	}
	return list
}

// rows gathers the findings of one object, the worst first.
func rows(object []Checked) []row {
	var list []row
	for i := range object {
		for j := range object[i].Findings {
			f := &object[i].Findings[j]
			same := slices.IndexFunc(list, func(r row) bool {
				return r.Rule == f.Rule && r.At == f.At && r.Message == f.Message && r.Severity == f.Severity && r.Node == f.Node && r.Remedy == f.Remedy
			})
			if same < 0 {
				list = append(list, row{CheckFinding: f})
				same = len(list) - 1
			}
			list[same].targets = append(list[same].targets, object[i].Target)
		}
	}
	slices.SortStableFunc(list, func(a, b row) int {
		if suppressed := boolOrder(a.Suppressed != "", b.Suppressed != ""); suppressed != 0 {
			return suppressed
		}
		if a.Severity != b.Severity {
			return int(b.Severity) - int(a.Severity)
		}
		return a.Rule - b.Rule
	})
	return list
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// on says on which targets a row holds, empty where that is all of them.
func (r *row) on(all int) string {
	if len(r.targets) == all {
		if r.Node != "" {
			return "on nodes " + r.Node
		}
		return ""
	}
	return "on " + strings.Join(r.targets, ", ")
}
