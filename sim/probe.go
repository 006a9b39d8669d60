package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The prober: one worker for each probe of each main and sidecar, made by the first sync, ticking from then on.
// kubelet/prober/prober_manager.go, worker.go.
//
// A tick that would find what the last one found has no effect, so it is not stepped: a worker arms itself only for the
// next tick that could change something, and is armed anew when the status that it looks at changes.

// probeTries is prober.go: maxProbeRetries.
const probeTries = 3

type probeType uint8

const (
	probeStartup probeType = iota
	probeReadiness
	probeLiveness
)

// probeVerdict is prober/results.Result.
type probeVerdict uint8

const (
	resultUnknown probeVerdict = iota
	resultSuccess
	resultFailure
)

// probeWorker is one worker.
type probeWorker struct {
	alive     bool
	position  int
	kind      probeType
	spec      *Probe
	anchor    trace.Instant // a tick of its ticker
	token     int32
	armed     trace.Instant // the tick in the queue, or Never
	asleep    bool          // it has not looked yet
	triggered bool          // a manual run is asked for
	buffered  bool          // a tick came while a probe ran
	busy      bool
	stopping  bool
	dead      bool // the process was gone before the probe that runs: it errs
	lost      bool // … died under it: it fails, as the exec dies too
	began     trace.Instant
	ticked    trace.Instant // when it last took a tick, or might have
	tried     trace.Instant // the begin of the try that runs
	tries     int

	hasRun  bool // it has seen a container
	run     int32
	onHold  bool
	last    probeVerdict // of the last probe
	hasLast bool
	streak  int64
	// result is what results.Manager holds for the container of `run`.
	hasResult bool
	result    probeVerdict
	event     int32 // the event that set the result
	late      int32 // the sync that made it, if the container ran by then, or none
}

// addProbes makes the workers that are missing.
func (m *machine) addProbes() {
	m.missingWorkers(func(c *container, kind probeType, spec *Probe) bool {
		m.addWorker(c, kind, spec)
		return true
	})
}

// lacksWorker reports whether addProbes would make a worker for a container that runs: its old one ended when the container did, and another's
// worker, which is there no more, kept AddPod from making a new one.
func (m *machine) lacksWorker() bool {
	lacks := false
	m.missingWorkers(func(c *container, _ probeType, _ *Probe) bool {
		lacks = m.status.current.containers[c.position].State.Kind == trace.StateRunning
		return !lacks
	})
	return lacks
}

// missingWorkers goes through the probes for which AddPod makes a worker, those of mains first, until each returns false. prober_manager.go:
// AddPod. Up to 1.36 it returns at the first that exists; from 1.37 on it leaves out the rest of that container's probes and goes on with the
// next container.
func (m *machine) missingWorkers(each func(c *container, kind probeType, spec *Probe) bool) {
next:
	for n := range m.regular {
		c := &m.containers[(m.inits+n)%m.regular]
		if c.role == trace.RoleInit {
			continue
		}
		for kind, spec := range [...]*Probe{probeStartup: c.spec.Startup, probeReadiness: c.spec.Readiness, probeLiveness: c.spec.Liveness} {
			switch {
			case spec == nil:
			case m.findWorker(c.position, probeType(kind)) == nil:
				if !each(c, probeType(kind), spec) {
					return
				}
			case m.kubelet.AddPodContinues:
				continue next
			default:
				return
			}
		}
	}
}

// addWorker makes a worker.
func (m *machine) addWorker(c *container, kind probeType, spec *Probe) {
	w := probeWorker{alive: true, position: c.position, kind: kind, spec: spec, anchor: m.now, event: none, armed: trace.Never, late: none}
	if m.status.current.containers[c.position].State.Kind == trace.StateRunning {
		w.late, m.worker.idle.set = m.worker.lastEvent, false // the sync is what its result comes of
	}
	if m.now.Sub(m.life.since) < w.period() {
		// The kubelet has started only lately: workers begin at random. worker.go: run.
		w.anchor = m.now.Add(m.randomPart(w.period()))
		w.asleep = true
	}
	if m.config.Seed != 0 {
		// Each worker is a goroutine that starts in its own time; that decides which of two ticks comes first.
		w.anchor = w.anchor.Add(m.random.Duration(5 * time.Millisecond))
	}
	if m.config.Guide != nil {
		w.anchor = m.now.Add(m.config.Guide.Mount + workerDelays[m.choose(choiceWorker, len(workerDelays))])
	}
	m.newWorker(w)
}

