package oracle

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/apiserver"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/bubble"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/cri"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/node"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// settle is how long nothing may have happened, once the Pod is terminal or gone and no process runs, for a run to be over.
const settle = 5 * time.Second

// notBefore is the virtual time at which every bubble begins: past the real date, because some package state is stamped
// with that, and the same for all, because the orders that Go draws at random follow from the time (see overlay).
var notBefore = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// Run runs one scenario. It must not be called from two goroutines at once.
func Run(request *Request) *Response {
	response := &Response{ID: request.ID, Release: release}
	answer := run
	if request.Manifest != nil {
		answer = admit
	}
	if err := answer(request, response); err != nil {
		response.Error = err.Error()
		response.Trace = nil
	}
	return response
}

func run(request *Request, response *Response) error {
	config, err := request.config()
	if err != nil {
		return err
	}
	response.Config = config
	record := newRecording(request, response)
	record.trace.Target = target(request)

	if request.Scenario.Job != nil {
		return runJob(request, response, config, record)
	}
	pod, refused, can, err := store(request, response)
	if err != nil {
		return err
	}
	if refused != "" {
		record.trace.Events = []trace.Event{{Kind: trace.PodRefused, Container: trace.NoContainer, Reason: refused}}
		record.trace.Ending = trace.EndingRefused
		return nil
	}
	restore, skipped := setGates(request.Node)
	defer restore()
	response.SkippedGates = append(response.SkippedGates, skipped...)

	return (&life{request: request, config: config, record: record, pod: pod, can: can}).run()
}

