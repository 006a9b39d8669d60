package observe

import (
	"context"
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

// kubeletLife is when the process of a node's kubelet started, as it said at the begin of a recording and at the end.
type kubeletLife struct {
	first, last time.Time
	err         error
}

// kubeletsBegin asks every kubelet when it started. What cannot be asked is said in the observations.
func (r *Recorder) kubeletsBegin(ctx context.Context) {
	r.kubelets = map[string]*kubeletLife{}
	for _, node := range r.nodes {
		life := &kubeletLife{}
		life.first, life.err = clusters.KubeletStarted(ctx, r.cluster.Existing.Client, node)
		r.kubelets[node] = life
	}
}

// kubeletsEnd asks again.
func (r *Recorder) kubeletsEnd(ctx context.Context) {
	for node, life := range r.kubelets {
		if life.err == nil {
			life.last, life.err = clusters.KubeletStarted(context.WithoutCancel(ctx), r.cluster.Existing.Client, node)
		}
	}
}

// sameProcess is how far two answers of one process may be apart: the series has hundredths of a second.
const sameProcess = 50 * time.Millisecond

// kubelet says whether the kubelet of the play's node was another process at the end of the recording. When the first one ended is not
// known, and who ends it may do so again, so that nothing of the recording counts.
func (a *assembly) kubelet() {
	life := a.r.kubelets[a.p.node]
	switch {
	case life == nil:
	case life.err != nil:
		a.gap(judge.SourceWatch, a.p.zero, a.p.over, fmt.Sprintf("whether the kubelet was restarted is not known: %v", life.err))
	case life.last.Sub(life.first).Abs() > sameProcess:
		a.foreign("the kubelet of node %s was started anew at %s", a.p.node, life.last.UTC().Format(time.RFC3339))
	}
}
