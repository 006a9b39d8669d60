package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

// shopAPI is an API server with one node and one Pod, which runs and is removed soon after somebody watches it.
type shopAPI struct {
	t       *testing.T
	removed atomic.Bool
	stays   bool
	printed func() // called when something is printed
}

const shopPod = `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"shop","uid":"u-1","resourceVersion":"%d","creationTimestamp":"2026-01-02T03:04:05Z"},
"spec":{"nodeName":"n","initContainers":[{"name":"proxy","image":"p","restartPolicy":"Always"}],"containers":[{"name":"app","image":"a"}]},
"status":{"phase":"Running","containerStatuses":[{"name":"app","restartCount":2,"state":{"running":{"startedAt":"2026-01-02T03:04:07Z"}}}]}}`

func (a *shopAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		a.t.Errorf("%s %s: the recording changes something", r.Method, r.URL)
	}
	w.Header().Set("Content-Type", "application/json")
	watched := r.URL.Query().Get("watch") != ""
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v1/"); {
	case path == "/version":
		fmt.Fprint(w, `{"major":"1","minor":"29","gitVersion":"v1.29.15"}`)
	case path == "nodes":
		fmt.Fprint(w, `{"kind":"NodeList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"n"},"status":{"nodeInfo":{"kubeletVersion":"v1.29.15"}}}]}`)
	case path == "namespaces/shop/pods/web":
		fmt.Fprintf(w, shopPod, 7)
	case path == "namespaces/shop/pods" && watched:
		w.(http.Flusher).Flush()
		if !a.stays {
			a.removed.Store(true)
			fmt.Fprintf(w, `{"type":"DELETED","object":`+shopPod+"}\n", 8)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	case path == "namespaces/shop/pods":
		items := fmt.Sprintf(shopPod, 7)
		if a.removed.Load() {
			items = ""
		}
		fmt.Fprintf(w, `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[%s]}`, items)
	case path == "namespaces/shop/events" && watched:
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case path == "namespaces/shop/events":
		fmt.Fprint(w, `{"kind":"EventList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}`)
	default:
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`)
	}
}

// run runs a command line against the API server.
func (a *shopAPI) run(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	server := httptest.NewServer(a)
	defer server.Close()
	config := filepath.Join(a.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],
"clusters":[{"name":"c","cluster":{"server":%q}}],"users":[{"name":"u","user":{}}]}`, server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	var out, err strings.Builder
	status = Run(ctx, append(args, "--kubeconfig", config), streamsTo(writer(func(text []byte) (int, error) {
		if a.printed != nil {
			a.printed()
		}
		return out.Write(text)
	}), &err))
	return status, out.String(), err.String()
}

type writer func([]byte) (int, error)

func (w writer) Write(text []byte) (int, error) { return w(text) }

func streamsTo(out, err io.Writer) Streams {
	return Streams{Out: out, Err: err, Env: func(string) string { return "" }, Files: fixtures.OS{}}
}

// TestRecordPod watches a Pod that is removed, keeps the recording, spares it the next time, and has it judged.
func TestRecordPod(t *testing.T) {
	dir := t.TempDir()
	a := &shopAPI{t: t}
	command := []string{"record", "po/web", "-n", "shop", "--target", "1.29", "--into", dir}
	status, out, errs := a.run(t.Context(), command...)
	if status != exitClean || !strings.Contains(errs, "the Pod is gone\n") {
		t.Fatalf("status %d\n%s%s", status, out, errs)
	}
	for _, want := range []string{
		`^ +at  role     container  event                  source\n +2\.000s  main     app        running \(restart 2\)    status, before the recording\n`,
		`(?m)^ *\d+\.\d+s  pod      -          the recording begins, phase Running  status$`,
		`(?m)^ *\d+\.\d+s  pod      -          removed                status$`,
		`1 recording below `,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if status, _, errs := a.run(t.Context(), command...); status != exitUsage || !strings.Contains(errs, "already of pod/shop/web; --update replaces") {
		t.Errorf("status %d\n%s", status, errs)
	}
	var judged strings.Builder
	if status := Run(t.Context(), []string{"judge", dir}, streamsTo(&judged, &judged)); status != exitEnvironment {
		t.Errorf("status %d\n%s", status, &judged)
	}
	if !strings.Contains(judged.String(), "after the Pod was created") || !strings.Contains(judged.String(), "1 inconclusive") {
		t.Errorf("%s", &judged)
	}
}

// TestRecordPodStopped is ended by an interrupt as soon as the first line is printed, which is no failure.
func TestRecordPodStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a := &shopAPI{t: t, stays: true, printed: stop}
	status, out, errs := a.run(ctx, "record", "pod/web", "-n", "shop", "--target", "1.29")
	if status != exitClean || !strings.Contains(errs, "the recording ends; the Pod goes on\n") || !strings.Contains(out, "the recording begins") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}
