package sim

import (
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Whether a Job has to end. pkg/controller/job/job_controller.go: syncJob, between counting and managing.

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
