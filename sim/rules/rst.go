package rules

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var rstRules = []Rule{
	{
		ID: "RST001", Group: RST, Title: "A sidecar restart is isolated and visible", Severity: Error,
		What: "Ends each sidecar once while the mains run, with exit codes 0, 1 and 137. It fails if another container restarts, if a plain init container runs again, if the sidecar " +
			"does not come back, or if its status does not return to running with one restart more.",
		Why:      "A sidecar is restarted whatever the Pod's restartPolicy says, and nothing else should notice.",
		Remedy:   "use a patch release without the defect; CMP009 names it",
		Evidence: []string{"kubernetes/kubernetes#122902", "kubernetes/kubernetes#123709"},
		simulate: rst001,
	},
	{
		ID: "RST002", Group: RST, Title: "A main restart is isolated", Severity: Error,
		What: "Ends each main once under restartPolicy Always. It fails if the init list runs again, if a sidecar restarts, or if the main is not back in the time that the " +
			"mechanism needs.",
		Why:      "The init list belongs to the start of the Pod, not to that of a container.",
		Remedy:   "see the defects of the target (CMP009)",
		Evidence: []string{"kubernetes/kubernetes#136969", "cloudnative-pg/cloudnative-pg#11272"},
		simulate: rst002,
	},
	{
		ID: "RST003", Group: RST, Title: "No restart loop by design", Severity: Error,
		What: "Looks at sidecars that are described as ending by themselves. More than 3 restarts in ten minutes are a warning. It fails if a container that needs the sidecar runs " +
			"without it for longer than allowed, or if the loop comes before its start gate and no main ever starts.",
		Why:      "Each restart waits longer, up to five minutes. A sidecar that ends when it has nothing to do is down most of the time.",
		Remedy:   "let the sidecar go on until it is stopped",
		Evidence: []string{"KEP-753", "SREGym/SREGym#881"},
		simulate: rst003,
	},
	{
		ID: "RST004", Group: RST, Title: "A kubelet restart keeps the Pod recoverable", Severity: Error,
		What: "Restarts the kubelet while the sidecars run, then ends each main whose restartPolicy brings it back, one after the other. It fails if one is not restarted, if a plain init " +
			"container runs again, or if a sidecar does not count as started any more at the end.",
		Why:      "Nodes are upgraded. A Pod that cannot recover afterwards is found out about weeks later.",
		Remedy:   "use a patch release without the defect; CMP009 names it",
		Evidence: []string{"kubernetes/kubernetes#137146", "kubernetes/kubernetes#137885"},
		simulate: rst004,
	},
	{
		ID: "RST005", Group: RST, Title: "A new sandbox repeats the whole order", Severity: Error,
		What:     "Takes the Pod's sandbox away. It fails if the order of the init list or of the mains is broken in the new one; a phase that shows Running too early is noted.",
		Why:      "After a reboot everything must start as it did the first time.",
		Remedy:   "use a release without the defect",
		Evidence: []string{"kubernetes/kubernetes#120247", "kubernetes/kubernetes#127793", "kubernetes/kubernetes#134173", "kubernetes/kubernetes#137710"},
		simulate: rst005,
	},
}

// steady returns when all mains run in the undisturbed Pod, with a while after it; false, and says so, if they never all do.
func (c *checking) steady() (trace.Instant, bool) {
	if !c.needSidecars() || !c.needCapable() || !c.needRun() {
		return 0, false
	}
	return c.allUp()
}

// allUp is steady for Pods of which is known that they run.
func (c *checking) allUp() (trace.Instant, bool) {
	r := c.alone()
	at := trace.Instant(0)
	for i := c.inits; i < len(c.parts); i++ {
		begins := r.first(i, trace.Running)
		if begins < 0 {
			c.skip("%s never starts; see %s", c.parts[i].Name, c.blocker())
			return 0, false
		}
		at = max(at, r.at(begins))
	}
	return at.Add(afterStart), true
}

// restarts returns how often the container's process was started again behind an instant.
func (r *run) restarts(container int, after trace.Instant) int {
	n := 0
	for i := range r.Events {
		if e := &r.Events[i]; int(e.Container) == container && e.Kind == trace.Running && e.At > after {
			n++
		}
	}
	return n
}

