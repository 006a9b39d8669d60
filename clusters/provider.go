package clusters

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"
)

// Config is how a Provider works.
type Config struct {
	// Dir holds one directory for each cluster, with its label and its kubeconfig. It must be given.
	Dir string
	// Runtime is docker, podman or nerdctl; empty means docker.
	Runtime string
	// Progress is called as things go on, from several goroutines where several clusters are made; nil for nobody.
	Progress func(Progress)
}

// Provider makes clusters of plans, and takes them away. It may be used by several goroutines.
type Provider struct {
	config     Config
	containers containers
	// kind returns the library with a logger for one cluster.
	kind func(name string) kind
	// ready waits until the nodes of a cluster are ready, and verifies that it is its target.
	ready func(ctx context.Context, c *Cluster) error
	// late is how long nodes may still come of a cluster whose maker was killed.
	late time.Duration
}

// EnvironmentError says that something outside is missing, and what to do about it.
type EnvironmentError struct {
	Err    error
	Remedy string
}

func (e *EnvironmentError) Error() string { return e.Err.Error() + "; " + e.Remedy }

func (e *EnvironmentError) Unwrap() error { return e.Err }

// NewProvider returns a provider. It does not look whether the container runtime is there: Create does.
func NewProvider(c Config) (*Provider, error) {
	if c.Dir == "" {
		return nil, errors.New("a provider of clusters needs a directory for its labels")
	}
	if c.Runtime == "" {
		c.Runtime = "docker"
	}
	var reports sync.Mutex
	if progress := c.Progress; progress == nil {
		c.Progress = func(Progress) {}
	} else {
		c.Progress = func(p Progress) {
			reports.Lock()
			defer reports.Unlock()
			progress(p)
		}
	}
	if _, err := newKind(c.Runtime, progressLogger{}); err != nil {
		return nil, err
	}
	return &Provider{
		config:     c,
		containers: command(c.Runtime),
		kind: func(name string) kind {
			k, _ := newKind(c.Runtime, progressLogger{name, c.Progress}) // the runtime is a known one
			return k
		},
		ready: waitReady,
		late:  lateNodes,
	}, nil
}

// CreateOptions say how a cluster is made.
type CreateOptions struct {
	// Keep leaves a cluster that could not be made as it is, for a look at it. It is listed, and can be deleted.
	Keep bool
	// Ready bounds the wait until all nodes are ready; 0 means five minutes.
	Ready time.Duration
}

// Create makes the cluster of a plan, or returns it if it is there already and was made of the same plan. It returns once
// all nodes are ready and the cluster was verified to be its target. A failure, or the end of the context, leaves nothing
// behind unless Keep; what could not be taken away is a LeftoverError.
func (p *Provider) Create(ctx context.Context, plan *Plan, o CreateOptions) (*Cluster, error) {
	if o.Ready == 0 {
		o.Ready = 5 * time.Minute
	}
	if c, err := p.reuse(ctx, plan, o); c != nil || err != nil {
		return c, err
	}
	label := Label{Name: plan.Name, Target: plan.Target.String(), Config: plan.Config, Offline: plan.Options.Offline,
		Made: time.Now().UTC().Truncate(time.Second), Process: os.Getpid(), Maker: os.Getpid()}
	if err := p.Available(ctx); err != nil {
		return nil, err
	}
	if err := p.notOthers(plan.Name); err != nil {
		return nil, err
	}
	if err := p.claim(label); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("cluster %s is being made by another process; wait for it, or choose another name", plan.Name)
		}
		return nil, fmt.Errorf("making cluster %s: %w", plan.Name, err)
	}
	c := p.cluster(label)
	err := p.create(ctx, plan, c, o)
	if err == nil {
		label.Process = 0
		c.Label = label
		err = p.update(label)
	}
	if err == nil {
		return c, nil
	}
	err = fmt.Errorf("making cluster %s: %w", plan.Name, output(err))
	if o.Keep {
		return nil, errors.Join(err, fmt.Errorf("what there is of cluster %s was kept; clusters delete %s takes it away", plan.Name, plan.Name))
	}
	return nil, errors.Join(err, p.remove(plan.Name))
}

