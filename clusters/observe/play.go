package observe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// play is one Pod from its creation to its horizon.
type play struct {
	recorder *Recorder
	name     string // of the scenario, with its family
	scenario sim.Scenario
	table    table
	// ephemeral are the containers that steps add.
	ephemeral []corev1.EphemeralContainer
	pod       string
	uid       types.UID
	node      string
	// asked is when the create call was sent; zero is when it was answered. Over is the horizon.
	asked, zero, over time.Time
	refused           string
	sentinel          time.Duration // how long it lives, if it is a sentinel
	before            bool          // a sentinel before the first Pod
	again             *play         // the same once more, because the node was too slow for this one
	owners            []string      // who else may write to the Pod: of a Pod that is followed, whoever had before
	followed          bool          // it is somebody else's, and is only looked at
	since             time.Time     // when the recording began, if the Pod was there before

	mu       sync.Mutex
	versions []version
	news     chan struct{} // closed at the next news
	steps    []stepTaken
}

// Unplayable says why a recorder cannot play a scenario, empty if it can. What a cluster cannot do is said by actor.Realise.
func Unplayable(item *fixtures.Item) string {
	if item.Live == fixtures.LiveNone {
		return "the scenario says live: none"
	}
	if item.Scenario.Node != (sim.Node{}) {
		return "the scenario configures the kubelet, and a recorder takes nodes as they are"
	}
	if item.Scenario.Job != nil {
		return "a recorder follows one Pod, and a Job makes several"
	}
	if item.Scenario.Pod.Static {
		return "the Pod is static, and a recorder creates its Pods through the API server"
	}
	for i := range item.Scenario.Steps {
		s := &item.Scenario.Steps[i]
		if !judge.Tellable(s) {
			return fmt.Sprintf("step %q does something to a node that a recorder does not do", s.Name)
		}
		if s.After == nil {
			continue
		}
		switch kind, _ := trace.ParseKind(s.After.Kind); kind {
		case trace.Created, trace.Running, trace.Exited:
		default:
			return fmt.Sprintf("step %q waits for %s, which is not heard while it happens", s.Name, s.After.Kind)
		}
	}
	return ""
}

// Play plays the item of a realisation: it creates the Pod, takes the steps and waits for the end. What was seen is in the
// observations of Finish. The error is that of the cluster or of the context; the observation then has a gap.
func (r *Recorder) Play(ctx context.Context, real actor.Realisation) error {
	_, err := r.play(ctx, real)
	return err
}

func (r *Recorder) play(ctx context.Context, real actor.Realisation) (*play, error) {
	if real.Pod == nil {
		return nil, fmt.Errorf("scenario %s cannot be played on a cluster: %s", real.Item.FullName(), strings.Join(real.Reasons, "; "))
	}
	p := &play{recorder: r, name: real.Item.FullName(), scenario: real.Item.Scenario, news: make(chan struct{})}
	p.ephemeral = real.Ephemeral
	p.table = tableOf(&real.Pod.Spec, p.ephemeral)
	horizon, err := p.predict(r.targetOfPods())
	if err != nil {
		return p, err
	}
	if err := r.pace(ctx); err != nil {
		return p, err
	}
	if err := p.create(ctx, real.Pod); err != nil || p.refused != "" {
		return p, err
	}
	defer p.end(ctx)
	return p, p.act(ctx, horizon)
}

// targetOfPods is the target as a Pod on the nodes of the kind sees it.
func (r *Recorder) targetOfPods() gates.Target { return r.cluster.Target.Expand()[r.options.Kind] }

// ending is how long a Pod is watched.
type ending struct {
	// latest is from the creation; settled is how long after the Pod's end, if it has one, before that.
	latest, settled time.Duration
}

// predict says how long to wait. Nothing else of the prediction is used here.
func (p *play) predict(target gates.Target) (ending, error) {
	resolved, err := gates.Resolve(target)
	if err != nil {
		return ending{}, err
	}
	predicted, err := sim.Run(&p.scenario, resolved, sim.DefaultConfig())
	if err != nil {
		return ending{}, fmt.Errorf("predicting how long %s takes: %w", p.name, err)
	}
	const behind = 15 * time.Second
	e := ending{latest: time.Duration(predicted.EndedAt) + behind, settled: behind}
	switch predicted.Ending {
	case trace.EndingHorizon:
		e.latest = time.Duration(predicted.EndedAt)
	case trace.EndingTerminal, trace.EndingRemoved:
		e.latest = e.latest*6/5 + behind
	}
	e.latest = min(e.latest, p.recorder.options.Longest)
	return e, nil
}

// journalRoot is where the journals lie on nodes.
const journalRoot = "/var/lib/sidecar-conformance"

