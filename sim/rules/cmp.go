package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var cmpRules = []Rule{
	{
		ID: "CMP001", Group: CMP, Title: "The API server accepts native sidecars", Severity: Error, Core: true,
		What: "Looks whether the target's API server keeps restartPolicy on init containers. It fails if the Pod has sidecars and the server does not, and says what happens: the Pod is refused " +
			"because of the probes that a plain init container may not have, or accepted with the field dropped, and then stays in initialization.",
		Why:      "Nothing warns when the field is dropped. The sidecar becomes an init container that never ends.",
		Remedy:   "use a target with the feature gate SidecarContainers on, or the classic form there",
		Evidence: []string{"kubernetes/website#45738", "kubernetes/website#42762", "KEP-753"},
		static:   cmp001,
	},
	{
		ID: "CMP002", Group: CMP, Title: "Every candidate node is capable", Severity: Error, Core: true,
		What: "Looks at each kind of node of the target, and at the scheduler. It fails if the Pod has sidecars and may land where they do not work: the kubelet rejects it, or the scheduler " +
			"does not place it.",
		Why:      "A rejected Pod is replaced at once by its controller, and rejected again.",
		Remedy:   "turn the feature gate SidecarContainers on everywhere, or keep the Pod from those nodes",
		Evidence: []string{"wal-g/cnpg-plugin-wal-g#34", "GoogleCloudPlatform/gcs-fuse-csi-driver#38", "KEP-753"},
		static:   cmp002,
	},
	{
		ID: "CMP003", Group: CMP, Title: "Mixed fleets are pinned", Severity: Error, Core: true,
		What: "Looks at Pods with sidecars on targets where only some kinds of nodes are capable. It fails without a required node selector or affinity, and warns if the label is not known to follow " +
			"from the node's version or gates.",
		Why:      "The Pod works until it is moved.",
		Remedy:   "require a node label that says that sidecars work there, and list it in the configuration (capabilityLabels)",
		Evidence: []string{"istio/istio#48794"},
		static:   cmp003,
	},
	{
		ID: "CMP004", Group: CMP, Title: "Rendering keeps the field", Severity: Error,
		What: "Compares the containers that the configuration says are meant as sidecars (intended) with the object. It fails if one is among the mains, or in the init list without " +
			"restartPolicy: Always.",
		Why:      "Charts, typed libraries and infrastructure code that do not know the field leave it out without a word.",
		Remedy:   "update the tool that renders the object, or write the field past it",
		Evidence: []string{"hashicorp/terraform-provider-kubernetes#2446", "hashicorp/terraform-provider-kubernetes#2705", "cdk8s-team/cdk8s-plus#4338", "gimlet-io/onechart#150"},
		static:   cmp004,
	},
	{
		ID: "CMP005", Group: CMP, Title: "Custom resources that embed Pod templates keep the field", Severity: Error, NotPods: true,
		What: "Looks at the schemas of CustomResourceDefinitions among the input for lists of init containers. It fails if one drops or refuses restartPolicy, a probe or lifecycle of its entries. It " +
			"passes if it lists them, or keeps fields that it does not list.",
		Why:      "What a schema does not list is dropped by the API server without a word: the sidecar in the custom resource is a plain init container in the Pod.",
		Remedy:   "make the definition anew with the API's types of 1.28 or later, or keep unknown fields there (x-kubernetes-preserve-unknown-fields)",
		Evidence: []string{"argoproj/argo-rollouts#3366", "actions/actions-runner-controller#4311", "argoproj/argo-workflows#1701"},
		static:   cmp005,
	},
	{
		ID: "CMP008", Group: CMP, Title: "Validating policies accept sidecars", Severity: Warning, NotPods: true,
		What: "Gives a validating policy (--policy, a command) pairs of Pods with the same container: among the mains, and as a sidecar. It fails where the policy accepts one of the two and refuses " +
			"the other. What it says of the main is taken for what it means.",
		Why:      "Policies that go through containers alone let a privileged sidecar pass. Others that know no probes on init containers refuse every sidecar.",
		Remedy:   "let the policy go through initContainers with restartPolicy: Always as it does through containers",
		Evidence: []string{"kyverno/policies#1528", "stackrox/kube-linter#261", "FairwindsOps/polaris#1120"},
		static:   cmp008,
	},
	{
		ID: "CMP009", Group: CMP, Title: "Known defects of the target", Severity: Error,
		What: "Holds the Pod against the table of known defects for the patch releases of the target (matrix defects). A defect that blocks fails where the Pod's shape is enough for it. One that " +
			"needs something from outside besides, such as a reboot, is a warning if a later patch of the line repairs it and a note if none does; so is one that degrades.",
		Why:      "The same Pod works on one patch release and hangs on another.",
		Remedy:   "use a release without the defect",
		Evidence: []string{"KEP-753"},
		static:   cmp009,
	},
	{
		ID: "CMP010", Group: CMP, Title: "Roll-back is safe", Severity: Warning, OnlyWarns: true,
		What: "Applies CMP001 and CMP002 to the targets that the configuration names as roll-back destinations (rollBack), and warns with what happens there. Where it names none, the release before the " +
			"target is looked at, and what happens there is a note.",
		Why:      "Pods that run are not touched by a roll-back. Those that are made after it are.",
		Remedy:   "roll back to a target on which sidecars work, or keep the classic form until the roll-back is off the table",
		Evidence: []string{"KEP-753"},
		static:   cmp010, simulate: cmp010Run,
	},
	{
		ID: "CMP011", Group: CMP, Title: "The injection strategy is sound for the fleet", Severity: Error,
		What: "Works out what the declared strategy of an injector (strategy) decides on the target. It fails if that is the native form and some node is not capable, and warns if it is the classic " +
			"form although all are.",
		Why:    "The API server's version says nothing about kubelets three minor releases older, and no version says whether the gate was turned off.",
		Remedy: "decide by what every schedulable node reports, and say what happens when an older node joins",
		Evidence: []string{"istio/istio#48794", "istio/istio#56428", "istio/istio#57587", "GoogleCloudPlatform/gcs-fuse-csi-driver#351", "open-telemetry/opentelemetry-operator#4247",
			"actions/actions-runner-controller#4117"},
		static: cmp011,
	},
}

