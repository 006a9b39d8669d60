package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var jobRules = []Rule{
	{
		ID: "JOB001", Group: JOB, Title: "No classic sidecar in a run-to-completion Pod", Severity: Error, Core: true,
		What: "Looks at Pods of Jobs, and at Pods with restartPolicy Never or OnFailure, for helpers among the mains. It fails if nothing ends such a helper; and if in a run the " +
			"Pod is not over although all its mains are. Where native sidecars do not work and nothing else is known to end the helper, it warns.",
		Why:      "A Pod ends when all entries of containers have ended. A proxy or log shipper among them never does, so the Job never completes and its successor never starts.",
		Remedy:   "move it into initContainers with restartPolicy: Always; the kubelet then stops it after the mains",
		Evidence: []string{"dapr/dapr#5006", "hashicorp/vault-k8s#133", "istio/istio#11659", "linkerd/linkerd2#1869", "hashicorp/consul-k8s#162"},
		static:   job001, simulate: job001Run,
	},
	{
		ID: "JOB002", Group: JOB, Title: "The Pod completes after its mains", Severity: Error, Core: true, Invariant: true,
		What: "Runs a Pod with sidecars whose mains all end. It fails unless the phase is terminal within the grace period and what the mechanism adds to it: two seconds until " +
			"a kill, some relists, and on some releases the back-off of the last sidecar.",
		Why:      "The kubelet stops the sidecars once the mains are done. If the Pod goes on, so does its Job.",
		Remedy:   "let the sidecar end on SIGTERM, or use a release on which the Pod completes",
		Evidence: []string{"KEP-753", "istio/istio.io#13632", "linkerd/linkerd2#11465"},
		simulate: job002,
	},
	{
		ID: "JOB003", Group: JOB, Title: "The Pod's result depends on its mains only", Severity: Error, Core: true, Invariant: true,
		What:     "Runs the same Pod with sidecars that exit 0, 1, 137 and 143 when they are stopped. It fails if the terminal phase is not the same in all of them.",
		Why:      "A sidecar that is stopped rarely exits 0. A Job must not fail for that.",
		Remedy:   "report it: no release that was read does this",
		Evidence: []string{"kubernetes/kubectl#1739", "warpdotdev/oz-agent-worker#118"},
		simulate: job003,
	},
	{
		ID: "JOB004", Group: JOB, Title: "Completion is not delayed by the sidecar", Severity: Warning, Core: true,
		What:     "Measures the time from the end of the last main to the terminal phase. Above 5 s it warns; it fails if a sidecar had to be killed and the configuration forbids that.",
		Why:      "A sidecar that ignores SIGTERM holds every Job of its kind for the whole grace period, 30 s by default.",
		Remedy:   "let the sidecar end on SIGTERM, or shorten terminationGracePeriodSeconds",
		Evidence: []string{"derailed/k9s#4005", "linkerd/linkerd2#13349"},
		simulate: job004,
	},
	{
		ID: "JOB005", Group: JOB, Title: "Hand-made stop hooks are gone", Severity: Warning, Core: true,
		What: "Looks for the tricks that ended classic sidecars, next to native ones: calls of quit endpoints, kills of processes, wrappers, a shared process namespace for that " +
			"purpose. They are warnings. It fails if a sidecar is described as ending while a main that needs it runs.",
		Why:      "A native sidecar is stopped by the kubelet. One that a hook ends is started again, in the middle of the work of other mains.",
		Remedy:   "remove the call; the kubelet stops the sidecar after the mains",
		Evidence: []string{"istio/istio#11659", "linkerd/linkerd2#8033", "sapcc/helm-charts#9191", "GoogleCloudPlatform/cloud-sql-proxy-operator#425"},
		static:   job005, simulate: job005Run,
	},
	{
		ID: "JOB006", Group: JOB, Title: "Sidecar restarts do not use up the Job's retries", Severity: Error, Core: true,
		What: "Looks at Jobs whose Pods have restartPolicy OnFailure and a sidecar. It warns when backoffLimit is 6 or less; it fails if in a run of the Job the " +
			"controller gives up with BackoffLimitExceeded and no main has restarted.",
		Why: "The Job controller adds the restart counts of the init list to those of the mains while the Pod is Pending or Running, and gives up when the sum reaches backoffLimit " +
			"(with a limit of 0: when it exceeds 0). A flapping sidecar fails a healthy Job.",
		Remedy:   "use restartPolicy: Never for the Pods of the Job, or raise backoffLimit",
		Evidence: []string{"kubernetes/kubernetes#74848"},
		static:   job006, simulate: job006Run,
	},
	{
		ID: "JOB007", Group: JOB, Title: "The Pod failure policy does not match sidecar exits", Severity: Warning, Core: true,
		What: "Looks at rules of podFailurePolicy about exit codes. A rule for all containers that can match 137, 143 or every non-zero code is a warning, and so is one that names a " +
			"sidecar. It fails if a rule fires in a run of the Job because of a sidecar.",
		Why:      "The Job controller looks at the mains first and then at all init containers, sidecars included. A sidecar that ends 143 when it is stopped can make the Job fail.",
		Remedy:   "name the main container in the rule (containerName)",
		Evidence: []string{"buildkite/agent-stack-k8s#862", "kubernetes/website#46896"},
		static:   job007, simulate: job007Run,
	},
}

