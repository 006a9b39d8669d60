package observe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
)

// fakeNode is a node whose containerd tells what the test wants. A line "break" ends the stream.
type fakeNode struct {
	mu    sync.Mutex
	lines chan string
	marks chan string
	opens int
	info  string
	list  string // the IDs of the containers that are there
	notes string // the annotations of every bundle
	logs  string // the logs of every container, the newest first
}

func (n *fakeNode) Nodes() ([]string, error) { return []string{"n"}, nil }

func (n *fakeNode) Run(ctx context.Context, c clusters.Command) error {
	if len(c.Args) == 3 {
		return n.events(ctx, c)
	}
	questions := bufio.NewScanner(c.Stdin)
	for questions.Scan() {
		q := questions.Text()
		switch {
		case strings.HasPrefix(q, "ctr namespaces create"):
			select {
			case n.marks <- strings.Fields(q)[3]:
			default: // the stream is broken
			}
		case strings.Contains(q, "containers list"):
			fmt.Fprintln(c.Stdout, n.list)
		case strings.HasPrefix(q, "ctr -n"):
			fmt.Fprintln(c.Stdout, n.info)
		case strings.HasPrefix(q, "grep -o"):
			fmt.Fprintln(c.Stdout, n.notes)
		case strings.HasPrefix(q, "ls -t"):
			fmt.Fprintln(c.Stdout, n.logs)
		case strings.HasPrefix(q, "echo;"):
			fmt.Fprintf(c.Stdout, "\n%s 0\n", answerEnd)
		}
	}
	return nil
}

func (n *fakeNode) events(ctx context.Context, c clusters.Command) error {
	n.mu.Lock()
	n.opens++
	n.mu.Unlock()
	fmt.Fprintln(c.Stdout, "123")
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case name := <-n.marks:
			fmt.Fprintf(c.Stdout, "2026-11-26 00:00:00.5 +0000 UTC default /namespaces/create {\"name\":%q}\n", name)
		case line := <-n.lines:
			if line == "break" {
				return io.ErrUnexpectedEOF
			}
			fmt.Fprintln(c.Stdout, line)
		}
	}
}

// TestStreamThatBreaks opens the stream again, and what was not heard in between is a gap.
func TestStreamThatBreaks(t *testing.T) {
	info, err := os.ReadFile("testdata/container.json")
	if err != nil {
		t.Fatal(err)
	}
	n := &fakeNode{lines: make(chan string), marks: make(chan string, 1), info: string(info)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	heard := make(chan heardEvent, 10)
	s, err := openStream(ctx, n, "n", func(node string, e runtimeEvent, who identity) { heard <- heardEvent{e, who, node} })
	if err != nil {
		t.Fatal(err)
	}
	n.lines <- `2026-11-26 00:00:01.5 +0000 UTC k8s.io /containers/create {"id":"c1"}`
	n.lines <- `2026-11-26 00:00:01.6 +0000 UTC k8s.io /tasks/create {"container_id":"c1"}`
	if e := <-heard; e.what != runtimeCreated || e.who.container == "" {
		t.Errorf("%+v", e)
	}
	n.lines <- "break"
	n.lines <- `2026-11-26 00:00:03.5 +0000 UTC k8s.io /tasks/start {"container_id":"c1","pid":1}`
	if e := <-heard; e.what != runtimeStarted {
		t.Errorf("%+v", e)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		gaps := s.silences()
		if len(gaps) == 1 && !gaps[0].to.IsZero() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("gaps: %+v", gaps)
		}
	}
	n.lines <- "what is this?"
	n.lines <- `2026-11-26 00:00:04.5 +0000 UTC k8s.io /containers/delete {"id":"c1"}`
	<-heard
	if gaps := s.silences(); len(gaps) != 2 {
		t.Errorf("a line that cannot be read is no gap: %+v", gaps)
	}
	cancel()
	<-s.done
}

