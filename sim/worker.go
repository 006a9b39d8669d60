package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The pod worker: one sync of one Pod at a time, in three states that only go forward. kubelet/pod_workers.go, all
// releases; what differs between them is said where it is used.

// workType is what the worker's next sync does.
type workType uint8

const (
	workSync workType = iota
	workTerminating
	workTerminated
	workOrphan // the stop of what runs of a Pod that is not known
)

// update asks the worker for a sync.
type update struct {
	trigger int32 // the event that asks
	because string
	window  trace.Window
	kill    bool // the Pod is gone from the API server (SyncPodKill)
	// override and grace are KillPodOptions: set on updates of a Pod whose termination was requested.
	override bool
	grace    int64
	evicts   bool // it asks for the grace of the worker's eviction, which no later update does
}

// podCopy is what the worker knows of the API's Pod object: a copy from when the update was made, so it may be old.
type podCopy struct {
	deleting bool
	grace    int64 // deletionGracePeriodSeconds
	// initialized is status_manager.go: hasPodInitialized of the API status in the copy.
	initialized bool
	ready       bool // the condition Ready in the copy
	phase       trace.Phase
	edits       int32
	resized     int32 // the last change of the Pod whose resources the kubelet has allocated
}

// worker is the pod worker of the Pod.
type worker struct {
	bound      bool // the Pod has reached the kubelet
	known      bool // the Pod is in the kubelet's pod manager
	rejected   bool // admission refused the Pod; no worker has been asked about it
	first      bool // the kubelet has started again, and its worker has not been asked about the Pod yet
	finished   bool // SyncTerminatedPod is done
	pending    bool
	next       update
	nextCopy   podCopy
	lastCopy   podCopy // of the last update that was begun
	busy       bool    // a sync runs or waits for the cache
	waiting    bool    // … waits for the cache
	work       workType
	copy       podCopy // of the sync that runs
	lastSync   trace.Instant
	synced     bool  // a sync has ended
	lastEvent  int32 // the event of the sync that runs, or of the last one
	deadline   int32 // the event of the deadline, or none
	begin      update
	deleted    bool      // the Pod stops because it is deleted
	terminate  bool      // terminatingAt is set
	terminated bool      // terminatedAt is set
	grace      int64     // the recorded grace, 0 for none
	cancelled  bool      // the context of the syncs was cancelled, for the Pod is to stop
	eviction   *eviction // the last one that was asked for
	evicted    bool
	// directoryGone: housekeeping has removed the Pod's directory under the sync that runs.
	directoryGone bool

	idle     idleMark
	snapshot snapshot // the runtime status that the sync works on
	sync     syncRun
	token    int32

	// The work queue holds at most one entry for a Pod. kubelet/util/queue/work_queue.go.
	due       trace.Instant
	dueSince  trace.Instant
	dueWhy    string
	dueWindow trace.Window
	hasDue    bool
	routine   bool // the entry is the resync after a success
	// The ticks of the sync loop in the queue: for the entry, and for the deadline.
	queueTick, deadlineTick trace.Instant
}

// podArrives is the kubelet's first sight of the Pod. kubelet.go: HandlePodAdditions.
func (m *machine) podArrives() {
	if !m.object.exists {
		return
	}
	m.worker.bound = true
	bound := m.emit(podEvent(trace.PodBound), cause(m.object.event, "the scheduler finds a node", windowRuntime))
	m.object.event = bound
	m.publishInitial(true)
	if m.life.down || m.now < m.life.since.Add(m.config.KubeletStartup) {
		return // it takes the Pod when it is ready
	}
	m.worker.known = true
	if m.rejects(bound) {
		return
	}
	m.allocateAdmitted()
	m.updatePod(update{trigger: bound, because: "the kubelet sees the Pod"})
}

// rejects is the kubelet's admission of the Pod. It reports whether the Pod is refused. kubelet.go: canAdmitPod; lifecycle/handlers.go:
// declaredFeaturesAdmitHandler; nodeshutdown: Admit.
func (m *machine) rejects(because int32) bool {
	switch {
	case m.lacksRestartAll():
		m.reject(cause(because, "the kubelet's gate RestartAllContainersOnContainerExits is off", windowNow), "PodFeatureUnsupported",
			"Pod requires node features that are not available: RestartAllContainersOnContainerExits")
	case m.sidecars && !m.kubelet.SidecarContainers:
		m.rejectSidecars(because)
	case m.refusesPods():
		m.reject(cause(m.shutdown.event, "the node shuts down", windowRuntime), reasonRefused, messageRefused)
	default:
		return false
	}
	return true
}

