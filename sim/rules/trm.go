package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var trmRules = []Rule{
	{
		ID: "TRM001", Group: TRM, Title: "Mains stop first", Severity: Error, Core: true, Invariant: true,
		What:     "Deletes the Pod. It fails if a sidecar gets the stop signal before the last main has ended, while grace time remains.",
		Why:      "Mains finish their requests through the proxy and write their last lines to the log shipper.",
		Remedy:   "report it to whoever makes the kubelet; no manifest repairs it",
		Evidence: []string{"kubernetes/kubernetes#120620", "KEP-753"},
		simulate: trm001,
	},
	{
		ID: "TRM002", Group: TRM, Title: "Sidecars stop one by one in reverse", Severity: Error, Core: true, Invariant: true,
		What:     "Deletes a Pod with two sidecars or more. It fails if one gets the stop signal before the next one in the list has ended, while grace time remains.",
		Why:      "A sidecar may need one that started before it, to its end.",
		Remedy:   "report it to whoever makes the kubelet; no manifest repairs it",
		Evidence: []string{"KEP-753", "kubernetes/website#51506"},
		simulate: trm002,
	},
	{
		ID: "TRM003", Group: TRM, Title: "No reliance on stop order where none exists", Severity: Warning, OnlyWarns: true, Core: true,
		What: "On targets whose kubelet stops all containers together: lists the containers that need a sidecar while they stop. Each is a warning, and a deletion of the Pod shows it where the " +
			"container still runs when the sidecar is told to stop.",
		Why:      "There the proxy goes at once, with the requests that the mains are about to finish.",
		Remedy:   "use nodes that stop in order, or let the sidecar wait in a preStop hook",
		Evidence: []string{"KEP-753", "kubernetes/kubernetes#120620"},
		static:   trm003, simulate: trm003Run,
	},
	{
		ID: "TRM004", Group: TRM, Title: "The grace time is enough for the chain", Severity: Error, Core: true,
		What: "Deletes the Pod with its own grace period, with 30 s, and with the shortest one that the configuration names, and adds up what each step takes. It fails if a main or a " +
			"sidecar that must drain is killed; it warns if another container is killed, or if less than 20 % is left.",
		Why: "There is one purse for everything: preStop hooks, the mains, then each sidecar in turn. A container whose turn comes with nothing left gets two seconds. A sidecar at the " +
			"end of a long chain is killed with its data.",
		Remedy:   "raise terminationGracePeriodSeconds, or stop faster",
		Evidence: []string{"KEP-753", "istio/istio#51855", "Panfactum/stack#164", "fluent/fluent-bit#5960"},
		simulate: trm004,
	},
	{
		ID: "TRM005", Group: TRM, Title: "A sidecar's preStop does not stop the service too early", Severity: Error, Core: true,
		What: "Looks at preStop hooks of sidecars that a main needs while it stops. A hook that drains, sleeps, polls or shuts down is a warning. It fails if in a run the sidecar ends " +
			"while the main that needs it still runs.",
		Why: "The hook runs at the beginning of the Pod's termination, together with those of the mains, and not after the mains. What it was written for, the order, targets with an " +
			"ordered stop give by themselves.",
		Remedy:   "remove the hook where the stop is ordered",
		Evidence: []string{"istio/istio#60649", "istio/istio#51855", "linkerd/linkerd2#11465", "actions/actions-runner-controller#3842"},
		static:   trm005, simulate: trm005Run,
	},
	{
		ID: "TRM006", Group: TRM, Title: "preStop does not end the process", Severity: Error, Core: true,
		What:     "Looks at sidecars with a preStop hook. It fails if the process ends with the hook, before its stop signal.",
		Why:      "No release that was read restarts a sidecar while the Pod terminates: the mains are without it for the rest of their own stop.",
		Remedy:   "let the hook prepare the end, and the stop signal bring it",
		Evidence: []string{"KEP-753"},
		simulate: trm006,
	},
	{
		ID: "TRM007", Group: TRM, Title: "Deleting a Pod that is still initializing is quick", Severity: Warning, Core: true,
		What: "Deletes the Pod while the start gate of a sidecar is shut and nothing behind it has run. It fails if the Pod lives longer than the sidecar takes to stop, and the mechanism " +
			"to notice. A postStart hook that runs delays it rightly.",
		Why:      "Some kubelets wait the whole grace period for containers that never ran. Rollouts then take that long for each broken Pod.",
		Remedy:   "use a patch release without the defect",
		Evidence: []string{"kubernetes/kubernetes#125880", "istio/istio#51883"},
		simulate: trm007,
	},
	{
		ID: "TRM008", Group: TRM, Title: "Probes do not disturb termination", Severity: Warning, Core: true,
		What: "On targets that go on probing sidecars while the Pod stops: warns if the liveness probe of a sidecar is described as failing while it drains, or in the end. It fails if a run shows more " +
			"than an event: a kill before the sidecar's turn.",
		Why:      "A draining proxy often answers its liveness probe with an error.",
		Remedy:   "let the liveness endpoint answer until the end",
		Evidence: []string{"kubernetes/kubernetes#141766", "sapcc/helm-charts#9191"},
		static:   trm008, simulate: trm008Run,
	},
}

