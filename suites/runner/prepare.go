package runner

import (
	"context"
	"os"
	"path/filepath"
	"runtime"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Prepare verifies that a cluster is what a target says, and puts the actor's image onto the nodes of a cluster of ours; own is nil
// for a cluster of somebody else. The error is that of clusters.Refusal where the cluster is another one: nothing was done then.
func Prepare(ctx context.Context, existing *clusters.Existing, own *clusters.Cluster, target gates.Target) (observe.Cluster, error) {
	out := observe.Cluster{Existing: existing, Target: target}
	facts, violations, err := clusters.Verify(ctx, existing.Client, target)
	if err != nil {
		return out, err
	}
	if err := clusters.Refusal(target, violations); err != nil {
		return out, err
	}
	out.Facts = facts
	if own == nil {
		return out, nil
	}
	out.Nodes = own
	return out, loadActor(ctx, own)
}

// loadActor puts the actor's image onto the nodes of a cluster of ours.
func loadActor(ctx context.Context, c *clusters.Cluster) error {
	dir, err := os.MkdirTemp("", "sidecar-conformance-actor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	archive := filepath.Join(dir, "actor.tar")
	if err := (actor.Builder{}).WriteTar(ctx, archive, runtime.GOARCH); err != nil {
		return err
	}
	return c.LoadImage(ctx, archive)
}