// newWorker starts a worker; its first look is immediate.
func (m *machine) newWorker(w probeWorker) {
	for i := range m.probes {
		if !m.probes[i].alive {
			w.token = m.probes[i].token + 1
			m.probes[i] = w
			m.armProbe(i, w.anchor)
			return
		}
	}
	m.probes = append(m.probes, w)
	m.armProbe(len(m.probes)-1, w.anchor)
}

func (m *machine) findWorker(position int, kind probeType) *probeWorker {
	for i := range m.probes {
		if w := &m.probes[i]; w.alive && w.position == position && w.kind == kind {
			return w
		}
	}
	return nil
}

// probeResult is results.Manager.Get for a run of a container.
func (m *machine) probeResult(position int, kind probeType, run int32) (probeVerdict, int32, bool) {
	w := m.findWorker(position, kind)
	if w == nil || !w.hasResult || w.run != run {
		return resultUnknown, none, false
	}
	return w.result, w.event, true
}

// armProbe puts a worker's tick into the queue.
func (m *machine) armProbe(i int, at trace.Instant) {
	w := &m.probes[i]
	if at >= w.armed {
		return
	}
	w.token++
	w.armed = at
	m.queue.push(at, inputProbeTick, int32(i), w.token, 0)
}

// armProbes arms every worker that rests for its next tick: the status that it looks at has changed.
func (m *machine) armProbes() {
	for i := range m.probes {
		w := &m.probes[i]
		if !w.alive || w.busy {
			continue
		}
		if w.ticksAt(m.now) && w.ticked != m.now && w.armed != m.now {
			if at, ok := m.nextLook(w, m.now); ok && at == m.now && m.choose(choiceTie, 2) == 1 {
				m.armProbe(i, at) // the tick of this instant comes behind the change
				continue
			}
		}
		if at, ok := m.nextLook(w, w.tickAfter(m.now)); ok {
			m.armProbe(i, at)
		}
	}
}

// period is the worker's tick.
func (w *probeWorker) period() time.Duration { return seconds(w.spec.PeriodSeconds) }

// ticksAt reports whether the worker's ticker fires in an instant.
func (w *probeWorker) ticksAt(at trace.Instant) bool {
	return at > w.anchor && at.Sub(w.anchor)%w.period() == 0
}

// tickAfter is the worker's first tick after an instant.
func (w *probeWorker) tickAfter(at trace.Instant) trace.Instant {
	if at < w.anchor {
		return w.anchor
	}
	n := (at-w.anchor)/trace.Instant(w.period()) + 1
	return w.anchor + n*trace.Instant(w.period())
}

// nextLook returns the first tick, of the given one and those after it, at which the worker might do something, given the kubelet's
// status as it is now.
func (m *machine) nextLook(w *probeWorker, next trace.Instant) (trace.Instant, bool) {
	s := m.status.of(w.position)
	switch {
	case terminal(m.status.current.phase):
		return next, true
	case !s.hasID():
		return 0, false
	case !w.hasRun || w.run != s.State.Run:
		return next, true
	case !w.onHold && s.State.Kind != trace.StateRunning:
		return next, !m.workerGoesOn(w, s) || w.result != resultFailure
	case !w.probes(s):
		return 0, false
	}
	if begins := m.delayOver(w, s); next < begins {
		next = w.tickAfter(begins - 1)
	}
	return m.nextNews(w, next)
}

// probes reports whether the worker's ticks run the probe, once its initial delay is over. The status is that of the worker's run.
func (w *probeWorker) probes(s *containerStatus) bool {
	return !w.onHold && w.hasRun && (w.kind == probeStartup) == (s.started != startedTrue)
}

// nextNews returns the first tick from the given one on whose probe may change the result.
func (m *machine) nextNews(w *probeWorker, next trace.Instant) (trace.Instant, bool) {
	c := &m.containers[w.position]
	r := c.find(w.run)
	if r == nil || r.state != recordRunning {
		return next, !w.hasLast // the probe errs; nothing changes until the status does
	}
	answers := w.answers(c.behaviour(w.run))
	answer, until := answerAt(answers, next.Sub(r.startedAt))
	takes := m.probeTakes(c, w, answer)
	verdict := verdictOf(answer, w.spec, takes)
	settled := verdict == resultUnknown || w.hasLast && w.last == verdict && w.result == verdict
	if !settled || probeTries*takes >= w.period() {
		return next, true
	}
	if until == Forever {
		return 0, false
	}
	change := r.startedAt.Add(until)
	if verdict == resultUnknown {
		change = change.Add(-probeTries * takes) // a later try of the same probe may find the next answer
	}
	if change <= next {
		return next, true
	}
	return w.tickAfter(change - 1), true
}

