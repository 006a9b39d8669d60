package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
)

const createLong = `create makes clusters, waits until their nodes are ready, and verifies that each is what its target says. A cluster that
is there already, made of the same plan, is used again.

A failure or an interrupt takes away what was made, unless --keep is given; a second process does so if the program is killed.
Node images are the official ones; a machine without a registry needs --image, and --offline if the images were made by
build-image.`

// createFlags are the flags of create.
type createFlags struct {
	planFlags
	providerFlags
	keep, dryRun bool
	ready        time.Duration
	parallel     int
}

func newClustersCreate(s Streams) *cobra.Command {
	var f createFlags
	command := &cobra.Command{
		Use:     "create --target TARGET",
		Short:   "Create clusters, or use those that are there",
		Long:    createLong,
		Example: examples("clusters create --target 1.28-on --dry-run", "clusters create --target 1.28-off,1.29-on --image 1.29=mine:1 --offline --dry-run"),
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			plans, err := f.plans()
			if err != nil {
				return err
			}
			if f.parallel < 1 {
				return usage("--parallel %d: want 1 or more", f.parallel)
			}
			if f.dryRun {
				return printPlans(s, plans)
			}
			return f.create(command.Context(), s, plans)
		},
	}
	f.planFlags.add(command, "")
	f.providerFlags.add(command, s)
	flags := command.Flags()
	flags.BoolVar(&f.keep, "keep", false, "keep what there is of a cluster that could not be created")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the plans only")
	flags.DurationVar(&f.ready, "ready", 5*time.Minute, "wait this long until nodes are ready")
	flags.IntVar(&f.parallel, "parallel", 1, "clusters to create at the same time")
	return command
}

// create makes the clusters, some at the same time. One that fails does not stop the others.
func (f *createFlags) create(ctx context.Context, s Streams, plans []*clusters.Plan) error {
	p, err := f.provider(progressPrinter(s))
	if err != nil {
		return err
	}
	if err := p.Available(ctx); err != nil {
		return environment(err)
	}
	made := make([]*clusters.Cluster, len(plans))
	failed := make([]error, len(plans))
	places := make(chan struct{}, f.parallel)
	var all sync.WaitGroup
	for i, plan := range plans {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if failed[i] = ctx.Err(); failed[i] == nil {
				made[i], failed[i] = f.createOne(ctx, s, p, plan)
			}
		})
	}
	all.Wait()
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for i, c := range made {
		if c != nil && failed[i] == nil {
			fmt.Fprintf(w, "%s\t%s\t%s\n", strings.TrimPrefix(c.Name, clusters.Prefix), c.Label.Target, c.Kubeconfig)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if leftover, ok := errors.AsType[*clusters.LeftoverError](errors.Join(failed...)); ok && ctx.Err() != nil {
		fmt.Fprintf(s.Err, "error: %v\n", leftover) // an interrupt hides all other errors
	}
	return environment(errors.Join(failed...))
}

// createOne makes one cluster. Until it is ready, a guardian takes it away if this process is killed.
func (f *createFlags) createOne(ctx context.Context, s Streams, p *clusters.Provider, plan *clusters.Plan) (*clusters.Cluster, error) {
	if !f.keep {
		defer f.guardClusters(s)(plan.Name)()
	}
	return p.Create(ctx, plan, clusters.CreateOptions{Keep: f.keep, Ready: f.ready})
}

// progressPrinter writes one line for each step that begins, with the time since the first.
func progressPrinter(s Streams) func(clusters.Progress) {
	start := time.Now()
	return func(p clusters.Progress) {
		name := strings.TrimPrefix(p.Cluster, clusters.Prefix)
		at := fmt.Sprintf("%3.0fs", time.Since(start).Seconds())
		switch p.State {
		case clusters.Begun:
			fmt.Fprintf(s.Err, "%s  %s: %s\n", at, name, p.Step)
		case clusters.Failed:
			fmt.Fprintf(s.Err, "%s  %s: failed: %s\n", at, name, p.Step)
		case clusters.Warning:
			fmt.Fprintf(s.Err, "%s  %s: warning: %s\n", at, name, p.Step)
		}
	}
}
