package clusters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

func one(kubelet string) []playNode { return []playNode{{name: "a", kubelet: kubelet}} }

// plays are clusters that are looked at, each with the target that it is compared with.
var plays = []struct {
	why, target string
	play        play
}{
	{"the gate is alpha and off", "1.28", play{api: "1.28", nodes: one("1.28")}},
	{"the gate is on everywhere", "1.28+SidecarContainers", play{api: "1.28+SidecarContainers", nodes: one("1.28+SidecarContainers")}},
	{"the gate is beta and on", "1.29", play{api: "1.29", nodes: one("1.29")}},
	{"one kubelet has it off", "1.29/1.29-SidecarContainers", play{api: "1.29", nodes: one("1.29-SidecarContainers")}},
	{"a mixed fleet, and a control plane that takes no Pods", "1.29/{1.29,1.28}", play{api: "1.29", nodes: []playNode{
		{name: "old", kubelet: "1.28"}, {name: "new", kubelet: "1.29"}, {name: "control-plane", kubelet: "1.29", taint: "node-role.kubernetes.io/control-plane"}}}},
	{"the gate is locked", "1.33", play{api: "1.33", nodes: one("1.33")}},
	{"the gate is gone", "1.37", play{api: "1.37", nodes: one("1.37")}},
	{"known defects of patch releases", "1.29.2", play{api: "1.29.2", nodes: one("1.29.2")}},

	{"the gate is off where the target has it on", "1.29", play{api: "1.29-SidecarContainers", nodes: one("1.29-SidecarContainers")}},
	{"another gate is on", "1.35", play{api: "1.35", nodes: one("1.35+ReduceDefaultCrashLoopBackOffDecay")}},
	{"another patch release", "1.29", play{api: "1.29.4", nodes: one("1.29.4")}},
	{"another release, and one kind of node is missing", "1.30/{1.30,1.29}", play{api: "1.31", nodes: one("1.30")}},
	{"a node too many", "1.29", play{api: "1.29", nodes: []playNode{{name: "a", kubelet: "1.29"}, {name: "b", kubelet: "1.28"}}}},
	{"a node that is not ready", "1.29", play{api: "1.29", nodes: []playNode{{name: "a", kubelet: "1.29", unready: true}}}},
	{"an emulated release", "1.33", play{api: "1.33", emulates: "1.32", nodes: one("1.33")}},
	{"no node", "1.29", play{api: "1.29"}},

	{"a cluster that knows no sidecars", "1.28", play{api: "v1.27.3", nodes: one("v1.27.3")}},
	{"an old node", "1.29/{1.29,1.28}", play{api: "1.29", nodes: []playNode{{name: "a", kubelet: "v1.26.1"}, {name: "b", kubelet: "1.29"}}}},
	{"a release that was not read", "1.37", play{api: "v1.99.0-alpha.1", nodes: one("v1.99.0-alpha.1")}},
	{"a patch release that was not read", "1.29", play{api: "v1.29.99", nodes: one("v1.29.99")}},
	{"a version that is none", "1.29", play{api: "1.29", nodes: one("vague")}},

	{"RBAC refuses the metrics of the API server", "1.29", play{api: "1.29", nodes: one("1.29"), forbid: []string{"/metrics"}}},
	{"RBAC refuses the kubelets", "1.29", play{api: "1.29", nodes: []playNode{{name: "a", kubelet: "1.29"}, {name: "b", kubelet: "1.29"}}, forbid: []string{"/api/v1/nodes/a/proxy/metrics", "/api/v1/nodes/b/proxy/metrics"}}},
	{"RBAC refuses the kubelets, and the gate is locked", "1.36", play{api: "1.36", nodes: one("1.36"), forbid: []string{"/api/v1/nodes/a/proxy/metrics"}}},
	{"RBAC refuses the nodes", "1.29", play{api: "1.29", nodes: one("1.29"), forbid: []string{"/api/v1/nodes"}}},
	{"RBAC refuses the nodes, and all that may be there have the gate", "1.37", play{api: "1.37", nodes: one("1.34"), forbid: []string{"/api/v1/nodes"}}},
	{"RBAC refuses everything", "1.29", play{api: "1.29", nodes: one("1.29"), forbid: []string{"/version", "/metrics", "/api/v1/nodes"}}},
	{"a kubelet that does not answer", "1.29", play{api: "1.29", nodes: one("1.29"), broken: []string{"/api/v1/nodes/a/proxy/metrics"}}},
	{"metrics without series", "1.29", play{api: "1.29", nodes: one("1.29"), empty: []string{"/metrics"}}},
}

// TestVerifyGolden prints what is seen of every played cluster, how it differs from a target, and what it means.
func TestVerifyGolden(t *testing.T) {
	var b strings.Builder
	for _, c := range plays {
		targets, err := gates.ParseTargets(c.target)
		if err != nil {
			t.Fatal(err)
		}
		facts, violations, err := Verify(context.Background(), c.play.client(t), targets[0])
		if err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		fmt.Fprintf(&b, "# %s\n", c.why)
		describe(&b, facts)
		if refusal := Refusal(targets[0], violations); refusal != nil {
			fmt.Fprintf(&b, "refused (unverified %t): %v\n", errors.Is(refusal, ErrUnverified), refusal)
		} else {
			fmt.Fprintf(&b, "verified: %s\n", targets[0])
		}
		for _, m := range facts.Meanings() {
			fmt.Fprintf(&b, "meaning: %s: %s: %s\n", m.Component, m.Works, m.Text)
		}
		b.WriteString("\n")
	}
	wantFile(t, "verify.txt", b.String())
}

