package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The status of a Job: what the controller writes, and what the API server makes of it.

// jobStatus is the status of a Job.
type jobStatus struct {
	active, succeeded, failed int32
	ready, terminating        int32 // trace.Unset where the status has none
	// The Pods of uncountedTerminatedPods, by ordinal.
	uncountedSucceeded, uncountedFailed []int32
	completedIndexes, failedIndexes     string
	hasStart, hasEnd                    bool
	start, end                          trace.Instant
	conditions                          []trace.JobCondition
}

func (s *jobStatus) copy() jobStatus {
	c := *s
	c.uncountedSucceeded, c.uncountedFailed = slices.Clone(s.uncountedSucceeded), slices.Clone(s.uncountedFailed)
	c.conditions = slices.Clone(s.conditions)
	return c
}

func (s *jobStatus) equal(o *jobStatus) bool {
	return s.active == o.active && s.succeeded == o.succeeded && s.failed == o.failed && s.ready == o.ready && s.terminating == o.terminating &&
		slices.Equal(s.uncountedSucceeded, o.uncountedSucceeded) && slices.Equal(s.uncountedFailed, o.uncountedFailed) &&
		s.completedIndexes == o.completedIndexes && s.failedIndexes == o.failedIndexes &&
		s.hasStart == o.hasStart && (!s.hasStart || s.start == o.start) && s.hasEnd == o.hasEnd && (!s.hasEnd || s.end == o.end) &&
		slices.Equal(s.conditions, o.conditions)
}

func (s *jobStatus) condition(kind trace.JobConditionType) *trace.JobCondition {
	for i := range s.conditions {
		if s.conditions[i].Type == kind {
			return &s.conditions[i]
		}
	}
	return nil
}

// set is ensureJobConditionStatus.
func (s *jobStatus) set(c trace.JobCondition) {
	if old := s.condition(c.Type); old != nil {
		*old = c
		return
	}
	s.conditions = append(s.conditions, c)
}

// finished is pkg/controller/job/util: IsJobFinished.
func (s *jobStatus) finished() bool {
	for _, c := range s.conditions {
		if c.True && (c.Type == trace.JobConditionComplete || c.Type == trace.JobConditionFailed) {
			return true
		}
	}
	return false
}

// track is trackJobStatusAndRemoveFinalizers: Pods that have finished go into uncountedTerminatedPods, then lose their finalizer, then
// enter the counters; so that each counts once, whatever gets lost in between. It does at most 500 Pods at a time.
func (s *jobSync) track(flush bool) string {
	st := &s.status
	pods := s.pods
	if s.spec().Indexed {
		slices.SortStableFunc(pods, func(a, b *jobPod) int { return int(a.ref.Index - b.ref.Index) })
	}
	held := func(ordinal int32) bool {
		return s.finalizerHeld(s.jobRun.pods[ordinal]) && s.jobRun.pods[ordinal].view != nil
	}
	flush = s.countReleased(held) || flush
	var release []*jobPod
	var as []string
	var indexes []int32
	full := false
	for _, p := range pods {
		if !s.finalizerHeld(p) || !s.removable(p) {
			continue
		}
		word, index, changes := s.account(p)
		release, as = append(release, p), append(as, word)
		if index >= 0 {
			indexes = append(indexes, index)
		}
		flush = flush || changes
		if len(indexes)+len(st.uncountedSucceeded)+len(st.uncountedFailed) >= maxUncountedPods {
			full = true
			break
		}
	}
	if s.spec().Indexed {
		s.done = s.done.with(indexes...)
		done, lost := s.done.String(), s.lost.String()
		flush = flush || done != st.completedIndexes || lost != st.failedIndexes
		st.succeeded, st.completedIndexes, st.failedIndexes = s.done.total(), done, lost
	}
	if c := s.finish; c != nil && c.Type == trace.JobConditionFailureTarget {
		st.conditions = append(st.conditions, *c)
		flush = true
		c.Type = trace.JobConditionFailed
	}
	if c := s.finish; c != nil && c.Type == trace.JobConditionSuccessCriteriaMet {
		if old := st.condition(c.Type); old == nil || !old.True {
			st.conditions = append(st.conditions, *c)
			flush = true
		}
		c.Type = trace.JobConditionComplete
	}
	return s.flush(flush, release, as, full)
}

