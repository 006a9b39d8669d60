package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
)

// checkJUnit writes one test suite for each object on each target, and one test case for each check. A finding of the severity that
// counts is a failure; what is unknown, skipped or suppressed is skipped, with its reason; a lesser finding is in the output of a
// test that passes. The numbers of all come first, so the suites are held as text.
type checkJUnit struct {
	checks                   *Checks
	out                      io.Writer
	suites                   bytes.Buffer
	tests, failures, skipped int
}

func (j *checkJUnit) object(object []Checked) error {
	for i := range object {
		s := j.checks.junitSuite(&object[i])
		j.tests, j.failures, j.skipped = j.tests+s.Tests, j.failures+s.Failures, j.skipped+s.Skipped
		j.suites.WriteByte('\n')
		encoder := xml.NewEncoder(&j.suites)
		encoder.Indent("  ", "  ")
		if err := encoder.EncodeElement(s, xml.StartElement{Name: xml.Name{Local: "testsuite"}}); err != nil {
			return err
		}
	}
	return nil
}

func (j *checkJUnit) end() error {
	var all bytes.Buffer
	if err := encodeJUnit(&all, &junitSuites{Name: "sidecar-conformance check", Tests: j.tests, Failures: j.failures, Skipped: j.skipped, Time: seconds(0)}); err != nil {
		return err
	}
	const tail = "</testsuites>\n"
	if j.tests > 0 {
		j.suites.WriteByte('\n')
	}
	for _, part := range [...][]byte{bytes.TrimSuffix(all.Bytes(), []byte(tail)), j.suites.Bytes(), []byte(tail)} {
		if _, err := j.out.Write(part); err != nil {
			return err
		}
	}
	return nil
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
