package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

const doctorLong = `doctor looks at a cluster and says what it does to Pods with native sidecars: the release and the feature gates of the API
server and of every kubelet, and by which evidence they are known.

  metrics    the component's own series kubernetes_feature_enabled
  version    the release has one state only: the gate is locked, gone, or not yet there
  skew rule  the component was not seen, and every release that it may have has the same state

The cluster is that of --kubeconfig and --context, of $KUBECONFIG, of ~/.kube/config, or the one that the process runs in; or
--cluster, one that clusters create made; or -f, a file that doctor -o json wrote elsewhere. Nothing in it is changed.

Exit status: 1 if Pods with sidecars do not work on a node that takes Pods, or if the cluster is not what --target says; 3 if
it cannot be reached; 4 under --strict if something is unknown.`

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	providerFlags
	file, kubeconfig, context string
	cluster, target, output   string
	verbose, strict           bool
}

// doctorReport is what doctor -o json writes.
type doctorReport struct {
	*clusters.Facts
	// Target is what the cluster is, empty if that is not known.
	Target   string             `json:"target,omitempty"`
	Meanings []clusters.Meaning `json:"meanings"`
	// Expected is --target; Violations are the differences from it.
	Expected   string               `json:"expected,omitempty"`
	Violations []clusters.Violation `json:"violations,omitempty"`

	unknown error // why Target is not known
}

func newDoctor(s Streams) *cobra.Command {
	var f doctorFlags
	command := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what a cluster does to Pods with native sidecars, and how that is known",
		Long:    doctorLong,
		Example: examples("doctor -f cluster.facts", "doctor -f cluster.facts --target 1.29 -o json"),
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return f.run(command.Context(), s)
		},
	}
	flags := command.Flags()
	flags.StringVarP(&f.file, "filename", "f", "", "file that doctor -o json wrote, or - for standard input")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster")
	flags.StringVar(&f.context, "context", "", "context of the kubeconfig")
	flags.StringVar(&f.cluster, "cluster", "", "name of a cluster that clusters create made")
	flags.StringVarP(&f.target, "target", "t", "", "what the cluster should be, such as 1.29 or 1.31/1.28")
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show all gates that change an order or a status")
	flags.BoolVar(&f.strict, "strict", false, "end with status 4 if something is unknown")
	flags.StringVar(&f.dir, "dir", stateDir(s), "directory of the label files and kubeconfigs")
	return command
}

func (f *doctorFlags) run(ctx context.Context, s Streams) error {
	target, err := f.check()
	if err != nil {
		return err
	}
	facts, err := f.facts(ctx, s)
	if err != nil {
		return err
	}
	r := doctorReport{Facts: facts, Meanings: facts.Meanings()}
	measured, err := facts.Target()
	if r.unknown = err; err == nil {
		r.Target = measured.String()
	}
	if target != nil {
		r.Expected, r.Violations = target.String(), facts.Compare(*target)
	}
	if f.output == "json" {
		encoder := json.NewEncoder(s.Out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(r)
	} else {
		err = r.print(s, f.verbose)
	}
	if err != nil {
		return err
	}
	return r.status(f.strict)
}

// check reads the flags. The target is nil without --target.
func (f *doctorFlags) check() (*gates.Target, error) {
	var problems []error
	sources := 0
	for _, given := range []bool{f.file != "", f.kubeconfig != "" || f.context != "", f.cluster != ""} {
		if given {
			sources++
		}
	}
	if sources > 1 {
		problems = append(problems, errors.New("-f, --cluster and --kubeconfig with --context exclude each other"))
	}
	if f.output != "text" && f.output != "json" {
		problems = append(problems, fmt.Errorf("format %q is not known; known are text, json", f.output))
	}
	var target *gates.Target
	if f.target != "" {
		targets, err := clusters.Find(f.target)
		switch {
		case err != nil:
			problems = append(problems, err)
		case len(targets) != 1:
			problems = append(problems, fmt.Errorf("--target %q is %d targets; a cluster is one", f.target, len(targets)))
		default:
			target = &targets[0]
		}
	}
	if len(problems) > 0 {
		return nil, &exitError{exitUsage, errors.Join(problems...)}
	}
	return target, nil
}

func (f *doctorFlags) facts(ctx context.Context, s Streams) (*clusters.Facts, error) {
	if f.file != "" {
		return f.read(s)
	}
	cluster, err := f.open(s)
	if err != nil {
		return nil, err
	}
	facts, err := clusters.Look(ctx, cluster.Client)
	if err != nil {
		return nil, environment(fmt.Errorf("%w; is the cluster up, and is it the one that is meant?", err))
	}
	return facts, nil
}

func (f *doctorFlags) read(s Streams) (*clusters.Facts, error) {
	in := s.In
	if f.file != "-" {
		file, err := s.Files.Open(f.file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usage("%s: there is no such file", f.file)
		}
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		defer file.Close()
		in = file
	}
	facts, err := clusters.ReadFacts(in)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("%s: %w", f.file, err)}
	}
	return facts, nil
}

