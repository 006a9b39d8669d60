package trace

import (
	"slices"
	"strings"
)

// Trigger returns the position in Causes of the one that triggered the event: the latest, and of several at one instant
// the one that is last in the trace. It returns -1 for an event without causes.
func (e *Event) Trigger() int {
	best := -1
	for i, c := range e.Causes {
		if best < 0 || c.Event > e.Causes[best].Event {
			best = i
		}
	}
	return best
}

// Because says in a few words what triggered event i, for a reader who sees only the events that visible reports: the
// nearest visible cause, and how the mechanism came from there.
func (t *Trace) Because(i int32, visible func(*Event) bool) string {
	e := &t.Events[i]
	var steps []string // from the event back
	for from := e; ; {
		trigger := from.Trigger()
		if trigger < 0 {
			break
		}
		cause := from.Causes[trigger]
		if step := oneLine(cause.Because); step != "" {
			steps = append(steps, step)
		}
		from = &t.Events[cause.Event]
		if visible(from) {
			steps = append(steps, t.Label(cause.Event, e.Container))
			break
		}
		if step := mechanismStep(from); step != "" && !slices.Contains(steps, step) {
			steps = append(steps, step)
		}
	}
	return joinSteps(steps)
}

// mechanismStep is what a hidden event adds to the chain.
func mechanismStep(e *Event) string {
	switch e.Kind {
	case Relist:
		return "seen by relist"
	case WakeUp:
		return e.Words()
	}
	return ""
}

// joinSteps puts the steps into their order in time and drops repetitions.
func joinSteps(steps []string) string {
	var b strings.Builder
	previous := ""
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i] == previous {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		previous = steps[i]
		b.WriteString(previous)
	}
	return b.String()
}
