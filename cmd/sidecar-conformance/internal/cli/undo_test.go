//go:build unix

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// roomAPI is the API server of a cluster with one node, which has namespaces that Pods never start in.
type roomAPI struct {
	t      *testing.T
	target gates.Target
	// playing is closed when the first Pod is created.
	playing chan struct{}
	first   sync.Once

	lock       sync.Mutex
	namespaces map[string]*corev1.Namespace
	deleted    []string
}

func (a *roomAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	resource, name := "", ""
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/")
	if resource = path[0]; len(path) > 1 {
		name = path[1]
	}
	if len(path) > 2 && resource == "namespaces" {
		resource = path[2]
	}
	version := "v" + a.target.Control.Release.String()
	switch {
	case r.URL.Path == "/version":
		fmt.Fprintf(w, `{"major":"1","minor":"%d","gitVersion":%q}`, a.target.Control.Release.Minor, version)
	case strings.HasSuffix(r.URL.Path, "/metrics"):
		for _, g := range gates.Gates() {
			if g.Spec(a.target.Control.Release).Stage != gates.Unknown {
				on := 0
				if a.target.Control.On(g.Name) {
					on = 1
				}
				fmt.Fprintf(w, "kubernetes_feature_enabled{name=%q,stage=\"\"} %d\n", g.Name, on)
			}
		}
	case resource == "nodes":
		fmt.Fprintf(w, `{"kind":"NodeList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"n"},
"status":{"nodeInfo":{"kubeletVersion":%q},"conditions":[{"type":"Ready","status":"True"}]}}]}`, version)
	case resource == "namespaces":
		a.namespace(w, r, name)
	case resource == "serviceaccounts":
		fmt.Fprint(w, `{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"default"}}`)
	case r.URL.Query().Get("watch") != "":
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case resource == "pods" && r.Method == http.MethodPost:
		a.first.Do(func() { close(a.playing) })
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		body, err := io.ReadAll(r.Body) // the server drops what is not read yet once an answer begins
		if err != nil {
			a.t.Error(err)
		}
		w.Write(body)
	case resource == "pods" || resource == "events":
		fmt.Fprintf(w, `{"kind":%q,"apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}`, map[string]string{"pods": "PodList", "events": "EventList"}[resource])
	default:
		a.notFound(w)
	}
}

func (a *roomAPI) notFound(w http.ResponseWriter) {
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
}

func (a *roomAPI) namespace(w http.ResponseWriter, r *http.Request, name string) {
	a.lock.Lock()
	defer a.lock.Unlock()
	n := a.namespaces[name]
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
		if err != nil {
			a.t.Error(err)
			return
		}
		n = object.(*corev1.Namespace)
		a.namespaces[n.Name] = n
	}
	if n == nil {
		a.notFound(w)
		return
	}
	if r.Method == http.MethodDelete {
		delete(a.namespaces, name)
		a.deleted = append(a.deleted, name)
	}
	n.Kind, n.APIVersion = "Namespace", "v1"
	json.NewEncoder(w).Encode(n)
}

// recordUntil has a process record until the first Pod is created, and sends it a signal then. It returns what the process and its
// guardian wrote, once both have ended.
func (a *roomAPI) recordUntil(signal syscall.Signal) string {
	targets, err := gates.ParseTargets("1.29")
	if err != nil {
		a.t.Fatal(err)
	}
	a.target, a.namespaces, a.playing = targets[0], map[string]*corev1.Namespace{}, make(chan struct{})
	server := httptest.NewServer(a)
	defer server.Close()
	config := filepath.Join(a.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],
"clusters":[{"name":"c","cluster":{"server":%q}}],"users":[{"name":"u","user":{}}]}`, server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	command := exec.Command("sidecar-conformance", "record", "readiness-is-no-gate", "--kubeconfig", config, "--target", "1.29", "--into", a.t.TempDir())
	var said strings.Builder
	command.Stderr = &said // read until nobody can write to it any more, also not the guardian
	if err := command.Start(); err != nil {
		a.t.Fatal(err)
	}
	go func() {
		<-a.playing
		command.Process.Signal(signal)
	}()
	if err := command.Wait(); err == nil {
		a.t.Error("the recording has come to its end")
	}
	if len(a.namespaces) != 0 || len(a.deleted) != 1 {
		a.t.Fatalf("there are %v, deleted were %v\n%s", a.namespaces, a.deleted, &said)
	}
	return said.String()
}

// TestRecordKilled leaves no namespace behind: the guardian takes it away.
func TestRecordKilled(t *testing.T) {
	a := &roomAPI{t: t}
	said := a.recordUntil(syscall.SIGKILL)
	want := []string{"the program has ended before its time; taking away namespace " + a.deleted[0], "namespace " + a.deleted[0] + " is gone"}
	if lines := strings.Split(strings.TrimSpace(said), "\n"); !slices.Equal(lines, want) {
		t.Errorf("said %q, want %q", lines, want)
	}
}

// TestRecordInterrupted cleans up itself; the guardian has nothing to do.
func TestRecordInterrupted(t *testing.T) {
	a := &roomAPI{t: t}
	if said := a.recordUntil(syscall.SIGTERM); !strings.Contains(said, "interrupted") || strings.Contains(said, "before its time") {
		t.Errorf("said %s", said)
	}
}
