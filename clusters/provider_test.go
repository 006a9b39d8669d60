package clusters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	kindexec "sigs.k8s.io/kind/pkg/exec"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// fakeKind plays the library of kind: clusters are names.
type fakeKind struct {
	lock     sync.Mutex
	clusters map[string]bool
	// create is called by Create with the lock released; nil makes the cluster.
	create func(name string) error
	// undeletable makes Delete fail.
	undeletable bool
	deletes     int
}

func (k *fakeKind) Create(name string, options ...cluster.CreateOption) error {
	if len(options) != 3 {
		return fmt.Errorf("%d options", len(options))
	}
	k.set(name, true)
	if k.create != nil {
		return k.create(name)
	}
	return nil
}

func (k *fakeKind) set(name string, there bool) {
	k.lock.Lock()
	defer k.lock.Unlock()
	k.clusters[name] = there
}

func (k *fakeKind) there(name string) bool {
	k.lock.Lock()
	defer k.lock.Unlock()
	return k.clusters[name]
}

func (k *fakeKind) Delete(name, kubeconfig string) error {
	k.lock.Lock()
	defer k.lock.Unlock()
	k.deletes++
	if k.undeletable {
		return errors.New("device or resource busy")
	}
	delete(k.clusters, name)
	return nil
}

func (k *fakeKind) List() ([]string, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	var names []string
	for name := range k.clusters {
		names = append(names, name)
	}
	return names, nil
}

func (k *fakeKind) ListInternalNodes(name string) ([]nodes.Node, error) {
	if !k.there(name) {
		return nil, nil
	}
	return []nodes.Node{fakeNode(name + "-worker"), fakeNode(name + "-control-plane")}, nil
}

func (k *fakeKind) CollectLogs(name, dir string) error {
	return os.WriteFile(filepath.Join(dir, "log"), []byte(name), 0o600)
}

// fakeNode is a node whose commands print themselves.
type fakeNode string

func (n fakeNode) String() string              { return string(n) }
func (n fakeNode) Role() (string, error)       { return "worker", nil }
func (n fakeNode) IP() (string, string, error) { return "", "", nil }
func (n fakeNode) SerialLogs(io.Writer) error  { return nil }
func (n fakeNode) Command(name string, args ...string) kindexec.Cmd {
	return n.CommandContext(context.Background(), name, args...)
}
func (n fakeNode) CommandContext(_ context.Context, name string, args ...string) kindexec.Cmd {
	return &fakeCmd{text: string(n) + ": " + name + " " + strings.Join(args, " "), fails: name == "false"}
}

type fakeCmd struct {
	text  string
	fails bool
	out   io.Writer
}

func (c *fakeCmd) SetEnv(...string) kindexec.Cmd      { return c }
func (c *fakeCmd) SetStdin(io.Reader) kindexec.Cmd    { return c }
func (c *fakeCmd) SetStdout(w io.Writer) kindexec.Cmd { c.out = w; return c }
func (c *fakeCmd) SetStderr(io.Writer) kindexec.Cmd   { return c }
func (c *fakeCmd) Run() error {
	if c.fails {
		return &kindexec.RunError{Command: []string{"false"}, Output: []byte("first\nlast words\n"), Inner: errors.New("exit status 1")}
	}
	if c.out != nil {
		fmt.Fprintln(c.out, c.text)
	}
	return nil
}

// fakeContainers plays a container runtime.
type fakeContainers struct{ available, ensure error }

func (c fakeContainers) Available(context.Context) error      { return c.available }
func (c fakeContainers) Ensure(context.Context, string) error { return c.ensure }

type fakes struct {
	*Provider
	kind  *fakeKind
	steps *[]Progress
}

func newFakes(t *testing.T) fakes {
	t.Helper()
	var steps []Progress
	p, err := NewProvider(Config{Dir: filepath.Join(t.TempDir(), "state"), Progress: func(s Progress) { steps = append(steps, s) }})
	if err != nil {
		t.Fatal(err)
	}
	k := &fakeKind{clusters: map[string]bool{"of-somebody-else": true}}
	p.kind = func(string) kind { return k }
	p.containers = fakeContainers{}
	p.ready = func(context.Context, *Cluster) error { return nil }
	p.late = 0
	return fakes{p, k, &steps}
}