// needOrder skips targets that stop all containers together.
func (c *checking) needOrder() bool {
	if c.here().Kubelet.StopOrder == gates.StopTogether {
		c.skip("this kubelet stops all containers together; see TRM003")
		return false
	}
	return true
}

func trm001(c *checking) {
	if c.needSidecars() && c.needOrder() && c.needCapable() && c.needRun() {
		if r := c.deleted(0); r != nil {
			c.mainsFirst(r)
		}
	}
}

// mainsFirst wants no sidecar to get its stop signal while a main runs and time is left.
func (c *checking) mainsFirst(r *run) {
	for i := r.stopBegins(); i < len(r.Events); i++ {
		e := &r.Events[i]
		if e.Kind != trace.StopSignal || e.Container < 0 || r.Containers[e.Container].Role != trace.RoleSidecar || timeUp(e) {
			continue
		}
		for j := range r.Containers {
			if r.Containers[j].Role == trace.RoleMain && r.up(j, int32(i)) {
				c.fail(c.pointAt(int(e.Container)), "%s gets the stop signal while %s still runs", r.Containers[e.Container].Name, r.Containers[j].Name).proof(r, int32(i), r.after(j, trace.Exited, int32(i)))
			}
		}
	}
	c.pass("the sidecars are stopped after the last main")
}

// timeUp reports whether the container gets its signal with no more than the minimum left, because the grace period is used up.
func timeUp(signal *trace.Event) bool { return signal.Span <= killMinimum }

// stopBegins returns the position of the event with which the Pod as a whole is asked to stop, the number of events if it never is. A
// container that is killed for a probe before then is no part of a stop.
func (r *run) stopBegins() int {
	for i := range r.Events {
		if k := r.Events[i].Kind; k == trace.DeleteRequested || k == trace.DeadlineExceeded {
			return i
		}
	}
	return len(r.Events)
}

func trm002(c *checking) {
	if len(c.sidecars()) < 2 {
		c.skip("there are not two sidecars")
		return
	}
	if c.needOrder() && c.needCapable() && c.needRun() {
		if r := c.deleted(0); r != nil {
			c.reverse(r)
		}
	}
}

// reverse wants no sidecar to get its stop signal while a later one runs and time is left.
func (c *checking) reverse(r *run) {
	for i := r.stopBegins(); i < len(r.Events); i++ {
		e := &r.Events[i]
		if e.Kind != trace.StopSignal || e.Container < 0 || r.Containers[e.Container].Role != trace.RoleSidecar || timeUp(e) {
			continue
		}
		for j := int(e.Container) + 1; j < len(r.Containers); j++ {
			if r.Containers[j].Role == trace.RoleSidecar && r.up(j, int32(i)) {
				c.fail(c.pointAt(int(e.Container)), "%s gets the stop signal while %s, which stands behind it, still runs", r.Containers[e.Container].Name, r.Containers[j].Name).
					proof(r, int32(i), r.after(j, trace.Exited, int32(i)))
			}
		}
	}
	c.pass("the sidecars are stopped in reverse, one by one")
}

func trm003(c *checking) {
	if !c.needSidecars() {
		return
	}
	together := false
	for i := range c.target.Nodes {
		together = together || c.target.Nodes[i].Kubelet.StopOrder == gates.StopTogether && capable(&c.target.Nodes[i])
	}
	if !together {
		c.skip("sidecars that run here are stopped in order")
		return
	}
	for _, s := range c.sidecars() {
		for _, e := range c.needing(s, AtStop) {
			c.stoppedTogether(s, e)
		}
	}
	c.pass("no container is known to need a sidecar while it stops")
}

