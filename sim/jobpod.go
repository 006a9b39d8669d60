package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// A Pod of a Job: its own machine, and what its object in the API server has besides.

// jobPod is one Pod that the Job controller made.
type jobPod struct {
	run      *jobRun
	machine  *machine
	scenario Scenario
	ref      trace.PodRef
	ordinal  int32
	created  trace.Instant
	// order and statusOrder hold when each event and each status came, in the order of the whole run.
	order, statusOrder []int32

	// Of the object: the Job's finalizer keeps it until the controller has counted it; awaits says that it would be gone without.
	finalizer  bool
	awaits     bool
	awaitCause trace.Cause
	// failures and ignored are the annotations job-index-failure-count and job-index-ignored-failure-count.
	failures, ignored int32
	readySince        trace.Instant // the last change of condition Ready
	ready             bool
	deleteAt          trace.Instant // of the first request to delete it
	ends              []processEnd
	counted           int32 // the event of its being counted, or none

	// key and place are the agenda's: the instant of the machine's next input, and where the Pod is in the heap.
	key   trace.Instant
	place int

	view *podView // in the controller's cache; nil before it is there, and once it is gone
}

// processEnd is when one run of a container ended.
type processEnd struct {
	container int16
	run       int32
	at        trace.Instant
}

// podView is one version of the Pod as the Job controller reads it.
type podView struct {
	phase      trace.Phase
	bound      bool
	deleting   bool
	finalizer  bool
	ready      bool
	hasReady   bool
	readySince trace.Instant
	conditions []trace.Condition
	containers []containerView
	event      trace.Cause // what led to it, for a reader of the trace
}

// containerView is what it reads of a container's status.
type containerView struct {
	present, terminated bool
	exitCode            int32
	finished            trace.Instant // Never where the API has no time
	restarts            int32
}

// active is pkg/controller/controller_utils.go: IsPodActive.
func (v *podView) active() bool { return !v.phase.Terminal() && !v.deleting }

// terminating is IsPodTerminating.
func (v *podView) terminating() bool { return !v.phase.Terminal() && v.deleting }

// emitted notes the order of an event of the Pod's machine, and lets the Job's steps see it. Events behind the position were
// forgotten.
func (p *jobPod) emitted(position int32) {
	p.order = append(p.order[:position], p.run.next())
	e := &p.machine.trace.Events[position]
	e.Pod = p.ref
	if e.Kind == trace.Exited {
		p.ends = append(p.ends, processEnd{e.Container, e.Run, e.At})
	}
	if len(p.run.steps) > 0 {
		p.run.wakeSteps(e)
	}
}

// published hands a new version of the Pod's status to the watch.
func (p *jobPod) published() {
	p.statusOrder = append(p.statusOrder, p.run.next())
	s := &p.machine.trace.Statuses[len(p.machine.trace.Statuses)-1]
	s.Pod = p.ref
	for _, c := range s.Conditions {
		if c.Type == trace.PodReady && (c.True != p.ready || p.readySince == trace.Never) {
			p.ready, p.readySince = c.True, p.machine.now
		}
	}
	if s.Deleting && p.deleteAt == trace.Never {
		p.deleteAt = p.machine.now
	}
	p.changed()
}

// changed sends the Pod as it is now to the controller.
func (p *jobPod) changed() { p.run.watchPod(p, p.look()) }

// tellController shows a new version of the Pod, of which the status is the same, to the controller of its Job.
func (m *machine) tellController() {
	if m.owner != nil {
		m.owner.changed()
	}
}

// look makes a view of the object as the API server has it.
func (p *jobPod) look() *podView {
	m := p.machine
	v := &podView{finalizer: p.finalizer, ready: p.ready, hasReady: p.readySince != trace.Never, readySince: p.readySince,
		bound: m.worker.bound, event: cause(p.reference(m.object.event), "", windowRuntime)}
	if n := len(m.trace.Statuses); n > 0 {
		s := &m.trace.Statuses[n-1]
		v.phase, v.deleting, v.conditions = s.Phase, s.Deleting, s.Conditions
		if s.Event != none {
			v.event.Event = p.reference(s.Event)
		}
		v.containers = make([]containerView, len(s.Containers))
		for i := range s.Containers {
			v.containers[i] = p.lookAt(i, &s.Containers[i])
		}
	}
	return v
}

func (p *jobPod) lookAt(i int, s *trace.ContainerStatus) containerView {
	v := containerView{present: s.Present, restarts: s.Restarts, finished: trace.Never}
	if s.State.Kind != trace.StateTerminated {
		return v
	}
	v.terminated, v.exitCode = true, s.State.ExitCode
	for j := range p.ends {
		if e := &p.ends[j]; int(e.container) == i && e.run == s.State.Run && s.State.Reason != reasonStatusUnknown {
			v.finished = p.machine.wholeSecond(e.at)
		}
	}
	return v
}

// reference names an event of the Pod for events of the Job.
func (p *jobPod) reference(position int32) int32 { return p.run.link(p, position) }

// held reports that the object cannot go yet, because the Job's finalizer is on it; it goes with the finalizer.
func (p *jobPod) held(because trace.Cause) bool {
	if !p.finalizer {
		return false
	}
	if !p.awaits {
		p.awaits, p.awaitCause = true, because
	}
	if o := &p.machine.object; o.grace > 0 {
		o.grace = 0
		p.changed()
	}
	return true
}

