// Package show turns traces into what people look at: lanes and an event list for one trace, a comparison for several,
// the Pod as kubectl would have printed it at an instant, the causes of an event, a Mermaid diagram, YAML.
//
// Every function returns text that depends on its arguments alone: the package reads no environment, opens nothing and
// prints nothing. It does not simulate, and it knows no releases.
//
// Read timeline.go first: it is the default output of simulate. axis.go and lanes.go draw the picture, compare.go finds
// the groups and differences that compare_text.go shows.
package show

import (
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Options say what the text is for.
type Options struct {
	// Width is the number of columns to stay within; below 72 it counts as 72.
	Width int
	// Color allows escape sequences.
	Color bool
	// ASCII keeps to ASCII where boxes and blocks would be drawn.
	ASCII bool
	// All shows the kubelet's inner steps too.
	All bool
}

func (o Options) width() int { return max(o.Width, 72) }

// Run is one simulated life and what is needed to show it.
type Run struct {
	// Name is the Pod's name, Title what it is meant to show (may be empty), Target the target with its patch releases.
	Name, Title, Target string
	Seed                uint64
	Trace               *trace.Trace
	// Rules are those of the target's API server.
	Rules trace.PrintRules
}
