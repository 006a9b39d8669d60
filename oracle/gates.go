package oracle

import (
	"fmt"
	"runtime/debug"
	"slices"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/featuregate"
)

// release of Kubernetes that this program was built with.
var release = func() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			if m.Path == "k8s.io/kubernetes" {
				return m.Version
			}
		}
	}
	return "unknown"
}()

// setGates sets feature gates of this process until restore is called. Gates that the release does not know, or has
// locked to the other value, are skipped and named.
func setGates(wanted map[string]bool) (restore func(), skipped []string) {
	gate := utilfeature.DefaultMutableFeatureGate
	known := gate.GetAll()
	was := map[string]bool{}
	for _, name := range sortedKeys(wanted) {
		if _, ok := known[featuregate.Feature(name)]; !ok {
			skipped = append(skipped, name)
			continue
		}
		before := gate.Enabled(featuregate.Feature(name))
		if before == wanted[name] {
			continue
		}
		if err := gate.SetFromMap(map[string]bool{name: wanted[name]}); err != nil {
			skipped = append(skipped, fmt.Sprintf("%s (%v)", name, err))
			continue
		}
		was[name] = before
	}
	return func() {
		if len(was) == 0 {
			return
		}
		if err := gate.SetFromMap(was); err != nil {
			panic(fmt.Sprintf("setting gates back: %v", err)) // they held these values before
		}
	}, skipped
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