// rejectSidecars is lifecycle/predicate.go: Admit.
func (m *machine) rejectSidecars(because int32) {
	const reason = "InitContainerRestartPolicyForbidden"
	name := ""
	for i := range m.containers {
		if m.containers[i].role == trace.RoleSidecar {
			name = m.containers[i].spec.Name
			break
		}
	}
	m.reject(cause(because, "the kubelet's gate SidecarContainers is off", windowNow), reason,
		"Init container \""+name+"\" may not have a non-default restartPolicy")
}

// reject is kubelet.go: rejectPod. The Pod stays known, so that its deadline is still seen.
func (m *machine) reject(because trace.Cause, reason, message string) {
	e := podEvent(trace.PodRejected)
	e.Reason = reason
	m.worker.lastEvent = m.emit(e, because)
	m.worker.rejected = true
	m.status.reject(m, reason, "Pod was rejected: "+message)
}

// updatePod is pod_workers.go: UpdatePod.
func (m *machine) updatePod(u update) { m.updatePodAs(u, m.copyNow()) }

// updatePodAs is UpdatePod with a copy of the Pod that may be old.
func (m *machine) updatePodAs(u update, c podCopy) {
	w := &m.worker
	if w.finished || !w.known {
		return
	}
	if (w.rejected || w.first) && terminal(m.status.api.phase) && !m.pleg.cache.runs() {
		// A Pod that is terminal when its worker first hears of it, and has nothing in the runtime, counts as terminated.
		w.terminate, w.terminated = true, true
	}
	w.first, w.rejected = false, false
	if u.kill {
		w.known = false
		m.forgetSizes()
		m.awaitHousekeeping()
	}
	became := false
	if !w.terminate && (c.deleting || u.kill || w.eviction != nil || terminal(m.status.api.phase)) {
		w.terminate, w.deleted, became = true, c.deleting, true
	}
	shortened := false
	if w.terminate && !w.terminated {
		grace := m.effectiveGrace(&u, &c)
		shortened = w.grace != 0 && w.grace != grace
		w.grace, u.override, u.grace = grace, true, grace
	}
	w.pending, w.next, w.nextCopy = true, u, c
	if became || shortened {
		w.cancelled = true
		m.cancelProbes()
	}
	if !w.busy {
		w.busy = true
		m.queue.push(m.now, inputWake, 0, 0, 0)
	}
}

// copyNow is the Pod as the API server has it now.
func (m *machine) copyNow() podCopy {
	ready := m.status.api.condition(trace.PodReady)
	return podCopy{
		deleting: m.object.deleting, grace: m.object.grace, initialized: m.status.apiInitialized(m), ready: ready != nil && ready.True,
		phase: m.status.api.phase, edits: m.object.edits, resized: m.allocation.upTo,
	}
}

// latestCopy is the copy that the worker's next sync has, if nothing else comes.
func (w *worker) latestCopy() podCopy {
	if w.pending {
		return w.nextCopy
	}
	return w.lastCopy
}

// effectiveGrace is the grace of a Pod that stops, with what an update asks for. It never grows.
func (m *machine) effectiveGrace(u *update, c *podCopy) int64 {
	asked := int64(noOverride)
	if c.deleting {
		asked = c.grace
	}
	if u.evicts {
		asked = min(asked, m.worker.eviction.grace)
	}
	return m.graceWith(m.worker.grace, asked)
}

// graceWith is pod_workers.go: calculateEffectiveGracePeriod: the recorded grace, 0 for none, and the smallest that is asked for.
func (m *machine) graceWith(grace, asked int64) int64 {
	overridden := false
	if asked != noOverride && (grace == 0 || asked < grace) {
		grace, overridden = asked, true
	}
	if grace == 0 && !(overridden && m.kubelet.ExplicitZeroGrace) {
		grace = m.scenario.Pod.TerminationGracePeriodSeconds
	}
	return max(grace, 1)
}

// workerContinues goes on with the sync that runs.
func (m *machine) workerContinues(token int32) {
	w := &m.worker
	if token != w.token {
		return
	}
	if w.sync.starts.waiting {
		m.continueStart()
	}
	m.advanceSync()
}