// TestWhoseContainers asks the bundle of a task, and ctr where there is no task or the bundle does not say it.
func TestWhoseContainers(t *testing.T) {
	info, err := os.ReadFile("testdata/container.json")
	if err != nil {
		t.Fatal(err)
	}
	const (
		ofPod     = `"io.kubernetes.cri.sandbox-name":"web"` + "\n" + `"io.kubernetes.cri.sandbox-namespace":"shop"` + "\n" + `"io.kubernetes.cri.sandbox-uid":"u-1"` + "\n"
		container = ofPod + `"io.kubernetes.cri.container-type":"container"` + "\n" + `"io.kubernetes.cri.container-name":"app"`
		sandbox   = ofPod + `"io.kubernetes.cri.container-type":"sandbox"`
		create    = `2026-11-26 00:00:01.5 +0000 UTC k8s.io /containers/create {"id":"c1"}`
		task      = `2026-11-26 00:00:01.6 +0000 UTC k8s.io /tasks/create {"container_id":"c1","bundle":"/run/c1"}`
		start     = `2026-11-26 00:00:01.7 +0000 UTC k8s.io /tasks/start {"container_id":"c1","pid":1}`
	)
	app := identity{pod: "web", namespace: "shop", uid: "u-1", container: "app", attempt: 3}
	for _, c := range []struct {
		name, notes, logs string
		lines             []string
		want              identity // without one, that of ctr
	}{
		{"a container", container, "3.log\n2.log", []string{create, task, start}, app},
		{"a sandbox", sandbox, "", []string{create, task, start}, identity{pod: "web", namespace: "shop", uid: "u-1"}},
		{"a bundle that says nothing", "", "", []string{create, task, start}, identity{}},
		{"a container without logs", container, "", []string{create, task, start}, identity{}},
		{"a task that was not heard", container, "3.log", []string{create, start}, identity{}},
		{"a start that fails", container, "3.log", []string{create}, identity{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &fakeNode{lines: make(chan string), marks: make(chan string, 1), info: string(info), notes: c.notes, logs: c.logs}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			heard := make(chan heardEvent, 10)
			s, err := openStream(ctx, n, "n", func(node string, e runtimeEvent, who identity) { heard <- heardEvent{e, who, node} })
			if err != nil {
				t.Fatal(err)
			}
			if s.taskWait = time.Minute; len(c.lines) == 1 {
				s.taskWait = 10 * time.Millisecond
			}
			for _, line := range c.lines {
				n.lines <- line
			}
			want := c.want
			if want.pod == "" {
				if want, err = parseIdentity(info); err != nil {
					t.Fatal(err)
				}
			}
			e := <-heard
			if e.who.createdAt = want.createdAt; e.what != runtimeCreated || e.at.Format("05.0") != "01.5" || e.who != want {
				t.Errorf("%+v, want %+v", e, want)
			}
			if len(c.lines) > 1 {
				if e := <-heard; e.what != runtimeStarted || e.who.container != want.container {
					t.Errorf("%+v", e)
				}
			}
			if gaps := s.silences(); len(gaps) > 0 {
				t.Errorf("gaps: %+v", gaps)
			}
			cancel()
			<-s.done
		})
	}
}

// TestWatchThatBreaks opens a watch again where it was; one whose versions are forgotten leaves a gap.
func TestWatchThatBreaks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan *watch.RaceFreeFakeWatcher, 4)
	positions := make(chan string, 4)
	heard := make(chan string, 10)
	w := &watcher{
		name:  "Pods",
		first: func(context.Context) (string, error) { return "10", nil },
		open: func(_ context.Context, o metav1.ListOptions) (watch.Interface, error) {
			f := watch.NewRaceFreeFake()
			positions <- o.ResourceVersion
			opened <- f
			return f, nil
		},
		heard: func(_ watch.EventType, o runtime.Object, _ time.Time) { heard <- o.(*corev1.Pod).ResourceVersion },
	}
	if err := w.start(ctx); err != nil {
		t.Fatal(err)
	}
	pod := func(v string) *corev1.Pod { return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{ResourceVersion: v}} }
	f := <-opened
	f.Add(pod("11"))
	<-heard
	f.Stop() // as after its time is over
	f = <-opened
	if first, second := <-positions, <-positions; first != "10" || second != "11" {
		t.Errorf("opened at %s, then at %s", first, second)
	}
	if gaps := w.silences(); len(gaps) > 0 {
		t.Errorf("%+v", gaps)
	}
	f.Modify(pod("12"))
	<-heard
	f.Error(&metav1.Status{Message: "too old resource version"})
	f = <-opened
	if at := <-positions; at != "10" {
		t.Errorf("opened at %s", at)
	}
	f.Modify(pod("13"))
	<-heard
	if gaps := w.silences(); len(gaps) != 1 || !strings.Contains(gaps[0].why, "too old") {
		t.Errorf("%+v", gaps)
	}
	cancel()
	<-w.done
}
