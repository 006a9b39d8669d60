package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The stop of one container: preStop, its turn, the stop signal, SIGKILL, with one purse of grace for all of them; and
// the stop of a whole Pod, which is many of these at once. kuberuntime/kuberuntime_container.go: killContainer,
// killContainersWithSyncResult; kuberuntime/kuberuntime_termination_order.go.

// minimumGrace is what every container gets at least. kuberuntime_container.go: minimumGracePeriodInSeconds.
const minimumGrace = 2

// killOrder is what a stop is asked to do.
type killOrder struct {
	reason   killReason
	because  string
	event    int32
	after    int32 // what the sync did before, or none
	override bool  // grace replaces the one that follows from the Pod
	grace    int64
	ordered  bool
	bare     bool // without its hook
}

// killerStage is what a stop waits for.
type killerStage uint8

const (
	killerIdle killerStage = iota
	killerHook
	killerTurn
	killerSending   // for the moment at which the stop signal was observed
	killerStopping  // for the process to be gone
	killerReturning // for the runtime to say so
)

// killer is one container that is being stopped: a goroutine of the kubelet.
type killer struct {
	stage    killerStage
	position int
	run      int32
	ordered  bool
	grace    int64 // what is left of the purse, in seconds
	since    trace.Instant
	begun    int32 // the event that began it
	last     int32 // its last event
	token    int32
	hookBad  bool
	turnBy   int32 // the event that made it this container's turn
}

// beginKillPod stops every container that the snapshot shows running, all at once; order comes from waiting.
func (m *machine) beginKillPod(grace int64, override bool) {
	w := &m.worker
	ordered := m.kubelet.StopOrder == gates.StopOrderedAlways || m.kubelet.StopOrder == gates.StopOrderedWithSidecars && m.sidecars
	for i := range m.containers {
		c := &m.containers[i]
		running := w.snapshot.running(i)
		c.closed = !running && (c.role == trace.RoleMain || !m.kubelet.DeadInitHoldsStop)
		if running {
			w.sync.stops++
		}
	}
	for i := range m.containers {
		if !w.snapshot.running(i) {
			continue
		}
		m.beginKill(&m.containers[i], w.snapshot.newest(i).run, killOrder{
			because: w.stopWords(), event: w.lastEvent, after: none, override: override, grace: grace, ordered: ordered,
		})
	}
}

func (w *worker) stopWords() string {
	if w.work == workTerminating {
		return "the Pod is stopped"
	}
	return "nothing is left to run, so the Pod is stopped"
}

// beginKill begins the stop of one container.
func (m *machine) beginKill(c *container, run int32, order killOrder) {
	i := m.freeKiller()
	k := &m.killers[i]
	*k = killer{position: c.position, run: run, ordered: order.ordered, since: m.now, token: k.token, turnBy: none}
	k.grace = m.graceOf(c, order.reason)
	if order.override {
		k.grace = order.grace
	}
	e := c.event(trace.Killing, run)
	e.Span = seconds(k.grace)
	window := windowNow
	if order.after != none {
		window = windowRuntime // the sync comes first
	}
	k.last = m.emit(e, cause(order.event, order.because, window), cause(order.after, "the sync stops them one by one", windowRuntime))
	k.begun = k.last
	if c.spec.PreStop == nil || k.grace <= 0 || order.bare {
		m.takeTurn(i)
		return
	}
	m.beginPreStop(i, c)
}

func (m *machine) freeKiller() int {
	for i := range m.killers {
		if m.killers[i].stage == killerIdle {
			return i
		}
	}
	m.killers = append(m.killers, killer{})
	return len(m.killers) - 1
}

