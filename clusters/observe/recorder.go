package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Cluster is what is recorded on.
type Cluster struct {
	Existing *clusters.Existing
	// Target is what the cluster is; whoever gives it has had it verified. Facts are what was seen then.
	Target gates.Target
	Facts  *clusters.Facts
	// Nodes reach the nodes; nil where nobody can, and then there are no events of the runtime.
	Nodes Nodes
	// NodeImage is the image that the nodes were made of, for the provenance; empty if it is not known.
	NodeImage string
}

// Options say how to record. The zero value is ready.
type Options struct {
	// Parallel is how many Pods play at once. Default: 16.
	Parallel int
	// Spacing is the least time between the creations of two Pods, so that they do not slow each other down. Default: 1s.
	Spacing time.Duration
	// Prompt is the delay of the node beyond which no further Pod is created until it has caught up, and a Pod is played again.
	// Default: 2s.
	Prompt time.Duration
	// Again is how many times a Pod is played again because the node was too slow for it. Default: 2; negative means never.
	Again int
	// Longest bounds the time that a Pod is watched for. Default: 15m.
	Longest time.Duration
	// Kind is the position in Target.Nodes of the nodes to play on.
	Kind int
	// Tool names the program with its commit, for the provenance.
	Tool string
	// Actor says how the nodes know the actor's image, and with what rights it runs.
	Actor actor.Options
	// Guard is told of each namespace before it is made, and what it returns is called once the namespace was taken away, or could
	// not be; nil for nobody. Whoever is told can take it away if this process is killed.
	Guard func(e *clusters.Existing, namespace string) (done func())
}

func (o *Options) defaults() {
	if o.Parallel <= 0 {
		o.Parallel = 16
	}
	if o.Spacing <= 0 {
		o.Spacing = time.Second
	}
	if o.Prompt <= 0 {
		o.Prompt = 2 * time.Second
	}
	if o.Again == 0 {
		o.Again = 2
	}
	if o.Longest <= 0 {
		o.Longest = 15 * time.Minute
	}
}

// Recorder listens to a cluster and plays scenarios on it, all in one namespace of its own; or it follows one Pod of somebody else's.
type Recorder struct {
	cluster   Cluster
	options   Options
	namespace *clusters.Namespace // of its own; nil where it follows
	space     string              // the namespace that it listens to
	only      string              // the one Pod that it listens to; empty for all
	nodes     []string            // that Pods may run on
	streams   []*stream
	pods      *watcher
	events    *watcher
	cancel    context.CancelFunc
	listening context.Context

	mu    sync.Mutex
	plays []*play
	byUID map[types.UID]*play
	early map[types.UID][]version // of Pods whose creation was not answered yet
	runs  map[string][]heardEvent // of the runtime, by the Pod's UID
	notes []*corev1.Event
	said  map[string]time.Time // when a note arrived, by name and resource version
	paced time.Time
	logs  *logs
	// kubelets are the lives of the kubelets, by node.
	kubelets map[string]*kubeletLife
	// listed is given every list of Pods that a watch begins with, appeared the first version of a Pod that no play has. Both are nil
	// where scenarios are played.
	listed   func(*corev1.PodList)
	appeared chan version

	pulse     sync.WaitGroup
	stopPulse context.CancelFunc
}

// heardEvent is an event of the runtime, of a known container.
type heardEvent struct {
	runtimeEvent
	who  identity
	node string
}

// Start makes a namespace, listens to all sources, and returns once a sentinel on each node was heard. What it has begun is
// taken away again if it fails.
func Start(ctx context.Context, c Cluster, o Options) (*Recorder, error) {
	r := newRecorder(c, o)
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	return r, nil
}

func newRecorder(c Cluster, o Options) *Recorder {
	o.defaults()
	return &Recorder{cluster: c, options: o, byUID: map[types.UID]*play{}, early: map[types.UID][]version{}, runs: map[string][]heardEvent{},
		said: map[string]time.Time{}}
}

func (r *Recorder) start(ctx context.Context) error {
	if o := r.options; o.Kind < 0 || o.Kind >= len(r.cluster.Target.Nodes) {
		return fmt.Errorf("kind of node %d: the target %s has %d", o.Kind, r.cluster.Target, len(r.cluster.Target.Nodes))
	}
	r.nodes = r.cluster.Facts.OfKind(r.options.Kind)
	if len(r.nodes) == 0 {
		return fmt.Errorf("the cluster has no node that takes Pods and is of kind %d of the target %s", r.options.Kind, r.cluster.Target)
	}
	level := clusters.Privileged // the journals are directories of the node
	switch {
	case r.options.Actor.Restricted:
		level = clusters.Restricted
	case r.cluster.Nodes == nil:
		level = clusters.Baseline
	}
	namespace, err := r.cluster.Existing.NewNamespace(ctx, level, r.guard())
	if err != nil {
		return err
	}
	r.namespace, r.space = namespace, namespace.Name
	r.listening, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.listen(ctx); err != nil {
		return err
	}
	r.kubeletsBegin(ctx)
	if err := r.sentinels(ctx, true); err != nil {
		return err
	}
	pulsing, stop := context.WithCancel(r.listening)
	r.stopPulse = stop
	r.pulse.Go(func() { r.pulses(pulsing) })
	return nil
}

// guard is that of the options, for the cluster.
func (r *Recorder) guard() func(string) func() {
	if r.options.Guard == nil {
		return nil
	}
	return func(namespace string) func() { return r.options.Guard(r.cluster.Existing, namespace) }
}

// journals are directories of the node where it can be reached: they outlive the Pod.
func (r *Recorder) journalsOnNode() bool {
	return r.cluster.Nodes != nil && !r.options.Actor.Restricted
}

