package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The start of one container: back-off, image, create, start, postStart, one after the other, each finished before the
// sync goes on. kuberuntime/kuberuntime_container.go: startContainer.

// startStage is what a start waits for.
type startStage uint8

const (
	startPulling startStage = iota
	startCreating
	startStarting
	startHook
	startHookKill // the container is stopped because its hook failed
)

// startRun is the start that is under way.
type startRun struct {
	waiting  bool
	stage    startStage
	position int
	run      int32 // once the runtime has made it; its record may be removed while a hook runs
	last     int32 // its last event
	first    trace.Cause
	second   trace.Cause
	third    trace.Cause
	hookBad  bool
	// hookTakes is how long the hook takes by itself.
	hookTakes time.Duration
}

// Reasons of failed starts, as the API shows them.
const (
	reasonCrashLoop    = "CrashLoopBackOff"
	reasonPullBackOff  = "ImagePullBackOff"
	reasonInvalidImage = "InvalidImageName"
	reasonImagePull    = "ErrImagePull"
	reasonConfigError  = "CreateContainerConfigError"
	reasonCreateError  = "CreateContainerError"
	reasonRunError     = "RunContainerError"
	reasonPostStart    = "PostStartHookError"

	// reasonDirectoryGone is CreateContainerConfigError of a Pod that no status can show any more.
	reasonDirectoryGone = "PodDirectoryRemoved"
)

// startNext begins the start of one container of the list.
func (m *machine) startNext(next start) {
	w := &m.worker
	s := &w.sync
	c := &m.containers[next.position]
	s.did = true
	m.numberNext(c)
	until, why := m.crashBackOff(c, &w.snapshot)
	if until != trace.Never {
		m.inBackOff(c, until, why)
		return
	}
	if next.event == none {
		next.event = m.sandbox.event
	}
	window := windowUpTo(m.config.RelistPeriod)
	if s.started {
		window = windowRuntime // the starts before it, which are serial, take what they take
	}
	s.started = true
	s.starts = startRun{
		position: next.position, last: none,
		first:  cause(next.event, next.because, window),
		second: cause(w.lastEvent, "the sync starts it", windowRuntime),
		third:  why,
	}
	if c.lastBackOff != none {
		s.starts.third = cause(c.lastBackOff, "its back-off is over", m.overshoot(m.trace.Events[c.lastBackOff].Span))
		c.lastBackOff = none
	}
	m.pullImage(c)
}

// overshoot is how much later than its end a back-off may really end: the worker is not woken at the expiry, but by its
// work queue. pod_workers.go: completeWork.
func (m *machine) overshoot(wait time.Duration) trace.Window {
	slack := errorInterval + errorInterval/2
	if m.kubelet.RequeueAtExpiry {
		slack = min(wait/2, resyncInterval/2)
	}
	return trace.Window{Min: 0, Max: wait + slack + syncTickPeriod}
}

// inBackOff puts the start off. The event is shown once for each ended run.
func (m *machine) inBackOff(c *container, until trace.Instant, why trace.Cause) {
	s := &m.worker.sync
	s.outcome.backOffUntil = min(s.outcome.backOffUntil, until)
	if c.lastBackOff == none {
		e := c.event(trace.BackOff, c.nextRun)
		e.Reason, e.Span = reasonCrashLoop, c.backOff.wait
		c.lastBackOff = m.emit(e, cause(c.backOff.event, "each restart doubles the back-off up to its cap", windowRuntime), why,
			cause(m.worker.lastEvent, "the sync puts the start off", windowRuntime))
	}
	m.startFailed(c, startReason{reasonCrashLoop, c.backOff.wait})
}

// event emits an event of the start; the first one carries the causes of the start itself.
func (m *machine) startEvent(kind trace.Kind, reason string, because string) {
	st := &m.worker.sync.starts
	c := &m.containers[st.position]
	run := c.nextRun
	if st.stage >= startStarting {
		run = st.run
	}
	e := c.event(kind, run)
	e.Reason = reason
	if st.last == none {
		st.last = m.emit(e, st.first, st.second, st.third)
		return
	}
	window := windowRuntime
	switch kind {
	case trace.PostStartEnd:
		window = windowExactly(st.hookTakes)
	case trace.PostStartFailed:
		window = windowUpTo(m.now.Sub(m.trace.Events[st.last].At)) // the end of the process ends it, too
	}
	st.last = m.emit(e, cause(st.last, because, window))
}

