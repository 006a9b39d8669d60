package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// What one sync does. SyncPod is a list of things done one after the other, each of which may take time; advanceSync goes
// through it and returns whenever there is something to wait for. kubelet.go: SyncPod, SyncTerminatingPod,
// SyncTerminatedPod; kuberuntime/kuberuntime_manager.go: SyncPod.

// syncOutcome is what a sync tells the worker.
type syncOutcome struct {
	terminal     bool // SyncPod: the computed phase is terminal
	failed       bool
	relist       bool          // it did something without error, so an on-demand relist is due (1.36 and later)
	backOffUntil trace.Instant // the earliest end of the back-offs that it met, or Never
}

// syncStage is where a SyncPod is.
type syncStage uint8

const (
	stageKill      syncStage = iota // stop the whole Pod, or the listed containers one by one
	stageSandbox                    // make the sandbox
	stageEphemeral                  // start the listed ephemeral containers
	stageInit                       // start the listed init containers
	stageMain                       // start the listed mains
)

// syncRun is a sync that is under way.
type syncRun struct {
	running bool
	stage   syncStage
	actions podActions
	next    int // the next entry of the list that the stage goes through
	reset   resetting
	outcome syncOutcome
	did     bool // something was done
	started bool // a start was begun
	starts  startRun
	stops   int // containers that are being stopped for this sync
	kill    bool
	results []startResult // for the reason cache, by container
}

// startResult is the result of a start in this sync.
type startResult struct {
	set    bool
	failed bool
	reason startReason
}

// startReason is why the last start of a container failed, as the API shows it. kubelet/reason_cache.go.
type startReason struct {
	reason string
	// span tells apart the messages of one reason (back-off 10s, 20s).
	span time.Duration
}

// syncPod begins a SyncPod. Status is generated before the containers are touched, so what this sync does becomes
// visible in the next one.
func (m *machine) syncPod() {
	w := &m.worker
	s := &w.sync
	m.allocate()
	status := m.generateStatus(&w.snapshot, false)
	over := terminal(status.phase) // as computed: the status manager may refuse to keep it
	restartAll := status.restartsAll()
	m.setStatus(status, w.copy.deleting, false, cause(w.lastEvent, "the sync begins with the status", windowNow))
	if over {
		m.endSync(syncOutcome{terminal: true, backOffUntil: trace.Never})
		return
	}
	m.initializeSizes()
	m.addProbes()
	m.computeActions(restartAll)
	*s = syncRun{running: true, actions: s.actions, results: s.results, outcome: syncOutcome{backOffUntil: trace.Never}}
	for i := range s.results {
		s.results[i] = startResult{}
	}
	if s.actions.killPod {
		s.kill, s.did = true, true
		m.beginKillPod(0, false)
	}
	m.advanceSync()
}

// advanceSync goes on with the SyncPod, SyncTerminatingPod or wait that runs, as far as it can without time passing.
func (m *machine) advanceSync() {
	w := &m.worker
	s := &w.sync
	switch {
	case w.work == workOrphan:
		m.afterOrphan()
		return
	case w.work != workSync:
		m.afterTerminatingKill()
		return
	}
	for {
		if s.stops > 0 || s.starts.waiting {
			return
		}
		switch s.stage {
		case stageKill:
			if !s.kill && s.next < len(s.actions.kills) {
				m.killNext()
				continue
			}
			if !s.kill && s.reset.next < len(s.actions.resets) {
				m.resetNext()
				continue
			}
			if !m.afterKills() {
				return
			}
		case stageSandbox:
			m.sandboxMade()
		case stageEphemeral:
			if s.next >= len(s.actions.startEphemeral) {
				s.stage, s.next = stageInit, 0
				continue
			}
			m.startNext(s.actions.startEphemeral[s.next])
		case stageInit:
			if s.next >= len(s.actions.startInit) {
				if !m.kubelet.ResizeFirst {
					m.doResize()
				}
				s.stage, s.next = stageMain, 0
				continue
			}
			m.startNext(s.actions.startInit[s.next])
		case stageMain:
			if s.next >= len(s.actions.startMain) {
				m.endSyncPod()
				return
			}
			m.startNext(s.actions.startMain[s.next])
		}
	}
}

// killNext begins the next kill of the list. They are serial; the order is that of a Go map.
func (m *machine) killNext() {
	s := &m.worker.sync
	rest := s.actions.kills[s.next:]
	if pick := m.choose(choiceKillOrder, len(rest)); pick > 0 {
		rest[0], rest[pick] = rest[pick], rest[0]
	}
	k := rest[0]
	s.next++
	s.did = true
	s.stops++
	m.beginKill(&m.containers[k.position], k.run, killOrder{reason: k.reason, because: k.because, event: k.event, after: m.lastStop()})
}

