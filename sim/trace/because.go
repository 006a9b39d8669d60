package trace

import "strings"

// Trigger returns the position in Causes of the one that triggered the event: the latest, and of several at one instant
// the one that is last in the trace. It returns -1 for an event without causes.
func (e *Event) Trigger() int { return e.latest(func(int32) bool { return true }) }

// latest returns the position in Causes of the last event that counts, or -1.
func (e *Event) latest(counts func(event int32) bool) int {
	best := -1
	for i, c := range e.Causes {
		if counts(c.Event) && (best < 0 || c.Event > e.Causes[best].Event) {
			best = i
		}
	}
	return best
}

// Because says in a few words what brought event i about, for a reader who sees only the events that visible reports:
// the nearest visible cause, and how word of it came through the mechanism. A cause that the reader sees is preferred
// to an inner step that came later: "migrate exited 0", not "a sync that had a status newer than its last one".
func (t *Trace) Because(i int32, visible func(*Event) bool) string {
	seen := func(event int32) bool { return visible(&t.Events[event]) }
	e := &t.Events[i]
	direct := e.latest(func(event int32) bool { return seen(event) || t.Events[event].Kind == TurnReached })
	if direct >= 0 {
		cause := e.Causes[direct]
		if !seen(cause.Event) {
			// That its turn has come says less than what made it come.
			return t.Because(cause.Event, visible)
		}
		words := t.mention(e, cause.Event)
		if e.Kind == DeleteRequested && t.Events[cause.Event].Kind.ofPodObject() || e.Kind == JobPatched {
			return oneLine(cause.Because) // that there is a Pod, or a Job, goes without saying
		}
		if t.foundByRelist(e, cause.Event, visible) {
			words += ", seen by relist"
		}
		return words + t.how(e, cause)
	}
	return t.throughMechanism(e, seen)
}

// mention names event i for a reader of e: with its Pod, where that is another one.
func (t *Trace) mention(e *Event, i int32) string {
	c := &t.Events[i]
	switch {
	case c.Kind.OfJob():
		return t.Label(i, NoContainer)
	case e.Kind.OfJob() || c.Pod != e.Pod:
		return "pod " + c.Pod.String() + " " + strings.TrimPrefix(t.Label(i, NoContainer), "pod ")
	}
	return t.Label(i, e.Container)
}

// how adds the words of the link where the subjects of the two events differ, or where a process ends.
func (t *Trace) how(e *Event, cause Cause) string {
	if cause.Because == "" || t.Events[cause.Event].Container == e.Container && e.Kind != Exited {
		return ""
	}
	return ", " + oneLine(cause.Because)
}

// throughMechanism walks hidden causes back to the nearest visible one.
func (t *Trace) throughMechanism(e *Event, seen func(int32) bool) string {
	wake := ""
	for from := e; ; {
		next := from.latest(seen)
		visible := next >= 0
		if !visible {
			next = from.Trigger()
		}
		if next < 0 {
			return ""
		}
		position := from.Causes[next].Event
		if visible {
			words := t.mention(e, position)
			if from.Kind == Relist {
				words += ", seen by relist"
			}
			return words + wake
		}
		from = &t.Events[position]
		if from.Kind == WakeUp && wake == "" {
			wake = ", " + from.Words()
		}
	}
}

// foundByRelist reports whether word of the cause came to the event by a relist: some hidden step between them is a
// relist that saw the cause.
func (t *Trace) foundByRelist(e *Event, cause int32, visible func(*Event) bool) bool {
	for from := e; ; {
		trigger := from.Trigger()
		if trigger < 0 || from.Causes[trigger].Event <= cause {
			return false
		}
		from = &t.Events[from.Causes[trigger].Event]
		if visible(from) {
			return false
		}
		if from.Kind == Relist && from.latest(func(event int32) bool { return event == cause }) >= 0 {
			return true
		}
	}
}
