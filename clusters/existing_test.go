package clusters

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// fakeCluster is client-go's fake. It adds a service account to each namespace after a while.
func fakeCluster() (*Existing, *fake.Clientset) {
	client := fake.NewClientset()
	client.PrependReactor("create", "namespaces", func(action clienttesting.Action) (bool, runtime.Object, error) {
		made := action.(clienttesting.CreateAction).GetObject().(*corev1.Namespace)
		time.AfterFunc(150*time.Millisecond, func() {
			_ = client.Tracker().Add(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: made.Name}})
		})
		return false, nil, nil
	})
	return &Existing{Client: client}, client
}

func TestNamespace(t *testing.T) {
	e, client := fakeCluster()
	ctx := context.Background()
	var told []string
	n, err := e.NewNamespace(ctx, Baseline, func(name string) func() {
		if _, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%s is told of when it is there: %v", name, err)
		}
		told = append(told, name)
		return func() { told = append(told, "done") }
	})
	if err != nil || !strings.HasPrefix(n.Name, Prefix) || len(n.Name) != len(Prefix)+nameLength || !slices.Equal(told, []string{n.Name}) {
		t.Fatalf("made %+v, %v, told of %q", n, err, told)
	}
	made, err := client.CoreV1().Namespaces().Get(ctx, n.Name, metav1.GetOptions{})
	if err != nil || made.Labels["pod-security.kubernetes.io/enforce"] != "baseline" || made.Labels[ManagedByLabel] != ManagedBy {
		t.Errorf("the namespace is %+v, %v", made, err)
	}
	if old, err := e.Leftovers(ctx, time.Hour); err != nil || len(old) != 1 {
		t.Errorf("leftovers %v, %v", old, err) // the fake sets no time, so it is old
	}
	if err := n.Delete(ctx); err != nil {
		t.Error(err)
	}
	if len(told) != 2 {
		t.Errorf("told of %q", told)
	}
	if err := n.Delete(ctx); err != nil {
		t.Errorf("deleting it again: %v", err)
	}
	if _, err := client.CoreV1().Namespaces().Get(ctx, n.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("after delete: %v", err)
	}
	if _, err := e.NewNamespace(ctx, "lax", nil); err == nil || !strings.Contains(err.Error(), "want privileged, baseline or restricted") {
		t.Errorf("another level: %v", err)
	}
}

// TestNamespaceFails takes a namespace away again if Pods cannot be made in it.
func TestNamespaceFails(t *testing.T) {
	e, client := fakeCluster()
	client.PrependReactor("get", "serviceaccounts", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("refused")
	})
	if _, err := e.NewNamespace(context.Background(), Privileged, nil); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("no service account: %v", err)
	}
	list, err := client.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("left behind: %v, %v", list.Items, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	e, client = fakeCluster()
	if _, err := e.NewNamespace(ctx, Privileged, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("interrupted: %v", err)
	}
	if list, _ := client.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{}); len(list.Items) != 0 {
		t.Errorf("left behind after an interrupt: %v", list.Items)
	}
}

// TestNamespaceAnswerLost takes away a namespace that was made although the call failed.
func TestNamespaceAnswerLost(t *testing.T) {
	e, client := fakeCluster()
	client.PrependReactor("create", "namespaces", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if err := client.Tracker().Add(action.(clienttesting.CreateAction).GetObject()); err != nil {
			t.Error(err)
		}
		return true, nil, errors.New("connection reset")
	})
	done := false
	if _, err := e.NewNamespace(t.Context(), Privileged, func(string) func() { return func() { done = true } }); err == nil || !done {
		t.Errorf("%v, done %v", err, done)
	}
	if list, _ := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); len(list.Items) != 0 {
		t.Errorf("left behind: %v", list.Items)
	}
}

