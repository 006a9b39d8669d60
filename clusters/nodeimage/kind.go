package nodeimage

import (
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Settings is what a configuration of kind (kind.x-k8s.io/v1alpha4, Cluster) must say so that nodes of an image of this
// package come up.
type Settings struct {
	// DisableDefaultCNI is networking.disableDefaultCNI: the image has no network add-on.
	DisableDefaultCNI bool
	// KubeProxyMode is networking.kubeProxyMode: the image has no kube-proxy.
	KubeProxyMode string
	// KubeadmConfigPatches are patches of kubeadm's configuration, YAML, for the cluster or for each node.
	KubeadmConfigPatches []string
}

// KindSettings returns what kind must be told for nodes of a release. Where nodes are of different releases, the patches
// of the cluster's release belong to the cluster and those of the others to their nodes.
//
// It fails only for a release that releases.txt does not know.
func KindSettings(release gates.Release) (Settings, error) {
	facts, err := factsOf(release)
	if err != nil {
		return Settings{}, err
	}
	s := Settings{
		DisableDefaultCNI: true,
		KubeProxyMode:     "none",
		// The list replaces kind's own, so it repeats preflight, which fails in every container.
		KubeadmConfigPatches: []string{"kind: InitConfiguration\nskipPhases: [preflight, addon/coredns, addon/kube-proxy]\n"},
	}
	if len(facts.kubelet) > 0 {
		var b strings.Builder
		b.WriteString("kind: KubeletConfiguration\n")
		for _, setting := range facts.kubelet {
			name, value, _ := strings.Cut(setting, "=")
			fmt.Fprintf(&b, "%s: %s\n", name, value) // without effect where cgroups are of version 2
		}
		s.KubeadmConfigPatches = append(s.KubeadmConfigPatches, b.String())
	}
	return s, nil
}
