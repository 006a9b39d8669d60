package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

// width is how many columns text takes: that of a terminal as it is born.
const width = 80

// mostListed is how many scenarios with one reason for not being judged are named. The table shows the others.
const mostListed = 12

// writeText writes the verdict table, the details of what does not conform, and the counts.
func (r *Report) writeText(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, wrap(r.title(), "  "))
	r.textTargets(out)
	r.textTable(out)
	for i := range r.Outcomes {
		if o := &r.Outcomes[i]; o.Result().notable() {
			o.text(out)
		}
	}
	for _, g := range r.quiet() {
		fmt.Fprintf(out, "\n%s\n", wrap(fmt.Sprintf("%s %s, %s: %s", resultMarks[g.result], g.result, g.why, cases(g.size())), "  "))
		if len(g.cases) <= mostListed {
			fmt.Fprintf(out, "  %s\n", wrap(g.text(len(r.Targets)), "  "))
		}
	}
	r.textDiffers(out)
	r.textCounts(out)
	return out.Flush()
}

func cases(n int) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

// textTargets is the key of the table's columns.
func (r *Report) textTargets(w io.Writer) {
	if len(r.Targets) == 0 {
		return
	}
	fmt.Fprintln(w, "\nTargets")
	for i, t := range r.Targets {
		fmt.Fprintf(w, "  %2d  %s\n", i+1, t.Name)
		for _, m := range t.Measured {
			fmt.Fprintf(w, "      %s\n", wrap(m.String(), "      "))
		}
	}
}

// textTable has a row for each scenario and a column for each target, headed by its number.
func (r *Report) textTable(w io.Writer) {
	scenarios := r.Scenarios()
	if len(scenarios) == 0 {
		fmt.Fprintln(w, "\nNo scenarios.")
		return
	}
	longest := 0
	for _, s := range scenarios {
		_, name, _ := strings.Cut(s, "/")
		longest = max(longest, len(name)+4)
	}
	cell := max(2, len(fmt.Sprint(len(r.Targets)))+1)
	family := ""
	cells := r.cells()
	for _, s := range scenarios {
		own, name, found := strings.Cut(s, "/")
		if !found {
			own, name = "other", s
		}
		if own != family {
			fmt.Fprintf(w, "\n%-*s", longest, own)
			for i := range r.Targets {
				fmt.Fprintf(w, "%*d", cell, i+1)
			}
			fmt.Fprintln(w)
			family = own
		}
		core := " "
		row := ""
		for _, t := range r.Targets {
			mark := " "
			if o := cells[[2]string{s, t.Name}]; o != nil {
				mark = resultMarks[o.Result()]
				if o.Profile == fixtures.ProfileCore {
					core = "*"
				}
			}
			row += strings.Repeat(" ", cell-1) + mark
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf(" %s %-*s", core, longest-3, name)+row, " "))
	}
	fmt.Fprintln(w)
	line := ""
	for _, part := range append(legend(r.Count("", "")), "* core") {
		if line != "" && len([]rune(line))+2+len([]rune(part)) > width {
			fmt.Fprintln(w, line)
			line = ""
		}
		if line != "" {
			line += "  "
		}
		line += part
	}
	fmt.Fprintln(w, line)
}

// cells are the outcomes by scenario and target.
func (r *Report) cells() map[[2]string]*Outcome {
	cells := map[[2]string]*Outcome{}
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		cells[[2]string{o.Scenario, o.Target}] = o
	}
	return cells
}

// legend says what the marks mean.
func legend(c Counts) []string {
	var parts []string
	for _, result := range c.listed() {
		parts = append(parts, resultMarks[result]+" "+result.String())
	}
	return parts
}

// text writes all that is known of an outcome.
func (o *Outcome) text(w io.Writer) {
	stage := ""
	if o.Stage != "" {
		stage = " in stage " + o.Stage
	}
	fmt.Fprintf(w, "\n%s %s on %s: %s%s\n", resultMarks[o.Result()], o.Scenario, o.Target, o.Result(), stage)
	if o.Title != "" {
		fmt.Fprintf(w, "  %s\n", wrap(o.Title, "  "))
	}
	fmt.Fprintf(w, "  %s\n", wrap("because "+o.Why(), "  "))
	for line := range strings.Lines(o.Explanation) {
		fmt.Fprintf(w, "    %s\n", strings.TrimRight(line, "\n"))
	}
	if o.Reproduce != "" {
		fmt.Fprintf(w, "  again: %s\n", o.Reproduce)
	}
}

// textDiffers names the outcomes that are other ones than those of the recordings.
func (r *Report) textDiffers(w io.Writer) {
	heading := "\nOther verdicts than those of the recordings that are built in\n"
	for i := range r.Outcomes {
		if o := &r.Outcomes[i]; o.Differs != "" {
			fmt.Fprintf(w, "%s  %s on %s: %s now; %s\n", heading, o.Scenario, o.Target, o.Result(), o.Differs)
			heading = ""
		}
	}
}

// countHeads are the columns of the table of counts, short enough for a terminal.
var countHeads = [results]string{"conform", "diverge", "inconcl.", "n/a", "unknown", "skipped", "suppr.", "stale"}

func (r *Report) textCounts(w io.Writer) {
	all := r.Count("", "")
	columns := all.listed()
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "target\tprofile\t"
	for _, c := range columns {
		head += countHeads[c] + "\t"
	}
	fmt.Fprintln(t, head)
	row := func(name, profile string, c Counts) {
		line := name + "\t" + profile + "\t"
		for _, column := range columns {
			line += fmt.Sprint(c[column]) + "\t"
		}
		fmt.Fprintln(t, line)
	}
	for i, target := range r.Targets {
		for _, p := range fixtures.Profiles() {
			if c := r.Count(target.Name, p); c.All() > 0 {
				row(fmt.Sprint(i+1), string(p), c)
			}
		}
	}
	for _, p := range fixtures.Profiles() {
		if c := r.Count("", p); len(r.Targets) > 1 && c.All() > 0 {
			row("all", string(p), c)
		}
	}
	row("all", "all", all)
	t.Flush()
}

// wrap breaks a line at blanks; all lines but the first begin with the indent. A line that is not first is counted with it.
func wrap(text, indent string) string {
	var b strings.Builder
	column := len(indent)
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i > 0 && column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
