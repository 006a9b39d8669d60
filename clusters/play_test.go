package clusters

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// play is an API server with kubelets behind it, played by a test.
type play struct {
	// api is a component as a target writes it, or any version such as v1.27.3.
	api string
	// emulates is a release such as 1.32.
	emulates string
	nodes    []playNode
	// forbid are paths that RBAC refuses, broken are those that answer with an internal error.
	forbid, broken []string
	// empty are paths whose metrics have no series of gates.
	empty []string
}

type playNode struct {
	name, kubelet string
	taint         string
	unready       bool
}

func (p play) client(t *testing.T) kubernetes.Interface {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (p play) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, path := range p.forbid {
		if r.URL.Path == path {
			status(w, http.StatusForbidden, metav1.StatusReasonForbidden)
			return
		}
	}
	for _, path := range p.broken {
		if r.URL.Path == path {
			status(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable)
			return
		}
	}
	name, isNode := strings.CutPrefix(r.URL.Path, "/api/v1/nodes/")
	name, isMetrics := strings.CutSuffix(name, "/proxy/metrics")
	switch {
	case r.URL.Path == "/version":
		version := versionOf(p.api)
		parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
		info := map[string]string{"gitVersion": version, "major": parts[0], "minor": parts[1]}
		if p.emulates != "" {
			info["emulationMajor"], info["emulationMinor"], _ = strings.Cut(p.emulates, ".")
		}
		_ = json.NewEncoder(w).Encode(info)
	case r.URL.Path == "/metrics":
		p.metrics(w, r.URL.Path, p.api)
	case r.URL.Path == "/api/v1/nodes":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p.list())
	case isNode && isMetrics:
		for _, n := range p.nodes {
			if n.name == name {
				p.metrics(w, r.URL.Path, n.kubelet)
			}
		}
	default:
		status(w, http.StatusNotFound, metav1.StatusReasonNotFound)
	}
}

func status(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: "played " + string(reason)})
}

func (p play) list() corev1.NodeList {
	list := corev1.NodeList{TypeMeta: metav1.TypeMeta{Kind: "NodeList", APIVersion: "v1"}}
	for _, n := range p.nodes {
		node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.name}}
		node.Status.NodeInfo = corev1.NodeSystemInfo{KubeletVersion: versionOf(n.kubelet), ContainerRuntimeVersion: "containerd://1.7.1",
			OSImage: "Debian", KernelVersion: "6.1", Architecture: "amd64"}
		condition := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue}
		if n.unready {
			condition.Status = corev1.ConditionFalse
		}
		node.Status.Conditions = []corev1.NodeCondition{condition}
		if n.taint != "" {
			node.Spec.Taints = []corev1.Taint{{Key: n.taint, Effect: corev1.TaintEffectNoSchedule}}
		}
		list.Items = append(list.Items, node)
	}
	return list
}

// componentOf reads a component as a target writes it; ok is false for a version that is no release that is known.
func componentOf(text string) (gates.Component, bool) {
	if strings.HasPrefix(text, "v") {
		return gates.Component{}, false
	}
	targets, err := gates.ParseTargets(text)
	if err != nil {
		panic(err)
	}
	return targets[0].Control, true
}

func versionOf(text string) string {
	if c, ok := componentOf(text); ok {
		return "v" + c.Release.String()
	}
	return text
}

// metrics writes a page as component-base does: the series of every gate that the release has, among others.
func (p play) metrics(w http.ResponseWriter, path, text string) {
	fmt.Fprint(w, "# HELP kubernetes_feature_enabled [BETA] This metric records the data about the stage and enablement of a k8s feature.\n"+
		"# TYPE kubernetes_feature_enabled gauge\n")
	for _, e := range p.empty {
		if e == path {
			return
		}
	}
	fmt.Fprint(w, "kubernetes_feature_enabled{name=\"AllAlpha\",stage=\"ALPHA\"} 0\n")
	c, ok := componentOf(text)
	if ok {
		for _, g := range gates.Gates() {
			spec := g.Spec(c.Release)
			if spec.Stage == gates.Unknown {
				continue
			}
			stage := strings.ToUpper(spec.Stage.String())
			if spec.Stage == gates.GA {
				stage = ""
			}
			value := 0
			if c.On(g.Name) {
				value = 1
			}
			fmt.Fprintf(w, "kubernetes_feature_enabled{name=%q,stage=%q} %d\n", g.Name, stage, value)
		}
	}
	fmt.Fprint(w, "process_cpu_seconds_total 1.5\nprocess_start_time_seconds 1.79574e+09\n")
}
