package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// inputKind says whom an input of the event queue is for.
type inputKind uint8

const (
	inputStep         inputKind = iota // a step of the scenario; a is its position
	inputBound                         // the Pod reaches the kubelet
	inputWake                          // the idle pod worker takes its update, before anything else of this instant
	inputNews                          // the sync loop hears of more once the worker has begun; a is the event, b the kind
	inputEvents                        // the sync loop hears of what a relist saw; a is the relist
	inputWorker                        // the pod worker goes on with its sync; a is its token
	inputExit                          // a process ends; a is the container, b the run
	inputKillSignal                    // SIGKILL is due; a, b likewise
	inputRelist                        // the periodic relist
	inputRelistPod                     // an on-demand relist
	inputSyncTick                      // the sync loop looks at the work queue
	inputStatus                        // the status manager sends what is new
	inputStatusAll                     // … everything that differs
	inputProbeTick                     // a probe worker's ticker; a is the worker, b the token
	inputProbeDone                     // a probe has its answer; a, b likewise
	inputKiller                        // a stop goes on; a is the killer, b the token
	inputHookEndsRun                   // a hook ended the process; a is the container, b the run
	inputGarbage                       // the garbage collection; a is a container that got a record since the last one
	inputGarbagePod                    // … of a Pod that was deleted and has stopped
	inputSandboxSeen                   // the early PodReadyToStartContainers update
	inputHousekeeping                  // housekeeping looks at a Pod that is gone from the API server
	inputOrphan                        // … at what runs of a Pod that no worker knows
	inputKubelet                       // a kubelet starts
	inputKubeletReady                  // … and takes the Pods that the API server has
	inputShutdown                      // a wait of the kubelet in a shutdown of its node ends; a is its token, b how
	inputHalt                          // the node goes down
	inputResize                        // the kubelet looks at pending resizes
	inputMirror                        // housekeeping removes the mirror of a static Pod
)

// input is one entry of the event queue.
type input struct {
	at      trace.Instant
	seq     uint32
	kind    inputKind
	a, b, c int32
}

// sendsLast puts the status manager behind everything else of the same instant: it is a goroutine of its own behind a
// channel, so what the sync loop and the worker do at once is sent together.
const sendsLast = 1 << 31

// inTime is behind a relist and a wake-up of the same instant: grace periods are whole seconds, so a stop that began at a relist ends
// at one, and the relist does not see it yet.
const inTime = 1 << 30

// queue is a binary heap ordered by instant, then by the order of insertion.
type queue struct {
	items []input
	seq   uint32
}

func (q *queue) push(at trace.Instant, kind inputKind, a, b, c int32) {
	q.seq++
	seq := q.seq | inTime
	switch kind {
	case inputRelist, inputWake, inputNews:
		seq = q.seq
	case inputStatus:
		seq |= sendsLast
	}
	q.add(input{at, seq, kind, a, b, c})
}

func (q *queue) add(in input) {
	q.items = append(q.items, in)
	i := len(q.items) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			break
		}
		q.items[i], q.items[parent] = q.items[parent], q.items[i]
		i = parent
	}
}

// keep drops the inputs that are not wanted any more.
func (q *queue) keep(wanted func(input) bool) {
	all := q.items
	q.items = q.items[:0]
	for _, in := range all {
		if wanted(in) {
			q.add(in)
		}
	}
}

func (q *queue) less(i, j int) bool {
	a, b := &q.items[i], &q.items[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

// pop removes the n-th of the inputs of the next instant.
func (q *queue) pop(n int) input {
	if n == 0 {
		return q.removeFirst()
	}
	held := make([]input, n)
	for i := range held {
		held[i] = q.removeFirst()
	}
	taken := q.removeFirst()
	for _, in := range held {
		q.add(in)
	}
	return taken
}

// ties is the number of inputs of the next instant. Each is for a goroutine of its own, so any may come first.
func (q *queue) ties() int {
	at := q.items[0].at
	if !(len(q.items) > 1 && q.items[1].at == at || len(q.items) > 2 && q.items[2].at == at) {
		return 1
	}
	count := 0
	for i := range q.items {
		if q.items[i].at == at {
			count++
		}
	}
	return count
}

// removeFirst removes the first input.
func (q *queue) removeFirst() input {
	top := q.items[0]
	last := len(q.items) - 1
	q.items[0] = q.items[last]
	q.items = q.items[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			break
		}
		q.items[i], q.items[child] = q.items[child], q.items[i]
		i = child
	}
	return top
}
