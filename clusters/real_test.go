package clusters

import (
	"archive/tar"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// The tests of this file make real clusters, and run only if they are given a node image: go test ./clusters -run Real -image IMAGE.
var (
	realImage  = flag.String("image", "", "node image for tests that make real clusters; without it they are left out")
	realTarget = flag.String("target", "1.29/1.29-SidecarContainers", "target that the node image is for")
)

func realPlan(t *testing.T, name string, copies int) *Plan {
	t.Helper()
	if *realImage == "" {
		t.Skip("no -image")
	}
	targets, err := Find(*realTarget)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(targets[0], Options{Name: name, Images: []Image{{"", *realImage}}, Copies: copies, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func realProvider(t *testing.T) *Provider {
	t.Helper()
	p, err := NewProvider(Config{Dir: filepath.Join(t.TempDir(), "state"), Progress: func(p Progress) {
		if p.State != Done {
			t.Logf("%s %s: %d %s", time.Now().Format("15:04:05"), p.Cluster, p.State, p.Step)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRealCluster makes a cluster of two nodes, and does everything that can be done with it.
func TestRealCluster(t *testing.T) {
	plan := realPlan(t, "real-test", 2)
	p := realProvider(t)
	ctx := t.Context()
	c, err := p.Create(ctx, plan, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Delete(context.Background(), c.Name, DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if list, err := p.List(context.Background()); err != nil || len(list) != 0 {
			t.Errorf("left behind: %v, %v", list, err)
		}
	}()
	e, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("verified", func(t *testing.T) {
		if kinds := c.Facts.OfKind(0); len(kinds) != 2 {
			t.Errorf("nodes of the kind: %v", kinds)
		}
		wrong, err := Find("1.28-on")
		if err != nil {
			t.Fatal(err)
		}
		_, violations, err := Verify(ctx, e.Client, wrong[0])
		if refusal := Refusal(wrong[0], violations); err != nil || refusal == nil || errors.Is(refusal, ErrUnverified) {
			t.Errorf("it is taken for %s: %v, %v", wrong[0], refusal, err)
		} else {
			t.Log(refusal)
		}
	})
	t.Run("reused", func(t *testing.T) {
		if again, err := p.Create(ctx, plan, CreateOptions{}); err != nil || again.Facts == nil {
			t.Errorf("%+v, %v", again, err)
		}
	})
	t.Run("nodes", func(t *testing.T) { realNodes(t, c) })
	t.Run("namespace", func(t *testing.T) {
		n, err := e.NewNamespace(ctx, Baseline, nil)
		if err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "p-"}, Spec: corev1.PodSpec{HostNetwork: true,
			Containers: []corev1.Container{{Name: "c", Image: "none.invalid/none:1"}}}}
		if _, err := e.Client.CoreV1().Pods(n.Name).Create(ctx, pod, metav1.CreateOptions{}); err == nil || !strings.Contains(err.Error(), "PodSecurity") {
			t.Errorf("baseline is not enforced: %v", err)
		}
		if err := n.Delete(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("rbac", func(t *testing.T) { realRBAC(t, c, e) })
}

// realNodes runs commands, loads an archive, and exports logs.
func realNodes(t *testing.T, c *Cluster) {
	ctx := t.Context()
	names, err := c.Nodes()
	if err != nil || len(names) != 2 {
		t.Fatalf("nodes %v, %v", names, err)
	}
	for _, name := range names {
		var out strings.Builder
		if err := c.Run(ctx, Command{Node: name, Args: []string{"ip", "route"}, Stdout: &out}); err != nil || !strings.Contains(out.String(), " via ") {
			t.Errorf("routes of %s: %q, %v", name, &out, err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := c.Run(short, Command{Node: names[0], Args: []string{"sleep", "60"}}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("a command that is interrupted: %v after %s", err, time.Since(start))
	}
	dir := t.TempDir()
	archive := filepath.Join(dir, "image.tar")
	writeArchive(t, archive)
	if err := c.LoadImage(ctx, archive); err != nil {
		t.Error(err)
	}
	for _, name := range names {
		var out strings.Builder
		if err := c.Run(ctx, Command{Node: name, Args: []string{"ctr", "-n", "k8s.io", "images", "ls", "-q"}, Stdout: &out}); err != nil || !strings.Contains(out.String(), "sidecar-conformance.dev/empty:1") {
			t.Errorf("images of %s: %q, %v", name, &out, err)
		}
	}
	if err := c.ExportLogs(ctx, filepath.Join(dir, "logs")); err != nil {
		t.Logf("exporting logs: %v", err) // crictl is not in every image
	}
	if _, err := os.Stat(filepath.Join(dir, "logs", names[0], "kubelet.log")); err != nil {
		t.Error(err)
	}
}

// writeArchive writes an image without layers as docker save does.
func writeArchive(t *testing.T, name string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(file)
	for _, f := range []struct{ name, text string }{
		{"config.json", `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`},
		{"manifest.json", `[{"Config":"config.json","RepoTags":["sidecar-conformance.dev/empty:1"],"Layers":[]}]`},
	} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// realRBAC looks with a service account that may do nothing, then with one that was granted what RBAC prints.
func realRBAC(t *testing.T, c *Cluster, e *Existing) {
	ctx := t.Context()
	target, err := gates.ParseTargets(c.Label.Target)
	if err != nil {
		t.Fatal(err)
	}
	request, err := e.Client.CoreV1().ServiceAccounts("default").CreateToken(ctx, "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(e.Config)
	config.BearerToken = request.Status.Token
	poor, err := OpenConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	facts, violations, err := Verify(ctx, poor.Client, target[0])
	if refusal := Refusal(target[0], violations); err != nil || !errors.Is(refusal, ErrUnverified) || len(facts.Missing) != 2 {
		t.Fatalf("without permissions: %v, %v, missing %v", err, refusal, facts)
	}
	t.Log(Refusal(target[0], violations))
	needs := Needs{Subject: "ServiceAccount:default/default"}
	denied, err := poor.Denied(ctx, needs)
	if err != nil || len(denied) < 20 {
		t.Errorf("denied %v, %v", denied, err)
	}
	text, err := RBAC(needs)
	if err != nil {
		t.Fatal(err)
	}
	names, err := c.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	apply := Command{Node: names[0], Args: []string{"kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "apply", "-f", "-"},
		Stdin: strings.NewReader(text), Stdout: &out, Stderr: &out}
	if err := c.Run(ctx, apply); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	var last error
	for range 20 { // until the authorizer has heard of it
		if _, violations, last = Verify(ctx, poor.Client, target[0]); last == nil {
			last = Refusal(target[0], violations)
		}
		if last == nil {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	if last != nil {
		t.Errorf("with permissions: %v", last)
	}
	if denied, err := poor.Denied(ctx, needs); err != nil || len(denied) != 0 {
		t.Errorf("still denied %v, %v", denied, err)
	}
}

// TestRealInterrupt interrupts a creation at several instants: nothing stays behind.
func TestRealInterrupt(t *testing.T) {
	plan := realPlan(t, "real-interrupt", 1)
	for _, after := range []time.Duration{100 * time.Millisecond, 1500 * time.Millisecond, 6 * time.Second, 14 * time.Second} {
		p := realProvider(t)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := p.Create(ctx, plan, CreateOptions{})
		took := time.Since(start) - after
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %s: %v", after, err)
		}
		t.Logf("after %s: gone within %s", after, took)
		names, err := p.kind(plan.Name).List()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if name == plan.Name {
				t.Errorf("after %s: the cluster is still there", after)
			}
		}
		if labels, err := p.labels(); err != nil || len(labels) != 0 {
			t.Errorf("after %s: labels %v, %v", after, labels, err)
		}
	}
}
