package sim

import (
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The API server and the scheduler: what becomes of the Pod before a kubelet sees it, and its deletion.

const (
	forbiddenOnInit = "Forbidden: may not be set for init containers without restartPolicy=Always"
	forbiddenOnMain = "Forbidden: may not be set for non-init containers"
	unschedulable   = "Pod has a restartable init container and the SidecarContainers feature is disabled"
)

// createObject stores the Pod and has it scheduled. It returns false if no kubelet will ever see it.
func (m *machine) createObject(scheduler gates.Scheduler) bool {
	keepSidecars, keepRules := m.keeps()
	m.setUpContainers(keepSidecars, keepRules)
	if message := m.refusal(keepSidecars); message != "" && !m.scenario.Pod.Static {
		e := podEvent(trace.PodRefused)
		e.Reason = message
		m.emit(e)
		m.trace.Ending = trace.EndingRefused
		return false
	}
	m.object.exists = true
	m.object.event = m.emit(podEvent(trace.PodCreated))
	m.reportDropped(keepSidecars, keepRules)
	m.scheduleSteps()
	m.schedule(scheduler)
	return true
}

// keeps reports what the API server keeps of restart policies of containers, and of their rules. pkg/api/pod/util.go:
// dropDisabledFields, which runs before validation.
func (m *machine) keeps() (sidecars, rules bool) {
	if m.scenario.Pod.Static {
		return true, true
	}
	return m.api.SidecarContainers, m.api.RestartRules || !m.api.KnowsRestartRules
}

// schedule has the Pod bound to the node, if the scheduler finds it fit.
func (m *machine) schedule(scheduler gates.Scheduler) {
	if why := m.unfit(scheduler); why != "" && !m.scenario.Pod.Static {
		e := podEvent(trace.PodUnscheduled)
		e.Reason = why
		m.object.event = m.emit(e, cause(m.object.event, "the scheduler looks at it", windowNow))
		m.publishInitial(false)
		return
	}
	m.queue.push(max(m.observedBinding(), m.now), inputBound, 0, 0, 0)
}

// unfit is why the scheduler finds no node for the Pod, or empty.
func (m *machine) unfit(scheduler gates.Scheduler) string {
	switch {
	case m.sidecars && !scheduler.SidecarContainers:
		return unschedulable
	case m.restartAll && !(m.kubelet.DeclaresFeatures && m.kubelet.RestartAll):
		return scheduler.RestartAllNodeless
	}
	return ""
}

// keptOf is what the API server keeps of a container's lifecycle. pkg/api/pod/util.go: dropPodLifecycleSleepAction,
// dropContainerStopSignals.
func (m *machine) keptOf(written *Container) *Container {
	dropsSignal := written.StopSignal != "" && !m.api.StopSignal
	if !m.api.DropsSleepHook && !dropsSignal || m.scenario.Pod.Static {
		return written
	}
	kept := *written
	if dropsSignal {
		kept.StopSignal = ""
		// What an API server does not know of leaves the rest as it is, even if that is nothing.
		kept.EmptyLifecycle = !m.api.KnowsStopSignal && kept.PostStart == nil && kept.PreStop == nil
	}
	if !m.api.DropsSleepHook {
		return &kept
	}
	for _, hook := range [...]**Hook{&kept.PostStart, &kept.PreStop} {
		if *hook != nil && (*hook).Handler == HandlerSleep {
			*hook = nil
		}
	}
	kept.EmptyLifecycle = false // it goes away with the hooks
	return &kept
}

// refusal is the API server's error for fields that concern the order of containers, or empty.
func (m *machine) refusal(keepSidecars bool) string {
	return invalid("Pod", m.scenario.Pod.Name, m.problems(keepSidecars))
}

// invalid is the message of the API server's NewInvalid, or empty. k8s.io/apimachinery/pkg/api/errors.
func invalid(kind, name string, problems []string) string {
	switch len(problems) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s %q is invalid: %s", kind, name, problems[0])
	}
	return fmt.Sprintf("%s %q is invalid: [%s]", kind, name, strings.Join(problems, ", "))
}

