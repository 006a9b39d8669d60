package observe

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// stepTaken is a step and the span of its request.
type stepTaken struct {
	from, to time.Time
	event    trace.Event
	failed   string // why it was not taken, or "-" if there was nothing any more to take it on
}

func (p *play) keep(taken stepTaken) {
	p.mu.Lock()
	p.steps = append(p.steps, taken)
	p.mu.Unlock()
}

// step waits for its time and takes it.
func (p *play) step(ctx context.Context, s *sim.Step) {
	if s.After == nil {
		if sleep(ctx, time.Until(p.zero.Add(s.At))) != nil {
			return
		}
	} else if p.waitFor(ctx, s.After) != nil || sleep(ctx, s.At) != nil {
		return
	}
	switch {
	case s.Delete != nil:
		p.delete(ctx, s.Delete)
	case s.Kill != nil:
		p.signal(s.Kill.Container, s.Kill.Signal)
	case s.Evict != nil:
		p.evict(ctx)
	case s.AddEphemeral != nil:
		p.addEphemeral(ctx, s.AddEphemeral.Container)
	case s.LoseSandbox != nil:
		p.signal("", sim.SignalKill)
	}
}

// waitFor waits for an event. The time from which a delay counts is that of its arrival here, shortly behind.
func (p *play) waitFor(ctx context.Context, s *sim.Selector) error {
	for {
		news, _ := p.listen()
		if p.happened(s) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		}
	}
}

// happened reports whether the runtime showed the event, or where it is not heard the status did.
func (p *play) happened(s *sim.Selector) bool {
	n := int32(0)
	if len(p.recorder.streams) == 0 {
		return p.shown(s)
	}
	kinds := map[runtimeWhat]trace.Kind{runtimeCreated: trace.Created, runtimeStarted: trace.Running, runtimeExited: trace.Exited}
	for _, e := range p.recorder.runtimeOf(p.uid) {
		if e.who.container == s.Container && e.who.container != "" && kinds[e.what].String() == s.Kind && (s.Run < 0 || e.who.attempt == s.Run) {
			n++
		}
	}
	return n >= max(s.Nth, 1)
}

func (p *play) shown(s *sim.Selector) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range p.versions {
		status := p.table.status(v.pod, func(string) int32 { return -1 })
		i, ok := p.table.index[s.Container]
		if !ok {
			return false
		}
		c := &status.Containers[i]
		runs := c.Restarts
		if s.Kind == trace.Running.String() && c.State.Kind == trace.StateRunning || s.Kind == trace.Exited.String() && c.State.Kind == trace.StateTerminated {
			runs++
		}
		if runs >= max(s.Nth, 1) && runs > s.Run {
			return true
		}
	}
	return false
}

// delete deletes the Pod, on behalf of the scenario.
func (p *play) delete(ctx context.Context, d *sim.Delete) {
	o := metav1.DeleteOptions{GracePeriodSeconds: d.GracePeriodSeconds, Preconditions: &metav1.Preconditions{UID: &p.uid}}
	grace := time.Duration(p.scenario.Pod.TerminationGracePeriodSeconds) * time.Second
	if d.GracePeriodSeconds != nil {
		grace = time.Duration(*d.GracePeriodSeconds) * time.Second
	}
	if d.Force {
		grace = 0
		o.GracePeriodSeconds = new(int64(0))
	}
	p.deleteBy(grace, func(pods corev1client.PodInterface) error { return pods.Delete(ctx, p.pod, o) })
}

// evict asks the API server to evict the Pod, as a drain does.
func (p *play) evict(ctx context.Context) {
	p.deleteBy(time.Duration(p.scenario.Pod.TerminationGracePeriodSeconds)*time.Second, func(pods corev1client.PodInterface) error {
		return pods.EvictV1(ctx, &policyv1.Eviction{
			ObjectMeta:    metav1.ObjectMeta{Name: p.pod, Namespace: p.recorder.namespace.Name},
			DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &p.uid}},
		})
	})
}

// evicts reports whether a step of the scenario is an eviction.
func (p *play) evicts() bool {
	return slices.ContainsFunc(p.scenario.Steps, func(s sim.Step) bool { return s.Evict != nil })
}

// deleteBy keeps the span of a request that deletes the Pod.
func (p *play) deleteBy(grace time.Duration, request func(corev1client.PodInterface) error) {
	taken := stepTaken{from: time.Now(), event: trace.Event{Kind: trace.DeleteRequested, Container: trace.NoContainer, Span: grace}}
	err := request(p.recorder.cluster.Existing.Client.CoreV1().Pods(p.recorder.namespace.Name))
	taken.to = time.Now()
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		taken.failed = err.Error()
	} else if err != nil {
		taken.failed = "-" // the Pod was gone
	}
	p.keep(taken)
}

// addEphemeral adds a container to the Pod, as kubectl debug does.
func (p *play) addEphemeral(ctx context.Context, name string) {
	taken := stepTaken{from: time.Now(), event: trace.Event{Kind: trace.EphemeralAdded, Container: int16(p.table.index[name])}}
	pods := p.recorder.cluster.Existing.Client.CoreV1().Pods(p.recorder.namespace.Name)
	i := slices.IndexFunc(p.ephemeral, func(c corev1.EphemeralContainer) bool { return c.Name == name })
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		pod, err := pods.Get(ctx, p.pod, metav1.GetOptions{})
		if err != nil {
			return err
		}
		pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, p.ephemeral[i])
		taken.from = time.Now()
		_, err = pods.UpdateEphemeralContainers(ctx, p.pod, pod, metav1.UpdateOptions{})
		return err
	})
	taken.to = time.Now()
	if err != nil {
		taken.failed = fmt.Sprintf("adding %s: %v", name, err)
		if apierrors.IsNotFound(err) {
			taken.failed = "-" // the Pod was gone
		}
	}
	p.keep(taken)
}

// signal sends a signal to the process of a container, from its node; of the sandbox, if no container is named: its pause process.
func (p *play) signal(container string, signal sim.Signal) {
	event := trace.Event{Kind: trace.SandboxStopped, Container: trace.NoContainer}
	if container != "" {
		event = trace.Event{Kind: trace.OutsideSignal, Container: int16(p.table.index[container]), Reason: string(signal)}
	}
	task, ok := p.task(container)
	if !ok {
		p.keep(stepTaken{from: time.Now(), to: time.Now(), event: event, failed: "no process of it was heard to run"})
		return
	}
	event.Run = task.who.attempt
	taken := stepTaken{from: time.Now(), event: event, failed: "its node " + task.node + " is not listened to"}
	for _, s := range p.recorder.streams {
		if s.node == task.node {
			_, err := s.shell.ask("ctr -n " + criNamespace + " tasks kill -s " + string(signal) + " " + task.id)
			if taken.failed = ""; err != nil {
				taken.failed = fmt.Sprintf("signalling from its node: %v", err)
			}
		}
	}
	taken.to = time.Now()
	p.keep(taken)
}

// task is the newest task of a container, or of the sandbox, that runs as far as was heard.
func (p *play) task(container string) (task heardEvent, ok bool) {
	for _, e := range p.recorder.runtimeOf(p.uid) {
		switch {
		case e.who.container != container:
		case e.what == runtimeStarted:
			task, ok = e, true
		case e.what == runtimeExited && e.id == task.id:
			ok = false
		}
	}
	return task, ok
}
