package oracle

import (
	"encoding/json"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/cri"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/node"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// recording gathers what one run shows. Its methods are called from many goroutines of the bubble.
type recording struct {
	mu       sync.Mutex
	created  time.Time // of the Pod; zero before
	response *Response
	trace    *trace.Trace
	index    map[string]int          // container name to position
	pods     map[string]trace.PodRef // of a Job, by UID
	names    []podName               // … in the order of their creation
	raw      bool
	// happened is called for each event, with the lock held; it decides on steps that wait for one.
	happened func(e *trace.Event, container string)
	// terminal and removed tell that the Pod became so; last is the time of the last event.
	terminal, removed bool
	jobDone           bool // the Job has finished
	last              time.Time
}

func newRecording(request *Request, response *Response) *recording {
	r := &recording{response: response, index: map[string]int{}, pods: map[string]trace.PodRef{}, raw: request.Raw}
	r.trace = &trace.Trace{Scenario: request.Scenario.Name}
	response.Trace = r.trace
	add := func(c sim.Container, role trace.Role) {
		r.index[c.Name] = len(r.trace.Containers)
		r.trace.Containers = append(r.trace.Containers, trace.Container{Name: c.Name, Role: role})
	}
	for _, c := range request.Scenario.Pod.Init {
		role := trace.RoleInit
		if c.RestartPolicy == sim.RestartAlways {
			role = trace.RoleSidecar
		}
		add(c, role)
	}
	for _, c := range request.Scenario.Pod.Main {
		add(c, trace.RoleMain)
	}
	for _, c := range request.Scenario.Pod.Ephemeral {
		add(c, trace.RoleEphemeral)
	}
	return r
}

// now is the instant since the Pod's creation; ok is false before. The lock is held.
func (r *recording) now() (trace.Instant, bool) {
	if r.created.IsZero() {
		return 0, false
	}
	return trace.Instant(time.Since(r.created)), true
}

// emit adds an event of the Pod with the UID, or of the Job for none. The lock is held.
func (r *recording) emit(e trace.Event, pod, container string) {
	at, ok := r.now()
	if !ok {
		return
	}
	e.At, e.Container, e.Pod = at, trace.NoContainer, r.pods[pod]
	if i, known := r.index[container]; known {
		e.Container = int16(i)
	}
	r.trace.Events = append(r.trace.Events, e)
	r.last = time.Now()
	if r.happened != nil {
		r.happened(&e, container)
	}
}

func (r *recording) runtimeEvent(e cri.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(trace.Event{Run: e.Run, Kind: e.Kind, ExitCode: e.ExitCode, Reason: e.Reason, Span: e.Span}, e.Pod, e.Container)
}

func (r *recording) evicting(mode sim.EvictMode, pod string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(trace.Event{Kind: trace.EvictRequested, Reason: string(mode)}, pod, "")
}

// tell adds an event of the Pod.
func (r *recording) tell(kind trace.Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(trace.Event{Kind: kind}, "", "")
}

func (r *recording) probe(p cri.ProbeCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.created.IsZero() {
		return
	}
	r.response.Probes = append(r.response.Probes, ProbeCall{
		Begin: trace.Instant(p.Begin.Sub(r.created)), End: trace.Instant(p.End.Sub(r.created)),
		Container: p.Container, Run: p.Run, Probe: p.Probe, Result: p.Result,
	})
}

func (r *recording) step(s node.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.now()
	if !ok {
		return
	}
	if s.Exit {
		r.response.StepEnds = append(r.response.StepEnds, StepEnd{at, s.Name})
		return
	}
	switch s.Name {
	case "SyncPod":
		r.emit(trace.Event{Kind: trace.Sync}, s.Pod, "")
	case "SyncTerminatingPod":
		r.emit(trace.Event{Kind: trace.SyncTerminating}, s.Pod, "")
	case "SyncTerminatedPod":
		r.emit(trace.Event{Kind: trace.SyncTerminated}, s.Pod, "")
	}
}

func (r *recording) relist() { r.instant(&r.response.Relists) }

func (r *recording) onDemand() { r.instant(&r.response.OnDemandRelists) }

func (r *recording) instant(list *[]trace.Instant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.now(); ok {
		*list = append(*list, at)
	}
}

func (r *recording) recorded(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.now(); ok {
		r.response.Recorded = append(r.response.Recorded, Recorded{at, text})
	}
}

func (r *recording) deleting(pod *v1.Pod, grace int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(trace.Event{Kind: trace.DeleteRequested, Span: time.Duration(grace) * time.Second}, string(pod.UID), "")
}

// stored adds a version of the status.
func (r *recording) stored(pod *v1.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.now()
	if !ok {
		return
	}
	version := r.version(pod)
	version.At, version.Pod = at, r.pods[string(pod.UID)]
	r.trace.Statuses = append(r.trace.Statuses, version)
	if r.raw {
		text, err := json.Marshal(pod.Status)
		if err != nil {
			panic(err) // a status that came as JSON
		}
		r.response.Raw = append(r.response.Raw, text)
	}
	r.terminal = r.terminal || version.Phase == trace.PhaseSucceeded || version.Phase == trace.PhaseFailed
	r.last = time.Now()
}

func (r *recording) podRemoved(pod *v1.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removed = true
	r.emit(trace.Event{Kind: trace.PodRemoved}, string(pod.UID), "")
}
