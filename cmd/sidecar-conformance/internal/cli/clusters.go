package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
)

const clustersLong = `clusters makes real clusters for targets with kind, in containers of this machine.

Each cluster has one node for each kind of node of its target. Its name begins with ` + clusters.Prefix + ` and it has a
label file in a directory of its own: only clusters made here are ever listed or deleted.`

func newClusters(s Streams) *cobra.Command {
	command := &cobra.Command{
		Use:     "clusters",
		Short:   "Plan, create, list and delete kind clusters for targets",
		Long:    clustersLong,
		Example: examples("clusters list", "clusters plan --target 1.29-mixed"),
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(newClustersList(s), newClustersPlan(s), newClustersCreate(s), newClustersDelete(s), newClustersRBAC(s),
		newClustersBuildImage(s))
	return command
}

// providerFlags say where clusters are.
type providerFlags struct{ dir, runtime string }

func (f *providerFlags) add(command *cobra.Command, s Streams) {
	flags := command.Flags()
	flags.StringVar(&f.dir, "dir", stateDir(s), "directory of the label files and kubeconfigs")
	flags.StringVar(&f.runtime, "runtime", "docker", "container runtime: docker, podman or nerdctl")
}

// stateDir is where programs keep what outlives them, by the rules of XDG.
func stateDir(s Streams) string {
	base := s.Env("XDG_STATE_HOME")
	if base == "" {
		base = filepath.Join(s.Env("HOME"), ".local", "state")
	}
	return filepath.Join(base, "sidecar-conformance", "clusters")
}

func (f *providerFlags) provider(progress func(clusters.Progress)) (*clusters.Provider, error) {
	p, err := clusters.NewProvider(clusters.Config{Dir: f.dir, Runtime: f.runtime, Progress: progress})
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return p, nil
}

// environment turns what goes wrong with clusters into the exit status 3.
func environment(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitEnvironment, err}
}

// planFlags say how a target is turned into a cluster.
type planFlags struct {
	target, name   string
	images         []string
	copies         int
	apart, offline bool
	cgroupV1       bool
	runtimeConfig  []string
}

func (f *planFlags) add(command *cobra.Command, target string) {
	flags := command.Flags()
	flags.StringVarP(&f.target, "target", "t", target, "clusters of the matrix (clusters list shows them), targets such as 1.31/1.28,\nlists of them, or all")
	flags.StringVar(&f.name, "name", "", "end of the cluster's name, for one target")
	flags.StringArrayVar(&f.images, "image", nil, "node image in place of the official one, as IMAGE or RELEASE=IMAGE such as\n1.29=registry.example/node:v1.29.15; may be given several times")
	flags.IntVar(&f.copies, "copies", 1, "nodes of each kind")
	flags.BoolVar(&f.apart, "apart", false, "keep Pods off the control plane's node, as scenarios that reboot nodes need")
	flags.BoolVar(&f.offline, "offline", false, "for node images without images of Pods for network and DNS, as build-image makes them")
	flags.BoolVar(&f.cgroupV1, "cgroup-v1", false, "have kubelets start on a host with cgroup v1")
	flags.StringArrayVar(&f.runtimeConfig, "runtime-config", nil, "turn an API on or off, such as api/alpha=true; may be given several times")
}

// plans returns one plan for each target. It reports all problems at once.
func (f *planFlags) plans() ([]*clusters.Plan, error) {
	if f.target == "" {
		return nil, usage("name the clusters with --target; clusters list shows those of the matrix")
	}
	targets, err := clusters.Find(f.target)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if f.name != "" && len(targets) > 1 {
		return nil, usage("--name names one cluster, and %d targets are given", len(targets))
	}
	var problems []error
	var images []clusters.Image
	for _, text := range f.images {
		image, err := clusters.ParseImage(text)
		if err != nil {
			problems = append(problems, err)
		}
		images = append(images, image)
	}
	var plans []*clusters.Plan
	for _, t := range targets {
		plan, err := clusters.NewPlan(t, clusters.Options{Name: f.name, Images: clusters.ImagesFor(images, t), Copies: f.copies,
			Apart: f.apart, Offline: f.offline, CgroupV1: f.cgroupV1, RuntimeConfig: f.runtimeConfig})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if !slices.ContainsFunc(plans, func(other *clusters.Plan) bool { return other.Name == plan.Name }) {
			plans = append(plans, plan)
		}
	}
	problems = append(problems, clusters.UnusedImages(images, targets))
	if err := errors.Join(problems...); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return plans, nil
}

func newClustersPlan(s Streams) *cobra.Command {
	var f planFlags
	command := &cobra.Command{
		Use:   "plan",
		Short: "Print what would be created, as the configuration of kind",
		Example: examples("clusters plan --target 1.29-mixed", "clusters plan --target 1.28+SidecarContainers --offline",
			"clusters plan --target 1.29..1.31 --image 1.30=registry.example/node:v1.30.14", "clusters plan > all.yaml"),
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			plans, err := f.plans()
			if err != nil {
				return err
			}
			return printPlans(s, plans)
		},
	}
	f.add(command, "all")
	return command
}