// delayOver is the instant from which initialDelaySeconds no longer holds the worker back. The API's start time is cut to
// whole seconds, so it may come up to a second early. worker.go: doProbe.
func (m *machine) delayOver(w *probeWorker, s *containerStatus) trace.Instant {
	return m.wholeSecond(s.startedAt).Add(seconds(w.spec.InitialDelaySeconds))
}

// wholeSecond cuts an instant to the wall clock's whole second, as the API's times are.
// status/status_manager.go: normalizeStatus.
func (m *machine) wholeSecond(at trace.Instant) trace.Instant {
	phase := trace.Instant(m.config.ClockPhase)
	whole := (at + phase) / trace.Instant(time.Second) * trace.Instant(time.Second)
	return whole - phase
}

// probeTicks is a tick of a worker, or a manual run.
func (m *machine) probeTicks(i int, token int32) {
	w := &m.probes[i]
	if !w.alive || w.token != token {
		return
	}
	w.armed = trace.Never
	m.takeWake(w)
	if !m.look(i) {
		m.endWorker(i)
		return
	}
	if !m.probes[i].busy {
		m.rest(i)
	}
}

// takeWake uses up what woke the worker: a tick, one that came while a probe ran included, or a manual run. Where both
// are there the real worker's select takes either. A manual run restarts the ticker from 1.32 on, and so swallows the
// tick; before, both run. The first look of a worker that slept uses up nothing.
func (m *machine) takeWake(w *probeWorker) {
	tick := w.buffered || w.ticksAt(m.now) && w.ticked != m.now
	w.ticked = m.now
	first := w.asleep && m.now == w.anchor
	if w.asleep = false; first {
		return
	}
	if !w.triggered || tick && m.choose(choiceTrigger, 2) == 1 {
		w.buffered = false
		return
	}
	w.triggered = false
	w.buffered = tick
	if m.kubelet.TriggerResetsTicker {
		w.anchor, w.buffered = m.now, false
	}
}

// rest arms a worker that has looked for its next tick. Where it was told to stop while a probe ran, and something woke it besides, the real
// worker's select takes either.
func (m *machine) rest(i int) {
	w := &m.probes[i]
	woken := w.triggered || w.buffered
	switch {
	case w.stopping && !(woken && m.choose(choiceStop, 2) == 1):
		m.endWorker(i)
	case woken:
		m.armProbe(i, m.now)
	default:
		if at, ok := m.nextLook(w, w.tickAfter(m.now)); ok {
			m.armProbe(i, at)
		}
	}
}

// look is worker.go: doProbe up to the probe itself. It returns false if the worker ends.
func (m *machine) look(i int) bool {
	w := &m.probes[i]
	if terminal(m.status.current.phase) {
		return false
	}
	s := m.status.of(w.position)
	if !s.hasID() {
		return true
	}
	if !w.hasRun || w.run != s.State.Run {
		w.hasRun, w.run, w.hasResult, w.onHold = true, s.State.Run, false, false
		m.initialResult(i, s)
	}
	if w.onHold {
		return true
	}
	if s.State.Kind != trace.StateRunning {
		m.setResult(i, resultFailure, none, Answer{})
		return m.workerGoesOn(w, s)
	}
	if m.now < m.delayOver(w, s) {
		return true
	}
	if (w.kind == probeStartup) == (s.started == startedTrue) {
		return true
	}
	m.beginProbe(i)
	return true
}

// workerGoesOn says whether the worker of a container that does not run stays. worker.go: doProbe.
func (m *machine) workerGoesOn(w *probeWorker, s *containerStatus) bool {
	c := &m.containers[w.position]
	ended := s.State.Kind == trace.StateTerminated
	switch {
	case m.kubelet.WaitingEndsWorkers:
		return ended || m.restartable(c)
	case !ended:
		return true
	case m.kubelet.RestartRules:
		return m.restartsAfter(c, s.State.ExitCode) || m.kubelet.RestartAll && m.askedToRestartAll(nil, &m.status.current)
	}
	return m.scenario.Pod.RestartPolicy != RestartNever || c.role == trace.RoleSidecar && !m.kubelet.NeverEndsSidecarProbes
}

// beginProbe runs the probe; the worker is busy until it has its answer.
func (m *machine) beginProbe(i int) {
	w := &m.probes[i]
	w.tries, w.began = 0, m.now
	m.tryProbe(i)
}

