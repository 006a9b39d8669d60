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

// movedKeys returns the events that passed others between a group and the next.
func movedKeys(groups []Group) map[string]bool {
	moved := map[string]bool{}
	for i := range groups[1:] {
		for _, m := range differ(&groups[i], &groups[i+1]).moved {
			moved[m.key] = true
		}
	}
	return moved
}

// differences lists what sets each group apart from the one before it: releases are given in their order, so this tells
// what each change brought.
func (p *painter) differences(groups []Group, o Options) {
	p.styled(bold, "All differences")
	p.WriteByte('\n')
	for i, g := range groups[1:] {
		p.styled(bold, fmt.Sprintf("  %s and %s", groups[i].Letter, g.Letter))
		p.WriteByte('\n')
		p.difference(groups[i], g, o)
	}
}

// difference lists what sets one group apart from another.
func (p *painter) difference(first, g Group, o Options) {
	d := differ(&first, &g)
	p.keys("only in "+first.Letter, d.missing, o)
	p.keys("only in "+g.Letter, d.extra, o)
	for _, m := range d.moved {
		p.moves(passers(d.moved, m.before, func(m move) []string { return m.before }, m.key), "before", m.before, first.Letter, "after", g.Letter, o)
		p.moves(passers(d.moved, m.after, func(m move) []string { return m.after }, m.key), "after", m.after, first.Letter, "before", g.Letter, o)
	}
	p.outcomes(first, g, o)
}

// passers returns all moved events that passed the same others, if key is the first of them; else nothing, for it has
// been said.
func passers(moves []move, passed []string, side func(move) []string, key string) []string {
	var keys []string
	for _, m := range moves {
		if slices.Equal(side(m), passed) {
			keys = append(keys, m.key)
		}
	}
	if keys[0] != key {
		return nil
	}
	return keys
}

func (p *painter) moves(keys []string, here string, passed []string, letter, there, other string, o Options) {
	if len(keys) == 0 || len(passed) == 0 {
		return
	}
	come, it := "comes", "it"
	if len(keys) > 1 {
		come = "come"
	}
	if len(passed) > 1 {
		it = "them"
	}
	p.paragraph(fmt.Sprintf("    order: %s %s %s %s in %s, %s %s in %s", quoteAll(keys), come, here, quoteAll(passed), letter, there, it, other), o.width(), 6)
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
		quoted[i] = `"` + key + `"`
	}
	return strings.Join(quoted, ", ")
}

func (p *painter) keys(title string, keys []string, o Options) {
	if len(keys) == 0 {
		return
	}
	p.paragraph("    "+title+": "+strings.Join(keys, "; "), o.width(), 6)
}
