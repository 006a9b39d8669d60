package gates

// DefectClass says how bad a defect is for the Pod that meets it.
type DefectClass uint8

// The classes.
const (
	// Degrades: something is late, shown wrongly or lost on the way, and the Pod gets where it should.
	Degrades DefectClass = iota
	// Blocks: a container never starts, or the API server refuses the Pod.
	Blocks
)

// String returns the word of the check catalogue.
func (c DefectClass) String() string { return [...]string{"degrades", "blocks"}[c] }

// Shape is what a Pod, or what happens to it, must have for a defect to show. Package rules knows how to see it in a Pod.
type Shape uint8

// The shapes.
const (
	ShapeInit           Shape = iota // any init container
	ShapeSidecar                     // a sidecar
	ShapeRunOnceSidecar              // a sidecar in a Pod with restartPolicy Never or OnFailure
	ShapeGatedSidecar                // a sidecar that something waits for: a startup probe or a postStart hook, and a container behind it
	ShapeNeverProbes                 // restartPolicy Never, a sidecar with a startup probe, a main with any probe
	ShapeStartupProbe                // a sidecar with a startup probe
	ShapeLiveness                    // a sidecar with a liveness probe
	ShapeExecProbe                   // a container with an exec readiness probe
	ShapeInitResize                  // resizePolicy RestartContainer on a plain init container
	ShapeSidecarRules                // restartPolicyRules on a sidecar
	ShapeNamedPort                   // a sidecar with a named port
	shapes
)

// Shapes is the number of shapes.
const Shapes = int(shapes)

// Defect is one known defect of Kubernetes that changes what happens to Pods with init containers.
type Defect struct {
	// Key never changes its meaning: D01.
	Key string
	// Effect completes "on this target …".
	Effect string
	Class  DefectClass
	Shape  Shape
	// Trigger is what must happen besides, from outside the Pod; empty where the Pod's shape is enough. It completes "it takes …".
	Trigger string
	// Issues are where it was reported and fixed, as owner/repository#number; nil where it was read in the source only.
	Issues []string
	// inAPI says that the API server has the defect, else the kubelet has.
	inAPI bool
	has   func(c Component) bool
}

// Words says in one line what the defect does and what it takes.
func (d *Defect) Words() string {
	if d.Trigger == "" {
		return d.Effect
	}
	return d.Effect + "; it takes " + d.Trigger
}

// newInitCode is how long kubelets with the gate on use the new init algorithm for everything, without #126543.
func newInitCode(c Component) bool {
	return c.On(SidecarContainers) && !c.Release.since(Release{29, 9}, Release{30, 5}, Release{31, 1})
}

// defects is the table. Source: the fixes of the named issues, and in which patch releases of each line they are.
var defects = []Defect{
	{"D01", "the mains start before the init containers have run again", Blocks, ShapeInit, "a reboot of the node",
		[]string{"kubernetes/kubernetes#120247"}, false, func(c Component) bool {
			return c.Release.Minor == 28 && (c.Release.Patch < 2 || c.On(SidecarContainers))
		}},
	{"D02", "the API goes on showing a sidecar as ended that runs again", Degrades, ShapeRunOnceSidecar, "an end of it",
		[]string{"kubernetes/kubernetes#122902", "kubernetes/kubernetes#123323"}, true, func(c Component) bool {
			return c.On(SidecarContainers) && !c.Release.since(Release{28, 8}, Release{29, 3}, Release{30, 0})
		}},
	{"D03", "an init container whose start failed is never started again", Blocks, ShapeInit, "an error of the runtime",
		[]string{"kubernetes/kubernetes#126543"}, false, newInitCode},
	{"D04", "the Pod lives on for its whole grace period", Degrades, ShapeGatedSidecar, "a deletion before the sidecar has started",
		[]string{"kubernetes/kubernetes#125880", "kubernetes/kubernetes#125935"}, false, func(c Component) bool {
			return c.Release.Minor >= 29 && c.On(SidecarContainers) && !c.Release.since(Release{29, 8}, Release{30, 4}, Release{31, 0})
		}},
	{"D05", "the phase is Running while the init containers run again", Degrades, ShapeInit, "a reboot of the node",
		[]string{"kubernetes/kubernetes#127793", "kubernetes/kubernetes#134173"}, false, func(c Component) bool { return c.Release.Minor <= 32 }},
	{"D06", "the sidecar loses its startup probe, and the mains never start", Blocks, ShapeNeverProbes, "an end of it before its first success",
		[]string{"kubernetes/kubernetes#132826", "kubernetes/kubernetes#133072"}, false, func(c Component) bool {
			return c.On(SidecarContainers) && !c.Release.since(Release{33, 6}, Release{34, 2})
		}},
	{"D07", "a main that ends is never started again", Blocks, ShapeStartupProbe, "a restart of the kubelet",
		[]string{"kubernetes/kubernetes#137146", "kubernetes/kubernetes#137885"}, false, func(c Component) bool {
			return c.Release.Minor == 35 && c.Release.Patch < 4
		}},
	{"D08", "init containers are passed over, and the Pod stays in initialization", Blocks, ShapeInit, "a reboot of the node",
		[]string{"kubernetes/kubernetes#137710"}, false, func(c Component) bool {
			return c.Release.Minor >= 29 && c.Release.Minor <= 36 && c.On(SidecarContainers)
		}},
	{"D09", "the liveness probe of a sidecar goes on while the Pod stops", Degrades, ShapeLiveness, "a deletion",
		[]string{"kubernetes/kubernetes#141766"}, false, func(c Component) bool { return c.On(SidecarContainers) }},
	{"D10", "a sidecar with a small memory request is killed before the mains", Degrades, ShapeSidecar, "a lack of memory on the node",
		[]string{"kubernetes/kubernetes#111356", "kubernetes/kubernetes#128029"}, false, func(c Component) bool {
			return c.On(SidecarContainers) && c.Release.Minor < 32
		}},
	{"D11", "the API server refuses resizePolicy RestartContainer on a plain init container", Blocks, ShapeInitResize, "",
		[]string{"kubernetes/kubernetes#137458"}, true, func(c Component) bool {
			return c.Release.Minor >= 36 || c.Release.Minor <= 31 || c.Release.Minor == 32 && !c.On(inPlacePodVerticalScaling)
		}},
	{"D12", "the API server refuses restart rules on a sidecar", Blocks, ShapeSidecarRules, "",
		[]string{"kubernetes/website#52935", "kubernetes/kubernetes#134345"}, true, func(c Component) bool {
			return c.On(containerRestartRules) && !c.On(restartAllContainersOnContainerExits)
		}},
	{"D13", "exec probes fail while the Pod stops, and it leaves its Services early", Degrades, ShapeExecProbe, "a deletion",
		[]string{"kubernetes/kubernetes#140881"}, false, func(c Component) bool {
			return c.Release.Minor == 35 || c.Release.Minor == 36 && c.Release.Patch >= 3
		}},
	{"D14", "a main that ended waits for the last sidecar while that is in back-off", Degrades, ShapeSidecar, "ends of both",
		[]string{"kubernetes/kubernetes#138514"}, false, func(c Component) bool {
			return c.Release.Minor >= 29 && c.Release.Minor <= 36 && c.On(SidecarContainers)
		}},
	{"D15", "a Service does not find a named port that only a sidecar has", Degrades, ShapeNamedPort, "a Service with that targetPort",
		nil, true, func(c Component) bool { return c.On(SidecarContainers) && c.Release.Minor < 32 }},
}