// terminators are words in a command, an argument, a variable or a hook that end another container of the Pod, or are wrappers
// that do.
var terminators = []string{
	"quitquitquit", "graceful_shutdown", "/v1.0/shutdown", ":4191/shutdown", "linkerd-await", "linkerd-shutdown", "scuttle", "pkill", "killall",
	"exit-after-auth", "exit_after_auth", "/quit_urls", "fortio/kill", "envoy/quit",
}

// terminator returns the word by which another container of the Pod, or the helper itself, ends the helper; empty if none is seen.
func (e *exam) terminator(helper *part) string {
	if helper.image != nil {
		for _, word := range helper.image.leaves {
			if says(helper, word) {
				return word
			}
		}
	}
	for i := range e.parts {
		p := &e.parts[i]
		if word := endsOthers(p); word != "" && (p != helper || strings.Contains(word, "exit")) {
			return word
		}
	}
	return ""
}

// endsOthers returns the word by which a container ends others, empty if none is seen.
func endsOthers(p *part) string {
	for _, word := range terminators {
		if says(p, word) || call(&p.StopHook, word) || call(&p.StartHook, word) {
			return word
		}
		for _, v := range p.Env {
			if strings.Contains(v.Value, word) || word == "scuttle" && v.Name == "ENVOY_ADMIN_API" {
				return word
			}
		}
	}
	return ""
}

// call reports whether a hook has the text in its command or path.
func call(c *Call, text string) bool {
	for _, word := range c.Words {
		if strings.Contains(word, text) {
			return true
		}
	}
	return strings.Contains(c.Path, text)
}

func job001(c *checking) {
	if !c.runsOnce() {
		c.skip("the Pod is not meant to end")
		return
	}
	if len(c.mains()) == 0 {
		c.skip("every entry of containers is a helper, so they are what the Pod is for")
		return
	}
	for _, helper := range c.classics() {
		if word := c.terminator(helper); word != "" {
			c.pass("%s is ended by hand (%q)", helper.Name, word)
			continue
		}
		if helper.Known.Life {
			continue // the simulating engine knows better
		}
		c.neverEnds(helper)
	}
	c.pass("every entry of containers ends by itself, as far as can be seen")
}