// pullImage makes sure that the image is there.
func (m *machine) pullImage(c *container) {
	st := &m.worker.sync.starts
	st.stage = startPulling
	image := m.imageOf(c)
	if c.edition(&m.worker.copy) != 0 {
		m.pullNewImage(c)
		return
	}
	if m.currentPull(c).Result == reasonInvalidImage {
		// images/image_manager.go: EnsureImageExists reads the name before it does anything else; no runtime is asked.
		image.pulls++
		m.startEvent(trace.PullFailed, reasonInvalidImage, "the name of the image cannot be read")
		m.startFailed(c, startReason{reason: reasonInvalidImage})
		return
	}
	if image.present && !c.spec.AlwaysPull {
		m.createContainer(c)
		return
	}
	if m.pullBackOff(c) {
		m.startFailed(c, startReason{reasonPullBackOff, image.backOff.wait})
		return
	}
	if !m.mayPull(c) {
		return
	}
	m.startEvent(trace.PullBegin, "", "")
	m.startWaits(m.containers[c.imageOwner].latency.Pull + m.currentPull(c).Takes)
}

// pullNewImage makes sure of an image that the container was given later. It is on the node, and a pull of it goes well.
func (m *machine) pullNewImage(c *container) {
	if !c.spec.AlwaysPull {
		m.createContainer(c)
		return
	}
	if !m.mayPull(c) {
		return
	}
	m.startEvent(trace.PullBegin, "", "")
	m.startWaits(c.latency.Pull)
}

// imageOf is the state of the container's image.
func (m *machine) imageOf(c *container) *image { return &m.containers[c.imageOwner].image }

// currentPull is the pull attempt that runs now.
func (m *machine) currentPull(c *container) Pull {
	pulls := m.containers[c.imageOwner].spec.Behavior.Pulls
	if len(pulls) == 0 {
		return Pull{}
	}
	return pulls[min(int(m.imageOf(c).pulls), len(pulls)-1)]
}

func (m *machine) pullEnds(c *container) {
	if c.edition(&m.worker.copy) != 0 {
		m.startEvent(trace.PullEnd, "", "the image is there")
		m.createContainer(c)
		return
	}
	pull := m.currentPull(c)
	m.imageOf(c).pulls++
	if pull.Result != "" {
		m.startEvent(trace.PullFailed, pull.Result, "the pull fails")
		m.pullFailed(c, m.worker.sync.starts.last)
		m.startFailed(c, startReason{reason: pull.Result})
		return
	}
	m.startEvent(trace.PullEnd, "", "the image is there")
	m.imageOf(c).present = true
	m.createContainer(c)
}

func (m *machine) createContainer(c *container) {
	st := &m.worker.sync.starts
	st.stage = startCreating
	if currentStart(c).Create == "ConfigError" {
		// The kubelet cannot put the configuration together and does not call the runtime.
		m.createEnds(c)
		return
	}
	if m.worker.directoryGone {
		m.startEvent(trace.CreateError, reasonDirectoryGone, "housekeeping has removed the Pod's directory")
		m.startFailed(c, startReason{reason: reasonConfigError})
		return
	}
	c.actuated, c.sized = c.allocated, true // also if the runtime does not make it: kuberuntime_container.go: startContainer
	m.startWaits(m.observed(c, trace.Created, c.nextRun, c.latency.Create))
}

// currentStart is the attempt to create and start that runs now.
func currentStart(c *container) Start {
	starts := c.spec.Behavior.Starts
	if len(starts) == 0 {
		return Start{}
	}
	return starts[min(int(c.creates), len(starts)-1)]
}

func (m *machine) createEnds(c *container) {
	st := &m.worker.sync.starts
	if result := currentStart(c).Create; result != "" {
		c.creates++
		reason := reasonCreateError
		if result == "ConfigError" {
			reason = reasonConfigError
		}
		m.startEvent(trace.CreateError, reason, "the runtime cannot make it")
		m.startFailed(c, startReason{reason: reason})
		return
	}
	if !m.sandbox.ready {
		c.creates++
		m.startEvent(trace.CreateError, reasonCreateError, "its sandbox is gone")
		m.startFailed(c, startReason{reason: reasonCreateError})
		return
	}
	r := m.create(c)
	st.stage, st.run = startStarting, r.run
	m.startEvent(trace.Created, "", "the image is there")
	r.event = st.last
	m.startWaits(m.observed(c, trace.Running, r.run, c.latency.Start))
}

