package gates

import (
	"errors"
	"fmt"
	"strings"
)

// Override sets one gate of one component.
type Override struct {
	Gate string
	On   bool
}

// Component is a release with its gates.
type Component struct {
	Release   Release
	Overrides []Override
}

// String returns the component as a target writes it, with the patch release spelled out.
func (c Component) String() string {
	var b strings.Builder
	b.WriteString(c.Release.String())
	for _, o := range c.Overrides {
		sign := byte('-')
		if o.On {
			sign = '+'
		}
		b.WriteByte(sign)
		b.WriteString(o.Gate)
	}
	return b.String()
}

// On reports whether the gate is on in this component. A gate that the release does not know counts as off, except a
// gate that was removed after it had become GA: what it guarded is there for good.
func (c Component) On(name string) bool {
	for _, o := range c.Overrides {
		if o.Gate == name {
			return o.On
		}
	}
	g := findGate(name)
	if spec := g.Spec(c.Release); spec.Stage != Unknown {
		return spec.Default
	}
	for i := c.Release.Minor - Oldest().Minor; i >= 0; i-- {
		if g.specs[i].Stage != Unknown {
			return g.specs[i].Stage == GA
		}
	}
	return false
}

// Target is a Kubernetes to predict for: the control plane (API server, scheduler, controllers) and one or more kinds of
// nodes.
type Target struct {
	Control Component
	// Nodes has one entry for each kind of node in the cluster; never empty.
	Nodes []Component
	// Split is true where the nodes were written apart from the control plane.
	Split bool
}

// String returns the target with patch releases spelled out. ParseTargets reads it back.
func (t Target) String() string {
	if !t.Split {
		return t.Control.String()
	}
	nodes := make([]string, len(t.Nodes))
	for i, node := range t.Nodes {
		nodes[i] = node.String()
	}
	if len(nodes) == 1 {
		return t.Control.String() + "/" + nodes[0]
	}
	return t.Control.String() + "/{" + strings.Join(nodes, ",") + "}"
}

// Expand returns one target for each kind of node.
func (t Target) Expand() []Target {
	if len(t.Nodes) == 1 {
		return []Target{t}
	}
	targets := make([]Target, len(t.Nodes))
	for i, node := range t.Nodes {
		targets[i] = Target{Control: t.Control, Nodes: []Component{node}, Split: true}
	}
	return targets
}

// AllTargets returns one target for each release line, with default gates.
func AllTargets() []Target {
	targets := make([]Target, len(pinned))
	for i, release := range pinned {
		targets[i] = whole(Component{Release: release})
	}
	return targets
}

func whole(c Component) Target { return Target{Control: c, Nodes: []Component{c}} }