// neverEnds reports a helper among the mains of a Pod that should end.
func (c *checking) neverEnds(helper *part) *Finding {
	what := "the Pod"
	if c.subject.Job != nil {
		what = "the Job"
	}
	how := "it is declared as one"
	if helper.inferred {
		how = "by its image " + imageName(helper.Facts.Image)
	}
	report := c.fail
	quit := helper.image != nil && helper.image.quit != ""
	if !c.allCapable() && !quit {
		report = c.warn // what would help is not to be had on this target
	}
	f := report(helper.at(""), "%s never ends, so %s never ends", helper.Name, what).
		because("%s is a helper (%s, %s) among the mains. The Pod ends when all entries of containers have ended; %s goes on after %s is done.",
			helper.Name, helper.role, how, helper.Name, names(c.mains()))
	switch {
	case c.allCapable():
		f.do("move %s from containers into initContainers, with restartPolicy: Always; the kubelet then stops it after the mains", helper.Name)
	case quit:
		f.do("native sidecars do not work on this target: let the main end it (%s), or use a target where they do", helper.image.quit)
	default:
		f.do("native sidecars do not work on this target: use one where they do, or let the main end %s", helper.Name)
	}
	return f
}

func job001Run(c *checking) {
	if !c.runsOnce() {
		c.skip("the Pod is not meant to end")
		return
	}
	helpers := c.classics()
	if len(helpers) == 0 || len(c.mains()) == 0 {
		c.skip("no helper is among mains that do the work")
		return
	}
	if !c.needRun() {
		return
	}
	r := c.alone()
	over := int32(-1)
	for _, p := range c.mains() {
		exited := r.last(p.position, trace.Exited)
		if exited < 0 || r.last(p.position, trace.Running) > exited {
			c.skip("%s does not end in %s, so nothing is to be seen", p.Name, length(r.EndedAt.Sub(0)))
			return
		}
		over = max(over, exited)
	}
	for _, helper := range helpers {
		began := r.last(helper.position, trace.Running)
		if began < 0 || r.last(helper.position, trace.Exited) > began || r.terminal() != nil || c.terminator(helper) != "" {
			continue
		}
		c.neverEnds(helper).proof(r, over, began)
	}
	c.pass("the Pod ends after its mains")
}

// completed runs the Pod and returns the end of its last main, and the first terminal version of its status. It returns false, and
// says why, where the mains do not all end by themselves.
func (c *checking) completed() (r *run, over int32, done *trace.Status, ok bool) {
	if !c.runsOnce() || !c.needSidecars() || !c.needCapable() || !c.needRun() {
		if c.said.Reason == "" {
			c.skip("the Pod is not meant to end")
		}
		return nil, 0, nil, false
	}
	r, over = c.alone(), -1
	for i := c.inits; i < len(c.parts); i++ {
		exited := r.last(i, trace.Exited)
		if exited < 0 || r.last(i, trace.Running) > exited {
			c.skip("%s does not end in %s, so there is no completion to look at", c.parts[i].Name, length(r.EndedAt.Sub(0)))
			return nil, 0, nil, false
		}
		over = max(over, exited)
	}
	return r, over, r.terminal(), true
}

// What the mechanism adds to a stop: the two seconds that are left to a container whose time is up (kuberuntime_container.go:
// killContainer), and a relist or two, the sandbox and the status until the API shows it.
const (
	killMinimum = 2 * time.Second
	stopLag     = 8 * time.Second
)

func (c *checking) grace() time.Duration {
	return time.Duration(c.subject.Scenario.Pod.TerminationGracePeriodSeconds) * time.Second
}

func job002(c *checking) {
	r, over, done, ok := c.completed()
	if !ok {
		return
	}
	limit := c.grace() + killMinimum + stopLag
	if backOff := r.count(trace.NoContainer, trace.BackOff); backOff > 0 || c.anyBackOff(r) {
		limit += c.here().Kubelet.BackOffMax + c.here().Kubelet.BackOffMax/2
	}
	if done == nil || done.At.Sub(r.at(over)) > limit {
		at := c.sidecars()[0].at("")
		c.fail(at, "the mains end at %s, and the Pod is not over %s later", trace.Seconds(r.at(over)), length(limit)).proof(r, over)
	}
	if done != nil {
		c.pass("the Pod is %s %s after its last main", done.Phase, length(done.At.Sub(r.at(over))))
	}
}

