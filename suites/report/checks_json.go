package report

import (
	"encoding/json"
	"io"

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
		Conformance string          `json:"conformance"`
		Because     string          `json:"because,omitempty"`
		Targets     []string        `json:"targets"`
		Counts      checkCountsJSON `json:"counts"`
		Notes       []string        `json:"notes,omitempty"`
		Objects     []checkedJSON   `json:"objects"`
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

func (c *Checks) writeJSON(w io.Writer) error {
	word, why := c.Conformance()
	core, extended := c.Count(true), c.Count(false)
	d := checksJSON{
		APIVersion: DocumentVersion, Kind: CheckDocumentKind, Tool: c.Tool, Reproduce: c.Reproduce, Profile: "workload", Conformance: word, Because: why,
		Targets: c.Targets, Counts: checkCountsJSON{core.json(), extended.json()}, Notes: c.Notes, Objects: make([]checkedJSON, len(c.Objects)),
	}
	for i := range c.Objects {
		d.Objects[i] = c.objectJSON(&c.Objects[i])
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
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
