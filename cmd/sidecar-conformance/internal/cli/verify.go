package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

const verifyLong = `verify holds the simulator against something, scenario by scenario and target by target, and reports what came of it.

  --against recordings   what clusters did: the recordings that are built in, or those of --recordings
  --against oracle       what the real kubelets did in virtual time, exactly
  --against sim          what the scenarios expect; needs nothing
  --against kind         clusters that are made with kind for each target, one after the other, and taken away again,
                         by a second process if the program is killed
  --against kubeconfig   the cluster of --kubeconfig and --context, or of --cluster; it must be --target

Names are those of built-in scenarios or families. Without --target all targets are taken that the source has; sim and kind take the
clusters of the matrix. A cluster is verified to be its target before anything runs on it. Against a cluster, the report says also
where a verdict is another one than that of the recordings that are built in.

Exit status: 1 if something diverges that is not known to, else 3 if something is inconclusive or nothing was judged, else 4 under
--strict if something is unknown.`

// verifyFlags are the flags of verify.
type verifyFlags struct {
	recordFlags
	plan       planFlags
	against    string
	recordings []string
	keep       bool
	ready      time.Duration
	profile    string
	reports    []string
	maxSlack   time.Duration
	names      []string
	// command is the whole command line, again what of it holds for a single case; for reports.
	command, again string
}

func newVerify(s Streams) *cobra.Command {
	var f verifyFlags
	command := &cobra.Command{
		Use:   "verify [SCENARIO|FAMILY...]",
		Short: "Hold the simulator against recordings, real kubelets or clusters, and report",
		Long:  verifyLong,
		Example: examples("verify --against sim --profile core", "verify termination --against oracle --target 1.28+SidecarContainers,1.29..1.37",
			"verify --recordings recordings.jsonl.zst deleted-app-that-exits-zero",
			"verify --against sim --target 1.29 -o markdown --report junit=report.xml --report json=report.json"),
		RunE: func(command *cobra.Command, names []string) error {
			f.names = names
			f.command, f.again = commandLine(command, names)
			return f.verify(command.Context(), s)
		},
	}
	f.add(command, s)
	return command
}

func (f *verifyFlags) add(command *cobra.Command, s Streams) {
	f.providerFlags.add(command, s)
	flags := command.Flags()
	flags.StringVar(&f.against, "against", string(report.Recordings), "recordings, oracle, sim, kind or kubeconfig")
	flags.StringVarP(&f.target, "target", "t", "", "targets such as 1.29, 1.28+SidecarContainers or 1.31/1.28, lists and ranges of them,\nclusters of the matrix, or all")
	flags.StringVar(&f.profile, "profile", "all", "core, extended or all")
	flags.StringArrayVar(&f.recordings, "recordings", nil, "file or directory that record wrote; may be given several times")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster")
	flags.StringVar(&f.context, "context", "", "context of the kubeconfig")
	flags.StringVar(&f.cluster, "cluster", "", "name of a cluster that clusters create made")
	flags.StringArrayVar(&f.plan.images, "image", nil, "node image in place of the official one, as IMAGE or RELEASE=IMAGE; may be given several times")
	flags.BoolVar(&f.plan.offline, "offline", false, "for node images without images of Pods for network and DNS, as build-image makes them")
	flags.BoolVar(&f.keep, "keep", false, "keep the clusters that were made")
	flags.DurationVar(&f.ready, "ready", 5*time.Minute, "wait this long until nodes are ready")
	flags.StringVar(&f.actorImage, "actor-image", "", "name under which the nodes have the actor's image")
	flags.BoolVar(&f.restricted, "restricted", false, "take no more rights than Pod Security level restricted grants")
	flags.IntVar(&f.parallel, "parallel", 16, "Pods that play at once")
	flags.DurationVar(&f.spacing, "spacing", time.Second, "least time between the creations of two Pods")
	flags.DurationVar(&f.longest, "longest", 15*time.Minute, "longest time to watch a Pod")
	flags.StringVar(&f.into, "into", "", "directory to keep the recordings in")
	flags.DurationVar(&f.maxSlack, "max-slack", 0, "largest delay of a node that still proves something (default 3s)")
	flags.StringVarP(&f.output, "output", "o", "text", "text, json, junit or markdown")
	flags.StringArrayVar(&f.reports, "report", nil, "also write FORMAT=FILE; may be given several times")
	flags.BoolVar(&f.strict, "strict", false, "end with status 4 if something is unknown")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "print a line for each case that comes to its end, also without a cluster")
}