func printPlans(s Streams, plans []*clusters.Plan) error {
	for i, plan := range plans {
		if i > 0 {
			fmt.Fprintln(s.Out, "---")
		}
		if _, err := fmt.Fprint(s.Out, plan); err != nil {
			return err
		}
	}
	return nil
}

// clusterRow is one line of clusters list.
type clusterRow struct {
	Name       string `json:"name"`
	Target     string `json:"target"`
	State      string `json:"state"`
	Why        string `json:"why,omitempty"`
	Kubeconfig string `json:"kubeconfig,omitempty"`
}

func newClustersList(s Streams) *cobra.Command {
	var f providerFlags
	var output string
	command := &cobra.Command{
		Use:     "list",
		Short:   "List the clusters of the matrix, and those that were created",
		Example: examples("clusters list", "clusters list -o json"),
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usage("format %q is not known; known are text, json", output)
			}
			p, err := f.provider(nil)
			if err != nil {
				return err
			}
			made, err := p.List(command.Context())
			if err != nil {
				return environment(err)
			}
			rows := clusterRows(made)
			if output == "json" {
				encoder := json.NewEncoder(s.Out)
				encoder.SetIndent("", "  ")
				return encoder.Encode(rows)
			}
			w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tTARGET\tSTATE\tWHY")
			for _, r := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Name, r.Target, r.State, r.Why)
			}
			return w.Flush()
		},
	}
	f.add(command, s)
	command.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return command
}

// clusterRows are the entries of the matrix, then the other clusters.
func clusterRows(made []*clusters.Cluster) []clusterRow {
	var rows []clusterRow
	for _, cell := range clusters.Matrix() {
		rows = append(rows, clusterRow{Name: cell.Name, Target: cell.Target.String(), State: "-", Why: cell.Why})
	}
	for _, c := range made {
		name := strings.TrimPrefix(c.Name, clusters.Prefix)
		i := slices.IndexFunc(rows, func(r clusterRow) bool { return r.Name == name && r.Target == c.Label.Target })
		if i < 0 {
			rows = append(rows, clusterRow{Name: name, Target: c.Label.Target})
			i = len(rows) - 1
		}
		rows[i].State, rows[i].Kubeconfig = string(c.State), c.Kubeconfig
	}
	return rows
}

func newClustersDelete(s Streams) *cobra.Command {
	var f providerFlags
	var all, force bool
	command := &cobra.Command{
		Use:     "delete NAME... | --all",
		Short:   "Delete clusters that were created here",
		Example: examples("clusters delete --all"),
		RunE: func(command *cobra.Command, names []string) error {
			if all == (len(names) > 0) {
				return usage("name clusters, or give --all; clusters list shows them")
			}
			p, err := f.provider(nil)
			if err != nil {
				return err
			}
			if all {
				made, err := p.List(command.Context())
				if err != nil {
					return environment(err)
				}
				for _, c := range made {
					names = append(names, c.Name)
				}
			}
			return deleteAll(command.Context(), s, p, names, force)
		},
	}
	f.add(command, s)
	command.Flags().BoolVar(&all, "all", false, "delete all of them")
	command.Flags().BoolVar(&force, "force", false, "delete them even while a process seems to create them")
	return command
}

// deleteAll goes on after a failure: each cluster that is left costs memory.
func deleteAll(ctx context.Context, s Streams, p *clusters.Provider, names []string, force bool) error {
	var unknown, failed []error
	for _, name := range names {
		err := p.Delete(ctx, name, clusters.DeleteOptions{Force: force})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			unknown = append(unknown, fmt.Errorf("there is no cluster %q that was created here; clusters list shows them", name))
		case err != nil:
			failed = append(failed, err)
		default:
			fmt.Fprintf(s.Out, "%s deleted\n", strings.TrimPrefix(name, clusters.Prefix))
		}
	}
	if len(failed) > 0 {
		return environment(errors.Join(append(failed, unknown...)...))
	}
	if len(unknown) > 0 {
		return &exitError{exitUsage, errors.Join(unknown...)}
	}
	if len(names) == 0 {
		fmt.Fprintln(s.Out, "no clusters")
	}
	return nil
}

func newClustersRBAC(s Streams) *cobra.Command {
	var n clusters.Needs
	command := &cobra.Command{
		Use:     "rbac",
		Short:   "Print the roles that a cluster made elsewhere must grant",
		Example: examples("clusters rbac --read-only", "clusters rbac --read-only --namespace shop", "clusters rbac --namespace tests --subject ServiceAccount:tests/runner > rbac.yaml"),
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := clusters.RBAC(n)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			_, err = fmt.Fprint(s.Out, text)
			return err
		},
	}
	flags := command.Flags()
	flags.StringVarP(&n.Namespace, "namespace", "n", "", "a namespace that is there; without it namespaces are made for each run.\nWith --read-only the one of the Pods that record pod/NAME watches")
	flags.StringVar(&n.Subject, "subject", "Group:sidecar-conformance", "who is granted them: User:NAME, Group:NAME or ServiceAccount:NAMESPACE/NAME")
	flags.BoolVar(&n.ReadOnly, "read-only", false, "what doctor needs, and with --namespace record pod/NAME, and no more")
	return command
}
