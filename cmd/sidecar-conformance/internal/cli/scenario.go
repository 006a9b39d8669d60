package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

//go:embed skeleton.yaml
var skeleton string

func newScenario(s Streams) *cobra.Command {
	command := &cobra.Command{
		Use:     "scenario",
		Short:   "List, show, check and begin scenario files",
		Example: examples("scenario list", "scenario new > mine.yaml", "scenario validate pod.yaml"),
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(newScenarioList(s), newScenarioShow(s), newScenarioNew(s), newScenarioValidate(s))
	return command
}

func newScenarioList(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the built-in scenarios; simulate takes their names",
		Example: examples("scenario list"),
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			items, err := fixtures.Builtin()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "FAMILY\tNAME\tPROFILE\tTITLE")
			for i := range items {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", items[i].Family, items[i].Name, items[i].Profile, items[i].Title)
			}
			return w.Flush()
		},
	}
}

func newScenarioShow(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Print the file of a built-in scenario",
		Example: examples("scenario show reverse-stop-order"),
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := builtinFile(args[0])
			if err != nil {
				return err
			}
			text, err := fs.ReadFile(fixtures.BuiltinFiles(), file)
			if err != nil {
				return err
			}
			_, err = s.Out.Write(text)
			return err
		},
	}
}

// builtinFile returns the file of the built-in scenario with the name.
func builtinFile(name string) (string, error) {
	for _, family := range fixtures.Families() {
		file := family + "/" + name + ".yaml"
		if _, err := fs.Stat(fixtures.BuiltinFiles(), file); err == nil {
			return file, nil
		}
	}
	return "", usage("there is no built-in scenario %q; scenario list shows them all, -f reads a file", name)
}

func newScenarioNew(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:     "new",
		Short:   "Print a commented scenario to begin with",
		Example: examples("scenario new", "scenario new > mine.yaml"),
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.Out.Write([]byte(skeleton))
			return err
		},
	}
}

func newScenarioValidate(s Streams) *cobra.Command {
	var recursive bool
	command := &cobra.Command{
		Use:     "validate FILE|DIR|-...",
		Short:   "Report everything that is wrong with scenario files and manifests",
		Example: examples("scenario validate pod.yaml", "scenario validate -R ."),
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			options := fixtures.Options{Recursive: recursive, Stdin: s.In}
			good, bad := 0, 0
			for document := range fixtures.Documents(s.Files, args, options) {
				switch {
				case document.Problems != nil:
					bad++
					fmt.Fprintln(s.Out, document.Problems)
				case document.Item != nil:
					good++
				}
			}
			if bad > 0 {
				return &exitError{exitUsage, errors.New(count(bad, "document") + " with problems")}
			}
			fmt.Fprintf(s.Out, "%s valid\n", count(good, "document"))
			return nil
		},
	}
	command.Flags().BoolVarP(&recursive, "recursive", "R", false, "read the directories inside directories too")
	return command
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
