package show

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Comparison shows several runs of one Pod: groups with the same order and outcome, their pictures over one time axis,
// the first difference, the events side by side, and all differences in words.
func Comparison(runs []Run, o Options) string {
	groups := GroupRuns(runs)
	out := &painter{color: o.Color}
	out.styled(bold, runs[0].Name)
	fmt.Fprintf(out, " on %d targets: ", len(runs))
	if len(groups) == 1 {
		out.WriteString("the same order and outcome on all\n")
	} else {
		fmt.Fprintf(out, "%d different orders or outcomes\n", len(groups))
	}
	out.title(runs[0], o)
	for _, assumed := range runs[0].Trace.Assumed {
		out.paragraph("  assumed: "+assumed, o.width(), 4)
	}
	out.WriteByte('\n')
	out.pictures(groups, o)
	ran := slices.DeleteFunc(slices.Clone(groups), func(g Group) bool { return neverRan(g.Runs[0].Trace) != "" })
	switch len(ran) {
	case 0:
	case 1:
		out.single(ran[0], o)
	default:
		out.firstDifference(ran, o)
		out.sideBySide(ran, o)
		out.differences(ran, o)
	}
	return out.String()
}

// single lists the events of the only group whose containers ran.
func (p *painter) single(g Group, o Options) {
	if len(g.Runs) > 1 {
		p.times(g, o)
	}
	p.WriteString(g.Runs[0].Trace.Text(trace.TextOptions{All: o.All, Numbers: true, Width: o.width()}))
}

func (p *painter) pictures(groups []Group, o Options) {
	var firsts []Run
	for _, g := range groups {
		if neverRan(g.Runs[0].Trace) == "" {
			firsts = append(firsts, g.Runs[0])
		}
	}
	picture := newPicture(o, firsts...)
	for _, g := range groups {
		p.groupHeader(g, o)
		if neverRan(g.Runs[0].Trace) == "" {
			picture.draw(p, g.Runs[0])
		}
		p.WriteByte('\n')
	}
	if len(firsts) > 0 {
		picture.drawRuler(p)
		p.legend(o)
	}
}

func (p *painter) groupHeader(g Group, o Options) {
	targets := make([]string, len(g.Runs))
	for i, run := range g.Runs {
		targets[i] = run.Target
	}
	p.styled(bold, g.Letter)
	p.paragraph("  "+strings.Join(targets, ", "), o.width()-len(g.Letter), 2+len(g.Letter))
	p.paragraph("   "+Outcome(g.Runs[0]), o.width(), 5)
}

// times says how far the times of one order are apart.
func (p *painter) times(g Group, o Options) {
	same := true
	for _, run := range g.Runs[1:] {
		same = same && slices.EqualFunc(g.Runs[0].Trace.Events, run.Trace.Events, func(a, b trace.Event) bool { return a.At == b.At })
	}
	if !same {
		p.paragraph("Times below are those of "+g.Runs[0].Target+"; on the others of this group the same events come at other times.", o.width(), 0)
		p.WriteByte('\n')
	}
}

func (p *painter) firstDifference(groups []Group, o Options) {
	key := firstDifference(groups)
	if key == "" {
		p.WriteString("The events come in the same order, save for those of one instant; see the outcomes.\n\n")
		return
	}
	p.styled(bold, "First difference")
	p.WriteString(": " + key + "\n")
	for _, g := range groups {
		words := "does not happen"
		if at, happens := g.at[key]; happens {
			t := g.Runs[0].Trace
			words = "at " + trace.Seconds(at)
			if because := t.Because(g.position(key), trace.Visible); because != "" {
				words += ", because: " + because
			}
		}
		p.WriteString("  ")
		p.styled(bold, g.Letter)
		p.paragraph("  "+words, o.width()-3, 6)
	}
	p.WriteByte('\n')
}

// firstDifference returns the first event that not all groups have, or that comes elsewhere in one of them.
func firstDifference(groups []Group) string {
	moved := movedKeys(groups)
	for _, key := range mergeKeys(groups) {
		if moved[key] || slices.ContainsFunc(groups, func(g Group) bool { _, has := g.at[key]; return !has }) {
			return key
		}
	}
	return ""
}

// position returns the event of the first run that the key names.
func (g *Group) position(key string) int32 {
	return visibleEvents(g.Runs[0].Trace)[slices.Index(g.keys, key)]
}

const cellWidth = 11

// sideBySide shows when each event comes in each group; as many groups at a time as there is room for.
func (p *painter) sideBySide(groups []Group, o Options) {
	keys := mergeKeys(groups)
	name := 0
	for _, key := range keys {
		name = max(name, len([]rune(key)))
	}
	name = min(name, o.width()*2/5)
	perBlock := max(2, (o.width()-name-2)/cellWidth)
	// Every block begins with the first group, so that each difference can be seen.
	for from := 1; from < len(groups); from += perBlock - 1 {
		block := append([]Group{groups[0]}, groups[from:min(from+perBlock-1, len(groups))]...)
		p.block(block, keys, name, o)
	}
}

