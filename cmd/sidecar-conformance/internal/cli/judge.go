package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures/packed"
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
	return func(yield func(*recorded.Recording, error) bool) {
		if len(names) == 0 {
			for _, target := range recorded.Targets() {
				for r, err := range recorded.Recordings(target) {
					if !yield(r, err) {
						return
					}
				}
			}
			return
		}
		for _, name := range names {
			files, err := recordingFiles(s.Files, name)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, file := range files {
				if !recordingsOfFile(s.Files, file, yield) {
					return
				}
			}
		}
	}
}

func recordingsOfFile(tree fs.FS, name string, yield func(*recorded.Recording, error) bool) bool {
	file, err := tree.Open(name)
	if err != nil {
		return yield(nil, err) && false
	}
	defer file.Close()
	read := packed.Lines[recorded.Recording]
	if strings.HasSuffix(name, packed.Suffix) {
		read = recorded.Read
	}
	for r, err := range read(file) {
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		if !yield(r, err) || err != nil {
			return false
		}
	}
	return true
}

// recordingFiles are the files that a name stands for.
func recordingFiles(tree fs.FS, name string) ([]string, error) {
	info, err := fs.Stat(tree, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no such file", name)
	}
	if err != nil || !info.IsDir() {
		return []string{name}, err
	}
	var files []string
	err = eachFile(tree, name, func(file string) {
		if strings.HasSuffix(file, packed.Suffix) {
			files = append(files, file)
		}
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: there are no recordings (*%s) below it", name, packed.Suffix)
	}
	slices.Sort(files)
	return files, err
}

func eachFile(tree fs.FS, directory string, found func(file string)) error {
	entries, err := fs.ReadDir(tree, directory)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(directory, entry.Name())
		if entry.IsDir() {
			if err := eachFile(tree, name, found); err != nil {
				return err
			}
			continue
		}
		found(name)
	}
	return nil
}
