package show

import (
	"fmt"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Timeline shows one run: a header with what was assumed, the picture, and the list of events with their causes.
func Timeline(run Run, o Options) string {
	out := &painter{color: o.Color}
	out.header(run, o)
	out.WriteByte('\n')
	if neverRan(run.Trace) == "" {
		p := newPicture(o, run)
		p.draw(out, run)
		p.drawRuler(out)
		out.legend(o)
	}
	out.WriteString(run.Trace.Text(trace.TextOptions{All: o.All, Numbers: true, Width: o.width()}))
	return out.String()
}

func (p *painter) header(run Run, o Options) {
	p.styled(bold, run.Name)
	p.WriteString(" on ")
	p.styled(bold, run.Target)
	if run.Seed != 0 {
		fmt.Fprintf(p, ", seed %d", run.Seed)
	}
	p.WriteByte('\n')
	p.title(run, o)
	p.paragraph("  "+Outcome(run), o.width(), 4)
	for _, assumed := range run.Trace.Assumed {
		p.paragraph("  assumed: "+assumed, o.width(), 4)
	}
	for _, u := range run.Trace.Unknown {
		p.paragraph("  unknown: "+u.Field+": "+u.Why, o.width(), 4)
	}
}

func (p *painter) title(run Run, o Options) {
	if run.Title != "" {
		p.paragraph("  "+run.Title, o.width(), 4)
	}
}
