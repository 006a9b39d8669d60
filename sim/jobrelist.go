package sim

import (
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The relists of the one kubelet that runs all Pods of a Job. Each machine has a PLEG of its own; what they share is the goroutine: it
// serves the requests one after the other, and a periodic relist that falls due meanwhile comes before those that still wait, and
// serves them too. pleg/generic.go: workerLoopIteration, 1.36 and later.
type relistRequest struct {
	pod *jobPod
	at  trace.Instant
}

// requestRelist is RequestRelist. Requests of one instant come in any order.
func (r *jobRun) requestRelist(p *jobPod) {
	m := p.machine
	if late := m.pleg.late; m.now < late {
		if m.pleg.next == trace.Never {
			m.relistAt(late)
		}
		return
	}
	first := len(r.requests)
	for first > 0 && r.requests[first-1].at == m.now {
		first--
	}
	behind := len(r.requests) - first
	place := len(r.requests) - m.choose(choiceTie, behind+1)
	r.requests = slices.Insert(r.requests, place, relistRequest{p, m.now})
	served := m.now
	if first > 0 {
		served = r.requests[first-1].pod.machine.pleg.asked
	}
	due := m.nextRelist()
	for i := first; i < len(r.requests); i++ {
		pod := r.requests[i].pod
		served = served.Add(r.config.RelistDelay)
		pod.machine.pleg.asked = served
		pod.machine.queue.push(served, inputRelistPod, 0, 0, 0)
		r.agenda.mark(pod)
		if due <= served {
			r.requests = r.requests[:i+1]
			r.putOffRelist(due, served)
			return
		}
	}
}

// putOffRelist has the periodic relist that is due come later, for all Pods.
func (r *jobRun) putOffRelist(due, until trace.Instant) {
	for _, pod := range r.pods {
		m := pod.machine
		waits := m.pleg.next == due || m.pleg.asked >= until
		m.pleg.putOff(due, until, r.config.RelistPeriod)
		if waits && !m.ended {
			m.relistAt(until)
			r.agenda.mark(pod)
		}
		if m.pleg.asked > until {
			m.pleg.asked = until // that one serves it
		}
	}
}

// relistServed takes the Pod's request from the queue. It reports whether there was one.
func (r *jobRun) relistServed(p *jobPod) bool {
	n := len(r.requests)
	r.requests = slices.DeleteFunc(r.requests, func(w relistRequest) bool { return w.pod == p })
	return len(r.requests) < n
}