// graceOf is kuberuntime_container.go: setTerminationGracePeriod.
func (m *machine) graceOf(c *container, reason killReason) int64 {
	if m.worker.copy.deleting {
		return m.worker.copy.grace
	}
	switch {
	case reason == killStartup && c.spec.Startup.TerminationGracePeriodSeconds > 0:
		return c.spec.Startup.TerminationGracePeriodSeconds
	case reason == killLiveness && c.spec.Liveness.TerminationGracePeriodSeconds > 0:
		return c.spec.Liveness.TerminationGracePeriodSeconds
	}
	return m.scenario.Pod.TerminationGracePeriodSeconds
}

// beginPreStop runs the hook at once, in every container at the same time; the order of stops comes after it.
// kuberuntime_container.go: executePreStopHook.
func (m *machine) beginPreStop(i int, c *container) {
	k := &m.killers[i]
	k.stage = killerHook
	if r := c.find(k.run); (r == nil || r.state != recordRunning) && c.spec.PreStop.Handler != HandlerSleep {
		// There is no process to run it in: it fails without having begun.
		k.hookBad = true
		m.killerWaits(i, 0)
		return
	}
	e := c.event(trace.PreStopBegin, k.run)
	e.Span = seconds(k.grace)
	k.last = m.emit(e, cause(k.last, "the hook comes first", windowRuntime)) // it begins when the runtime has made its process
	takes, fails := m.hook(c, c.spec.PreStop, c.behaviour(k.run).PreStop)
	k.hookBad = fails
	m.killerWaits(i, min(takes, seconds(k.grace)))
	if c.behaviour(k.run).PreStop.EndsProcess {
		m.queue.push(m.now.Add(takes), inputHookEndsRun, int32(c.position), k.run, 0)
	}
}

func (m *machine) preStopEnds(i int) {
	k := &m.killers[i]
	c := &m.containers[k.position]
	elapsed := m.now.Sub(k.since)
	kind, by, because, window := trace.PreStopEnd, k.last, "the hook is done", windowExactly(elapsed)
	switch takes, _ := m.hook(c, c.spec.PreStop, c.behaviour(k.run).PreStop); {
	case k.hookBad:
		kind, because, window = trace.PreStopFailed, "the hook failed", windowUpTo(seconds(k.grace))
	case takes > elapsed:
		// The grace counts from when the stop began, not from when the runtime had made the hook's process.
		kind, by, because = trace.PreStopAbandoned, k.begun, "the grace period is over"
	}
	e := c.event(kind, k.run)
	e.Span = elapsed
	k.last = m.emit(e, cause(by, because, window))
	k.grace -= int64(elapsed / time.Second)
	m.takeTurn(i)
}

// takeTurn waits, in an ordered stop, for the containers that must be gone before. kuberuntime_termination_order.go:
// waitForTurn.
func (m *machine) takeTurn(i int) {
	k := &m.killers[i]
	if !k.ordered || k.grace <= 0 || m.isTurn(k.position) {
		m.sendStop(i)
		return
	}
	k.stage, k.since = killerTurn, m.now
	m.killerWaits(i, seconds(k.grace))
}

// isTurn reports whether all that must stop before the container has: for a sidecar all mains and the next later
// sidecar, for anything else nothing. kuberuntime_termination_order.go: newTerminationOrdering.
func (m *machine) isTurn(position int) bool {
	if m.containers[position].role != trace.RoleSidecar {
		return true
	}
	for i := position + 1; i < m.inits; i++ {
		if m.containers[i].role == trace.RoleSidecar {
			if !m.containers[i].closed {
				return false
			}
			break
		}
	}
	for i := m.inits; i < m.regular; i++ {
		if !m.containers[i].closed {
			return false
		}
	}
	return true
}

// turnEnds is the end of the wait, by the others' end or by the end of the grace; whole seconds are taken off the purse.
func (m *machine) turnEnds(i int, by int32, because string, window trace.Window) {
	k := &m.killers[i]
	waited := m.now.Sub(k.since)
	c := &m.containers[k.position]
	e := c.event(trace.TurnReached, k.run)
	k.grace -= int64(waited / time.Second)
	e.Span = seconds(k.grace)
	k.turnBy = m.emit(e, cause(by, because, window))
	m.sendStop(i)
}

