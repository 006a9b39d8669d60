package main

import (
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/nodeimage"
)

// TestFlags shows what wrong flags are told. None of these reaches Docker.
func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"-help", 0, "-release"},
		{"", 2, `release "": want 1.MINOR or 1.MINOR.PATCH`},
		{"-release 1.99", 2, `release "1.99" is not known; known are 1.28 to`},
		{"-release 1.29 image", 2, `argument "image": want flags only`},
		{"-nonesuch", 2, "nonesuch"},
		{"-release 1.29 -jobs -1", 2, "jobs -1: want 1 or more, or 0"},
	} {
		var stdout, stderr strings.Builder
		if status := run(t.Context(), strings.Fields(c.args), &stdout, &stderr); status != c.status || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%q: status %d, want %d, %q in\n%s", c.args, status, c.status, c.says, &stderr)
		}
		if stdout.Len() > 0 {
			t.Errorf("%q printed %q", c.args, &stdout)
		}
	}
}

// TestProgress shows the line for each state of a step.
func TestProgress(t *testing.T) {
	var b strings.Builder
	p := nodeimage.Progress{Number: 3, Of: 13, Title: "compiling kubelet"}
	for _, p.State = range []nodeimage.State{nodeimage.Started, nodeimage.Running, nodeimage.Done, nodeimage.Cached} {
		p.Elapsed, p.Line = 71*time.Second, "k8s.io/api/core/v1"
		printProgress(&b, p)
	}
	const want = `[ 3/13] compiling kubelet
[ 3/13] compiling kubelet: 1m11s, k8s.io/api/core/v1
[ 3/13] compiling kubelet: done in 1m11s
[ 3/13] compiling kubelet: cached
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
}
