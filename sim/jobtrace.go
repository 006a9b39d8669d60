package sim

import (
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// join makes one trace of the Job's and of those of its Pods: everything in the order in which it happened, each cause by its position
// there.
func (r *jobRun) join() {
	t := r.trace
	own := t.Events
	places := make([]int32, r.counter) // of what happened n-th
	for i := range places {
		places[i] = none
	}
	mark := func(order []int32) {
		for _, n := range order {
			places[n] = 0
		}
	}
	mark(r.order)
	for _, p := range r.pods {
		mark(p.order)
	}
	count := int32(0)
	for n := range places {
		if places[n] == 0 {
			places[n] = count
			count++
		}
	}
	events := make([]trace.Event, count)
	for i := range own {
		e := own[i]
		locate(e.Causes, places, r.happened, r.linked)
		events[places[r.order[i]]] = e
	}
	for _, p := range r.pods {
		for i, e := range p.machine.trace.Events {
			locate(e.Causes, places, p.happened, r.happened)
			events[places[p.order[i]]] = e
		}
	}
	r.joinStatuses(places)
	for i := range t.JobStatuses {
		if s := &t.JobStatuses[i]; s.Event >= 0 {
			s.Event = places[r.order[s.Event]]
		}
	}
	t.Events = events
}

// happened, of the Job or of a Pod, says when an event of its own trace came in the order of the run; linked does of an event of a Pod
// that an event of the Job names.
func (r *jobRun) happened(position int32) int32 { return r.order[position] }

func (p *jobPod) happened(position int32) int32 { return p.order[position] }

func (r *jobRun) linked(position int32) int32 {
	l := r.links[position]
	return l.pod.order[l.position]
}

// locate turns the causes of one event into positions of the joined trace.
func locate(causes []trace.Cause, places []int32, own, other func(position int32) int32) {
	for i := range causes {
		if c := &causes[i]; c.Event >= 0 {
			c.Event = places[own(c.Event)]
		} else {
			c.Event = places[other(outside(c.Event))]
		}
	}
}

// joinStatuses puts the versions of all Pods in the order in which the API server got them.
func (r *jobRun) joinStatuses(places []int32) {
	type version struct {
		order  int32
		status trace.Status
	}
	var all []version
	for _, p := range r.pods {
		for i, s := range p.machine.trace.Statuses {
			if s.Event >= 0 {
				s.Event = places[p.order[s.Event]]
			}
			all = append(all, version{p.statusOrder[i], s})
		}
	}
	slices.SortFunc(all, func(a, b version) int { return int(a.order - b.order) })
	for i := range all {
		r.trace.Statuses = append(r.trace.Statuses, all[i].status)
	}
}
