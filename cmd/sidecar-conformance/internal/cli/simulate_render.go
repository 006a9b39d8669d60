package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/cmd/sidecar-conformance/internal/show"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// render writes the runs of one item in the format of each sink.
func (s *simulation) render(runs []show.Run, findings []string, items int) ([][]byte, error) {
	texts := make([][]byte, len(s.sinks))
	for i := range s.sinks {
		var err error
		if texts[i], err = s.renderOne(&s.sinks[i], runs, findings, items); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func (s *simulation) renderOne(sink *sink, runs []show.Run, findings []string, items int) ([]byte, error) {
	switch sink.format {
	case "json":
		return renderJSON(runs, items == 1 && len(runs) == 1)
	case "yaml":
		return renderYAML(runs)
	case "mermaid":
		var b strings.Builder
		for _, run := range runs {
			b.WriteString("```mermaid\n" + show.Mermaid(run) + "```\n")
		}
		return []byte(b.String()), nil
	}
	text, err := s.renderText(runs, sink.options)
	if err != nil {
		return nil, err
	}
	for _, finding := range findings {
		text += "expectation failed on " + finding + "\n"
	}
	return []byte(text), nil
}

// renderJSON writes one trace in many lines, or several with one line each.
func renderJSON(runs []show.Run, lines bool) ([]byte, error) {
	var text []byte
	var err error
	for _, run := range runs {
		if lines {
			text, err = run.Trace.AppendJSON(text)
		} else {
			text, err = run.Trace.AppendJSONLine(text)
		}
		if err != nil {
			return nil, err
		}
		text = append(text, '\n')
	}
	return text, nil
}

func renderYAML(runs []show.Run) ([]byte, error) {
	var b strings.Builder
	for _, run := range runs {
		text, err := show.YAML(run.Trace)
		if err != nil {
			return nil, err
		}
		b.WriteString("---\n" + text)
	}
	return []byte(b.String()), nil
}

func (s *simulation) renderText(runs []show.Run, o show.Options) (string, error) {
	f := &s.flags
	switch {
	case f.hasAt && len(runs) == 1 && !s.many:
		return show.At(runs[0], instant(f.at), o), nil
	case f.hasAt:
		return show.AtEach(runs, instant(f.at), o), nil
	case f.why != "":
		return renderWhy(runs, f.why, o)
	case f.seeds > 0:
		return renderSeeds(runs, f.seeds, o), nil
	case s.many:
		return show.Summary(runs), nil
	case len(runs) == 1:
		return show.Timeline(runs[0], o), nil
	}
	return show.Comparison(runs, o), nil
}

// renderWhy explains the event on each target; it is an error only if no target has it.
func renderWhy(runs []show.Run, name string, o show.Options) (string, error) {
	var parts []string
	var problems []error
	for _, run := range runs {
		event, err := show.FindEvent(run.Trace, name)
		if err != nil {
			problems = append(problems, fmt.Errorf("on %s: %w", run.Target, err))
			parts = append(parts, fmt.Sprintf("on %s: %v\n", run.Target, err))
			continue
		}
		parts = append(parts, show.Why(run, event, o))
	}
	if len(problems) == len(runs) {
		return "", errors.Join(problems...)
	}
	return strings.Join(parts, "\n"), nil
}

// renderSeeds shows the distinct orders, target by target.
func renderSeeds(runs []show.Run, seeds int, o show.Options) string {
	var parts []string
	for ; len(runs) > 0; runs = runs[seeds:] {
		parts = append(parts, show.Orders(runs[:seeds], o))
	}
	return strings.Join(parts, "\n")
}

func instant(d time.Duration) trace.Instant { return trace.Instant(d) }