func (r *Recorder) listen(ctx context.Context) error {
	r.watchers()
	for _, w := range []*watcher{r.pods, r.events} {
		if err := w.start(r.listening); err != nil {
			return err
		}
	}
	if !r.journalsOnNode() {
		r.logs = newLogs(r.listening, r.cluster.Existing.Client, r.space)
	}
	if err := r.listenToNodes(); err != nil {
		return err
	}
	return ctx.Err()
}

// watchers makes the watches of the API. They have not begun yet.
func (r *Recorder) watchers() {
	pods, events := r.cluster.Existing.Client.CoreV1().Pods(r.space), r.cluster.Existing.Client.CoreV1().Events(r.space)
	r.pods = &watcher{
		name: "Pods", heard: r.podHeard,
		open: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = r.selector("metadata.name")
			return pods.Watch(ctx, o)
		},
		first: func(ctx context.Context) (string, error) {
			list, err := r.listPods(ctx)
			if err != nil {
				return "", err
			}
			if r.listed != nil {
				r.listed(list)
			}
			return list.ResourceVersion, nil
		},
	}
	r.events = &watcher{
		name: "Events", heard: r.noteHeard,
		open: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = r.selector("involvedObject.name")
			return events.Watch(ctx, o)
		},
		first: func(ctx context.Context) (string, error) {
			list, err := events.List(ctx, metav1.ListOptions{FieldSelector: r.selector("involvedObject.name")})
			if err != nil {
				return "", err
			}
			return list.ResourceVersion, nil
		},
	}
}

func (r *Recorder) listPods(ctx context.Context) (*corev1.PodList, error) {
	return r.cluster.Existing.Client.CoreV1().Pods(r.space).List(ctx, metav1.ListOptions{FieldSelector: r.selector("metadata.name")})
}

// selector picks the one Pod that is listened to, by the field that has its name.
func (r *Recorder) selector(field string) string {
	if r.only == "" {
		return ""
	}
	return field + "=" + r.only
}

// listenToNodes opens a stream on every node that can be reached.
func (r *Recorder) listenToNodes() error {
	if r.cluster.Nodes == nil {
		return nil
	}
	for _, node := range r.nodes {
		s, err := openStream(r.listening, r.cluster.Nodes, node, r.runtimeHeard)
		if err != nil {
			return err
		}
		r.streams = append(r.streams, s)
	}
	return nil
}

func (r *Recorder) podHeard(kind watch.EventType, object runtime.Object, arrived time.Time) {
	pod, ok := object.(*corev1.Pod)
	if !ok || r.only != "" && pod.Name != r.only {
		return
	}
	v := version{pod, arrived, kind == watch.Deleted}
	if r.logs != nil {
		r.logs.follow(pod)
	}
	r.mu.Lock()
	p := r.byUID[pod.UID]
	if p == nil {
		r.early[pod.UID] = append(r.early[pod.UID], v)
	}
	r.mu.Unlock()
	if p == nil && r.appeared != nil {
		select {
		case r.appeared <- v:
		default: // one is enough
		}
	}
	if p != nil {
		p.take(v)
	}
}

func (r *Recorder) noteHeard(_ watch.EventType, object runtime.Object, arrived time.Time) {
	if note, ok := object.(*corev1.Event); ok {
		r.mu.Lock()
		r.notes = append(r.notes, note)
		r.said[note.Name+" "+note.ResourceVersion] = arrived
		p := r.byUID[note.InvolvedObject.UID]
		r.mu.Unlock()
		if p != nil {
			p.wake()
		}
	}
}

func (r *Recorder) runtimeHeard(node string, e runtimeEvent, who identity) {
	if who.namespace != r.space || r.only != "" && who.pod != r.only {
		return
	}
	r.mu.Lock()
	r.runs[who.uid] = append(r.runs[who.uid], heardEvent{e, who, node})
	p := r.byUID[types.UID(who.uid)]
	r.mu.Unlock()
	if p != nil {
		p.wake()
	}
}

// adopt gives a play the Pod that was made for it, and what was heard of that before.
func (r *Recorder) adopt(p *play, uid types.UID) {
	r.mu.Lock()
	r.byUID[uid] = p
	early := r.early[uid]
	delete(r.early, uid)
	r.mu.Unlock()
	for _, v := range early {
		p.take(v)
	}
}

func (r *Recorder) runtimeOf(uid types.UID) []heardEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]heardEvent(nil), r.runs[string(uid)]...)
}

// catchUp is how long a node that is late is waited for before a Pod is created all the same.
const catchUp = time.Minute

// pace waits for the turn of the next creation, and until the node has caught up.
func (r *Recorder) pace(ctx context.Context) error {
	for since := time.Now(); r.lateness() > r.options.Prompt && time.Since(since) < catchUp; {
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
	r.mu.Lock()
	turn := time.Now()
	if next := r.paced.Add(r.options.Spacing); next.After(turn) {
		turn = next
	}
	r.paced = turn
	r.mu.Unlock()
	return sleep(ctx, time.Until(turn))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// cleanup bounds how long taking things away may take, after the context has ended too.
const cleanup = 2 * time.Minute

// close takes away all that was made. It works after the context has ended too.
func (r *Recorder) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	if r.stopPulse != nil {
		r.stopPulse()
		r.pulse.Wait()
	}
	var problems []error
	if r.namespace != nil {
		problems = append(problems, r.namespace.Delete(ctx))
		for _, s := range r.streams {
			if _, err := s.shell.ask("rm -rf " + journalRoot + "/" + r.namespace.Name); err != nil {
				problems = append(problems, err)
			}
		}
	}
	if r.cancel != nil {
		r.cancel()
	}
	for _, s := range r.streams {
		s.shell.close()
		<-s.done
	}
	return errors.Join(problems...)
}