// release takes the Job's finalizer off the object.
func (p *jobPod) release() {
	if !p.finalizer || !p.machine.object.exists {
		return
	}
	if p.awaits && p.machine.choose(choiceTie, 2) == 1 {
		p.catchUp()
	}
	p.finalizer = false
	if p.awaits { // the answer shows the version from before
		p.touch()
		p.machine.removeObject(p.awaitCause)
		return
	}
	p.run.controller.wrote = p.run.now
	p.changed()
}

// catchUp lets the kubelet do what it does in this instant: it may hear that the Pod is deleted, and tell a status, before the finalizer
// is gone, for the controller asks for one after the other.
func (p *jobPod) catchUp() {
	for q := &p.machine.queue; len(q.items) > 0 && q.items[0].at <= p.run.now && !p.machine.ended; {
		p.advance()
	}
}

// touch brings the Pod's machine to the present, before something is done to it from outside.
func (p *jobPod) touch() {
	p.machine.now = p.run.now
	p.run.agenda.mark(p)
}

// finishedAt is when the Pod failed or succeeded, as far as the API tells. backoff_utils.go: getFinishedTime.
func (r *jobRun) finishedAt(p *jobPod) trace.Instant {
	if at := r.containersFinished(p); at != trace.Never {
		return at
	}
	v := p.view
	if v.hasReady && !v.ready {
		return p.machine.wholeSecond(v.readySince)
	}
	if v.deleting {
		return p.machine.wholeSecond(p.deleteAt) // deletionTimestamp less the grace
	}
	return p.machine.wholeSecond(p.created)
}

// containersFinished is getFinishTimeFromContainers: the end of the last main, then that of the last sidecar; Never unless all of the
// kind have ended. A sidecar that has not ended hides the mains; mains that have not ended do not hide the sidecars.
func (r *jobRun) containersFinished(p *jobPod) trace.Instant {
	latest := p.view.latestEnd(r.trace.Containers, trace.RoleMain, trace.Never)
	if r.gate.SidecarsEndLast {
		latest = p.view.latestEnd(r.trace.Containers, trace.RoleSidecar, latest)
	}
	return latest
}

// latestEnd is latestFinishTime.
func (v *podView) latestEnd(table []trace.Container, role trace.Role, latest trace.Instant) trace.Instant {
	for i := range v.containers {
		c := &v.containers[i]
		if table[i].Role != role || !c.present {
			continue
		}
		if !c.terminated || c.finished == trace.Never {
			return trace.Never
		}
		if latest == trace.Never || c.finished > latest {
			latest = c.finished
		}
	}
	return latest
}

// failed is isPodFailed: a Pod that is being deleted has failed, unless only those are replaced that have ended.
func (r *jobRun) failed(p *jobPod) bool {
	v := p.view
	return v.phase == trace.PhaseFailed || !r.spec().replaceFailedOnly && v.deleting && v.phase != trace.PhaseSucceeded
}

// restartSum is what pastBackoffLimitOnFailure adds up for one Pod: the restarts of all its containers, sidecars included.
func (v *podView) restartSum() int32 {
	sum := int32(0)
	for i := range v.containers {
		sum += v.containers[i].restarts
	}
	return sum
}

// goesBefore is pkg/controller/controller_utils.go: ActivePods.Less: of two active Pods, the one that is the smaller loss goes first.
func (r *jobRun) goesBefore(a, b *jobPod) bool {
	v, w := a.view, b.view
	if v.bound != w.bound {
		return !v.bound
	}
	if v.phase != w.phase { // both are Pending or Running
		return v.phase < w.phase
	}
	if v.ready != w.ready {
		return !v.ready
	}
	if v.ready && a.machine.wholeSecond(v.readySince) != b.machine.wholeSecond(w.readySince) {
		return v.readySince > w.readySince
	}
	mains, sidecars := r.mostRestarts(v)
	otherMains, otherSidecars := r.mostRestarts(w)
	if mains != otherMains {
		return mains > otherMains
	}
	if sidecars != otherSidecars {
		return sidecars > otherSidecars
	}
	return a.machine.wholeSecond(a.created) > b.machine.wholeSecond(b.created)
}

// mostRestarts is maxContainerRestarts; sidecars count where the release looks at them.
func (r *jobRun) mostRestarts(v *podView) (mains, sidecars int32) {
	for i := range v.containers {
		switch role := r.trace.Containers[i].Role; {
		case role == trace.RoleMain:
			mains = max(mains, v.containers[i].restarts)
		case role == trace.RoleSidecar && r.gate.SidecarRestartsRank:
			sidecars = max(sidecars, v.containers[i].restarts)
		}
	}
	return mains, sidecars
}

// The bounds of the back-off between Pods. job_controller.go: DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff, all releases.
const (
	podBackOffInitial = 10 * time.Second
	podBackOffMax     = 10 * time.Minute
)

// podBackOff is getRemainingTimeForFailuresCount: what is left of the back-off after so many failures, the last of them then.
func podBackOff(now trace.Instant, failures int32, last trace.Instant) time.Duration {
	if failures == 0 {
		return 0
	}
	wait := podBackOffInitial
	for i := int32(1); i < failures && wait < podBackOffMax; i++ {
		wait = min(2*wait, podBackOffMax)
	}
	return max(wait-now.Sub(last), 0)
}
