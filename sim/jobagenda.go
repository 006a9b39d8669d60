package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// agenda finds the machine whose next input is the earliest: a heap of Pods by the instant of that input, then by their ordinal. What
// is done to a machine outside of its own inputs may change the instant; mark says so.
type agenda struct {
	heap  []*jobPod
	stale []*jobPod
}

// mark says that the Pod's next input may be another one.
func (a *agenda) mark(p *jobPod) { a.stale = append(a.stale, p) }

// earliest is the instant of the earliest input of all machines, or Never.
func (a *agenda) earliest() trace.Instant {
	for _, p := range a.stale {
		a.fix(p)
	}
	a.stale = a.stale[:0]
	if len(a.heap) == 0 {
		return trace.Never
	}
	return a.heap[0].key
}

// first is the Pod whose input that is.
func (a *agenda) first() *jobPod { return a.heap[0] }

// due is the instant of the machine's next input, or Never.
func (p *jobPod) due() trace.Instant {
	if q := &p.machine.queue; len(q.items) > 0 && !p.machine.ended {
		return q.items[0].at
	}
	return trace.Never
}

// fix puts the Pod where it belongs.
func (a *agenda) fix(p *jobPod) {
	p.key = p.due()
	switch {
	case p.key == trace.Never && p.place < 0:
		return
	case p.key == trace.Never:
		a.remove(p)
		return
	case p.place < 0:
		p.place = len(a.heap)
		a.heap = append(a.heap, p)
	}
	a.down(a.up(p.place))
}

func (a *agenda) remove(p *jobPod) {
	last := len(a.heap) - 1
	place := p.place
	a.swap(place, last)
	a.heap = a.heap[:last]
	p.place = -1
	if place < last {
		a.down(a.up(place))
	}
}

func (a *agenda) less(i, j int) bool {
	p, q := a.heap[i], a.heap[j]
	return p.key < q.key || p.key == q.key && p.ordinal < q.ordinal
}

func (a *agenda) swap(i, j int) {
	a.heap[i], a.heap[j] = a.heap[j], a.heap[i]
	a.heap[i].place, a.heap[j].place = i, j
}

func (a *agenda) up(i int) int {
	for i > 0 && a.less(i, (i-1)/2) {
		a.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i
}

func (a *agenda) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(a.heap) {
			return
		}
		if child+1 < len(a.heap) && a.less(child+1, child) {
			child++
		}
		if !a.less(child, i) {
			return
		}
		a.swap(i, child)
		i = child
	}
}