// maxUncountedPods is MaxUncountedPods.
const maxUncountedPods = 500

// flush is flushUncountedAndRemoveFinalizers, and what follows it: the status is written, the finalizers go, the Pods are counted.
func (s *jobSync) flush(needed bool, release []*jobPod, as []string, full bool) string {
	if needed {
		if problem := s.write(); problem != "" {
			return "adding uncounted pods to status: " + problem
		}
		s.controller.failures, s.controller.lastFailure = s.failures, s.lastFailure
		needed = false
	}
	for i, p := range release {
		s.controller.finalizers = append(s.controller.finalizers, p)
		s.letGo(p, as[i])
	}
	needed = s.countReleased(s.held)
	finished := !full && s.enact()
	if needed || finished {
		if problem := s.write(); problem != "" {
			return "removing uncounted pods from status: " + problem
		}
		s.controller.finished = s.controller.finished || finished
	}
	return ""
}

// held reports whether the Pod of the ordinal is in the cache and has not been dealt with.
func (s *jobSync) held(ordinal int32) bool {
	p := s.jobRun.pods[ordinal]
	return p.view != nil && s.finalizerHeld(p)
}

// letGo takes the finalizer off a Pod that is accounted for.
func (s *jobSync) letGo(p *jobPod, as string) {
	if p.machine.object.exists {
		p.touch()
		e := podEvent(trace.PodCounted)
		e.Reason = as
		p.counted = p.machine.emit(e, cause(outside(s.event), "the finalizer of the Job is taken off", windowNow))
	}
	p.release()
}

// countReleased is cleanUncountedPodsWithoutFinalizers: Pods in the lists whose finalizer is gone enter the counters.
func (s *jobSync) countReleased(held func(ordinal int32) bool) bool {
	st := &s.status
	count := func(list *[]int32, counter *int32) bool {
		before := len(*list)
		*list = slices.DeleteFunc(*list, func(ordinal int32) bool { return !held(ordinal) })
		*counter += int32(before - len(*list))
		return len(*list) != before
	}
	succeeded := count(&st.uncountedSucceeded, &st.succeeded)
	return count(&st.uncountedFailed, &st.failed) || succeeded
}

// removable is canRemoveFinalizer.
func (s *jobSync) removable(p *jobPod) bool {
	switch {
	case s.finish != nil || p.view.phase == trace.PhaseSucceeded:
		return true
	case !s.jobRun.failed(p):
		return false
	}
	return s.delayed[p.ref.Index] != p
}

// account puts a Pod into the status as what it is. It returns the word for it, the index that it completes, or -1, and whether the
// status changes.
func (s *jobSync) account(p *jobPod) (word string, index int32, changes bool) {
	st := &s.status
	failed := slices.Contains(st.uncountedFailed, p.ordinal)
	switch {
	case p.view.phase == trace.PhaseSucceeded && !failed:
		if !s.spec().Indexed {
			if slices.Contains(st.uncountedSucceeded, p.ordinal) {
				return "succeeded", -1, false
			}
			st.uncountedSucceeded = append(st.uncountedSucceeded, p.ordinal)
			return "succeeded", -1, true
		}
		if s.valid(p) && !s.before.has(p.ref.Index) {
			return "succeeded", p.ref.Index, true
		}
		return "succeeded", -1, false
	case s.jobRun.failed(p) || s.finish != nil && s.finish.Type != trace.JobConditionSuccessCriteriaMet:
		switch {
		case failed:
			return "failed", -1, false
		case !s.valid(p):
			return "nothing", -1, false
		case !s.judgeFailure(p).counts:
			return "ignored", -1, false
		}
		st.uncountedFailed = append(st.uncountedFailed, p.ordinal)
		return "failed", -1, true
	}
	return "nothing", -1, false
}

