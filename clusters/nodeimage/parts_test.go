package nodeimage

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// TestReleaseTable wants a row for each known line and no other, with a version of etcd.
func TestReleaseTable(t *testing.T) {
	var want, have []string
	for _, r := range gates.Releases() {
		want = append(want, r.Line())
	}
	for _, row := range rows(releaseTable) {
		have = append(have, row[0])
	}
	if !slices.Equal(have, want) {
		t.Errorf("releases.txt has %v, want %v", have, want)
	}
	for line, etcd := range map[string]string{"1.28": "v3.5.21", "1.33": "v3.5.21", "1.34": "v3.6.15", "1.37": "v3.6.15"} {
		facts, err := factsOf(release(t, line))
		if err != nil || facts.etcd != etcd {
			t.Errorf("etcd of %s is %q, %v, want %q", line, facts.etcd, err, etcd)
		}
	}
}

// TestNeighbourTable wants each row to stand in for a version of its own line.
func TestNeighbourTable(t *testing.T) {
	for _, row := range rows(neighbourTable) {
		if len(row) != 3 || !strings.HasPrefix(row[0], "k8s.io/") || !strings.HasPrefix(row[2], row[1]+".") {
			t.Errorf("neighbours.txt has the row %v", row)
		}
	}
	if n := neighboursOf(release(t, "1.31")); n["k8s.io/cri-client"] != "v0.31.4" {
		t.Errorf("the stand-ins of 1.31 are %v", n)
	}
	if n := neighboursOf(release(t, "1.29")); len(n) != 0 {
		t.Errorf("the stand-ins of 1.29 are %v", n)
	}
}

// TestFiles wants the files that make a node of a root file system, with their modes.
func TestFiles(t *testing.T) {
	var b strings.Builder
	for _, f := range textFiles("1.29.15", "example.dev/etcd:1\nexample.dev/pause:3.9\n") {
		fmt.Fprintf(&b, "%#o %s\n", f.mode, f.path)
		text, err := io.ReadAll(f.text)
		if err != nil || int64(len(text)) != f.size {
			t.Errorf("%s has %d bytes, want %d: %v", f.path, len(text), f.size, err)
		}
		if strings.Contains(string(text), "@PAUSE@") || f.path == "etc/containerd/config.toml" && !strings.Contains(string(text), `"example.dev/pause:3.9"`) {
			t.Errorf("%s lacks the name of the pause image", f.path)
		}
	}
	wantFile(t, "files.txt", b.String())
}

// TestProgramImage wants one file in the image, and equal images of equal programs.
func TestProgramImage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubelet")
	if err := os.WriteFile(file, []byte("a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	var digests []string
	for range 2 {
		image, err := programImage("kubelet", file)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
		var names []string
		content := mutate.Extract(image)
		for r := tar.NewReader(content); ; {
			header, err := r.Next()
			if err != nil {
				break
			}
			names = append(names, fmt.Sprintf("%s %#o", header.Name, header.Mode))
		}
		content.Close()
		if want := []string{"usr 0755", "usr/local 0755", "usr/local/bin 0755", "usr/local/bin/kubelet 0755"}; !slices.Equal(names, want) {
			t.Errorf("the image holds %q, want %q", names, want)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("equal programs give %s and %s", digests[0], digests[1])
	}
}

// TestPacked leaves out what a node image does not have, and misses what it must have.
func TestPacked(t *testing.T) {
	names, err := packed(imageList)
	if err != nil || len(names) != 5 || slices.Contains(names, "example.dev/kube-proxy:v1") {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := packed(strings.Replace(imageList, "etcd", "itcd", 1)); err == nil {
		t.Error("a list without etcd was accepted")
	}
}

// TestVersionVariables shows what the programs are told of their version.
func TestVersionVariables(t *testing.T) {
	date := time.Date(2025, 3, 11, 17, 41, 5, 0, time.UTC)
	got := versionVariables("1.29.15", provenance{"0d0f", date})
	for _, want := range []string{"gitVersion=v1.29.15", "gitMajor=1", "gitMinor=29", "gitTreeState=clean", "gitCommit=0d0f", "buildDate=2025-03-11T17:41:05Z"} {
		if !slices.Contains(got, "k8s.io/component-base/version."+want) || !slices.Contains(got, "k8s.io/client-go/pkg/version."+want) {
			t.Errorf("%q lack %q", got, want)
		}
	}
	if got := versionVariables("1.29.15", provenance{}); len(got) != 8 {
		t.Errorf("without provenance: %q", got)
	}
}

// TestTail keeps the last lines, whole and unfinished.
func TestTail(t *testing.T) {
	said := &tail{}
	for i := range 40 {
		fmt.Fprintf(said, "line %d\n\n", i)
	}
	fmt.Fprint(said, "10%\r20")
	fmt.Fprint(said, "%")
	if lines := said.lines(); len(lines) != tailLines+1 || lines[0] != "line 26" || said.last() != "20%" {
		t.Errorf("kept %q", lines)
	}
	if (&tail{}).last() != "" {
		t.Error("silence has a last line")
	}
}

// TestRun runs real commands: one that fails, one that is not there, one that does not end.
func TestRun(t *testing.T) {
	err := run(t.Context(), command{args: []string{"go", "tool", "nonesuch"}})
	var failed *CommandError
	if !errors.As(err, &failed) || len(failed.Said) == 0 || !strings.Contains(err.Error(), "\n    ") {
		t.Errorf("got %v", err)
	}
	if err := run(t.Context(), command{args: []string{"no-program-has-this-name"}}); !missing(err) {
		t.Errorf("got %v", err)
	}
	if text, err := output(t.Context(), run, command{args: []string{"go", "env", "GOOS"}}); err != nil || text == "" {
		t.Errorf("got %q, %v", text, err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errExit)
	defer cancel()
	if err := run(ctx, command{args: []string{"sleep", "60"}}); !errors.Is(err, errExit) {
		t.Errorf("got %v", err)
	}
}
