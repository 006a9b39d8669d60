package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

// Source is where outcomes come from.
type Source string

// The sources.
const (
	// Sim: the simulator, against what the scenarios expect.
	Sim Source = "sim"
	// Recordings: what clusters did, against the simulator.
	Recordings Source = "recordings"
	// Oracle: what the real kubelets did in virtual time, against the simulator.
	Oracle Source = "oracle"
	// Kind: clusters that are made for the run, and recorded.
	Kind Source = "kind"
	// Kubeconfig: a cluster that is there, recorded.
	Kubeconfig Source = "kubeconfig"
)

// Sources returns all sources.
func Sources() []Source { return []Source{Recordings, Oracle, Sim, Kind, Kubeconfig} }

// words says in a title what the outcomes are of.
func (s Source) words() string {
	return map[Source]string{
		Sim: "the simulator against the scenarios' expectations", Recordings: "the simulator against recordings of clusters",
		Oracle: "the simulator against the real kubelets in virtual time", Kind: "the simulator against clusters made with kind",
		Kubeconfig: "the simulator against a cluster",
	}[s]
}

// Measured is what was seen of one cluster. What was not seen is empty.
type Measured struct {
	APIServer string `json:"apiServer,omitempty"`
	Kubelet   string `json:"kubelet,omitempty"`
	Runtime   string `json:"runtime,omitempty"`
	NodeImage string `json:"nodeImage,omitempty"`
	// Gates are those whose state was seen, as "kubelet SidecarContainers=true", sorted.
	Gates []string `json:"gates,omitempty"`
}

// String returns it in one line, without the gates.
func (m *Measured) String() string {
	var parts []string
	add := func(what, value string) {
		if value != "" {
			parts = append(parts, what+value)
		}
	}
	add("API server ", m.APIServer)
	add("kubelet ", m.Kubelet)
	add("", m.Runtime)
	add("node image ", m.NodeImage)
	return strings.Join(parts, ", ")
}

// equal compares all fields.
func (m *Measured) equal(o *Measured) bool {
	return m.String() == o.String() && slices.Equal(m.Gates, o.Gates)
}

// Target is one Kubernetes of a report.
type Target struct {
	// Name is as package gates writes it.
	Name string `json:"name"`
	// Measured has one entry for each distinct cluster that was seen; none where nothing is measured, as in the simulator.
	Measured []Measured `json:"measured,omitempty"`
}

// Report is what a conformance run found.
type Report struct {
	Source Source
	// Tool is the program with its version.
	Tool string
	// Date is when it ran, as RFC 3339 writes it; empty in a report that is kept.
	Date string
	// Reproduce is the command line that makes this report.
	Reproduce string
	Targets   []Target
	Outcomes  []Outcome
}

// Sort puts targets and outcomes in their order: targets as they are given, each once; outcomes by target, then by family in
// the order of package fixtures, then by name. A target of an outcome that is not listed is added.
func (r *Report) Sort() {
	var targets []Target
	add := func(t Target) {
		i := slices.IndexFunc(targets, func(other Target) bool { return other.Name == t.Name })
		if i < 0 {
			targets = append(targets, Target{Name: t.Name})
			i = len(targets) - 1
		}
		for _, m := range t.Measured {
			if !slices.ContainsFunc(targets[i].Measured, func(other Measured) bool { return other.equal(&m) }) {
				targets[i].Measured = append(targets[i].Measured, m)
			}
		}
	}
	for _, t := range r.Targets {
		add(t)
	}
	for i := range r.Outcomes {
		add(Target{Name: r.Outcomes[i].Target})
	}
	r.Targets = targets
	place := map[string]int{}
	for i, t := range targets {
		place[t.Name] = i
	}
	slices.SortStableFunc(r.Outcomes, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(place[a.Target], place[b.Target]), compareScenarios(a.Scenario, b.Scenario))
	})
}

// compareScenarios orders names by their family, in the order of package fixtures, then by themselves.
func compareScenarios(a, b string) int {
	return cmp.Or(cmp.Compare(familyPlace(a), familyPlace(b)), cmp.Compare(a, b))
}

func familyPlace(scenario string) int {
	family, _, _ := strings.Cut(scenario, "/")
	if i := slices.Index(fixtures.Families(), family); i >= 0 {
		return i
	}
	return len(fixtures.Families())
}

// Scenarios are the names of all scenarios of the report, each once, in their order.
func (r *Report) Scenarios() []string {
	var names []string
	for i := range r.Outcomes {
		names = append(names, r.Outcomes[i].Scenario)
	}
	slices.SortFunc(names, compareScenarios)
	return slices.Compact(names)
}