// anyBackOff reports whether a container was put off in the run.
func (c *checking) anyBackOff(r *run) bool {
	for i := range c.parts {
		if r.first(i, trace.BackOff) >= 0 {
			return true
		}
	}
	return false
}

func job003(c *checking) {
	if _, _, _, ok := c.completed(); !ok {
		return
	}
	codes := [...]int32{0, 1, 137, 143}
	var phases [len(codes)]trace.Phase
	var r *run
	for i, code := range codes {
		r = c.variant("sidecars exit "+number(int64(code)), func(s *sim.Scenario) {
			undisturbed(s)
			for _, sidecar := range c.sidecars() {
				everyRun(sidecar.container(s), func(p *sim.Process) { p.OnStop = sim.StopReaction{ExitCode: code} })
			}
		})
		if done := r.terminal(); done != nil {
			phases[i] = done.Phase
		}
	}
	for i := 1; i < len(phases); i++ {
		if phases[i] != phases[0] {
			c.fail(c.sidecars()[0].at(""), "the Pod ends %s if its sidecars exit %d, and %s if they exit %d", phases[0], codes[0], phases[i], codes[i]).proof(r, r.last(c.sidecars()[0].position, trace.Exited))
		}
	}
	c.pass("the Pod ends %s whether its sidecars exit 0, 1, 137 or 143", phases[0])
}

func job004(c *checking) {
	r, over, done, ok := c.completed()
	if !ok {
		return
	}
	if done == nil {
		c.skip("the Pod does not complete; see JOB002")
		return
	}
	took := done.At.Sub(r.at(over))
	for _, s := range c.sidecars() {
		killed := r.first(s.position, trace.KillSignal)
		switch {
		case killed >= 0 && c.policy.NoKill:
			c.fail(s.at(""), "%s has to be killed when the mains are done, after %s of grace", s.Name, length(c.grace())).proof(r, over, killed)
		case took > c.policy.Completion && (killed >= 0 || s.Known.Stop):
			c.warn(s.at(""), "the Pod ends %s after its last main; the limit is %s", length(took), length(c.policy.Completion)).
				because("The mains are done at %s, and the kubelet stops the sidecars then; the Pod is over at %s.", trace.Seconds(r.at(over)), trace.Seconds(done.At)).proof(r, over, killed)
		case !s.Known.Stop:
			c.unknown("nothing says how long %s takes to stop", s.Name)
		}
	}
	c.pass("the Pod ends %s after its last main", length(took))
}

func job005(c *checking) {
	if !c.needSidecars() {
		return
	}
	for i := range c.parts {
		p := &c.parts[i]
		if word := endsOthers(p); word != "" {
			at := p.at("")
			if call(&p.StopHook, word) {
				at = p.at("lifecycle.preStop")
			}
			c.warn(at, "%s ends a sidecar by hand (%q), which the kubelet does", p.Name, word)
		}
	}
	if c.subject.ShareProcessNamespace && c.said.Verdict == Warn {
		c.warn(Pointer{Path: "spec.shareProcessNamespace"}, "shareProcessNamespace lets one container end another").
			do("remove it, unless something else needs it")
	}
	c.pass("nothing ends the sidecars by hand")
}

