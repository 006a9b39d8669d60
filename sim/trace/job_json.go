package trace

import "errors"

// The JSON form of a Job's status. What the status lacks is left out.

func (w *writer) jobStatus(s *JobStatus) {
	w.open('{')
	w.field("at").instant(s.At)
	if s.Event >= 0 {
		w.field("event").number(int64(s.Event))
	}
	w.field("active").number(int64(s.Active))
	w.count("succeeded", s.Succeeded)
	w.count("failed", s.Failed)
	for _, n := range [...]struct {
		name  string
		value int32
	}{{"ready", s.Ready}, {"terminating", s.Terminating}} {
		if n.value >= 0 {
			w.field(n.name).number(int64(n.value))
		}
	}
	w.count("uncountedSucceeded", s.UncountedSucceeded)
	w.count("uncountedFailed", s.UncountedFailed)
	w.optional("completedIndexes", s.CompletedIndexes)
	w.optional("failedIndexes", s.FailedIndexes)
	if s.Started >= 0 {
		w.field("started").instant(s.Started)
	}
	if s.Completed >= 0 {
		w.field("completed").instant(s.Completed)
	}
	w.list("", "conditions", len(s.Conditions), "", func(i int) { w.jobCondition(&s.Conditions[i]) })
	w.close('}')
}

// count writes a number, unless it is zero.
func (w *writer) count(name string, n int32) {
	if n != 0 {
		w.field(name).number(int64(n))
	}
}

func (w *writer) jobCondition(c *JobCondition) {
	w.open('{')
	w.field("type").text(string(c.Type))
	if c.True {
		w.field("status").text("True")
	} else {
		w.field("status").text("False")
	}
	w.optional("reason", c.Reason)
	w.optional("message", c.Message)
	w.close('}')
}

func (r *reader) jobStatus(s *jobStatusJSON) JobStatus {
	status := JobStatus{
		At: r.instant("at", s.At), Event: -1, Active: s.Active, Succeeded: s.Succeeded, Failed: s.Failed, Ready: Unset, Terminating: Unset,
		UncountedSucceeded: s.UncountedSucceeded, UncountedFailed: s.UncountedFailed,
		CompletedIndexes: s.CompletedIndexes, FailedIndexes: s.FailedIndexes, Started: Unset, Completed: Unset,
	}
	for _, n := range [...]struct {
		from *int32
		to   *int32
	}{{s.Event, &status.Event}, {s.Ready, &status.Ready}, {s.Terminating, &status.Terminating}} {
		if n.from != nil {
			*n.to = *n.from
		}
	}
	if s.Started != nil {
		status.Started = r.instant("started", *s.Started)
	}
	if s.Completed != nil {
		status.Completed = r.instant("completed", *s.Completed)
	}
	status.Conditions = readList(r, ".conditions", s.Conditions, func(c *conditionJSON) JobCondition {
		if c.Status != "True" && c.Status != "False" {
			r.fail("status", errors.New("want True or False"))
		}
		return JobCondition{Type: JobConditionType(c.Type), True: c.Status == "True", Reason: c.Reason, Message: c.Message}
	})
	return status
}