func (c *checking) stoppedTogether(s *part, e *edge) *Finding {
	return c.warn(s.at(""), "this kubelet stops %s together with %s, which needs it while it stops", s.Name, e.from.Name).
		because("Kubelets stop sidecars after the mains from %s on%s.", gates.OrderedStopSince().Line(), e.seen())
}

func trm003Run(c *checking) {
	if !c.needSidecars() || !c.needCapable() || !c.needRun() {
		return
	}
	if c.here().Kubelet.StopOrder != gates.StopTogether {
		c.skip("sidecars that run here are stopped in order")
		return
	}
	r := c.deleted(0)
	if r == nil {
		return
	}
	for _, s := range c.sidecars() {
		signal := r.after(s.position, trace.StopSignal, r.pod(trace.DeleteRequested))
		for _, e := range c.needing(s, AtStop) {
			if signal >= 0 && r.up(e.from.position, signal) {
				c.stoppedTogether(s, e).proof(r, signal, r.after(e.from.position, trace.Exited, signal))
			}
		}
	}
	c.pass("no container that needs a sidecar while it stops runs when that is told to stop")
}

// step is one container's part of a stop.
type step struct {
	part   *part
	signal int32 // the stop signal, -1 if it gets none
	exit   int32
	killed bool
}

func trm004(c *checking) {
	if !c.needSidecars() || !c.needCapable() || !c.needRun() {
		return
	}
	own := c.subject.Scenario.Pod.TerminationGracePeriodSeconds
	graces := []int64{own}
	for _, other := range [...]int64{30, c.policy.ShortestGraceSeconds} {
		if other > 0 && other < own {
			graces = append(graces, other)
		}
	}
	for i, grace := range graces {
		r := c.deleted(grace)
		if r == nil {
			return
		}
		c.judgeGrace(r, grace, i == 0)
	}
	var open []*part
	for i := range c.parts {
		p := &c.parts[i]
		if !p.plain() && !p.Known.Stop {
			open = append(open, p)
		}
	}
	if len(open) > 0 {
		c.unknown("nothing says how long %s %s to stop; the grace period is %ds", names(open), takes(open), own)
		return
	}
	c.pass("%s", c.arithmetic(c.deleted(own), own))
}

func takes(parts []*part) string {
	if len(parts) == 1 {
		return "takes"
	}
	return "take"
}

// judgeGrace judges one deletion.
func (c *checking) judgeGrace(r *run, grace int64, own bool) {
	sum := c.arithmetic(r, grace)
	suffix, at := "", Pointer{Path: "spec.terminationGracePeriodSeconds"}
	if !own {
		suffix = fmt.Sprintf(" when it is deleted with %ds", grace)
	}
	last := trace.Instant(0)
	killed := false
	for _, s := range c.steps(r) {
		last = max(last, r.at(s.exit))
		if !s.killed {
			continue
		}
		killed = true
		var f *Finding
		if own && (!s.part.init || s.part.MustDrain) {
			f = c.fail(at, "%s is killed: %ds of grace are not enough for the chain%s", s.part.Name, grace, suffix)
		} else {
			f = c.warn(at, "%s is killed: %ds of grace are not enough for the chain%s", s.part.Name, grace, suffix)
		}
		f.because("%s", sum).proof(r, s.signal, r.first(s.part.position, trace.KillSignal), s.exit)
		if need := c.needed(grace); need > grace {
			f.do("raise terminationGracePeriodSeconds to %d, or stop faster", need)
		}
	}
	asked := r.pod(trace.DeleteRequested)
	if killed || asked < 0 || !own {
		return
	}
	left := time.Duration(grace)*time.Second - last.Sub(r.at(asked))
	if left*100 < time.Duration(grace)*time.Second*time.Duration(c.policy.Slack) {
		c.warn(at, "the stop takes %s of %ds: less than %d%% is left", length(last.Sub(r.at(asked))), grace, c.policy.Slack).because("%s", sum).proof(r, asked)
	}
}

