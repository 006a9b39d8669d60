package observe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// theirs is a cluster with Pods of somebody else's, and what is told of the one that is followed.
type theirs struct {
	t      *testing.T
	client *fake.Clientset
	told   chan Moment
	all    []string
}

func newTheirs(t *testing.T, pods ...*corev1.Pod) *theirs {
	c := &theirs{t: t, client: fake.NewClientset(), told: make(chan Moment, 100)}
	for _, pod := range pods {
		c.create(pod)
	}
	return c
}

func (c *theirs) create(pod *corev1.Pod) {
	c.t.Helper()
	if _, err := c.client.CoreV1().Pods(pod.Namespace).Create(c.t.Context(), pod, metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *theirs) update(pod *corev1.Pod, version string, change func(*corev1.Pod)) {
	c.t.Helper()
	change(pod)
	pod.ResourceVersion = version
	if _, err := c.client.CoreV1().Pods(pod.Namespace).Update(c.t.Context(), pod.DeepCopy(), metav1.UpdateOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *theirs) delete(pod *corev1.Pod) {
	c.t.Helper()
	if err := c.client.CoreV1().Pods(pod.Namespace).Delete(c.t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *theirs) cluster(nodes Nodes) Cluster {
	targets, err := gates.ParseTargets("1.29")
	if err != nil {
		c.t.Fatal(err)
	}
	return Cluster{Existing: &clusters.Existing{Client: c.client}, Target: targets[0], Facts: &clusters.Facts{Nodes: []clusters.Node{{NodeName: "n"}}}, Nodes: nodes}
}

// next waits for a moment with the words.
func (c *theirs) next(words string) Moment {
	c.t.Helper()
	for {
		select {
		case m := <-c.told:
			c.all = append(c.all, fmt.Sprintf("%s %s: %s", m.Container.Role, m.Container.Name, m.Words))
			if m.Words == words {
				return m
			}
		case <-time.After(30 * time.Second):
			c.t.Fatalf("%q was not told, but\n%s", words, strings.Join(c.all, "\n"))
		}
	}
}

// follow follows, and gives what comes of it.
func (c *theirs) follow(ctx context.Context, f Followed, nodes Nodes, o Options) <-chan *Following {
	f.Tell = func(m Moment) { c.told <- m }
	done := make(chan *Following, 1)
	go func() {
		out, err := Follow(ctx, c.cluster(nodes), f, o)
		if err != nil {
			c.t.Error(err)
		}
		done <- out
	}()
	return done
}

// verdict wants a sound observation, and returns what a judge says of it.
func verdict(t *testing.T, out *Following) *judge.Report {
	t.Helper()
	if err := out.Observation.Check(); err != nil {
		t.Fatal(err)
	}
	targets, err := gates.ParseTargets(out.Observation.Target)
	if err != nil {
		t.Fatal(err)
	}
	target, err := gates.Resolve(targets[0])
	if err != nil {
		t.Fatal(err)
	}
	report, err := judge.Judge(&out.Scenario, target, out.Observation, judge.DefaultHow())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// podWithProxy is a Pod with a sidecar proxy and a main app, made at a time.
func podWithProxy(name string, made time.Time) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID("00-" + name), ResourceVersion: "1", CreationTimestamp: metav1.NewTime(made.Truncate(time.Second)),
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl-create"}}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "proxy", Image: "proxy", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}},
			Containers:     []corev1.Container{{Name: "app", Image: "app"}},
			NodeName:       "n",
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
}

func running(since time.Time, restarts int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{RestartCount: restarts, Started: new(true), Ready: true, State: corev1.ContainerState{
		Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)}}}
}

func ofContainer(name string, s corev1.ContainerStatus) corev1.ContainerStatus {
	s.Name = name
	return s
}

// TestFollowFromTheMiddle joins a Pod that runs. What was before is told as the status has it, and is a gap.
func TestFollowFromTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := time.Now()
		pod := podWithProxy("web", made)
		proxy := ofContainer("proxy", running(made.Add(2*time.Second), 0))
		proxy.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: metav1.NewTime(made.Add(time.Second))}
		pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, InitContainerStatuses: []corev1.ContainerStatus{proxy},
			ContainerStatuses: []corev1.ContainerStatus{ofContainer("app", running(made.Add(3*time.Second), 0))}}
		c := newTheirs(t, podWithProxy("other", made), pod)
		time.Sleep(35 * time.Second)
		done := c.follow(t.Context(), Followed{Namespace: "shop", Name: "web"}, nil, Options{})
		if m := c.next("exited 1"); !m.Earlier || m.At != trace.Instant(time.Second) || m.Container.Role != trace.RoleSidecar {
			t.Errorf("%+v", m)
		}
		if m := c.next("running"); !m.Earlier || m.At != trace.Instant(2*time.Second) {
			t.Errorf("%+v", m)
		}
		if m := c.next("the recording begins, phase Running"); m.Earlier || m.At != trace.Instant(35*time.Second) {
			t.Errorf("%+v", m)
		}
		time.Sleep(time.Second)
		c.update(pod, "2", func(pod *corev1.Pod) {
			pod.Status.ContainerStatuses[0].Ready = false
			pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}
		})
		if m := c.next("exited 3"); m.Earlier || m.At != trace.Instant(36*time.Second) || m.Container.Name != "app" {
			t.Errorf("%+v", m)
		}
		c.next("not ready")
		c.delete(pod)
		c.next("removed")
		out := <-done
		if out.Until != UntilRemoved || out.Observation.Scenario != "pod/shop/web" {
			t.Errorf("%v of %s", out.Until, out.Observation.Scenario)
		}
		report := verdict(t, out)
		for _, want := range []string{"watch was not heard from 0s to 35s: the recording began 35s after the Pod was created", "no sentinel"} {
			if report.Verdict != judge.Inconclusive || !strings.Contains(report.Reason, want) {
				t.Errorf("%v: %s; want %q", report.Verdict, report.Reason, want)
			}
		}
		if report := report.Reason; strings.Contains(report, "kubectl") {
			t.Errorf("its maker is a stranger: %s", report)
		}
	})
}

