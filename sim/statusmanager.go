package sim

import (
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The status manager: the kubelet's cache of the Pod's status, and what of it the API server gets to see.
// kubelet/status/status_manager.go.

type statusManager struct {
	current podStatus // the kubelet's cache
	scratch podStatus // the one being computed
	api     podStatus // what the API server has
	written bool      // the cache has an entry
	told    bool      // the API server has a status that a kubelet wrote
	version int32
	sent    int32 // the version that the API server was last told
	done    bool  // podIsFinished
	started trace.Instant
	event   int32         // the event that last changed the cache
	queued  bool          // a send is in the queue
	allAt   trace.Instant // the full pass in the queue
	// The memory that versions of the trace are cut from.
	slab       []trace.ContainerStatus
	conditions []trace.Condition
}

func (s *statusManager) layOut(memory *[]containerStatus, count int) {
	for _, status := range [...]*podStatus{&s.current, &s.scratch, &s.api} {
		status.containers = cut(memory, count)
		for i := range status.containers {
			status.containers[i].State.Run, status.containers[i].Last.Run = none, none
		}
	}
	s.event = none
	s.allAt = trace.Never
}

func (s *statusManager) of(position int) *containerStatus { return &s.current.containers[position] }

// copyFrom makes one status equal to another without sharing memory.
func (s *podStatus) copyFrom(other *podStatus) {
	containers := s.containers
	copy(containers, other.containers)
	*s = *other
	s.containers = containers
}

// equal is isPodStatusByKubeletEqual.
func (s *podStatus) equal(other *podStatus) bool {
	if s.phase != other.phase || s.reason != other.reason || s.address != other.address || s.noteLast != other.noteLast || !slices.Equal(s.conditions[:s.count], other.conditions[:other.count]) {
		return false
	}
	for i := range s.containers {
		if s.containers[i] != other.containers[i] {
			return false
		}
	}
	return true
}

// setStatus is SetPodStatus and updateStatusInternal: the status enters the cache and, if it is new, is sent.
func (m *machine) setStatus(s *podStatus, force, finished bool, because trace.Cause) {
	sm := &m.status
	if (sm.written || sm.told) && m.illegalTransition(s) {
		return
	}
	if !sm.written && !sm.told {
		sm.started = m.now
	}
	if sm.written && sm.current.equal(s) && !force {
		return
	}
	m.publishPassing()
	m.noteChanges(s)
	m.emitKubeletChanges(s, because)
	sm.current, sm.scratch = sm.scratch, sm.current
	sm.written, sm.done = true, finished
	sm.version++
	sm.event = because.Event
	m.sendSoon()
	m.armProbes()
	m.armDeadline()
}

// noteChanges keeps when the part of a container's status changed that its probe workers look at.
func (m *machine) noteChanges(s *podStatus) {
	for i := range s.containers {
		old, now := &m.status.current.containers[i], &s.containers[i]
		if old.State.Run != now.State.Run || old.State.Kind != now.State.Kind || old.started != now.started {
			m.containers[i].changed = m.now
		}
	}
}

// emitKubeletChanges shows when the kubelet comes to count a container as started or ready.
func (m *machine) emitKubeletChanges(s *podStatus, because trace.Cause) {
	for i := range s.containers {
		c := &m.containers[i]
		if c.role == trace.RoleInit {
			continue
		}
		old, now := &m.status.current.containers[i], &s.containers[i]
		run := max(now.State.Run, 0)
		first := because
		if r := c.find(run); r != nil && now.State.Kind == trace.StateRunning {
			first = cause(r.event, "the kubelet sees it running", windowUpTo(m.config.RelistPeriod))
		}
		if now.Started && (!old.Started || old.State.Run != now.State.Run) {
			if _, event, ok := m.probeResult(i, probeStartup, run); ok {
				first = cause(event, "its startup probe passed", windowNow)
			}
			m.emit(c.event(trace.Started, run), first, because)
		}
		switch {
		case now.Ready && (!old.Ready || old.State.Run != now.State.Run):
			if _, event, ok := m.probeResult(i, probeReadiness, run); ok {
				first = cause(event, "its readiness probe passed", windowNow)
			}
			m.emit(c.event(trace.Ready, run), first, because)
		case old.Ready && !now.Ready:
			ended := max(old.State.Run, 0)
			by := because
			if r := c.find(ended); r != nil && r.state == recordExited {
				by = cause(r.event, "it ended", windowUpTo(m.config.RelistPeriod))
			}
			m.emit(c.event(trace.NotReady, ended), by, because)
		}
	}
}

// illegalTransition is checkContainerStateTransition: a terminated container that may not restart must stay terminated;
// a status that says otherwise is thrown away as a whole. The API server's own rule is refusedTransition.
func (m *machine) illegalTransition(s *podStatus) bool {
	policy := m.scenario.Pod.RestartPolicy
	if policy == RestartAlways || m.kubelet.RestartAll && m.restartAll {
		return false
	}
	for i := range s.containers {
		c, old := &m.containers[i], &m.status.current.containers[i]
		if !leavesTerminated(old, &s.containers[i]) || c.role == trace.RoleSidecar || c.role == trace.RoleEphemeral {
			continue
		}
		if !restarts(policy, old.State.ExitCode) && !m.restartsAfter(c, old.State.ExitCode) {
			return true
		}
	}
	return false
}

// leavesTerminated reports whether a container was shown as terminated and is not any more.
func leavesTerminated(old, now *containerStatus) bool {
	return old.State.Kind == trace.StateTerminated && now.State.Kind != trace.StateTerminated
}

// setReady is SetContainerReadiness.
func (m *machine) setReady(position int, run int32, ready bool, because trace.Cause) {
	m.setField(position, run, because, func(s *podStatus, c *containerStatus) bool {
		if c.Ready == ready {
			return false
		}
		c.Ready = ready
		now := m.containersReady(s)
		*s.condition(trace.ContainersReady) = now
		now.Type = trace.PodReady
		*s.condition(trace.PodReady) = now
		return true
	})
}

// setStarted is SetContainerStartup. It leaves the conditions alone.
func (m *machine) setStarted(position int, run int32, started bool, because trace.Cause) {
	m.setField(position, run, because, func(_ *podStatus, c *containerStatus) bool {
		if c.Started == started {
			return false
		}
		c.Started, c.started = started, startedFalse
		if started {
			c.started = startedTrue
		}
		return true
	})
}

func (m *machine) setField(position int, run int32, because trace.Cause, change func(*podStatus, *containerStatus) bool) {
	sm := &m.status
	if !m.worker.known || sm.current.containers[position].State.Run != run {
		return
	}
	sm.scratch.copyFrom(&sm.current)
	if change(&sm.scratch, &sm.scratch.containers[position]) {
		m.setStatus(&sm.scratch, false, false, because)
	}
}

// terminatePod is TerminatePod: containers that nobody saw end are shown as ended, and the phase becomes final.
func (m *machine) terminatePod(because trace.Cause) {
	sm := &m.status
	s := &sm.scratch
	s.copyFrom(&sm.current)
	if m.worker.copy.initialized {
		for i := m.inits; i < m.regular; i++ {
			s.containers[i].endUnseen()
		}
	}
	for i := range m.beganInits(s) {
		s.containers[i].endUnseen()
	}
	if !m.scenario.Pod.Static && !terminal(s.phase) {
		s.phase = trace.PhaseFailed
	}
	m.setStatus(s, true, true, because)
}

func (c *containerStatus) endUnseen() {
	if c.State.Kind != trace.StateTerminated {
		c.State = unknownState()
	}
}

// beganInits is initializedContainers: how many init containers, from the first on, show any sign of a start; at least
// one.
func (m *machine) beganInits(s *podStatus) int {
	for i := m.inits - 1; i >= 0; i-- {
		if c := &s.containers[i]; c.State.Kind != trace.StateWaiting || c.Last.Kind == trace.StateTerminated {
			return i + 1
		}
	}
	return min(m.inits, 1)
}

// apiInitialized is hasPodInitialized of the status that the API server has now.
func (s *statusManager) apiInitialized(m *machine) bool {
	for i := m.inits; i < m.regular; i++ {
		c := &s.api.containers[i]
		if c.Present && (c.Last.Kind == trace.StateTerminated || c.State.Kind != trace.StateWaiting) {
			return true
		}
	}
	if m.inits == 0 {
		return true
	}
	c := &s.api.containers[m.inits-1]
	if m.containers[m.inits-1].role == trace.RoleSidecar {
		return c.State.Kind == trace.StateRunning && c.Started
	}
	done := func(st trace.ContainerState) bool { return st.Kind == trace.StateTerminated && st.ExitCode == 0 }
	return done(c.Last) || done(c.State)
}

// reject writes the status of a Pod that admission refused, which has no containers, whatever runs of it. kubelet.go: rejectPod.
func (s *statusManager) reject(m *machine, reason, message string) {
	clear(s.scratch.containers)
	s.scratch.phase, s.scratch.reason, s.scratch.message, s.scratch.count, s.scratch.address = trace.PhaseFailed, reason, message, 0, false
	m.setStatus(&s.scratch, false, false, cause(m.worker.lastEvent, "the kubelet writes the status", windowNow))
}

// sendSoon has the status sent in an input of its own: the real manager is a goroutine behind a channel, so what the
// worker does in the same instant comes first.
func (m *machine) sendSoon() {
	if !m.status.queued {
		m.status.queued = true
		m.queue.push(m.now, inputStatus, 0, 0, 0)
	}
}

// sendStatus is syncBatch(false).
func (m *machine) sendStatus() {
	s := &m.status
	s.queued = false
	if s.sent < s.version {
		m.syncStatus()
	}
}

// sendAllStatuses is syncBatch(true): what differs from the API is sent although it was sent before, as a terminal phase
// that was held back.
func (m *machine) sendAllStatuses() {
	s := &m.status
	s.allAt = trace.Never
	if m.object.exists && (s.sent < s.version || !s.api.equal(&s.current)) {
		m.syncStatus()
	}
}

// syncStatus is syncPod of the status manager: a terminal phase is held back while containers may run.
func (m *machine) syncStatus() {
	s := &m.status
	sent := s.sent
	s.sent = s.version
	if !m.object.exists {
		return
	}
	merged := &s.scratch
	held := m.merge(merged)
	if !s.api.equal(merged) {
		if m.refusedTransition(merged) {
			s.sent = sent
			m.sendAllLater()
			return
		}
		ends := terminal(merged.phase) && !terminal(s.api.phase)
		s.api.copyFrom(merged)
		s.told = true
		m.publish()
		m.collectEvicted()
		if ends {
			m.endMakesRoom()
		}
		m.armDeadline()
	}
	if m.deletable() {
		m.removeObject(cause(s.event, "its phase is final and the kubelet is done", windowNow))
		return
	}
	if held {
		m.sendAllLater()
	}
}

// merge is what of the cache the API server is told. It reports whether a terminal phase is held back. status_manager.go:
// mergePodStatus.
func (m *machine) merge(merged *podStatus) (held bool) {
	s := &m.status
	merged.copyFrom(&s.current)
	ends, stopped := terminal(merged.phase) && !terminal(s.api.phase), !m.couldRun()
	mergeDisruption(merged, &s.api, ends && stopped)
	if ends && !stopped {
		merged.phase, merged.reason, merged.message = s.api.phase, s.api.reason, s.api.message
		held = true
	}
	return held
}

// couldRun reports whether the kubelet thinks that containers of the Pod may run. A Pod that it refused has no worker; before its first
// housekeeping it does not know yet what that means, and a worker that stops an orphan counts. pod_workers.go: CouldHaveRunningContainers.
func (m *machine) couldRun() bool {
	w := &m.worker
	if !w.rejected {
		return !w.terminated
	}
	synced := m.life.since == longAgo || m.now >= m.life.since.Add(housekeepingPeriod)
	return !synced || w.work == workOrphan && w.busy
}

// sendAllLater arms the next full pass.
func (m *machine) sendAllLater() {
	if s := &m.status; s.allAt == trace.Never {
		s.allAt = m.passAfter(tickAfter(m.now, m.config.StatusPhase, statusPeriod))
		m.queue.push(s.allAt, inputStatusAll, 0, 0, 0)
	}
}

// refusedTransition reports whether the API server refuses a status because a container that it has as terminated is not any
// more. The kubelet tries again with each full pass. pkg/apis/core/validation/validation.go: ValidatePodStatusUpdate,
// ValidateContainerStateTransition, ValidateInitContainerStateTransition, ValidateEphemeralContainerStateTransition.
func (m *machine) refusedTransition(s *podStatus) bool {
	first := 0
	if m.api.RestartRules && m.api.RestartAll && m.restartAll {
		first = m.regular // all may, but for ephemeral containers
	}
	for i := first; i < len(m.containers); i++ {
		if old := &m.status.api.containers[i]; leavesTerminated(old, &s.containers[i]) && !m.mayBeShownRestarted(&m.containers[i], old.State.ExitCode) {
			return true
		}
	}
	return false
}

// mayBeShownRestarted is what the API server says of one container that ended. With restart rules it goes by the container's own policy,
// where the kubelet is content with the Pod's; up to 1.28.7 and 1.29.2 it knew no sidecars.
func (m *machine) mayBeShownRestarted(c *container, exitCode int32) bool {
	switch {
	case c.role == trace.RoleEphemeral:
		return false
	case c.policy != "" && (m.api.InitStatusByOwnPolicy || m.api.RestartRules && c.role == trace.RoleMain):
		return c.restartsByOwn(exitCode, m.api.RestartAll)
	case c.role == trace.RoleSidecar && !m.api.RefusesRestartedSidecars:
		return true
	}
	return restarts(m.scenario.Pod.RestartPolicy, exitCode)
}

// deletable is canBeDeleted.
func (m *machine) deletable() bool {
	return m.object.deleting && terminal(m.status.api.phase) && m.status.done
}

// publishInitial is the status of a Pod that no kubelet has written yet.
func (m *machine) publishInitial(scheduled bool) {
	s := &m.status
	s.api.phase = trace.PhasePending
	s.api.count = 0
	c := trace.Condition{Type: trace.PodScheduled, True: scheduled}
	if !scheduled {
		c.Reason = "Unschedulable"
	}
	s.api.add(c)
	s.event = m.object.event
	m.publish()
}

// publishDeletion shows the deletion timestamp, also of an object that is removed at once.
func (s *statusManager) publishDeletion(m *machine) {
	m.publishFor(m.object.event)
	m.trace.Statuses[len(m.trace.Statuses)-1].Deleting = true
}

// publishFor shows a version that the API server made by itself.
func (m *machine) publishFor(event int32) {
	s := &m.status
	written := s.event
	s.event = event
	m.publish()
	s.event = written
}

// publish adds a version to the trace.
func (m *machine) publish() {
	s := &m.status
	m.trace.Statuses = append(m.trace.Statuses, trace.Status{
		At: m.now, Phase: s.api.phase, Reason: s.api.reason, Message: s.api.message, Deleting: m.object.deleting, Event: s.event,
		Containers: m.publishedContainers(), Conditions: m.publishedConditions(),
	})
	if m.owner != nil {
		m.owner.published()
	}
}

// publishedContainers copies the API's container statuses into the memory of the trace.
func (m *machine) publishedContainers() []trace.ContainerStatus {
	s, n := &m.status, len(m.containers)
	if len(s.slab)+n > cap(s.slab) {
		s.slab = make([]trace.ContainerStatus, 0, m.chunk(n))
	}
	first := len(s.slab)
	s.slab = s.slab[:first+n]
	list := s.slab[first : first+n : first+n]
	for i := range list {
		if c := &s.api.containers[i]; c.Present {
			list[i] = c.ContainerStatus
			for _, run := range [...]*int32{&list[i].State.Run, &list[i].Last.Run} {
				if *run >= 0 {
					*run = m.containers[i].attempt(*run)
				}
			}
		}
	}
	return list
}

// publishedConditions copies the API's conditions likewise; a version with the conditions of the last one shares them.
func (m *machine) publishedConditions() []trace.Condition {
	s := &m.status
	now := s.api.conditions[:s.api.count]
	if n := len(m.trace.Statuses); n > 0 && slices.Equal(m.trace.Statuses[n-1].Conditions, now) {
		return m.trace.Statuses[n-1].Conditions
	}
	if len(s.conditions)+len(now) > cap(s.conditions) {
		s.conditions = make([]trace.Condition, 0, m.chunk(len(now)))
	}
	first := len(s.conditions)
	s.conditions = append(s.conditions, now...)
	return s.conditions[first:len(s.conditions):len(s.conditions)]
}

// chunk is the memory for the next versions: as many as there are already, at least versionsAhead.
func (m *machine) chunk(each int) int { return each * max(versionsAhead, len(m.trace.Statuses)/2) }

// versionsAhead is how many versions of the status get their memory at once.
const versionsAhead = 6

// earlyReadyToStart publishes PodReadyToStartContainers as soon as the sandbox is there. kubelet.go: OnPodSandboxReady,
// 1.36 and later.
func (m *machine) earlyReadyToStart() {
	if m.kubelet.ReadyToStart == gates.ReadyToStartWithSandbox {
		m.queue.push(m.now, inputSandboxSeen, 0, 0, 0)
	}
}

func (m *machine) sandboxSeen() {
	s := &m.status
	s.scratch.copyFrom(&s.current)
	c := s.scratch.condition(trace.PodReadyToStartContainers)
	c.True, c.Reason = true, ""
	m.setStatus(&s.scratch, m.worker.copy.deleting, false, cause(m.sandbox.event, "the sandbox is ready", windowNow))
}
