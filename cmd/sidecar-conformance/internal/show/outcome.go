package show

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Outcome says in one line how the run ended: refused, rejected, or the phase with exit codes and restarts.
func Outcome(run Run) string {
	t := run.Trace
	if words := neverRan(t); words != "" {
		return words
	}
	words := finalWords(run)
	if exits := exitWords(t); exits != "" {
		words += "; " + exits
	}
	if len(t.Unknown) > 0 {
		fields := make([]string, len(t.Unknown))
		for i, u := range t.Unknown {
			fields[i] = u.Field
		}
		words += "; unknown: " + strings.Join(fields, ", ")
	}
	return words
}

// neverRan returns why no container was ever tried, or nothing.
func neverRan(t *trace.Trace) string {
	for i := range t.Events {
		switch e := &t.Events[i]; e.Kind {
		case trace.JobCreated:
			return "" // what becomes of its Pods is part of its story
		case trace.PodRefused, trace.JobRefused:
			return "refused by the API server: " + e.Reason
		case trace.PodUnscheduled:
			return "never scheduled: " + e.Reason
		case trace.PodRejected:
			return "rejected by the kubelet: " + e.Reason
		}
	}
	return ""
}

func finalWords(run Run) string {
	t := run.Trace
	if t.HasJob() {
		return finalJobWords(t) + endingWords(t)
	}
	if len(t.Statuses) == 0 {
		return "nothing is known"
	}
	last := &t.Statuses[len(t.Statuses)-1]
	phase := last.Phase.String()
	if at, gone := t.RemovedAt(last.Pod, t.EndedAt); gone {
		return fmt.Sprintf("removed after %s, last phase %s", tickLabel(at), phase)
	}
	columns, _ := t.ColumnsAt(last.Pod, last.At, run.Rules)
	words := phase
	if columns.Status != phase {
		words += " (" + columns.Status + ")"
	}
	return words + ", ready " + columns.Ready + endingWords(t)
}

func endingWords(t *trace.Trace) string {
	switch t.Ending {
	case trace.EndingSteady:
		return ", and nothing changes any more"
	case trace.EndingHorizon:
		return ", still changing after " + trace.ShortDuration(t.EndedAt.Sub(0))
	case trace.EndingTruncated:
		return ", cut after " + strconv.Itoa(len(t.Events)) + " events"
	}
	return ""
}

// finalJobWords says what a Job came to: its condition with the reason, and how many Pods it took.
func finalJobWords(t *trace.Trace) string {
	var last trace.JobStatus
	if n := len(t.JobStatuses); n > 0 {
		last = t.JobStatuses[n-1]
	}
	words := jobWords(&last)
	for _, c := range last.Conditions {
		if c.True && string(c.Type) == words && c.Reason != "" {
			words += " (" + c.Reason + ")"
			break
		}
	}
	made := 0
	for i := range t.Events {
		if t.Events[i].Kind == trace.PodCreated {
			made++
		}
	}
	words += fmt.Sprintf(", %d succeeded, %d failed, of %d Pods", last.Succeeded, last.Failed, made)
	if t.Ending == trace.EndingRemoved {
		words += ", removed after " + tickLabel(t.EndedAt)
	}
	return words
}

// exitWords lists the exit codes of each container in their order.
func exitWords(t *trace.Trace) string {
	var parts []string
	for container := range t.Containers {
		if codes := exitCodes(t, container); len(codes) > 0 {
			parts = append(parts, t.Containers[container].Name+" exited "+runLengths(codes))
		}
	}
	return strings.Join(parts, ", ")
}

func exitCodes(t *trace.Trace, container int) []int32 {
	var codes []int32
	for i := range t.Events {
		if e := &t.Events[i]; e.Kind == trace.Exited && int(e.Container) == container {
			codes = append(codes, e.ExitCode)
		}
	}
	return codes
}

// runLengths writes 1,1,1,0 as "1 (3 times), 0".
func runLengths(codes []int32) string {
	var parts []string
	for i := 0; i < len(codes); {
		n := 1
		for i+n < len(codes) && codes[i+n] == codes[i] {
			n++
		}
		part := strconv.Itoa(int(codes[i]))
		if n > 1 {
			part += fmt.Sprintf(" (%d times)", n)
		}
		parts = append(parts, part)
		i += n
	}
	return strings.Join(parts, ", ")
}