// problems are what the API server finds wrong. Other invalid fields are not judged. pkg/apis/core/validation/validation.go:
// validateContainers, validateInitContainers.
func (m *machine) problems(keepSidecars bool) []string {
	var problems []string
	refuse := func(list string, i int, field, message string) {
		problems = append(problems, fmt.Sprintf("spec.%s[%d].%s: %s", list, i, field, message))
	}
	for i := range m.scenario.Pod.Main {
		c := m.containers[m.inits+i].spec
		m.refuseHooksAndProbes(c, func(field, message string) { refuse("containers", i, field, message) })
		if c.RestartPolicy != "" && !m.api.KnowsRestartRules {
			refuse("containers", i, "restartPolicy", forbiddenOnMain)
		}
		m.containers[m.inits+i].refuseRules(m.api.RestartAll, func(field, message string) { refuse("containers", i, field, message) })
	}
	for i := range m.scenario.Pod.Init {
		c := m.containers[i].spec
		always := keepSidecars && c.RestartPolicy == RestartAlways
		known := keepSidecars && !m.api.KnowsRestartRules
		if known && c.RestartPolicy != "" && !always {
			refuse("initContainers", i, "restartPolicy", fmt.Sprintf("Unsupported value: %q: supported values: \"Always\"", string(c.RestartPolicy)))
		}
		m.refuseInitRules(&m.containers[i], func(field, message string) { refuse("initContainers", i, field, message) })
		if always {
			m.refuseHooksAndProbes(c, func(field, message string) { refuse("initContainers", i, field, message) })
			continue
		}
		for _, field := range [...]struct {
			name string
			set  bool
		}{
			{"lifecycle", c.PostStart != nil || c.PreStop != nil || c.StopSignal != "" || c.EmptyLifecycle},
			{"livenessProbe", c.Liveness != nil}, {"readinessProbe", c.Readiness != nil}, {"startupProbe", c.Startup != nil},
		} {
			if field.set {
				refuse("initContainers", i, field.name, forbiddenOnInit)
			}
		}
	}
	return problems
}

// refuseHooksAndProbes judges what containers other than plain init containers may have.
func (m *machine) refuseHooksAndProbes(c *Container, refuse func(field, message string)) {
	m.refuseHooks(c, refuse)
	refuseSuccesses("livenessProbe", c.Liveness, refuse)
	if p := c.Readiness; p != nil && p.TerminationGracePeriodSeconds != 0 {
		refuse("readinessProbe.terminationGracePeriodSeconds",
			fmt.Sprintf("Invalid value: %d: must not be set for readinessProbes", p.TerminationGracePeriodSeconds))
	}
	refuseSuccesses("startupProbe", c.Startup, refuse)
}

// refuseSuccesses wants one success to be enough. pkg/apis/core/validation/validation.go: validateLivenessProbe,
// validateStartupProbe.
func refuseSuccesses(path string, p *Probe, refuse func(field, message string)) {
	if p != nil && p.SuccessThreshold != 1 {
		refuse(path+".successThreshold", fmt.Sprintf("Invalid value: %d: must be 1", p.SuccessThreshold))
	}
}

// refuseHooks judges sleep hooks: unknown in 1.28, emptied in 1.29 while their gate is off, bounded by the grace period. The
// words are those for clients that let unknown fields pass; kubectl by default has the field itself refused in 1.28.
// pkg/apis/core/validation/validation.go: validateHandler, validateSleepAction.
func (m *machine) refuseHooks(c *Container, refuse func(field, message string)) {
	grace := m.scenario.Pod.TerminationGracePeriodSeconds
	for _, hook := range [...]struct {
		name string
		hook *Hook
	}{{"postStart", c.PostStart}, {"preStop", c.PreStop}} {
		if hook.hook == nil || hook.hook.Handler != HandlerSleep {
			continue
		}
		path := "lifecycle." + hook.name
		seconds := hook.hook.SleepSeconds
		switch {
		case !m.api.SleepHook:
			refuse(path, "Required value: must specify a handler type")
		case m.api.SleepZero && (seconds < 0 || seconds > grace):
			refuse(path+".sleep", fmt.Sprintf("Invalid value: %d: must be non-negative and less than terminationGracePeriodSeconds (%d)", seconds, grace))
		case !m.api.SleepZero && (seconds <= 0 || seconds > grace):
			hint := ""
			if m.api.KnowsSleepZero {
				hint = ". Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep."
			}
			refuse(path+".sleep", fmt.Sprintf("Invalid value: %d: must be greater than 0 and less than terminationGracePeriodSeconds (%d)%s", seconds, grace, hint))
		}
	}
	m.refuseStopSignal(c, refuse)
}

