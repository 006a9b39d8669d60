package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Place is where the scenarios of one target are played: a cluster that is there, or one that is made for it.
type Place struct {
	// Target is the cluster, perhaps with several kinds of nodes.
	Target gates.Target
	// open makes the cluster ready, or says why it is not to be had. It leaves nothing behind if it fails.
	open func(ctx context.Context) (*opened, error)
}

// opened is a cluster that is ready.
type opened struct {
	cluster observe.Cluster
	// images are the node images by kind of node; nil if they are not known.
	images []string
	// close takes away what was made for the run. It works after the context has ended, too.
	close func(ctx context.Context) error
}

// OnExisting plays on a cluster that is there. Own is the same as one of our clusters, for its nodes; nil if it is not ours. The
// cluster stays.
func OnExisting(existing *clusters.Existing, own *clusters.Cluster, target gates.Target) Place {
	return Place{target, func(ctx context.Context) (*opened, error) {
		cluster, err := Prepare(ctx, existing, own, target)
		if err != nil {
			return nil, err
		}
		return &opened{cluster: cluster, close: func(context.Context) error { return nil }}, nil
	}}
}

// Provider makes clusters and takes them away. It is clusters.Provider.
type Provider interface {
	Get(ctx context.Context, name string) (*clusters.Cluster, error)
	Create(ctx context.Context, plan *clusters.Plan, o clusters.CreateOptions) (*clusters.Cluster, error)
	Delete(ctx context.Context, name string, o clusters.DeleteOptions) error
}

// KindOptions say what becomes of clusters that are made for a run.
type KindOptions struct {
	// Keep leaves them.
	Keep bool
	// Ready bounds the wait until nodes are ready; 0 means five minutes.
	Ready time.Duration
	// Guard is told of each cluster before it is made, unless it is to be kept, and what it returns is called once the cluster was
	// taken away, or could not be; nil for nobody. Whoever is told can take it away if this process is killed.
	Guard func(cluster string) (done func())
}

// deletion bounds how long taking a cluster away may take, after the context has ended too.
const deletion = 5 * time.Minute

// OnKind plays on the cluster of a plan. A cluster that is there already, made of the same plan, is used and stays; one that is made here
// is taken away, also after a failure or the end of the context, unless it is to be kept.
func OnKind(p Provider, plan *clusters.Plan, o KindOptions) Place {
	k := &kindPlace{p, plan, o, prepareOwn}
	return Place{plan.Target, k.open}
}

type kindPlace struct {
	provider Provider
	plan     *clusters.Plan
	options  KindOptions
	// prepare is prepareOwn; a test has another one.
	prepare func(ctx context.Context, own *clusters.Cluster, target gates.Target) (observe.Cluster, error)
}

func prepareOwn(ctx context.Context, own *clusters.Cluster, target gates.Target) (observe.Cluster, error) {
	existing, err := own.Open()
	if err != nil {
		return observe.Cluster{}, err
	}
	return Prepare(ctx, existing, own, target)
}

func (k *kindPlace) open(ctx context.Context) (*opened, error) {
	there, err := k.provider.Get(ctx, k.plan.Name)
	stays := k.options.Keep || err == nil && there.State == clusters.Ready
	done := func() {}
	if !stays && k.options.Guard != nil {
		done = k.options.Guard(k.plan.Name)
	}
	own, err := k.provider.Create(ctx, k.plan, clusters.CreateOptions{Ready: k.options.Ready, Keep: k.options.Keep})
	if err != nil {
		done()
		return nil, err
	}
	remove := func(ctx context.Context) error {
		if stays {
			return nil
		}
		defer done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deletion)
		defer cancel()
		return k.provider.Delete(ctx, k.plan.Name, clusters.DeleteOptions{})
	}
	cluster, err := k.prepare(ctx, own, k.plan.Target)
	if err != nil {
		if gone := remove(ctx); gone != nil {
			err = fmt.Errorf("%w; and %w", err, gone)
		}
		return nil, err
	}
	return &opened{cluster, k.images(), remove}, nil
}

func (k *kindPlace) images() []string {
	images := make([]string, len(k.plan.Target.Nodes))
	for _, n := range k.plan.Nodes {
		if n.Kind >= 0 {
			images[n.Kind] = n.Image
		}
	}
	return images
}
