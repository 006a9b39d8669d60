package rules

import (
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var gatRules = []Rule{
	{
		ID: "GAT001", Group: GAT, Title: "A needed sidecar has a start gate", Severity: Error, Core: true,
		What: "Looks at sidecars that some container needs at its start. It fails if one has neither a startupProbe nor a postStart hook, and warns if it has the hook alone.",
		Why: "Without a gate the next container starts as soon as the sidecar's process runs, not when it serves. A readinessProbe does not hold anything back: it counts " +
			"for the Pod's readiness only.",
		Remedy: "add a startupProbe that passes when the sidecar serves",
		Evidence: []string{"actions/actions-runner-controller#4117", "actions/actions-runner-controller#3201", "kserve/kserve#3646", "kubernetes/website#41802",
			"cdk8s-team/cdk8s-plus#4338"},
		static: gat001,
	},
	{
		ID: "GAT002", Group: GAT, Title: "No cycle between start gates and containers that start later", Severity: Error, Core: true,
		What: "Looks for a sidecar whose gate waits for a container that starts behind it. It fails if that need is declared, and warns if it is read out of the port " +
			"that the probe or hook goes to.",
		Why:      "The container behind the gate waits for the gate, and the gate waits for the container: the Pod stays in initialization.",
		Remedy:   "let the gate look at the sidecar itself, and use a readinessProbe for what it sees of others",
		Evidence: []string{"KEP-753", "knative/serving#14023", "CommunityToolkit/Aspire#1509"},
		static:   gat002, simulate: gat002Run,
	},
	{
		ID: "GAT003", Group: GAT, Title: "The start budget is sufficient", Severity: Error, Core: true,
		What: "Compares how long a sidecar takes to start with the earliest moment at which its startup probe may give up. It fails if that comes first, or if the first main " +
			"starts behind a deadline of the Pod, its Job or its Deployment. Less than 20 % to spare is a warning, and so is a main that starts more than 5 s later than " +
			"with the helpers among the mains.",
		Why: "Probes tick from the first sync of the Pod, not from the container's start. The last failure that is allowed may come (failureThreshold - 1) x periodSeconds " +
			"after the first probe. Then the sidecar is killed and starts again, and nothing behind it ever starts.",
		Remedy:   "raise failureThreshold",
		Evidence: []string{"kubernetes/kubernetes#120848", "SREGym/SREGym#881", "KEP-753"},
		simulate: gat003,
	},
	{
		ID: "GAT004", Group: GAT, Title: "Probes and hooks appear only where the API allows them", Severity: Error, Core: true,
		What:   "Looks for probes and hooks on plain init containers, and for startup and liveness probes whose successThreshold is not 1. Any is a failure.",
		Why:    "The API server refuses the Pod. It is the usual trace of a tool that has removed restartPolicy: Always from a sidecar.",
		Remedy: "write restartPolicy: Always if it is a sidecar; else remove the field",
		Evidence: []string{"istio/istio#49221", "istio/istio#52245", "actions/actions-runner-controller#4311",
			"keel-hq/keel#772"},
		static: gat004,
	},
	{
		ID: "GAT005", Group: GAT, Title: "The start does not trip the lost startup probe", Severity: Error, Core: true,
		What: "On kubelets with the defect: looks at a Pod that is never restarted, with a sidecar that has a startup probe and a main that has any probe. It warns; it fails " +
			"if the sidecar is described as ending before its first success and the mains then never start.",
		Why: "When such a sidecar ends before its startup probe has passed, the kubelet ends the probe's worker and does not make a new one. The restarted sidecar never " +
			"counts as started.",
		Remedy:   "use a patch release without the defect, or restartPolicy: OnFailure",
		Evidence: []string{"kubernetes/kubernetes#132826", "kubernetes/kubernetes#133072", "kubernetes/kubernetes#134800", "kubernetes/kubernetes#134801"},
		static:   gat005, simulate: gat005Run,
	},
	{
		ID: "GAT006", Group: GAT, Title: "What happens when the gate never opens is known and accepted", Severity: Warning, Core: true,
		What: "Runs the Pod once for each sidecar with its gate shut for ever, and lists the containers that then never start. It fails if one of them must start all the same, " +
			"warns if nobody said, and passes if they may wait.",
		Why:      "A sidecar whose control plane is away holds back everything behind it. That may be what is wanted; it should be known.",
		Remedy:   "say in the configuration which containers may wait (budgets.mayWait) and which must start (budgets.mustStart)",
		Evidence: []string{"istio/istio#51883", "SREGym/SREGym#881", "kumahq/kuma#3293"},
		simulate: gat006,
	},
}

func gat001(c *checking) {
	looked := 0
	for _, s := range c.sidecars() {
		edges := c.needing(s, AtStart)
		if len(edges) == 0 {
			continue
		}
		looked++
		switch {
		case s.Startup != nil:
		case s.PostStart != nil:
			c.warn(s.at("lifecycle.postStart"), "the start gate of %s is a postStart hook alone", s.Name).
				because("%s needs it at its start%s. The hook holds the next container back until it ends; if it fails, the sidecar is killed and started again.",
					edges[0].from.Name, edges[0].seen())
		case s.Readiness != nil:
			c.failOrWarn(allInferred(edges), s.at("readinessProbe"), "%s has no start gate; a readinessProbe does not hold back %s", s.Name, edges[0].from.Name).
				because("%s needs it at its start%s, and starts as soon as its process runs.", edges[0].from.Name, edges[0].seen())
		default:
			c.failOrWarn(allInferred(edges), s.at(""), "%s has no start gate: %s starts as soon as its process runs", s.Name, edges[0].from.Name).
				because("%s needs it at its start%s, and neither a startupProbe nor a postStart hook holds it back.", edges[0].from.Name, edges[0].seen())
		}
	}
	if looked == 0 {
		c.skip("no container is known to need a sidecar at its start")
		return
	}
	c.pass("each needed sidecar has a startupProbe")
}

// gateNeeds returns what the gate of a sidecar waits for behind it: the container, the field that says so, and whether it was declared.
func (e *exam) gateNeeds(s *part) (other *part, at Pointer, declared bool) {
	for i := range e.edges {
		if one := &e.edges[i]; one.from == s && !one.inferred && one.phase&AtStart != 0 && e.startsBehind(one.to, s) {
			return one.to, s.at(""), true
		}
	}
	for _, gate := range [...]struct {
		port  int64
		field string
	}{{s.ProbeTo.Startup, "startupProbe"}, {s.ProbeTo.PostStart, "lifecycle.postStart"}} {
		if gate.port == 0 {
			continue
		}
		if to := e.listener(gate.port, s); to != nil && e.startsBehind(to, s) {
			return to, s.at(gate.field), false
		}
	}
	return nil, Pointer{}, false
}

func (e *exam) startsBehind(p, s *part) bool { return !p.init || p.index > s.index }

func gat002(c *checking) {
	gated := c.those(func(p *part) bool { return p.sidecar() && p.gated() })
	if len(gated) == 0 {
		c.skip("no sidecar has a start gate")
		return
	}
	for _, s := range gated {
		if other, at, declared := c.gateNeeds(s); other != nil {
			c.failOrWarn(!declared, at, "the gate of %s waits for %s, which starts only after it has opened", s.Name, other.Name).
				because("%s starts behind %s. As long as the gate is shut %s is not started, and as long as %s is not there the gate stays shut.", other.Name, s.Name, other.Name, other.Name)
		}
	}
	c.pass("no gate waits for a container behind it")
}

// gat002Run sees that a gate which needs a container behind it stays shut to the horizon.
func gat002Run(c *checking) {
	looked := 0
	for _, s := range c.sidecars() {
		other, _, declared := c.gateNeeds(s)
		if other == nil || !declared || !s.gated() {
			continue
		}
		if !c.needCapable() || !c.needRun() {
			return
		}
		looked++
		if r := c.shutTo(s, 0); r.first(other.position, trace.Running) < 0 {
			c.fail(s.at(""), "%s still waits for %s after %s, and %s has not started", s.Name, other.Name, length(r.EndedAt.Sub(0)), other.Name).proof(r, r.last(s.position, trace.Running))
		}
	}
	if looked == 0 {
		c.skip("no gate is declared to need a container behind it")
		return
	}
	c.pass("no gate stays shut")
}

// shutFor is how long a Pod whose gate stays shut is watched beyond the time that it takes to start. Nothing is new after that: the gate is
// tried again and again, at best.
const shutFor = time.Minute

// shut runs the Pod with the gate of a sidecar shut for ever, long enough to see what does not start then.
func (c *checking) shut(s *part) *run {
	r := c.alone()
	horizon := time.Duration(0)
	for i := range c.parts {
		begins := r.first(i, trace.Running)
		if begins < 0 {
			return c.shutTo(s, 0) // it does not start anyway
		}
		horizon = max(horizon, time.Duration(r.at(begins))+shutFor)
	}
	return c.shutTo(s, horizon)
}

// shutTo runs the Pod with the gate of a sidecar shut to a horizon, 0 for the usual one.
func (c *checking) shutTo(s *part, horizon time.Duration) *run {
	return c.variant("gate of "+s.Name+" shut to "+length(horizon), func(scenario *sim.Scenario) {
		undisturbed(scenario)
		scenario.Horizon = horizon
		everyRun(s.container(scenario), func(p *sim.Process) {
			p.For = sim.Forever // it waits, and does not end
			if s.Startup != nil {
				p.Startup = []sim.Answer{{Result: sim.AnswerFailure}}
			} else {
				p.PostStart = sim.HookRun{Fails: true}
			}
		})
	})
}

// budget is the least time from a process's start to the last startup failure that is allowed. The first probe that counts comes no
// sooner than the initial delay; prober/worker.go: doProbe.
func budget(p *sim.Probe) time.Duration {
	return time.Duration(p.InitialDelaySeconds+(p.FailureThreshold-1)*p.PeriodSeconds) * time.Second
}

// answers returns when a process first answers its startup probe with success for good; false if it never does.
func answers(p *sim.Process) (time.Duration, bool) {
	if len(p.Startup) == 0 {
		return 0, true
	}
	last := p.Startup[len(p.Startup)-1]
	return last.From, last.Result == sim.AnswerSuccess || last.Result == ""
}

func gat003(c *checking) {
	if !c.needSidecars() || !c.needCapable() || !c.needRun() {
		return
	}
	r := c.alone()
	for _, s := range c.sidecars() {
		c.startBudget(r, s)
	}
	c.deadlines(r)
	c.pass("the sidecars start within their budgets, and the mains within the deadlines")
}

func (c *checking) startBudget(r *run, s *part) {
	if s.Startup == nil {
		return
	}
	has := budget(s.Startup)
	if !s.Known.Startup {
		c.unknown("nothing says when %s answers its startupProbe; the budget is %s", s.Name, length(has))
		return
	}
	takes, ever := time.Duration(0), false
	for i := range s.Behavior.Runs {
		if takes, ever = answers(&s.Behavior.Runs[i]); ever {
			break
		}
	}
	how := "Probe: initialDelaySeconds " + number(s.Startup.InitialDelaySeconds) + " + (failureThreshold " + number(s.Startup.FailureThreshold) + " - 1) x periodSeconds " +
		number(s.Startup.PeriodSeconds) + " = " + length(has) + " until the earliest last failure that is allowed."
	started, killed := r.first(s.position, trace.Started), r.first(s.position, trace.StartupFailed)
	switch at := s.at("startupProbe"); {
	case started < 0:
		c.fail(at, "%s never starts: no run of it passes its startupProbe in time", s.Name).because("%s", how).proof(r, killed, r.last(s.position, trace.Exited))
	case !ever:
	case takes > has:
		needed := int64((takes-time.Duration(s.Startup.InitialDelaySeconds)*time.Second)/time.Second)/s.Startup.PeriodSeconds + 2
		c.fail(at, "%s takes %s to start, its startupProbe may give up after %s", s.Name, length(takes), length(has)).because("%s", how).
			do("raise failureThreshold to %d at least", needed).proof(r, killed, started)
	case (has-takes)*100 < has*time.Duration(c.policy.Slack):
		c.warn(at, "%s takes %s of %s to start: less than %d%% to spare", s.Name, length(takes), length(has), c.policy.Slack).because("%s", how).proof(r, started)
	}
}

// deadlines compares the first start of a main with the deadlines around it, and with what it would be without sidecars.
func (c *checking) deadlines(r *run) {
	first := int32(-1)
	for i := c.inits; i < len(c.parts); i++ {
		if begins := r.first(i, trace.Running); begins >= 0 && (first < 0 || begins < first) {
			first = begins
		}
	}
	if first < 0 {
		return // others say why
	}
	takes := r.at(first).Sub(0)
	deadline := func(seconds int64, at Pointer, what string) {
		if seconds > 0 && takes > time.Duration(seconds)*time.Second {
			c.fail(at, "the first main starts after %s, behind the %s of %ds", length(takes), what, seconds).do("raise it, or start faster").proof(r, first)
		}
	}
	deadline(c.subject.Scenario.Pod.ActiveDeadlineSeconds, Pointer{Path: "spec.activeDeadlineSeconds"}, "Pod's activeDeadlineSeconds")
	deadline(c.subject.ProgressDeadlineSeconds, Pointer{In: InObject, Path: "progressDeadlineSeconds"}, "Deployment's progressDeadlineSeconds")
	if c.subject.Job != nil {
		deadline(c.subject.Job.ActiveDeadlineSeconds, Pointer{In: InJob, Path: "activeDeadlineSeconds"}, "Job's activeDeadlineSeconds")
	}
	classic := c.variant("sidecars among the mains", func(s *sim.Scenario) {
		undisturbed(s)
		var inits, helpers []sim.Container
		for _, one := range s.Pod.Init {
			if one.RestartPolicy != sim.RestartAlways {
				inits = append(inits, one)
				continue
			}
			one.RestartPolicy = ""
			helpers = append(helpers, one)
		}
		s.Pod.Init, s.Pod.Main = inits, append(helpers, s.Pod.Main...)
	})
	name := r.Containers[r.Events[first].Container].Name
	before := int32(-1)
	for i := range classic.Events {
		if e := &classic.Events[i]; e.Kind == trace.Running && e.Container >= 0 && classic.Containers[e.Container].Name == name {
			before = int32(i)
			break
		}
	}
	if before < 0 {
		return
	}
	if cost := takes - classic.at(before).Sub(0); cost > c.policy.NativeCost {
		c.warn(Pointer{Path: "spec.initContainers"}, "%s starts %s later than with the sidecars among the mains", name, length(cost)).
			because("It starts after %s; with the sidecars as entries of containers it would start after %s, without waiting for them. The limit is %s.",
				length(takes), length(classic.at(before).Sub(0)), length(c.policy.NativeCost)).
			do("shorten the gates, or accept it (budgets.nativeCost)").proof(r, first)
	}
}

func gat004(c *checking) {
	for i := range c.parts {
		p := &c.parts[i]
		if p.plain() {
			for _, field := range [...]struct {
				name string
				set  bool
			}{
				{"startupProbe", p.Startup != nil}, {"readinessProbe", p.Readiness != nil}, {"livenessProbe", p.Liveness != nil},
				{"lifecycle", p.PostStart != nil || p.PreStop != nil || p.EmptyLifecycle},
			} {
				if field.set {
					c.fail(p.at(field.name), "%s has a %s, which the API server refuses on a plain init container", p.Name, field.name).
						because("It is the usual trace of a tool that removed restartPolicy: Always from a sidecar.")
				}
			}
		}
		for _, probe := range [...]struct {
			name string
			*sim.Probe
		}{{"startupProbe", p.Startup}, {"livenessProbe", p.Liveness}} {
			if probe.Probe != nil && probe.SuccessThreshold != 1 {
				c.fail(p.at(probe.name+".successThreshold"), "the %s of %s wants %d successes; the API server allows 1 alone", probe.name, p.Name, probe.SuccessThreshold).do("write 1, or remove it")
			}
		}
	}
	c.pass("every probe and hook is where the API allows it")
}

// neverProbes returns the sidecar and the main that meet the lost-startup-probe defect, nil for a Pod that does not.
func (e *exam) neverProbes() (sidecar, main *part) {
	if e.subject.Scenario.Pod.RestartPolicy != sim.RestartNever {
		return nil, nil
	}
	for i := range e.parts {
		switch p := &e.parts[i]; {
		case p.sidecar() && p.Startup != nil && sidecar == nil:
			sidecar = p
		case !p.init && (p.Startup != nil || p.Readiness != nil || p.Liveness != nil) && main == nil:
			main = p
		}
	}
	if sidecar == nil || main == nil {
		return nil, nil
	}
	return sidecar, main
}

func gat005(c *checking) {
	sidecar, main := c.neverProbes()
	if sidecar == nil {
		c.skip("the Pod does not have the shape: restartPolicy Never, a sidecar with a startupProbe, a main with a probe")
		return
	}
	for i := range c.target.Nodes {
		if c.target.Nodes[i].Kubelet.NeverEndsSidecarProbes {
			c.warn(sidecar.at("startupProbe"), "if %s ends before its first success, it never counts as started here", sidecar.Name).
				because("The Pod is never restarted, %s has a startupProbe and %s a probe: the shape of kubernetes/kubernetes#132826.", sidecar.Name, main.Name)
			return
		}
	}
	c.pass("the kubelet does not have the defect")
}

func gat005Run(c *checking) {
	sidecar, main := c.neverProbes()
	switch {
	case sidecar == nil:
		c.skip("the Pod does not have the shape: restartPolicy Never, a sidecar with a startupProbe, a main with a probe")
	case !sidecar.Known.Life:
		c.skip("nothing says that %s ends before its first success", sidecar.Name)
	case !c.needCapable() || !c.needRun():
	default:
		r := c.alone()
		exited := r.first(sidecar.position, trace.Exited)
		started := r.first(sidecar.position, trace.Started)
		if c.here().Kubelet.NeverEndsSidecarProbes && exited >= 0 && (started < 0 || exited < started) && r.first(main.position, trace.Running) < 0 {
			c.fail(sidecar.at("startupProbe"), "%s ends before its first success, and %s never starts", sidecar.Name, main.Name).proof(r, exited)
		}
		c.pass("%s starts, as it is described", main.Name)
	}
}

func gat006(c *checking) {
	gated := c.those(func(p *part) bool { return p.sidecar() && p.gated() })
	if len(gated) == 0 {
		c.skip("no sidecar has a start gate")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	for _, s := range gated {
		r := c.shut(s)
		var blocked []*part
		for i := range c.parts {
			if p := &c.parts[i]; p != s && r.first(i, trace.Running) < 0 {
				blocked = append(blocked, p)
			}
		}
		c.judgeBlocked(s, blocked, r)
	}
	c.pass("what waits for a gate that never opens may wait")
}

func (c *checking) judgeBlocked(s *part, blocked []*part, r *run) {
	event := r.first(s.position, trace.Running)
	var must, open []*part
	for _, p := range blocked {
		switch {
		case slices.Contains(c.policy.MustStart, p.Name):
			must = append(must, p)
		case !slices.Contains(c.policy.MayWait, p.Name):
			open = append(open, p)
		}
	}
	at := s.at("startupProbe")
	if s.Startup == nil {
		at = s.at("lifecycle.postStart")
	}
	switch {
	case len(must) > 0:
		c.fail(at, "if the gate of %s never opens, %s never starts, and must", s.Name, names(must)).
			do("take %s from behind the gate, or let the gate open without it", names(must)).proof(r, event)
	case len(open) > 0:
		c.warn(at, "if the gate of %s never opens, %s never starts", s.Name, names(open)).
			because("Nobody said whether that is wanted.").proof(r, event)
	}
}
