package rules

import (
	"strconv"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Subject is one Pod with what is known of its surroundings.
type Subject struct {
	// Kind is the kind of the object that the Pod comes from: Pod, Job, Deployment …
	Kind, Namespace, Name string
	// Scenario is what package sim runs: the Pod, its behaviour, what happens to it.
	Scenario *sim.Scenario
	// Init and Main are beside Scenario.Pod.Init and Main, one entry for each container.
	Init, Main []Facts
	// Job is what the Job around the Pod says; nil without one.
	Job *Job
	// ProgressDeadlineSeconds is a Deployment's; 0 where there is none.
	ProgressDeadlineSeconds int64
	// DefaultContainer is the annotation kubectl.kubernetes.io/default-container; DefaultContainerSet whether it is there.
	DefaultContainer    string
	DefaultContainerSet bool
	// ShareProcessNamespace and HostNetwork are the Pod's.
	ShareProcessNamespace, HostNetwork bool
	// Overhead is the Pod's, by resource.
	Overhead []Amount
	// PodResources says that spec.resources replaces the sums of the containers.
	PodResources bool
	// NodeTerms are the node labels that the Pod requires, by nodeSelector or required node affinity, with where they are written.
	NodeTerms []NodeTerm
}

// NodeTerm is one label of a node that a Pod requires.
type NodeTerm struct {
	Key string
	At  Pointer
}

// Role says what a container is for.
type Role string

// The roles of helpers. A container without one is not a helper, as far as is known.
const (
	RoleProxy      Role = "proxy"
	RoleRedirector Role = "redirector"
	RoleLogs       Role = "logs"
	RoleSecrets    Role = "secrets"
	RoleVolume     Role = "volume"
	RoleOther      Role = "other"
)

// Phase is a part of a container's life in which it needs another one.
type Phase uint8

// The phases, as bits.
const (
	AtStart Phase = 1 << iota
	AtRun
	AtStop
	// Always is all of them.
	Always = AtStart | AtRun | AtStop
)

// Need is a container that another one cannot do without.
type Need struct {
	Container string
	Phase     Phase
}

// Facts is what checks want to know of a container besides what package sim runs.
type Facts struct {
	// Role is what the container is for as somebody declared it; empty means that nobody did.
	Role      Role
	MustDrain bool
	// Needs are those that somebody declared.
	Needs []Need
	// Known says which parts of the behaviour somebody described; the others are defaults.
	Known     Known
	Ports     []Port
	Command   []string
	Args      []string
	Env       []EnvVar
	Image     string
	Requests  []Amount
	Limits    []Amount
	Mounts    []string // of volumes, by name
	NetAdmin  bool     // the capability NET_ADMIN is added
	Resizes   bool     // a resizePolicy says RestartContainer
	ProbeTo   ProbePorts
	StopHook  Call
	StartHook Call
}

// Known says which parts of a behaviour are described and not assumed.
type Known struct {
	// Life is how long the processes run and how they end, Stop what they do on the stop signal.
	Life, Stop bool
	// Startup, Readiness and Liveness are the answers of the probes, PostStart and PreStop the hooks.
	Startup, Readiness, Liveness, PostStart, PreStop bool
}

// Port is one that a container declares.
type Port struct {
	Name   string
	Number int64
}

// EnvVar is an environment variable with its value as written.
type EnvVar struct{ Name, Value string }

// Amount is a quantity of a resource. Milli is thousandths of the resource's unit: of a core for cpu, of a byte for memory.
type Amount struct {
	Resource string
	Milli    int64
}

// ProbePorts are the ports that probes and hooks go to on the Pod itself; a probe without one, or of a named port that the
// container itself declares, has 0.
type ProbePorts struct{ Startup, Readiness, Liveness, PostStart int64 }

// Call is what a hook does, as far as it can be seen: the words of its command, or the path of its request.
type Call struct {
	Words []string
	Path  string
}

// Job is what a Job says about its Pods.
type Job struct {
	// BackoffLimit is as in the API, with the default 6.
	BackoffLimit int64
	// BackoffLimitSet says that it is written.
	BackoffLimitSet bool
	// ActiveDeadlineSeconds is 0 where there is none.
	ActiveDeadlineSeconds int64
	// Rules are those of podFailurePolicy about exit codes, in their order. A rule about conditions is left empty.
	Rules []ExitCodeRule
}

// ExitCodeRule is one rule of a podFailurePolicy. Action is empty for a rule that is not about exit codes.
type ExitCodeRule struct {
	Action    string
	Container string
	In        bool
	Values    []int64
}

// matches reports whether the rule speaks of the code. Zero is never looked at.
func (r *ExitCodeRule) matches(code int64) bool {
	found := false
	for _, v := range r.Values {
		found = found || v == code
	}
	return code != 0 && found == r.In
}

// Policy is what the user allows. Start from DefaultPolicy.
type Policy struct {
	// InitLife is how long a plain init container may run (ORD005).
	InitLife time.Duration
	// NativeCost is how much later the first main may start because helpers are sidecars (GAT003).
	NativeCost time.Duration
	// Slack is the part of a budget that must be left over, in percent (GAT003, TRM004).
	Slack int64
	// MustStart are containers that must start even if a sidecar does not; MayWait those that may wait for ever (GAT006).
	MustStart, MayWait []string
	// Completion is how long the Pod may take to end after its last main (JOB004).
	Completion time.Duration
	// NoKill forbids that a sidecar is killed at the end of the grace period (JOB004).
	NoKill bool
	// Restarts is how often a sidecar may restart in ten minutes; NeedGap how long a container may run without one that it needs (RST003).
	Restarts int64
	NeedGap  time.Duration
	// ShortestGraceSeconds is the shortest grace period that anybody deletes the Pod with; 0 means none is shorter than its own (TRM004).
	ShortestGraceSeconds int64
	// Outage is how long all mains may be down while the phase is Running; PhaseOnly says that a controller watches the phase alone (STA006).
	Outage    time.Duration
	PhaseOnly bool
	// Nodes are what the candidate nodes can give; empty means not known (RES001, RES003).
	Nodes []NodeSize
	// Autoscaled says that a utilization-based autoscaler targets the workload (RES002).
	Autoscaled bool
	// CapabilityLabels are labels of nodes that are derived from their version or gates (CMP003).
	CapabilityLabels []string
	// RollBack are the targets that a roll-back may lead to (CMP010).
	RollBack []Target
	// Intended are containers that are meant to be sidecars (CMP004).
	Intended []string
	// Strategy is how an injector decides for the native form (CMP011); empty means that nobody said.
	Strategy Strategy
	// Queries are those of rules, alerts and dashboards (STA005).
	Queries []Query
	// AddOns are those of the cluster that count requests or manage Pods (RES005).
	AddOns []AddOn
	// Roles are found by image; the first that fits holds. They come before those that are built in.
	Roles []ImageRole
}

// Strategy is how an injector decides between the native and the classic form.
type Strategy string

// The strategies.
const (
	StrategyLabels         Strategy = "labels"
	StrategyMinNodeVersion Strategy = "min-node-version"
	StrategyNodeMetric     Strategy = "node-metric"
	StrategyAssumeSkew     Strategy = "assume-skew"
	StrategyServerVersion  Strategy = "server-version"
	StrategyUniversal      Strategy = "universal"
)

// Strategies returns all strategies.
func Strategies() []Strategy {
	return []Strategy{StrategyLabels, StrategyMinNodeVersion, StrategyNodeMetric, StrategyAssumeSkew, StrategyServerVersion, StrategyUniversal}
}

// NodeSize is what one kind of node can give.
type NodeSize struct {
	Name        string
	Allocatable []Amount
}

// ImageRole says what containers of an image are for. Image is the name without registry, tag and digest, or the end of it, as
// "istio/proxyv2".
type ImageRole struct {
	Image string
	Role  Role
}

// DefaultPolicy returns the limits of the catalogue.
func DefaultPolicy() Policy {
	return Policy{
		InitLife: 10 * time.Minute, NativeCost: 5 * time.Second, Slack: 20, Completion: 5 * time.Second, Restarts: 3, Outage: 5 * time.Minute,
		CapabilityLabels: []string{"kubernetes.io/kubelet-version", "node.kubernetes.io/kubelet-version", "sidecar-conformance.dev/native-sidecars"},
	}
}

// Target is a Kubernetes to judge for.
type Target struct {
	gates.Target
	// Nodes holds one resolved target for each kind of node.
	Nodes []gates.Resolved
}

// NewTarget resolves a target.
func NewTarget(t gates.Target) (Target, error) {
	target := Target{Target: t}
	for _, one := range t.Expand() {
		resolved, err := gates.Resolve(one)
		if err != nil {
			return Target{}, err
		}
		target.Nodes = append(target.Nodes, resolved)
	}
	return target, nil
}

// A part is one container of a subject, seen as a whole.
type part struct {
	*sim.Container
	*Facts
	// init says that it is an init container; index is its position in its list, position that in the traces.
	init            bool
	index, position int
	// role is Role, or what was inferred; inferred says which.
	role     Role
	inferred bool
	image    *knownImage
}

// sidecar reports whether the container is written as a native sidecar.
func (p *part) sidecar() bool { return p.init && p.RestartPolicy == sim.RestartAlways }

// plain reports whether it is written as a plain init container.
func (p *part) plain() bool { return p.init && p.RestartPolicy != sim.RestartAlways }

// classic reports whether it is a helper among the mains.
func (p *part) classic() bool { return !p.init && p.role != "" && p.role != RoleRedirector }

// gated reports whether something must happen before the container counts as started.
func (p *part) gated() bool { return p.Startup != nil || p.PostStart != nil }

// at points at a field of the container, or at the container itself.
func (p *part) at(field string) Pointer {
	list := "spec.containers["
	if p.init {
		list = "spec.initContainers["
	}
	path := list + strconv.Itoa(p.index) + "]"
	if field != "" {
		path += "." + field
	}
	return Pointer{Path: path}
}

// kind says what the container is, for messages.
func (p *part) kind() string {
	switch {
	case p.sidecar():
		return "sidecar"
	case p.init:
		return "init container"
	}
	return "container"
}