// Outcome returns the outcome of a scenario on a target; nil if there is none.
func (r *Report) Outcome(scenario, target string) *Outcome {
	i := slices.IndexFunc(r.Outcomes, func(o Outcome) bool { return o.Scenario == scenario && o.Target == target })
	if i < 0 {
		return nil
	}
	return &r.Outcomes[i]
}

// Count counts the outcomes on a target, of a profile. An empty target or profile means all.
func (r *Report) Count(target string, profile fixtures.Profile) Counts {
	var c Counts
	for i := range r.Outcomes {
		if o := &r.Outcomes[i]; (target == "" || o.Target == target) && (profile == "" || o.Profile == profile) {
			c[o.Result()]++
		}
	}
	return c
}

// Ending is what a report comes to.
type Ending uint8

// The endings, the best first.
const (
	// Clean: nothing speaks against the simulator.
	Clean Ending = iota
	// OnlyUnknown: some outcomes are unknown; told apart under strict only.
	OnlyUnknown
	// NotProven: some outcomes are inconclusive, or nothing was judged at all.
	NotProven
	// Found: something diverges that is not known to, or is known to and does not.
	Found
)

// Ending is what the report comes to. Strict wants what is unknown to count.
func (r *Report) Ending(strict bool) Ending {
	c := r.Count("", "")
	switch {
	case c[Diverges]+c[Stale] > 0:
		return Found
	case c[Inconclusive] > 0 || c.All() == c[Skipped]+c[NotApplicable]:
		return NotProven
	case strict && c[Unknown] > 0:
		return OnlyUnknown
	}
	return Clean
}

// Format is a rendering.
type Format string

// The renderings.
const (
	Text     Format = "text"
	JSON     Format = "json"
	JUnit    Format = "junit"
	Markdown Format = "markdown"
)

// Formats returns all renderings.
func Formats() []Format { return []Format{Text, JSON, JUnit, Markdown} }

// ParseFormat reads the name of a rendering.
func ParseFormat(text string) (Format, error) {
	if slices.Contains(Formats(), Format(text)) {
		return Format(text), nil
	}
	return "", fmt.Errorf("format %q is not known; known are text, json, junit, markdown", text)
}

// Write writes the report in a format. Sort it before.
func (r *Report) Write(w io.Writer, f Format) error {
	switch f {
	case JSON:
		return r.writeJSON(w)
	case JUnit:
		return r.writeJUnit(w)
	case Markdown:
		return r.writeMarkdown(w)
	}
	return r.writeText(w)
}

// title is the first line of what people read.
func (r *Report) title() string {
	parts := []string{"Conformance: " + r.Source.words()}
	for _, part := range []string{r.Tool, r.Date} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// group is a reason with those that it holds for.
type group struct {
	result Result
	why    string
	cases  []groupCase
}

// groupCase is a scenario with the numbers of its targets.
type groupCase struct {
	scenario string
	targets  []string
}

// quiet gathers what is not applicable and what was skipped, by reason: there may be hundreds with one reason.
func (r *Report) quiet() []group {
	var groups []group
	for target := range r.Targets {
		for i := range r.Outcomes {
			o := &r.Outcomes[i]
			if result := o.Result(); o.Target == r.Targets[target].Name && (result == NotApplicable || result == Skipped) {
				groups = gather(groups, o, target)
			}
		}
	}
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Or(cmp.Compare(a.result, b.result), cmp.Compare(b.size(), a.size())) })
	for i := range groups {
		slices.SortFunc(groups[i].cases, func(a, b groupCase) int { return compareScenarios(a.scenario, b.scenario) })
	}
	return groups
}

func gather(groups []group, o *Outcome, target int) []group {
	i := slices.IndexFunc(groups, func(g group) bool { return g.result == o.Result() && g.why == o.Why() })
	if i < 0 {
		groups = append(groups, group{result: o.Result(), why: o.Why()})
		i = len(groups) - 1
	}
	g := &groups[i]
	j := slices.IndexFunc(g.cases, func(c groupCase) bool { return c.scenario == o.Scenario })
	if j < 0 {
		g.cases = append(g.cases, groupCase{scenario: o.Scenario})
		j = len(g.cases) - 1
	}
	g.cases[j].targets = append(g.cases[j].targets, fmt.Sprint(target+1))
	return groups
}

// size is how many outcomes the group holds.
func (g *group) size() int {
	n := 0
	for _, c := range g.cases {
		n += len(c.targets)
	}
	return n
}

// text lists the cases: those on all targets by their names alone.
func (g *group) text(all int) string {
	var parts []string
	for _, c := range g.cases {
		if len(c.targets) == all {
			parts = append(parts, c.scenario)
			continue
		}
		parts = append(parts, c.scenario+" ("+strings.Join(c.targets, ", ")+")")
	}
	return strings.Join(parts, ", ")
}
