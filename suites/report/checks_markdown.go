package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
)

// checkMarkdown writes the report as a page, such as a comment on a pull request. The counts come first, so what is said of the objects is
// held as text.
type checkMarkdown struct {
	checks  *Checks
	out     io.Writer
	objects bytes.Buffer
}

func (m *checkMarkdown) object(object []Checked) error {
	m.checks.markdownObject(&m.objects, object)
	return nil
}

func (m *checkMarkdown) end() error {
	c, out := m.checks, bufio.NewWriter(m.out)
	word, why := c.Conformance()
	if why != "" {
		word += " (" + why + ")"
	}
	fmt.Fprintf(out, "# Check report\n\nProfile workload: **%s**", word)
	if c.Tool != "" {
		fmt.Fprintf(out, ", by %s", c.Tool)
	}
	fmt.Fprint(out, ".\n")
	if c.Reproduce != "" {
		fmt.Fprintf(out, "\n    %s\n", c.Reproduce)
	}
	fmt.Fprint(out, "\n| | fail | warn | unknown | pass | skip | suppressed |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, part := range [...]struct {
		name string
		core bool
	}{{"core", true}, {"extended", false}} {
		counts := c.Count(part.core)
		fmt.Fprintf(out, "| %s |", part.name)
		for _, v := range rules.Verdicts() {
			fmt.Fprintf(out, " %d |", counts.Verdicts[v])
		}
		fmt.Fprintf(out, " %d |\n", counts.Suppressed)
	}
	out.Write(m.objects.Bytes())
	for i, note := range c.Notes {
		if i == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "- %s\n", note)
	}
	return out.Flush()
}

func (c *Checks) markdownObject(w io.Writer, object []Checked) {
	list := rows(object)
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n## %s\n\n`%s:%d`, on %s\n\n| Check | Severity | Line | Finding | Remedy |\n|---|---|---:|---|---|\n", object[0].Object, object[0].File, object[0].Line, targetsOf(object))
	for i := range list {
		r := &list[i]
		severity, text := r.Severity.String(), r.Message
		if on := r.on(len(object)); on != "" {
			text += " (" + on + ")"
		}
		if r.Explanation != "" {
			text += "<br>" + r.Explanation
		}
		if r.Suppressed != "" {
			severity, text = "suppressed", text+"<br>"+r.Suppressed
		}
		fmt.Fprintf(w, "| %s | %s | %d | %s | %s |\n", c.Rules[r.Rule].ID, severity, r.At.Line, escape(text), dash(r.Remedy))
	}
	for i := range object[0].Results {
		if r := &object[0].Results[i]; r.Verdict == rules.Unknown {
			fmt.Fprintf(w, "| %s | unknown | | %s | |\n", c.Rules[i].ID, escape(strings.ReplaceAll(r.Reason, "\n", " ")))
		}
	}
}