func job005Run(c *checking) {
	hand := false
	for i := range c.parts {
		hand = hand || endsOthers(&c.parts[i]) != ""
	}
	described := c.those(func(p *part) bool { return p.sidecar() && p.Known.Life })
	if !hand || len(described) == 0 {
		c.skip("no sidecar is described as ended by hand")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	r := c.alone()
	for _, s := range described {
		exited := r.first(s.position, trace.Exited)
		if exited < 0 || r.first(s.position, trace.StopSignal) >= 0 && r.first(s.position, trace.StopSignal) < exited {
			continue
		}
		for _, e := range c.needing(s, AtRun) {
			if r.up(e.from.position, exited) {
				c.fail(s.at(""), "%s ends at %s while %s needs it", s.Name, trace.Seconds(r.at(exited)), e.from.Name).proof(r, exited)
			}
		}
	}
	c.pass("no sidecar ends while a container that needs it runs")
}

// up reports whether the container's process runs right after an event.
func (r *run) up(container int, event int32) bool {
	running := false
	for i := range r.Events[:event+1] {
		if e := &r.Events[i]; int(e.Container) == container {
			running = e.Kind == trace.Running || running && e.Kind != trace.Exited
		}
	}
	return running
}

// countsRestarts reports whether the Job controller adds up the restarts of the Pod's sidecars.
func (c *checking) countsRestarts() bool {
	switch {
	case c.subject.Job == nil:
		c.skip("there is no Job")
	case c.subject.Scenario.Pod.RestartPolicy != sim.RestartOnFailure:
		c.skip("the Pods of the Job are not restarted in place, so restarts are not counted")
	default:
		return c.needSidecars()
	}
	return false
}

func job006(c *checking) {
	if !c.countsRestarts() {
		return
	}
	limit := c.subject.Job.BackoffLimit
	if limit > 6 {
		c.pass("backoffLimit is %d", limit)
		return
	}
	at := Pointer{In: InJob, Path: "backoffLimit"}
	c.warn(at, "restarts of %s count against the Job's backoffLimit of %d", names(c.sidecars()), limit).
		because("With restartPolicy OnFailure the Job controller adds the restarts of all containers, sidecars included, and gives up when they reach the limit (with a limit of 0: exceed it).")
}

func job006Run(c *checking) {
	if !c.countsRestarts() || !c.needCapable() || !c.needRun() {
		return
	}
	known := false
	for _, s := range c.sidecars() {
		known = known || s.Known.Life
	}
	if !known {
		c.skip("nothing says that a sidecar ends by itself")
		return
	}
	r, limit := c.ofJob(), c.subject.Job.BackoffLimit
	failed := r.jobEvent("BackoffLimitExceeded")
	restarts, mains := int64(0), int64(0)
	last := int32(-1)
	for i := range r.Events[:failed+1] {
		switch e := &r.Events[i]; {
		case e.Kind != trace.Running || e.Run == 0 || e.Container < 0:
		case int(e.Container) >= c.inits:
			mains++
		case c.parts[e.Container].sidecar():
			restarts, last = restarts+1, int32(i)
		}
	}
	switch {
	case failed >= 0 && mains == 0 && restarts > 0:
		c.fail(Pointer{In: InJob, Path: "backoffLimit"}, "%d restarts of sidecars fail the Job (backoffLimit %d), and no main has restarted", restarts, limit).
			because("At %s the Job controller adds the restart counts of the init list to those of the mains, and fails the Job with BackoffLimitExceeded.", trace.Seconds(r.at(failed))).
			proof(r, last, failed)
	case r.Ending == trace.EndingTruncated:
		c.unknown("the Job does too much to be followed to its end")
	case failed >= 0:
		c.pass("the Job fails for the restarts of its mains")
	default:
		c.pass("the sidecars' restarts do not reach the backoffLimit of %d", limit)
	}
}

func job007(c *checking) {
	if c.subject.Job == nil || len(c.subject.Job.Rules) == 0 {
		c.skip("there is no podFailurePolicy")
		return
	}
	if !c.needSidecars() {
		return
	}
	for i := range c.subject.Job.Rules {
		rule := &c.subject.Job.Rules[i]
		at := Pointer{In: InJob, Path: "podFailurePolicy.rules[" + number(int64(i)) + "]"}
		switch named := c.part(rule.Container); {
		case rule.Action == "":
		case named != nil && named.sidecar():
			c.warn(at, "a rule of podFailurePolicy names the sidecar %s", named.Name)
		case rule.Container == "" && (rule.matches(137) || rule.matches(143)):
			c.warn(at, "a rule of podFailurePolicy (%s) matches a sidecar that is stopped or killed", rule.Action).
				because("It names no container, and matches exit code 137 or 143. The Job controller looks at sidecars too.")
		}
	}
	c.pass("no rule of podFailurePolicy matches the end of a sidecar")
}

func job007Run(c *checking) {
	if c.subject.Job == nil || len(c.subject.Job.Rules) == 0 {
		c.skip("there is no podFailurePolicy")
		return
	}
	if !c.needSidecars() || !c.needCapable() || !c.needRun() {
		return
	}
	r := c.ofJob()
	for i := range r.Events {
		if e := &r.Events[i]; e.Kind == trace.JobFieldDropped && strings.Contains(e.Reason, "podFailurePolicy") {
			c.skip("this API server drops podFailurePolicy")
			return
		}
	}
	failed := 0
	seen := make([]bool, len(c.subject.Job.Rules))
	for i := range r.Statuses {
		s := &r.Statuses[i]
		if s.Phase != trace.PhaseFailed || i > 0 && r.failedBefore(i) {
			continue
		}
		failed++
		if n, container := c.policyFires(s); n >= 0 && c.parts[container].sidecar() && !seen[n] {
			seen[n] = true
			c.firedBySidecar(r, s, n, container)
		}
	}
	switch {
	case failed == 0:
		c.skip("no Pod of the Job fails, so the policy is not asked")
	case r.Ending == trace.EndingTruncated:
		c.unknown("the Job does too much to be followed to its end")
	default:
		c.pass("no rule of podFailurePolicy fires because of a sidecar")
	}
}

// failedBefore reports whether an earlier version of the same Pod's status had the phase Failed.
func (r *run) failedBefore(version int) bool {
	for i := version - 1; i >= 0; i-- {
		if s := &r.Statuses[i]; s.Pod == r.Statuses[version].Pod {
			return s.Phase == trace.PhaseFailed
		}
	}
	return false
}

// policyFires returns the first rule that matches the status of a failed Pod, and the container that it matches; -1 for none.
// pkg/controller/job/pod_failure_policy.go: matchPodFailurePolicy; matchOnExitCodes looks at the mains first, which the API has by
// name, and then at all init containers.
func (c *checking) policyFires(s *trace.Status) (rule, container int) {
	order := make([]int, 0, len(c.parts))
	for i := c.inits; i < len(c.parts); i++ {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(c.parts[a].Name, c.parts[b].Name) })
	for i := range c.inits {
		order = append(order, i)
	}
	for i := range c.subject.Job.Rules {
		rule := &c.subject.Job.Rules[i]
		if rule.Action == "" {
			continue
		}
		for _, j := range order {
			state := &s.Containers[j].State
			if state.Kind == trace.StateTerminated && (rule.Container == "" || rule.Container == c.parts[j].Name) && rule.matches(int64(state.ExitCode)) {
				return i, j
			}
		}
	}
	return -1, -1
}

// firedBySidecar reports a rule that fires because of a sidecar. That the Job fails for it is the Job controller's word, where the rule
// says that it should.
func (c *checking) firedBySidecar(r *run, s *trace.Status, rule, container int) {
	action := c.subject.Job.Rules[rule].Action
	decided := r.jobEvent("PodFailurePolicy")
	if action == string(sim.FailureFailJob) && decided < 0 {
		return
	}
	exited := int32(-1)
	for i := range r.Events {
		if e := &r.Events[i]; e.Pod == s.Pod && int(e.Container) == container && e.Kind == trace.Exited && e.At <= s.At {
			exited = int32(i)
		}
	}
	c.fail(Pointer{In: InJob, Path: "podFailurePolicy.rules[" + number(int64(rule)) + "]"}, "a rule of podFailurePolicy (%s) fires because %s exited %d",
		action, c.parts[container].Name, s.Containers[container].State.ExitCode).proof(r, exited, decided)
}
