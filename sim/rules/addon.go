package rules

import (
	"strconv"
	"strings"
)

// AddOn is an add-on of the cluster, in the version that is installed.
type AddOn struct{ Name, Version string }

// knownAddOn is an add-on that has to know sidecars.
type knownAddOn struct {
	name string
	// first is the first version that counts or manages them. Where none that was read does, it is empty, and newest is the newest of those.
	first, newest string
	// effect completes "NAME VERSION …" for older versions.
	effect string
	// issues are where it was reported or repaired.
	issues []string
}

// knownAddOns is what was read in the sources of the add-ons.
//
// cluster-autoscaler: simulator/utilization/info.go: CalculateUtilizationOfResource adds up containers alone in 1.28, and takes the
// scheduler's PodRequests in 1.29.0. karpenter: pkg/utils/resources/resources.go: Ceiling looks at restartPolicy since v0.34.0. kueue:
// pkg/util/limitrange/limitrange.go: TotalRequests does since v0.6.3. vertical-pod-autoscaler: recommender/input/cluster_feeder.go passes
// over the samples of init containers in every release to 1.7.1.
var knownAddOns = []knownAddOn{
	{"cluster-autoscaler", "1.29.0", "", "takes a node with sidecars for emptier than it is, and may remove it", []string{"kubernetes/autoscaler#6225"}},
	{"karpenter", "0.34.0", "", "makes nodes that are too small for Pods with sidecars", []string{"kubernetes-sigs/karpenter#479", "kubernetes-sigs/karpenter#569"}},
	{"kueue", "0.6.3", "", "lets in more than the quota, by the requests of sidecars", []string{"kubernetes-sigs/kueue#2099"}},
	{"vertical-pod-autoscaler", "", "1.7.1", "gives no recommendation for sidecars", []string{"kubernetes/autoscaler#6691", "kubernetes/autoscaler#7229"}},
}

// KnownAddOns returns the names of the add-ons that RES005 knows.
func KnownAddOns() []string {
	names := make([]string, len(knownAddOns))
	for i := range knownAddOns {
		names[i] = knownAddOns[i].name
	}
	return names
}

// version is a version of an add-on: major, minor, patch.
type version [3]int

// parseVersion reads 1.2.3, with or without a v in front and with or without something behind it; missing numbers are 0.
func parseVersion(text string) (v version, ok bool) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "-")
	text, _, _ = strings.Cut(text, "+")
	for i, part := range strings.Split(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || i >= len(v) {
			return version{}, false
		}
		v[i] = n
	}
	return v, true
}

func (v version) before(other version) bool {
	for i := range v {
		if v[i] != other[i] {
			return v[i] < other[i]
		}
	}
	return false
}

func res005(c *checking) {
	if !c.needSidecars() {
		return
	}
	if len(c.policy.AddOns) == 0 {
		c.skip("no add-on of the cluster is named (addOns)")
		return
	}
	for _, a := range c.policy.AddOns {
		for i := range knownAddOns {
			if knownAddOns[i].name == a.Name {
				c.addOn(&knownAddOns[i], a.Version)
			}
		}
	}
	c.pass("the add-ons that are named count sidecars")
}

func (c *checking) addOn(k *knownAddOn, text string) {
	installed, ok := parseVersion(text)
	if !ok {
		c.unknown("%q is no version of %s", text, k.name)
		return
	}
	first, some := parseVersion(k.first)
	newest, _ := parseVersion(k.newest)
	switch {
	case some && !installed.before(first):
		return
	case !some && newest.before(installed):
		c.unknown("%s %s is newer than %s, the newest that was read", k.name, text, k.newest)
		return
	}
	f := c.warn(c.sidecars()[0].at(""), "%s %s %s", k.name, strings.TrimPrefix(text, "v"), k.effect)
	if some {
		f.because("It counts them from %s on.%s", k.first, links(k.issues)).do("update %s to %s or a later version", k.name, k.first)
		return
	}
	f.because("No version up to %s does.%s", k.newest, links(k.issues)).do("set the requests of the sidecars by hand")
}
