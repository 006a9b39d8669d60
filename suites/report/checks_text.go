package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
)

// checkMarks are the signs of verdicts, and colours their colours on a terminal.
var (
	checkMarks   = [...]string{rules.Skip: "-", rules.Pass: "✓", rules.Unknown: "?", rules.Warn: "!", rules.Fail: "✗"}
	checkColours = [...]string{rules.Skip: "2", rules.Pass: "32", rules.Unknown: "36", rules.Warn: "33", rules.Fail: "31"}
)

// checkText writes the tick list.
type checkText struct {
	*bufio.Writer
	checks *Checks
	o      CheckTextOptions
	// held are the first objects, until it is known whether there are few. many says that there are not: only objects with findings are shown
	// then, and of those only the findings.
	held  [][]Checked
	many  bool
	shown int
}

// fewObjects is how many objects are shown in full.
const fewObjects = 4

func newCheckText(c *Checks, w io.Writer, o CheckTextOptions) *checkText {
	if o.Width == 0 {
		o.Width = width
	}
	return &checkText{Writer: bufio.NewWriter(w), checks: c, o: o}
}

func (t *checkText) object(object []Checked) error {
	switch {
	case t.many || t.o.All:
		return t.show(object)
	case len(t.held) < fewObjects:
		t.held = append(t.held, object)
		return nil
	}
	t.many = true
	return errors.Join(t.release(), t.show(object))
}

// release shows the objects that were held.
func (t *checkText) release() error {
	held := t.held
	t.held = nil
	for _, object := range held {
		if err := t.show(object); err != nil {
			return err
		}
	}
	return nil
}

func (t *checkText) show(object []Checked) error {
	list := rows(object)
	if t.many && !slices.ContainsFunc(list, func(r row) bool { return r.Severity > rules.Note }) {
		return nil
	}
	if t.shown++; t.shown > 1 {
		t.WriteByte('\n')
	}
	t.full(object, list)
	_, err := t.Write(nil) // an earlier error stays
	return err
}

func (t *checkText) end() error {
	if err := t.release(); err != nil {
		return err
	}
	t.rest()
	t.sum()
	return t.Flush()
}

// styled writes text in a colour where there are colours.
func (t *checkText) styled(code, text string) {
	if t.o.Color && code != "" {
		text = "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	t.WriteString(text)
}

// paragraph writes a text below an indent, wrapped, with a first indent of its own.
func (t *checkText) paragraph(first, indent, text string) {
	t.WriteString(first)
	t.wrapped(utf8.RuneCountInString(first), indent, text)
}

// wrapped writes a text from a column on, wrapped below an indent, and ends the line.
func (t *checkText) wrapped(column int, indent, text string) {
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i > 0 && column+1+n > t.o.Width:
			t.WriteString("\n" + indent)
			column = utf8.RuneCountInString(indent)
		case i > 0:
			t.WriteByte(' ')
			column++
		}
		t.WriteString(word)
		column += n
	}
	t.WriteByte('\n')
}

const checkIndent = "            " // behind mark and ID

// full writes one object with its findings.
func (t *checkText) full(object []Checked, list []row) {
	first := &object[0]
	t.styled("1", first.Object)
	fmt.Fprintf(t, " (%s:%d) on %s\n", first.File, first.Line, targetsOf(object))
	if !t.many {
		for _, assumed := range first.Assumed {
			t.paragraph("  assumed: ", "    ", assumed)
		}
	}
	notes := 0
	for i := range list {
		r := &list[i]
		if r.Severity == rules.Note && !t.o.All && r.Suppressed == "" {
			notes++
			continue
		}
		t.row(r, len(object))
	}
	if t.many {
		return
	}
	if notes > 0 {
		t.short(rules.Warn, list, notes)
	}
	t.quiet(object)
}

// rest says what is not shown of many objects: how many have no findings, and which checks are unknown of how many.
func (t *checkText) rest() {
	if !t.many {
		return
	}
	if t.shown > 0 {
		t.WriteByte('\n')
	}
	objects := t.checks.tally.objects
	fmt.Fprintf(t, "%s, of which %d have no error and no warning (-v shows them)\n", count(objects, "object", "objects"), objects-t.shown)
	var parts []string
	for j, n := range t.checks.tally.unknown {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d times", t.checks.Rules[j].ID, n))
		}
	}
	if len(parts) > 0 {
		t.paragraph("unknown: ", "  ", strings.Join(parts, ", "))
	}
}

// targetsOf lists the targets of an object, many of them by their number.
func targetsOf(object []Checked) string {
	if len(object) > 4 {
		return fmt.Sprintf("%d targets, %s to %s", len(object), object[0].Target, object[len(object)-1].Target)
	}
	names := make([]string, len(object))
	for i := range object {
		names[i] = object[i].Target
	}
	return strings.Join(names, ", ")
}