// staysUp keeps every main running for good, so that nothing else happens in a variant.
func (c *checking) staysUp(s *sim.Scenario) {
	for i := c.inits; i < len(c.parts); i++ {
		everyRun(c.parts[i].container(s), func(p *sim.Process) { p.For = sim.Forever })
	}
}

// killedCode is how a process exits that was killed: 128 + SIGKILL.
const killedCode = 137

func rst001(c *checking) {
	at, ok := c.steady()
	if !ok {
		return
	}
	for _, s := range c.sidecars() {
		for _, code := range [...]int32{0, 1, killedCode} {
			began := c.alone()
			after := at.Sub(began.at(began.first(s.position, trace.Running)))
			r := c.variant("sidecar "+s.Name+" exits "+number(int64(code)), func(scenario *sim.Scenario) {
				undisturbed(scenario)
				scenario.Horizon = time.Duration(at) + 3*time.Minute
				c.staysUp(scenario)
				if code == killedCode {
					scenario.Steps = []sim.Step{{Name: "kill", At: time.Duration(at), Kill: &sim.Kill{Container: s.Name, Signal: sim.SignalKill}}}
					return
				}
				ends(s.container(scenario), after, code)
			})
			c.isolated(r, s, at, code)
		}
	}
	c.pass("each sidecar comes back alone, whether it exits 0, 1 or 137")
}

// isolated judges a run in which one container ended once at an instant.
func (c *checking) isolated(r *run, ended *part, at trace.Instant, code int32) {
	exited := r.first(ended.position, trace.Exited)
	for i := range c.parts {
		if other := &c.parts[i]; other != ended && r.restarts(i, at) > 0 {
			c.fail(ended.at(""), "when %s exits %d, %s runs again", ended.Name, code, other.Name).proof(r, exited, r.last(i, trace.Running))
		}
	}
	back := r.after(ended.position, trace.Running, exited)
	if back < 0 {
		c.fail(ended.at(""), "when %s exits %d, it never comes back", ended.Name, code).proof(r, exited)
		return
	}
	if s := r.final(); s != nil {
		if st := &s.Containers[ended.position]; st.State.Kind != trace.StateRunning || st.Restarts != 1 {
			c.fail(ended.at(""), "when %s exits %d, the API goes on showing it as %s with %d restarts", ended.Name, code, st.State.Kind, st.Restarts).proof(r, exited, back)
		}
	}
}

// mainBack is how long a main may be down after its first end: no back-off yet, but the sync that failed for another reason is
// tried again after 10 s and half of that, and a relist or two.
const mainBack = 20 * time.Second

func rst002(c *checking) {
	if c.subject.Scenario.Pod.RestartPolicy != sim.RestartAlways {
		c.skip("mains are not always restarted in this Pod")
		return
	}
	at, ok := c.steady()
	if !ok {
		return
	}
	for i := c.inits; i < len(c.parts); i++ {
		m := &c.parts[i]
		if m.RestartPolicy != "" {
			continue // its own policy decides
		}
		began := c.alone()
		after := at.Sub(began.at(began.first(i, trace.Running)))
		r := c.variant("main "+m.Name+" exits 1", func(scenario *sim.Scenario) {
			undisturbed(scenario)
			scenario.Horizon = time.Duration(at) + 3*time.Minute
			c.staysUp(scenario)
			ends(m.container(scenario), after, 1)
		})
		exited := r.first(i, trace.Exited)
		back := r.after(i, trace.Running, exited)
		for j := range c.parts {
			if j != i && r.restarts(j, at) > 0 {
				c.fail(m.at(""), "when %s ends, %s runs again", m.Name, c.parts[j].Name).proof(r, exited, r.last(j, trace.Running))
			}
		}
		switch {
		case exited < 0:
			c.unknown("%s did not end in the run", m.Name)
		case back < 0:
			c.fail(m.at(""), "when %s ends, it never comes back", m.Name).proof(r, exited)
		case r.at(back).Sub(r.at(exited)) > mainBack+c.here().Kubelet.BackOffInitial:
			c.fail(m.at(""), "when %s ends, it is back only after %s", m.Name, length(r.at(back).Sub(r.at(exited)))).proof(r, exited, back)
		}
	}
	c.pass("each main comes back alone")
}

