package cli

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

const judgeLong = `judge says whether what was recorded on a cluster is one of the runs that the simulator allows. A file holds recordings as
record writes them, one JSON object on each line, compressed with zstd or plain; a directory stands for all files below it.
Without files it judges the recordings that are built in.

  conforms        one of the runs that the simulator allows is the observed one
  diverges        none of them is
  inconclusive    the recording does not suffice: something was not heard, or the node was too slow
  not applicable  the scenario has nothing to show on the target
  unknown         the prediction rests on something outside the model

Exit status: 1 if something diverges, else 3 if something is inconclusive.`

func newJudge(s Streams) *cobra.Command {
	how := judge.DefaultHow()
	var verbose bool
	command := &cobra.Command{
		Use:     "judge [FILE|DIR...]",
		Short:   "Say whether recordings are what the simulator allows",
		Long:    judgeLong,
		Example: examples("judge recordings.jsonl.zst"),
		RunE: func(_ *cobra.Command, files []string) error {
			return judgeAll(s, files, how, verbose)
		},
	}
	command.Flags().BoolVarP(&verbose, "verbose", "v", false, "explain each verdict")
	command.Flags().DurationVar(&how.MaxSlack, "max-slack", how.MaxSlack, "largest delay of a node that still proves something; it is added to every window")
	command.Flags().IntVar(&how.MaxRuns, "max-runs", how.MaxRuns, "bound of the simulations for one recording")
	return command
}

func judgeAll(s Streams, files []string, how judge.How, verbose bool) error {
	counts := map[judge.Verdict]int{}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for r, err := range recordingsIn(s, files) {
		if err != nil {
			return &exitError{exitUsage, err}
		}
		report, err := r.Judge(how)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		counts[report.Verdict]++
		fmt.Fprintf(w, "%s\t%s\t%v\n", r.Observation.Target, r.Observation.Scenario, report.Verdict)
		if verbose || report.Verdict != judge.Conforms {
			w.Flush()
			for line := range strings.Lines(report.Explain()) {
				fmt.Fprintf(s.Out, "    %s", line)
			}
			fmt.Fprintln(s.Out)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(counts) == 0 {
		return errors.New("there is nothing to judge: no recordings are built in, or the files hold none; name files or directories that record wrote")
	}
	for v := judge.Conforms; v <= judge.Unknown; v++ {
		if counts[v] > 0 {
			fmt.Fprintf(s.Out, "%d %v\n", counts[v], v)
		}
	}
	switch {
	case counts[judge.Diverges] > 0:
		return &exitError{code: exitFindings}
	case counts[judge.Inconclusive] > 0:
		return &exitError{code: exitEnvironment}
	}
	return nil
}

// recordingsIn yields the recordings of files and directories, or those that are built in.
func recordingsIn(s Streams, names []string) iter.Seq2[*recorded.Recording, error] {
	if len(names) > 0 {
		return recorded.Files(s.Files, names)
	}
	return func(yield func(*recorded.Recording, error) bool) {
		for _, target := range recorded.Targets() {
			for r, err := range recorded.Recordings(target) {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}
