package clusters

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// State is what is known of a gate in one component.
type State string

// The states.
const (
	On      State = "on"
	Off     State = "off"
	Unknown State = "unknown"
)

// Evidence says how a state is known.
type Evidence string

// The kinds of evidence, the best first.
const (
	// Metrics: the component's own series kubernetes_feature_enabled.
	Metrics Evidence = "metrics"
	// ByVersion: the component has no series, or may not be asked, and its release has one state only.
	ByVersion Evidence = "version"
	// BySkew: the component is not seen at all, and all releases that the skew policy allows have the same state.
	BySkew Evidence = "skew rule"
	// None goes with Unknown.
	None Evidence = "none"
)

// Gate is the state of one gate in one component.
type Gate struct {
	Name     string   `json:"name"`
	State    State    `json:"state"`
	Evidence Evidence `json:"evidence"`
	// Because is the series as it was read, the rule, or what is missing.
	Because string `json:"because"`
}

// Component is the API server or the kubelet of one node, as it was seen.
type Component struct {
	// Name is "API server" or "node NAME".
	Name string `json:"name"`
	// Version is what the component says of itself, such as v1.29.15; empty if it was not seen.
	Version string `json:"version"`
	// Emulates is the release line that an API server emulates, where that is another one than its own.
	Emulates string `json:"emulates,omitempty"`
	// Gates are the gates that change an order or a status, in the order of gates.Gates.
	Gates []Gate `json:"gates"`

	// Refusal says why no series were read; empty where they were. Then a gate that has none is known to have none.
	Refusal string `json:"refusal,omitempty"`

	parsed gates.Version
}

// Gate returns the state of a gate; the zero Gate with state Unknown for one that is not listed.
func (c *Component) Gate(name string) Gate {
	i := slices.IndexFunc(c.Gates, func(g Gate) bool { return g.Name == name })
	if i < 0 {
		return Gate{Name: name, State: Unknown, Evidence: None, Because: "it was not looked for"}
	}
	return c.Gates[i]
}

// Release returns the release of the component; ok is false if it is not one of the lines that are known.
func (c *Component) Release() (r gates.Release, ok bool) {
	return c.parsed.Release, c.Version != "" && c.parsed.HasRelease()
}

// Measured returns the component as a target writes it: its release, and the gates that differ from their default. It is an
// error if the release is not known, or if a gate is that is not fixed.
func (c *Component) Measured() (gates.Component, error) {
	r, ok := c.Release()
	if !ok {
		return gates.Component{}, fmt.Errorf("%s: %s", c.Name, c.age())
	}
	m := gates.Component{Release: r}
	defaults := gates.Component{Release: r}
	for _, g := range c.Gates {
		if _, _, fixed := gates.Fixed(g.Name, r); fixed {
			continue
		}
		if g.State == Unknown {
			return gates.Component{}, fmt.Errorf("%s: feature gate %s is unknown: %s", c.Name, g.Name, g.Because)
		}
		if on := g.State == On; on != defaults.On(g.Name) {
			m.Overrides = append(m.Overrides, gates.Override{Gate: g.Name, On: on})
		}
	}
	return m, nil
}

// age says how the version stands to the releases that are known, empty if all is known of it.
func (c *Component) age() string {
	oldest, newest := gates.Oldest().Line(), gates.Newest().Line()
	switch {
	case c.Version == "":
		return "its version was not seen"
	case c.parsed.Known == gates.TooOld:
		return fmt.Sprintf("%s is older than %s, the oldest release that knows native sidecars", c.Version, oldest)
	case c.parsed.Known == gates.TooNew:
		return fmt.Sprintf("%s is newer than %s, the newest release that is known here", c.Version, newest)
	case c.parsed.Known == gates.NewerPatch:
		return fmt.Sprintf("%s is a newer patch release than the one that was read", c.Version)
	}
	return ""
}