// reportDropped says which fields the API server removed without a word.
func (m *machine) reportDropped(keepSidecars, keepRules bool) {
	report := func(c *container, field string) {
		e := c.event(trace.FieldDropped, 0)
		e.Reason = field
		m.emit(e, cause(m.object.event, "the feature is off in the API server", windowNow))
	}
	unknown := func(c *container, field string, known bool) {
		if known {
			report(c, field)
			return
		}
		e := c.event(trace.FieldDropped, 0)
		e.Reason = field
		m.emit(e, cause(m.object.event, "the API server does not know the field", windowNow))
	}
	for i := range m.regular {
		c := &m.containers[i]
		written := m.written(i)
		if c.spec.PostStart == nil && c.spec.PreStop == nil && (written.PostStart != nil || written.PreStop != nil) {
			report(c, "lifecycle")
		} else if written.PostStart != c.spec.PostStart {
			report(c, "lifecycle.postStart")
		} else if written.PreStop != c.spec.PreStop {
			report(c, "lifecycle.preStop")
		}
		if written.StopSignal != c.spec.StopSignal {
			unknown(c, "lifecycle.stopSignal", m.api.KnowsStopSignal)
		}
		policy := c.spec.RestartPolicy
		if policy != "" && (i < m.inits && !keepSidecars || !keepRules && (i >= m.inits || policy != RestartAlways)) {
			report(c, "restartPolicy")
		}
		if len(c.rules) < len(written.RestartRules) {
			unknown(c, "restartPolicyRules", m.api.KnowsRestartRules)
		}
	}
}

// written is a container as it was before the API server had its say.
func (m *machine) written(i int) *Container {
	if i < m.inits {
		return &m.scenario.Pod.Init[i]
	}
	return &m.scenario.Pod.Main[i-m.inits]
}

// deleteObject is a DELETE request. The object is marked, even where nothing is to be waited for, and then perhaps removed; a watch
// brings both: apiserver's pkg/registry/generic/registry/store.go: updateForGracefulDeletionAndFinalizers.
func (m *machine) deleteObject(d *Delete) {
	m.deleteFor(d, cause(m.object.event, "a client deletes the Pod", windowRuntime))
}

func (m *machine) deleteFor(d *Delete, because trace.Cause) {
	if !m.object.exists {
		return
	}
	asked, grace, effective := m.gracePeriod(d)
	if !effective {
		return
	}
	e := podEvent(trace.DeleteRequested)
	e.Span = seconds(asked)
	requested := m.emit(e, because)
	m.object.event = requested
	shown := m.object.deleting && grace == 0 && (m.owner == nil || !m.owner.finalizer)
	m.object.deleting, m.object.grace = true, grace
	if !shown {
		m.status.publishDeletion(m)
	}
	m.updatePod(update{trigger: requested, because: "the Pod is being deleted"})
	if grace == 0 {
		m.removeObject(cause(requested, "nothing to wait for", windowNow))
	}
}

// gracePeriod is what a request asks for and what comes of it: a second one can only shorten the period, and says by how much.
// apiserver's pkg/registry/rest/delete.go: BeforeDelete; pkg/registry/core/pod/strategy.go: CheckGracefulDelete.
func (m *machine) gracePeriod(d *Delete) (asked, period int64, effective bool) {
	o := &m.object
	asked = m.scenario.Pod.TerminationGracePeriodSeconds
	named := d.Force || d.GracePeriodSeconds != nil
	switch {
	case d.Force:
		asked = 0
	case named:
		asked = *d.GracePeriodSeconds
	}
	switch {
	case !o.deleting:
		o.deletedFrom = m.wholeSecond(m.now)
		if m.worker.bound && !terminal(m.status.api.phase) {
			period = asked
		}
		return asked, period, true
	case !named || asked >= o.grace:
		return asked, o.grace, false
	}
	period = asked
	if m.api.KeepsDeletionAhead && o.deletedFrom.Add(seconds(asked)) < m.now {
		period = min(asked, 1)
		o.deletedFrom = m.wholeSecond(m.now).Add(-seconds(period))
	}
	return asked, period, true
}

// removeObject takes the Pod out of the API server. The kubelet, if it still has containers of it, stops them as it
// would for a deletion. kubelet.go: HandlePodRemoves, deletePod.
func (m *machine) removeObject(because trace.Cause) {
	if m.owner != nil && m.owner.held(because) {
		return
	}
	if m.owner != nil && m.object.grace > 0 {
		m.owner.changed() // the kubelet's request marks it too
	}
	m.object.exists = false
	m.object.event = m.emit(podEvent(trace.PodRemoved), because)
	if m.owner != nil {
		m.owner.run.watchPod(m.owner, nil)
	}
	if m.life.down {
		return // the next kubelet finds what is left of it
	}
	m.othersRetryResizes("a pending resize is made, for another Pod is gone") // kubelet.go: HandlePodRemoves
	if m.worker.bound && !m.worker.finished && !m.worker.rejected {
		m.updatePod(update{trigger: m.object.event, because: "the Pod is gone from the API server", kill: true})
		return
	}
	m.ended = true
	m.trace.Ending = trace.EndingRemoved
}
