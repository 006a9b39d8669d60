package cli

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/cmd/sidecar-conformance/internal/show"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// few is how many items are shown in full; more get one line each.
const few = 4

// documents returns what is to be read.
func (s *simulation) documents(overrides []fixtures.Override) (iter.Seq[fixtures.Document], error) {
	options := fixtures.Options{Recursive: s.flags.recursive, Stdin: s.streams.In, Overrides: overrides}
	if len(s.flags.names) == 0 {
		return fixtures.Documents(s.streams.Files, s.flags.files, options), nil
	}
	var files []string
	for _, name := range s.flags.names {
		file, err := builtinFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return fixtures.Documents(fixtures.BuiltinFiles(), files, options), nil
}

// result is what has become of one document: a text for each sink, notes for standard error, and the worst of it.
type result struct {
	texts [][]byte
	notes string
	// item is true where the document held a Pod, bad where it could not be used, findings counts expectations that failed.
	item, bad bool
	findings  int
	// unknown is true where a run says that a part of it is unknown.
	unknown bool
}

// run simulates all documents and writes the results in their order.
func (s *simulation) run(ctx context.Context, documents iter.Seq[fixtures.Document]) error {
	var err error
	if s.newest, err = resolveAll(newestTarget()); err == nil {
		s.all, err = resolveAll(gates.AllTargets())
	}
	if err != nil {
		return err
	}
	documents, items, stop := peek(documents, few, func(d fixtures.Document) bool { return d.Item != nil })
	defer stop()
	s.many = items > few
	workers := min(runtime.GOMAXPROCS(0), max(items, 1))
	var total result
	texts := 0
	err = ordered(ctx, documents, workers, func(d fixtures.Document) result { return s.document(&d, items) }, func(r result) error {
		total.bad = total.bad || r.bad
		total.item = total.item || r.item
		total.findings += r.findings
		total.unknown = total.unknown || r.unknown
		if r.notes != "" {
			io.WriteString(s.streams.Err, r.notes)
		}
		if r.texts != nil {
			texts++
		}
		return s.write(r.texts, texts)
	})
	switch {
	case err != nil:
		return err
	case total.bad:
		return errSaid
	case !total.item:
		return usage("the input holds no Pod")
	case total.findings > 0:
		return &exitError{exitFindings, nil}
	case total.unknown && s.flags.strict:
		return &exitError{exitUnknown, nil}
	}
	return nil
}

func newestTarget() []gates.Target {
	all := gates.AllTargets()
	return all[len(all)-1:]
}

// write hands the texts of the n-th result to the sinks.
func (s *simulation) write(texts [][]byte, n int) error {
	for i, text := range texts {
		if n > 1 && !s.many && s.sinks[i].format == "text" {
			io.WriteString(s.sinks[i].out, "\n")
		}
		if _, err := s.sinks[i].out.Write(text); err != nil {
			return fmt.Errorf("writing results: %w", err)
		}
	}
	return nil
}

// document turns one document into its result. It runs in several goroutines at once and changes nothing.
func (s *simulation) document(d *fixtures.Document, items int) result {
	switch {
	case d.Problems != nil:
		return result{notes: d.Problems.Error() + "\n", bad: true}
	case d.Skipped != nil:
		return result{notes: fmt.Sprintf("%s:%d: %s %s holds no Pod, left out\n", d.Skipped.File, d.Skipped.Line, d.Skipped.Kind, d.Skipped.Name)}
	}
	r := result{item: true}
	runs, findings, err := s.runs(d.Item)
	if err == nil {
		r.texts, err = s.render(runs, findings, items)
	}
	r.findings = len(findings)
	r.unknown = slices.ContainsFunc(runs, func(run show.Run) bool { return len(run.Trace.Unknown) > 0 })
	if err != nil {
		prefix := fmt.Sprintf("%s:%d: ", d.Item.File, d.Item.Line)
		r.bad, r.texts, r.notes = true, nil, prefix+strings.ReplaceAll(err.Error(), "\n", "\n"+prefix)+"\n"
	}
	return r
}

// runs simulates an item on each of its targets. With --seeds there is one run for each seed on each target.
func (s *simulation) runs(item *fixtures.Item) ([]show.Run, []string, error) {
	targets, err := s.targetsOf(item)
	if err != nil {
		return nil, nil, err
	}
	scenario := item.Scenario
	if s.flags.horizon > 0 {
		scenario.Horizon = s.flags.horizon
	}
	if s.flags.hasDelete {
		scenario.Steps = append(slices.Clone(scenario.Steps), sim.Step{Name: "--delete-at", At: s.flags.deleteAt, Delete: &sim.Delete{}})
	}
	title := ""
	if item.Kind == fixtures.ScenarioKind {
		title = item.Title
	}
	var runs []show.Run
	var findings []string
	for i := range targets {
		for seed := range max(s.flags.seeds, 1) {
			config := s.config
			if s.flags.seeds > 0 {
				config.Seed = uint64(seed)
			}
			t, err := sim.Run(&scenario, targets[i].resolved, config)
			if err != nil {
				return nil, nil, fmt.Errorf("on %s: %w", targets[i], err)
			}
			t.Assumed = item.Assumptions
			runs = append(runs, show.Run{
				Name: item.Namespace + "/" + item.Name, Title: title, Target: targets[i].String(), Seed: config.Seed, Trace: t, Rules: targets[i].rules,
			})
			for _, finding := range fixtures.Check(item.Expect, targets[i].Target, t) {
				findings = append(findings, fmt.Sprintf("%s: %s", targets[i], finding))
			}
		}
	}
	return runs, findings, nil
}
