package clusters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Cluster is one of our clusters.
type Cluster struct {
	Name  string
	Label Label
	// State is as of List or Get.
	State ClusterState
	// Kubeconfig is a file.
	Kubeconfig string
	// Facts are what Create saw when it verified the cluster; nil as of List or Get.
	Facts *Facts

	provider *Provider
}

func (p *Provider) cluster(l Label) *Cluster {
	return &Cluster{Name: l.Name, Label: l, State: Ready, Kubeconfig: p.path(l.Name, kubeconfigFile), provider: p}
}

// Open returns a client of the cluster.
func (c *Cluster) Open() (*Existing, error) {
	return Open(Kubeconfig{File: c.Kubeconfig})
}

func (c *Cluster) nodes() ([]nodes.Node, error) {
	list, err := c.provider.kind(c.Name).ListInternalNodes(c.Name)
	if err != nil {
		return nil, fmt.Errorf("listing the nodes of cluster %s: %w", c.Name, output(err))
	}
	slices.SortFunc(list, func(a, b nodes.Node) int { return strings.Compare(a.String(), b.String()) })
	return list, nil
}

// Nodes returns the names of the nodes, which are those of their containers too.
func (c *Cluster) Nodes() ([]string, error) {
	list, err := c.nodes()
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = n.String()
	}
	return names, err
}

// Command is a command on a node.
type Command struct {
	Node   string
	Args   []string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Run runs a command on a node, until it ends or the context does.
func (c *Cluster) Run(ctx context.Context, command Command) error {
	list, err := c.nodes()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(n nodes.Node) bool { return n.String() == command.Node })
	if i < 0 {
		return fmt.Errorf("cluster %s has no node %q", c.Name, command.Node)
	}
	return runOn(ctx, list[i], command)
}

func runOn(ctx context.Context, n nodes.Node, command Command) error {
	if len(command.Args) == 0 {
		return errors.New("a command for a node needs its name")
	}
	run := n.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	if command.Stdin != nil {
		run.SetStdin(command.Stdin)
	}
	if command.Stdout != nil {
		run.SetStdout(command.Stdout)
	}
	if command.Stderr != nil {
		run.SetStderr(command.Stderr)
	}
	err := run.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("on node %s: %w", n, output(err))
	}
	return nil
}

// LoadImage puts the images of an archive, as docker save or an OCI layout has it, onto nodes; onto all if none is named.
// The archive is read once for each node.
func (c *Cluster) LoadImage(ctx context.Context, archive string, names ...string) error {
	list, err := c.nodes()
	if err != nil {
		return err
	}
	for _, n := range list {
		if len(names) > 0 && !slices.Contains(names, n.String()) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := loadOn(n, archive); err != nil {
			return fmt.Errorf("loading %s onto node %s: %w", archive, n, output(err))
		}
	}
	return nil
}

func loadOn(n nodes.Node, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	return nodeutils.LoadImageArchive(n, file)
}

// ExportLogs writes the logs of all nodes below a directory.
func (c *Cluster) ExportLogs(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.provider.kind(c.Name).CollectLogs(c.Name, dir); err != nil {
		return fmt.Errorf("exporting the logs of cluster %s: %w", c.Name, output(err))
	}
	return nil
}

// waitReady waits until every node is ready. Where the network is the runtime's own, each node is told the way to the Pods of
// the others.
func waitReady(ctx context.Context, c *Cluster) error {
	e, err := c.Open()
	if err != nil {
		return err
	}
	var list *corev1.NodeList
	last := "no answer yet"
	err = wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		var err error
		if list, err = e.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err != nil {
			last = err.Error()
			return false, nil
		}
		want, err := c.nodes()
		if err != nil {
			return false, err
		}
		last = notReady(list.Items, len(want))
		return last == "", nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("nodes are not ready in time: %s", last)
	}
	if err != nil {
		return err
	}
	if c.Label.Offline {
		if err := c.route(ctx, list.Items); err != nil {
			return err
		}
	}
	return c.verify(ctx, e)
}

// verify compares the cluster with its target. Kubelets may not answer in the first seconds, so what could not be seen is
// asked for again, a few times.
func (c *Cluster) verify(ctx context.Context, e *Existing) error {
	targets, err := gates.ParseTargets(c.Label.Target)
	if err != nil || len(targets) != 1 {
		return fmt.Errorf("the label of cluster %s names the target %q: %w", c.Name, c.Label.Target, err)
	}
	for try := 1; ; try++ {
		facts, violations, err := Verify(ctx, e.Client, targets[0])
		if err == nil {
			c.Facts = facts
			err = Refusal(targets[0], violations)
		}
		if !errors.Is(err, ErrUnverified) || try == 5 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// notReady says which nodes are not, empty if all are.
func notReady(list []corev1.Node, want int) string {
	if len(list) != want {
		return fmt.Sprintf("%d of %d nodes have joined", len(list), want)
	}
	for i := range list {
		if !ready(&list[i]) {
			return "node " + list[i].Name + " is not"
		}
		// The taint of a node that was not ready goes a little later. Only a control plane keeps one.
		if _, takesPods := list[i].Labels[NodeKindLabel]; takesPods && closed(&list[i]) != "" {
			return "node " + list[i].Name + " takes no Pods yet: " + closed(&list[i])
		}
	}
	return ""
}

// route adds to each node one route for each other node.
func (c *Cluster) route(ctx context.Context, list []corev1.Node) error {
	if len(list) < 2 {
		return nil
	}
	for i := range list {
		for _, args := range routes(list, i) {
			var said bytes.Buffer
			if err := c.Run(ctx, Command{Node: list[i].Name, Args: args, Stderr: &said}); err != nil {
				return fmt.Errorf("adding a route: %w: %s", err, strings.TrimSpace(said.String()))
			}
		}
	}
	return nil
}

// routes returns the commands for one of the nodes. "replace" makes them safe to repeat.
func routes(list []corev1.Node, on int) [][]string {
	var commands [][]string
	for i := range list {
		address := ""
		for _, a := range list[i].Status.Addresses {
			if a.Type == corev1.NodeInternalIP && address == "" {
				address = a.Address
			}
		}
		if i == on || address == "" || list[i].Spec.PodCIDR == "" {
			continue
		}
		commands = append(commands, []string{"ip", "route", "replace", list[i].Spec.PodCIDR, "via", address})
	}
	return commands
}