// enact is enactJobFinished: the Job has finished once all its Pods are counted and, in later releases, have stopped.
func (s *jobSync) enact() bool {
	st := &s.status
	if s.finish == nil || len(st.uncountedSucceeded)+len(st.uncountedFailed) > 0 || s.gate.DelaysEnd && s.terminating > 0 {
		return false
	}
	st.set(*s.finish)
	if s.finish.Type == trace.JobConditionComplete {
		st.hasEnd, st.end = true, s.now
	}
	return true
}

// write is updateStatusHandler: UpdateStatus of the API. A write that is based on an old version, or that the API server finds invalid,
// is refused; one that changes nothing leaves no trace.
func (s *jobSync) write() string {
	o := &s.object
	if !o.exists {
		return "the Job is gone"
	}
	if s.version != o.version {
		return "the object has been modified"
	}
	next := s.status.copy()
	next.start, next.end = s.wholeSecond(next.start), s.wholeSecond(next.end)
	if s.gate.RefusesReadyBeyondActive && (next.ready != o.status.ready || next.active != o.status.active) && next.ready > next.active {
		return "cannot set more ready pods than active"
	}
	if s.gate.RefusesEndWithoutStart && !next.hasStart && next.finished() && !o.status.finished() && !(s.spec().Suspend && s.spec().Completions != nil && *s.spec().Completions == 0) {
		return "startTime is required for finished job"
	}
	if next.equal(&o.status) {
		return ""
	}
	s.showJob(&o.status, &next, s.event)
	o.status = next
	s.stored()
	s.version, s.controller.wrote = o.version, s.now
	if ttl := o.spec.TTLSecondsAfterFinished; ttl != nil && next.finished() {
		s.expiry = max(s.wholeSecond(s.now).Add(seconds(int64(*ttl))), s.now.Add(s.config.WatchDelay))
	}
	return ""
}

// lastCounted adds to a cause the Pods that were counted at this instant.
func (r *jobRun) lastCounted(because trace.Cause) []trace.Cause {
	causes := []trace.Cause{because}
	for _, p := range r.pods {
		if p.counted != none && p.machine.trace.Events[p.counted].At == r.now {
			causes = append(causes, cause(p.reference(p.counted), "a Pod of it is counted", windowNow))
		}
	}
	return causes
}

// showJob emits what is new in a status that is about to be stored.
func (r *jobRun) showJob(old, next *jobStatus, by int32) {
	because := r.lastCounted(cause(by, "the Job controller writes the status", windowNow))
	if before, now := countWords(old), countWords(next); before != now {
		r.object.event = r.emit(trace.Event{Kind: trace.JobCounts, Reason: now}, because...)
	}
	for _, c := range next.conditions {
		before := old.condition(c.Type)
		if before != nil && before.True == c.True {
			continue
		}
		e := trace.Event{Kind: c.Type.Kind(), Reason: c.Reason}
		switch {
		case c.Type == trace.JobConditionSuspended:
			e.Reason = ""
			if !c.True {
				e.Kind = trace.JobResumed
			}
		case !c.True:
			continue
		}
		r.object.event = r.emit(e, because...)
	}
}

// stored counts a new version of the object, shows its status and hands it to the watch.
func (r *jobRun) stored() {
	o := &r.object
	o.version++
	st := &o.status
	version := trace.JobStatus{
		At: r.now, Active: st.active, Succeeded: st.succeeded, Failed: st.failed, Ready: st.ready, Terminating: st.terminating,
		UncountedSucceeded: int32(len(st.uncountedSucceeded)), UncountedFailed: int32(len(st.uncountedFailed)),
		CompletedIndexes: st.completedIndexes, FailedIndexes: st.failedIndexes, Started: trace.Unset, Completed: trace.Unset,
		Conditions: slices.Clone(st.conditions), Event: o.event,
	}
	if st.hasStart {
		version.Started = max(st.start, 0)
	}
	if st.hasEnd {
		version.Completed = max(st.end, 0)
	}
	r.trace.JobStatuses = append(r.trace.JobStatuses, version)
	r.watchJob()
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
