package trace

import (
	"sort"
	"time"
)

// JobStatus is one version of the status of the trace's Job as the API server has it.
type JobStatus struct {
	At Instant
	// Active, Succeeded and Failed count Pods: not finished and not being deleted; counted as succeeded; counted as failed.
	Active, Succeeded, Failed int32
	// Ready counts active Pods whose condition Ready is True, Terminating those that are being deleted and have not finished. Each is
	// Unset where the release's status lacks it.
	Ready, Terminating int32
	// UncountedSucceeded and UncountedFailed are the lengths of the lists in uncountedTerminatedPods: Pods that are finished and not
	// counted yet, because their finalizer is still there.
	UncountedSucceeded, UncountedFailed int32
	// CompletedIndexes and FailedIndexes are spelled as in the API ("0-3,7"); empty where there are none.
	CompletedIndexes, FailedIndexes string
	// Started and Completed are startTime and completionTime, which the API keeps in whole seconds; -1 where they are not set. Those
	// that lie before the trace's first instant, for the seconds that were cut, are 0.
	Started, Completed Instant
	Conditions         []JobCondition
	// Event is the position of the event that led to this version, or -1.
	Event int32
}

// Unset is a number that the API's status does not have.
const Unset = -1

// JobCondition is one condition of a Job.
type JobCondition struct {
	Type JobConditionType
	True bool
	// Reason and Message are as in the API.
	Reason, Message string
}

// JobConditionType names a condition of a Job, as the API spells it.
type JobConditionType string

// The conditions of a Job. SuccessCriteriaMet and FailureTarget say how it will end, Complete and Failed that it has.
const (
	JobConditionSuspended          JobConditionType = "Suspended"
	JobConditionSuccessCriteriaMet JobConditionType = "SuccessCriteriaMet"
	JobConditionFailureTarget      JobConditionType = "FailureTarget"
	JobConditionComplete           JobConditionType = "Complete"
	JobConditionFailed             JobConditionType = "Failed"
)

// Kind is the kind of event that the condition's becoming True is.
func (c JobConditionType) Kind() Kind {
	switch c {
	case JobConditionSuspended:
		return JobSuspended
	case JobConditionSuccessCriteriaMet:
		return JobSuccessCriteriaMet
	case JobConditionFailureTarget:
		return JobFailureTarget
	case JobConditionComplete:
		return JobComplete
	}
	return JobFailed
}

// Condition returns the condition of the type, or nil where the status has none.
func (s *JobStatus) Condition(kind JobConditionType) *JobCondition {
	for i := range s.Conditions {
		if s.Conditions[i].Type == kind {
			return &s.Conditions[i]
		}
	}
	return nil
}

// JobStatusAt returns the version of the Job's status that the API showed at the instant, or nil before the first.
func (t *Trace) JobStatusAt(at Instant) *JobStatus {
	end := sort.Search(len(t.JobStatuses), func(i int) bool { return t.JobStatuses[i].At > at })
	if end == 0 {
		return nil
	}
	return &t.JobStatuses[end-1]
}

// HasJob reports whether the trace is one of a Job.
func (t *Trace) HasJob() bool {
	for i := range t.Events {
		if t.Events[i].Kind.OfJob() {
			return true
		}
	}
	return false
}

// OfJob reports whether an event of the kind is about the Job, and not about one of its Pods.
func (k Kind) OfJob() bool { return k >= JobCreated && k <= JobRemoved }

// checkJob reports what is wrong with the versions of the Job's status.
func (t *Trace) checkJob(bad func(format string, args ...any)) {
	last := Instant(0)
	for i := range t.JobStatuses {
		s := &t.JobStatuses[i]
		if s.At < last {
			bad("job status %d is at %v, before its predecessor at %v", i, s.At, last)
		}
		last = s.At
		if s.Event < -1 || int(s.Event) >= len(t.Events) {
			bad("job status %d names event %d of %d", i, s.Event, len(t.Events))
		}
		if min(s.Active, s.Succeeded, s.Failed, s.UncountedSucceeded, s.UncountedFailed, s.Ready+1, s.Terminating+1) < 0 {
			bad("job status %d has a negative count", i)
		}
		for _, at := range [...]Instant{s.Started, s.Completed} {
			if at < -1 || at > s.At.Add(time.Second) {
				bad("job status %d at %v has a time of %v", i, s.At, at)
			}
		}
		for _, c := range s.Conditions {
			if c.Type == "" {
				bad("job status %d has a condition without a type", i)
			}
		}
	}
}
