package clusters

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// config writes the configuration of kind. It is written by hand and not by an encoder, because it is read by people and
// compared byte for byte; a test decodes it into kind's own types.
//
// The gates of a cluster whose components all have the same are given once, at the top: kind passes them to every
// component, and through the cluster's kubelet configuration to every kubelet. Where a node differs that way is closed: a
// kubelet refuses to start on a gate that its release does not know. Then the control plane is given its gates in the
// ClusterConfiguration, and each kubelet its own on its command line, where nothing is inherited.
//
// Patches name no apiVersion. Then kind applies a map of extra arguments to every version of kubeadm's configuration, those
// that have a list included (kind v0.33: pkg/internal/patch, mergeExtraArgs).
func (p *Plan) config() string {
	var w configWriter
	w.line(0, "kind: Cluster")
	w.line(0, "apiVersion: kind.x-k8s.io/v1alpha4")
	w.line(0, "name: %s", p.Name)
	same := p.uniform()
	if same && len(p.Target.Control.Overrides) > 0 {
		w.line(0, "featureGates:")
		for _, o := range sorted(p.Target.Control.Overrides) {
			w.line(1, "%s: %t", o.Gate, o.On)
		}
	}
	if len(p.Options.RuntimeConfig) > 0 {
		w.line(0, "runtimeConfig:")
		for _, setting := range slices.Sorted(slices.Values(p.Options.RuntimeConfig)) {
			key, value, _ := strings.Cut(setting, "=")
			w.line(1, "%s: %s", strconv.Quote(key), strconv.Quote(value))
		}
	}
	if p.Options.Offline {
		w.line(0, "networking:")
		w.line(1, "disableDefaultCNI: true")
	}
	w.patches(0, p.clusterPatches(same))
	w.line(0, "nodes:")
	for _, n := range p.Nodes {
		role := "worker"
		if n.Control {
			role = "control-plane"
		}
		w.line(0, "- role: %s", role)
		w.line(1, "image: %s", n.Image)
		if n.Kind >= 0 {
			w.line(1, "labels:")
			w.line(2, "%s: %q", NodeKindLabel, strconv.Itoa(n.Kind))
		}
		w.patches(1, p.nodePatches(n, same))
	}
	return w.String()
}

// uniform reports whether every component has the release and the gates of the control plane.
func (p *Plan) uniform() bool {
	return !slices.ContainsFunc(p.Nodes, func(n PlannedNode) bool {
		return n.Component.Release != p.Target.Control.Release || gateFlag(n.Component) != gateFlag(p.Target.Control)
	})
}

func (p *Plan) clusterPatches(uniform bool) [][]string {
	var patches [][]string
	if flag := gateFlag(p.Target.Control); !uniform && flag != "" {
		patch := []string{"kind: ClusterConfiguration"}
		for _, component := range []string{"apiServer", "controllerManager", "scheduler"} {
			patch = append(patch, component+":", "  extraArgs:", fmt.Sprintf("    feature-gates: %q", flag))
		}
		patches = append(patches, patch)
	}
	if p.Options.Offline {
		// The list replaces kind's own, so preflight is repeated.
		patches = append(patches, []string{"kind: InitConfiguration", "skipPhases: [preflight, addon/coredns]"})
	}
	if (p.Options.Offline || p.Options.CgroupV1) && slices.Contains(images().RefusesCgroupV1, p.Target.Control.Release.Line()) {
		patches = append(patches, []string{"kind: KubeletConfiguration", "failCgroupV1: false"})
	}
	return patches
}

func (p *Plan) nodePatches(n PlannedNode, uniform bool) [][]string {
	var lines []string
	if flag := gateFlag(n.Component); !uniform && flag != "" {
		lines = append(lines, "  kubeletExtraArgs:", fmt.Sprintf("    feature-gates: %q", flag))
	}
	if n.Control && n.Kind >= 0 && len(p.Nodes) > 1 {
		// kind takes the taint away only where there is one node. An empty list is not the same as none.
		lines = append(lines, "  taints: []")
	}
	if lines == nil {
		return nil
	}
	kind := "kind: JoinConfiguration"
	if n.Control {
		kind = "kind: InitConfiguration"
	}
	return [][]string{append([]string{kind, "nodeRegistration:"}, lines...)}
}

// gateFlag is the value of --feature-gates.
func gateFlag(c gates.Component) string {
	var parts []string
	for _, o := range sorted(c.Overrides) {
		parts = append(parts, fmt.Sprintf("%s=%t", o.Gate, o.On))
	}
	return strings.Join(parts, ",")
}

func sorted(overrides []gates.Override) []gates.Override {
	return slices.SortedFunc(slices.Values(overrides), func(a, b gates.Override) int { return strings.Compare(a.Gate, b.Gate) })
}

// configWriter writes lines of YAML.
type configWriter struct{ strings.Builder }

func (w *configWriter) line(depth int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

func (w *configWriter) patches(depth int, patches [][]string) {
	if len(patches) == 0 {
		return
	}
	w.line(depth, "kubeadmConfigPatches:")
	for _, patch := range patches {
		w.line(depth, "- |")
		for _, line := range patch {
			w.line(depth+1, "%s", line)
		}
	}
}