// afterKills prunes init container records and makes the sandbox if one is wanted. It returns false if the sync waits.
func (m *machine) afterKills() bool {
	s := &m.worker.sync
	if s.kill {
		m.stopSandbox(cause(m.lastStop(), "all containers of the Pod are stopped", windowRuntime))
		if s.actions.createSandbox {
			m.purgeInits()
		}
	}
	m.pruneInits()
	if m.kubelet.ResizeFirst && !s.actions.createSandbox {
		m.doResize() // without a sandbox nothing runs
	}
	s.stage, s.next = stageEphemeral, 0
	if !s.actions.createSandbox {
		return true
	}
	s.stage = stageSandbox
	s.did = true
	m.wait(m.observedSandbox(m.containers[0].latencyOfSandbox(m)))
	return false
}

// latencyOfSandbox is the Pod's sandbox latency; a container's own does not count.
func (c *container) latencyOfSandbox(m *machine) time.Duration {
	if m.scenario.Latency != nil {
		return m.scenario.Latency.Sandbox
	}
	return m.config.Latency.Sandbox
}

// wait suspends the sync for a while.
func (m *machine) wait(d time.Duration) {
	w := &m.worker
	w.token++
	m.queue.push(m.now.Add(d), inputWorker, w.token, 0, 0)
}

func (m *machine) sandboxMade() {
	s := &m.worker.sync
	if m.sandbox.exists {
		m.sandbox.attempt++
	}
	m.sandbox.exists, m.sandbox.ready = true, true
	m.sandbox.event = m.emit(podEvent(trace.SandboxReady), cause(m.worker.lastEvent, "the Pod needs a sandbox", windowRuntime))
	m.runtimeChanged()
	m.earlyReadyToStart()
	s.stage, s.next = stageEphemeral, 0
}

// purgeInits removes every record of the init containers, for a new sandbox.
// kuberuntime_container.go: purgeInitContainers.
func (m *machine) purgeInits() {
	for i := range m.inits {
		c := &m.containers[i]
		for len(c.records) > 0 {
			m.remove(c, c.records[0].run, cause(m.lastStop(), "a new sandbox starts afresh", windowRuntime))
		}
	}
}

// pruneInits keeps the newest dead record of each init container. kuberuntime_container.go: pruneInitContainersBeforeStart.
func (m *machine) pruneInits() {
	for i := range m.inits {
		records, dead := m.worker.snapshot.of(i), 0
		for j := range records {
			if records[j].state != recordExited {
				continue
			}
			if dead++; dead > 1 {
				m.remove(&m.containers[i], records[j].run, cause(m.lastStop(), "one dead record is kept", windowRuntime))
			}
		}
	}
}

// endSyncPod is the end of a SyncPod whose list is done.
func (m *machine) endSyncPod() {
	s := &m.worker.sync
	for i := range s.results {
		switch result := &s.results[i]; {
		case !result.set:
		case result.failed:
			m.containers[i].reason = result.reason
		default:
			m.containers[i].reason = startReason{}
		}
	}
	s.outcome.relist = s.did && !s.outcome.failed
	m.afterReset()
	m.endSync(s.outcome)
}

// syncTerminatingPod stops the Pod. kubelet.go: SyncTerminatingPod.
func (m *machine) syncTerminatingPod() {
	w := &m.worker
	status := m.generateStatus(&w.snapshot, false)
	m.evicted(status)
	m.setStatus(status, w.copy.deleting, false, cause(w.lastEvent, "the sync begins with the status", windowNow))
	m.stopLivenessAndStartup()
	w.beginStop()
	m.beginKillPod(w.begin.grace, w.begin.override)
	m.advanceSync()
}

// beginStop makes the worker's run one that only stops.
func (w *worker) beginStop() {
	w.sync = syncRun{running: true, actions: w.sync.actions, results: w.sync.results}
}

// afterTerminatingKill ends a SyncTerminatingPod once everything is stopped: the status is generated anew from what the
// runtime has at that moment.
func (m *machine) afterTerminatingKill() {
	w := &m.worker
	if w.sync.stops > 0 {
		return
	}
	m.stopSandbox(cause(m.lastStop(), "all containers of the Pod are stopped", windowRuntime))
	m.removeProbes()
	w.snapshot.take(m)
	status := m.generateStatus(&w.snapshot, true)
	m.setStatus(status, w.copy.deleting, false, cause(m.lastStop(), "all containers of the Pod are stopped", windowRuntime))
	// What was sent while this sync ran has no terminal phase yet; if the status is the same now, nothing is sent before the last sync.
	m.publishPassing()
	m.endSync(syncOutcome{backOffUntil: trace.Never})
}

// syncTerminatedPod is the end of the Pod on the node. kubelet.go: SyncTerminatedPod.
func (m *machine) syncTerminatedPod() {
	w := &m.worker
	because := cause(w.lastEvent, "nothing of the Pod is left on the node", windowNow)
	m.setStatus(m.generateStatus(&w.snapshot, true), w.copy.deleting, false, because)
	m.terminatePod(because)
	m.endSync(syncOutcome{backOffUntil: trace.Never})
}

// lastStop is the last event of the Pod's containers and the worker, for want of a single cause of "all are stopped".
func (m *machine) lastStop() int32 {
	last := m.worker.lastEvent
	for i := range m.containers {
		if r := m.containers[i].newest(); r != nil {
			last = max(last, r.event)
		}
	}
	return last
}
