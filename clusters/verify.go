package clusters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/client-go/kubernetes"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Violation is one difference between a cluster and a target, or one thing that could not be verified.
type Violation struct {
	// Component is "API server", "node NAME" or "nodes".
	Component string `json:"component"`
	// What is the difference in words.
	What string `json:"what"`
	// Remedy says what to do about it.
	Remedy string `json:"remedy"`
	// Unverified is true where the cluster may be what the target says, but it could not be seen.
	Unverified bool `json:"unverified"`
}

// String returns the violation as one line, without its remedy.
func (v Violation) String() string { return v.Component + ": " + v.What }

// Refusal returns an error that names every violation and then each remedy once, or nil if there is none. Nothing may be run
// on a cluster for a target if it is not nil. ErrUnverified is in its chain if no difference is certain: then a verdict is
// unknown.
func Refusal(t gates.Target, violations []Violation) error {
	if len(violations) == 0 {
		return nil
	}
	var lines, remedies []string
	certain := false
	for _, v := range violations {
		certain = certain || !v.Unverified
		lines = append(lines, v.String())
		if remedy := "remedy: " + v.Remedy; !slices.Contains(remedies, remedy) {
			remedies = append(remedies, remedy)
		}
	}
	text := strings.Join(append(lines, remedies...), "\n")
	if !certain {
		return fmt.Errorf("the cluster may be %s, but %w:\n%s", t, ErrUnverified, text)
	}
	return fmt.Errorf("the cluster is not %s:\n%s", t, text)
}

// ErrUnverified says that a cluster may be what a target says, but that it could not be seen.
var ErrUnverified = errors.New("not everything could be seen")

// Verify looks at a cluster and compares it with a target. It fills in Node.Kind of the facts. The error is that of Look.
func Verify(ctx context.Context, client kubernetes.Interface, t gates.Target) (*Facts, []Violation, error) {
	facts, err := Look(ctx, client)
	if err != nil {
		return nil, nil, err
	}
	return facts, facts.Compare(t), nil
}

// Compare returns the differences from a target, all of them, and fills in Node.Kind.
//
// Every kind of node in the target must be there, and every node that takes Pods must be of one of the kinds, or a Pod might
// land on a node that nobody predicted. Nodes that take no Pods, such as those of a control plane, may be anything.
func (f *Facts) Compare(t gates.Target) []Violation {
	c := comparison{facts: f, target: t, remedy: remedy(f)}
	c.component(&f.API, t.Control)
	if f.API.Emulates != "" {
		c.add("API server", fmt.Sprintf("it emulates %s; components that emulate another release are not predicted", f.API.Emulates),
			"take --emulated-version away", false)
	}
	if f.Kubelets != nil {
		c.add("nodes", "they could not be seen: "+f.Kubelets.Refusal, grant(f.Missing), true)
		return c.violations
	}
	seen := make([]bool, len(t.Nodes))
	for i := range f.Nodes {
		c.node(&f.Nodes[i], seen)
	}
	for kind, component := range t.Nodes {
		if !seen[kind] {
			c.add("nodes", fmt.Sprintf("no node that takes Pods is %s", component), c.remedy, false)
		}
	}
	return c.violations
}

type comparison struct {
	facts      *Facts
	target     gates.Target
	remedy     string
	violations []Violation
}

func (c *comparison) add(component, what, remedy string, unverified bool) {
	c.violations = append(c.violations, Violation{component, what, remedy, unverified})
}

// node finds the kind of a node: the one that it differs least from. A difference that could not be seen is less than one
// that is certain.
func (c *comparison) node(n *Node, seen []bool) {
	best, bestCost := 0, -1
	for kind, want := range c.target.Nodes {
		cost := 0
		for _, d := range differences(&n.Component, want) {
			cost += 1
			if !d.Unverified {
				cost += 1000
			}
		}
		if bestCost < 0 || cost < bestCost {
			best, bestCost = kind, cost
		}
	}
	if bestCost < 1000 {
		n.Kind = best
	}
	if n.Closed != "" {
		return
	}
	if !n.Ready {
		c.add(n.Name, "it is not ready", "wait for it, or cordon it", true)
	}
	if bestCost < 1000 {
		seen[best] = true
	}
	c.component(&n.Component, c.target.Nodes[best])
}

func (c *comparison) component(seen *Component, want gates.Component) {
	for _, d := range differences(seen, want) {
		d.Remedy = c.remedy
		if d.Unverified {
			d.Remedy = grant(c.facts.Missing)
		}
		c.violations = append(c.violations, d)
	}
}

// differences compares one component. Where the release differs, gates say nothing.
func differences(seen *Component, want gates.Component) []Violation {
	r, ok := seen.Release()
	switch {
	case seen.Version == "":
		return []Violation{{seen.Name, strings.TrimSuffix("its version was not seen: "+seen.Refusal, ": "), "", true}}
	case !ok:
		return []Violation{{seen.Name, fmt.Sprintf("%s; the target says %s", seen.age(), want.Release), "", false}}
	case r != want.Release:
		return []Violation{{seen.Name, fmt.Sprintf("it is %s; the target says %s", r, want.Release), "", false}}
	}
	var found []Violation
	unknown := map[string][]string{} // from the reason to the gates
	var reasons []string
	for _, g := range seen.Gates {
		if _, _, fixed := gates.Fixed(g.Name, r); fixed && g.Evidence != Metrics {
			continue
		}
		switch expected := stateOf(want.On(g.Name)); {
		case g.State == Unknown:
			if unknown[g.Because] == nil {
				reasons = append(reasons, g.Because)
			}
			unknown[g.Because] = append(unknown[g.Because], g.Name)
		case g.State != expected:
			found = append(found, Violation{seen.Name, fmt.Sprintf("feature gate %s is %s; the target says %s", g.Name, g.State, expected), "", false})
		}
	}
	for _, why := range reasons {
		names := unknown[why]
		what := fmt.Sprintf("feature gate %s is unknown: %s", names[0], why)
		if len(names) > 1 {
			what = fmt.Sprintf("feature gate %s and %d others are unknown: %s", names[0], len(names)-1, why)
		}
		found = append(found, Violation{seen.Name, what, "", true})
	}
	return found
}

// remedy names the target that the cluster is, if it is one.
func remedy(f *Facts) string {
	const other = "create a cluster for the target with clusters create"
	measured, err := f.Target()
	if err != nil {
		return other
	}
	if parsed, err := gates.ParseTargets(measured.String()); err != nil || len(parsed) != 1 {
		return other
	}
	return fmt.Sprintf("write --target %s, which the cluster is, or %s", measured, other)
}

// grant says which permissions would help.
func grant(missing []Permission) string {
	if len(missing) == 0 {
		return "see why it does not answer, and try again"
	}
	words := make([]string, len(missing))
	for i, p := range missing {
		words[i] = p.String()
	}
	return "grant " + strings.Join(words, " and ") + " (clusters rbac prints the roles)"
}
