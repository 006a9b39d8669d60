package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

func newMatrix(s Streams) *cobra.Command {
	tables := []string{"releases", "gates", "behaviours", "defects"}
	var list string
	command := &cobra.Command{
		Use:       "matrix [releases|gates|behaviours|defects]",
		Short:     "Print what differs between Kubernetes releases",
		Long:      "matrix prints what the simulator knows of each release: the patch releases that were read, the feature gates\nthat change an order or a status, the behaviours that follow from them, and the known defects.",
		Example:   examples("matrix releases", "matrix gates", "matrix behaviours --target 1.28,1.28+SidecarContainers,1.29", "matrix defects --target 1.29.2,1.29,1.37"),
		ValidArgs: tables,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = tables
			}
			targets, err := parseTargets(list)
			if err != nil {
				return err
			}
			for i, table := range args {
				if i > 0 {
					fmt.Fprintln(s.Out)
				}
				if err := printTable(s.Out, table, targets); err != nil {
					return err
				}
			}
			return nil
		},
	}
	command.Flags().StringVarP(&list, "target", "t", "all", "targets of the tables of behaviours and defects: a list such as 1.28,1.29..1.37")
	return command
}

func printTable(out io.Writer, table string, targets []gates.Target) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	switch table {
	case "releases":
		releaseTable(w)
	case "gates":
		gateTable(w)
	case "behaviours":
		if err := behaviourTable(w, targets); err != nil {
			return err
		}
	case "defects":
		defectTable(w, targets)
	}
	return w.Flush()
}

// defectTable has one row for each known defect and one column for each target, which says in which release the defect is gone.
func defectTable(w io.Writer, targets []gates.Target) {
	fmt.Fprint(w, "DEFECT\tCLASS")
	for _, t := range targets {
		fmt.Fprint(w, "\t"+t.String())
	}
	fmt.Fprintln(w, "\tEFFECT")
	for _, d := range gates.Defects() {
		fmt.Fprintf(w, "%s\t%s", d.Key, d.Class)
		for _, t := range targets {
			fixed, ever := d.FixedIn(t)
			switch {
			case !d.In(t):
				fmt.Fprint(w, "\t-")
			case ever:
				fmt.Fprint(w, "\tuntil "+fixed.String())
			default:
				fmt.Fprint(w, "\tyes")
			}
		}
		fmt.Fprintln(w, "\t"+d.Words())
	}
	fmt.Fprintln(w, "\n- the target does not have it; until the first release that does not, if one is known")
}

func releaseTable(w io.Writer) {
	fmt.Fprintln(w, "RELEASE\tPATCH\tSIDECARS")
	for _, r := range gates.Releases() {
		c := gates.Component{Release: r}
		sidecars := "off; on with +" + gates.SidecarContainers
		if c.On(gates.SidecarContainers) {
			sidecars = "on"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Line(), r, sidecars)
	}
}

func gateTable(w io.Writer) {
	releases := gates.Releases()
	fmt.Fprint(w, "GATE")
	for _, r := range releases {
		fmt.Fprint(w, "\t"+r.Line())
	}
	fmt.Fprintln(w, "\tEFFECT")
	for _, g := range gates.Gates() {
		fmt.Fprint(w, g.Name)
		for _, r := range releases {
			fmt.Fprint(w, "\t"+specWords(g.Spec(r)))
		}
		fmt.Fprintln(w, "\t"+g.Effect)
	}
	fmt.Fprintln(w, "\nalpha, beta, GA, depr(ecated); + on by default, - off, ! locked; . the release does not know the gate")
}

func specWords(s gates.Spec) string {
	if s.Stage == gates.Unknown {
		return "."
	}
	stage := s.Stage.String()
	if s.Stage == gates.Deprecated {
		stage = "depr"
	}
	switch {
	case s.Locked:
		return stage + "!"
	case s.Default:
		return stage + "+"
	}
	return stage + "-"
}

// behaviourTable has one row for each behaviour and one column for each target.
func behaviourTable(w io.Writer, targets []gates.Target) error {
	fmt.Fprint(w, "BEHAVIOUR")
	var columns [][]gates.Behaviour
	for _, target := range targets {
		for _, one := range target.Expand() {
			resolved, err := gates.Resolve(one)
			if err != nil {
				return usage("%w", err)
			}
			fmt.Fprint(w, "\t"+one.String())
			columns = append(columns, resolved.Behaviours())
		}
	}
	fmt.Fprintln(w)
	for row := range columns[0] {
		fmt.Fprintf(w, "%s %s", columns[0][row].Part, columns[0][row].Name)
		for _, column := range columns {
			fmt.Fprint(w, "\t"+column[row].Value)
		}
		fmt.Fprintln(w)
	}
	return nil
}

// parseTargets reads a list of targets; "all" is one for each release line.
func parseTargets(list string) ([]gates.Target, error) {
	if list == "all" {
		return gates.AllTargets(), nil
	}
	targets, err := gates.ParseTargets(list)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return targets, nil
}