// beginSync takes the pending update and waits for a runtime status that is newer than the last sync. pod_workers.go:
// startPodSync, podWorkerLoop; container/cache.go: GetNewerThan.
func (m *machine) beginSync() {
	w := &m.worker
	w.pending = false
	w.begin, w.copy = w.next, w.nextCopy
	w.lastCopy = w.copy
	switch {
	case w.terminated:
		w.work = workTerminated
	case w.terminate:
		w.work = workTerminating
	default:
		w.work = workSync
	}
	if !w.synced || m.newerThan(w.lastSync) {
		m.runSync(none)
		return
	}
	w.waiting = true
	m.needRelist()
}

// idleMark remembers where the trace stood when a sync was on its way, to forget the sync again if it changes nothing:
// a container in back-off is looked at every few seconds for minutes.
type idleMark struct {
	set            bool
	events, causes int
	lastEvent      int32
	version        int32 // of the kubelet's status
}

// markIdle begins what forgetIdle may take back.
func (m *machine) markIdle() {
	if w := &m.worker; !w.idle.set {
		w.idle = idleMark{true, len(m.trace.Events), len(m.causes), w.lastEvent, m.status.version}
	}
}

// forgetIdle takes a sync that changed nothing out of the trace.
func (m *machine) forgetIdle() {
	w := &m.worker
	mark := w.idle
	w.idle.set = false
	if !mark.set || w.work != workSync || m.status.version != mark.version || m.keepAll {
		return
	}
	for _, e := range m.trace.Events[mark.events:] {
		if e.Kind != trace.WakeUp && e.Kind != trace.Sync && e.Kind != trace.Relist {
			return
		}
	}
	m.trace.Events = m.trace.Events[:mark.events]
	m.causes = m.causes[:mark.causes]
	w.lastEvent = mark.lastEvent
}

// runSync is one call of SyncPod, SyncTerminatingPod or SyncTerminatedPod. fresh is the relist that the worker waited
// for, if it did.
func (m *machine) runSync(fresh int32) {
	w := &m.worker
	w.waiting = false
	w.snapshot.copyFrom(&m.pleg.cache)
	m.markIdle()
	kind := [...]trace.Kind{trace.Sync, trace.SyncTerminating, trace.SyncTerminated}[w.work]
	w.lastEvent = m.emit(podEvent(kind),
		cause(w.begin.trigger, w.begin.because, w.begin.window),
		cause(fresh, "it needs a runtime status newer than its last sync", windowUpTo(m.config.RelistPeriod)))
	switch w.work {
	case workSync:
		m.syncPod()
	case workTerminating:
		m.syncTerminatingPod()
	case workTerminated:
		m.syncTerminatedPod()
	}
}

// endSync is the end of a sync: bookkeeping, then the next phase, a retry, or a resync. pod_workers.go: podWorkerLoop,
// completeWork.
func (m *machine) endSync(outcome syncOutcome) {
	w := &m.worker
	w.sync.running = false
	w.lastSync, w.synced = m.now, true
	if outcome.relist && m.kubelet.OnDemandRelist {
		m.requestRelist()
	}
	if !outcome.terminal {
		m.forgetIdle()
	}
	w.idle.set = false
	transition := false
	switch {
	case outcome.failed:
	case w.work == workTerminated:
		w.finished, w.busy, w.hasDue = true, false, false
		return
	case w.work == workTerminating:
		w.terminated, transition = true, true
		m.podStopped()
		m.awaitMirror()
		m.requeueLast("all its containers are stopped")
		if w.deleted {
			m.awaitLastGarbage()
		}
	case outcome.terminal:
		w.terminate, transition = true, true
		m.requeueLast("its phase is terminal")
	}
	m.completeWork(transition, outcome)
	if w.pending {
		m.beginSync()
		return
	}
	w.busy = false
}

// requeueLast is pod_workers.go: requeueLastPodUpdate: the worker moves on at once with the copy it has, unless an
// update waits already.
func (m *machine) requeueLast(because string) {
	w := &m.worker
	if w.pending {
		return
	}
	w.pending = true
	w.next = update{trigger: w.lastEvent, because: because, override: w.begin.override, grace: w.begin.grace}
	w.nextCopy = w.lastCopy
}