// tryProbe is one of the tries that a probe has. prober.go: runProbeWithRetries.
func (m *machine) tryProbe(i int) {
	w := &m.probes[i]
	c := &m.containers[w.position]
	takes := time.Duration(0)
	w.tries++
	w.tried, w.dead, w.lost = m.now, true, false
	if r := c.find(w.run); r != nil && r.state == recordRunning && !m.execsFail(w) {
		answer, _ := answerAt(w.answers(c.behaviour(w.run)), m.now.Sub(r.startedAt))
		takes = min(m.probeTakes(c, w, answer), seconds(w.spec.TimeoutSeconds))
		w.dead = false
	}
	w.busy = true
	m.endProbeAt(i, m.now.Add(takes))
}

// execsFail reports whether the worker's exec probes end before they reach the runtime, with the context of the sync that added
// the worker.
func (m *machine) execsFail(w *probeWorker) bool {
	return m.worker.cancelled && m.kubelet.ExecProbesEndWithSync && w.spec.Handler == HandlerExec
}

// endProbeAt has the probe that runs end at an instant; whatever else the worker had in the queue is void.
func (m *machine) endProbeAt(i int, at trace.Instant) {
	w := &m.probes[i]
	w.armed = trace.Never
	w.token++
	m.queue.push(at, inputProbeDone, int32(i), w.token, 0)
}

// probeTakes is how long the probe would take without its timeout.
func (m *machine) probeTakes(c *container, w *probeWorker, a Answer) time.Duration {
	if w.spec.Handler == HandlerExec {
		return c.latency.Exec + a.Takes
	}
	return a.Takes
}

func (w *probeWorker) answers(p *Process) []Answer {
	switch w.kind {
	case probeStartup:
		return p.Startup
	case probeReadiness:
		return p.Readiness
	}
	return p.Liveness
}

// answerAt returns the answer that holds at a time of the process's life, and until when it does; Forever for no end.
func answerAt(answers []Answer, age time.Duration) (Answer, time.Duration) {
	answer, until := Answer{}, Forever
	for i := range answers {
		if i > 0 && answers[i].From > age {
			until = answers[i].From
			break
		}
		answer = answers[i]
	}
	return answer, until
}

// verdictOf is what the worker makes of an answer; resultUnknown for a probe that errs. prober.go: runProbe: a timeout is
// a failure (ExecProbeTimeout).
func verdictOf(a Answer, spec *Probe, takes time.Duration) probeVerdict {
	switch {
	case takes > seconds(spec.TimeoutSeconds):
		return resultFailure
	case a.Result == AnswerError:
		return resultUnknown
	case a.Result == AnswerFailure:
		return resultFailure
	}
	return resultSuccess
}

// probeAnswers is the end of a probe: thresholds, result, hold. worker.go: doProbe.
func (m *machine) probeAnswers(i int, token int32) {
	w := &m.probes[i]
	if !w.alive || w.token != token {
		return
	}
	if w.tickAfter(w.began) <= m.now {
		w.buffered = true
	}
	w.busy = false
	c := &m.containers[w.position]
	r := c.find(w.run)
	if w.dead || r == nil {
		m.rest(i)
		return
	}
	answer, _ := answerAt(w.answers(c.behaviour(w.run)), w.tried.Sub(r.startedAt))
	verdict := verdictOf(answer, w.spec, m.probeTakes(c, w, answer))
	if w.lost {
		verdict = resultFailure
	}
	if verdict == resultUnknown {
		// An error is tried again at once; after the last try the result is thrown away.
		if w.tries < probeTries {
			m.tryProbe(i)
			return
		}
		m.rest(i)
		return
	}
	if w.hasLast && w.last == verdict {
		w.streak++
	} else {
		w.last, w.hasLast, w.streak = verdict, true, 1
	}
	threshold := w.spec.FailureThreshold
	if verdict == resultSuccess {
		threshold = w.spec.SuccessThreshold
	}
	if w.streak < threshold {
		m.rest(i)
		return
	}
	m.setResult(i, verdict, r.event, answer)
	if w.kind == probeLiveness && verdict == resultFailure ||
		w.kind == probeStartup && (verdict == resultFailure || m.kubelet.HoldAfterStartupSuccess) {
		w.onHold, w.streak = true, 0
	}
	if w.kind == probeStartup && verdict == resultSuccess && !w.onHold && w.buffered && m.choose(choiceTie, 2) == 1 {
		// The worker takes a tick that is there before the sync loop has set started from its result, and so probes once more.
		m.takeWake(w)
		m.beginProbe(i)
		return
	}
	m.rest(i)
}