func rst003(c *checking) {
	if !c.needSidecars() {
		return
	}
	described := c.those(func(p *part) bool { return p.sidecar() && p.Known.Life })
	if len(described) == 0 {
		c.skip("no sidecar is described as ending by itself")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	r := c.alone()
	for _, s := range described {
		c.loop(r, s)
	}
	c.pass("no sidecar restarts more than %d times in ten minutes", c.policy.Restarts)
}

// loop judges the restarts of one sidecar.
func (c *checking) loop(r *run, s *part) {
	exits := r.count(s.position, trace.Exited)
	restarts := int64(r.count(s.position, trace.Running)) - 1
	first := r.first(s.position, trace.Exited)
	var backOffs []string
	for i := range r.Events {
		if e := &r.Events[i]; int(e.Container) == s.position && e.Kind == trace.BackOff && len(backOffs) < 6 {
			if text := length(e.Span); len(backOffs) == 0 || backOffs[len(backOffs)-1] != text {
				backOffs = append(backOffs, text)
			}
		}
	}
	series := "There was no back-off."
	if len(backOffs) > 0 {
		series = "The back-offs are " + and(backOffs) + "."
	}
	if started := r.first(s.position, trace.Started); exits > 1 && started < 0 && s.gated() {
		c.fail(s.at(""), "%s ends before its start gate opens, again and again, and nothing behind it starts", s.Name).because("%s", series).proof(r, first)
		return
	}
	for _, e := range c.needing(s, AtRun) {
		if gap, at := r.without(e.from.position, s.position); gap > c.policy.NeedGap && !e.inferred && exits > 0 {
			c.fail(s.at(""), "%s needs %s and runs %s without it; allowed are %s", e.from.Name, s.Name, length(gap), length(c.policy.NeedGap)).because("%s", series).
				do("let %s go on until it is stopped, or allow the gap (budgets.needGap)", s.Name).proof(r, at)
		}
	}
	if restarts > c.policy.Restarts {
		c.warn(s.at(""), "%s restarts %d times in %s by itself", s.Name, restarts, length(r.EndedAt.Sub(0))).because("%s", series).proof(r, first)
	}
}

// without returns the longest time that a container ran while another one, having run, was down, and the event with which that began.
func (r *run) without(container, needed int) (time.Duration, int32) {
	longest, at := time.Duration(0), int32(-1)
	up, gone := false, int32(-1)
	count := func(until trace.Instant) {
		if gone >= 0 && up {
			if d := until.Sub(r.at(gone)); d > longest {
				longest, at = d, gone
			}
		}
	}
	for i := range r.Events {
		e := &r.Events[i]
		switch {
		case int(e.Container) == container && e.Kind == trace.Running:
			up = true
			if gone >= 0 {
				gone = int32(i) // it counts from when both could have run
			}
		case int(e.Container) == container && e.Kind == trace.Exited:
			count(e.At)
			up = false
		case int(e.Container) == needed && e.Kind == trace.Running:
			count(e.At)
			gone = -1
		case int(e.Container) == needed && e.Kind == trace.Exited:
			gone = int32(i)
		}
	}
	count(r.EndedAt)
	return longest, at
}

// A restart of the kubelet: how long the mains have run by then, how long there is none, and how long after that the first main ends.
// Some kubelets treat containers apart that had run for ten seconds when they started (prober_manager.go: kubeletRestartGracePeriod, 1.35); at their end
// the probes have found what they find.
const (
	kubeletAfter = 20 * time.Second
	kubeletDown  = 3 * time.Second
	kubeletBack  = 20 * time.Second
)

func rst004(c *checking) {
	at, ok := c.steady()
	if !ok {
		return
	}
	at = at.Add(kubeletAfter)
	var back []*part
	if c.subject.Scenario.Pod.RestartPolicy != sim.RestartNever {
		back = c.those(func(p *part) bool { return !p.init && p.RestartPolicy == "" }) // a policy of its own decides of the others
	}
	began := c.alone()
	end := at.Add(kubeletDown + kubeletBack)
	r := c.variant("kubelet restarts", func(s *sim.Scenario) {
		undisturbed(s)
		c.staysUp(s)
		s.Steps = []sim.Step{{Name: "restart", At: time.Duration(at), RestartKubelet: &sim.RestartKubelet{Down: kubeletDown}}}
		for i, m := range back {
			after := end.Add(time.Duration(i) * mainBack).Sub(began.at(began.first(m.position, trace.Running)))
			ends(m.container(s), after, 1)
		}
		s.Horizon = time.Duration(end) + time.Duration(len(back))*mainBack + mainBack
	})
	started := r.pod(trace.KubeletStarted)
	if started < 0 {
		c.unknown("the kubelet did not start again in the run")
		return
	}
	for i := range c.parts {
		if p := &c.parts[i]; p.plain() && r.restarts(i, r.at(started)) > 0 {
			c.fail(p.at(""), "when the kubelet restarts, %s runs again", p.Name).proof(r, started, r.last(i, trace.Running))
		}
	}
	for _, m := range back {
		switch exited := r.after(m.position, trace.Exited, started); {
		case exited < 0:
			c.unknown("%s did not end in the run", m.Name)
		case r.after(m.position, trace.Running, exited) < 0:
			c.fail(m.at(""), "after a restart of the kubelet, %s ends and never comes back", m.Name).proof(r, started, exited)
		}
	}
	if last := r.final(); last != nil {
		for _, s := range c.sidecars() {
			if !last.Containers[s.position].Started {
				c.fail(s.at(""), "after a restart of the kubelet, %s never counts as started again", s.Name).proof(r, started, last.Event)
			}
		}
	}
	if len(back) == 0 {
		c.pass("the sidecars count as started again, and nothing runs again")
		return
	}
	c.pass("the sidecars count as started again, and a main that ends comes back")
}

// sandboxBack is how long the Pod of a lost sandbox is watched.
const sandboxBack = 2 * time.Minute

func rst005(c *checking) {
	if c.inits == 0 {
		c.skip("there are no init containers")
		return
	}
	if c.subject.Scenario.Pod.RestartPolicy != sim.RestartAlways {
		c.skip("the Pod's containers are not started again in a new sandbox")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	at, ok := c.allUp()
	if !ok {
		return
	}
	r := c.variant("sandbox lost", func(s *sim.Scenario) {
		undisturbed(s)
		c.staysUp(s)
		s.Horizon = time.Duration(at) + sandboxBack + 2*c.grace()
		s.Steps = []sim.Step{{Name: "loss", At: time.Duration(at), LoseSandbox: &sim.LoseSandbox{}}}
	})
	again := int32(-1)
	for i := range r.Events {
		if e := &r.Events[i]; e.Kind == trace.SandboxReady && e.At > at {
			again = int32(i)
			break
		}
	}
	if again < 0 {
		c.unknown("there was no second sandbox in %s", length(r.EndedAt.Sub(at)))
		return
	}
	c.initOrder(r)
	c.mainsLast(r)
	for i := range c.parts {
		if r.after(i, trace.Running, again) < 0 {
			c.fail(c.pointAt(i), "in a new sandbox, %s does not start again", c.parts[i].Name).proof(r, again)
		}
	}
	c.runningTooEarly(r, again)
	c.pass("in a new sandbox everything starts in order")
}

// phaseLag is how long the phase may tell of the old sandbox: the status is written at the beginning of a sync, of which there is one
// a second or so.
const phaseLag = 3 * time.Second

// runningTooEarly notes where the API shows phase Running in a new sandbox whose init list is not through.
func (c *checking) runningTooEarly(r *run, again int32) {
	through := r.at(again)
	for i := range c.inits {
		kind := trace.Exited
		if c.parts[i].sidecar() {
			kind = trace.Started
		}
		through = max(through, r.at(r.after(i, kind, again)))
	}
	for i := range r.Statuses {
		s := &r.Statuses[i]
		until := r.EndedAt
		if i+1 < len(r.Statuses) {
			until = r.Statuses[i+1].At
		}
		if from, to := max(s.At, r.at(again).Add(phaseLag)), min(until, through); s.Phase == trace.PhaseRunning && from < to {
			c.note(c.parts[0].at(""), "in a new sandbox, the phase is Running at %s although the init list is not through", trace.Seconds(from)).proof(r, again, s.Event)
			return
		}
	}
}
