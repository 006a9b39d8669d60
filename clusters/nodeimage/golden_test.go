package nodeimage

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// wantFile compares text with a file of testdata, or writes the file with -rewrite.
func wantFile(t *testing.T, name, got string) {
	t.Helper()
	golden.Want(t, *rewrite, name, got)
}

// release reads a release, or fails the test.
func release(t *testing.T, text string) gates.Release {
	t.Helper()
	r, err := gates.ParseRelease(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNestedModule shows the generated go.mod of a release that needs nothing but itself, and of one that needs neighbours.
func TestNestedModule(t *testing.T) {
	old, err := os.ReadFile("testdata/kubernetes-old.mod")
	if err != nil {
		t.Fatal(err)
	}
	young, err := os.ReadFile("testdata/kubernetes-young.mod")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range []struct{ release, text string }{{"1.28.15", string(old)}, {"1.31.14", string(young)}, {"1.37", string(young)}} {
		text, err := nestedModule(release(t, c.release), c.text)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "==== %s\n%s", c.release, text)
	}
	wantFile(t, "nested-modules.txt", b.String())

	for _, text := range []string{"", "module k8s.io/kubernetes\n\ngo 1.21\n", strings.ReplaceAll(string(old), "go 1.20", "")} {
		if _, err := nestedModule(release(t, "1.29"), text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// TestPlan shows the steps of a build, what each needs, and what each result is known by. Hashes are left out.
func TestPlan(t *testing.T) {
	steps, err := plan(Options{Release: release(t, "1.31"), Image: "example/node:v1"}, "go1.99.1", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%d %s: %s\n", i+1, s.name, s.title)
		if len(s.tools) > 0 {
			fmt.Fprintf(&b, "    with %v\n", s.tools)
		}
		if s.inDocker {
			b.WriteString("    kept by Docker\n")
		}
		for _, input := range s.inputs {
			fields := strings.Fields(input)
			if fields[0] == "file" || fields[0] == "step" || fields[0] == "source" {
				fields = fields[:len(fields)-1]
			}
			fmt.Fprintf(&b, "    < %s\n", strings.Join(fields, " "))
		}
	}
	wantFile(t, "plan.txt", b.String())
}

// TestKindSettings shows what kind is told for each release line.
func TestKindSettings(t *testing.T) {
	var b strings.Builder
	for _, r := range gates.Releases() {
		s, err := KindSettings(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: disableDefaultCNI %t, kubeProxyMode %s\n", r, s.DisableDefaultCNI, s.KubeProxyMode)
		for _, patch := range s.KubeadmConfigPatches {
			b.WriteString("    " + strings.ReplaceAll(strings.TrimSpace(patch), "\n", "\n    ") + "\n")
		}
	}
	wantFile(t, "kind-settings.txt", b.String())
	if _, err := KindSettings(gates.Release{}); err == nil {
		t.Error("the zero release has settings")
	}
}

// TestErrors shows the texts of errors.
func TestErrors(t *testing.T) {
	var b strings.Builder
	show := func(title string, err error) { fmt.Fprintf(&b, "---- %s\n%v\n", title, err) }

	show("no release", (&Options{}).Validate())
	show("bad options", (&Options{Release: release(t, "1.29"), Image: "Node", Jobs: -1}).Validate())
	_, err := factsOf(gates.Release{Minor: 27})
	show("a release without a row", err)

	for _, c := range []struct {
		title string
		tamper
		root bool
	}{
		{"no docker", tamper{"docker version", "", errMissing}, true},
		{"no daemon", tamper{"docker version", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", errExit}, true},
		{"no compiler", tamper{"go env", "", errMissing}, true},
		{"no debootstrap", tamper{"debootstrap", "", errMissing}, true},
		{"not root", tamper{}, false},
		{"no mirror", tamper{"unshare --mount", "E: Failed getting release file", errExit}, true},
		{"no such module", tamper{"go list", "go: k8s.io/cri-client@v0.29.15: verifying module: 404 Not Found", errExit}, true},
		{"no memory", tamper{"go build", "k8s.io/api/core/v1\nk8s.io/api/core/v1: compile: signal: killed", errExit}, true},
		{"no space", tamper{"docker commit", "no space left on device", errExit}, true},
		{"an image is missing", tamper{"docker start", "", nil}, true},
	} {
		h := newHost(t)
		h.tamper = c.tamper
		builder := h.builder("1.29")
		builder.root = c.root
		err := builder.build(t.Context())
		if err == nil {
			t.Errorf("%s: no error", c.title)
			continue
		}
		show(c.title, errors.New(h.tidy(err.Error())))
	}
	wantFile(t, "errors.txt", b.String())
}
