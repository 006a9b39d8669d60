package sim

import (
	"fmt"
	"math"
	"slices"
	"strings"
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
	wrote       int32         // the version of its last write
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
		if !c.dirty {
			because.Window = windowFrom(delay)
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
	s := jobSync{jobRun: r}
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

// jobSync is one sync. upstream: syncJobCtx.
type jobSync struct {
	*jobRun
	event     int32 // the sync's
	version   int32 // of the Job in the cache, which its writes are based on
	status    jobStatus
	pods      []*jobPod
	active    []*jobPod
	succeeded int32
	failed    int32
	// The indexes that succeeded before, those that have now, and those that failed; of an indexed Job.
	before, done, lost intervals
	failures           int32 // the back-off record, once the status is written
	lastFailure        trace.Instant
	finish             *trace.JobCondition
	// delayed are the failed Pods, by index, whose count of failures their replacement will carry on.
	delayed     map[int32]*jobPod
	ready       int32
	terminating int32
	changedSpan bool
}

// finalizerHeld reports whether the Pod has not been dealt with: its finalizer is there, and no sync took it off.
func (s *jobSync) finalizerHeld(p *jobPod) bool {
	return p.view.finalizer && !slices.Contains(s.controller.finalizers, p)
}

// satisfied is SatisfiedExpectations.
func (c *jobController) satisfied(now trace.Instant) bool {
	return c.creations <= 0 && c.deletions <= 0 || now.Sub(c.expectedSince) > expectationsTimeout
}

// run is syncJob. It returns the error with which the sync ends, or nothing.
func (s *jobSync) run() string {
	c := &s.controller
	if s.gate.AwaitsOwnWrites && c.wrote > c.cached.version {
		return "the cache has not seen the last write"
	}
	if !c.cached.exists || c.cached.status.finished() || c.finished {
		return ""
	}
	spec := s.spec()
	if s.gate.ManagedBy && spec.ManagedBy != "" && spec.ManagedBy != jobControllerName {
		return ""
	}
	s.event = s.emit(trace.Event{Kind: trace.JobSync}, c.trigger)
	s.version, s.status = c.cached.version, c.cached.status.copy()
	satisfied := c.satisfied(s.now)
	s.count()
	active := int32(len(s.active))
	if !s.status.hasStart && !spec.Suspend {
		s.status.hasStart, s.status.start = true, s.now
	}
	s.judgeEnd()
	problem := ""
	if s.finish != nil {
		deleted := s.deleteActive()
		if !satisfied {
			s.finish = nil
		}
		active -= deleted
	} else {
		managed := false
		if satisfied {
			active, problem = s.manage()
			managed = true
		}
		complete := s.succeeded > 0
		if spec.Completions != nil {
			complete = s.succeeded >= *spec.Completions
		}
		if complete && active == 0 {
			s.finish = s.success()
		} else if managed {
			s.noteSuspension()
		}
	}
	terminating := int32(trace.Unset)
	if s.gate.CountsTerminating {
		terminating = s.terminating
	}
	flush := s.changedSpan || active != s.status.active || s.shownReady() != s.status.ready || terminating != s.status.terminating
	s.status.active, s.status.ready, s.status.terminating = active, s.shownReady(), terminating
	if failed := s.track(flush); failed != "" {
		return failed
	}
	return problem
}

func (s *jobSync) shownReady() int32 {
	if s.gate.CountsReady {
		return s.ready
	}
	return trace.Unset
}

// count takes stock of the Pods in the cache: the active ones, and those that have finished and are not in the status yet.
func (s *jobSync) count() {
	for _, p := range s.jobRun.pods {
		if p.view == nil {
			continue
		}
		s.pods = append(s.pods, p)
		switch {
		case p.view.active():
			s.active = append(s.active, p)
			if p.view.ready {
				s.ready++
			}
		case p.view.terminating():
			s.terminating++
		}
	}
	var succeeded, failed []*jobPod
	ignored := int32(0)
	for _, p := range s.pods {
		if !s.finalizerHeld(p) || !s.valid(p) {
			continue
		}
		if p.view.phase == trace.PhaseSucceeded && !slices.Contains(s.status.uncountedSucceeded, p.ordinal) {
			succeeded = append(succeeded, p)
		}
		if s.jobRun.failed(p) && !slices.Contains(s.status.uncountedFailed, p.ordinal) {
			failed = append(failed, p)
			if !s.judgeFailure(p).counts {
				ignored++
			}
		}
	}
	s.succeeded = s.status.succeeded + int32(len(succeeded)+len(s.status.uncountedSucceeded))
	s.failed = s.status.failed + int32(len(failed)+len(s.status.uncountedFailed)) - ignored
	s.recordBackOff(succeeded, failed)
}

// valid reports whether the Pod is one that the Job still wants counted: the index of an indexed Job may be beyond its completions.
func (s *jobSync) valid(p *jobPod) bool {
	return !s.spec().Indexed || p.ref.Index < *s.spec().Completions
}

// recordBackOff is backoff_utils.go: newBackoffRecord: failures since the last success, and when the last one was.
func (s *jobSync) recordBackOff(succeeded, failed []*jobPod) {
	s.failures, s.lastFailure = s.controller.failures, s.controller.lastFailure
	latest := trace.Instant(math.MinInt64)
	for _, p := range succeeded {
		latest = max(latest, s.finishedAt(p))
	}
	if len(succeeded) > 0 {
		s.failures, s.lastFailure = 0, trace.Never
	}
	newest := trace.Instant(math.MinInt64)
	for _, p := range failed {
		if at := s.finishedAt(p); at > latest {
			s.failures++
			newest = max(newest, at)
		}
	}
	if newest > trace.Instant(math.MinInt64) {
		s.lastFailure = newest
	}
}

// judgeEnd decides whether the Job has to end: what earlier syncs decided, then failures, then the success policy.
func (s *jobSync) judgeEnd() {
	spec := s.spec()
	if c := s.status.condition(trace.JobConditionSuccessCriteriaMet); c != nil && c.True {
		s.finish = &trace.JobCondition{Type: c.Type, True: true, Reason: c.Reason, Message: c.Message}
	} else if c := s.status.condition(trace.JobConditionFailureTarget); c != nil && c.True {
		s.finish = &trace.JobCondition{Type: trace.JobConditionFailed, True: true, Reason: c.Reason, Message: c.Message}
	} else if message := s.failJobMessage(); message != "" {
		s.finish = &trace.JobCondition{Type: trace.JobConditionFailureTarget, True: true, Reason: "PodFailurePolicy", Message: message}
	}
	if s.finish == nil {
		switch {
		case s.failed > spec.backoffLimit || s.pastBackOffLimitOnFailure():
			s.finish = s.failure("BackoffLimitExceeded", "Job has reached the specified backoff limit")
		case s.pastDeadline():
			s.finish = s.failure("DeadlineExceeded", "Job was active longer than specified deadline")
		case spec.ActiveDeadlineSeconds != nil && !spec.Suspend:
			s.enqueue(seconds(*spec.ActiveDeadlineSeconds)-s.now.Sub(s.status.start), cause(s.event, "activeDeadlineSeconds", windowNow))
		}
	}
	if !spec.Indexed {
		return
	}
	s.countIndexes()
	if s.finish == nil && spec.perIndex() {
		lost := s.lost.total()
		switch {
		case spec.MaxFailedIndexes != nil && lost > *spec.MaxFailedIndexes:
			s.finish = s.failure("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
		case lost > 0 && lost+s.done.total() >= *spec.Completions:
			s.finish = s.failure("FailedIndexes", "Job has failed indexes")
		}
	}
	if spec.perIndex() {
		s.delayDeletions()
	}
	if s.finish == nil && len(spec.SuccessPolicy) > 0 {
		if message, met := s.matchSuccess(s.done); met {
			s.finish = &trace.JobCondition{Type: trace.JobConditionSuccessCriteriaMet, True: true, Reason: "SuccessPolicy", Message: message}
		}
	}
}

// failJobMessage is getFailJobMessage.
func (s *jobSync) failJobMessage() string {
	if !s.spec().failurePolicy {
		return ""
	}
	for _, p := range s.pods {
		if s.jobRun.failed(p) {
			if message := s.judgeFailure(p).message; message != "" {
				return message
			}
		}
	}
	return ""
}

// pastBackOffLimitOnFailure: with restartPolicy OnFailure the restarts of all containers of Pods that are not finished count, those of
// sidecars included.
func (s *jobSync) pastBackOffLimitOnFailure() bool {
	if s.scenario.Pod.RestartPolicy != RestartOnFailure {
		return false
	}
	sum := int32(0)
	for _, p := range s.pods {
		if !p.view.phase.Terminal() {
			sum += p.view.restartSum()
		}
	}
	if limit := s.spec().backoffLimit; limit > 0 {
		return sum >= limit
	}
	return sum > 0
}

// pastDeadline is pastActiveDeadline.
func (s *jobSync) pastDeadline() bool {
	spec := s.spec()
	return spec.ActiveDeadlineSeconds != nil && s.status.hasStart && !spec.Suspend &&
		s.now.Sub(s.status.start) >= seconds(*spec.ActiveDeadlineSeconds)
}

// countIndexes is calculateSucceededIndexes and calculateFailedIndexes.
func (s *jobSync) countIndexes() {
	completions := *s.spec().Completions
	s.before = parseIndexes(s.status.completedIndexes, completions)
	var succeeded, failed []int32
	for _, p := range s.pods {
		if !p.view.finalizer || !s.valid(p) {
			continue
		}
		if p.view.phase == trace.PhaseSucceeded {
			succeeded = append(succeeded, p.ref.Index)
		}
		if s.spec().perIndex() && s.indexFailed(p) {
			failed = append(failed, p.ref.Index)
		}
	}
	s.done = s.before.with(succeeded...)
	s.succeeded = s.done.total()
	if s.spec().perIndex() {
		s.lost = parseIndexes(s.status.failedIndexes, completions).with(failed...)
	}
}

// indexFailed is isIndexFailed.
func (s *jobSync) indexFailed(p *jobPod) bool {
	if !s.jobRun.failed(p) {
		return false
	}
	verdict := s.judgeFailure(p)
	return verdict.action == FailureFailIndex || verdict.counts && p.failures >= *s.spec().BackoffLimitPerIndex
}

// delayDeletions is getPodsWithDelayedDeletionPerIndex.
func (s *jobSync) delayDeletions() {
	s.delayed = map[int32]*jobPod{}
	for _, p := range s.pods {
		index := p.ref.Index
		if !s.finalizerHeld(p) || !s.valid(p) || !s.jobRun.failed(p) || s.done.has(index) || s.lost.has(index) || s.isActive(index) {
			continue
		}
		last := s.delayed[index]
		if last == nil || last.failures+last.ignored <= p.failures+p.ignored && s.finishedAt(p) >= s.finishedAt(last) {
			s.delayed[index] = p
		}
	}
}

func (s *jobSync) isActive(index int32) bool {
	return slices.ContainsFunc(s.active, func(p *jobPod) bool { return p.ref.Index == index })
}

// failure is newFailureCondition.
func (s *jobSync) failure(reason, message string) *trace.JobCondition {
	kind := trace.JobConditionFailed
	if s.gate.DelaysEnd {
		kind = trace.JobConditionFailureTarget
	}
	return &trace.JobCondition{Type: kind, True: true, Reason: reason, Message: message}
}

// success is newSuccessCondition.
func (s *jobSync) success() *trace.JobCondition {
	c := &trace.JobCondition{Type: trace.JobConditionComplete, True: true}
	if s.gate.DelaysEnd {
		c.Type = trace.JobConditionSuccessCriteriaMet
	}
	if s.gate.SaysWhyComplete {
		c.Reason, c.Message = "CompletionsReached", "Reached expected number of succeeded pods"
	}
	return c
}

// noteSuspension keeps the condition Suspended, and the start of a Job that is resumed.
func (s *jobSync) noteSuspension() {
	c := s.status.condition(trace.JobConditionSuspended)
	switch {
	case s.spec().Suspend && (c == nil || !c.True):
		s.status.set(trace.JobCondition{Type: trace.JobConditionSuspended, True: true, Reason: "JobSuspended", Message: "Job suspended"})
		s.changedSpan = true
		if s.gate.ForgetsStartOnSuspend {
			s.status.hasStart = false
		}
	case !s.spec().Suspend && c != nil && c.True:
		s.status.set(trace.JobCondition{Type: trace.JobConditionSuspended, Reason: "JobResumed", Message: "Job resumed"})
		s.changedSpan = true
		s.status.hasStart, s.status.start = true, s.now
	}
}

// deleteActive is deleteActivePods: their finalizers stay until they are counted.
func (s *jobSync) deleteActive() int32 {
	ready := int32(0)
	for _, p := range s.active {
		s.deletePod(p, cause(s.event, "the Job ends", windowNow))
		if p.view.ready {
			ready++
		}
	}
	s.noteDeleted(int32(len(s.active)), ready)
	return int32(len(s.active))
}

// deleteJobPods is deleteJobPods: they go without being counted.
func (s *jobSync) deleteJobPods(pods []*jobPod, because string) int32 {
	c := &s.controller
	c.creations, c.deletions, c.expectedSince = 0, int32(len(pods)), s.now
	ready := int32(0)
	for _, p := range pods {
		p.release()
		s.deletePod(p, cause(s.event, because, windowNow))
		if p.view.ready {
			ready++
		}
	}
	s.noteDeleted(int32(len(pods)), ready)
	return int32(len(pods))
}

// noteDeleted corrects the counts by what was just deleted, where the release does.
func (s *jobSync) noteDeleted(deleted, ready int32) {
	if s.gate.CountsDeletedAtOnce {
		s.terminating += deleted
		s.ready -= ready
	}
}

// manage is manageJob: it deletes what is too much, or creates what is missing. It returns how many Pods are active then.
func (s *jobSync) manage() (active int32, problem string) {
	spec := s.spec()
	active = int32(len(s.active))
	if spec.Suspend {
		return active - s.deleteJobPods(s.forRemoval(active), "the Job is suspended"), ""
	}
	wanted := spec.parallelism
	switch {
	case spec.Completions != nil:
		wanted = max(min(*spec.Completions-s.succeeded, wanted), 0)
	case s.succeeded > 0:
		wanted = active
	}
	if surplus := s.forRemoval(max(active-wanted, 0)); len(surplus) > 0 {
		return active - s.deleteJobPods(surplus, "the Job has too many Pods"), ""
	}
	missing := wanted - active
	if spec.replaceFailedOnly {
		missing -= s.terminating
	}
	if missing <= 0 {
		return active, ""
	}
	if !spec.perIndex() {
		if left := podBackOff(s.now, s.failures, s.lastFailure); left > 0 {
			return s.putOffPods(left), ""
		}
	}
	if !spec.Indexed {
		return active + s.createPods(missing), ""
	}
	indexes := s.pendingIndexes(missing)
	if spec.perIndex() {
		var left time.Duration
		if indexes, left = s.dueIndexes(indexes); left > 0 {
			return s.putOffPods(left), ""
		}
	}
	s.expectCreations(int32(len(indexes)))
	for _, i := range indexes {
		s.createIndexed(i)
	}
	return active + int32(len(indexes)), ""
}

// putOffPods has the Job synced when the back-off is over. It returns the number of active Pods that the status will show.
func (s *jobSync) putOffPods(left time.Duration) int32 {
	left = max(left, syncJobBatchPeriod) // enqueueSyncJobWithDelay
	c := &s.controller
	if end := s.now.Add(left); end != c.putOff {
		c.putOff = end
		c.putOffEvent = s.emit(trace.Event{Kind: trace.JobBackOff, Span: left}, cause(s.event, "the last Pod failed", windowNow))
	}
	s.enqueue(left, cause(c.putOffEvent, "the back-off is over", windowNow))
	if s.gate.ShowsNoneInBackOff {
		return 0
	}
	return int32(len(s.active))
}

func (s *jobSync) expectCreations(n int32) {
	c := &s.controller
	c.creations, c.deletions, c.expectedSince = n, 0, s.now
}

// createPods makes Pods of a Job without indexes. Upstream makes them in batches of one, two, four and so on, each at once; without
// errors from the API server the batches follow each other without a wait.
func (s *jobSync) createPods(n int32) int32 {
	s.expectCreations(n)
	for range n {
		s.createPod(trace.PodRef{Index: int32(len(s.jobRun.pods))}, cause(s.event, "the Job needs a Pod", windowNow))
	}
	return n
}

func (s *jobSync) createIndexed(index int32) {
	ref := trace.PodRef{Index: index}
	for _, p := range s.jobRun.pods {
		if p.ref.Index == index {
			ref.Attempt++
		}
	}
	replaced := s.delayed[index]
	p := s.createPod(ref, cause(s.event, "the Job needs a Pod for the index", windowNow))
	if replaced != nil { // addIndexFailureCountAnnotation
		p.failures, p.ignored = replaced.failures, replaced.ignored
		if s.judgeFailure(replaced).counts {
			p.failures++
		} else {
			p.ignored++
		}
	}
}

// pendingIndexes is firstPendingIndexes.
func (s *jobSync) pendingIndexes(count int32) []int32 {
	taken := slices.Clone(s.done)
	for _, p := range s.pods {
		if p.view.active() || s.spec().replaceFailedOnly && p.view.terminating() {
			taken = taken.with(p.ref.Index)
		}
	}
	return taken.merge(s.lost).firstPending(count, *s.spec().Completions)
}

// dueIndexes is getPodCreationInfoForIndependentIndexes: the indexes whose back-off is over, or how long the shortest one takes.
func (s *jobSync) dueIndexes(indexes []int32) (due []int32, left time.Duration) {
	for _, i := range indexes {
		wait := time.Duration(0)
		if p := s.delayed[i]; p != nil {
			wait = podBackOff(s.now, p.failures+p.ignored+1, s.finishedAt(p))
		}
		switch {
		case wait == 0:
			due = append(due, i)
		case left == 0 || wait < left:
			left = wait
		}
	}
	if len(due) > 0 {
		left = 0
	}
	return due, left
}

// forRemoval is activePodsForRemoval: at least n of the active Pods; of an indexed Job also those whose index is taken or not wanted.
func (s *jobSync) forRemoval(n int32) []*jobPod {
	remove, left := []*jobPod(nil), slices.Clone(s.active)
	if s.spec().Indexed {
		remove, left = s.duplicates(left)
	}
	if missing := int(n) - len(remove); missing > 0 {
		s.rank(left)
		remove = append(remove, left[:missing]...)
	}
	return remove
}

func (s *jobSync) rank(pods []*jobPod) {
	slices.SortStableFunc(pods, func(a, b *jobPod) int {
		switch {
		case s.goesBefore(a, b):
			return -1
		case s.goesBefore(b, a):
			return 1
		}
		return 0
	})
}

// duplicates is indexed_job_utils.go: appendDuplicatedIndexPodsForRemoval.
func (s *jobSync) duplicates(pods []*jobPod) (remove, left []*jobPod) {
	slices.SortStableFunc(pods, func(a, b *jobPod) int { return int(a.ref.Index - b.ref.Index) })
	for i := 0; i < len(pods); {
		if pods[i].ref.Index >= *s.spec().Completions {
			return append(remove, pods[i:]...), left
		}
		end := i + 1
		for end < len(pods) && pods[end].ref.Index == pods[i].ref.Index {
			end++
		}
		same := pods[i:end]
		s.rank(same)
		remove = append(remove, same[:len(same)-1]...)
		left = append(left, same[len(same)-1])
		i = end
	}
	return remove, left
}

// countWords spells the counts of a status for people. Pods that wait to be counted are in.
func countWords(s *jobStatus) string {
	var parts []string
	for _, n := range [...]struct {
		count int32
		word  string
	}{
		{s.active, "active"},
		{s.succeeded + int32(len(s.uncountedSucceeded)), "succeeded"}, {s.failed + int32(len(s.uncountedFailed)), "failed"},
	} {
		if n.count != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.count, n.word))
		}
	}
	if parts == nil {
		return "no Pods"
	}
	return strings.Join(parts, ", ")
}
