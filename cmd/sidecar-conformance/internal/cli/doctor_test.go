package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

// playedServer is an API server of 1.36 with one node, as far as doctor asks.
type playedServer struct{ forbidden string }

func (p playedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.forbidden != "" && r.URL.Path == p.forbidden {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}`)
		return
	}
	switch r.URL.Path {
	case "/version":
		fmt.Fprint(w, `{"major": "1", "minor": "36", "gitVersion": "v1.36.3"}`)
	case "/metrics", "/api/v1/nodes/n/proxy/metrics":
		fmt.Fprint(w, "kubernetes_feature_enabled{name=\"SidecarContainers\",stage=\"\"} 1\n")
	case "/api/v1/nodes":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n"}, "status": {"nodeInfo": {"kubeletVersion": "v1.36.3"}}}]}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// TestDoctorAsks runs doctor against a played cluster, by flag, by environment, and by the file of the home directory.
func TestDoctorAsks(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, ".kube", "config")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		forbidden string
		args      []string
		env       map[string]string
		code      int
		want      string
	}{
		{"by flag", "", []string{"--kubeconfig", file}, nil, exitClean, "pass     node n: sidecars start in order"},
		{"by environment", "", nil, map[string]string{"KUBECONFIG": file}, exitClean, "pass     node n"},
		{"by home", "", nil, map[string]string{"HOME": home}, exitClean, "pass     node n"},
		{"by context", "", []string{"--context", "played"}, map[string]string{"HOME": home}, exitClean, "pass     node n"},
		{"another context", "", []string{"--kubeconfig", file, "--context", "none"}, nil, exitUsage, ""},
		{"nothing", "", nil, map[string]string{"HOME": t.TempDir()}, exitUsage, ""},
		{"refused, but locked", "/api/v1/nodes/n/proxy/metrics", []string{"--kubeconfig", file, "--strict"}, nil, exitClean, "Missing permission: get on nodes/proxy"},
		{"nodes refused, by the skew rule", "/api/v1/nodes", []string{"--kubeconfig", file, "--strict"}, nil, exitClean, "all nodes   -        on        skew rule"},
		{"refused against a target", "/api/v1/nodes", []string{"--kubeconfig", file, "--target", "1.36"}, nil, exitClean, "unknown  nodes: they could not be seen: RBAC refuses: list on nodes"},
		{"refused against a target, strict", "/api/v1/nodes", []string{"--kubeconfig", file, "--target", "1.36", "--strict"}, nil, exitUnknown, "Against --target 1.36"},
		{"another target", "", []string{"--kubeconfig", file, "--target", "1.37"}, nil, exitFindings, "fail     API server: it is 1.36.3; the target says 1.37"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(playedServer{c.forbidden})
			defer server.Close()
			text := fmt.Sprintf("{apiVersion: v1, kind: Config, current-context: played, clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: played, context: {cluster: c}}]}", server.URL)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			s := Streams{Out: &out, Err: &errs, Files: fixtures.OS{}, Env: func(name string) string { return c.env[name] }}
			if code := Run(context.Background(), append([]string{"doctor"}, c.args...), s); code != c.code {
				t.Errorf("status %d, want %d\n%s%s", code, c.code, &out, &errs)
			}
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("%q is missing in\n%s%s", c.want, &out, &errs)
			}
			out.Reset()
			Run(context.Background(), append([]string{"doctor", "-o", "json"}, c.args...), s)
			if out.Len() > 0 && !json.Valid(out.Bytes()) {
				t.Errorf("not JSON: %s", &out)
			}
		})
	}
}
