package guard

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
)

// Undo is something to take away: one of its fields is set.
type Undo struct {
	Cluster   *Cluster   `json:"cluster,omitempty"`
	Namespace *Namespace `json:"namespace,omitempty"`
}

// Cluster is one of our clusters.
type Cluster struct {
	Name string `json:"name"`
	// Dir and Runtime are those of the provider that makes it.
	Dir     string `json:"dir"`
	Runtime string `json:"runtime"`
	// Maker is the process that makes it.
	Maker int `json:"maker"`
}

// Namespace is a namespace that is made for a run.
type Namespace struct {
	Name string              `json:"name"`
	From clusters.Kubeconfig `json:"from"`
	// Own is true for the clusters that are made here: their kubeconfig goes with them, and the namespace too.
	Own bool `json:"own,omitempty"`
}

func (u Undo) String() string {
	switch {
	case u.Cluster != nil:
		return "cluster " + u.Cluster.Name
	case u.Namespace != nil:
		return "namespace " + u.Namespace.Name
	}
	return "nothing"
}

// run takes it away. It is no error if it is not there.
func run(ctx context.Context, u Undo) error {
	switch {
	case u.Cluster != nil:
		return u.Cluster.run(ctx)
	case u.Namespace != nil:
		return u.Namespace.run(ctx)
	}
	return nil
}

func (c *Cluster) run(ctx context.Context) error {
	p, err := clusters.NewProvider(clusters.Config{Dir: c.Dir, Runtime: c.Runtime})
	if err != nil {
		return err
	}
	return p.Reap(ctx, c.Name, c.Maker)
}

func (n *Namespace) run(ctx context.Context) error {
	if n.Own {
		if _, err := os.Stat(n.From.File); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	cluster, err := clusters.Open(n.From)
	if err != nil {
		return err
	}
	return cluster.ReapNamespace(ctx, n.Name)
}