// open finds the cluster. A kubeconfig that is not there is bad input; one that leads nowhere is found out later.
func (f *doctorFlags) open(s Streams) (*clusters.Existing, error) {
	from := clusters.Kubeconfig{File: f.kubeconfig, Context: f.context}
	switch {
	case f.cluster != "":
		p, err := clusters.NewProvider(clusters.Config{Dir: f.dir})
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		if from.File, err = p.Kubeconfig(f.cluster); err != nil {
			return nil, usage("there is no cluster %q that was created here; clusters list shows them", f.cluster)
		}
	case f.kubeconfig == "" && s.Env("KUBECONFIG") != "":
		from.Files = filepath.SplitList(s.Env("KUBECONFIG"))
	case f.kubeconfig == "":
		from.Files = []string{filepath.Join(s.Env("HOME"), ".kube", "config")}
	}
	cluster, err := clusters.Open(from)
	if err != nil {
		return nil, usage("%w; name a cluster with --kubeconfig or --cluster", err)
	}
	return cluster, nil
}

// status turns the report into an exit status.
func (r *doctorReport) status(strict bool) error {
	findings, unknowns := 0, 0
	for _, m := range r.Meanings {
		switch {
		case m.Closed != "":
		case m.Works == clusters.Unknown:
			unknowns++
		case m.Works == clusters.Off && r.Expected == "":
			findings++ // with a target, it may be what the target says
		}
	}
	for _, v := range r.Violations {
		if v.Unverified {
			unknowns++
			continue
		}
		findings++
	}
	switch {
	case findings > 0:
		return &exitError{code: exitFindings}
	case unknowns > 0 && strict:
		return &exitError{code: exitUnknown}
	}
	return nil
}

func (r *doctorReport) print(s Streams, verbose bool) error {
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COMPONENT\tRELEASE\tSIDECARS\tEVIDENCE\tBECAUSE")
	components := r.components()
	for _, c := range components {
		g := c.Gate(gates.SidecarContainers)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.Name, orDash(c.Version), g.State, g.Evidence, g.Because)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if verbose {
		r.printGates(s, components)
	}
	fmt.Fprintln(s.Out, "\nPods with native sidecars:")
	for _, m := range r.Meanings {
		closed := ""
		if m.Closed != "" {
			closed = " (takes no Pods: " + m.Closed + ")"
		}
		fmt.Fprintf(s.Out, "  %s  %s: %s%s\n", verdictWord(m.Works), m.Component, m.Text, closed)
	}
	fmt.Fprintln(s.Out)
	if r.unknown != nil {
		fmt.Fprintf(s.Out, "No target stands for the cluster: %v\n", r.unknown)
	} else {
		fmt.Fprintf(s.Out, "The cluster is --target %s\n", r.Target)
	}
	for _, p := range r.Missing {
		fmt.Fprintf(s.Out, "Missing permission: %s; clusters rbac --read-only prints the role\n", p)
	}
	if r.Expected != "" && len(r.Violations) == 0 {
		fmt.Fprintf(s.Out, "Verified: it is %s\n", r.Expected)
	}
	for i, v := range r.Violations {
		if i == 0 {
			fmt.Fprintf(s.Out, "Against --target %s:\n", r.Expected)
		}
		works := clusters.Off
		if v.Unverified {
			works = clusters.Unknown
		}
		fmt.Fprintf(s.Out, "  %s  %s\n           %s\n", verdictWord(works), v, v.Remedy)
	}
	return nil
}

func (r *doctorReport) components() []*clusters.Component {
	components := []*clusters.Component{&r.API}
	for i := range r.Nodes {
		components = append(components, &r.Nodes[i].Component)
	}
	if r.Kubelets != nil {
		components = append(components, r.Kubelets)
	}
	return components
}

// printGates has one row for each gate and one column for each component.
func (r *doctorReport) printGates(s Streams, components []*clusters.Component) {
	fmt.Fprintln(s.Out)
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	names := make([]string, len(components))
	for i, c := range components {
		names[i] = c.Name
	}
	fmt.Fprintf(w, "GATE\t%s\n", strings.Join(names, "\t"))
	for _, g := range gates.Gates() {
		fmt.Fprint(w, g.Name)
		for _, c := range components {
			state := c.Gate(g.Name)
			fmt.Fprintf(w, "\t%s (%s)", state.State, state.Evidence)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

// verdictWord is one of the words for people, all of the same width.
func verdictWord(works clusters.State) string {
	switch works {
	case clusters.On:
		return "pass   "
	case clusters.Off:
		return "fail   "
	}
	return "unknown"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