// needed is the grace period with which nothing would be killed and the slack be left, in seconds; 0 if no grace period is enough.
func (c *checking) needed(grace int64) int64 {
	for i := range c.parts {
		for j := range c.parts[i].Behavior.Runs {
			if c.parts[i].Behavior.Runs[j].OnStop.Ignore && !c.parts[i].plain() {
				return 0
			}
		}
	}
	long := max(10*grace, 3600)
	r := c.deleted(long)
	if r == nil {
		return 0
	}
	asked, last := r.pod(trace.DeleteRequested), trace.Instant(0)
	for _, s := range c.steps(r) {
		if s.killed {
			return 0
		}
		last = max(last, r.at(s.exit))
	}
	if asked < 0 || last < r.at(asked) {
		return 0
	}
	took := last.Sub(r.at(asked))
	return int64((took*100/time.Duration(100-c.policy.Slack) + time.Second - 1) / time.Second)
}

// steps returns the containers that were stopped, in the order of their exits.
func (c *checking) steps(r *run) []step {
	asked := r.pod(trace.DeleteRequested)
	var list []step
	for i := int(asked) + 1; asked >= 0 && i < len(r.Events); i++ {
		e := &r.Events[i]
		if e.Kind != trace.Exited || e.Container < 0 || int(e.Container) >= len(c.parts) {
			continue
		}
		s := step{part: &c.parts[e.Container], signal: r.after(int(e.Container), trace.StopSignal, asked), exit: int32(i)}
		s.killed = r.after(int(e.Container), trace.KillSignal, asked) >= 0
		list = append(list, s)
	}
	return list
}

// arithmetic writes a stop as a sum: what each container took, and what was left then.
func (c *checking) arithmetic(r *run, grace int64) string {
	asked := r.pod(trace.DeleteRequested)
	if asked < 0 {
		return ""
	}
	parts := []string{fmt.Sprintf("grace %ds", grace)}
	for _, s := range c.steps(r) {
		spent := r.at(s.exit).Sub(r.at(asked))
		left := max(time.Duration(grace)*time.Second-spent, 0)
		text := fmt.Sprintf("%s ends at %s", s.part.Name, length(spent))
		if hook := r.after(s.part.position, trace.PreStopEnd, asked); hook >= 0 {
			text += fmt.Sprintf(" (preStop %s)", length(r.at(hook).Sub(r.at(r.after(s.part.position, trace.PreStopBegin, asked)))))
		}
		if s.killed {
			text += ", killed"
		}
		parts = append(parts, text+", "+length(left)+" left")
	}
	return strings.Join(parts, "; ")
}

// early are words of a hook that does by hand what an ordered stop does.
var early = []string{"sleep", "drain", "quit", "shutdown", "pkill", "kill", "while", "until", "netstat", "curl", "wget", "nc "}

func trm005(c *checking) {
	hooks := c.those(func(p *part) bool { return p.sidecar() && p.PreStop != nil })
	if len(hooks) == 0 {
		c.skip("no sidecar has a preStop hook")
		return
	}
	needed := 0
	for _, s := range hooks {
		edges := c.needing(s, AtStop)
		if len(edges) == 0 {
			continue
		}
		needed++
		word := ""
		if s.PreStop.Handler == sim.HandlerSleep {
			word = "sleep"
		}
		for _, w := range early {
			if word == "" && call(&s.StopHook, w) {
				word = w
			}
		}
		if word == "" {
			continue
		}
		f := c.warn(s.at("lifecycle.preStop"), "the preStop of %s (%s) runs while %s still runs and needs it", s.Name, strings.TrimSpace(word), edges[0].from.Name).
			because("Hooks of all containers begin when the Pod is asked to stop, sidecars' too. %s needs it to its end%s.", edges[0].from.Name, edges[0].seen())
		if c.ordered() {
			f.do("remove it: this target stops %s after the mains", s.Name)
		}
	}
	if needed == 0 {
		c.skip("no container is known to need a sidecar with a preStop hook while it stops")
		return
	}
	c.pass("no preStop hook of a sidecar stops its service")
}

// ordered reports whether every kind of node stops sidecars after the mains.
func (e *exam) ordered() bool {
	for i := range e.target.Nodes {
		if e.target.Nodes[i].Kubelet.StopOrder == gates.StopTogether {
			return false
		}
	}
	return true
}

