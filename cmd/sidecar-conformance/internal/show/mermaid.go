package show

import (
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// mermaidEvents bounds a diagram: GitHub refuses to draw much longer ones.
const mermaidEvents = 300

// Mermaid draws the run as a sequence diagram: the API server, the kubelet, and one participant for each container, with
// a bar for as long as its process runs. A sequence has no scale, so a pause of minutes does not hide milliseconds.
func Mermaid(run Run) string {
	t := run.Trace
	var b strings.Builder
	fmt.Fprintf(&b, "sequenceDiagram\n  title %s on %s\n  participant api as API server\n  participant kubelet\n",
		mermaidText(run.Name), mermaidText(run.Target))
	for i, c := range t.Containers {
		fmt.Fprintf(&b, "  participant c%d as %s (%s)\n", i, c.Name, c.Role)
	}
	up := make([]bool, len(t.Containers))
	for n, i := range visibleEvents(t) {
		if n == mermaidEvents {
			fmt.Fprintf(&b, "  Note over kubelet: %d more events are left out\n", len(visibleEvents(t))-n)
			break
		}
		mermaidEvent(&b, t, &t.Events[i], up)
	}
	return b.String()
}

func mermaidEvent(b *strings.Builder, t *trace.Trace, e *trace.Event, up []bool) {
	label := mermaidText(trace.Seconds(e.At) + " " + subject(e) + e.Words())
	if e.Container == trace.NoContainer {
		mermaidPodEvent(b, e, label)
		return
	}
	c := e.Container
	switch e.Kind {
	case trace.Exited:
		fmt.Fprintf(b, "  c%d--xkubelet: %s\n", c, label)
		if up[c] && e.Pod == (trace.PodRef{}) {
			fmt.Fprintf(b, "  deactivate c%d\n", c)
			up[c] = false
		}
	case trace.Started, trace.Ready, trace.NotReady, trace.StartupPassed, trace.StartupFailed, trace.ReadinessPassed,
		trace.ReadinessFailed, trace.LivenessPassed, trace.LivenessFailed:
		fmt.Fprintf(b, "  Note over c%d: %s\n", c, label)
	default:
		fmt.Fprintf(b, "  kubelet->>c%d: %s\n", c, label)
		if e.Kind == trace.Running && !up[c] && e.Pod == (trace.PodRef{}) {
			fmt.Fprintf(b, "  activate c%d\n", c)
			up[c] = true
		}
	}
}

// subject names the Job, or a Pod of it that is not the first.
func subject(e *trace.Event) string {
	switch {
	case e.Kind.OfJob():
		return "job "
	case e.Pod != (trace.PodRef{}):
		return e.Pod.String() + " "
	}
	return ""
}

func mermaidPodEvent(b *strings.Builder, e *trace.Event, label string) {
	if e.Kind.OfJob() {
		fmt.Fprintf(b, "  Note over api: %s\n", label)
		return
	}
	switch e.Kind {
	case trace.PodCounted, trace.PodCreated, trace.FieldDropped, trace.PodRefused, trace.PodUnscheduled, trace.DeleteRequested, trace.PodRemoved:
		fmt.Fprintf(b, "  Note over api: %s\n", label)
	case trace.PodBound:
		fmt.Fprintf(b, "  api->>kubelet: %s\n", label)
	default:
		fmt.Fprintf(b, "  Note over kubelet: %s\n", label)
	}
}

// mermaidText keeps what the diagram's language would read as its own out of a label.
func mermaidText(text string) string {
	return strings.NewReplacer(";", ",", "#", "no. ", "\n", " ", "\"", "'", "<", "(", ">", ")").Replace(text)
}
