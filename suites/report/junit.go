package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The form of JUnit, as far as readers of it agree. Times are in seconds.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitMessage `xml:"failure,omitempty"`
		Error     *junitMessage `xml:"error,omitempty"`
		Skipped   *junitMessage `xml:"skipped,omitempty"`
		Output    string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes one test suite for each target and one test case for each scenario. What diverges fails; what is
// inconclusive or unknown is an error; everything that was not judged, and what is known to diverge, is skipped.
func (r *Report) writeJUnit(w io.Writer) error {
	all := junitSuites{Name: r.title()}
	var took time.Duration
	for i := range r.Targets {
		s, time := r.junitSuite(&r.Targets[i])
		all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors, all.Skipped+s.Skipped
		all.Suites = append(all.Suites, s)
		took += time
	}
	all.Time = seconds(took)
	return encodeJUnit(w, &all)
}

// encodeJUnit writes test suites as XML.
func encodeJUnit(w io.Writer, all *junitSuites) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *Report) junitSuite(t *Target) (junitSuite, time.Duration) {
	s := junitSuite{Name: t.Name, Timestamp: r.Date}
	property := func(name, value string) {
		if value != "" {
			s.Properties = append(s.Properties, junitProperty{name, value})
		}
	}
	property("source", string(r.Source))
	property("tool", r.Tool)
	property("reproduce", r.Reproduce)
	for _, m := range t.Measured {
		property("apiServer", m.APIServer)
		property("kubelet", m.Kubelet)
		property("runtime", m.Runtime)
		property("nodeImage", m.NodeImage)
		property("gates", strings.Join(m.Gates, ", "))
	}
	var took time.Duration
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if o.Target != t.Name {
			continue
		}
		c := o.junit()
		s.Tests++
		took += o.Took
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
		s.Cases = append(s.Cases, c)
	}
	s.Time = seconds(took)
	return s, took
}

func (o *Outcome) junit() junitCase {
	c := junitCase{Name: o.Scenario, Classname: strings.ReplaceAll(o.Target, ".", "_"), Time: seconds(o.Took)}
	m := &junitMessage{Message: o.Why(), Type: o.Result().String(), Text: o.Explanation}
	if o.Reproduce != "" && o.Result().notable() {
		m.Text = strings.TrimRight(m.Text, "\n") + "\nagain: " + o.Reproduce + "\n"
	}
	switch o.Result() {
	case Conforms:
	case Diverges, Stale:
		c.Failure = m
	case Inconclusive, Unknown:
		c.Error = m
	default:
		m.Message = o.Result().String() + ": " + m.Message
		m.Type = ""
		c.Skipped = m
	}
	return c
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