func trm005Run(c *checking) {
	hooks := c.those(func(p *part) bool { return p.sidecar() && p.PreStop != nil && len(c.needing(p, AtStop)) > 0 })
	if len(hooks) == 0 {
		c.skip("no container is known to need a sidecar with a preStop hook while it stops")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	r := c.deleted(0)
	if r == nil {
		return
	}
	for _, s := range hooks {
		if !s.Known.PreStop && s.PreStop.Handler != sim.HandlerSleep {
			c.unknown("nothing says what the preStop hook of %s does", s.Name)
			continue
		}
		gone := r.after(s.position, trace.Exited, r.pod(trace.DeleteRequested))
		for _, e := range c.needing(s, AtStop) {
			if gone >= 0 && r.up(e.from.position, gone) && r.before(s.position, trace.PreStopBegin, gone) {
				c.failOrWarn(e.inferred, s.at("lifecycle.preStop"), "%s is gone at %s, while %s still runs and needs it", s.Name, trace.Seconds(r.at(gone)), e.from.Name).
					proof(r, gone, r.after(e.from.position, trace.Exited, gone))
			}
		}
	}
	c.pass("the sidecars outlive the mains that need them")
}

// before reports whether the container had an event of a kind in front of a position, since the deletion.
func (r *run) before(container int, kind trace.Kind, position int32) bool {
	at := r.after(container, kind, r.pod(trace.DeleteRequested))
	return at >= 0 && at <= position
}

func trm006(c *checking) {
	hooks := c.those(func(p *part) bool { return p.sidecar() && p.PreStop != nil })
	if len(hooks) == 0 {
		c.skip("no sidecar has a preStop hook")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	up := c.deleted(0)
	if up == nil {
		return
	}
	at := up.at(up.pod(trace.DeleteRequested))
	r := c.variant("deleted, mains hold on", func(s *sim.Scenario) {
		undisturbed(s)
		s.Steps = []sim.Step{{Name: "deletion", At: time.Duration(at), Delete: &sim.Delete{}}}
		for i := c.inits; i < len(c.parts); i++ {
			everyRun(c.parts[i].container(s), func(p *sim.Process) { p.OnStop = sim.StopReaction{After: c.grace()} })
		}
	})
	asked := r.pod(trace.DeleteRequested)
	for _, s := range hooks {
		if !s.Known.PreStop && s.PreStop.Handler != sim.HandlerSleep {
			c.unknown("nothing says whether %s outlives its preStop hook", s.Name)
			continue
		}
		gone, signal := r.after(s.position, trace.Exited, asked), r.after(s.position, trace.StopSignal, asked)
		if gone >= 0 && (signal < 0 || gone < signal) {
			c.fail(s.at("lifecycle.preStop"), "%s ends with its preStop hook at %s, before it is stopped", s.Name, trace.Seconds(r.at(gone))).proof(r, r.after(s.position, trace.PreStopBegin, asked), gone)
		}
	}
	c.pass("the sidecars outlive their preStop hooks")
}

func trm007(c *checking) {
	gated := c.those(func(p *part) bool { return p.sidecar() && p.Startup != nil })
	if len(gated) == 0 {
		c.skip("no sidecar has a startupProbe that could be waited for")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	for _, s := range gated {
		shut := c.shut(s)
		begins := shut.first(s.position, trace.Running)
		if begins < 0 {
			continue
		}
		at := shut.at(begins).Add(500 * time.Millisecond)
		r := c.variant("deleted behind the gate of "+s.Name, func(scenario *sim.Scenario) {
			undisturbed(scenario)
			everyRun(s.container(scenario), func(p *sim.Process) {
				p.For, p.Startup = sim.Forever, []sim.Answer{{Result: sim.AnswerFailure}}
			})
			scenario.Steps = []sim.Step{{Name: "deletion", At: time.Duration(at), Delete: &sim.Delete{}}}
		})
		c.quickly(r, s)
	}
	c.pass("the Pod is gone as soon as the sidecars have stopped")
}

func (c *checking) quickly(r *run, s *part) {
	asked, gone := r.pod(trace.DeleteRequested), r.pod(trace.PodRemoved)
	if asked < 0 {
		return
	}
	var stop time.Duration
	for _, p := range c.sidecars() {
		for i := range p.Behavior.Runs {
			if on := &p.Behavior.Runs[i].OnStop; on.Ignore {
				stop = c.grace()
			} else {
				stop = max(stop, on.After)
			}
		}
		if p.PreStop != nil && p.PreStop.Handler == sim.HandlerSleep {
			stop += time.Duration(p.PreStop.SleepSeconds) * time.Second
		}
	}
	if limit := stop*time.Duration(len(c.sidecars())) + stopLag; gone < 0 || r.at(gone).Sub(r.at(asked)) > limit {
		took := "more than " + length(r.EndedAt.Sub(r.at(asked)))
		if gone >= 0 {
			took = length(r.at(gone).Sub(r.at(asked)))
		}
		c.fail(s.at("startupProbe"), "deleted while %s has not started, the Pod lives on for %s", s.Name, took).
			because("Stopping the sidecars takes %s, and noticing it some seconds; the grace period is %s.", length(stop), length(c.grace())).
			proof(r, asked, r.last(s.position, trace.StopSignal), gone)
	}
}

// stillProbed returns the sidecars whose livenessProbe goes on while the Pod stops, on one of the nodes at least; where there are none it says so.
func (c *checking) stillProbed(nodes ...gates.Resolved) []*part {
	probed := c.those(func(p *part) bool { return p.sidecar() && p.Liveness != nil })
	if len(probed) == 0 {
		c.skip("no sidecar has a livenessProbe")
		return nil
	}
	d, _ := gates.FindDefect("D09")
	if !slices.ContainsFunc(nodes, func(n gates.Resolved) bool { return d.In(n.Target) }) {
		c.pass("this kubelet does not probe sidecars while the Pod stops")
		return nil
	}
	return probed
}

func (c *checking) failsWhileStopping(s *part) *Finding {
	return c.warn(s.at("livenessProbe"), "the livenessProbe of %s fails while the Pod stops; events say so, nothing else happens", s.Name)
}

func (c *checking) drainUnknown(s *part) {
	c.unknown("nothing says what the livenessProbe of %s finds while it drains", s.Name)
}

// trm008 goes by what is said of the probe's answers: one that fails from some moment on fails in a stop behind that moment.
func trm008(c *checking) {
	probed := c.stillProbed(c.target.Nodes...)
	for _, s := range probed {
		from, fails := failsInTheEnd(s)
		switch {
		case !s.Known.Liveness:
			c.drainUnknown(s)
		case fails:
			c.failsWhileStopping(s).because("The probe is described as failing from %s of the process's life on.", length(from))
		}
	}
	if len(probed) > 0 {
		c.pass("no livenessProbe of a sidecar is described as failing in the end")
	}
}

// failsInTheEnd reports whether the last thing that the livenessProbe finds in the life that repeats is a failure, and since when.
func failsInTheEnd(s *part) (from time.Duration, fails bool) {
	if len(s.Behavior.Runs) == 0 {
		return 0, false
	}
	life := &s.Behavior.Runs[len(s.Behavior.Runs)-1]
	for _, a := range life.Liveness {
		if life.For != sim.Forever && a.From >= life.For {
			break
		}
		from, fails = a.From, a.Result == sim.AnswerFailure || a.Takes > time.Duration(s.Liveness.TimeoutSeconds)*time.Second
	}
	return from, fails
}

func trm008Run(c *checking) {
	probed := c.stillProbed(*c.here())
	if len(probed) == 0 || !c.needCapable() || !c.needRun() {
		return
	}
	r := c.deleted(0)
	if r == nil {
		return
	}
	asked := r.pod(trace.DeleteRequested)
	for _, s := range probed {
		failed := r.after(s.position, trace.LivenessFailed, asked)
		switch signal := r.after(s.position, trace.StopSignal, asked); {
		case !s.Known.Liveness:
			c.drainUnknown(s)
		case failed < 0:
		case signal >= 0 && signal < failed && c.killedEarly(r, s, asked):
			c.fail(s.at("livenessProbe"), "the livenessProbe of %s fails while the Pod stops, and it is killed before its turn", s.Name).proof(r, failed, signal)
		default:
			c.failsWhileStopping(s).proof(r, failed)
		}
	}
	c.pass("no livenessProbe of a sidecar fails while the Pod stops")
}

// killedEarly reports whether the sidecar was killed although the mains still ran.
func (c *checking) killedEarly(r *run, s *part, asked int32) bool {
	killed := r.after(s.position, trace.KillSignal, asked)
	for i := c.inits; i < len(c.parts); i++ {
		if killed >= 0 && r.up(i, killed) {
			return true
		}
	}
	return false
}