func (p *play) create(ctx context.Context, template *corev1.Pod) error {
	r := p.recorder
	pod := template.DeepCopy()
	r.mu.Lock()
	r.plays = append(r.plays, p)
	p.pod = podName(p.name, len(r.plays))
	r.mu.Unlock()
	pod.Name, pod.Namespace = p.pod, r.namespace.Name
	if len(r.cluster.Target.Nodes) > 1 && pod.Spec.NodeName == "" {
		pod.Spec.NodeSelector = map[string]string{clusters.NodeKindLabel: strconv.Itoa(r.options.Kind)}
	}
	if r.journalsOnNode() {
		if err := p.journalDirectory(&pod.Spec); err != nil {
			return err
		}
	}
	p.asked = time.Now()
	made, err := r.cluster.Existing.Client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{})
	p.zero = time.Now()
	if apierrors.IsInvalid(err) {
		p.refused, p.over = err.Error(), p.zero
		return nil
	}
	if err != nil {
		p.over = p.zero
		return fmt.Errorf("creating the Pod of %s: %w", p.name, err)
	}
	p.table = tableOf(&made.Spec, p.ephemeral) // the API server may have dropped fields
	p.uid = made.UID
	r.adopt(p, made.UID)
	return nil
}

// journalDirectory has the actors write to a directory of the node, which outlives the Pod. The actor's user is not known, so
// that anybody may write to it.
func (p *play) journalDirectory(spec *corev1.PodSpec) error {
	r := p.recorder
	path := journalRoot + "/" + r.namespace.Name + "/" + p.pod
	for _, s := range r.streams {
		if _, err := s.shell.ask("mkdir -p " + path + " && chmod 0777 " + path); err != nil {
			return err
		}
	}
	for i := range spec.Volumes {
		if spec.Volumes[i].EmptyDir != nil {
			spec.Volumes[i].VolumeSource = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path}}
		}
	}
	return nil
}

// podName makes a name of a Pod from that of a scenario.
func podName(scenario string, number int) string {
	const longest = 50
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-", ".", "-").Replace(scenario))
	return strings.Trim(name[:min(len(name), longest)], "-") + "-" + strconv.Itoa(number)
}

// act takes the steps and waits for the end.
func (p *play) act(ctx context.Context, e ending) error {
	stepping, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range p.scenario.Steps {
		all.Go(func() { p.step(stepping, &p.scenario.Steps[i]) })
	}
	err := p.wait(ctx, e)
	stop()
	all.Wait()
	return err
}

func (p *play) wait(ctx context.Context, e ending) error {
	latest := time.NewTimer(time.Until(p.zero.Add(e.latest)))
	defer latest.Stop()
	var settled <-chan time.Time
	for {
		news, ended := p.listen()
		if ended && settled == nil {
			settled = time.After(e.settled)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-latest.C:
			return nil
		case <-settled:
			if p.pending() {
				settled = nil // a step is still to come
				continue
			}
			return nil
		case <-news:
		}
	}
}

// listen returns what is closed at the next news, and whether the Pod has come to its end.
func (p *play) listen() (news <-chan struct{}, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.versions); n > 0 {
		last := p.versions[n-1]
		phase := last.pod.Status.Phase
		ended = last.deleted || phase == corev1.PodSucceeded || phase == corev1.PodFailed
	}
	return p.news, ended
}

// pending reports whether a timed step is still to come.
func (p *play) pending() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	timed := 0
	for i := range p.scenario.Steps {
		if p.scenario.Steps[i].After == nil {
			timed++
		}
	}
	return len(p.steps) < timed
}

func (p *play) take(v version) {
	p.mu.Lock()
	p.versions = append(p.versions, v)
	if v.pod.Spec.NodeName != "" {
		p.node = v.pod.Spec.NodeName
	}
	p.mu.Unlock()
	p.wake()
}

func (p *play) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.news)
	p.news = make(chan struct{})
}

// end fixes the horizon and takes the Pod away, after the context has ended too.
func (p *play) end(ctx context.Context) {
	p.mu.Lock()
	p.over = time.Now()
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	o := metav1.DeleteOptions{GracePeriodSeconds: new(int64(1)), Preconditions: &metav1.Preconditions{UID: &p.uid}}
	// What is left goes with the namespace.
	_ = p.recorder.cluster.Existing.Client.CoreV1().Pods(p.recorder.namespace.Name).Delete(ctx, p.pod, o)
}

// errNotHeard says that a sentinel did not come.
var errNotHeard = errors.New("a sentinel was not heard")

// journalName is where a container's journal lies below the Pod's directory.
func journalName(container string) string { return container + "/" + script.JournalFile }