func cmp001(c *checking) {
	if !c.needSidecars() {
		return
	}
	if c.target.Nodes[0].API.SidecarContainers {
		c.pass("the API server keeps restartPolicy on init containers")
		return
	}
	s := c.sidecars()[0]
	f := c.fail(s.at("restartPolicy"), "%s", c.onServerWithout(s))
	f.because("The gate %s is off in API server %s; it is on by default from %s on.", gates.SidecarContainers, c.target.Control, gates.DefaultSince(gates.SidecarContainers).Line())
}

// onServerWithout says what an API server without the feature makes of the Pod.
func (c *checking) onServerWithout(first *part) string {
	for _, s := range c.sidecars() {
		if s.Startup != nil || s.Readiness != nil || s.Liveness != nil || s.PostStart != nil || s.PreStop != nil {
			return "the API server drops restartPolicy of " + s.Name + ", and refuses the Pod for its probes and hooks"
		}
	}
	return "the API server drops restartPolicy of " + first.Name + ", and the Pod waits for its end for ever"
}

func cmp002(c *checking) {
	if !c.needSidecars() {
		return
	}
	if !c.target.Nodes[0].API.SidecarContainers {
		c.skip("the Pod has no sidecars any more behind this API server; see CMP001")
		return
	}
	at := c.sidecars()[0].at("restartPolicy")
	if !c.target.Nodes[0].Scheduler.SidecarContainers {
		c.fail(at, "the scheduler places no Pod with sidecars").because("The gate %s is off in the scheduler.", gates.SidecarContainers)
		return
	}
	if term := c.capabilityTerm(); term != "" && c.mixed() {
		c.pass("%s keeps the Pod from nodes that are not capable", term)
		return
	}
	if len(c.subject.NodeTerms) > 0 && c.mixed() {
		c.unknown("whether %s leads to capable nodes only is not known (capabilityLabels)", c.subject.NodeTerms[0].Key)
		return
	}
	for i := range c.target.Nodes {
		if k := &c.target.Nodes[i].Kubelet; !k.SidecarContainers {
			node := c.target.Nodes[i].Target.Nodes[0]
			c.fail(at, "kubelets %s reject the Pod because of the sidecar %s", node, c.sidecars()[0].Name).
				because("The gate %s is off there: the Pod gets phase Failed with reason InitContainerRestartPolicyForbidden, and its controller makes another one at once.", gates.SidecarContainers)
		}
	}
	c.pass("every kind of node runs sidecars")
}

// mixed reports whether some kinds of nodes are capable and others are not.
func (e *exam) mixed() bool {
	yes, no := false, false
	for i := range e.target.Nodes {
		if e.target.Nodes[i].Kubelet.SidecarContainers {
			yes = true
		} else {
			no = true
		}
	}
	return yes && no
}

// capabilityTerm returns the required label that is known to follow from version or gates.
func (e *exam) capabilityTerm() string {
	for _, term := range e.subject.NodeTerms {
		if slices.Contains(e.policy.CapabilityLabels, term.Key) {
			return term.Key
		}
	}
	return ""
}

