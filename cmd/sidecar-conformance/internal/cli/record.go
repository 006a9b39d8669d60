package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

const recordLong = `record plays scenarios on a real cluster and writes what was seen of them, for judge. Without names it plays all that are
built in and that a cluster can play; with -f those of files. A recording holds its scenario, so that judge needs no file.

With --cluster, a cluster that clusters create made, the nodes are reached: the actor's image is put onto them, and the events
of containerd are heard, exact to the nanosecond. With --kubeconfig, any cluster, there are the watch and the journals only, and
the nodes must have the actor's image, or get it under the name of --actor-image. Either is verified to be its target first.

All happens in a namespace that is made for it and taken away at the end, also after an interrupt,
and by a second process if the program is killed. Nothing else is touched.

The recordings are written below --into, one directory for each target and one file for each family; those that are there
already and were not recorded now stay. Those of the chosen scenarios are replaced only with --update: without it, record says
which there are before it plays anything, and ends.

With pod/NAME it watches a Pod of somebody else's, changes nothing, and prints what it hears: until the Pod's end, --longest, or
the first Ctrl-C. With --into it writes the recording too; judge then says which of its assumptions do not hold: what happened
before the recording began was not heard, and no Pod of our own proves that the rest was.`

// recordFlags are the flags of record.
type recordFlags struct {
	doctorFlags
	into, actorImage string
	files            []string
	recursive        bool
	parallel, kind   int
	spacing, longest time.Duration
	restricted       bool
	dryRun, update   bool
	podFlags
}

func newRecord(s Streams) *cobra.Command {
	var f recordFlags
	command := &cobra.Command{
		Use:     "record [SCENARIO... | pod/NAME]",
		Short:   "Play scenarios on a real cluster, or watch a Pod there, and write what was seen",
		Long:    recordLong,
		Example: examples("record --dry-run", "record --dry-run slow-probe-grid termination", "record --dry-run -f pod.yaml"),
		RunE:    func(command *cobra.Command, names []string) error { return f.record(command.Context(), s, names) },
	}
	flags := command.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "file or directory of scenarios to play instead, or - for standard input; may be given several times")
	flags.BoolVarP(&f.recursive, "recursive", "R", false, "read the directories inside directories too")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster")
	flags.StringVar(&f.context, "context", "", "context of the kubeconfig")
	flags.StringVar(&f.cluster, "cluster", "", "name of a cluster that clusters create made")
	flags.StringVarP(&f.target, "target", "t", "", "what the cluster is, such as 1.29; known of those of --cluster")
	flags.StringVar(&f.dir, "dir", stateDir(s), "directory of the label files and kubeconfigs of clusters create")
	flags.StringVar(&f.into, "into", "", "directory to write to")
	flags.BoolVar(&f.update, "update", false, "replace the recordings of the chosen scenarios that are below --into")
	flags.StringVar(&f.actorImage, "actor-image", "", "name under which the nodes have the actor's image")
	flags.IntVar(&f.parallel, "parallel", 16, "Pods that play at once")
	flags.IntVar(&f.kind, "kind", 0, "kind of node to play on, for targets with several: its position, from 0")
	flags.DurationVar(&f.spacing, "spacing", time.Second, "least time between the creations of two Pods")
	flags.DurationVar(&f.longest, "longest", 15*time.Minute, "longest time to watch a Pod")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be played, and what cannot be and why; needs no cluster")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say how late the nodes were")
	flags.BoolVar(&f.restricted, "restricted", false, "take no more rights than Pod Security level restricted grants")
	f.podFlags.add(command)
	return command
}

func (f *recordFlags) record(ctx context.Context, s Streams, names []string) error {
	if pod, err := f.podNamed(names); pod != "" || err != nil {
		return f.recordPod(ctx, s, pod, err)
	}
	if f.dryRun {
		return f.list(s, names)
	}
	if f.into == "" {
		return usage("--into is missing: the directory to write recordings to")
	}
	if f.cluster != "" && (f.kubeconfig != "" || f.context != "") {
		return usage("--cluster and --kubeconfig with --context exclude each other")
	}
	if f.cluster == "" && f.target == "" {
		return usage("--target is missing: what the cluster is; doctor says it")
	}
	items, err := f.items(s, names)
	if err != nil {
		return err
	}
	if err := f.spareScenarios(items); err != nil {
		return err
	}
	cluster, err := f.recordOn(ctx, s)
	if err != nil {
		return err
	}
	o := observe.Options{Parallel: f.parallel, Kind: f.kind, Spacing: f.spacing, Longest: f.longest, Tool: "sidecar-conformance " + buildVersion(),
		Actor: actor.Options{Image: f.actorImage, Restricted: f.restricted}, Guard: s.guardNamespaces(f.dir)}
	session, err := observe.Suite(ctx, cluster, items, o, recordProgress(s))
	if session == nil {
		return environment(err)
	}
	if saveErr := recorded.Save(f.into, session.Recordings); saveErr != nil {
		err = errors.Join(err, saveErr)
	}
	for _, l := range session.Load {
		fmt.Fprintf(s.Err, "node %s: %d events, the recorder used %.1f%% of one CPU\n", l.Node, l.Events, 100*l.CPU.Seconds()/l.Of.Seconds())
	}
	if f.verbose {
		for _, d := range session.Delays {
			fmt.Fprintf(s.Err, "node %s was %v late at %s\n", d.Node, d.By.Round(time.Millisecond), d.At.Format(time.TimeOnly))
		}
	}
	fmt.Fprintf(s.Err, "%s of containers heard, %d lost\n", count(session.Runs, "run"), session.Lost)
	fmt.Fprintf(s.Out, "%s below %s\n", count(len(session.Recordings), "recording"), f.into)
	return environment(err)
}