// Defects returns the table of known defects, by their keys.
func Defects() []Defect { return append([]Defect(nil), defects...) }

// FindDefect returns the defect with the key.
func FindDefect(key string) (Defect, bool) {
	for i := range defects {
		if defects[i].Key == key {
			return defects[i], true
		}
	}
	return Defect{}, false
}

// In reports whether a component of a target has the defect; on which one it depends.
func (d *Defect) In(t Target) bool {
	_, has := d.where(t)
	return has
}

// Where returns the component of the target that has the defect, as "kubelet 1.29.2" or "API server 1.29.2".
func (d *Defect) Where(t Target) string {
	c, _ := d.where(t)
	if d.inAPI {
		return "API server " + c.String()
	}
	return "kubelet " + c.String()
}

func (d *Defect) where(t Target) (Component, bool) {
	if d.inAPI {
		return t.Control, d.has(t.Control)
	}
	for _, node := range t.Nodes {
		if d.has(node) {
			return node, true
		}
	}
	return Component{}, false
}

// FixedIn returns the first patch release that does not have the defect any more, from the component of the target on that
// has it; false where no release that is known is free of it.
func (d *Defect) FixedIn(t Target) (Release, bool) {
	c, has := d.where(t)
	if !has {
		return Release{}, false
	}
	for _, newest := range pinned {
		first := 0
		switch {
		case newest.Minor < c.Release.Minor:
			continue
		case newest.Minor == c.Release.Minor:
			first = c.Release.Patch
		}
		for patch := first; patch <= newest.Patch; patch++ {
			next := Component{Release: Release{newest.Minor, patch}}
			if newest.Minor == c.Release.Minor {
				next.Overrides = c.Overrides
			}
			if !d.has(next) {
				return next.Release, true
			}
		}
	}
	return Release{}, false
}

// DefaultSince returns the first release in which a gate is on unless it is turned off.
func DefaultSince(gate string) Release {
	g := findGate(gate)
	for i, spec := range g.specs {
		if spec.Default {
			return pinned[i]
		}
	}
	return Newest()
}

// OrderedStopSince returns the first release that stops sidecars after the mains, in reverse.
func OrderedStopSince() Release {
	for _, r := range pinned {
		if c := (Component{Release: r}); stopOrder(c, true) != StopTogether {
			return r
		}
	}
	return Newest()
}

// Before returns the newest patch release of the minor release before one, false where none is known.
func Before(r Release) (Release, bool) {
	for _, older := range pinned {
		if older.Minor == r.Minor-1 {
			return older, true
		}
	}
	return Release{}, false
}

// OnByDefault reports whether the gate is on in a release unless it is turned off, or what it guarded is there for good.
func OnByDefault(gate string, r Release) bool { return Component{Release: r}.On(gate) }

// OnByDefaultInSkew reports whether the gate is on by default in every kubelet that the skew policy allows beside an API server of
// the release.
func OnByDefaultInSkew(gate string, server Release) bool {
	seen := 0
	for _, r := range pinned {
		if r.Minor > server.Minor || server.Minor-r.Minor > 3 {
			continue
		}
		if !OnByDefault(gate, r) {
			return false
		}
		seen++
	}
	return seen == 4 // else a kubelet may be of a release that was not read
}
