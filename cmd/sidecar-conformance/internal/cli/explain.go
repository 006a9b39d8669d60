package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/cmd/sidecar-conformance/internal/show"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

func newExplain(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CHECK-ID]",
		Short: "Say what a check looks at, why, what to do about it, and show it on a Pod",
		Long: "explain prints the page of a check: what it looks at and when it fails, what happens otherwise, what to change, where it was\n" +
			"reported, and a Pod that shows it, with its timeline. Without an ID it lists all checks.",
		Example: examples("explain", "explain JOB001", "explain trm004"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listRules(s.Out)
			}
			rule, known := rules.Find(args[0])
			if !known {
				return usage("there is no check %q; explain lists them", args[0])
			}
			return explainRule(s.Out, rule, s.options())
		},
	}
}

func listRules(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CHECK\tPROFILE\tSEVERITY\tENGINES\tTITLE")
	for _, r := range rules.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, part(r), r.Severity, engineWords(r), r.Title)
	}
	return w.Flush()
}

func part(r *rules.Rule) string {
	if r.Core {
		return "core"
	}
	return "extended"
}

func engineWords(r *rules.Rule) string {
	var words []string
	for _, e := range r.Engines() {
		words = append(words, e.String())
	}
	return strings.Join(words, ", ")
}

func explainRule(out io.Writer, r *rules.Rule, o show.Options) error {
	p := page{out: out, width: o.Width}
	fmt.Fprintf(out, "%s  %s\n%s, %s of profile workload, %s, decided by: %s\n", r.ID, r.Title, r.Group.Title(), part(r), r.Severity, engineWords(r))
	p.section("What", r.What)
	p.section("Why", r.Why)
	p.section("Remedy", r.Remedy)
	fmt.Fprintln(out, "\nEvidence")
	for _, e := range r.Evidence {
		fmt.Fprintf(out, "  %s\n", link(e))
	}
	if r.Invariant {
		p.section("No Pod breaks it", "On the releases that were read the kubelet keeps this for every Pod. It is checked all the same: a trace that breaks it comes from a defective cluster.")
	}
	list, err := fixtures.Examples(r.ID)
	if err != nil {
		return nil // it judges something else than Pods
	}
	return p.example(r, &list[0], o)
}

// link is where a piece of evidence can be read.
func link(evidence string) string {
	repository, number, isIssue := strings.Cut(evidence, "#")
	if !isIssue {
		return evidence
	}
	return "https://github.com/" + repository + "/issues/" + number
}

type page struct {
	out   io.Writer
	width int
}

func (p page) section(head, text string) {
	fmt.Fprintf(p.out, "\n%s\n", head)
	line := " "
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > p.width {
			fmt.Fprintln(p.out, line)
			line = " "
		}
		line += " " + word
	}
	fmt.Fprintln(p.out, line)
}

// example shows a Pod with what the check says of it, and the run that proves it.
func (p page) example(r *rules.Rule, e *fixtures.Example, o show.Options) error {
	outcome, err := e.Outcome(r)
	if err != nil {
		return err
	}
	head := "A Pod that breaks it"
	switch outcome.Verdict {
	case rules.Pass:
		head = "A Pod that keeps it"
	case rules.Unknown:
		head = "A Pod of which it is unknown"
	}
	p.section(head, e.Comment)
	fmt.Fprintln(p.out)
	for line := range strings.Lines(e.Text) {
		fmt.Fprint(p.out, "    "+line)
	}
	fmt.Fprintf(p.out, "\n  %s on %s: %s\n", outcome.Verdict, e.Target.Target, outcome.Reason)
	run, err := proof(e, &outcome)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "\n%s", show.Timeline(run, o))
	return nil
}

// proof is the run of the worst finding that has one, else that of the Pod as it is.
func proof(e *fixtures.Example, o *rules.Outcome) (show.Run, error) {
	node := e.Target.Nodes[len(e.Target.Nodes)-1]
	run := show.Run{Name: e.Item.Namespace + "/" + e.Item.Name, Target: node.Name, Rules: trace.PrintRules{
		TerminatingHidesTerminal: node.API.TerminatingHidesTerminal, FailureShowsThroughCompleted: node.API.FailureShowsThroughCompleted,
	}}
	for i := range o.Findings {
		if run.Trace = o.Findings[i].Trace; run.Trace != nil {
			return run, nil
		}
	}
	t, err := sim.Run(&e.Item.Scenario, node, sim.DefaultConfig())
	if err != nil {
		return run, err
	}
	t.Assumed = e.Item.Assumptions
	run.Trace = t
	return run, nil
}
