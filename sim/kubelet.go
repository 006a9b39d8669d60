package sim

import (
	"math"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The kubelet's own life, and the node's. A kubelet that starts knows what the API server and the runtime tell it, and nothing else:
// back-offs, probe results, reasons and its status cache are gone, its tickers count from its start. Processes do not notice.

// kubeletLife is whether there is a kubelet, and since when.
type kubeletLife struct {
	down  bool
	since trace.Instant // its start, longAgo for the first one
	event int32         // of its start or stop
}

// longAgo is the start of a kubelet that was there long before the Pod.
const longAgo = trace.Instant(math.MinInt64 / 2)

// noRelist stands in pleg.next while there is no kubelet, so that none comes into the queue.
const noRelist = trace.Instant(-1)

// restartKubelet stops the kubelet for a while. It returns why it could not.
func (m *machine) restartKubelet(r *RestartKubelet) (impossible string) {
	switch {
	case m.life.down:
		return "the kubelet is down at that moment"
	case m.shutdown.begun:
		return "the node shuts down at that moment"
	}
	kubelet := m.kubelet
	if len(r.Gates) > 0 {
		var err error
		if kubelet, err = gates.Restarted(&m.target, r.Gates); err != nil {
			return "the kubelet does not start: " + err.Error()
		}
	}
	m.stopKubelet(cause(m.object.event, "somebody restarts it", windowRuntime))
	m.kubelet = kubelet
	m.queue.push(m.now.Add(r.Down), inputKubelet, 0, 0, 0)
	return ""
}

// rebootNode crashes the node, or shuts it down and starts it again. A crash ends every process at once, and the kubelet with them; the runtime finds the dead containers when it is there again.
// containerd: cri/server/restart.go: loadContainer, with unknownExitCode and unknownExitReason. It returns why it could not.
func (m *machine) rebootNode(r *RebootNode) (impossible string) {
	switch {
	case m.life.down:
		return "the node is down at that moment"
	case r.Orderly:
		return m.shutdownNode(true, r.Down)
	case m.shutdown.begun:
		return "the node shuts down at that moment"
	}
	m.goDown(cause(m.object.event, "its node goes down", windowRuntime), r.Down)
	m.queue.push(m.now.Add(r.Down), inputKubelet, 0, 0, 0)
	return ""
}

// goDown ends all that runs on the node.
func (m *machine) goDown(because trace.Cause, down time.Duration) {
	m.stopKubelet(because)
	for i := range m.containers {
		c := &m.containers[i]
		if run := c.newest(); run != nil && run.state == recordRunning {
			m.end(c, run, exitUnknown, reasonUnknownExit, cause(m.life.event, "its node goes down", windowNow))
			run.finishedAt = m.now.Add(down)
			if m.owner != nil {
				m.owner.ends[len(m.owner.ends)-1].at = run.finishedAt
			}
		}
	}
	m.stopSandbox(cause(m.life.event, "its node goes down", windowNow))
}

// What the runtime makes of a process that was lost with its node.
const (
	exitUnknown       = 255
	reasonUnknownExit = "Unknown"
)

// stopKubelet ends the kubelet and all that it was doing. A stop that it had asked for ends too: without its caller the runtime sends no
// SIGKILL, while the stop signal is sent. containerd: cri/server/container_stop.go: stopContainer.
func (m *machine) stopKubelet(because trace.Cause) {
	m.life.down = true
	m.life.event = m.emit(podEvent(trace.KubeletStopped), because)
	m.queue.keep(func(in input) bool { return in.kind == inputStep || in.kind == inputBound || in.kind == inputExit })
	m.cutStart()
	m.allocation.pending = false
	w := &m.worker
	actions, results := w.sync.actions, w.sync.results
	*w = worker{bound: w.bound, snapshot: w.snapshot, token: w.token + 1, lastEvent: m.life.event, deadline: none,
		queueTick: trace.Never, deadlineTick: trace.Never}
	w.sync.actions, w.sync.results = actions, results
	m.pleg.next = noRelist
	for i := range m.killers {
		m.killers[i].stage = killerIdle
		m.killers[i].token++
	}
	for i := range m.probes {
		m.endWorker(i)
	}
	for i := range m.containers {
		c := &m.containers[i]
		c.backOff, c.image.backOff, c.reason, c.lastBackOff = backOff{}, backOff{}, startReason{}, none
		m.goesOnStopping(c)
	}
}

// goesOnStopping has a process that was to be killed before its reaction was over end by that.
func (m *machine) goesOnStopping(c *container) {
	r := c.newest()
	if r == nil || r.state != recordRunning || !r.signalled {
		return
	}
	if does := c.behaviour(r.run).OnStop.On(r.signal); !does.Ignore {
		at := max(m.trace.Events[r.signalEv].At.Add(does.After), m.now)
		m.queue.push(at, inputExit, int32(c.position), r.run, 0)
	}
}

// cutStart counts the attempt at a start that is cut off, so that the next one has the next entry of its behaviour.
func (m *machine) cutStart() {
	st := &m.worker.sync.starts
	if !st.waiting {
		return
	}
	switch c := &m.containers[st.position]; st.stage {
	case startPulling:
		m.imageOf(c).pulls++
	case startCreating, startStarting:
		c.creates++
	}
}

// startKubelet begins a kubelet's life: its tickers, the first relist, and the garbage collection, which does not wait a minute.
// kubelet.go: Run, StartGarbageCollection.
func (m *machine) startKubelet() {
	m.life.down, m.life.since, m.shutdown = false, m.now, nodeShutdown{}
	m.life.event = m.emit(podEvent(trace.KubeletStarted), cause(m.life.event, "it is started again", windowRuntime))
	m.config.setPhasesFrom(m.now)
	p := &m.pleg
	p.cache.clear()
	for i := range p.seen {
		p.seen[i] = seenState{}
	}
	*p = pleg{cache: p.cache, seen: p.seen, news: p.news[:0], changed: true, lost: none, inspect: none}
	p.base = m.now.Add(m.config.KubeletRelist)
	p.before = p.base.Add(-m.config.RelistPeriod)
	p.stepped = p.before
	m.relistAt(p.base)
	for i := range m.containers {
		if len(m.containers[i].records) > 1 {
			m.awaitGarbage(&m.containers[i])
		}
	}
	m.status.forget(m)
	m.pullRate = pullRate{}
	m.queue.push(m.now.Add(m.config.KubeletStartup), inputKubeletReady, 0, 0, 0)
}

// setPhasesFrom has the tickers count from the start of a kubelet.
func (c *Config) setPhasesFrom(start trace.Instant) {
	since := time.Duration(start)
	c.SyncTickPhase, c.HousekeepingPhase = since+syncTickPeriod, since+housekeepingPeriod
	c.StatusPhase, c.GarbagePhase = since+statusPeriod, since
}

// kubeletReady is when its sync loop takes the Pods that the API server has. What the first relist found is forgotten by then: its events
// were of a Pod that nobody knew. config/apiserver.go: NewSourceApiserver; kubelet.go: HandlePodAdditions, syncLoopIteration.
func (m *machine) kubeletReady() {
	w := &m.worker
	switch {
	case !m.object.exists && w.bound:
		m.orphaned()
		return
	case !w.bound:
		return // the scheduler has not bound it yet
	}
	w.known, w.first = true, true
	w.lastEvent = m.life.event
	if (m.kubelet.AdmitsEnded || !terminal(m.status.api.phase)) && m.rejects(m.life.event) {
		m.orphaned()
		return
	}
	if !terminal(m.status.api.phase) {
		m.allocateAdmitted()
	}
	m.updatePod(update{trigger: m.life.event, because: "the kubelet sees the Pod"})
	m.armDeadline()
}

// forget takes the status back to what the API server has: the kubelet's cache is gone. status_manager.go: GetPodStatus,
// updateStatusInternal fall back to the Pod's own status.
func (s *statusManager) forget(m *machine) {
	s.current.copyFrom(&s.api)
	s.written, s.done, s.queued, s.allAt = false, false, false, trace.Never
	s.sent, s.event = s.version, m.life.event
}

// orphaned has housekeeping look for what runs of a Pod that no worker knows: it was removed, or refused, after it had started.
func (m *machine) orphaned() {
	m.queue.push(tickAfter(m.now, m.config.HousekeepingPhase, housekeepingPeriod), inputOrphan, 0, 0, 0)
}

// stopOrphan stops what housekeeping found: all at once, without hooks, in a second that the runtime makes two. kubelet_pods.go:
// HandlePodCleanups; kubelet.go: SyncTerminatingRuntimePod, whose Pod is made of the names of its containers alone.
func (m *machine) stopOrphan() {
	w := &m.worker
	if !m.runs() {
		m.orphanGone()
		return
	}
	w.work, w.busy = workOrphan, true
	w.beginStop()
	for i := range m.containers {
		c := &m.containers[i]
		if r := c.newest(); r != nil && r.state == recordRunning {
			w.sync.stops++
			m.beginKill(c, r.run, killOrder{
				because: "housekeeping finds that nobody knows its Pod", event: m.life.event, after: none, override: true, grace: orphanGrace, bare: true,
			})
		}
	}
	m.advanceSync()
}

// orphanGrace is what housekeeping gives. kubelet_pods.go: HandlePodCleanups.
const orphanGrace = 1

// afterOrphan ends that stop.
func (m *machine) afterOrphan() {
	if m.worker.sync.stops > 0 {
		return
	}
	m.stopSandbox(cause(m.lastStop(), "all containers of the Pod are stopped", windowRuntime))
	m.worker.busy = false
	m.orphanGone()
}

// orphanGone is the end of the run, if the API server has no Pod any more.
func (m *machine) orphanGone() {
	if !m.object.exists {
		m.ended = true
		m.trace.Ending = trace.EndingRemoved
	}
}