// TestFollowFromCreation waits for the Pod: then nothing was missed, and a terminal phase ends it after a while.
func TestFollowFromCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTheirs(t)
		done := c.follow(t.Context(), Followed{Namespace: "shop", Name: "job", Wait: time.Minute}, nil, Options{})
		time.Sleep(10*time.Second + 300*time.Millisecond)
		pod := podWithProxy("job", time.Now())
		pod.Spec.NodeName, pod.Spec.RestartPolicy = "", corev1.RestartPolicyNever
		c.create(pod)
		if m := c.next("created"); m.At != 0 {
			t.Errorf("%+v", m)
		}
		time.Sleep(time.Second)
		c.update(pod, "2", func(pod *corev1.Pod) { pod.Spec.NodeName = "n" })
		c.next("bound")
		_, err := c.client.CoreV1().Events("shop").Create(t.Context(), &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: "e", Namespace: "shop"}, Reason: "BackOff", Message: "Back-off\nrestarting", Count: 2,
			InvolvedObject: corev1.ObjectReference{UID: pod.UID, Name: "job", FieldPath: "spec.containers{app}"}, LastTimestamp: metav1.NewTime(time.Now()),
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if m := c.next("BackOff: Back-off restarting (2 times)"); m.Container.Name != "app" || m.Source != judge.SourceKubeEvent {
			t.Errorf("%+v", m)
		}
		time.Sleep(time.Second)
		c.update(pod, "3", func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodSucceeded })
		c.next("phase Succeeded")
		ended := time.Now()
		out := <-done
		if took := time.Since(ended); out.Until != UntilTerminal || took != behindTerminal {
			t.Errorf("%v after %v", out.Until, took)
		}
		if len(out.Observation.Gaps) > 0 || out.Observation.Horizon != trace.Instant(2*time.Second+behindTerminal) {
			t.Errorf("gaps %+v, horizon %v", out.Observation.Gaps, out.Observation.Horizon)
		}
		if report := verdict(t, out); report.Verdict != judge.Inconclusive || !strings.Contains(report.Reason, "nothing proves that all was heard") {
			t.Errorf("%v: %s", report.Verdict, report.Reason)
		}
	})
}

// TestFollowEnds ends a recording before its Pod ends, and finds no Pod.
func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTheirs(t, podWithProxy("web", time.Now()))
		ctx, stop := context.WithCancel(t.Context())
		done := c.follow(ctx, Followed{Namespace: "shop", Name: "web"}, nil, Options{})
		time.Sleep(5 * time.Second)
		stop()
		if out := <-done; out.Until != UntilStopped || out.Observation.Horizon < trace.Instant(5*time.Second) {
			t.Errorf("%v at %v", out.Until, out.Observation.Horizon)
		}
		if out := <-c.follow(t.Context(), Followed{Namespace: "shop", Name: "web"}, nil, Options{Longest: time.Minute}); out.Until != UntilLongest {
			t.Errorf("%v", out.Until)
		}
		for _, wait := range []time.Duration{0, time.Minute} {
			began := time.Now()
			out, err := Follow(t.Context(), c.cluster(nil), Followed{Namespace: "shop", Name: "nobody", Wait: wait}, Options{})
			if !errors.Is(err, ErrNoPod) || out != nil || time.Since(began) != wait {
				t.Errorf("waiting for %v: %v after %v", wait, err, time.Since(began))
			}
		}
	})
}

// TestFollowOnNode hears the runtime: a container that was made before, and one that is made meanwhile.
func TestFollowOnNode(t *testing.T) {
	info, err := os.ReadFile("testdata/container.json")
	if err != nil {
		t.Fatal(err)
	}
	who, err := parseIdentity(info)
	if err != nil {
		t.Fatal(err)
	}
	made := time.Now().Add(-time.Minute)
	pod := podWithProxy(who.pod, made)
	pod.Namespace, pod.UID, pod.Spec.InitContainers[0].Name = who.namespace, types.UID(who.uid), who.container
	c := newTheirs(t, pod)
	n := &fakeNode{lines: make(chan string), marks: make(chan string, 1), info: string(info), list: "old"}
	done := c.follow(t.Context(), Followed{Namespace: who.namespace, Name: who.pod}, n, Options{})
	c.next("the recording begins, phase Pending")
	event := func(topic, body string) {
		n.lines <- time.Now().UTC().Format("2006-01-02 15:04:05.999999999 -0700 MST") + " k8s.io " + topic + " " + body
	}
	event("/tasks/exit", fmt.Sprintf(`{"container_id":"old","id":"old","exit_status":7,"exited_at":%q}`, time.Now().UTC().Format(time.RFC3339Nano)))
	if m := c.next("exited 7"); m.Source != judge.SourceRuntime || m.Container.Name != who.container {
		t.Errorf("%+v", m)
	}
	event("/containers/create", `{"id":"new"}`)
	event("/tasks/start", `{"container_id":"new"}`)
	c.next("running")
	c.delete(pod)
	out := <-done
	if o := out.Observation; o.Sources[0] != judge.SourceRuntime || len(o.Seen) < 4 || o.ClockPhase >= 0 {
		t.Errorf("%+v", o)
	}
	if report := verdict(t, out); report.Verdict != judge.Inconclusive || !strings.Contains(report.Reason, "runtime was not heard from 0s to") {
		t.Errorf("%v: %s", report.Verdict, report.Reason)
	}
}
