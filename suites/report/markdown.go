package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// writeMarkdown writes the conformance report as a page.
func (r *Report) writeMarkdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# Conformance report\n\nThis is %s", r.Source.words())
	if r.Tool != "" {
		fmt.Fprintf(out, ", by %s", r.Tool)
	}
	if r.Date != "" {
		fmt.Fprintf(out, ", on %s", r.Date)
	}
	fmt.Fprint(out, ".\n")
	if r.Reproduce != "" {
		fmt.Fprintf(out, "\n    %s\n", r.Reproduce)
	}
	r.markdownTargets(out)
	r.markdownCounts(out)
	r.markdownTable(out)
	r.markdownDetails(out)
	return out.Flush()
}

func (r *Report) markdownTargets(w io.Writer) {
	fmt.Fprint(w, "\n## Targets\n\n| | Target | API server | Kubelet | Runtime | Node image |\n|---|---|---|---|---|---|\n")
	// What was measured on different days often reads the same.
	written := map[string]bool{}
	once := func(format string, args ...any) {
		if line := fmt.Sprintf(format, args...); !written[line] {
			written[line] = true
			fmt.Fprint(w, line)
		}
	}
	for i, t := range r.Targets {
		measured := t.Measured
		if len(measured) == 0 {
			measured = []Measured{{}}
		}
		for _, m := range measured {
			once("| %d | `%s` | %s | %s | %s | %s |\n", i+1, t.Name, dash(m.APIServer), dash(m.Kubelet), dash(m.Runtime), dash(m.NodeImage))
		}
	}
	for i, t := range r.Targets {
		for _, m := range t.Measured {
			if len(m.Gates) > 0 {
				once("\nGates of target %d as measured: %s.\n", i+1, strings.Join(telling(m.Gates), ", "))
			}
		}
	}
}

// telling are the gates to show: that of the feature, and those whose components disagree. The JSON form has all.
func telling(measured []string) []string {
	states := map[string]map[string]bool{} // by gate, those that were seen
	name := func(g string) string {
		_, state, _ := strings.Cut(g, " ")
		gate, _, _ := strings.Cut(state, "=")
		return gate
	}
	for _, g := range measured {
		_, state, _ := strings.Cut(g, "=")
		if states[name(g)] == nil {
			states[name(g)] = map[string]bool{}
		}
		states[name(g)][state] = true
	}
	return slices.DeleteFunc(slices.Clone(measured), func(g string) bool { return name(g) != gates.SidecarContainers && len(states[name(g)]) < 2 })
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return escape(text)
}

// escape keeps a text in its cell.
func escape(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func (r *Report) markdownCounts(w io.Writer) {
	all := r.Count("", "")
	columns := all.listed()
	fmt.Fprint(w, "\n## Counts\n\n| Target | Profile |")
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c)
	}
	fmt.Fprint(w, "\n|---|---|"+strings.Repeat("---:|", len(columns))+"\n")
	row := func(name, profile string, c Counts) {
		fmt.Fprintf(w, "| %s | %s |", name, profile)
		for _, column := range columns {
			fmt.Fprintf(w, " %d |", c[column])
		}
		fmt.Fprintln(w)
	}
	for _, target := range r.Targets {
		for _, p := range fixtures.Profiles() {
			if c := r.Count(target.Name, p); c.All() > 0 {
				row("`"+target.Name+"`", string(p), c)
			}
		}
	}
	for _, p := range fixtures.Profiles() {
		if c := r.Count("", p); len(r.Targets) > 1 && c.All() > 0 {
			row("all", string(p), c)
		}
	}
}

func (r *Report) markdownTable(w io.Writer) {
	scenarios := r.Scenarios()
	if len(scenarios) == 0 {
		fmt.Fprint(w, "\nThere are no scenarios in it.\n")
		return
	}
	fmt.Fprintf(w, "\n## Verdicts\n\nThe columns are the targets by number. %s.\n\n| Scenario | Profile |", strings.Join(legend(r.Count("", "")), ", "))
	for i := range r.Targets {
		fmt.Fprintf(w, " %d |", i+1)
	}
	fmt.Fprint(w, "\n|---|---|"+strings.Repeat(":-:|", len(r.Targets))+"\n")
	cells := r.cells()
	for _, s := range scenarios {
		profile, row := fixtures.Profile(""), ""
		for _, t := range r.Targets {
			mark := " "
			if o := cells[[2]string{s, t.Name}]; o != nil {
				mark, profile = resultMarks[o.Result()], o.Profile
			}
			row += " " + mark + " |"
		}
		fmt.Fprintf(w, "| %s | %s |%s\n", s, profile, row)
	}
}

// markdownDetails lists everything that does not conform.
func (r *Report) markdownDetails(w io.Writer) {
	heading := "\n## What does not conform\n"
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if !o.Result().notable() {
			continue
		}
		stage := ""
		if o.Stage != "" {
			stage = " in stage " + o.Stage
		}
		fmt.Fprintf(w, "%s\n### %s on `%s`: %s%s\n\nBecause %s.\n", heading, o.Scenario, o.Target, o.Result(), stage, o.Why())
		heading = ""
		if o.Explanation != "" {
			fmt.Fprintf(w, "\n```text\n%s\n```\n", strings.TrimRight(o.Explanation, "\n"))
		}
		if o.Reproduce != "" {
			fmt.Fprintf(w, "\nAgain: `%s`\n", o.Reproduce)
		}
	}
	heading = "\n## What was not judged\n\n"
	for _, g := range r.quiet() {
		fmt.Fprintf(w, "%s- %s, %s (%s): %s\n", heading, g.result, g.why, cases(g.size()), g.text(len(r.Targets)))
		heading = ""
	}
	heading = "\n## Other verdicts than those of the recordings that are built in\n\n"
	for i := range r.Outcomes {
		if o := &r.Outcomes[i]; o.Differs != "" {
			fmt.Fprintf(w, "%s- %s on `%s`: %s now; %s\n", heading, o.Scenario, o.Target, o.Result(), o.Differs)
			heading = ""
		}
	}
}