// run plays the life in a bubble of its own.
func (l *life) run() error {
	root, err := os.MkdirTemp("", "oracle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	l.root = root
	err = bubble.Run(bubble.Options{Seed: l.request.Seed, Jitter: l.config.Jitter, NotBefore: notBefore}, func() { l.play() })
	node.Listen(nil)
	for _, restore := range slices.Backward(l.restore) {
		restore()
	}
	if err == nil {
		err = l.err
	}
	if err == nil {
		err = l.record.trace.Check()
	}
	return err
}

// target names what was run, in the words of package gates.
func target(request *Request) string {
	text := strings.TrimPrefix(release, "v")
	for _, name := range sortedKeys(request.Node) {
		sign := "-"
		if request.Node[name] {
			sign = "+"
		}
		text += sign + name
	}
	return text
}

// store is the Pod as the API server keeps it, or why it refuses, and what else it can.
func store(request *Request, response *Response) (pod *v1.Pod, refused string, can apiFeatures, err error) {
	pod = manifest(request.Scenario.Pod, request.Scenario.Steps)
	if request.SkipAdmission {
		pod.Status.Phase = v1.PodPending
		return pod, "", featuresNow(), nil
	}
	restore, skipped := setGates(request.Control)
	defer restore()
	response.SkippedGates = append(response.SkippedGates, skipped...)
	pod, answer, err := apiserver.Admit(pod)
	if answer != nil {
		refused = answer.Error()
	}
	return pod, refused, featuresNow(), err
}

// life is one bubble.
type life struct {
	request *Request
	config  sim.Config
	record  *recording
	pod     *v1.Pod      // nil for a Job
	job     *batchv1.Job // nil for a Pod
	root    string
	can     apiFeatures
	err     error

	server  *apiserver.Server
	runtime *cri.Service
	limit   time.Time
	awaited time.Time // the Pod's own deadline is over by then: it may change even a terminal Pod
	steps   int       // not taken yet
	// stopKubelet cuts the kubelet off that runs; restore sets gates back that a later kubelet had.
	stopKubelet func()
	kubelet     *node.Kubelet
	down        bool // there is no kubelet
	leaving     bool // the node shuts down
	restore     []func()
}

// play is the bubble's main goroutine.
func (l *life) play() {
	c := l.config
	// Everything is laid out from the kubelet's start: its tickers begin there. Creation comes warm-up minus one tick
	// phase later, and so much into a second of the wall clock as ClockPhase says.
	start := time.Now().Add(((c.ClockPhase+c.SyncTickPhase)%time.Second + time.Second) % time.Second)
	warm := l.request.warmUp(c)
	created := start.Add(warm - c.SyncTickPhase%time.Second)
	l.reportPhases(start, created)
	time.Sleep(time.Until(start))

	runtime := cri.New(cri.Hooks{Event: l.record.runtimeEvent, Probe: l.record.probe}, l.root)
	l.runtime = runtime
	if l.pod != nil {
		runtime.Load(string(l.pod.UID), l.request.Scenario.Pod, c.Latency, imageOf)
	}
	l.server = apiserver.New(node.Object(), apiserver.Hooks{
		Stored: l.record.stored, Deleting: l.record.deleting, Removed: l.record.podRemoved,
		Bound: l.bound, Released: l.record.released, JobStored: l.record.jobStored,
		ConfigMap: func(name string) bool { return !runtime.ConfigError(string(uid), name) },
	})
	if l.job != nil {
		if l.err = l.startJobs(); l.err != nil {
			return
		}
	}
	node.Listen(l.record.step)
	first := start.Add((c.RelistPhase%time.Second + time.Second - c.SyncTickPhase%time.Second) % time.Second)
	if l.err = l.startKubelet(first, runtime.Session(start.Add(time.Second))); l.err != nil {
		return
	}
	time.Sleep(time.Until(created))
	l.create()
	l.watch()
}

// startKubelet starts a kubelet with the given session of the runtime and first relist.
func (l *life) startKubelet(relist time.Time, session *cri.Session) error {
	over := make(chan struct{})
	client, err := l.server.Client(over, 0)
	if err != nil {
		return err
	}
	kubelet, err := node.Start(node.Options{
		Client: client, Runtime: session, Images: cri.Images{Session: session}, Root: l.root,
		MaxContainerRestartPeriod:       l.request.Scenario.Node.MaxContainerRestartPeriod,
		ShutdownGracePeriod:             l.request.Scenario.Node.ShutdownGracePeriod,
		ShutdownGracePeriodCriticalPods: l.request.Scenario.Node.ShutdownGracePeriodCriticalPods,
		Relist:                          &node.RelistClock{First: relist, Delay: l.config.RelistDelay, Relist: l.record.relist, OnDemand: l.record.onDemand},
		Event:                           l.record.recorded,
	})
	if err != nil {
		return err
	}
	l.kubelet = kubelet
	l.stopKubelet = func() {
		kubelet.Stop()
		session.End()
		close(over)
	}
	return nil
}

// restart stops the kubelet, does something, and starts another one after a while. What a kubelet has put on disk it finds again.
func (l *life) restart(down time.Duration, meanwhile func(), overrides []gates.Override) {
	l.stop()
	meanwhile()
	time.AfterFunc(down, func() {
		l.down, l.leaving = false, false
		l.record.tell(trace.KubeletStarted)
		set := map[string]bool{}
		for _, o := range overrides {
			set[o.Gate] = o.On
		}
		restore, _ := setGates(set)
		l.restore = append(l.restore, restore)
		now := time.Now()
		if err := l.startKubelet(now.Add(l.config.KubeletRelist), l.runtime.Session(now)); err != nil {
			l.err = err
		}
		l.taken()
	})
}

// evict asks the pod workers for what the eviction manager asks them: the numbers and words are those of its source, for it sees no node
// here that lacks anything. eviction_manager.go: synchronize, evictPod; preemption.go.
func (l *life) evict(mode sim.EvictMode, key, uid string) {
	if mode == sim.EvictAPI {
		if l.can.noteEvictions {
			l.record.evicting(mode, uid)
			l.server.NoteEviction(key)
		}
		l.server.Delete(key, nil)
		return
	}
	own := l.request.Scenario.Pod.TerminationGracePeriodSeconds
	if l.down || l.request.Scenario.Pod.Critical && mode != sim.EvictPreempt {
		return
	}
	pod := l.kubelet.Active(types.UID(uid))
	if pod == nil {
		return
	}
	reason, message, grace := "Evicted", "The node was low on resource", new(int64)
	switch mode {
	case sim.EvictSoft:
		*grace = int64(l.request.Scenario.Node.EvictionMaxPodGracePeriod / time.Second)
		if softMin {
			*grace = min(*grace, own)
		}
	case sim.EvictPreempt:
		reason, message, grace = "Preempting", "Preempted in order to admit critical pod", nil
	}
	l.record.evicting(mode, uid)
	l.kubelet.Evict(pod, grace, func(s *v1.PodStatus) {
		s.Phase, s.Reason, s.Message = v1.PodFailed, reason, message
		if disruptionConditions() {
			noteDisruption(s, "TerminationByKubelet")
		}
	})
}

func (l *life) response() *Response { return l.record.response }

// reportPhases writes down the phases that the run really has.
func (l *life) reportPhases(start, created time.Time) {
	next := func(period time.Duration) time.Duration {
		return (period - created.Sub(start)%period) % period
	}
	c := &l.response().Config
	c.SyncTickPhase, c.HousekeepingPhase, c.StatusPhase = next(time.Second), next(2*time.Second), next(10*time.Second)
	c.RelistPhase %= time.Second
	c.ClockPhase = time.Duration(created.Nanosecond())
	c.GarbagePhase = next(time.Minute)
}

// create stores the Pod and begins the steps.
func (l *life) create() {
	r := l.record
	r.mu.Lock()
	r.created = time.Now()
	l.limit = r.created.Add(l.request.limit())
	l.awaited = r.created.Add(time.Duration(min(l.request.Scenario.Pod.ActiveDeadlineSeconds, 1<<32))*time.Second + settle)
	l.steps = len(l.request.Scenario.Steps)
	created, stored := trace.PodCreated, l.pod
	if l.job != nil {
		created, stored = trace.JobCreated, &v1.Pod{Spec: l.job.Spec.Template.Spec}
	}
	r.emit(trace.Event{Kind: created}, "", "")
	for _, d := range dropped(l.request.Scenario.Pod, stored) {
		r.emit(trace.Event{Kind: trace.FieldDropped, Reason: d.field}, "", d.container)
	}
	if l.job == nil {
		r.emit(trace.Event{Kind: trace.PodBound}, "", "")
	}
	counts := make([]int32, len(l.request.Scenario.Steps))
	r.happened = func(e *trace.Event, container string) {
		for i, step := range l.request.Scenario.Steps {
			s := step.After
			if s == nil || counts[i] < 0 || s.Kind != e.Kind.String() || s.Container != container || s.Run >= 0 && s.Run != e.Run || !picks(s.Pod, e.Pod) {
				continue
			}
			if counts[i]++; counts[i] < max(s.Nth, 1) {
				continue
			}
			counts[i] = -1
			if at := time.Now().Add(step.At + l.request.horizon()); l.request.Scenario.Horizon == 0 && at.After(l.limit) {
				l.limit = at
			}
			time.AfterFunc(step.At, func() { l.take(step) })
		}
	}
	r.mu.Unlock()
	for _, step := range l.request.Scenario.Steps {
		if step.After == nil {
			time.AfterFunc(step.At, func() { l.take(step) })
		}
	}
	if l.job != nil {
		l.server.CreateJob(l.job)
		return
	}
	bind(l.pod)
	l.server.Create(l.pod)
}

// take takes one step.
func (l *life) take(step sim.Step) {
	if step.RestartKubelet != nil && !startable(step.RestartKubelet.Gates) {
		l.taken()
		return
	}
	disturbs := step.RestartKubelet != nil || step.RebootNode != nil && !step.RebootNode.Orderly
	if disturbs && (l.down || l.leaving) { // it does nothing then
		l.taken()
		return
	}
	node := disturbs || step.ShutdownNode != nil || step.RebootNode != nil
	if !node { // those have a second part
		l.taken()
	}
	if step.PatchJob != nil {
		l.patchJob(step.PatchJob)
		return
	}
	key, uid := l.podNamed(step.Pod)
	switch {
	case key == "" && (l.job == nil || !node): // the node of a Job is there without Pods too
	case step.Delete != nil:
		grace := step.Delete.GracePeriodSeconds
		if step.Delete.Force {
			grace = new(int64)
		}
		l.server.Delete(key, grace)
	case step.Kill != nil:
		l.runtime.Signal(uid, step.Kill.Container, step.Kill.Signal)
	case step.LoseSandbox != nil:
		l.runtime.LoseSandbox(uid)
	case step.Patch != nil:
		if len(step.Patch.Resize) > 0 {
			l.resize(key, step.Patch.Resize)
		}
		images := map[string]string{}
		for _, change := range step.Patch.Images {
			images[change.Container] = change.Image
			l.runtime.HasImage(uid, change.Container, change.Image)
		}
		if len(images) > 0 {
			l.server.SetImages(key, images)
		}
	case step.AddEphemeral != nil:
		list := l.request.Scenario.Pod.Ephemeral
		i := slices.IndexFunc(list, func(c sim.Container) bool { return c.Name == step.AddEphemeral.Container })
		l.server.AddEphemeral(key, ephemeralOf(list[i]))
	case step.Evict != nil:
		l.evict(step.Evict.Mode, key, uid)
	case step.RestartKubelet != nil:
		l.restart(step.RestartKubelet.Down, func() {}, step.RestartKubelet.Gates)
	case step.ShutdownNode != nil:
		l.shutdown(false, 0)
	case step.RebootNode != nil && step.RebootNode.Orderly:
		l.shutdown(true, step.RebootNode.Down)
	case step.RebootNode != nil:
		l.restart(step.RebootNode.Down, func() { l.runtime.Crash(step.RebootNode.Down) }, nil)
	}
}

// watch lets time pass until the run is over. It looks once in a while, off all ticks.
func (l *life) watch() {
	r := l.record
	for {
		time.Sleep(997 * time.Millisecond)
		r.mu.Lock()
		now := time.Now()
		over := now.After(l.limit)
		ending := trace.EndingHorizon
		if quiet := !l.runtime.Busy() && now.Sub(r.last) > settle; quiet && r.removed && l.job == nil {
			over, ending = true, trace.EndingRemoved
		} else if quiet && r.jobDone && l.job != nil && l.steps == 0 {
			over, ending = true, trace.EndingTerminal
		} else if quiet && l.job == nil && r.terminal && l.steps == 0 && now.After(l.awaited) {
			over, ending = true, trace.EndingTerminal
		}
		if over {
			r.trace.Ending = ending
			r.trace.EndedAt = trace.Instant(now.Sub(r.created))
			r.happened = nil
			r.created = time.Time{} // nothing more is recorded
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

// droppedField is a field of a container that the API server removed.
type droppedField struct{ container, field string }

// has reports whether a field is set that not every release knows.
func has(object any, name string) bool {
	value := reflect.ValueOf(object)
	if value.IsNil() {
		return false
	}
	field := value.Elem().FieldByName(name)
	return field.IsValid() && !field.IsZero()
}

// dropped lists them, in the order of the containers.
func dropped(wanted sim.Pod, stored *v1.Pod) []droppedField {
	var fields []droppedField
	compare := func(wanted []sim.Container, stored []v1.Container) {
		for i := range min(len(wanted), len(stored)) {
			w, s := &wanted[i], &stored[i]
			drop := func(field string, gone bool) {
				if gone {
					fields = append(fields, droppedField{w.Name, field})
				}
			}
			hooks := w.PostStart != nil || w.PreStop != nil
			drop("lifecycle", hooks && s.Lifecycle == nil)
			drop("lifecycle.postStart", w.PostStart != nil && s.Lifecycle != nil && s.Lifecycle.PostStart == nil)
			drop("lifecycle.preStop", w.PreStop != nil && s.Lifecycle != nil && s.Lifecycle.PreStop == nil)
			drop("lifecycle.stopSignal", w.StopSignal != "" && !has(s.Lifecycle, "StopSignal"))
			drop("restartPolicy", w.RestartPolicy != "" && s.RestartPolicy == nil)
			drop("restartPolicyRules", len(w.RestartRules) > 0 && !has(s, "RestartPolicyRules"))
		}
	}
	compare(wanted.Init, stored.Spec.InitContainers)
	compare(wanted.Main, stored.Spec.Containers)
	return fields
}
