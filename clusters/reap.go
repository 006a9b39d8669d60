package clusters

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// lateNodes is how long a node may still appear after the process that makes it was killed: the command of the container
	// runtime that it began goes on without it.
	lateNodes = 10 * time.Second
	// lateNamespace is the same for a namespace that the API server was asked for.
	lateNamespace = 3 * time.Second
)

// Reap takes away a cluster whose maker was killed, finished or not. It does nothing if the cluster is not there, or if another
// process has made one of that name. While it works, the cluster counts as one that is being made, so that nobody uses it again.
func (p *Provider) Reap(ctx context.Context, name string, maker int) error {
	l, err := p.readLabel(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if l.Maker != maker || l.Process != 0 && l.Process != maker && l.Process != os.Getpid() {
		return nil
	}
	late := time.Duration(0)
	if l.Process != 0 {
		late = p.late
	}
	l.Process = os.Getpid()
	if err := p.update(l); err != nil {
		return fmt.Errorf("deleting cluster %s: %w", name, err)
	}
	if err := p.Available(ctx); err != nil {
		return err
	}
	ended := make(chan error, 1) // kind knows no contexts
	go func() { ended <- p.reap(ctx, name, late) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return &LeftoverError{name, ctx.Err()}
	}
}

// reap deletes nodes until no more can come, and then the label.
func (p *Provider) reap(ctx context.Context, name string, late time.Duration) error {
	for until := time.Now().Add(late); time.Now().Before(until) && ctx.Err() == nil; {
		_ = p.kind(name).Delete(name, p.path(name, kubeconfigFile)) // once more at the end, where an error counts
		select {
		case <-time.After(min(time.Second, time.Until(until))):
		case <-ctx.Done():
		}
	}
	return p.remove(name)
}

// ReapNamespace deletes a namespace whose maker was killed. It does nothing if there is none, and refuses one without our label.
func (e *Existing) ReapNamespace(ctx context.Context, name string) error {
	for until := time.Now().Add(lateNamespace); ; {
		found, err := e.Client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		switch {
		case err == nil && found.Labels[ManagedByLabel] != ManagedBy:
			return fmt.Errorf("namespace %s has no label %s=%s; it stays", name, ManagedByLabel, ManagedBy)
		case err == nil:
			return (&Namespace{Name: name, client: e.Client}).Delete(ctx)
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("looking for namespace %s: %w", name, err)
		case time.Now().After(until):
			return nil
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("looking for namespace %s: %w", name, ctx.Err())
		}
	}
}
