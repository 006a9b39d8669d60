package report

import (
	"bufio"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
)

// The part of SARIF 2.1.0 that is written. Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		ColumnKind  string            `json:"columnKind"`
		Invocations []sarifInvocation `json:"invocations,omitempty"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"semanticVersion,omitempty"`
		Full    string      `json:"fullName,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID       string            `json:"id"`
		Name     string            `json:"name"`
		Short    sarifText         `json:"shortDescription"`
		Full     sarifText         `json:"fullDescription"`
		Help     sarifText         `json:"help"`
		Default  sarifDefault      `json:"defaultConfiguration"`
		Property sarifRuleProperty `json:"properties"`
	}
	sarifRuleProperty struct {
		Tags     []string `json:"tags"`
		Evidence []string `json:"evidence,omitempty"`
	}
	sarifDefault struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifInvocation struct {
		CommandLine string `json:"commandLine,omitempty"`
		Successful  bool   `json:"executionSuccessful"`
	}
	sarifResult struct {
		RuleID       string              `json:"ruleId"`
		RuleIndex    int                 `json:"ruleIndex"`
		Kind         string              `json:"kind"`
		Level        string              `json:"level"`
		Message      sarifText           `json:"message"`
		Locations    []sarifLocation     `json:"locations"`
		Fingerprints map[string]string   `json:"partialFingerprints"`
		Suppressions []sarifSuppression  `json:"suppressions,omitempty"`
		Property     sarifResultProperty `json:"properties"`
	}
	sarifResultProperty struct {
		Targets []string `json:"targets"`
		Engine  string   `json:"engine"`
		Remedy  string   `json:"remedy,omitempty"`
		Events  []string `json:"events,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
)

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// checkSARIF writes one result for each finding; those that differ in the target alone are one.
type checkSARIF struct {
	checks *Checks
	list   listJSON
}

func (c *Checks) toSARIF(w io.Writer) (*checkSARIF, error) {
	s := &checkSARIF{c, listJSON{Writer: bufio.NewWriter(w), field: "results", unit: " ", depth: 4}}
	return s, s.list.begin(c.sarif())
}

func (s *checkSARIF) object(object []Checked) error {
	list := rows(object)
	for i := range list {
		if err := s.list.entry(s.checks.sarifResult(object[0].Object, &list[i])); err != nil {
			return err
		}
	}
	return nil
}

func (s *checkSARIF) end() error { return s.list.end(s.checks.sarif()) }

// sarif is the log without its results.
func (c *Checks) sarif() sarifLog {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "sidecar-conformance", Full: c.Tool, Rules: make([]sarifRule, len(c.Rules))}
	for i, r := range c.Rules {
		run.Tool.Driver.Rules[i] = sarifRuleOf(r)
	}
	if c.Reproduce != "" {
		run.Invocations = []sarifInvocation{{c.Reproduce, true}}
	}
	return sarifLog{sarifSchema, "2.1.0", []sarifRun{run}}
}

func sarifRuleOf(r *rules.Rule) sarifRule {
	profile := "extended"
	if r.Core {
		profile = "core"
	}
	return sarifRule{
		ID: r.ID, Name: camel(r.Title), Short: sarifText{Text: r.Title}, Full: sarifText{Text: r.What},
		Help:     sarifText{Text: r.Why + "\n\n" + r.Remedy, Markdown: r.Why + "\n\n**Remedy:** " + r.Remedy},
		Default:  sarifDefault{r.Severity.String()},
		Property: sarifRuleProperty{Tags: []string{r.Group.Title(), profile}, Evidence: r.Evidence},
	}
}

// camel turns a title into one word.
func camel(title string) string {
	var b strings.Builder
	upper := true
	for _, c := range title {
		switch letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'; {
		case !letter:
			upper = true
		case upper:
			b.WriteString(strings.ToUpper(string(c)))
			upper = false
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func (c *Checks) sarifResult(object string, r *row) sarifResult {
	text := r.Message
	for _, more := range []string{r.Explanation, r.Remedy} {
		if more != "" {
			text += "\n" + more
		}
	}
	result := sarifResult{
		RuleID: c.Rules[r.Rule].ID, RuleIndex: r.Rule, Kind: "fail", Level: r.Severity.String(), Message: sarifText{Text: text},
		Locations: []sarifLocation{{
			sarifPhysical{sarifArtifact{fileURI(r.At.File)}, sarifRegion{max(r.At.Line, 1), max(r.At.Column, 1)}},
			[]sarifLogical{{object + "/" + r.At.Field, "object"}},
		}},
		Fingerprints: map[string]string{"checkObjectField/v1": strings.Join([]string{c.Rules[r.Rule].ID, object, r.At.Field}, " ")},
		Property:     sarifResultProperty{Targets: r.targets, Engine: r.Engine.String(), Remedy: r.Remedy},
	}
	for _, e := range r.Events {
		result.Property.Events = append(result.Property.Events, e.Text)
	}
	if r.Suppressed != "" {
		result.Suppressions = []sarifSuppression{{"external", r.Suppressed}}
	}
	return result
}

// fileURI is a file's name as a URI: relative where the name is.
func fileURI(name string) string {
	u := url.URL{Path: filepath.ToSlash(name)}
	if filepath.IsAbs(name) {
		u.Scheme = "file"
	}
	return u.String()
}