func cmp003(c *checking) {
	if !c.needSidecars() {
		return
	}
	switch {
	case !c.mixed():
		c.skip("all kinds of nodes of the target are alike in this")
	case len(c.subject.NodeTerms) == 0:
		c.fail(Pointer{Path: "spec"}, "some nodes do not run sidecars, and nothing keeps the Pod from them")
	case c.capabilityTerm() == "":
		c.warn(c.subject.NodeTerms[0].At, "the Pod requires %s, which is not known to say that sidecars work", c.subject.NodeTerms[0].Key).
			do("list the label in the configuration (capabilityLabels) if it follows from version or gates; else require one that does")
	default:
		c.pass("the Pod requires %s", c.capabilityTerm())
	}
}

func cmp004(c *checking) {
	if len(c.policy.Intended) == 0 {
		c.skip("nothing says which containers are meant as sidecars (intended)")
		return
	}
	found := 0
	for i := range c.parts {
		p := &c.parts[i]
		if !slices.Contains(c.policy.Intended, p.Name) {
			continue
		}
		found++
		switch {
		case !p.init:
			c.fail(p.at(""), "%s is meant as a sidecar, and stands in containers", p.Name)
		case !p.sidecar():
			c.fail(p.at(""), "%s is meant as a sidecar, and has lost restartPolicy: Always", p.Name)
		}
	}
	if found == 0 {
		c.skip("none of the intended sidecars is in the Pod")
		return
	}
	c.pass("%d intended sidecars are sidecars", found)
}

// shown reports whether the Pod has the shape of a defect, and where.
func (e *exam) shown(shape gates.Shape) (*part, string) {
	first := func(is func(*part) bool, field string) (*part, string) {
		if list := e.those(is); len(list) > 0 {
			return list[0], field
		}
		return nil, ""
	}
	sidecar := (*part).sidecar
	switch shape {
	case gates.ShapeInit:
		return first(func(p *part) bool { return p.init }, "")
	case gates.ShapeSidecar:
		return first(sidecar, "")
	case gates.ShapeRunOnceSidecar:
		if e.runsOnce() {
			return first(sidecar, "")
		}
	case gates.ShapeGatedSidecar:
		return first(func(p *part) bool { return p.sidecar() && p.gated() && p.index+1 < e.inits }, "")
	case gates.ShapeNeverProbes:
		if s, _ := e.neverProbes(); s != nil {
			return s, "startupProbe"
		}
	case gates.ShapeStartupProbe:
		return first(func(p *part) bool { return p.sidecar() && p.Startup != nil }, "startupProbe")
	case gates.ShapeLiveness:
		return first(func(p *part) bool { return p.sidecar() && p.Liveness != nil }, "livenessProbe")
	case gates.ShapeExecProbe:
		return first(func(p *part) bool { return p.Readiness != nil && p.Readiness.Handler == "exec" }, "readinessProbe")
	case gates.ShapeInitResize:
		return first(func(p *part) bool { return p.plain() && p.Resizes }, "resizePolicy")
	case gates.ShapeSidecarRules:
		return first(func(p *part) bool { return p.sidecar() && len(p.RestartRules) > 0 }, "restartPolicyRules")
	case gates.ShapeNamedPort:
		return first(func(p *part) bool {
			return p.sidecar() && slices.ContainsFunc(p.Ports, func(port Port) bool { return port.Name != "" })
		}, "ports")
	}
	return nil, ""
}

func cmp009(c *checking) {
	if c.inits == 0 {
		c.skip("there are no init containers")
		return
	}
	if !c.allCapable() && c.has((*part).sidecar) {
		c.skip("native sidecars do not work on this target; see CMP001 and CMP002")
		return
	}
	for _, d := range gates.Defects() {
		if !d.In(c.target.Target) {
			continue
		}
		p, field := c.shown(d.Shape)
		if p == nil {
			continue
		}
		c.defect(&d, p.at(field))
	}
	c.pass("the Pod meets no known defect of the target")
}

func (c *checking) defect(d *gates.Defect, at Pointer) {
	fixed, ever := d.FixedIn(c.target.Target)
	where := d.Where(c.target.Target)
	report := c.note
	sameLine := ever && strings.Contains(where, " "+fixed.Line()+".")
	switch {
	case d.Class == gates.Blocks && d.Trigger == "":
		report = c.fail
	case sameLine:
		report = c.warn
	}
	f := report(at, "%s: %s", d.Key, d.Words()).because("%s has the defect; it %s.%s", where, d.Class, links(d.Issues))
	switch {
	case sameLine:
		f.do("use patch release %s or a later one", fixed)
	case ever:
		f.do("no patch of this line repairs it; %s does", fixed)
	default:
		f.do("no release that was read repairs it")
	}
}

