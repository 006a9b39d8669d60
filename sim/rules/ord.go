package rules

import (
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var ordRules = []Rule{
	{
		ID: "ORD001", Group: ORD, Title: "A needed sidecar comes before the container that needs it", Severity: Error, Core: true,
		What: "Looks at every container that needs another one at its start. It fails if the needed sidecar stands behind it in initContainers, or if an " +
			"init container needs an entry of containers, which can never be there in time. Two entries of containers have no order: that is a warning.",
		Why: "The init list starts from the top, one after another. An init container that needs a proxy behind it, or among the mains, waits for something " +
			"that waits for it.",
		Remedy:   "move the needed container into initContainers with restartPolicy: Always, in front of the one that needs it",
		Evidence: []string{"kumahq/kuma#13791", "linkerd/linkerd2#11465", "GoogleCloudPlatform/cloud-sql-proxy-operator#641", "kumahq/kuma#2483"},
		static:   ord001, simulate: ord001Run,
	},
	{
		ID: "ORD002", Group: ORD, Title: "The init list starts one after another", Severity: Error, Core: true, Invariant: true,
		What: "Looks at the starts of the init list in a run. It fails if an entry starts before a plain init container in front of it has ended well, or before " +
			"a sidecar in front of it has started, in the same sandbox.",
		Why:      "Everything else about the order rests on this. A cluster that breaks it has a defective kubelet.",
		Remedy:   "report it to whoever makes the kubelet; no manifest repairs it",
		Evidence: []string{"KEP-753", "kubernetes/kubernetes#120269", "kubernetes/kubernetes#140703"},
		simulate: ord002,
	},
	{
		ID: "ORD003", Group: ORD, Title: "No main starts before initialization is complete", Severity: Error, Core: true, Invariant: true,
		What: "Looks at the first start of each entry of containers in each sandbox. It fails if that comes before the end of a plain init container or before a " +
			"sidecar has started.",
		Why:      "A main that starts early finds no proxy, no secrets, no schema.",
		Remedy:   "use a release without the defect; no manifest repairs it",
		Evidence: []string{"kubernetes/kubernetes#120247", "kubernetes/kubernetes#127793"},
		simulate: ord003,
	},
	{
		ID: "ORD004", Group: ORD, Title: "The sidecar marker is on the right list", Severity: Error, Core: true,
		What: "Looks for restartPolicy on entries of spec.containers. It fails where the API server refuses that, and warns where it takes it: there it changes when the " +
			"container restarts, and does not make a sidecar.",
		Why:      "The field makes a sidecar in initContainers only.",
		Remedy:   "move the container into initContainers, or remove restartPolicy",
		Evidence: []string{"RedHatInsights/clowder#1783"},
		static:   ord004,
	},
	{
		ID: "ORD005", Group: ORD, Title: "No endless plain init container", Severity: Error, Core: true,
		What: "Looks for plain init containers that are servers. It fails if one has not ended after 10 minutes of virtual time while others wait for it; it warns " +
			"if one declares ports, idles (sleep infinity, tail -f), or has the image of a sidecar.",
		Why:      "A plain init container that never ends holds the Pod in initialization for ever. A forgotten restartPolicy: Always is the usual cause.",
		Remedy:   "write restartPolicy: Always if it is a sidecar; else let it end",
		Evidence: []string{"aws/aws-app-mesh-controller-for-k8s#774", "RedHatInsights/clowder#1266", "kubeflow/community-distribution#3057"},
		static:   ord005, simulate: ord005Run,
	},
	{
		ID: "ORD006", Group: ORD, Title: "No network gap between redirection and proxy", Severity: Error, Core: true,
		What: "Looks at init containers behind the one that redirects the Pod's traffic and in front of the proxy. It fails if one is declared to need the proxy, and " +
			"warns if nobody said. A redirection without a proxy in the init list, with init containers behind it, is a warning too.",
		Why:      "From the redirection on, traffic goes to the proxy's port. Until the proxy listens there, every connection is refused.",
		Remedy:   "put the proxy, as a sidecar, directly behind the redirection",
		Evidence: []string{"linkerd/linkerd2#1760", "linkerd/linkerd2#7999", "istio/istio#38354", "kumahq/kuma#3121"},
		static:   ord006, simulate: ord006Run,
	},
}

func ord001(c *checking) {
	looked := 0
	for i := range c.edges {
		e := &c.edges[i]
		if e.phase&AtStart == 0 {
			continue
		}
		looked++
		from, to := e.from, e.to
		switch {
		case from.init && !to.init:
			c.failOrWarn(e.inferred, from.at(""), "%s needs %s at its start, which starts after all init containers", from.Name, to.Name).
				because("%s is an init container and %s an entry of containers%s. Mains start when the init list is through, so %s waits for what waits for it.", from.Name, to.Name, e.seen(), from.Name)
		case from.init && to.index > from.index:
			c.failOrWarn(e.inferred, to.at(""), "%s needs %s at its start, which stands behind it", from.Name, to.Name).
				because("The init list starts from the top: %s is entry %d, %s is entry %d%s.", from.Name, from.index, to.Name, to.index, e.seen()).
				do("move %s in front of %s", to.Name, from.Name)
		case !to.init:
			c.warn(to.at(""), "%s needs %s at its start; between entries of containers there is no order", from.Name, to.Name).
				because("Both are entries of containers and start one right after the other, without waiting%s.", e.seen()).
				do("move %s into initContainers with restartPolicy: Always and a startupProbe", to.Name)
		}
	}
	if looked == 0 {
		c.skip("no container is known to need another one at its start")
		return
	}
	c.pass("%d needs are met by the order of the list", looked)
}

// ord001Run sees that the needed sidecar has started before the container that needs it runs.
func ord001Run(c *checking) {
	if !c.needCapable() || !c.needRun() {
		return
	}
	r, looked := c.life(), 0
	for i := range c.edges {
		e := &c.edges[i]
		if e.phase&AtStart == 0 || !e.to.sidecar() || e.inferred {
			continue
		}
		looked++
		begins, started := r.first(e.from.position, trace.Running), r.first(e.to.position, trace.Started)
		if begins >= 0 && r.at(begins) < r.at(started) {
			c.fail(e.from.at(""), "%s runs at %s, before %s has started", e.from.Name, trace.Seconds(r.at(begins)), e.to.Name).proof(r, begins, started)
		}
	}
	if looked == 0 {
		c.skip("no container is declared to need a sidecar at its start")
		return
	}
	c.pass("each needed sidecar has started before")
}

func ord002(c *checking) {
	if c.inits < 2 {
		c.skip("there are not two init containers")
		return
	}
	if c.needRun() {
		c.initOrder(c.life())
	}
}

// initOrder wants entries of the init list to start after those in front of them.
func (c *checking) initOrder(r *run) {
	generation := int32(-1)
	done := make([]bool, len(r.Containers))
	for i := range r.Events {
		e := &r.Events[i]
		c.follow(r, e, done)
		if e.Kind == trace.SandboxReady {
			generation = int32(i)
		}
		if e.Kind != trace.Running || !isInit(r, e) || generation < 0 {
			continue
		}
		for before := range int(e.Container) {
			if isInit(r, &trace.Event{Container: int16(before)}) && !done[before] {
				c.fail(c.pointAt(int(e.Container)), "%s runs before %s is done", r.Containers[e.Container].Name, r.Containers[before].Name).proof(r, int32(i))
			}
		}
	}
	c.pass("each init container waits for those in front of it")
}

// follow keeps which init containers have let the next one go in this sandbox.
func (c *checking) follow(r *run, e *trace.Event, done []bool) {
	switch {
	case e.Kind == trace.SandboxReady:
		clear(done)
	case e.Container < 0:
	case r.Containers[e.Container].Role == trace.RoleInit && e.Kind == trace.Exited:
		done[e.Container] = e.ExitCode == 0
	case r.Containers[e.Container].Role == trace.RoleSidecar && e.Kind == trace.Started:
		done[e.Container] = true
	}
}

func isInit(r *run, e *trace.Event) bool {
	if e.Container < 0 {
		return false
	}
	role := r.Containers[e.Container].Role
	return role == trace.RoleInit || role == trace.RoleSidecar
}

// pointAt points at a container by its position in a trace.
func (c *checking) pointAt(position int) Pointer {
	if position >= len(c.parts) {
		return Pointer{}
	}
	return c.parts[position].at("")
}

func ord003(c *checking) {
	if c.inits == 0 {
		c.skip("there are no init containers")
		return
	}
	if c.needRun() {
		c.mainsLast(c.life())
	}
}

// mainsLast wants the first start of each main in a sandbox to come after the init list is through.
func (c *checking) mainsLast(r *run) {
	done := make([]bool, len(r.Containers))
	for i := range r.Events {
		e := &r.Events[i]
		c.follow(r, e, done)
		if e.Kind != trace.Running || e.Container < 0 || r.Containers[e.Container].Role != trace.RoleMain {
			continue
		}
		for before := range r.Containers {
			if isInit(r, &trace.Event{Container: int16(before)}) && !done[before] {
				c.fail(c.pointAt(before), "%s runs before %s is done", r.Containers[e.Container].Name, r.Containers[before].Name).proof(r, int32(i))
			}
		}
	}
	c.pass("no main runs before the init list is through")
}

func ord004(c *checking) {
	for i := range c.parts {
		p := &c.parts[i]
		if p.init || p.RestartPolicy == "" {
			continue
		}
		api := &c.target.Nodes[0].API
		switch at := p.at("restartPolicy"); {
		case !api.KnowsRestartRules:
			c.fail(at, "restartPolicy on %s: this API server refuses it on entries of containers", p.Name)
		case !api.RestartRules:
			c.warn(at, "restartPolicy on %s is dropped by this API server, and makes no sidecar", p.Name)
		default:
			c.warn(at, "restartPolicy on %s changes its restarts, and makes no sidecar", p.Name)
		}
	}
	c.pass("no entry of containers has a restartPolicy of its own")
}

func ord005(c *checking) {
	plain := c.those((*part).plain)
	if len(plain) == 0 {
		c.skip("there are no plain init containers")
		return
	}
	for _, p := range plain {
		switch loop := idles(p); {
		case p.Known.Life: // the simulating engine decides
		case loop != "":
			c.warn(p.at("command"), "%s looks endless: it ends in %q", p.Name, loop)
		case p.image != nil && p.role != RoleRedirector && p.role != RoleSecrets:
			c.warn(p.at("image"), "%s looks endless: its image is one of a sidecar (%s)", p.Name, p.role)
		case len(p.Ports) > 0:
			c.warn(p.at("ports"), "%s looks endless: it declares ports, as servers do", p.Name)
		case c.sidecarOf(p) != nil:
			c.warn(p.at("image"), "%s looks endless: %s has its image and command and is a sidecar", p.Name, c.sidecarOf(p).Name)
		}
	}
	c.pass("no plain init container looks like a server")
}

// sidecarOf returns a sidecar that runs the same thing.
func (e *exam) sidecarOf(p *part) *part {
	for i := range e.parts {
		other := &e.parts[i]
		same := other.Facts.Image == p.Facts.Image && strings.Join(other.Command, " ") == strings.Join(p.Command, " ") && strings.Join(other.Args, " ") == strings.Join(p.Args, " ")
		if other != p && other.sidecar() && same && p.Facts.Image != "" {
			return other
		}
	}
	return nil
}

// idles returns the words with which a command goes on for ever, empty if none are seen.
func idles(p *part) string {
	text := strings.TrimSpace(strings.Join(append(append([]string{}, p.Command...), p.Args...), " "))
	for _, loop := range [...]string{"sleep infinity", "sleep inf", "tail -f /dev/null", "tail -f", "while true; do sleep", "/pause"} {
		last := text[strings.LastIndexAny(text, ";&|\n")+1:]
		if strings.HasPrefix(strings.TrimSpace(last), loop) || loop == "while true; do sleep" && strings.Contains(text, loop) && !strings.Contains(text, "break") {
			return loop
		}
	}
	if fields := strings.Fields(text); len(fields) == 2 && strings.HasSuffix(fields[0], "sleep") && fields[1] == "infinity" {
		return "sleep infinity"
	}
	return ""
}

func ord005Run(c *checking) {
	plain := c.those((*part).plain)
	if len(plain) == 0 {
		c.skip("there are no plain init containers")
		return
	}
	described := 0
	for _, p := range plain {
		if p.Known.Life {
			described++
		}
	}
	if described == 0 {
		c.skip("nothing says how long the init containers run; they are taken to end")
		return
	}
	if !c.needRun() {
		return
	}
	r := c.alone()
	for _, p := range plain {
		begins, exits := r.last(p.position, trace.Running), r.last(p.position, trace.Exited)
		if !p.Known.Life || begins < 0 || exits > begins {
			continue
		}
		if ran := r.EndedAt.Sub(r.at(begins)); ran >= c.policy.InitLife-afterStart || r.Ending == trace.EndingSteady {
			c.fail(p.at(""), "%s never ends, so nothing behind it ever starts", p.Name).proof(r, begins)
		}
	}
	c.pass("every init container that is described ends")
}

func ord006(c *checking) { c.redirected(nil) }

func ord006Run(c *checking) {
	if c.needCapable() && c.needRun() {
		c.redirected(c.alone())
	}
}

// redirected is ORD006 for what the manifest says, or for what a run shows of that: then a container counts that ran behind the redirection and
// before the proxy listened.
func (c *checking) redirected(r *run) {
	var redirector, proxy *part
	for i := range c.parts {
		switch p := &c.parts[i]; {
		case p.role == RoleRedirector && p.init && redirector == nil:
			redirector = p
		case p.role == RoleProxy && proxy == nil:
			proxy = p
		}
	}
	if redirector == nil {
		c.skip("no container is known to redirect the Pod's traffic")
		return
	}
	end := c.inits
	if proxy != nil && proxy.init {
		end = proxy.index
	}
	if proxy != nil && proxy.sidecar() && !proxy.gated() && proxy.index+1 < c.inits && r.goesThrough(proxy, &c.parts[proxy.index+1]) {
		c.warn(proxy.at(""), "%s has no start gate: init containers behind it run before it listens", proxy.Name).
			because("%s redirects the traffic to %s, and without startupProbe or postStart the next container starts as soon as the process runs.", redirector.Name, proxy.Name).
			do("give %s a startupProbe", proxy.Name).shownBy(r, proxy, &c.parts[proxy.index+1])
	}
	for i := redirector.index + 1; i < end; i++ {
		p := &c.parts[i]
		if !r.goesThrough(redirector, p) || r != nil && proxy != nil && r.up(proxy.position, r.first(p.position, trace.Running)) {
			continue
		}
		var f *Finding
		switch {
		case proxy != nil && c.declaresNeed(p, proxy):
			f = c.fail(p.at(""), "%s needs the network between the redirection and the proxy %s", p.Name, proxy.Name).
				because("%s redirects the Pod's traffic to %s, which has not started when %s runs.", redirector.Name, proxy.Name, p.Name)
		case proxy == nil:
			f = c.warn(p.at(""), "%s runs behind %s, which redirects the traffic, and no proxy is known", p.Name, redirector.Name).
				do("say what the proxy is (role: proxy), or that %s needs no network", p.Name)
		default:
			f = c.warn(p.at(""), "%s runs with its traffic redirected and %s not started", p.Name, proxy.Name).
				because("%s redirects the Pod's traffic to %s. Whether %s needs the network is not known; if it does, its connections are refused.", redirector.Name, proxy.Name, p.Name)
		}
		f.shownBy(r, redirector, p)
	}
	c.pass("no init container runs between the redirection and the proxy")
}

// goesThrough reports whether a run starts one container and, behind it, the next; without a run it is taken for granted.
func (r *run) goesThrough(one, next *part) bool {
	return r == nil || r.first(one.position, trace.Running) >= 0 && r.first(next.position, trace.Running) > r.first(one.position, trace.Running)
}

// shownBy completes a finding with the starts of two containers in a run, if there is one.
func (f *Finding) shownBy(r *run, one, next *part) {
	if r != nil {
		f.proof(r, r.first(one.position, trace.Running), r.first(next.position, trace.Running))
	}
}

func (e *exam) declaresNeed(from, to *part) bool {
	for i := range e.edges {
		if one := &e.edges[i]; one.from == from && one.to == to && !one.inferred && one.phase&(AtStart|AtRun) != 0 {
			return true
		}
	}
	return false
}
