package clusters

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Prefix begins the name of every cluster of ours.
const Prefix = "sidecar-conformance-"

// maxSlug is the longest end of a name: kind adds "-control-plane" for the name of the host, which becomes the value of the
// label kubernetes.io/hostname. That has at most 63 letters; with more the node cannot register.
const maxSlug = 63 - len("-control-plane") - len(Prefix)

// NodeKindLabel is on every node that Pods of scenarios may run on; its value is the position in Target.Nodes.
const NodeKindLabel = "sidecar-conformance.dev/node-kind"

// Options say how a target is turned into a cluster.
type Options struct {
	// Name ends the name of the cluster; empty for one that follows from the target.
	Name string
	// Images replace official node images.
	Images []Image
	// Copies is the number of nodes of each kind; 0 means 1.
	Copies int
	// Apart keeps Pods off the control plane's node: every node of the target is a worker. Scenarios that reboot a node or
	// restart its kubelet need that, or the API server goes down with them.
	Apart bool
	// Offline is for node images that hold no images of Pods for the network and for DNS: the runtime has its own network
	// configuration, and CoreDNS is left out. It implies CgroupV1.
	Offline bool
	// CgroupV1 has kubelets start on a host with cgroup v1 that would refuse to.
	CgroupV1 bool
	// RuntimeConfig turns APIs of the API server on or off, such as "api/alpha=true".
	RuntimeConfig []string
}

// PlannedNode is one node of a plan.
type PlannedNode struct {
	// Name is the container's name without the cluster's, as kind forms it.
	Name string
	// Control is true for the node of the control plane.
	Control bool
	// Kind is the position in Target.Nodes; -1 for a node that holds the control plane only.
	Kind int
	// Component is the kubelet.
	Component gates.Component
	Image     string
}

// Plan is a cluster that would be created.
type Plan struct {
	Name    string
	Target  gates.Target
	Options Options
	Nodes   []PlannedNode
	// Config is the configuration that kind is given, as YAML.
	Config string
}

// NewPlan turns a target into a plan. It reports all problems at once.
func NewPlan(t gates.Target, o Options) (*Plan, error) {
	var problems []error
	for _, one := range t.Expand() {
		if _, err := gates.Resolve(one); err != nil {
			problems = append(problems, err)
		}
	}
	if o.Copies < 0 {
		problems = append(problems, fmt.Errorf("%d nodes of a kind; want 1 or more", o.Copies))
	}
	if o.Name != "" && (!cellName.MatchString(o.Name) || len(o.Name) > maxSlug) {
		problems = append(problems, fmt.Errorf("name %q: want at most %d lower case letters, digits, dots and dashes", o.Name, maxSlug))
	}
	for _, setting := range o.RuntimeConfig {
		if key, value, found := strings.Cut(setting, "="); !found || key == "" || value == "" {
			problems = append(problems, fmt.Errorf("runtime configuration %q: want API=true or API=false", setting))
		}
	}
	problems = append(problems, UnusedImages(o.Images, []gates.Target{t}))
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	p := &Plan{Name: Prefix + slug(t), Target: t, Options: o}
	if o.Name != "" {
		p.Name = Prefix + o.Name
	}
	p.Nodes = nodesOf(t, o)
	p.Config = p.config()
	return p, nil
}

// nodesOf lays out the nodes. The control plane's node serves as a node of the target where one has its release, unless
// they are to be apart: a cluster of one node is the cheapest.
func nodesOf(t gates.Target, o Options) []PlannedNode {
	control := PlannedNode{Name: "control-plane", Control: true, Kind: -1, Component: t.Control}
	if !o.Apart {
		control.Kind = slices.IndexFunc(t.Nodes, func(n gates.Component) bool { return n.Release == t.Control.Release })
	}
	if control.Kind >= 0 {
		control.Component = t.Nodes[control.Kind]
	}
	control.Image = choose(o.Images, control.Component.Release)
	nodes := []PlannedNode{control}
	for kind, component := range t.Nodes {
		number := max(o.Copies, 1)
		if kind == control.Kind {
			number--
		}
		for range number {
			worker := PlannedNode{Name: "worker", Kind: kind, Component: component, Image: choose(o.Images, component.Release)}
			if len(nodes) > 1 {
				worker.Name = fmt.Sprintf("worker%d", len(nodes))
			}
			nodes = append(nodes, worker)
		}
	}
	return nodes
}

// slug is the end of the name for a target: that of the matrix, or the target in letters that a name may have.
func slug(t gates.Target) string {
	text := t.String()
	for _, c := range Matrix() {
		if c.Target.String() == text {
			return c.Name
		}
	}
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.':
			b.WriteRune(r)
		case r == '+':
			b.WriteString("-on-")
		case r == '-':
			b.WriteString("-off-")
		case r == '/' || r == ',':
			b.WriteByte('-')
		}
	}
	if b.Len() <= maxSlug {
		return b.String()
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s-%x", strings.TrimRight(b.String()[:maxSlug-9], ".-"), sum[:4])
}

// String returns the plan as people read it: a few lines of comments, then the configuration. The whole is what kind
// takes with --config.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: target %s\n", p.Name, p.Target)
	for _, n := range p.Nodes {
		what := "no Pods of scenarios, kubelet " + n.Component.String()
		if n.Kind >= 0 {
			what = "kubelet " + n.Component.String()
		}
		if n.Control {
			what += ", API server " + p.Target.Control.String()
		}
		fmt.Fprintf(&b, "#   %-14s %s\n", n.Name, what)
	}
	b.WriteString(p.Config)
	return b.String()
}

// Images returns the node images of the plan, each once.
func (p *Plan) Images() []string {
	var list []string
	for _, n := range p.Nodes {
		if !slices.Contains(list, n.Image) {
			list = append(list, n.Image)
		}
	}
	return list
}
