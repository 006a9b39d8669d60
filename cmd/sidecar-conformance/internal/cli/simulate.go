package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// simulateFlags are the flags as given.
type simulateFlags struct {
	files             []string
	recursive         bool
	target, output    string
	at                time.Duration
	why               string
	seed              uint64
	seeds             int
	horizon           time.Duration
	behavior, reports []string
	verbose, ascii    bool
	strict            bool
	hasAt, hasTargets bool
	deleteAt          time.Duration
	hasDelete         bool
	names             []string // of built-in scenarios
}

const simulateLong = `simulate runs Pods in virtual time and shows in what order their containers start, restart and stop, when, and why.

Input is a Pod, Job, CronJob, Deployment, StatefulSet, DaemonSet, a List of them, or a scenario file; or the name of a
built-in scenario. Of a Job all Pods are run, as its controller makes them; of a CronJob one Job; any other workload stands for
one Pod of it. What the input leaves open is assumed, and the output says so.

One target shows a timeline; several targets show a comparison that marks the first difference. Without --target a
manifest runs on the newest release, and a scenario on the targets that it names.

More than four Pods of input give one line each instead.`

func newSimulate(s Streams) *cobra.Command {
	var f simulateFlags
	command := &cobra.Command{
		Use:   "simulate -f FILE|DIR|- | NAME",
		Short: "Predict the order of a Pod's containers",
		Long:  simulateLong,
		Example: examples(
			"simulate -f pod.yaml --delete-at 60s",
			"simulate -f pod.yaml --target 1.28,1.28+SidecarContainers,1.29..1.37",
			"simulate reverse-stop-order --target 1.29",
			"simulate -f pod.yaml --delete-at 60s --at 65s",
			"simulate -f pod.yaml --why app/running",
			"simulate -f pod.yaml --seeds 20",
			"simulate -f pod.yaml --behavior 'app=runs: [{for: 5s, exitCode: 1}]' --horizon 2m",
			"simulate -f pod.yaml -o mermaid",
			"simulate -R -f . -o json > traces.jsonl",
			"simulate -f pod.yaml --report json=trace.json --report mermaid=trace.mmd",
			"simulate -f - < pod.yaml",
		),
		RunE: func(command *cobra.Command, names []string) error {
			f.names = names
			changed := command.Flags().Changed
			f.hasAt, f.hasTargets, f.hasDelete = changed("at"), changed("target"), changed("delete-at")
			return simulate(command.Context(), f, s)
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "file, directory, or - for standard input; may be given several times")
	flags.BoolVarP(&f.recursive, "recursive", "R", false, "read the directories inside directories too")
	flags.StringVarP(&f.target, "target", "t", "", "Kubernetes releases, such as 1.29, 1.28+SidecarContainers, 1.31/1.28 (API server/node),\nlists and ranges of them (1.28,1.30..1.37), or all")
	flags.StringVarP(&f.output, "output", "o", "text", "text, json, yaml or mermaid")
	flags.DurationVar(&f.at, "at", 0, "show the Pod as kubectl would print it at this time, such as 12s")
	flags.StringVar(&f.why, "why", "", "show the causes of an event: its number in the list, or CONTAINER/KIND[#N] such as app/running#2,\npod/removed")
	flags.Uint64Var(&f.seed, "seed", 0, "choose what a real node leaves open (phases, jitter, latencies) at random; 0 is the nominal run")
	flags.IntVar(&f.seeds, "seeds", 0, "run this many seeds and show the distinct orders: what could differ")
	flags.DurationVar(&f.deleteAt, "delete-at", 0, "delete the Pod at this time, such as 60s")
	flags.DurationVar(&f.horizon, "horizon", 0, "stop after this much virtual time")
	flags.StringArrayVar(&f.behavior, "behavior", nil, "what a container's processes do, as CONTAINER=BEHAVIOR, in the form of a scenario's behavior")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show the kubelet's inner steps too")
	flags.BoolVar(&f.strict, "strict", false, "end with status 4 if a result is unknown because the input sets what is not simulated")
	flags.BoolVar(&f.ascii, "ascii", false, "draw with ASCII characters only")
	flags.StringArrayVar(&f.reports, "report", nil, "also write FORMAT=FILE; may be given several times")
	return command
}

// target is one target ready to run.
type target struct {
	gates.Target
	resolved gates.Resolved
	rules    trace.PrintRules
}

func resolveAll(list []gates.Target) ([]target, error) {
	var targets []target
	for _, t := range list {
		for _, one := range t.Expand() {
			resolved, err := gates.Resolve(one)
			if err != nil {
				return nil, &exitError{exitUsage, err}
			}
			targets = append(targets, target{one, resolved, trace.PrintRules{
				TerminatingHidesTerminal:     resolved.API.TerminatingHidesTerminal,
				FailureShowsThroughCompleted: resolved.API.FailureShowsThroughCompleted,
			}})
		}
	}
	return targets, nil
}

// simulation is what the flags ask for.
type simulation struct {
	flags   simulateFlags
	streams Streams
	// targets are those of --target; nil means that each item says.
	targets     []target
	all, newest []target
	config      sim.Config
	sinks       []sink
	many        bool
}

func simulate(ctx context.Context, f simulateFlags, streams Streams) error {
	s := &simulation{flags: f, streams: streams, config: sim.DefaultConfig()}
	s.config.Seed = f.seed
	overrides, err := s.prepare()
	if err != nil {
		return err
	}
	documents, err := s.documents(overrides)
	if err != nil {
		return err
	}
	return errors.Join(s.run(ctx, documents), s.closeReports())
}

// prepare checks the flags and turns them into values.
func (s *simulation) prepare() ([]fixtures.Override, error) {
	f := &s.flags
	var problems []error
	complain := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(f.files)+len(f.names) == 0 {
		complain("nothing to simulate; name files with -f, or a built-in scenario (scenario list shows them)")
	}
	if len(f.files) > 0 && len(f.names) > 0 {
		complain("files are named with -f; %q is taken for a built-in scenario, which cannot be combined with -f", strings.Join(f.names, " "))
	}
	views := 0
	for _, asked := range []bool{f.hasAt, f.why != "", f.seeds != 0} {
		if asked {
			views++
		}
	}
	if views > 1 {
		complain("--at, --why and --seeds exclude each other")
	}
	if views == 1 && f.output != "text" {
		complain("--at, --why and --seeds print text; leave -o %s out", f.output)
	}
	if f.at < 0 || f.horizon < 0 || f.seeds < 0 || f.deleteAt < 0 {
		complain("--at, --delete-at, --horizon and --seeds cannot be negative")
	}
	if f.seeds > 0 && f.seed > 0 {
		complain("--seed and --seeds exclude each other")
	}
	if f.hasTargets {
		list, err := parseTargets(f.target)
		if err == nil {
			s.targets, err = resolveAll(list)
		}
		if err != nil {
			problems = append(problems, err)
		}
	}
	overrides, wrong := parseOverrides(f.behavior)
	problems = append(problems, wrong...)
	if err := s.openSinks(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, &exitError{exitUsage, errors.Join(problems...)}
	}
	return overrides, nil
}

// targetsOf returns the targets to run an item on.
func (s *simulation) targetsOf(item *fixtures.Item) ([]target, error) {
	switch {
	case s.targets != nil:
		return s.targets, nil
	case item.Kind != fixtures.ScenarioKind:
		return s.newest, nil
	case len(item.Targets) == 0:
		return s.all, nil
	}
	return resolveAll(item.Targets)
}

// parseOverrides reads the values of --behavior. It returns every error.
func parseOverrides(texts []string) (overrides []fixtures.Override, problems []error) {
	for _, text := range texts {
		o, err := fixtures.ParseOverride(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		overrides = append(overrides, o)
	}
	return overrides, problems
}
