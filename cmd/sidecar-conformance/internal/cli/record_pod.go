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
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
)

// podFlags are the flags of record pod/NAME alone.
type podFlags struct {
	space string
	wait  time.Duration
}

func (f *podFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVarP(&f.space, "namespace", "n", "", "namespace of pod/NAME (default \"default\")")
	flags.DurationVar(&f.wait, "wait", 0, "how long to wait for a pod/NAME that is not there yet")
}

// podKinds are the ways to say Pod in front of a name.
var podKinds = []string{"pod", "pods", "po"}

// podNamed returns the name of the Pod that is to be watched, empty if scenarios are to be played.
func (f *recordFlags) podNamed(names []string) (string, error) {
	var pods []string
	for _, name := range names {
		if kind, pod, ok := strings.Cut(name, "/"); ok && slices.Contains(podKinds, kind) {
			pods = append(pods, pod)
		}
	}
	switch {
	case len(pods) == 0 && (f.space != "" || f.wait != 0):
		return "", usage("--namespace and --wait go with pod/NAME")
	case len(pods) == 0:
		return "", nil
	case len(pods) < len(names):
		return "", usage("Pods and scenarios exclude each other: record watches one Pod, or plays scenarios")
	case len(pods) > 1:
		return "", usage("%d Pods are named; record watches one", len(pods))
	case pods[0] == "":
		return "", usage("the Pod has no name; write pod/NAME")
	case f.dryRun:
		return "", usage("--dry-run plays scenarios only; %s is only watched anyhow", names[0])
	case f.wait < 0:
		return "", usage("--wait %v is negative", f.wait)
	case f.cluster != "" && (f.kubeconfig != "" || f.context != ""):
		return "", usage("--cluster and --kubeconfig with --context exclude each other")
	}
	return pods[0], nil
}

// recordPod watches a Pod, prints what it hears, and with --into writes it. The error is that of podNamed.
func (f *recordFlags) recordPod(ctx context.Context, s Streams, pod string, err error) error {
	if err != nil {
		return err
	}
	if f.space == "" {
		f.space = "default"
	}
	cluster, err := f.clusterToWatch(ctx, s)
	if err != nil {
		return err
	}
	if f.into != "" {
		for _, target := range cluster.Target.Expand() { // nobody knows yet which kind of node it comes to
			if err := f.spare(target, []string{observe.FollowedName(f.space, pod)}); err != nil {
				return err
			}
		}
	}
	timeline := &timeline{s: s}
	out, err := observe.Follow(ctx, cluster, observe.Followed{Namespace: f.space, Name: pod, Wait: f.wait, Tell: timeline.tell},
		observe.Options{Longest: f.longest, Tool: "sidecar-conformance " + buildVersion()})
	if errors.Is(err, observe.ErrNoPod) {
		return environment(fmt.Errorf("%w; --wait waits for one that is to come, --namespace names another namespace", err))
	}
	if out == nil {
		return environment(err)
	}
	fmt.Fprintln(s.Err, untilWords[out.Until])
	if f.into != "" {
		err = errors.Join(err, recorded.Save(f.into, []*recorded.Recording{out.Recording}))
		if err == nil {
			fmt.Fprintf(s.Out, "1 recording below %s\n", f.into)
		}
	}
	if err == nil && out.Until == observe.UntilStopped {
		return &exitError{code: exitClean}
	}
	return environment(err)
}

var untilWords = [...]string{
	observe.UntilRemoved:  "the Pod is gone",
	observe.UntilTerminal: "the Pod has come to its end",
	observe.UntilLongest:  "the recording ends by --longest; the Pod goes on",
	observe.UntilStopped:  "the recording ends; the Pod goes on",
}

// clusterToWatch opens the cluster and finds out what it is. That it is what --target says must not be contradicted, but need not be seen
// in full: who may look at a Pod may often not look at nodes.
func (f *recordFlags) clusterToWatch(ctx context.Context, s Streams) (observe.Cluster, error) {
	var out observe.Cluster
	var err error
	if out.Existing, err = f.open(s); err != nil {
		return out, err
	}
	if f.cluster != "" {
		p, err := clusters.NewProvider(clusters.Config{Dir: f.dir})
		if err != nil {
			return out, &exitError{exitUsage, err}
		}
		own, err := p.Get(ctx, f.cluster)
		if err != nil {
			return out, environment(err)
		}
		out.Nodes = own
		if f.target == "" {
			f.target = own.Label.Target
		}
	}
	if out.Facts, err = clusters.Look(ctx, out.Existing.Client); err != nil {
		return out, environment(err)
	}
	if f.target == "" {
		measured, err := out.Facts.Target()
		if err != nil {
			return out, usage("what the cluster is could not be seen: %w; say it with --target", err)
		}
		f.target = measured.String()
	}
	targets, err := clusters.Find(f.target)
	if err != nil || len(targets) != 1 {
		return out, usage("--target %q is no target of one cluster: %v", f.target, err)
	}
	out.Target = targets[0]
	err = clusters.Refusal(out.Target, out.Facts.Compare(out.Target))
	if errors.Is(err, clusters.ErrUnverified) {
		fmt.Fprintf(s.Err, "note: %v\n", err)
		err = nil
	}
	return out, environment(err)
}