// verification is what the flags ask for.
type verification struct {
	flags    *verifyFlags
	streams  Streams
	source   report.Source
	config   runner.Config
	from     runner.Recordings
	plans    []*clusters.Plan
	sinks    []reportSink
	progress *board
}

func (f *verifyFlags) verify(ctx context.Context, s Streams) error {
	v := &verification{flags: f, streams: s, source: report.Source(f.against)}
	if err := v.prepare(); err != nil {
		return err
	}
	r, err := v.run(ctx)
	if r == nil {
		return errors.Join(err, v.closeSinks())
	}
	v.progress.end()
	r.Tool, r.Reproduce = "sidecar-conformance "+buildVersion(), f.command
	if v.live() {
		r.Date = time.Now().UTC().Format(time.RFC3339)
	}
	for _, sink := range v.sinks {
		if writeErr := r.Write(sink.out, sink.format); writeErr != nil {
			err = errors.Join(err, fmt.Errorf("writing the report as %s: %w", sink.format, writeErr))
		}
	}
	if err := errors.Join(err, v.closeSinks()); err != nil {
		if ctx.Err() != nil {
			fmt.Fprintf(s.Err, "error: %v\n", err) // an interrupt hides all other errors
		}
		return environment(err)
	}
	return ending(r, f.strict)
}

// ending turns a report into an exit status.
func ending(r *report.Report, strict bool) error {
	switch r.Ending(strict) {
	case report.Found:
		return &exitError{code: exitFindings}
	case report.NotProven:
		var err error
		if c := r.Count("", ""); c[report.Inconclusive] == 0 {
			err = errors.New("nothing was judged")
		}
		return &exitError{exitEnvironment, err}
	case report.OnlyUnknown:
		return &exitError{code: exitUnknown}
	}
	return nil
}

func (v *verification) live() bool { return v.source == report.Kind || v.source == report.Kubeconfig }

// prepare checks the flags and turns them into values. It reports all problems of the flags at once.
func (v *verification) prepare() error {
	f := v.flags
	var problems []error
	complain := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !slices.Contains(report.Sources(), v.source) {
		complain("--against %q is not known; known are recordings, oracle, sim, kind, kubeconfig", f.against)
	}
	for _, only := range []struct {
		flag   string
		given  bool
		source report.Source
	}{
		{"--recordings", len(f.recordings) > 0, report.Recordings}, {"--image", len(f.plan.images) > 0, report.Kind}, {"--keep", f.keep, report.Kind},
		{"--kubeconfig", f.kubeconfig != "", report.Kubeconfig}, {"--context", f.context != "", report.Kubeconfig}, {"--cluster", f.cluster != "", report.Kubeconfig},
	} {
		if only.given && v.source != only.source {
			complain("%s is for --against %s", only.flag, only.source)
		}
	}
	if f.into != "" && !v.live() {
		complain("--into keeps what is recorded; nothing is recorded --against %s", f.against)
	}
	if f.cluster != "" && (f.kubeconfig != "" || f.context != "") {
		complain("--cluster and --kubeconfig with --context exclude each other")
	}
	if v.source == report.Kubeconfig && f.cluster == "" && f.target == "" {
		complain("--target is missing: what the cluster is; doctor says it")
	}
	profile := fixtures.Profile(f.profile)
	if f.profile == "all" {
		profile = ""
	} else if !slices.Contains(fixtures.Profiles(), profile) {
		complain("--profile %q: want core, extended or all", f.profile)
	}
	if err := v.openSinks(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return &exitError{exitUsage, errors.Join(problems...)}
	}
	items, err := builtinItems(f.names, profile)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return usage("none of the scenarios is %s", f.profile)
	}
	v.config = runner.DefaultConfig(items, nil)
	v.config.Unlisted = len(f.names) == 0 && profile != fixtures.ProfileCore
	if f.maxSlack > 0 {
		v.config.How.MaxSlack = f.maxSlack
	}
	again := f.again
	v.config.Again = func(scenario, target string) string {
		return strings.Join([]string{"sidecar-conformance verify", scenario, "--target", quoteArg(target) + again}, " ")
	}
	return v.targets()
}

