package sim

import (
	"math"
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// One sync of a Job. pkg/controller/job/job_controller.go: syncJob.

// jobSync is one sync: syncJobCtx.
type jobSync struct {
	*jobRun
	trigger   trace.Cause
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
	suspended   bool // the condition Suspended changed
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
	if s.gate.AwaitsOwnWrites && s.now < c.wrote.Add(s.config.WatchDelay) {
		s.event = s.emit(trace.Event{Kind: trace.JobSync}, s.trigger)
		return "the cache has not seen the last write"
	}
	if !c.cached.exists || c.cached.status.finished() || c.finished {
		return ""
	}
	spec := s.spec()
	if s.gate.ManagedBy && spec.ManagedBy != "" && spec.ManagedBy != jobControllerName {
		return ""
	}
	s.event = s.emit(trace.Event{Kind: trace.JobSync}, s.trigger)
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
	flush := s.suspended || active != s.status.active || s.shownReady() != s.status.ready ||
		s.gate.WritesTerminating && terminating != s.status.terminating
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