func planFor(t *testing.T, target string, o Options) *Plan {
	t.Helper()
	targets, err := gates.ParseTargets(target)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(targets[0], o)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// wantNothing wants no cluster of ours, and that of somebody else untouched.
func (f fakes) wantNothing(t *testing.T) {
	t.Helper()
	list, err := f.List(context.Background())
	if err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	if names, _ := f.kind.List(); len(names) != 1 || names[0] != "of-somebody-else" {
		t.Errorf("kind has %v", names)
	}
}

func TestCreateReuseDelete(t *testing.T) {
	f := newFakes(t)
	ctx := context.Background()
	f.wantNothing(t)
	plan := planFor(t, "1.29", Options{})
	c, err := f.Create(ctx, plan, CreateOptions{})
	if err != nil || c.Name != Prefix+"1.29-on" || c.State != Ready || c.Label.Process != 0 {
		t.Fatalf("created %+v, %v", c, err)
	}
	f.kind.create = func(string) error { return errors.New("it was not used again") }
	if _, err := f.Create(ctx, plan, CreateOptions{}); err != nil {
		t.Errorf("the same plan again: %v", err)
	}
	if _, err := f.Create(ctx, planFor(t, "1.29", Options{Copies: 2}), CreateOptions{}); err == nil || !strings.Contains(err.Error(), "was made of another plan") {
		t.Errorf("another plan: %v", err)
	}
	list, err := f.List(ctx)
	if err != nil || len(list) != 1 || list[0].Name != c.Name || list[0].Label.Target != "1.29.15" {
		t.Errorf("listed %v, %v", list, err)
	}
	if file, err := f.Kubeconfig("1.29-on"); err != nil || file != c.Kubeconfig {
		t.Errorf("kubeconfig %q, %v", file, err)
	}
	for _, name := range []string{"of-somebody-else", "1.30", "../1.29-on", ""} {
		if err := f.Delete(ctx, name, DeleteOptions{Force: true}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("deleting %q: %v", name, err)
		}
	}
	if err := f.Delete(ctx, "1.29-on", DeleteOptions{}); err != nil {
		t.Error(err)
	}
	f.wantNothing(t)
	if _, err := f.Get(ctx, c.Name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get after delete: %v", err)
	}
}

func TestCreateSideBySide(t *testing.T) {
	f := newFakes(t)
	var all sync.WaitGroup
	for _, cell := range Matrix() {
		all.Go(func() {
			plan, err := NewPlan(cell.Target, Options{})
			if err == nil {
				_, err = f.Create(context.Background(), plan, CreateOptions{})
			}
			if err != nil {
				t.Errorf("%s: %v", cell.Name, err)
			}
		})
	}
	all.Wait()
	if list, err := f.List(context.Background()); err != nil || len(list) != len(Matrix()) {
		t.Errorf("%d clusters, %v", len(list), err)
	}
}

// TestCreateFails wants nothing to stay behind whatever goes wrong, and everything with Keep.
func TestCreateFails(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		with func(f *fakes)
		want string
	}{
		{"no runtime", func(f *fakes) { f.containers = fakeContainers{available: broken} }, "which does not answer: broken; start it"},
		{"no image", func(f *fakes) { f.containers = fakeContainers{ensure: broken} }, "cannot be pulled: broken; name one that is here with --image"},
		{"kind fails", func(f *fakes) {
			f.kind.create = func(string) error { return fakeNode("n").Command("false").Run() }
		}, "last words"},
		{"nodes are never ready", func(f *fakes) { f.ready = func(context.Context, *Cluster) error { return broken } }, "broken"},
		{"a cluster of that name", func(f *fakes) { f.kind.set(Prefix+"1.29-on", true) }, "was not made here"},
	} {
		f := newFakes(t)
		c.with(&f)
		_, err := f.Create(context.Background(), planFor(t, "1.29", Options{}), CreateOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		f.containers = fakeContainers{}
		if c.name != "a cluster of that name" {
			f.wantNothing(t)
		} else if !f.kind.there(Prefix + "1.29-on") {
			t.Errorf("%s: it was deleted", c.name)
		}
	}
	f := newFakes(t)
	f.kind.create = func(string) error { return broken }
	_, err := f.Create(context.Background(), planFor(t, "1.29", Options{}), CreateOptions{Keep: true})
	if err == nil || !strings.Contains(err.Error(), "was kept") || !f.kind.there(Prefix+"1.29-on") {
		t.Errorf("keep: %v", err)
	}
	// The process that made it is this one, so it looks as if it were being made.
	if err := f.Delete(context.Background(), "1.29-on", DeleteOptions{}); err == nil || !strings.Contains(err.Error(), "or force it") {
		t.Errorf("deleting a cluster that is being made: %v", err)
	}
	if err := f.Delete(context.Background(), "1.29-on", DeleteOptions{Force: true}); err != nil {
		t.Error(err)
	}
	f.wantNothing(t)
}

// TestCreateInterrupted ends the context while kind, which knows none, is at work: its nodes are taken away beneath it.
func TestCreateInterrupted(t *testing.T) {
	f := newFakes(t)
	ctx, cancel := context.WithCancel(context.Background())
	f.kind.create = func(name string) error {
		cancel()
		for f.kind.there(name) {
			time.Sleep(time.Millisecond)
		}
		f.kind.set(name, true) // one more node came up in the meantime
		return errors.New("no such container")
	}
	_, err := f.Create(ctx, planFor(t, "1.29", Options{}), CreateOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	f.wantNothing(t)

	if _, err := f.Create(ctx, planFor(t, "1.29", Options{}), CreateOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("created after the end: %v", err)
	}
	f.wantNothing(t)

	f = newFakes(t)
	f.kind.undeletable = true
	f.kind.create = func(string) error { return errors.New("broken") }
	_, err = f.Create(context.Background(), planFor(t, "1.29", Options{}), CreateOptions{})
	if leftover, ok := errors.AsType[*LeftoverError](err); !ok || leftover.Cluster != Prefix+"1.29-on" {
		t.Errorf("a cluster that cannot be deleted: %v", err)
	}
	if list, err := f.List(context.Background()); err != nil || len(list) != 1 {
		t.Errorf("it is not listed: %v, %v", list, err)
	}
}

// TestLeftovers finds what a killed process left, by its label.
func TestLeftovers(t *testing.T) {
	f := newFakes(t)
	ctx := context.Background()
	plan := planFor(t, "1.29", Options{})
	dead := Label{Name: plan.Name, Target: "1.29.15", Config: plan.Config, Process: 1 << 30}
	if err := f.claim(dead); err != nil {
		t.Fatal(err)
	}
	if err := f.claim(dead); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second claim: %v", err)
	}
	f.kind.set(plan.Name, true)
	c, err := f.Get(ctx, "1.29-on")
	if err != nil || c.State != Unfinished {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := f.Create(ctx, plan, CreateOptions{}); err != nil || f.kind.deletes != 1 {
		t.Errorf("creating over what was left: %v after %d deletes", err, f.kind.deletes)
	}
	// Somebody deletes the nodes with docker: the cluster is gone, and is made anew.
	if err := f.kind.Delete(plan.Name, ""); err != nil {
		t.Fatal(err)
	}
	if c, err = f.Get(ctx, "1.29-on"); err != nil || c.State != Gone {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := f.Create(ctx, plan, CreateOptions{}); err != nil || !f.kind.there(plan.Name) {
		t.Errorf("creating anew: %v", err)
	}
	// A label that cannot be read stops a listing: whose cluster it is cannot be said.
	if err := os.WriteFile(f.path(plan.Name, labelFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.List(ctx); err == nil {
		t.Error("a broken label is no error")
	}
}

func TestClusterCommands(t *testing.T) {
	f := newFakes(t)
	ctx := context.Background()
	c, err := f.Create(ctx, planFor(t, "1.29", Options{}), CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names, err := c.Nodes()
	if err != nil || len(names) != 2 || names[0] != c.Name+"-control-plane" {
		t.Errorf("nodes %v, %v", names, err)
	}
	var out strings.Builder
	if err := c.Run(ctx, Command{Node: names[1], Args: []string{"uname", "-r"}, Stdout: &out}); err != nil || out.String() != names[1]+": uname -r\n" {
		t.Errorf("run: %q, %v", &out, err)
	}
	for _, bad := range []Command{{Node: "none", Args: []string{"true"}}, {Node: names[0]}, {Node: names[0], Args: []string{"false"}}} {
		if err := c.Run(ctx, bad); err == nil {
			t.Errorf("%+v is no error", bad)
		} else if bad.Args != nil && bad.Args[0] == "false" && !strings.HasSuffix(err.Error(), "last words") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	dir := t.TempDir()
	if err := c.ExportLogs(ctx, dir); err != nil {
		t.Error(err)
	}
	if err := c.LoadImage(ctx, filepath.Join(dir, "none.tar")); err == nil || !strings.Contains(err.Error(), "none.tar") {
		t.Errorf("an archive that is not there: %v", err)
	}
}

func TestRoutes(t *testing.T) {
	node := func(name, cidr, ip string) corev1.Node {
		n := corev1.Node{}
		n.Name, n.Spec.PodCIDR = name, cidr
		n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}, {Type: corev1.NodeInternalIP, Address: ip}}
		return n
	}
	list := []corev1.Node{node("a", "10.244.0.0/24", "172.18.0.2"), node("b", "10.244.1.0/24", "172.18.0.3"), node("c", "", "172.18.0.4")}
	got := fmt.Sprint(routes(list, 0), routes(list, 2))
	want := "[[ip route replace 10.244.1.0/24 via 172.18.0.3]] [[ip route replace 10.244.0.0/24 via 172.18.0.2] [ip route replace 10.244.1.0/24 via 172.18.0.3]]"
	if got != want {
		t.Errorf("routes are %s, want %s", got, want)
	}
}

func TestNotReady(t *testing.T) {
	list := []corev1.Node{{}, {}}
	for i := range list {
		list[i].Name = fmt.Sprintf("n%d", i)
		list[i].Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		list[i].Spec.Taints = []corev1.Taint{{Key: "node.kubernetes.io/not-ready", Effect: corev1.TaintEffectNoSchedule}}
	}
	if got := notReady(list, 3); got != "2 of 3 nodes have joined" {
		t.Error(got)
	}
	if got := notReady(list, 2); got != "" {
		t.Errorf("a control plane keeps its taint: %s", got)
	}
	list[1].Labels = map[string]string{NodeKindLabel: "0"}
	if got := notReady(list, 2); got != "node n1 takes no Pods yet: taint node.kubernetes.io/not-ready" {
		t.Error(got)
	}
	list[0].Status.Conditions = nil
	if got := notReady(list, 2); got != "node n0 is not" {
		t.Error(got)
	}
}

// TestProgress reads what kind logs.
func TestProgress(t *testing.T) {
	var got []Progress
	l := progressLogger{"c", func(p Progress) { got = append(got, p) }}
	l.V(0).Infof("Creating cluster %q ...\n", "c")
	l.V(0).Infof(" • %s  ...\n", "Ensuring node image (kindest/node:v1) 🖼️")
	l.V(0).Infof(" • %s  ...\n", "Preparing nodes 📦 📦 ")
	l.V(0).Infof(" ✓ %s\n", "Preparing nodes 📦 📦 ")
	l.V(0).Infof(" ✗ %s\n", "Starting control-plane 🕹️")
	l.V(1).Info(" • quiet")
	l.Warnf("cgroup %s is deprecated", "v1")
	want := []Progress{{"c", "Preparing nodes", Begun}, {"c", "Preparing nodes", Done}, {"c", "Starting control-plane", Failed}, {"c", "cgroup v1 is deprecated", Warning}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("progress %v, want %v", got, want)
	}
}

func TestNewProvider(t *testing.T) {
	if _, err := NewProvider(Config{}); err == nil {
		t.Error("a provider without a directory")
	}
	if _, err := NewProvider(Config{Dir: "x", Runtime: "rkt"}); err == nil || !strings.Contains(err.Error(), "want docker, podman or nerdctl") {
		t.Errorf("another runtime: %v", err)
	}
	if err := command("no-such-runtime-here").Available(context.Background()); err == nil {
		t.Error("a runtime that is not there is available")
	}
}

// TestOutput picks the line of a command's output that says why it failed.
func TestOutput(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"", "exit status 1"},
		{"first\nlast\n\n", ": last"},
		{"I1125 init.go] running\nerror execution phase wait-control-plane: timed out\nk8s.io/kubernetes/cmd/kubeadm/app.Run\n\truntime/asm_amd64.s:1771\n", ": error execution phase wait-control-plane: timed out"},
	} {
		err := output(&kindexec.RunError{Command: []string{"x"}, Output: []byte(c.said), Inner: errors.New("exit status 1")})
		if !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%q is told as %q, want %q", c.said, err, c.want)
		}
	}
}