func describe(b *strings.Builder, f *Facts) {
	line := func(c *Component, more string) {
		g := c.Gate(gates.SidecarContainers)
		fmt.Fprintf(b, "%s %s%s: %s by %s: %s\n", c.Name, c.Version, more, g.State, g.Evidence, g.Because)
	}
	line(&f.API, "")
	for i := range f.Nodes {
		n := &f.Nodes[i]
		more := fmt.Sprintf(" kind %d", n.Kind)
		if n.Closed != "" {
			more += " closed by " + n.Closed
		}
		line(&n.Component, more)
	}
	if f.Kubelets != nil {
		line(f.Kubelets, "")
	}
	for _, p := range f.Missing {
		fmt.Fprintf(b, "missing: %s\n", p)
	}
	if target, err := f.Target(); err != nil {
		fmt.Fprintf(b, "no target: %v\n", err)
	} else {
		fmt.Fprintf(b, "target: %s\n", target)
	}
}

// TestFactsReadBack writes the facts of every played cluster and reads them back: they are the same, and mean the same.
func TestFactsReadBack(t *testing.T) {
	for _, c := range plays {
		facts, err := Look(context.Background(), c.play.client(t))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(facts)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadFacts(strings.NewReader(string(text)))
		if err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		var one, two strings.Builder
		describe(&one, facts)
		describe(&two, again)
		if one.String() != two.String() || !reflect.DeepEqual(facts.Meanings(), again.Meanings()) {
			t.Errorf("%s reads back as\n%s\nwant\n%s", c.why, &two, &one)
		}
	}
	for _, c := range []struct{ text, want string }{
		{`{"kind": "Pod", "apiVersion": "v1"}`, `kind "Pod", want`},
		{`nonsense`, "reading facts of a cluster"},
		{`{"apiVersion": "sidecar-conformance.dev/v1alpha1", "kind": "ClusterFacts", "apiServer": {"name": "API server", "version": "x"}}`, "API server: version"},
	} {
		if _, err := ReadFacts(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}

// TestMatrixIsVerified plays every cluster of the matrix as its plan would make it, and wants it accepted, and refused for
// every other entry.
func TestMatrixIsVerified(t *testing.T) {
	for _, made := range Matrix() {
		plan, err := NewPlan(made.Target, Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := play{api: made.Target.Control.String()}
		for _, n := range plan.Nodes {
			node := playNode{name: n.Name, kubelet: n.Component.String()}
			if n.Kind < 0 {
				node.taint = "node-role.kubernetes.io/control-plane"
			}
			p.nodes = append(p.nodes, node)
		}
		facts, err := Look(context.Background(), p.client(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range Matrix() {
			violations := facts.Compare(want.Target)
			if refusal := Refusal(want.Target, violations); (refusal == nil) != (want.Name == made.Name) {
				t.Errorf("a cluster made for %s is compared with %s: %v", made.Name, want.Name, refusal)
			}
		}
		if target, err := facts.Target(); err != nil || target.String() != made.Target.String() {
			t.Errorf("a cluster made for %s is %s, %v", made.Target, target, err)
		}
	}
}

func TestLookErrors(t *testing.T) {
	if _, err := Look(context.Background(), play{api: "vague"}.client(t)); err == nil || !strings.Contains(err.Error(), "/version") {
		t.Errorf("an API server without a version: %v", err)
	}
	if _, err := Look(context.Background(), play{api: "1.29", broken: []string{"/version"}}.client(t)); err == nil {
		t.Error("an API server that does not answer is no error")
	}
	if _, err := Look(context.Background(), play{api: "1.29", broken: []string{"/api/v1/nodes"}}.client(t)); err == nil {
		t.Error("nodes that cannot be listed are no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Look(ctx, play{api: "1.29"}.client(t)); err == nil {
		t.Error("a look that was cancelled is no error")
	}
}

// TestSilentKubelets wants that kubelets that never answer hold up a look by no more than the time of one.
func TestSilentKubelets(t *testing.T) {
	p := play{api: "1.29", nodes: one("1.29")}
	for i := range 5 {
		p.nodes = append(p.nodes, playNode{name: fmt.Sprintf("silent%d", i), kubelet: "1.29"})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/silent") {
			<-r.Context().Done()
			return
		}
		p.ServeHTTP(w, r)
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	l := &looker{client: client, facts: &Facts{}, patience: 50 * time.Millisecond}
	if err := errors.Join(l.server(context.Background()), l.nodes(context.Background())); err != nil {
		t.Fatal(err)
	}
	for _, n := range l.facts.Nodes {
		g := n.Gate(gates.SidecarContainers)
		if silent := strings.HasPrefix(n.NodeName, "silent"); silent != (g.State == Unknown) || silent && g.Because != "no answer within 50ms" {
			t.Errorf("%s: %+v", n.NodeName, g)
		}
	}
}

// TestExampleFacts keeps the facts that the examples of doctor read.
func TestExampleFacts(t *testing.T) {
	p := play{api: "1.29", nodes: []playNode{{name: "worker", kubelet: "1.29"}, {name: "control-plane", kubelet: "1.29", taint: "node-role.kubernetes.io/control-plane"}}}
	facts, err := Look(context.Background(), p.client(t))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(facts); err != nil {
		t.Fatal(err)
	}
	wantFile(t, "../../cmd/sidecar-conformance/testdata/examples/cluster.facts", b.String())
}