// row writes one finding with its hint.
func (t *checkText) row(r *row, targets int) {
	mark, colour := checkMarks[r.Verdict], checkColours[r.Verdict]
	if r.Suppressed != "" {
		mark, colour = "~", "2"
	}
	t.head(mark, colour, t.checks.Rules[r.Rule].ID)
	text := r.Message
	if on := r.on(targets); on != "" {
		text += " (" + on + ")"
	}
	t.wrapped(len(checkIndent), checkIndent, text)
	t.paragraph(checkIndent, checkIndent, fmt.Sprintf("%s, %s:%d, %s", r.Severity, r.At.File, r.At.Line, r.At.Field))
	if r.Suppressed != "" {
		t.paragraph(checkIndent, checkIndent, "suppressed: "+r.Suppressed)
		return
	}
	if r.Explanation != "" {
		t.paragraph(checkIndent, checkIndent, r.Explanation)
	}
	for _, e := range r.Events {
		t.paragraph(checkIndent+"at ", checkIndent+"   ", e.Text)
	}
	if r.Remedy != "" {
		t.paragraph(checkIndent+"→ ", checkIndent+"  ", r.Remedy)
	}
}

// short names what is hidden.
func (t *checkText) short(v rules.Verdict, list []row, notes int) {
	var ids []string
	for i := range list {
		if r := &list[i]; r.Severity == rules.Note && r.Suppressed == "" && !slices.Contains(ids, t.checks.Rules[r.Rule].ID) {
			ids = append(ids, t.checks.Rules[r.Rule].ID)
		}
	}
	t.WriteString("  ")
	t.styled(checkColours[v], checkMarks[v])
	t.paragraph(" ", "    ", fmt.Sprintf("%s: %s (-v shows them)", count(notes, "note", "notes"), strings.Join(ids, ", ")))
}

// quiet writes the checks without findings: those that are unknown with their reasons, the others by number or, with All, each.
func (t *checkText) quiet(object []Checked) {
	var passed, skipped int
	type said struct{ id, reason string }
	var unknown []said
	for i := range object {
		for j := range object[i].Results {
			r := &object[i].Results[j]
			switch {
			case r.Verdict == rules.Unknown:
				if one := (said{t.checks.Rules[j].ID, r.Reason}); !slices.Contains(unknown, one) {
					unknown = append(unknown, one)
				}
			case r.Verdict == rules.Pass:
				passed++
			case r.Verdict == rules.Skip:
				skipped++
			}
			if t.o.All && (r.Verdict == rules.Pass || r.Verdict == rules.Skip) && i == 0 {
				t.line(r.Verdict, t.checks.Rules[j].ID, t.checks.Rules[j].Title+": "+r.Reason)
			}
		}
	}
	for _, u := range unknown {
		t.line(rules.Unknown, u.id, u.reason)
	}
	t.WriteString("  ")
	t.styled(checkColours[rules.Pass], checkMarks[rules.Pass])
	fmt.Fprintf(t, " %d passed, %d skipped\n", passed, skipped)
}

func (t *checkText) line(v rules.Verdict, id, text string) {
	t.head(checkMarks[v], checkColours[v], id)
	t.wrapped(len(checkIndent), checkIndent, text)
}

// head writes mark and ID, up to the column of the text.
func (t *checkText) head(mark, colour, id string) {
	t.WriteString("  ")
	t.styled(colour, mark+" "+id)
	t.WriteString(strings.Repeat(" ", max(len(checkIndent)-len("  ? ")-len(id), 1)))
}

// sum writes the counts and what they come to.
func (t *checkText) sum() {
	c := t.checks
	if c.tally.objects == 0 {
		return
	}
	fmt.Fprintf(t, "\n%-10s%8s%8s%8s%8s%8s%12s\n", "", "fail", "warn", "unknown", "pass", "skip", "suppressed")
	for _, part := range [...]struct {
		name string
		core bool
	}{{"core", true}, {"extended", false}} {
		counts := c.Count(part.core)
		fmt.Fprintf(t, "%-10s", part.name)
		for _, v := range rules.Verdicts() {
			fmt.Fprintf(t, "%8d", counts.Verdicts[v])
		}
		fmt.Fprintf(t, "%12d\n", counts.Suppressed)
	}
	word, why := c.Conformance()
	if why != "" {
		word += ": " + why
	}
	fmt.Fprintf(t, "profile workload: %s\n", word)
	for _, note := range c.Notes {
		t.paragraph("", "  ", note)
	}
	if worst, any := c.Worst(); any && worst > rules.Note {
		fmt.Fprintf(t, "explain ID says more, as in: sidecar-conformance explain %s\n", c.tally.worst[worst].ID)
	}
}