// completeWork puts the Pod's next sync into the work queue. pod_workers.go: completeWork.
func (m *machine) completeWork(transition bool, outcome syncOutcome) {
	w := &m.worker
	w.routine = false
	switch {
	case transition:
		m.enqueue(0, 0, "it moves on")
	case !outcome.failed:
		w.routine = true
		m.enqueue(resyncInterval, m.jitter(resyncInterval), "regular resync")
	case m.kubelet.RequeueAtExpiry && outcome.backOffUntil != trace.Never:
		wait := min(max(outcome.backOffUntil.Sub(m.now), 0), resyncInterval)
		m.enqueue(wait, m.jitter(wait), "retry when the back-off ends")
	default:
		m.enqueue(errorInterval, m.jitter(errorInterval), "retry after an error")
	}
}

// Intervals of the work queue. kubelet.go: the kubelet's sync frequency default; pod_workers.go: backOffPeriod.
const (
	resyncInterval = 60 * time.Second
	errorInterval  = 10 * time.Second
)

// enqueue replaces the Pod's entry in the work queue: due after wait, which is base with its jitter.
func (m *machine) enqueue(base, wait time.Duration, why string) {
	w := &m.worker
	w.hasDue, w.due, w.dueSince, w.dueWhy = true, m.now.Add(wait), m.now, why
	w.dueWindow = trace.Window{Min: base, Max: base + base/2 + syncTickPeriod}
	m.armQueue()
}

// armQueue makes sure that the sync loop looks when the work queue's entry is due. An entry is due strictly after its
// time. kubelet/util/queue/work_queue.go: GetWork.
func (m *machine) armQueue() {
	if m.config.Guide != nil {
		m.armTick(&m.worker.queueTick, max(m.worker.due, m.now)+1) // the wait holds the tick already
		return
	}
	m.armTick(&m.worker.queueTick, tickAfter(max(m.worker.due, m.now), m.config.SyncTickPhase, syncTickPeriod))
}

// armTick puts a tick of the sync loop into the queue, unless one that is no later is there for the same reason.
func (m *machine) armTick(armed *trace.Instant, tick trace.Instant) {
	if tick < *armed {
		*armed = tick
		m.queue.push(tick, inputSyncTick, 0, 0, 0)
	}
}

// syncTick is a tick of the sync loop: Pods whose entry in the work queue is due, and Pods past their deadline, are
// synced. kubelet.go: syncLoopIteration, getPodsToSync.
func (m *machine) syncTick() {
	w := &m.worker
	if w.queueTick != m.now && w.deadlineTick != m.now {
		return
	}
	for _, armed := range [...]*trace.Instant{&w.queueTick, &w.deadlineTick} {
		if *armed == m.now {
			*armed = trace.Never
		}
	}
	if !w.known || w.finished {
		return
	}
	switch {
	case w.hasDue && w.due < m.now:
		w.hasDue = false
		if w.routine && !m.pastDeadline() && m.settled() {
			return
		}
		if !w.busy {
			m.markIdle()
		}
		trigger := w.lastEvent
		e := podEvent(trace.WakeUp)
		e.Reason, e.Span = w.dueWhy, m.now.Sub(w.dueSince)
		// It counts from the end of the last sync, which has no event of its own, and may be one that was forgotten.
		window, took := w.dueWindow, w.dueSince.Sub(m.trace.Events[trigger].At)
		window.Min, window.Max = window.Min+took, window.Max+took
		woken := m.emit(e, cause(trigger, w.dueWhy, window))
		m.updatePod(update{trigger: woken, because: w.dueWhy})
	case m.pastDeadline():
		m.updatePod(update{trigger: m.deadlineEvent(), because: "its deadline is over"})
	}
	m.armDeadline()
	if w.hasDue {
		m.armQueue()
	}
}

// settled reports that nothing will come but resyncs: no process will end, no probe will change its mind, no step, no deadline and no
// controller will come; and that the last sync saw the runtime as it is, and left no probe without a worker. A resync then finds what the
// last one left, and so does every later one.
func (m *machine) settled() bool {
	return m.resting() && (m.owner == nil || m.owner.run.settled())
}

// resting is settled as far as the Pod alone is concerned.
func (m *machine) resting() bool {
	w := &m.worker
	if m.ended {
		return true
	}
	for i := range m.queue.items {
		if m.queue.items[i].kind != inputSyncTick {
			return false
		}
	}
	return w.deadlineTick == trace.Never && (w.routine || !w.hasDue) && m.pleg.modified <= w.lastSync && !m.lacksWorker()
}
