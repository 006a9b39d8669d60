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

// softMin says that a soft eviction gives a Pod no more than its own grace, as from 1.32 on.
var softMin = release >= "v1.32"

// setGates sets feature gates of this process until restore is called. Gates that the release does not know, or has
// locked to the other value, are skipped and named. The others are set together, since some cannot be on or off alone.
func setGates(wanted map[string]bool) (restore func(), skipped []string) {
	gate := utilfeature.DefaultMutableFeatureGate
	known := gate.GetAll()
	was, will := map[string]bool{}, map[string]bool{}
	for _, name := range sortedKeys(wanted) {
		spec, ok := known[featuregate.Feature(name)]
		before := ok && gate.Enabled(featuregate.Feature(name))
		switch {
		case !ok:
			skipped = append(skipped, name)
		case before == wanted[name]:
		case spec.LockToDefault:
			skipped = append(skipped, fmt.Sprintf("%s (locked to %v)", name, spec.Default))
		default:
			was[name], will[name] = before, wanted[name]
		}
	}
	set := func(values map[string]bool) error {
		if len(values) == 0 {
			return nil
		}
		return gate.SetFromMap(values)
	}
	if err := set(will); err != nil {
		skipped = append(skipped, fmt.Sprintf("%v (%v)", sortedKeys(will), err))
	}
	return func() {
		if err := set(was); err != nil {
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