// initialResult is what a worker sets when it first sees a run. From 1.35 on it leaves a container alone that ran before the kubelet
// did. worker.go: doProbe; that a sidecar keeps its startup success is younger (#136910).
func (m *machine) initialResult(i int, s *containerStatus) {
	w := &m.probes[i]
	if m.kubelet.CarryStarted && m.outlived(s) {
		if m.kubelet.SeedsStartedSidecars && w.kind == probeStartup && s.started == startedTrue && m.containers[w.position].role == trace.RoleSidecar {
			m.setResult(i, resultSuccess, none, Answer{})
		}
		return
	}
	m.setResult(i, [...]probeVerdict{probeStartup: resultUnknown, probeReadiness: resultFailure, probeLiveness: resultSuccess}[w.kind], none, Answer{})
}

// outlived reports whether a running container is so much older than the kubelet that it counts as one from before its start.
// prober_manager.go: kubeletRestartGracePeriod, 1.35.
func (m *machine) outlived(s *containerStatus) bool {
	const restartGrace = 10 * time.Second
	return s.State.Kind == trace.StateRunning && m.life.since != longAgo && m.wholeSecond(s.startedAt).Add(restartGrace) < m.life.since
}

// setResult is results.Manager.Set: only a change is published, and the sync loop acts on it. ran is the event that the
// probe's answer rests on, or none for a result that the worker sets by itself.
func (m *machine) setResult(i int, verdict probeVerdict, ran int32, a Answer) {
	w := &m.probes[i]
	if w.hasResult && w.result == verdict {
		return
	}
	w.hasResult, w.result = true, verdict
	w.event = none
	trigger, because := m.status.event, "a probe worker sees the new container"
	if w.late != none && w.late > trigger {
		trigger = w.late
	}
	if ran != none {
		c := &m.containers[w.position]
		kinds := [...][2]trace.Kind{
			probeStartup:   {trace.StartupPassed, trace.StartupFailed},
			probeReadiness: {trace.ReadinessPassed, trace.ReadinessFailed},
			probeLiveness:  {trace.LivenessPassed, trace.LivenessFailed},
		}
		kind := kinds[w.kind][0]
		if verdict == resultFailure {
			kind = kinds[w.kind][1]
		}
		w.event = m.emit(c.event(kind, w.run), m.probeCause(ran, w, verdict, a))
		trigger, because = w.event, "a probe result changed"
	}
	m.publishResult(w, verdict, trigger, because)
}

// probeCause links a result to the run that it tells of. The window begins when the answer does; it lasts the periods that the
// threshold takes, from when both the answer holds and the worker knows of the run.
func (m *machine) probeCause(ran int32, w *probeWorker, verdict probeVerdict, a Answer) trace.Cause {
	because, threshold := "its probe succeeds", w.spec.SuccessThreshold
	if verdict == resultFailure {
		because, threshold = "its probe fails, as often as failureThreshold says", w.spec.FailureThreshold
	}
	c := &m.containers[w.position]
	if r := c.find(w.run); r == nil || r.state != recordRunning {
		return cause(ran, because, windowUpTo(seconds(w.spec.TimeoutSeconds))) // the end of the process was the answer
	}
	seen := c.changed
	if w.late != none {
		seen = max(seen, m.trace.Events[w.late].At)
	}
	known := max(seen.Sub(m.trace.Events[ran].At), 0) + seconds(w.spec.InitialDelaySeconds)
	each := w.period() + seconds(w.spec.TimeoutSeconds)
	return cause(ran, because, trace.Window{Min: a.From, Max: max(a.From, known) + time.Duration(threshold)*each})
}

// publishResult is what the sync loop does with a changed result. kubelet.go: syncLoopIteration.
func (m *machine) publishResult(w *probeWorker, verdict probeVerdict, trigger int32, because string) {
	u := update{trigger: trigger, because: because}
	if w.event == none {
		u.window = windowUpTo(w.period()) // the worker's own word comes with a tick
	}
	switch w.kind {
	case probeLiveness:
		if verdict != resultFailure {
			return
		}
	case probeReadiness:
		m.setReady(w.position, w.run, verdict == resultSuccess, cause(trigger, because, windowNow))
	case probeStartup:
		m.setStarted(w.position, w.run, verdict == resultSuccess, cause(trigger, because, windowNow))
	}
	m.updatePod(u)
}