// TestRBACGolden prints the roles, reads them back, and wants them to grant what Denied asks for.
func TestRBACGolden(t *testing.T) {
	for _, c := range []struct {
		file  string
		needs Needs
	}{
		{"rbac_doctor.yaml", Needs{Subject: "User:jane", ReadOnly: true}},
		{"rbac_watch.yaml", Needs{Subject: "User:jane", ReadOnly: true, Namespace: "shop"}},
		{"rbac_namespace.yaml", Needs{Subject: "ServiceAccount:tests/runner", Namespace: "tests"}},
		{"rbac_cluster.yaml", Needs{Subject: "Group:sidecar-conformance"}},
	} {
		text, err := RBAC(c.needs)
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, c.file, text)
		granted := map[string]bool{}
		for _, document := range strings.Split(text, "---\n") {
			var role rbacv1.ClusterRole
			if err := yaml.Unmarshal([]byte(document), &role); err != nil {
				t.Fatal(err)
			}
			if role.Name != ManagedBy || role.APIVersion != "rbac.authorization.k8s.io/v1" {
				t.Errorf("%s: read as %+v", c.file, role)
			}
			for _, r := range role.Rules {
				for _, verb := range r.Verbs {
					for _, what := range slices.Concat(r.Resources, r.NonResourceURLs) {
						granted[role.Namespace+" "+verb+" "+what] = true
					}
				}
			}
		}
		for _, p := range c.needs.permissions() {
			if !granted[p.namespace+" "+p.Verb+" "+p.Resource+p.NonResourceURL] {
				t.Errorf("%s does not grant %s in %q", c.file, p.Permission, p.namespace)
			}
		}
		if len(granted) != len(c.needs.permissions()) {
			t.Errorf("%s grants %d permissions, %d are needed", c.file, len(granted), len(c.needs.permissions()))
		}
	}
	for _, bad := range []Needs{{}, {Subject: "jane"}, {Subject: "User:"}, {Subject: "ServiceAccount:runner"}} {
		if _, err := RBAC(bad); err == nil {
			t.Errorf("%+v is no error", bad)
		}
	}
}

func TestDenied(t *testing.T) {
	e, client := fakeCluster()
	client.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		r, path := review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes
		review.Status.Allowed = path != nil && path.Path == "/version" ||
			r != nil && !(r.Resource == "nodes" && r.Subresource == "proxy") && !(r.Resource == "jobs" && r.Verb == "patch" && r.Group == "batch")
		return true, review, nil
	})
	denied, err := e.Denied(context.Background(), Needs{})
	want := []Permission{{"get", "", "/metrics"}, {"get", "nodes/proxy", ""}, {"patch", "jobs", ""}}
	if err != nil || !slices.Equal(denied, want) {
		t.Errorf("denied %v, %v, want %v", denied, err, want)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	text := "apiVersion: v1\nkind: Config\nclusters:\n- {name: c, cluster: {server: 'https://c.example'}}\n- {name: d, cluster: {server: 'https://d.example'}}\n" +
		"contexts:\n- {name: c, context: {cluster: c}}\n- {name: d, context: {cluster: d}}\ncurrent-context: c\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from Kubeconfig
		want string
	}{
		{Kubeconfig{File: file}, "https://c.example"},
		{Kubeconfig{Files: []string{file}, Context: "d"}, "https://d.example"},
		{Kubeconfig{Files: []string{filepath.Join(dir, "none"), file}}, "https://c.example"},
	} {
		e, err := Open(c.from)
		if err != nil || e.Config.Host != c.want || e.From.Context != c.want[len("https://"):][:1] {
			t.Errorf("%+v leads to %+v, %v", c.from, e, err)
		}
	}
	for _, bad := range []Kubeconfig{{File: filepath.Join(dir, "none")}, {Files: []string{filepath.Join(dir, "none")}}, {Files: []string{file}, Context: "none"}} {
		if e, err := Open(bad); err == nil {
			t.Errorf("%+v leads to %s", bad, e.Config.Host)
		}
	}
}