// Node is one node, as it was seen.
type Node struct {
	Component
	// Runtime, OS, Kernel and Architecture are those of node.status.nodeInfo.
	Runtime      string `json:"runtime"`
	OS           string `json:"os"`
	Kernel       string `json:"kernel"`
	Architecture string `json:"architecture"`
	// NodeName is the node's name.
	NodeName string `json:"nodeName"`
	Ready    bool   `json:"ready"`
	// Closed says why a Pod without tolerations is not scheduled here, such as a taint; empty if it is.
	Closed string `json:"closed,omitempty"`
	// Kind is the position in Target.Nodes of what the node is; -1 for none.
	Kind int `json:"kind"`
}

// Permission is one that was refused, in the words of a Role.
type Permission struct {
	Verb string `json:"verb"`
	// Resource is a resource with its subresource, such as nodes/proxy; empty for a path.
	Resource string `json:"resource,omitempty"`
	// NonResourceURL is a path, such as /metrics; empty for a resource.
	NonResourceURL string `json:"nonResourceURL,omitempty"`
}

// String returns the permission as a sentence needs it.
func (p Permission) String() string {
	if p.NonResourceURL != "" {
		return fmt.Sprintf("%s on the nonResourceURL %s", p.Verb, p.NonResourceURL)
	}
	return fmt.Sprintf("%s on %s", p.Verb, p.Resource)
}

// The kind of document that Facts are written as.
const (
	FactsAPIVersion = "sidecar-conformance.dev/v1alpha1"
	FactsKind       = "ClusterFacts"
)

// Facts are what was seen of a cluster. They are written as JSON, and read back by ReadFacts.
type Facts struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`

	API Component `json:"apiServer"`
	// Nodes are in the order of their names. Empty where they may not be listed; then Kubelets says what follows for all.
	Nodes []Node `json:"nodes"`
	// Kubelets stands for all nodes where none was seen; nil otherwise.
	Kubelets *Component `json:"kubelets,omitempty"`
	// Missing are the permissions that were refused, each once.
	Missing []Permission `json:"missingPermissions,omitempty"`
}

// Target returns the cluster as a target: the API server, and each kind of node on which Pods are scheduled.
func (f *Facts) Target() (gates.Target, error) {
	control, err := f.API.Measured()
	if err != nil {
		return gates.Target{}, err
	}
	t := gates.Target{Control: control}
	for i := range f.Nodes {
		n := &f.Nodes[i]
		if n.Closed != "" {
			continue
		}
		kind, err := n.Measured()
		if err != nil {
			return gates.Target{}, err
		}
		if !slices.ContainsFunc(t.Nodes, func(other gates.Component) bool { return other.String() == kind.String() }) {
			t.Nodes = append(t.Nodes, kind)
		}
	}
	if len(t.Nodes) == 0 {
		return gates.Target{}, fmt.Errorf("no node takes Pods")
	}
	t.Split = len(t.Nodes) > 1 || t.Nodes[0].String() != control.String()
	return t, nil
}

// OfKind returns the names of the nodes of one kind, those that take Pods.
func (f *Facts) OfKind(kind int) []string {
	var names []string
	for _, n := range f.Nodes {
		if n.Kind == kind && n.Closed == "" {
			names = append(names, n.NodeName)
		}
	}
	return names
}

// ReadFacts reads facts that were written as JSON, with what else stands beside them there.
func ReadFacts(r io.Reader) (*Facts, error) {
	var f Facts
	if err := json.NewDecoder(r).Decode(&f); err != nil {
		return nil, fmt.Errorf("reading facts of a cluster: %w", err)
	}
	if f.APIVersion != FactsAPIVersion || f.Kind != FactsKind {
		return nil, fmt.Errorf("reading facts of a cluster: apiVersion %q and kind %q, want %q and %q, as doctor -o json writes them",
			f.APIVersion, f.Kind, FactsAPIVersion, FactsKind)
	}
	components := []*Component{&f.API}
	if f.Kubelets != nil {
		components = append(components, f.Kubelets)
	}
	for i := range f.Nodes {
		components = append(components, &f.Nodes[i].Component)
	}
	for _, c := range components {
		if c.Version == "" {
			continue
		}
		parsed, err := gates.ParseVersion(c.Version)
		if err != nil {
			return nil, fmt.Errorf("reading facts of a cluster: %s: %w", c.Name, err)
		}
		c.parsed = parsed
	}
	return &f, nil
}
