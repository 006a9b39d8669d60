package cli

import (
	"fmt"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// timeline prints moments as they are heard, in the columns of simulate.
type timeline struct {
	s      Streams
	begun  bool
	widest int // of the names of containers so far
}

// sourceWords say for people who told something.
var sourceWords = map[judge.Source]string{judge.SourceRuntime: "runtime", judge.SourceWatch: "status", judge.SourceKubeEvent: "event"}

func (t *timeline) tell(m observe.Moment) {
	if !t.begun {
		t.begun, t.widest = true, len("container")
		t.line("at", "role", "container", "event", "source")
	}
	name := m.Container.Name
	if name == "" {
		name = "-"
	}
	t.widest = max(t.widest, len(name))
	source := sourceWords[m.Source]
	if m.Earlier {
		source += ", before the recording"
	}
	t.line(trace.Seconds(m.At), m.Container.Role.String(), name, m.Words, source)
}

// line prints one line at once: whoever watches does not want to wait for a buffer.
func (t *timeline) line(at, role, container, event, source string) {
	fmt.Fprintf(t.s.Out, "%11s  %-7s  %-*s  %-21s  %s\n", at, role, t.widest, container, event, source)
	if buffer, ok := t.s.Out.(interface{ Flush() error }); ok {
		buffer.Flush()
	}
}