// list prints what would be played.
func (f *recordFlags) list(s Streams, names []string) error {
	items, err := f.items(s, names)
	if err != nil {
		return err
	}
	played := 0
	for i := range items {
		why := runner.Unplayable(&items[i], actor.Options{Image: f.actorImage, Restricted: f.restricted})
		if why == "" {
			played++
			fmt.Fprintf(s.Out, "%s/%s\n", items[i].Family, items[i].Name)
			continue
		}
		fmt.Fprintf(s.Out, "%s/%s left out: %s\n", items[i].Family, items[i].Name, why)
	}
	fmt.Fprintf(s.Out, "%d of %s\n", played, count(len(items), "scenario"))
	return nil
}

// items are the scenarios of the files, or the built-in ones with the names, all if there are none.
func (f *recordFlags) items(s Streams, names []string) ([]fixtures.Item, error) {
	if len(f.files) == 0 {
		return builtinItems(names, "")
	}
	if len(names) > 0 {
		return nil, usage("names are of built-in scenarios; they and -f exclude each other")
	}
	loaded, err := fixtures.Load(s.Files, f.files, fixtures.Options{Recursive: f.recursive, Stdin: s.In})
	problems, items := []error{err}, loaded.Items
	from := map[string]string{}
	for i := range items {
		item := &items[i]
		if first := from[item.FullName()]; first != "" {
			problems = append(problems, fmt.Errorf("%s:%d: metadata.name: %q is in %s already; a recording is found by its name", item.File, item.Line, item.FullName(), first))
			continue
		}
		from[item.FullName()] = fmt.Sprintf("%s:%d", item.File, item.Line)
	}
	if err == nil && len(items) == 0 {
		problems = append(problems, errors.New("nothing to play is in the files of -f"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return items, nil
}

// builtinItems are the built-in scenarios of a profile with the names, all if there are none.
func builtinItems(names []string, profile fixtures.Profile) ([]fixtures.Item, error) {
	items, err := fixtures.Builtin()
	if err != nil {
		return nil, err
	}
	chosen, err := runner.Select(items, names, profile)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return chosen, nil
}

// recordOn opens the cluster and has it verified.
func (f *recordFlags) recordOn(ctx context.Context, s Streams) (observe.Cluster, error) {
	existing, own, target, err := f.find(ctx, s)
	if err != nil {
		return observe.Cluster{}, err
	}
	cluster, err := runner.Prepare(ctx, existing, own, target)
	return cluster, environment(err)
}

// find opens the cluster of the flags and says what it should be. Own is nil for a cluster that clusters create did not make.
func (f *doctorFlags) find(ctx context.Context, s Streams) (existing *clusters.Existing, own *clusters.Cluster, target gates.Target, err error) {
	if existing, err = f.open(s); err != nil {
		return nil, nil, target, err
	}
	name := f.target
	if f.cluster != "" {
		p, err := clusters.NewProvider(clusters.Config{Dir: f.dir, Runtime: f.runtime})
		if err != nil {
			return nil, nil, target, &exitError{exitUsage, err}
		}
		if own, err = p.Get(ctx, f.cluster); err != nil {
			return nil, nil, target, environment(err)
		}
		if name == "" {
			name = own.Label.Target
		}
	}
	targets, err := clusters.Find(name)
	if err != nil || len(targets) != 1 {
		return nil, nil, target, usage("--target %q is no target of one cluster: %v", name, err)
	}
	return existing, own, targets[0], nil
}

// recordProgress prints what goes on, one line for each scenario that comes to an end.
func recordProgress(s Streams) func(observe.Progress) {
	start := time.Now()
	return func(p observe.Progress) {
		if p.State == observe.Playing {
			return
		}
		why := ""
		if len(p.Reasons) > 0 {
			why = ": " + strings.Join(p.Reasons, "; ")
		}
		fmt.Fprintf(s.Err, "%4.0fs  %d/%d %s %v%s\n", time.Since(start).Seconds(), p.Done, p.All, p.Scenario, p.State, why)
	}
}
