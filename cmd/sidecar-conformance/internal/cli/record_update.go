package cli

import (
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// spareScenarios refuses to replace recordings of the items, unless --update is given. It asks no cluster, so that a mistake costs nothing.
func (f *recordFlags) spareScenarios(items []fixtures.Item) error {
	target, err := f.targetOfPods()
	if err != nil {
		return err
	}
	return f.spare(target, scenarioNames(items))
}

// spare refuses to replace recordings of the scenarios on a target, unless --update is given.
func (f *recordFlags) spare(target gates.Target, scenarios []string) error {
	if f.update {
		return nil
	}
	kept, err := recorded.Kept(f.into, target.String())
	if err != nil {
		return &exitError{exitUsage, err}
	}
	kept = slices.DeleteFunc(kept, func(name string) bool { return !slices.Contains(scenarios, name) })
	if len(kept) == 0 {
		return nil
	}
	shown := strings.Join(kept[:min(len(kept), few)], ", ")
	if more := len(kept) - few; more > 0 {
		shown += " and " + count(more, "other")
	}
	return usage("below %s there is a recording on %s already of %s; --update replaces what is there", f.into, target, shown)
}

// targetOfPods is the target as the Pods to play see it, by the flags and the label of the cluster.
func (f *recordFlags) targetOfPods() (gates.Target, error) {
	text := f.target
	if text == "" {
		p, err := clusters.NewProvider(clusters.Config{Dir: f.dir})
		if err != nil {
			return gates.Target{}, &exitError{exitUsage, err}
		}
		if text, err = p.Target(f.cluster); err != nil {
			return gates.Target{}, usage("there is no cluster %q that was created here; clusters list shows them", f.cluster)
		}
	}
	targets, err := clusters.Find(text)
	if err != nil || len(targets) != 1 {
		return gates.Target{}, usage("--target %q is no target of one cluster: %v", text, err)
	}
	kinds := targets[0].Expand()
	if f.kind < 0 || f.kind >= len(kinds) {
		return gates.Target{}, usage("--kind %d: the target %s has %s", f.kind, targets[0], count(len(kinds), "kind"))
	}
	return kinds[f.kind], nil
}

// scenarioNames are the names of the items in recordings.
func scenarioNames(items []fixtures.Item) []string {
	names := make([]string, len(items))
	for i := range items {
		names[i] = items[i].FullName()
	}
	return names
}
