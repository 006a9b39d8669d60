package sim

import (
	"fmt"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Which container starts again after its end: the policies, the rules on exit codes, and the restart of all containers at once.
// pkg/api/v1/pod/util.go; kubelet/container/helpers.go: ShouldAllContainersRestart; kuberuntime/kuberuntime_manager.go: SyncPod.

// keepRules sets the container's own policy and rules, as far as the API server keeps them. Rules do not need a policy to be stored.
// pkg/api/pod/util.go: dropContainerRestartRules.
func (m *machine) keepRules(c *container, keep bool) {
	if !keep {
		return
	}
	if c.role != trace.RoleSidecar {
		c.policy = c.spec.RestartPolicy
	}
	if !m.api.KnowsRestartRules && !m.scenario.Pod.Static {
		return
	}
	c.rules = c.spec.RestartRules
	for i := range c.rules {
		m.restartAll = m.restartAll || c.rules[i].Action == ActionRestartAllContainers
	}
}

// restartsAfter is api/v1/pod/util.go: ContainerShouldRestart (1.34 with its gate, 1.35 and later), else the Pod's policy
// alone, which then counts for sidecars too wherever this is asked.
func (m *machine) restartsAfter(c *container, exitCode int32) bool {
	if m.kubelet.RestartRules && c.policy != "" {
		return c.restartsByOwn(exitCode, m.kubelet.RestartAll)
	}
	return restarts(m.scenario.Pod.RestartPolicy, exitCode)
}

// restartsByOwn is that function for a container with a policy of its own. The action that restarts all counts only where its gate is on.
func (c *container) restartsByOwn(exitCode int32, all bool) bool {
	if rule := c.matching(exitCode); rule != nil && (rule.Action == ActionRestart || all) {
		return true
	}
	return restarts(c.policy, exitCode)
}

// matching is FindMatchingContainerRestartRule.
func (c *container) matching(exitCode int32) *RestartRule {
	for i := range c.rules {
		if c.rules[i].matches(exitCode) {
			return &c.rules[i]
		}
	}
	return nil
}

func (r *RestartRule) matches(exitCode int32) bool {
	for _, value := range r.Values {
		if value == exitCode {
			return !r.NotIn
		}
	}
	return r.NotIn
}

// restartsAll reports whether the end of the container restarts all of them.
func (c *container) restartsAll(exitCode int32) bool {
	rule := c.matching(exitCode)
	return rule != nil && rule.Action == ActionRestartAllContainers
}

// restarts is what a policy says of a container that ended.
func restarts(policy RestartPolicy, exitCode int32) bool {
	switch policy {
	case RestartNever:
		return false
	case RestartOnFailure:
		return exitCode != 0
	}
	return true
}

// restartable is api/v1/pod/util.go: IsContainerRestartable: some end of the container would restart it.
func (m *machine) restartable(c *container) bool {
	if c.policy != "" {
		for i := range c.rules {
			if c.rules[i].Action == ActionRestart {
				return true
			}
		}
	}
	return m.mayRestart(c)
}

// What a container shows that was removed to be started again. kubelet_pods.go: convertToAPIContainerStatuses; status/generate.go.
const (
	reasonRestartingAll     = "RestartingAllContainers"
	reasonRestartAllStarted = "RestartAllContainersStarted"
)

// askedToRestartAll is container/helpers.go: ShouldAllContainersRestart: the last status says that it goes on, or some container's newest
// record, or what the last status says of it, has ended with a code whose rule asks for it. Without a snapshot the status alone counts.
func (m *machine) askedToRestartAll(snap *snapshot, old *podStatus) bool {
	if !m.restartAll {
		return false
	}
	if old.restartsAll() {
		return true
	}
	for i := range m.regular {
		c := &m.containers[i]
		if snap != nil {
			r := snap.newest(i)
			if r == nil || r.state != recordExited {
				continue
			}
			if c.restartsAll(r.exitCode) {
				return true
			}
		}
		if s := &old.containers[i]; s.Present && s.State.Kind == trace.StateTerminated && c.restartsAll(s.State.ExitCode) {
			return true
		}
	}
	return false
}

// restartsAll reports whether the status marks the Pod for a restart of all its containers.
func (s *podStatus) restartsAll() bool {
	c := s.condition(trace.AllContainersRestarting)
	return c != nil && c.True
}

// endedToRestart reports whether a container was ended in order to be started again, which getPhase does not count as an end.
func (m *machine) endedToRestart(end *trace.ContainerState) bool {
	return m.kubelet.RestartAll && end.Reason == reasonRestartingAll
}

// restartingCondition is status/generate.go: GenerateAllContainersRestartingCondition. Only a Pod with such a rule has it.
func (m *machine) restartingCondition(s *podStatus, snap *snapshot, restarting bool) {
	if !m.kubelet.RestartAll || !m.restartAll {
		return
	}
	c := trace.Condition{Type: trace.AllContainersRestarting}
	switch {
	case s.phase == trace.PhaseSucceeded:
		c.Reason = reasonPodCompleted
	case s.phase == trace.PhaseFailed:
		c.Reason = reasonPodFailed
	case restarting && m.anyRecord(snap, m.regular): // AllContainersRestartCleanedUp
		c.True, c.Reason = true, reasonRestartAllStarted
	}
	s.add(c)
}

// reset is one record to remove for a restart of all containers; one that has not ended is stopped first.
type reset struct {
	position int
	run      int32
	stop     bool
}

// resetting is how far a sync is with its resets.
type resetting struct {
	next    int
	stopped bool // the next one's stop was begun
	done    bool // something was removed
}

// resetAll plans the removal of every record, of the mains first; those that asked for it come last. A Pod that needs a new sandbox is
// stopped instead, and loses only its init containers. kuberuntime_manager.go: computePodActions, getContainersToReset.
func (m *machine) resetAll(a *podActions, snap *snapshot) {
	if a.killPod {
		return
	}
	for _, sources := range [...]bool{false, true} {
		for i := m.inits; i < m.regular; i++ {
			m.resetOne(a, snap, i, sources)
		}
		for i := range m.inits {
			m.resetOne(a, snap, i, sources)
		}
	}
}

// resetOne plans the removal of a container's records, newest first. The snapshot has not all of them, but the newest.
func (m *machine) resetOne(a *podActions, snap *snapshot, position int, sources bool) {
	c, views := &m.containers[position], snap.of(position)
	add := func(run int32, state recordState, exitCode int32) {
		ended := state == recordExited
		if sources == (ended && c.restartsAll(exitCode)) {
			a.resets = append(a.resets, reset{position, run, !ended})
		}
	}
	oldest := int32(0)
	for i := range views {
		add(views[i].run, views[i].state, views[i].exitCode)
		oldest = views[i].run
	}
	for i := len(c.records) - 1; i >= 0 && len(views) == snapshotDepth; i-- {
		if r := &c.records[i]; r.run < oldest {
			add(r.run, r.state, r.exitCode)
		}
	}
}

// resetNext stops and removes the next record of the list. They are serial, without grace, and so without hooks.
func (m *machine) resetNext() {
	s := &m.worker.sync
	next := s.actions.resets[s.reset.next]
	c := &m.containers[next.position]
	s.did = true
	if next.stop && !s.reset.stopped {
		s.reset.stopped = true
		s.stops++
		m.beginKill(c, next.run, killOrder{because: "all containers are restarted", event: m.worker.lastEvent, after: m.lastStop(), override: true})
		return
	}
	r := c.find(next.run)
	if r == nil && !m.kubelet.RestartAllKeepsLogs {
		// The garbage collection was faster: the runtime cannot say where the log is. kuberuntime_container.go: removeContainerLog.
		s.outcome.failed = true
		s.stage, s.next = stageMain, len(s.actions.startMain)
		return
	}
	if r != nil {
		if m.kubelet.RestartAllKeepsLogs && r.logged {
			c.logged = max(c.logged, c.attempt(r.run)+1)
		}
		m.remove(c, next.run, cause(m.lastStop(), "all containers are restarted", windowRuntime))
	}
	s.reset = resetting{next: s.reset.next + 1, done: true}
}

// afterReset asks for the sync that starts the containers again, with the copy of the Pod that this one had. Up to 1.35 the relist must
// find something that ended. kubelet.go: SyncPod.
func (m *machine) afterReset() {
	s := &m.worker.sync
	if s.reset.done && !s.outcome.failed && m.kubelet.RestartAllSyncsAgain {
		m.updatePodAs(update{trigger: m.lastStop(), because: "all containers were removed"}, m.worker.copy)
	}
}

// lacksRestartAll reports whether the kubelet says that it cannot do what a rule of the Pod asks for.
// pkg/kubelet/lifecycle/handlers.go: declaredFeaturesAdmitHandler.
func (m *machine) lacksRestartAll() bool {
	return m.restartAll && m.kubelet.DeclaresFeatures && !m.kubelet.RestartAll
}

const (
	rulesNeedPolicy = "Required value: must specify restartPolicy when restart rules are used"
	rulesForbidden  = "Forbidden: restartPolicyRules are not allowed for init containers with restart policy Always"
)

// refuseRules judges the rules of a main, and those of an init container with a policy. pkg/apis/core/validation/validation.go:
// validateContainerRestartPolicy.
func (c *container) refuseRules(restartAll bool, refuse func(field, message string)) {
	if c.policy == "" && len(c.rules) > 0 {
		refuse("restartPolicy", rulesNeedPolicy)
	}
	for i := range c.rules {
		if c.rules[i].Action != ActionRestart && !restartAll {
			refuse(fmt.Sprintf("restartPolicyRules[%d].action", i), fmt.Sprintf("Unsupported value: %q: supported values: %q", c.rules[i].Action, ActionRestart))
		}
	}
}

// refuseInitRules judges those of an init container. validateInitContainerRestartPolicy.
func (m *machine) refuseInitRules(c *container, refuse func(field, message string)) {
	switch {
	case len(c.rules) == 0:
	case c.policy == "" && m.api.InitRulesNeedPolicy:
		refuse("restartPolicy", rulesNeedPolicy)
	case c.policy == "":
	case c.policy == RestartAlways && !m.api.RestartAll:
		refuse("restartPolicyRules", rulesForbidden)
	default:
		c.refuseRules(m.api.RestartAll, refuse)
	}
}
