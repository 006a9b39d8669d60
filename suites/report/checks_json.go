package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
)

// CheckDocumentKind is the kind of document that Checks are written as.
const CheckDocumentKind = "CheckReport"

// The JSON form, field by field.
type (
	checksJSON struct {
		APIVersion  string          `json:"apiVersion"`
		Kind        string          `json:"kind"`
		Tool        string          `json:"tool,omitempty"`
		Reproduce   string          `json:"reproduce,omitempty"`
		Profile     string          `json:"profile"`
		Targets     []string        `json:"targets"`
		Objects     []checkedJSON   `json:"objects"` // what follows is known at the end
		Conformance string          `json:"conformance"`
		Because     string          `json:"because,omitempty"`
		Counts      checkCountsJSON `json:"counts"`
		Notes       []string        `json:"notes,omitempty"`
	}
	checkCountsJSON struct {
		Core     map[string]int `json:"core"`
		Extended map[string]int `json:"extended"`
	}
	checkedJSON struct {
		Object   string        `json:"object"`
		File     string        `json:"file"`
		Line     int           `json:"line"`
		Target   string        `json:"target"`
		Assumed  []string      `json:"assumed,omitempty"`
		Results  []resultJSON  `json:"results"`
		Findings []findingJSON `json:"findings"`
	}
	resultJSON struct {
		Check      string       `json:"check"`
		Verdict    string       `json:"verdict"`
		Reason     string       `json:"reason"`
		Suppressed bool         `json:"suppressed,omitempty"`
		Engines    []answerJSON `json:"engines"`
	}
	answerJSON struct {
		Engine  string `json:"engine"`
		Verdict string `json:"verdict"`
		Reason  string `json:"reason"`
	}
	findingJSON struct {
		Check       string      `json:"check"`
		Verdict     string      `json:"verdict"`
		Severity    string      `json:"severity"`
		Engine      string      `json:"engine"`
		Node        string      `json:"node,omitempty"`
		File        string      `json:"file"`
		Line        int         `json:"line"`
		Column      int         `json:"column"`
		Field       string      `json:"field"`
		Message     string      `json:"message"`
		Explanation string      `json:"explanation,omitempty"`
		Remedy      string      `json:"remedy,omitempty"`
		Evidence    []string    `json:"evidence,omitempty"`
		Events      []eventJSON `json:"events,omitempty"`
		Suppressed  string      `json:"suppressed,omitempty"`
	}
	eventJSON struct {
		Event int32  `json:"event"`
		Text  string `json:"text"`
	}
)

func (c *CheckCounts) json() map[string]int {
	counts := map[string]int{"suppressed": c.Suppressed}
	for _, v := range rules.Verdicts() {
		counts[v.String()] = c.Verdicts[v]
	}
	return counts
}

// listJSON writes a document with one long list entry by entry.
type listJSON struct {
	*bufio.Writer
	// field is the name of the list, depth how far its entries are indented, in units.
	field, unit string
	depth       int
	entries     int
	// head is what is in front of the list, until it is written. Nothing is before there is an entry, or the end: a run may yet turn out to have
	// nothing to say.
	head []byte
}

// encode returns a value as indented JSON without the end of its line.
func (l *listJSON) encode(v any, depth int) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(strings.Repeat(l.unit, depth), l.unit)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// parts returns a document, whose list is empty, in front of the list's entries and behind them.
func (l *listJSON) parts(document any) (head, tail []byte, err error) {
	text, err := l.encode(document, 0)
	mark := []byte("\"" + l.field + "\": [")
	head, tail, _ = bytes.Cut(text, mark)
	return append(head[:len(head):len(head)], mark...), tail, err
}

// begin takes the document as it is in front of the list.
func (l *listJSON) begin(document any) (err error) {
	l.head, _, err = l.parts(document)
	return err
}

func (l *listJSON) writeHead() {
	l.Write(l.head)
	l.head = nil
}

// entry writes an entry of the list.
func (l *listJSON) entry(v any) error {
	l.writeHead()
	if l.entries++; l.entries > 1 {
		l.WriteByte(',')
	}
	text, err := l.encode(v, l.depth)
	l.WriteString("\n" + strings.Repeat(l.unit, l.depth))
	l.Write(text)
	return err
}

// end writes the document from the list on.
func (l *listJSON) end(document any) error {
	_, tail, err := l.parts(document)
	l.writeHead()
	if l.entries > 0 {
		l.WriteString("\n" + strings.Repeat(l.unit, l.depth-1))
	}
	l.Write(tail)
	l.WriteByte('\n')
	return errors.Join(err, l.Flush())
}

// checkJSON writes the JSON form.
type checkJSON struct {
	checks *Checks
	list   listJSON
}

func (c *Checks) toJSON(w io.Writer) (*checkJSON, error) {
	j := &checkJSON{c, listJSON{Writer: bufio.NewWriter(w), field: "objects", unit: "  ", depth: 2}}
	return j, j.list.begin(c.json())
}

func (j *checkJSON) object(object []Checked) error {
	for i := range object {
		if err := j.list.entry(j.checks.objectJSON(&object[i])); err != nil {
			return err
		}
	}
	return nil
}

func (j *checkJSON) end() error { return j.list.end(j.checks.json()) }

// json is the report without its objects.
func (c *Checks) json() checksJSON {
	word, why := c.Conformance()
	core, extended := c.Count(true), c.Count(false)
	return checksJSON{
		APIVersion: DocumentVersion, Kind: CheckDocumentKind, Tool: c.Tool, Reproduce: c.Reproduce, Profile: "workload", Conformance: word, Because: why,
		Targets: c.Targets, Counts: checkCountsJSON{core.json(), extended.json()}, Notes: c.Notes, Objects: []checkedJSON{},
	}
}

func (c *Checks) objectJSON(o *Checked) checkedJSON {
	d := checkedJSON{Object: o.Object, File: o.File, Line: o.Line, Target: o.Target, Assumed: o.Assumed, Findings: []findingJSON{}}
	for i := range o.Results {
		r := &o.Results[i]
		one := resultJSON{Check: c.Rules[i].ID, Verdict: r.Verdict.String(), Reason: r.Reason, Suppressed: r.Suppressed, Engines: []answerJSON{}}
		for _, a := range r.Answers {
			one.Engines = append(one.Engines, answerJSON{a.Engine.String(), a.Verdict.String(), a.Reason})
		}
		d.Results = append(d.Results, one)
	}
	for i := range o.Findings {
		f := &o.Findings[i]
		one := findingJSON{
			Check: c.Rules[f.Rule].ID, Verdict: f.Verdict.String(), Severity: f.Severity.String(), Engine: f.Engine.String(), Node: f.Node, File: f.At.File, Line: f.At.Line,
			Column: f.At.Column, Field: f.At.Field, Message: f.Message, Explanation: f.Explanation, Remedy: f.Remedy, Evidence: c.Rules[f.Rule].Evidence, Suppressed: f.Suppressed,
		}
		for _, e := range f.Events {
			one.Events = append(one.Events, eventJSON(e))
		}
		d.Findings = append(d.Findings, one)
	}
	return d
}