// targets finds the targets of the source and, for kind, the plans of their clusters.
func (v *verification) targets() error {
	f := v.flags
	var err error
	switch {
	case v.source == report.Kubeconfig:
		return nil // the cluster says it
	case v.source == report.Kind:
		if f.plan.target = f.target; f.target == "" {
			f.plan.target = "all"
		}
		v.plans, err = f.plan.plans()
		return err
	case v.source == report.Recordings:
		v.from = runner.BuiltIn()
		if len(f.recordings) > 0 {
			v.from, err = runner.FromFiles(v.streams.Files, f.recordings)
		} else if v.config.Known, err = recorded.KnownDivergences(); err != nil {
			return err
		}
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if f.target == "" || f.target == "all" {
		v.config.Targets, err = v.defaultTargets()
	} else {
		v.config.Targets, err = clusters.Find(f.target)
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	for _, target := range runner.Expand(v.config.Targets) {
		if _, err := gates.Resolve(target); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	return nil
}

func (v *verification) defaultTargets() ([]gates.Target, error) {
	switch v.source {
	case report.Sim:
		return runner.MatrixTargets(), nil
	case report.Oracle:
		return runner.OracleTargets(), nil
	}
	targets, err := v.from.All()
	if err == nil && len(targets) == 0 {
		err = errors.New("there is nothing to verify: no recordings are built in; name some with --recordings, or another source with --against")
	}
	return targets, err
}

func (v *verification) run(ctx context.Context) (*report.Report, error) {
	v.progress = newBoard(v.streams, v.live() || v.flags.verbose)
	v.config.Progress = v.progress.take
	switch v.source {
	case report.Sim:
		return runner.Simulate(ctx, v.config)
	case report.Recordings:
		return runner.Judge(ctx, v.config, v.from)
	case report.Oracle:
		return runner.JudgeOracle(ctx, v.config)
	}
	return v.runLive(ctx)
}

func (v *verification) runLive(ctx context.Context) (*report.Report, error) {
	f := v.flags
	on := runner.Clusters{
		Source: v.source, Compare: runner.BuiltIn(),
		Observe: observe.Options{Parallel: f.parallel, Spacing: f.spacing, Longest: f.longest, Tool: "sidecar-conformance " + buildVersion(),
			Actor: actor.Options{Image: f.actorImage, Restricted: f.restricted}, Guard: v.streams.guardNamespaces(f.dir)},
	}
	if f.into != "" {
		on.Keep = func(list []*recorded.Recording) error { return recorded.Save(f.into, list) }
	}
	if v.source == report.Kubeconfig {
		existing, own, target, err := f.find(ctx, v.streams)
		if err != nil {
			return nil, err
		}
		on.Places = []runner.Place{runner.OnExisting(existing, own, target)}
		return runner.Live(ctx, v.config, on)
	}
	provider, err := f.provider(v.progress.cluster(v.plans))
	if err != nil {
		return nil, err
	}
	if err := provider.Available(ctx); err != nil {
		return nil, environment(err)
	}
	for _, plan := range v.plans {
		on.Places = append(on.Places, runner.OnKind(provider, plan, runner.KindOptions{Keep: f.keep, Ready: f.ready, Guard: f.guardClusters(v.streams)}))
	}
	return runner.Live(ctx, v.config, on)
}