// sendStop has the runtime stop the container with what is left of the grace, but at least two seconds.
func (m *machine) sendStop(i int) {
	k := &m.killers[i]
	c := &m.containers[k.position]
	if k.stage != killerSending {
		if wait := m.observed(c, trace.StopSignal, k.run, 0); wait > 0 {
			k.stage = killerSending
			m.killerWaits(i, wait)
			return
		}
	}
	grace := seconds(max(k.grace, minimumGrace))
	k.stage = killerStopping
	k.token++
	r := c.find(k.run)
	alive := m.stopProcess(c, r, grace,
		cause(k.last, "the runtime sends the stop signal", windowRuntime), cause(k.turnBy, "it is its turn", windowNow))
	switch {
	case alive:
	case r == nil:
		k.stage = killerReturning // the runtime does not know it any more
		m.killerWaits(i, 0)
	default:
		k.stage = killerReturning
		m.killerWaits(i, c.latency.Stop)
	}
}

// killerContinues goes on with a stop after a wait.
func (m *machine) killerContinues(i int, token int32) {
	k := &m.killers[i]
	if k.token != token {
		return
	}
	switch k.stage {
	case killerHook:
		m.preStopEnds(i)
	case killerTurn:
		m.turnEnds(i, k.last, "its grace ran out while it waited for its turn", windowExactly(seconds(k.grace)))
	case killerSending:
		m.sendStop(i)
	case killerReturning:
		m.stopReturns(i)
	}
}

func (m *machine) killerWaits(i int, d time.Duration) {
	k := &m.killers[i]
	k.token++
	m.queue.push(m.now.Add(d), inputKiller, int32(i), k.token, 0)
}

// stopReturns is the end of a stop: in an ordered one, whoever waited for this container may go on.
func (m *machine) stopReturns(i int) {
	k := &m.killers[i]
	c := &m.containers[k.position]
	ordered := k.ordered
	k.stage = killerIdle
	k.token++
	if ordered {
		c.closed = true
		by := k.last
		if r := c.find(k.run); r != nil {
			by = r.event
		}
		m.nextTurns(by)
	}
	s := &m.worker.sync
	s.stops--
	if s.stops > 0 {
		return
	}
	if s.starts.stage == startHookKill {
		s.starts = startRun{}
		m.startFailed(c, startReason{reason: reasonPostStart})
	}
	m.resumeSync()
}

// nextTurns lets the containers go on whose turn it has become.
func (m *machine) nextTurns(by int32) {
	for i := range m.killers {
		if k := &m.killers[i]; k.stage == killerTurn && m.isTurn(k.position) {
			m.turnEnds(i, by, "the containers that stop before it are gone", windowRuntime)
		}
	}
}

// resumeSync goes on with the sync in an input of its own, so that a stop that returns at once does not recurse.
func (m *machine) resumeSync() { m.wait(0) }

// processGone tells the stops, the hooks and the probes that a process is gone. A hook that has ended it by itself has not failed.
func (m *machine) processGone(c *container, r *record, byHook bool) {
	st := &m.worker.sync.starts
	if st.waiting && st.stage == startHook && st.position == c.position && c.spec.PostStart.Handler != HandlerSleep {
		st.hookBad = true
		m.wait(0)
	}
	for i := range m.killers {
		k := &m.killers[i]
		if k.position != c.position || k.run != r.run {
			continue
		}
		switch k.stage {
		case killerHook:
			if c.spec.PreStop.Handler != HandlerSleep && !byHook {
				k.hookBad = true
				m.killerWaits(i, 0)
			}
		case killerStopping:
			k.stage = killerReturning
			m.killerWaits(i, m.lastReturn(c.latency.Stop))
		}
	}
	m.probesLoseProcess(c, r)
}
