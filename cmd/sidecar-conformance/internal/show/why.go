package show

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// FindEvent returns the event that a reader names: by its number in the list ("13"), or by a selector: container/kind or
// pod/kind, with #N for the N-th or #last, as in "proxy/running#2". The error says what there is instead.
func FindEvent(t *trace.Trace, name string) (int32, error) {
	if n, err := strconv.Atoi(strings.TrimPrefix(name, "#")); err == nil {
		if n < 0 || n >= len(t.Events) {
			return 0, fmt.Errorf("there is no event %d; the events are 0 to %d", n, len(t.Events)-1)
		}
		return int32(n), nil
	}
	subject, rest, ok := strings.Cut(name, "/")
	if !ok {
		return 0, fmt.Errorf("event %q: want a number from the list, or CONTAINER/KIND such as app/running or pod/removed", name)
	}
	word, ordinal, _ := strings.Cut(rest, "#")
	kind, ok := findKind(word)
	if !ok {
		return 0, fmt.Errorf("event %q: %q is not a kind of event; this trace has %s", name, word, kindsOf(t, subject))
	}
	matches := matching(t, subject, kind)
	if len(matches) == 0 {
		return 0, fmt.Errorf("event %q does not happen; of %s there is %s", name, subject, kindsOf(t, subject))
	}
	if ordinal == "last" {
		return matches[len(matches)-1], nil
	}
	n := 1
	if ordinal != "" {
		var err error
		if n, err = strconv.Atoi(ordinal); err != nil || n < 1 {
			return 0, fmt.Errorf("event %q: %q is not a count from 1, nor \"last\"", name, ordinal)
		}
	}
	if n > len(matches) {
		return 0, fmt.Errorf("event %q: it happens %d times only", name, len(matches))
	}
	return matches[n-1], nil
}

func findKind(word string) (trace.Kind, bool) {
	for _, kind := range trace.Kinds() {
		if strings.EqualFold(kind.String(), word) {
			return kind, true
		}
	}
	return trace.KindNone, false
}

// matching lists the events of a kind. "pod" stands for events without a container, and lets the word "Pod" in front
// of a kind be left out: pod/removed is podRemoved.
func matching(t *trace.Trace, subject string, kind trace.Kind) []int32 {
	var found []int32
	kinds := []trace.Kind{kind}
	if subject == "pod" {
		if long, ok := findKind("pod" + kind.String()); ok {
			kinds = append(kinds, long)
		}
	}
	for i := range t.Events {
		if e := &t.Events[i]; slices.Contains(kinds, e.Kind) && subjectOf(t, e) == subject {
			found = append(found, int32(i))
		}
	}
	return found
}

func subjectOf(t *trace.Trace, e *trace.Event) string {
	if e.Container == trace.NoContainer {
		return "pod"
	}
	return t.Containers[e.Container].Name
}

// kindsOf lists the kinds of events that a subject has, or the subjects if there is no such subject.
func kindsOf(t *trace.Trace, subject string) string {
	var kinds, subjects []string
	for i := range t.Events {
		s, k := subjectOf(t, &t.Events[i]), t.Events[i].Kind.String()
		if !slices.Contains(subjects, s) {
			subjects = append(subjects, s)
		}
		if s == subject && !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return "only " + strings.Join(subjects, ", ")
	}
	return strings.Join(kinds, ", ")
}

// Why walks the causes of an event back to the beginning, inner steps included: each with the delay that its effect
// came after it, and the window that a real node may take. What else was required is listed where it was.
func Why(run Run, event int32, o Options) string {
	out := &painter{color: o.Color}
	t := run.Trace
	e := &t.Events[event]
	out.styled(bold, fmt.Sprintf("%s %s", subjectOf(t, e), e.Words()))
	fmt.Fprintf(out, " at %s: event %d of %s on %s\n\n", trace.Seconds(e.At), event, run.Name, run.Target)
	w := why{trace: t, out: out, options: o, glyphs: o.glyphs()}
	w.measure(event)
	w.row(event, "", 0)
	for depth := 1; ; depth++ {
		trigger := e.Trigger()
		if trigger < 0 {
			break
		}
		w.others(e, trigger, depth)
		cause := e.Causes[trigger]
		w.link(e, cause, depth)
		event = cause.Event
		e = &t.Events[event]
	}
	return out.String()
}