// reuse returns a cluster that is there already. What an earlier process left unfinished is taken away first.
func (p *Provider) reuse(ctx context.Context, plan *Plan, o CreateOptions) (*Cluster, error) {
	label, err := p.readLabel(plan.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := p.cluster(label)
	state, err := p.state(label)
	switch {
	case err != nil:
		return nil, err
	case state == Making && label.Process != os.Getpid():
		return nil, fmt.Errorf("cluster %s is being made, or taken away, by process %d; wait for it, or choose another name", plan.Name, label.Process)
	case state == Making:
		return nil, fmt.Errorf("cluster %s is being made already", plan.Name)
	case state != Ready:
		p.config.Progress(Progress{plan.Name, "Taking away what an earlier run left", Begun})
		return nil, p.remove(plan.Name)
	case label.Config != plan.Config:
		return nil, fmt.Errorf("cluster %s is there, but was made of another plan; delete it first (clusters delete %s), or choose another name", plan.Name, plan.Name)
	}
	if err := p.waitUntilReady(ctx, c, o.Ready); err != nil {
		return nil, fmt.Errorf("using cluster %s again: %w", plan.Name, err)
	}
	return c, nil
}

// Available says why no cluster can be made, as an EnvironmentError.
func (p *Provider) Available(ctx context.Context) error {
	err := p.containers.Available(ctx)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return &EnvironmentError{fmt.Errorf("clusters are made with %s, which does not answer: %w", p.config.Runtime, err),
		"start it, or name another one with --runtime, or use a cluster that is there with --kubeconfig"}
}

// notOthers refuses a name that a cluster of kind has that is not ours.
func (p *Provider) notOthers(name string) error {
	names, err := p.kind(name).List()
	if err != nil {
		return fmt.Errorf("listing the clusters of kind: %w", output(err))
	}
	if slices.Contains(names, name) {
		return fmt.Errorf("there is a cluster %s that was not made here (it has no label in %s); choose another name", name, p.config.Dir)
	}
	return nil
}

func (p *Provider) create(ctx context.Context, plan *Plan, c *Cluster, o CreateOptions) error {
	for _, image := range plan.Images() {
		step := "Ensuring node image " + image
		p.config.Progress(Progress{plan.Name, step, Begun})
		if err := p.containers.Ensure(ctx, image); err != nil {
			p.config.Progress(Progress{plan.Name, step, Failed})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &EnvironmentError{fmt.Errorf("node image %s is not here and cannot be pulled: %w", image, err),
				"name one that is here with --image RELEASE=IMAGE, or another patch release with --target"}
		}
		p.config.Progress(Progress{plan.Name, step, Done})
	}
	if err := p.interruptible(ctx, plan.Name, func() error {
		return p.kind(plan.Name).Create(plan.Name, cluster.CreateWithRawConfig([]byte(plan.Config)),
			cluster.CreateWithKubeconfigPath(c.Kubeconfig), cluster.CreateWithRetain(true))
	}, o.Keep); err != nil {
		return err
	}
	return p.waitUntilReady(ctx, c, o.Ready)
}

func (p *Provider) waitUntilReady(ctx context.Context, c *Cluster, limit time.Duration) error {
	const step = "Waiting for nodes to be ready, and verifying them"
	p.config.Progress(Progress{c.Name, step, Begun})
	patient, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := p.ready(patient, c); err != nil {
		p.config.Progress(Progress{c.Name, step, Failed})
		return err
	}
	p.config.Progress(Progress{c.Name, step, Done})
	return nil
}

// interruptible runs something of kind, which knows no contexts. When the context ends, the nodes are taken away beneath it
// until it gives up: its commands on the nodes fail then.
func (p *Provider) interruptible(ctx context.Context, name string, run func() error, keep bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() { done <- run() }()
	select {
	case err := <-done:
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	case <-ctx.Done():
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if !keep {
			_ = p.kind(name).Delete(name, p.path(name, kubeconfigFile)) // once more at the end, where an error counts
		}
		select {
		case <-done:
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// remove takes a cluster away, and its label last: until then it is listed.
func (p *Provider) remove(name string) error {
	err := p.kind(name).Delete(name, p.path(name, kubeconfigFile))
	if err == nil {
		err = os.RemoveAll(filepath.Join(p.config.Dir, name))
	}
	if err != nil {
		return &LeftoverError{name, output(err)}
	}
	return nil
}

// LeftoverError says that a cluster could not be taken away. It is still listed.
type LeftoverError struct {
	Cluster string
	Err     error
}

func (e *LeftoverError) Error() string {
	return fmt.Sprintf("deleting cluster %s: %v; try clusters delete %s again", e.Cluster, e.Err, e.Cluster)
}

func (e *LeftoverError) Unwrap() error { return e.Err }

// ClusterState is what has become of a cluster.
type ClusterState string

// The states.
const (
	// Making: a process makes it.
	Making ClusterState = "being made"
	// Ready: it was made, and its nodes are there.
	Ready ClusterState = "ready"
	// Unfinished: the process that made it has gone.
	Unfinished ClusterState = "unfinished"
	// Gone: its nodes were taken away by somebody else.
	Gone ClusterState = "gone"
)

func (p *Provider) state(l Label) (ClusterState, error) {
	if l.Process != 0 {
		if l.alive() {
			return Making, nil
		}
		return Unfinished, nil
	}
	list, err := p.kind(l.Name).ListInternalNodes(l.Name)
	if err != nil {
		return "", fmt.Errorf("listing the nodes of cluster %s: %w", l.Name, output(err))
	}
	if len(list) == 0 {
		return Gone, nil
	}
	return Ready, nil
}

// List returns our clusters, by name. Clusters of others are never among them.
func (p *Provider) List(ctx context.Context) ([]*Cluster, error) {
	labels, err := p.labels()
	if err != nil || len(labels) == 0 {
		return nil, err
	}
	if err := p.Available(ctx); err != nil {
		return nil, err
	}
	var list []*Cluster
	for _, l := range labels {
		c := p.cluster(l)
		if c.State, err = p.state(l); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// Get returns one of our clusters by its name, with or without Prefix. The error is fs.ErrNotExist if it is not ours.
func (p *Provider) Get(ctx context.Context, name string) (*Cluster, error) {
	l, err := p.readLabel(fullName(name))
	if err != nil {
		return nil, err
	}
	if err := p.Available(ctx); err != nil {
		return nil, err
	}
	c := p.cluster(l)
	c.State, err = p.state(l)
	return c, err
}

// Kubeconfig returns the kubeconfig file of one of our clusters, without a look at it. The error is fs.ErrNotExist if it is
// not ours.
func (p *Provider) Kubeconfig(name string) (string, error) {
	l, err := p.readLabel(fullName(name))
	return p.path(l.Name, kubeconfigFile), err
}

// Target returns the target of one of our clusters, without a look at it. The error is fs.ErrNotExist if it is not ours.
func (p *Provider) Target(name string) (string, error) {
	l, err := p.readLabel(fullName(name))
	return l.Target, err
}

// DeleteOptions say how a cluster is taken away.
type DeleteOptions struct {
	// Force takes it away even while a process seems to make it.
	Force bool
}

// Delete takes one of our clusters away. A cluster that is not ours is fs.ErrNotExist; one that is being made is refused.
func (p *Provider) Delete(ctx context.Context, name string, o DeleteOptions) error {
	c, err := p.Get(ctx, name)
	if err != nil {
		return err
	}
	if c.State == Making && !o.Force {
		return fmt.Errorf("cluster %s is being made, or taken away, by process %d; interrupt that first, or force it", c.Name, c.Label.Process)
	}
	return p.remove(c.Name)
}

func fullName(name string) string {
	if len(name) > len(Prefix) && name[:len(Prefix)] == Prefix {
		return name
	}
	return Prefix + name
}