// links names issues in a sentence.
func links(issues []string) string {
	if len(issues) == 0 {
		return ""
	}
	return " See " + and(issues) + "."
}

func cmp010(c *checking) {
	if !c.needSidecars() {
		return
	}
	s := c.sidecars()[0]
	if len(c.policy.RollBack) == 0 {
		if before, known := gates.Before(c.target.Control.Release); known && !gates.OnByDefault(gates.SidecarContainers, before) && c.allCapable() {
			c.note(s.at("restartPolicy"), "rolled back to %s, %s", before.Line(), c.onServerWithout(s)).
				because("Nobody named a roll-back destination (rollBack), so it is the release before, in which sidecars are off by default. Pods that run go on; those that are made then meet this.")
		}
		c.skip("no roll-back destination is named (rollBack)")
		return
	}
	for i := range c.policy.RollBack {
		to := &c.policy.RollBack[i]
		switch bad := slices.IndexFunc(to.Nodes, func(r gates.Resolved) bool { return !r.Kubelet.SidecarContainers }); {
		case !to.Nodes[0].API.SidecarContainers:
			c.droppedThere(s, to)
		case bad >= 0:
			c.rejectedThere(s, to)
		}
	}
	c.pass("sidecars work on every roll-back destination")
}

func (c *checking) droppedThere(s *part, to *Target) *Finding {
	return c.warn(s.at("restartPolicy"), "rolled back to %s, %s", to.Target, c.onServerWithout(s)).because("Pods that run go on; those that are made then meet this.")
}

func (c *checking) rejectedThere(s *part, to *Target) *Finding {
	return c.warn(s.at("restartPolicy"), "rolled back to %s, its kubelets reject new Pods with sidecars", to.Target).because("Pods that run go on until the kubelet is restarted.")
}

// cmp010Run makes the Pod on each kind of node of each destination, and looks for the first that does not start its mains, or refuses it.
func cmp010Run(c *checking) {
	switch {
	case !c.needSidecars():
		return
	case len(c.policy.RollBack) == 0:
		c.skip("no roll-back destination is named (rollBack)")
		return
	case c.node > 0:
		c.skip("a roll-back is of the whole target")
		return
	}
	s := c.sidecars()[0]
	for i := range c.policy.RollBack {
		to := &c.policy.RollBack[i]
		for node := range to.Nodes {
			r := c.simulatedOn(&to.Nodes[node], elsewhere, fmt.Sprintf("on %s, node %d", to.Target, node), func(s *sim.Scenario) { s.Job = nil; undisturbed(s) })
			rejected, begins := r.pod(trace.PodRejected), r.first(s.position, trace.Running)
			var f *Finding
			switch {
			case rejected >= 0:
				f = c.rejectedThere(s, to).proof(r, rejected)
			case begins >= 0 && r.first(c.inits, trace.Running) < 0 && !to.Nodes[node].API.SidecarContainers:
				f = c.droppedThere(s, to).proof(r, begins)
			default:
				continue
			}
			f.Node = "" // it is on none of the target's
			break
		}
	}
	c.pass("sidecars work on every roll-back destination")
}

func cmp011(c *checking) {
	if c.policy.Strategy == "" {
		c.skip("no strategy of an injector is declared (strategy)")
		return
	}
	native, why := true, ""
	switch c.policy.Strategy {
	case StrategyUniversal:
		c.pass("both forms are injected")
		return
	case StrategyLabels:
		c.unknown("which nodes have the label is not known")
		return
	case StrategyServerVersion:
		native, why = gates.OnByDefault(gates.SidecarContainers, c.target.Control.Release), "the API server's version"
	case StrategyAssumeSkew:
		native, why = gates.OnByDefaultInSkew(gates.SidecarContainers, c.target.Control.Release), "the oldest kubelet that the API server's version allows"
	case StrategyMinNodeVersion:
		why = "the versions of the nodes"
		for i := range c.target.Nodes {
			native = native && gates.OnByDefault(gates.SidecarContainers, c.target.Nodes[i].Kubelet.Release)
		}
	case StrategyNodeMetric:
		native, why = c.allCapable(), "what the nodes report"
	}
	switch {
	case native && !c.allCapable():
		c.fail(Pointer{}, "strategy %s injects the native form, and not every node runs it", c.policy.Strategy).because("It goes by %s.", why)
	case !native && c.allCapable():
		c.warn(Pointer{}, "strategy %s injects the classic form, although every node runs the native one", c.policy.Strategy).because("It goes by %s.", why)
	}
	c.pass("strategy %s fits the target", c.policy.Strategy)
}
