package oracle

import (
	"fmt"
	"runtime/debug"
	"slices"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/featuregate"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
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

// apiFeatures is what the API server does besides storing Pods.
type apiFeatures struct{ noteEvictions, resize bool }

func featuresNow() apiFeatures {
	return apiFeatures{disruptionConditions(), resizable && enabled("InPlacePodVerticalScaling")}
}

// resizable says that resources may change where the gate is on. What there was before 1.33 is not compared.
var resizable = release >= "v1.33"

// disruptionConditions is the gate PodDisruptionConditions.
func disruptionConditions() bool { return enabled("PodDisruptionConditions") }

// enabled reports whether a gate is on, as it is for good where it is gone.
func enabled(name featuregate.Feature) bool {
	_, known := utilfeature.DefaultMutableFeatureGate.GetAll()[name]
	return !known || utilfeature.DefaultMutableFeatureGate.Enabled(name)
}

// startable reports whether a kubelet of the release starts with the gates: it does not with one that it does not know, or that is locked
// to the other value.
func startable(overrides []gates.Override) bool {
	known := utilfeature.DefaultMutableFeatureGate.GetAll()
	for _, o := range overrides {
		spec, ok := known[featuregate.Feature(o.Gate)]
		if !ok || spec.LockToDefault && spec.Default != o.On {
			return false
		}
	}
	return true
}

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
