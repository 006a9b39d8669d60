package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
)

// writeJUnit writes one test suite for each object on each target, and one test case for each check. A finding of the severity that
// counts is a failure; what is unknown, skipped or suppressed is skipped, with its reason; a lesser finding is in the output of a
// test that passes.
func (c *Checks) writeJUnit(w io.Writer) error {
	all := junitSuites{Name: "sidecar-conformance check", Time: seconds(0)}
	for i := range c.Objects {
		s := c.junitSuite(&c.Objects[i])
		all.Tests, all.Failures, all.Skipped = all.Tests+s.Tests, all.Failures+s.Failures, all.Skipped+s.Skipped
		all.Suites = append(all.Suites, s)
	}
	return encodeJUnit(w, &all)
}

func (c *Checks) junitSuite(o *Checked) junitSuite {
	s := junitSuite{Name: o.Object + " on " + o.Target, Time: seconds(0), Tests: len(o.Results)}
	s.Properties = []junitProperty{{"file", fmt.Sprintf("%s:%d", o.File, o.Line)}}
	for _, property := range []junitProperty{{"tool", c.Tool}, {"reproduce", c.Reproduce}} {
		if property.Value != "" {
			s.Properties = append(s.Properties, property)
		}
	}
	for i := range o.Results {
		one := c.junitCase(o, i)
		switch {
		case one.Failure != nil:
			s.Failures++
		case one.Skipped != nil:
			s.Skipped++
		}
		s.Cases = append(s.Cases, one)
	}
	return s
}

func (c *Checks) junitCase(o *Checked, i int) junitCase {
	r := &o.Results[i]
	one := junitCase{Name: c.Rules[i].ID + " " + c.Rules[i].Title, Classname: strings.ReplaceAll(o.Object, ".", "_"), Time: seconds(0)}
	var text []string
	worst, suppressed := rules.Note, ""
	for j := range o.Findings {
		f := &o.Findings[j]
		if f.Rule != i {
			continue
		}
		worst, suppressed = max(worst, f.Severity), f.Suppressed
		text = append(text, fmt.Sprintf("%s:%d: %s: %s", f.At.File, f.At.Line, f.At.Field, f.Message))
		for _, more := range []string{f.Explanation, f.Remedy} {
			if more != "" {
				text = append(text, "  "+more)
			}
		}
	}
	m := &junitMessage{Message: r.Reason, Text: strings.Join(text, "\n")}
	switch {
	case r.Suppressed:
		m.Message = "suppressed: " + suppressed
		one.Skipped = m
	case len(text) > 0 && worst >= c.FailOn:
		m.Type = worst.String()
		one.Failure = m
	case len(text) > 0:
		one.Output = m.Text
	case r.Verdict != rules.Pass:
		m.Message = r.Verdict.String() + ": " + r.Reason
		one.Skipped = m
	}
	return one
}
