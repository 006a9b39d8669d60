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

// Checks is what comes of holding objects against the checks of the catalogue. It is written while it is made, so that it does not have to
// be held: fill its fields, name its writers with To, give it each object with Add, and end it with End.
type Checks struct {
	// Tool is the program with its version, Reproduce the command line that makes this report.
	Tool, Reproduce string
	// Targets are the names of all targets, in the order in which they were given.
	Targets []string
	// Rules are the checks that were asked for. Partial says that the user left checks of the core out.
	Rules   []*rules.Rule
	Partial bool
	// FailOn is the least severity that counts as a failure where a format knows failures.
	FailOn rules.Severity
	// Notes are lines about the run as a whole: suppressions that have expired or were of no use. They may come late, before End.
	Notes []string

	tally   checkTally
	writers []checkWriter
}

// checkTally is what is known of all objects so far.
type checkTally struct {
	objects        int
	core, extended CheckCounts
	// unknown counts for each check how often it was.
	unknown []int
	// worst are, by severity, the first checks with a finding that counts; nil where there is none.
	worst [rules.Error + 1]*rules.Rule
}

// checkWriter writes one rendering. What it can write at once it does; the rest comes at the end.
type checkWriter interface {
	object(object []Checked) error
	end() error
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

// Add takes what came of one object on all its targets.
func (c *Checks) Add(object []Checked) error {
	t := &c.tally
	t.objects++
	if t.unknown == nil {
		t.unknown = make([]int, len(c.Rules))
	}
	for i := range object {
		for j := range object[i].Results {
			r := &object[i].Results[j]
			counts := &t.extended
			if c.Rules[j].Core {
				counts = &t.core
			}
			counts.add(r)
			if r.Verdict == rules.Unknown {
				t.unknown[j]++
			}
		}
		for j := range object[i].Findings {
			if f := &object[i].Findings[j]; f.Suppressed == "" && t.worst[f.Severity] == nil {
				t.worst[f.Severity] = c.Rules[f.Rule]
			}
		}
	}
	for _, w := range c.writers {
		if err := w.object(object); err != nil {
			return err
		}
	}
	return nil
}

// End ends what is written.
func (c *Checks) End() error {
	for _, w := range c.writers {
		if err := w.end(); err != nil {
			return err
		}
	}
	return nil
}

// Count counts the results of the core or of the extended checks.
func (c *Checks) Count(core bool) CheckCounts {
	if core {
		return c.tally.core
	}
	return c.tally.extended
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
	for severity, rule := range c.tally.worst {
		if rule != nil {
			worst, any = rules.Severity(severity), true
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

// To begins a rendering of the report. The options are for text alone. Text, JSON and SARIF are written as the objects come. JUnit and
// Markdown have numbers in front of what is counted, and are written at the end.
func (c *Checks) To(w io.Writer, f CheckFormat, o CheckTextOptions) error {
	var one checkWriter
	var err error
	switch f {
	case CheckJSON:
		one, err = c.toJSON(w)
	case CheckJUnit:
		one = &checkJUnit{checks: c, out: w}
	case CheckSARIF:
		one, err = c.toSARIF(w)
	case CheckMarkdown:
		one = &checkMarkdown{checks: c, out: w}
	default:
		one = newCheckText(c, w, o)
	}
	c.writers = append(c.writers, one)
	return err
}

// row is a finding of one object with the targets that it holds on. Of one check, findings that differ in nothing but the target are
// one row.
type row struct {
	*CheckFinding
	targets []string
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