func (p *painter) block(groups []Group, keys []string, name int, o Options) {
	width := 2 + name + cellWidth*len(groups)
	head := make(line, width)
	head.put(2, bold, "events")
	at := make([]map[string]trace.Instant, len(groups))
	for i, g := range groups {
		head.put(2+name+cellWidth*(i+1)-len(g.Letter), bold, g.Letter)
		at[i] = g.at
	}
	p.line(head)
	first := firstDifference(groups)
	moved := movedKeys(groups)
	rows := make([]blockRow, 0, len(keys))
	for _, key := range keys {
		if row := (blockRow{key: key, at: at, first: key == first, moved: moved[key], name: name, width: width}); row.anywhere() {
			rows = append(rows, row)
		}
	}
	p.rows(rows, o)
	p.WriteByte('\n')
}

// rows writes the rows of a block. Of a long stretch that is equal everywhere only the ends are shown.
func (p *painter) rows(rows []blockRow, o Options) {
	for i := 0; i < len(rows); {
		equal := i
		for equal < len(rows) && rows[equal].equal() {
			equal++
		}
		if equal-i > 4 && !o.All {
			p.blockLine(rows[i], o)
			p.styled(dim, fmt.Sprintf("  %s %d more events, equal in all", o.glyphs().more, equal-i-2))
			p.WriteByte('\n')
			i = equal - 1
		}
		p.blockLine(rows[i], o)
		i++
	}
}

type blockRow struct {
	key          string
	at           []map[string]trace.Instant
	first, moved bool
	name, width  int
}

// anywhere reports whether any group has the event, everywhere whether all have it, equal whether all have it at the
// same place and instant.
func (r *blockRow) anywhere() bool {
	return slices.ContainsFunc(r.at, func(at map[string]trace.Instant) bool { _, has := at[r.key]; return has })
}

func (r *blockRow) everywhere() bool {
	return !slices.ContainsFunc(r.at, func(at map[string]trace.Instant) bool { _, has := at[r.key]; return !has })
}

func (r *blockRow) equal() bool {
	return r.everywhere() && !r.moved && !r.first &&
		!slices.ContainsFunc(r.at, func(at map[string]trace.Instant) bool { return at[r.key] != r.at[0][r.key] })
}

func (p *painter) blockLine(r blockRow, o Options) {
	l := make(line, r.width)
	s := plain
	switch {
	case r.first:
		s = red
		l.put(0, s, ">")
	case !r.everywhere() || r.moved:
		s = yellow
		l.put(0, s, o.glyphs().different)
	}
	l.put(2, s, cut(r.key, r.name, o.ASCII))
	for i, instants := range r.at {
		cell := "-"
		if at, has := instants[r.key]; has {
			cell = trace.Seconds(at)
		}
		l.put(2+r.name+cellWidth*(i+1)-len(cell), s, cell)
	}
	p.line(l)
}

func movedKeys(groups []Group) map[string]bool {
	moved := map[string]bool{}
	for _, g := range groups[1:] {
		for _, m := range differ(&groups[0], &g).moved {
			moved[m.key] = true
		}
	}
	return moved
}

// differences lists what sets each group apart from the first.
func (p *painter) differences(groups []Group, o Options) {
	p.styled(bold, "All differences")
	p.WriteByte('\n')
	first := groups[0]
	for _, g := range groups[1:] {
		p.styled(bold, fmt.Sprintf("  %s and %s", first.Letter, g.Letter))
		p.WriteByte('\n')
		p.difference(first, g, o)
	}
}

// difference lists what sets one group apart from another.
func (p *painter) difference(first, g Group, o Options) {
	d := differ(&first, &g)
	p.keys("only in "+first.Letter, d.missing, o)
	p.keys("only in "+g.Letter, d.extra, o)
	for _, m := range d.moved {
		p.move(m.key, "before", m.before, first.Letter, "after", g.Letter, o)
		p.move(m.key, "after", m.after, first.Letter, "before", g.Letter, o)
	}
	p.outcomes(first, g, o)
}

func (p *painter) move(key, here string, passed []string, letter, there, other string, o Options) {
	if len(passed) == 0 {
		return
	}
	it := "it"
	if len(passed) > 1 {
		it = "them"
	}
	p.paragraph(fmt.Sprintf("    order: %s comes %s %s in %s, %s %s in %s", quote(key), here, quoteAll(passed), letter, there, it, other), o.width(), 6)
}

// outcomes says in what the ends differ; when a Pod is gone is said briefly.
func (p *painter) outcomes(first, g Group, o Options) {
	a, b := first.Runs[0], g.Runs[0]
	if end(a)+exitWords(a.Trace) != end(b)+exitWords(b.Trace) {
		p.paragraph("    outcome in "+first.Letter+": "+Outcome(a), o.width(), 6)
		p.paragraph("    outcome in "+g.Letter+": "+Outcome(b), o.width(), 6)
		return
	}
	one, isGone := a.Trace.RemovedAt(trace.PodRef{}, trace.Never)
	if other, _ := b.Trace.RemovedAt(trace.PodRef{}, trace.Never); isGone && one != other {
		p.paragraph(fmt.Sprintf("    outcome: the same, but the Pod is gone at %s in %s, at %s in %s", trace.Seconds(one), first.Letter, trace.Seconds(other), g.Letter), o.width(), 6)
	}
}

func quoteAll(keys []string) string {
	quoted := make([]string, len(keys))
	for i, key := range keys {
		quoted[i] = quote(key)
	}
	return strings.Join(quoted, ", ")
}

func quote(key string) string { return `"` + key + `"` }

func (p *painter) keys(title string, keys []string, o Options) {
	if len(keys) == 0 {
		return
	}
	p.paragraph("    "+title+": "+strings.Join(keys, "; "), o.width(), 6)
}