func (m *machine) startEnds(c *container) {
	st := &m.worker.sync.starts
	result, why := currentStart(c).Start, "the runtime cannot start it"
	c.creates++
	c.newest().logged = m.sandbox.ready
	if !m.sandbox.ready {
		result, why = "Error", "its sandbox is gone"
	}
	if result != "" {
		m.startEvent(trace.StartError, reasonRunError, why)
		c.newest().event = st.last
		m.startFailed(c, startReason{reason: reasonRunError})
		return
	}
	m.startProcess(c)
	r := c.newest()
	st.last = r.event
	if c.backOff.exists && c.backOff.event == m.worker.lastEvent {
		c.backOff.event = r.event
	}
	if c.spec.PostStart == nil {
		m.startDone(c)
		return
	}
	m.beginPostStart(c, r)
}

// beginPostStart runs the hook; the sync waits for it however long it takes. lifecycle/handlers.go: Run.
func (m *machine) beginPostStart(c *container, r *record) {
	st := &m.worker.sync.starts
	st.stage = startHook
	m.startEvent(trace.PostStartBegin, "", "the hook runs right after the start")
	takes, fails := m.hook(c, c.spec.PostStart, c.behaviour(r.run).PostStart)
	st.hookBad, st.hookTakes = fails, takes
	end := trace.PostStartEnd
	if fails {
		end = trace.PostStartFailed
	}
	takes = m.observed(c, end, r.run, takes)
	m.startWaits(takes)
}

// hook returns how long a hook takes and whether it fails.
func (m *machine) hook(c *container, h *Hook, does HookRun) (takes time.Duration, fails bool) {
	switch h.Handler {
	case HandlerSleep:
		if !m.kubelet.SleepHook {
			return 0, !m.kubelet.KnowsSleepHook
		}
		return seconds(h.SleepSeconds), false
	case HandlerTCP:
		// The API accepts it, the kubelet does not know it.
		return 0, true
	case HandlerHTTP:
		return does.Takes, does.Fails
	}
	return c.latency.Exec + does.Takes, does.Fails
}

func (m *machine) postStartEnds(c *container) {
	st := &m.worker.sync.starts
	if st.hookBad {
		m.startEvent(trace.PostStartFailed, "", "the hook failed")
	} else {
		m.startEvent(trace.PostStartEnd, "", "the hook is done")
	}
	if c.behaviour(st.run).PostStart.EndsProcess {
		m.hookEndsRun(c.position, st.run)
	}
	if !st.hookBad {
		m.startDone(c)
		return
	}
	st.stage = startHookKill
	m.worker.sync.stops++
	m.beginKill(c, st.run, killOrder{because: "its postStart hook failed", event: st.last, after: none})
}

// continueStart goes on after a wait.
func (m *machine) continueStart() {
	st := &m.worker.sync.starts
	st.waiting = false
	c := &m.containers[st.position]
	switch st.stage {
	case startPulling:
		m.pullEnds(c)
	case startCreating:
		m.createEnds(c)
	case startStarting:
		m.startEnds(c)
	case startHook:
		m.postStartEnds(c)
	}
}

func (m *machine) startWaits(d time.Duration) {
	m.worker.sync.starts.waiting = true
	m.wait(d)
}

// startDone is the end of a start that went well.
func (m *machine) startDone(c *container) {
	s := &m.worker.sync
	s.results[c.position] = startResult{set: true}
	s.next++
}

// startFailed is the end of one that did not: a plain init container ends the sync, anything else does not.
func (m *machine) startFailed(c *container, reason startReason) {
	s := &m.worker.sync
	s.results[c.position] = startResult{set: true, failed: true, reason: reason}
	s.outcome.failed = true
	s.next++
	if c.role == trace.RoleInit {
		s.stage = stageMain
		s.next = len(s.actions.startMain)
	}
}

// seconds is n seconds, at most about a century: the API does not bound its numbers, a Duration is bounded.
func seconds(n int64) time.Duration { return time.Duration(min(n, 1<<32)) * time.Second }
