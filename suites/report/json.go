package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The kind of document that reports are written as. The version changes when a reader of the old form would misread the new one.
const (
	DocumentVersion = "sidecar-conformance.dev/v1alpha1"
	DocumentKind    = "ConformanceReport"
)

// The JSON form, field by field. Durations are as Go writes them.
type (
	reportJSON struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Source     Source            `json:"source"`
		Tool       string            `json:"tool,omitempty"`
		Date       string            `json:"date,omitempty"`
		Reproduce  string            `json:"reproduce,omitempty"`
		Targets    []Target          `json:"targets"`
		Counts     []countsJSON      `json:"counts"`
		Outcomes   []json.RawMessage `json:"outcomes"`
	}
	countsJSON struct {
		Target  string           `json:"target"`
		Profile fixtures.Profile `json:"profile"`
		Results map[string]int   `json:"results"`
	}
	outcomeJSON struct {
		Scenario string            `json:"scenario"`
		Target   string            `json:"target"`
		Title    string            `json:"title,omitempty"`
		Profile  fixtures.Profile  `json:"profile,omitempty"`
		Labels   map[string]string `json:"labels,omitempty"`
		// Result is what the outcome counts as. It follows from the other fields.
		Result      string `json:"result"`
		Verdict     string `json:"verdict,omitempty"`
		Stage       string `json:"stage,omitempty"`
		Reason      string `json:"reason,omitempty"`
		Explanation string `json:"explanation,omitempty"`
		Reproduce   string `json:"reproduce,omitempty"`
		Known       string `json:"known,omitempty"`
		Skipped     string `json:"skipped,omitempty"`
		Differs     string `json:"differs,omitempty"`
		Took        string `json:"took,omitempty"`
	}
)

// MarshalJSON writes the JSON form.
func (o Outcome) MarshalJSON() ([]byte, error) {
	d := outcomeJSON{
		Scenario: o.Scenario, Target: o.Target, Title: o.Title, Profile: o.Profile, Labels: o.Labels, Result: o.Result().String(), Stage: o.Stage,
		Reason: o.Reason, Explanation: o.Explanation, Reproduce: o.Reproduce, Known: o.Known, Skipped: o.Skipped, Differs: o.Differs,
	}
	if o.Skipped == "" {
		d.Verdict = o.Verdict.String()
	}
	if o.Took > 0 {
		d.Took = trace.FormatDuration(o.Took)
	}
	return json.Marshal(d)
}

// UnmarshalJSON reads the JSON form. A word that is not known, and a result that does not follow, are errors.
func (o *Outcome) UnmarshalJSON(data []byte) error {
	var d outcomeJSON
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	read := Outcome{
		Scenario: d.Scenario, Target: d.Target, Title: d.Title, Profile: d.Profile, Labels: d.Labels, Stage: d.Stage, Reason: d.Reason,
		Explanation: d.Explanation, Reproduce: d.Reproduce, Known: d.Known, Skipped: d.Skipped, Differs: d.Differs,
	}
	var err error
	if d.Skipped == "" {
		if read.Verdict, err = parseVerdict(d.Verdict); err != nil {
			return fmt.Errorf("the outcome of %s on %s: %w", d.Scenario, d.Target, err)
		}
	}
	if d.Took != "" {
		if read.Took, err = time.ParseDuration(d.Took); err != nil {
			return fmt.Errorf("the outcome of %s on %s: took: %w", d.Scenario, d.Target, err)
		}
	}
	if result := read.Result().String(); result != d.Result {
		return fmt.Errorf("the outcome of %s on %s: the result is %q, from the other fields follows %q", d.Scenario, d.Target, d.Result, result)
	}
	*o = read
	return nil
}

func parseVerdict(text string) (judge.Verdict, error) {
	for v := judge.Conforms; v <= judge.Unknown; v++ {
		if v.String() == text {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%q is no verdict", text)
}

func (r *Report) writeJSON(w io.Writer) error {
	d := reportJSON{
		APIVersion: DocumentVersion, Kind: DocumentKind, Source: r.Source, Tool: r.Tool, Date: r.Date, Reproduce: r.Reproduce, Targets: r.Targets, Counts: []countsJSON{},
		Outcomes: []json.RawMessage{},
	}
	if d.Targets == nil {
		d.Targets = []Target{}
	}
	for _, t := range r.Targets {
		for _, p := range fixtures.Profiles() {
			counts := r.Count(t.Name, p)
			if counts.All() == 0 {
				continue
			}
			one := countsJSON{t.Name, p, map[string]int{}}
			for result, n := range counts {
				if n > 0 {
					one.Results[Result(result).String()] = n
				}
			}
			d.Counts = append(d.Counts, one)
		}
	}
	for i := range r.Outcomes {
		text, err := json.Marshal(r.Outcomes[i])
		if err != nil {
			return err
		}
		d.Outcomes = append(d.Outcomes, text)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// ReadJSON reads a report that was written as JSON.
func ReadJSON(in io.Reader) (*Report, error) {
	var d reportJSON
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	if d.APIVersion != DocumentVersion || d.Kind != DocumentKind {
		return nil, fmt.Errorf("reading a report: apiVersion %q and kind %q, want %q and %q", d.APIVersion, d.Kind, DocumentVersion, DocumentKind)
	}
	if !slices.Contains(Sources(), d.Source) {
		return nil, fmt.Errorf("reading a report: %q is no source", d.Source)
	}
	r := &Report{Source: d.Source, Tool: d.Tool, Date: d.Date, Reproduce: d.Reproduce, Targets: d.Targets}
	var problems []error
	for _, text := range d.Outcomes {
		var o Outcome
		if err := json.Unmarshal(text, &o); err != nil {
			problems = append(problems, err)
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	return r, nil
}