type why struct {
	trace   *trace.Trace
	out     *painter
	options Options
	glyphs  *glyphs
	at      int // width of the column of instants
}

func (w *why) measure(event int32) {
	w.at = len(trace.Seconds(w.trace.Events[event].At))
}

const deepest = 12

func indent(depth int) string { return strings.Repeat(" ", min(depth, deepest)) }

// head writes the columns that every line has: number, instant, delay.
func (w *why) head(number, at, delay string) {
	w.out.styled(dim, fmt.Sprintf("%4s  %*s  %9s  ", number, w.at, at, delay))
}

func (w *why) row(event int32, delay string, depth int) {
	e := &w.trace.Events[event]
	w.head(strconv.Itoa(int(event)), trace.Seconds(e.At), delay)
	w.out.WriteString(indent(depth))
	if depth > 0 {
		w.out.styled(dim, w.glyphs.branch+" ")
	}
	w.out.WriteString(subjectOf(w.trace, e) + " " + e.Words())
	w.out.WriteByte('\n')
}

// link writes how the cause brought the event about, and then the cause.
func (w *why) link(e *trace.Event, cause trace.Cause, depth int) {
	from := &w.trace.Events[cause.Event]
	if words := joinNonEmpty("; ", cause.Because, windowWords(cause.Window)); words != "" {
		w.note(words, depth)
	}
	w.row(cause.Event, "+"+trace.ShortDuration(e.At.Sub(from.At)), depth)
}

// others lists the causes that were required, too, but came earlier; each event once, with all that it was needed for.
func (w *why) others(e *trace.Event, trigger, depth int) {
	for i, cause := range e.Causes {
		sameEvent := func(c trace.Cause) bool { return c.Event == cause.Event }
		if cause.Event == e.Causes[trigger].Event || slices.IndexFunc(e.Causes, sameEvent) != i {
			continue
		}
		reasons := []string{cause.Because}
		for _, more := range e.Causes[i+1:] {
			if sameEvent(more) {
				reasons = append(reasons, more.Because)
			}
		}
		other := &w.trace.Events[cause.Event]
		words := fmt.Sprintf("also needs %s %s (event %d, %s)", subjectOf(w.trace, other), other.Words(), cause.Event, trace.Seconds(other.At))
		w.note(joinNonEmpty(": ", words, joinNonEmpty("; ", reasons...)), depth)
	}
}

// note writes an explanation below an event.
func (w *why) note(words string, depth int) {
	left := 4 + 2 + w.at + 2 + 9 + 2 + len(indent(depth)) + 2
	var text painter
	text.paragraph(words, max(w.options.width()-left, 30), 0)
	for line := range strings.Lines(text.String()) {
		w.out.WriteString(strings.Repeat(" ", left))
		w.out.styled(cyan, strings.TrimSuffix(line, "\n"))
		w.out.WriteByte('\n')
	}
}

func joinNonEmpty(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), separator)
}

// windowWords says what a real node may take, by the mechanism alone.
func windowWords(w trace.Window) string {
	switch {
	case w == (trace.Window{}):
		return ""
	case w.Max == trace.Unbounded && w.Min == 0:
		return "any time later"
	case w.Max == trace.Unbounded:
		return "at least " + trace.ShortDuration(w.Min) + " later"
	case w.Min == w.Max:
		return "exactly " + trace.ShortDuration(w.Min) + " later"
	}
	return trace.ShortDuration(w.Min) + " to " + trace.ShortDuration(w.Max) + " later"
}
