package judge

import (
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// jobRows are the versions of a Job's status, and when its Pods are made and deleted.
func (w *view) jobRows(t *trace.Trace) []row {
	var all []row
	if !w.job {
		return nil
	}
	for i := range t.Events {
		e := &t.Events[i]
		switch e.Kind {
		case trace.PodCreated, trace.DeleteRequested:
			if e.At <= w.until {
				all = append(all, row{e.At, int(e.Kind), w.podText(e.Pod, e.Kind.String())})
			}
		}
	}
	last := "active 0 succeeded 0 failed 0 ready -1 terminating -1 uncounted 0 0 completed  failed  started -1ns ended -1ns"
	for i := range t.JobStatuses {
		s := &t.JobStatuses[i]
		if text := jobStatusText(s); text != last && s.At <= w.until {
			last = text
			all = append(all, row{s.At, statusRank + 1 + i, "job " + text})
		}
	}
	return all
}

// podText is a text about a Pod, which it names if there are several.
func (w *view) podText(pod trace.PodRef, text string) string {
	if !w.job {
		return text
	}
	return pod.String() + " " + text
}

func jobStatusText(s *trace.JobStatus) string {
	text := fmt.Sprintf("active %d succeeded %d failed %d ready %d terminating %d uncounted %d %d completed %s failed %s started %v ended %v",
		s.Active, s.Succeeded, s.Failed, s.Ready, s.Terminating, s.UncountedSucceeded, s.UncountedFailed, s.CompletedIndexes, s.FailedIndexes,
		s.Started.Sub(0), s.Completed.Sub(0))
	for _, c := range s.Conditions {
		text += fmt.Sprintf("; %s=%t %s %s", c.Type, c.True, c.Reason, withoutPod(c.Message))
	}
	return text
}

// withoutPod leaves out of a message the name of a Pod, which the API server makes up.
func withoutPod(message string) string {
	words := strings.Fields(message)
	for i := range words {
		if i > 0 && strings.EqualFold(words[i-1], "pod") {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}