// ParseTargets reads a comma-separated list of targets and ranges: "1.28+SidecarContainers,1.29..1.37,1.31/1.28". A range
// stands for every release line from its first to its last; gates after a range hold for each of them. It reports all
// problems at once.
func ParseTargets(list string) ([]Target, error) {
	var targets []Target
	var problems []error
	for _, text := range splitOutsideBraces(list) {
		text = strings.TrimSpace(text)
		if text == "" {
			problems = append(problems, fmt.Errorf("target list %q has an empty entry", list))
			continue
		}
		parsed, err := parseEntry(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		targets = append(targets, parsed...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return targets, nil
}

func parseEntry(text string) ([]Target, error) {
	control, nodes, split := strings.Cut(text, "/")
	if first, rest, isRange := strings.Cut(text, ".."); isRange {
		if split {
			return nil, fmt.Errorf("range %q: a range cannot have nodes apart; write each target, as in 1.30/1.28,1.31/1.28", text)
		}
		return parseRange(text, first, rest)
	}
	if strings.ContainsAny(control, "{}") {
		return nil, fmt.Errorf("target %q: braces belong after the slash, as in 1.29/{1.29,1.28}", text)
	}
	c, err := parseComponent(control)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", text, err)
	}
	target := whole(c)
	if split {
		target.Split = true
		target.Nodes = nil
		inner, braces := strings.CutPrefix(nodes, "{")
		if braces {
			var closed bool
			if inner, closed = strings.CutSuffix(inner, "}"); !closed {
				return nil, fmt.Errorf("target %q: the opening brace needs a closing one at the end", text)
			}
		}
		for _, node := range strings.Split(inner, ",") {
			n, err := parseComponent(strings.TrimSpace(node))
			if err != nil {
				return nil, fmt.Errorf("target %q: node: %w", text, err)
			}
			target.Nodes = append(target.Nodes, n)
		}
	}
	if err := target.check(); err != nil {
		return nil, fmt.Errorf("target %q: %w", text, err)
	}
	return []Target{target}, nil
}

func parseRange(text, first, rest string) ([]Target, error) {
	from, err := ParseRelease(first)
	if err != nil {
		return nil, fmt.Errorf("range %q: %w", text, err)
	}
	end := strings.IndexAny(rest, "+-")
	if end < 0 {
		end = len(rest)
	}
	to, err := ParseRelease(rest[:end])
	if err != nil {
		return nil, fmt.Errorf("range %q: %w", text, err)
	}
	if from.Minor > to.Minor {
		return nil, fmt.Errorf("range %q runs backwards; write %s..%s", text, to.Line(), from.Line())
	}
	var targets []Target
	for minor := from.Minor; minor <= to.Minor; minor++ {
		release := pinned[minor-Oldest().Minor]
		switch {
		case minor == from.Minor:
			release = from
		case minor == to.Minor:
			release = to
		}
		entry, err := parseEntry(release.String() + rest[end:])
		if err != nil {
			return nil, fmt.Errorf("range %q: %w", text, err)
		}
		targets = append(targets, entry...)
	}
	return targets, nil
}

func parseComponent(text string) (Component, error) {
	end := strings.IndexAny(text, "+-")
	if end < 0 {
		end = len(text)
	}
	release, err := ParseRelease(text[:end])
	if err != nil {
		return Component{}, err
	}
	c := Component{Release: release}
	for rest := text[end:]; rest != ""; {
		on := rest[0] == '+'
		rest = rest[1:]
		end := strings.IndexAny(rest, "+-")
		if end < 0 {
			end = len(rest)
		}
		c.Overrides = append(c.Overrides, Override{rest[:end], on})
		rest = rest[end:]
	}
	return c, c.check()
}

// check reports what would keep the component from starting. Source: component-base/featuregate, all releases.
func (c Component) check() error {
	var problems []error
	for i, o := range c.Overrides {
		g := findGate(o.Gate)
		if o.Gate == "" {
			problems = append(problems, errors.New("a sign without a gate name; write +Gate or -Gate"))
			continue
		}
		if g == nil {
			problems = append(problems, fmt.Errorf("feature gate %q is not one that changes the order of containers%s", o.Gate, didYouMean(o.Gate)))
			continue
		}
		for _, earlier := range c.Overrides[:i] {
			if earlier.Gate == o.Gate {
				problems = append(problems, fmt.Errorf("feature gate %s is set twice", o.Gate))
			}
		}
		switch spec := g.Spec(c.Release); {
		case spec.Stage == Unknown:
			problems = append(problems, fmt.Errorf("unrecognized feature gate: %s: %s does not have it%s", o.Gate, c.Release, history(g, c.Release)))
		case spec.Locked && o.On != spec.Default:
			problems = append(problems, fmt.Errorf("cannot set feature gate %s to %t, feature is locked to %t in %s", o.Gate, o.On, spec.Default, c.Release))
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	for i := range table {
		g := &table[i]
		if g.Spec(c.Release).Stage == Unknown || !c.On(g.Name) {
			continue
		}
		for _, need := range g.NeedsIn(c.Release) {
			if !c.On(need) {
				problems = append(problems, fmt.Errorf("feature gate %s needs %s, which is off in %s; turn %s on too, or %s off", g.Name, need, c, need, g.Name))
			}
		}
	}
	if c.On(eventedPLEG) {
		problems = append(problems, fmt.Errorf("feature gate %s is not simulated", eventedPLEG))
	}
	return errors.Join(problems...)
}

func history(g *Gate, r Release) string {
	was := false
	for i, spec := range g.specs {
		if spec.Stage == Unknown {
			continue
		}
		if i < r.Minor-Oldest().Minor {
			was = true
			continue
		}
		return "; it comes with " + pinned[i].Line()
	}
	if was {
		return "; it was removed before, and what it guarded is always on"
	}
	return ""
}

// check reports skews that Kubernetes does not support. Source: the version skew policy: a kubelet is never newer than
// the API server and at most three minor releases older (two up to API server 1.27, which is not covered here).
func (t Target) check() error {
	var problems []error
	for _, node := range t.Nodes {
		skew := t.Control.Release.Minor - node.Release.Minor
		switch {
		case skew < 0:
			problems = append(problems, fmt.Errorf("the kubelet %s is newer than the API server %s, which the version skew policy forbids; write the API server first, as in 1.31/1.28",
				node.Release, t.Control.Release))
		case skew > 3:
			problems = append(problems, fmt.Errorf("the kubelet %s is %d minor releases older than the API server %s; the version skew policy allows three",
				node.Release, skew, t.Control.Release))
		}
	}
	return errors.Join(problems...)
}

func splitOutsideBraces(list string) []string {
	var parts []string
	depth, start := 0, 0
	for i, r := range list {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, list[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, list[start:])
}

// didYouMean names the gate whose name differs least, if it differs little.
func didYouMean(name string) string {
	best, bestDistance := "", 4
	for i := range table {
		if d := distance(strings.ToLower(name), strings.ToLower(table[i].Name)); d < bestDistance {
			best, bestDistance = table[i].Name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance is the number of single-letter edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		previous := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := previous
			if a[i-1] != b[j-1] {
				cost++
			}
			previous = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
