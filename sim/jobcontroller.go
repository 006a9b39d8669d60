package sim

import (
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The Job controller: a cache of the Job and its Pods that a watch fills, a work queue, and one sync after the other.
// pkg/controller/job/job_controller.go; what differs between releases is in gates.JobController.

// syncJobBatchPeriod is how long a sync waits for more after word of a Pod or of the status. All releases.
const syncJobBatchPeriod = time.Second

// The bounds of the waits after failed syncs. DefaultJobApiBackOff, MaxJobApiBackOff, all releases.
const (
	jobErrorBackOff    = time.Second
	jobErrorBackOffMax = time.Minute
)

// expectationsTimeout is pkg/controller/controller_utils.go: ExpectationsTimeout.
const expectationsTimeout = 5 * time.Minute

// jobObject is the Job in the API server, or as the controller's cache has it.
type jobObject struct {
	exists  bool
	version int32
	spec    jobSpec
	status  jobStatus
	event   int32 // of the run's events, the one that last changed it
}

// jobController is what the controller keeps between syncs.
type jobController struct {
	cached jobObject
	// The work queue: dirty asks for a sync at once, ready is when one that waits is due. k8s.io/client-go/util/workqueue.
	dirty   bool
	ready   trace.Instant
	trigger trace.Cause // of the sync that is asked for
	later   trace.Cause // of the one behind it: asked for when the key was in the queue
	errors  int         // syncs that failed in a row
	// expectations: Pods whose creation or deletion it has not seen yet.
	creations, deletions int32
	expectedSince        trace.Instant
	// finalizers are Pods whose finalizer it took off and has not seen go.
	finalizers []*jobPod
	// The back-off between Pods. backoff_utils.go: backoffRecord.
	failures    int32
	lastFailure trace.Instant
	finished    bool          // the status says that the Job has finished; the watch may not
	wrote       trace.Instant // when it last wrote a Pod or the status
	putOff      trace.Instant // when the back-off ends that the trace last showed, by that event
	putOffEvent int32
}

// enqueue is enqueueSyncJobInternal: a sync after the delay, unless one comes earlier.
func (r *jobRun) enqueue(delay time.Duration, because trace.Cause) {
	c := &r.controller
	if delay <= 0 {
		if !c.dirty {
			c.dirty, c.trigger = true, because
		}
		return
	}
	if at := r.now.Add(delay); at < c.ready {
		c.ready = at
		because.Window = windowFrom(delay)
		if c.dirty {
			c.later = because
		} else {
			c.trigger = because
		}
	}
}

// podSeen is addPod, updatePod and deletePod: the watch brings a version of the Pod, nil once it is gone.
func (r *jobRun) podSeen(p *jobPod, v *podView) {
	old := p.view
	c := &r.controller
	p.view = v
	switch {
	case v == nil && old == nil:
		return
	case v == nil:
		r.podGoes(p, old, true)
		return
	case v.deleting:
		r.podGoes(p, v, false)
		return
	case old == nil:
		c.creations--
	case !v.finalizer:
		r.finalizerGone(p)
	}
	r.enqueue(syncJobBatchPeriod, v.event)
}

// podGoes is deletePod: the Pod is being deleted, or gone.
func (r *jobRun) podGoes(p *jobPod, v *podView, final bool) {
	c := &r.controller
	if c.cached.status.finished() {
		p.release() // enqueueOrphanPod, syncOrphanPod
		return
	}
	c.deletions--
	if final || !v.finalizer {
		r.finalizerGone(p)
	}
	r.enqueue(syncJobBatchPeriod, v.event)
}

func (r *jobRun) finalizerGone(p *jobPod) {
	c := &r.controller
	c.finalizers = slices.DeleteFunc(c.finalizers, func(q *jobPod) bool { return q == p })
}

// jobSeen is addJob and updateJob: a new Job, or a new spec, is looked at at once, a new status after the batch period.
func (r *jobRun) jobSeen(now jobObject) {
	c := &r.controller
	old := c.cached
	c.cached = now
	because := cause(now.event, "the Job controller sees the Job", windowRuntime)
	switch {
	case now.status.finished():
		for _, p := range r.pods {
			if p.view != nil && p.view.finalizer {
				p.release() // enqueueLabelSelector; a backup operation
			}
		}
		return
	case old.exists && old.spec.generation == now.spec.generation:
		r.enqueue(syncJobBatchPeriod, because)
	default:
		r.enqueue(0, because)
	}
	if limit := now.spec.ActiveDeadlineSeconds; old.exists && now.status.hasStart && limit != nil &&
		(old.spec.ActiveDeadlineSeconds == nil || *old.spec.ActiveDeadlineSeconds != *limit) {
		r.enqueue(seconds(*limit)-r.now.Sub(now.status.start), because)
	}
}

// syncDue is the work queue's: it takes the key and runs one sync. processNextWorkItem.
func (r *jobRun) syncDue() {
	c := &r.controller
	if c.ready <= r.now {
		c.ready = trace.Never
	}
	c.dirty = false
	s := jobSync{jobRun: r, trigger: c.trigger}
	c.trigger, c.later = c.later, trace.Cause{Event: none}
	if problem := s.run(); problem != "" {
		wait := jobErrorBackOff
		for i := 0; i < c.errors && wait < jobErrorBackOffMax; i++ {
			wait = min(2*wait, jobErrorBackOffMax)
		}
		c.errors++
		e := trace.Event{Kind: trace.JobSyncFailed, Reason: problem, Span: wait}
		r.enqueue(wait, cause(r.emit(e, cause(s.event, "", windowNow)), "retry after an error", windowFrom(wait)))
		return
	}
	c.errors = 0
}
