package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// Case is one scenario on one target.
type Case struct {
	Item *fixtures.Item
	// Target has one kind of node.
	Target gates.Target
	// NotApplicable says why the scenario has nothing to show on the target; empty if it has.
	NotApplicable string
}

// Plan returns a case for each item on each target, targets first. A target with several kinds of nodes stands for one target
// for each. Each target is taken once.
func Plan(items []fixtures.Item, targets []gates.Target) []Case {
	var cases []Case
	for _, target := range Expand(targets) {
		for i := range items {
			c := Case{Item: &items[i], Target: target}
			if !speaksOf(&items[i], target) {
				c.NotApplicable = "the scenario does not speak of the target"
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// Expand returns one target for each kind of node, each once.
func Expand(targets []gates.Target) []gates.Target {
	var all []gates.Target
	for _, t := range targets {
		for _, one := range t.Expand() {
			if !slices.ContainsFunc(all, func(other gates.Target) bool { return other.String() == one.String() }) {
				all = append(all, one)
			}
		}
	}
	return all
}

// speaksOf reports whether an item names the target, or names none.
func speaksOf(item *fixtures.Item, target gates.Target) bool {
	if len(item.Targets) == 0 {
		return true
	}
	return slices.ContainsFunc(Expand(item.Targets), func(t gates.Target) bool { return t.String() == target.String() })
}

// MatrixTargets are the targets of the clusters of the matrix.
func MatrixTargets() []gates.Target {
	var targets []gates.Target
	for _, cell := range clusters.Matrix() {
		targets = append(targets, cell.Target)
	}
	return Expand(targets)
}

// NamedTargets are those of the matrix, then all others that some scenario names.
func NamedTargets(items []fixtures.Item) []gates.Target {
	targets := MatrixTargets()
	for i := range items {
		targets = append(targets, items[i].Targets...)
	}
	return Expand(targets)
}

// Select returns the items of a profile that the names choose: names of scenarios, with or without the family, and of families. No
// names and the empty profile mean all. An error names what is not there.
func Select(items []fixtures.Item, names []string, profile fixtures.Profile) ([]fixtures.Item, error) {
	var chosen []fixtures.Item
	found := make([]bool, len(names))
	for _, item := range items {
		take := len(names) == 0
		for i, name := range names {
			if item.Name == name || item.FullName() == name || item.Family == name {
				take, found[i] = true, true
			}
		}
		if take && (profile == "" || item.Profile == profile) {
			chosen = append(chosen, item)
		}
	}
	var missing []string
	for i, name := range names {
		if !found[i] {
			missing = append(missing, fmt.Sprintf("%q", name))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("there is no built-in scenario %s; scenario list shows them all", strings.Join(missing, ", "))
	}
	return chosen, nil
}

// outcome is what is known of a case before it is judged.
func (c *Case) outcome() report.Outcome {
	return report.Outcome{
		Target: c.Target.String(), Scenario: c.Item.FullName(), Title: c.Item.Title, Profile: c.Item.Profile, Labels: c.Item.Labels(),
	}
}
