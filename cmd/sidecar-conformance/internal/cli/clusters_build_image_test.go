package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/nodeimage"
)

// TestPrintStep shows the line for each state of a step.
func TestPrintStep(t *testing.T) {
	var b strings.Builder
	p := nodeimage.Progress{Number: 3, Of: 13, Title: "compiling kubelet"}
	for _, p.State = range []nodeimage.State{nodeimage.Started, nodeimage.Running, nodeimage.Done, nodeimage.Cached} {
		p.Elapsed, p.Line = 71*time.Second, "k8s.io/api/core/v1"
		printStep(&b, p)
	}
	const want = `[ 3/13] compiling kubelet
[ 3/13] compiling kubelet: 1m11s, k8s.io/api/core/v1
[ 3/13] compiling kubelet: done in 1m11s
[ 3/13] compiling kubelet: done before
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
}
