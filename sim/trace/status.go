package trace

import "sort"

// StatusAt returns the version of the Pod's status that the API showed at the instant, or nil before the first.
func (t *Trace) StatusAt(pod PodRef, at Instant) *Status {
	end := sort.Search(len(t.Statuses), func(i int) bool { return t.Statuses[i].At > at })
	for i := end - 1; i >= 0; i-- {
		if t.Statuses[i].Pod == pod {
			return &t.Statuses[i]
		}
	}
	return nil
}

// RemovedAt reports whether the Pod's object was gone at the instant, and since when.
func (t *Trace) RemovedAt(pod PodRef, at Instant) (Instant, bool) {
	for i := range t.Events {
		if e := &t.Events[i]; e.Kind == PodRemoved && e.Pod == pod && e.At <= at {
			return e.At, true
		}
	}
	return 0, false
}

// Pods returns the Pods of the trace in the order in which they appear.
func (t *Trace) Pods() []PodRef {
	var pods []PodRef
	for i := range t.Events {
		e := &t.Events[i]
		if (e.Kind == PodCreated || e.Container != NoContainer) && !hasPod(pods, e.Pod) {
			pods = append(pods, e.Pod)
		}
	}
	if pods == nil {
		pods = []PodRef{{}}
	}
	return pods
}

func hasPod(pods []PodRef, pod PodRef) bool {
	for _, p := range pods {
		if p == pod {
			return true
		}
	}
	return false
}

// Find returns the position of the n-th event (from 1) of the kind on the container, or of the Pod for an empty name;
// -1 where there are fewer.
func (t *Trace) Find(container string, kind Kind, n int) int32 {
	for i := range t.Events {
		e := &t.Events[i]
		if e.Kind != kind || t.nameOf(e) != container {
			continue
		}
		if n--; n <= 0 {
			return int32(i)
		}
	}
	return -1
}

func (t *Trace) nameOf(e *Event) string {
	if e.Container == NoContainer {
		return ""
	}
	return t.Containers[e.Container].Name
}
