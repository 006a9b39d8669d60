package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Explain says what was found, and why: verdict and stage, the first difference, both sides around it, what would have been legal, and
// how to replay the run.
func (r *Report) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", r.Verdict)
	if r.Verdict != Conforms && r.Verdict != NotApplicable && r.Verdict != Unknown {
		fmt.Fprintf(&b, " in stage %v", r.Stage)
	}
	fmt.Fprintf(&b, " after %d runs of the simulator: %s\n", r.Runs, r.Reason)
	if r.best == nil {
		return b.String()
	}
	if d := r.best.first(); d != nil {
		fmt.Fprintf(&b, "legal would have been: %s\n", d.legal)
		r.best.sideBySide(&b, d)
	}
	r.replayWords(&b)
	return b.String()
}

// widest is how far the column of the prediction may reach; what is longer pushes the other column aside.
const widest = 90

// sideRow is one row of the two traces side by side.
type sideRow struct {
	at                  trace.Instant
	predicted, observed string
	differs             bool
}

// sideBySide shows both traces around a difference: what is paired stands in one row.
func (c *comparison) sideBySide(b *strings.Builder, d *difference) {
	rows := c.sideRows(d)
	first := slices.IndexFunc(rows, func(r sideRow) bool { return r.differs })
	if first < 0 {
		return
	}
	rows = rows[max(0, first-context):min(len(rows), first+context+1)]
	width := len("predicted")
	for i := range rows {
		width = max(width, min(len(rows[i].predicted), widest))
	}
	fmt.Fprintf(b, "    %-*s | %s\n", width, "predicted", "observed")
	for i := range rows {
		mark := "  "
		if rows[i].differs {
			mark = "> "
		}
		fmt.Fprintf(b, "  %s%-*s | %s\n", mark, width, rows[i].predicted, rows[i].observed)
	}
}

func (c *comparison) sideRows(d *difference) []sideRow {
	var rows []sideRow
	v := c.v
	if d.stage == StageStatus {
		return c.statusRows(d)
	}
	for i := range c.predicted.Events {
		e := &c.predicted.Events[i]
		if !v.decides(e) && c.matched[i] == nothing {
			continue
		}
		row := sideRow{at: e.At, predicted: trace.Seconds(e.At) + " " + c.words(int32(i)), differs: int32(i) == d.event}
		if j := c.matched[i]; j != nothing {
			row.at = v.o.Seen[j].Earliest
			row.observed = intervalText(v.o.Seen[j].Interval) + " " + v.words(j)
		}
		rows = append(rows, row)
	}
	for j := range v.o.Seen {
		if c.seen[j] == nothing {
			rows = append(rows, sideRow{v.o.Seen[j].Earliest, "", intervalText(v.o.Seen[j].Interval) + " " + v.words(int32(j)), int32(j) == d.seen})
		}
	}
	slices.SortStableFunc(rows, func(a, b sideRow) int { return cmp.Compare(a.at, b.at) })
	return rows
}

// statusRows pairs the versions of the status up to the difference.
func (c *comparison) statusRows(d *difference) []sideRow {
	var rows []sideRow
	at := 0
	for j := range c.v.versions {
		row := sideRow{observed: intervalText(c.v.arrived[j]) + " " + c.v.text(j), differs: int32(j) == d.version}
		if j < len(c.found) {
			at = c.found[j]
		}
		if at < len(c.versions) {
			row.predicted = trace.Seconds(c.versions[at].At) + " " + c.news(at)
			at++
		}
		rows = append(rows, row)
	}
	if int(d.version) >= len(c.v.versions) && at < len(c.versions) {
		rows = append(rows, sideRow{predicted: trace.Seconds(c.versions[at].At) + " " + c.news(at), differs: true})
	}
	return rows
}

func intervalText(i Interval) string {
	if i.Earliest == i.Latest {
		return trace.Seconds(i.Earliest)
	}
	return trace.Seconds(i.Earliest) + "-" + trace.Seconds(i.Latest)
}

func (r *Report) replayWords(b *strings.Builder) {
	fmt.Fprintf(b, "to replay: scenario %s, target %s, choices %v\n", r.observation.Scenario, r.Predicted.Target, r.Choices)
}