// triggerReadiness asks a readiness worker for an immediate run. prober_manager.go: UpdatePodStatus.
func (m *machine) triggerReadiness(position int) {
	for i := range m.probes {
		w := &m.probes[i]
		if !w.alive || w.position != position || w.kind != probeReadiness {
			continue
		}
		w.triggered = true
		if m.hearsLater(w) {
			continue
		}
		c := &m.containers[position]
		if r := c.find(w.run); r != nil && r.state == recordRunning {
			if end, caught := m.caughtUnstepped(w, c, r, false); caught {
				w.busy = true
				m.endProbeAt(i, end)
				continue
			}
		}
		m.armProbe(i, m.now)
	}
}

// stopLivenessAndStartup ends those workers of the mains; the sidecars' go on (#141766). prober_manager.go.
func (m *machine) stopLivenessAndStartup() {
	for i := range m.probes {
		w := &m.probes[i]
		if w.alive && w.kind != probeReadiness && m.containers[w.position].role == trace.RoleMain {
			m.stopWorker(i)
		}
	}
}

// removeProbes ends all workers. prober_manager.go: RemovePod.
func (m *machine) removeProbes() {
	for i := range m.probes {
		if m.probes[i].alive {
			m.stopWorker(i)
		}
	}
}

// stopWorker tells a worker to stop, which it hears when it has looked: one that sleeps at first, for the kubelet has started only lately, looks
// once, and may probe. worker.go: run.
func (m *machine) stopWorker(i int) {
	w := &m.probes[i]
	if m.hearsLater(w) {
		w.stopping = true
		return
	}
	m.endWorker(i)
}

// hearsLater reports whether a worker does not hear now that it is to run or to stop: it probes, or sleeps before its first look.
func (m *machine) hearsLater(w *probeWorker) bool { return w.busy || w.asleep && m.now < w.anchor }

// endWorker removes a worker with its result. worker.go: run.
func (m *machine) endWorker(i int) {
	w := &m.probes[i]
	w.alive, w.hasResult, w.armed = false, false, trace.Never
	w.token++
}

// cancelProbes makes the exec probes that run err, where they run in the context of a sync.
func (m *machine) cancelProbes() {
	if !m.kubelet.ExecProbesEndWithSync {
		return
	}
	for i := range m.probes {
		w := &m.probes[i]
		if w.alive && w.busy && w.spec.Handler == HandlerExec {
			w.dead, w.lost = true, false
			m.endProbeAt(i, m.now)
		}
	}
}

// probesLoseProcess ends the probes that run in a process that ended: the exec ends with it, which counts as a failure.
func (m *machine) probesLoseProcess(c *container, r *record) {
	for i := range m.probes {
		w := &m.probes[i]
		if !w.alive || w.position != c.position || w.run != r.run {
			continue
		}
		if !w.busy {
			if _, caught := m.caughtUnstepped(w, c, r, true); !caught {
				continue
			}
		}
		if w.dead {
			continue
		}
		w.busy, w.lost = true, true
		m.endProbeAt(i, m.now)
	}
}

// caughtUnstepped reports whether a tick that was not stepped, for want of an effect, would have had its probe running
// now, and makes up for it. It returns the end of the try that runs. With ties, a tick of this very instant may have come first.
func (m *machine) caughtUnstepped(w *probeWorker, c *container, r *record, ties bool) (trace.Instant, bool) {
	s := m.status.of(w.position)
	if !w.probes(s) || m.now <= w.anchor || m.execsFail(w) {
		return 0, false
	}
	tick := w.tickAfter(m.now).Add(-w.period())
	if tick == m.now && (!ties || w.ticked == m.now || m.choose(choiceTie, 2) == 0) {
		tick = tick.Add(-w.period())
	}
	if tick < m.delayOver(w, s) || tick <= w.began || tick <= c.changed {
		return 0, false
	}
	answer, _ := answerAt(w.answers(c.behaviour(r.run)), tick.Sub(r.startedAt))
	full, tries := m.probeTakes(c, w, answer), 1
	if verdictOf(answer, w.spec, full) == resultUnknown {
		tries = probeTries
	}
	takes := min(full, seconds(w.spec.TimeoutSeconds))
	if tick.Add(time.Duration(tries)*takes) <= m.now {
		return 0, false
	}
	ended := int(m.now.Sub(tick) / takes)
	w.began, w.tried, w.tries, w.dead, w.lost = tick, tick.Add(time.Duration(ended)*takes), ended+1, false, false
	return w.tried.Add(takes), true
}
