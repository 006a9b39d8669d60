package sim

import (
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// How many Pods a Job has: what is too much is deleted, what is missing is made. pkg/controller/job/job_controller.go: manageJob.

// noteSuspension keeps the condition Suspended, and the start of a Job that is resumed.
func (s *jobSync) noteSuspension() {
	c := s.status.condition(trace.JobConditionSuspended)
	switch {
	case s.spec().Suspend && (c == nil || !c.True):
		s.status.set(trace.JobCondition{Type: trace.JobConditionSuspended, True: true, Reason: "JobSuspended", Message: "Job suspended"})
		s.suspended = true
		if s.gate.ForgetsStartOnSuspend {
			s.status.hasStart = false
		}
	case !s.spec().Suspend && c != nil && c.True:
		s.status.set(trace.JobCondition{Type: trace.JobConditionSuspended, Reason: "JobResumed", Message: "Job resumed"})
		s.suspended = true
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
		s.chooseAmongTies(left, missing)
		remove = append(remove, left[:missing]...)
	}
	return remove
}

// chooseAmongTies puts any of those first between which the ranks do not decide: they come out of a map. k8s.io/client-go/tools/cache:
// threadSafeMap.
func (s *jobSync) chooseAmongTies(pods []*jobPod, first int) {
	for i := range first {
		tied := 1
		for i+tied < len(pods) && !s.goesBefore(pods[i], pods[i+tied]) {
			tied++
		}
		if i+tied <= first {
			continue // all of them go
		}
		way := int(choose(&s.config, &s.random, &s.trace.Choices, trace.Choice{At: s.now, Point: choiceSurplus, Options: int32(tied)}))
		one := pods[i+way]
		copy(pods[i+1:i+way+1], pods[i:i+way])
		pods[i] = one
	}
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
