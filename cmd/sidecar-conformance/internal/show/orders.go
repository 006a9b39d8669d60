package show

import (
	"fmt"
	"slices"
)

// orderLimit is how many orders are listed in full.
const orderLimit = 12

// Orders shows what could differ: the distinct orders among seeded runs of one Pod on one target, the most frequent
// first, each with its count, a seed that shows it, and what sets it apart from the first.
func Orders(runs []Run, o Options) string {
	groups := GroupRuns(runs)
	slices.SortStableFunc(groups, func(a, b Group) int { return len(b.Runs) - len(a.Runs) })
	for i := range groups {
		groups[i].Letter = letters(i)
	}
	out := &painter{color: o.Color}
	out.styled(bold, runs[0].Name)
	out.WriteString(" on ")
	out.styled(bold, runs[0].Target)
	fmt.Fprintf(out, ": %d distinct %s in %d seeds\n", len(groups), plural("order", len(groups)), len(runs))
	out.title(runs[0], o)
	for i, g := range groups {
		if i == orderLimit && !o.All {
			fmt.Fprintf(out, "\n%d rarer orders are left out; --verbose shows them\n", len(groups)-i)
			break
		}
		out.WriteByte('\n')
		out.styled(bold, g.Letter)
		fmt.Fprintf(out, "  %d of %d; --seed %d shows it\n", len(g.Runs), len(runs), g.Runs[0].Seed)
		if i == 0 {
			out.paragraph("   "+Outcome(g.Runs[0]), o.width(), 5)
			continue
		}
		if d := differ(&groups[0], &g); d.empty() && Outcome(g.Runs[0]) == Outcome(groups[0].Runs[0]) {
			out.WriteString("    only events of one instant come in another order\n")
		}
		out.difference(groups[0], g, o)
	}
	return out.String()
}

func plural(noun string, n int) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// Summary is one line for each order and outcome: for when there are too many Pods for pictures.
func Summary(runs []Run) string {
	var out painter
	for _, g := range GroupRuns(runs) {
		targets := g.Runs[0].Target
		if n := len(g.Runs) - 1; n > 0 {
			targets += fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(&out, "%s on %s: %s\n", g.Runs[0].Name, targets, Outcome(g.Runs[0]))
	}
	return out.String()
}
