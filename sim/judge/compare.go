package judge

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// comparison is one run of the simulator held against the evidence.
type comparison struct {
	v         *evidence
	predicted *trace.Trace
	// matched is the position in Seen for each predicted event, or nothing.
	matched []int32
	// when is the span in which each predicted event came: the observed one, or what follows from the observed causes.
	when []span
	// seen is the position in the prediction for each observed event, or nothing.
	seen []int32
	// versions are the predicted versions of the status that show something new.
	versions []*trace.Status
	// found are the positions in versions of the observed ones, as far as they come in this order.
	found []int
	spare int
	// failed is the first difference of each stage.
	failed [StageDone]*difference
	// rank is how much agrees before the first difference in time: events and versions, not time, so that nothing is won by being late.
	rank int
}

const nothing = int32(-1)

// difference is where the two sides differ.
type difference struct {
	stage Stage
	at    trace.Instant // where in the run; the later the better
	// event and seen are the positions of what differs, or nothing. version is that of an observed version, or nothing.
	event, seen, version int32
	text                 string
	legal                string // what would have been legal
	apart                bool   // only the time is another than in the run
}

func (v *evidence) compare(t *trace.Trace) *comparison {
	c := &comparison{v: v, predicted: t, matched: make([]int32, len(t.Events)), seen: make([]int32, len(v.o.Seen)), when: make([]span, len(t.Events)), spare: v.spare}
	c.match()
	c.spans()
	c.compareRuns()
	c.compareStatus()
	c.rank = c.before(c.earliest())
	return c
}

// before counts the events and the versions found in a prediction before a difference.
func (c *comparison) before(d *difference) int {
	n := 0
	for i := range c.predicted.Events {
		if e := &c.predicted.Events[i]; (d == nil || e.At < d.at) && c.v.decides(e) {
			n++
		}
	}
	for _, i := range c.found {
		if d == nil || c.versions[i].At <= d.at {
			n++
		}
	}
	return n
}

// match pairs the n-th event of a kind, container and run on one side with the n-th on the other.
func (c *comparison) match() {
	for i := range c.seen {
		c.seen[i] = nothing
	}
	used := make(map[eventKey]int, len(c.seen))
	for i := range c.predicted.Events {
		c.matched[i] = nothing
		key := keyOf(&c.predicted.Events[i])
		list := c.v.index[key]
		if len(list) == 0 {
			continue
		}
		n := used[key]
		used[key] = n + 1
		if n < len(list) {
			c.matched[i] = list[n]
			c.seen[list[n]] = int32(i)
		}
	}
}

// fail keeps the first difference of each stage.
func (c *comparison) fail(d difference) {
	if old := c.failed[d.stage]; old == nil || d.at < old.at {
		c.failed[d.stage] = &d
	}
}

// first is the difference of the first stage that fails, or nil.
func (c *comparison) first() *difference {
	for _, d := range c.failed {
		if d != nil {
			return d
		}
	}
	return nil
}

// earliest is the first difference in time, whatever its stage.
func (c *comparison) earliest() *difference {
	var first *difference
	for _, d := range c.failed {
		if d != nil && (first == nil || d.at < first.at) {
			first = d
		}
	}
	return first
}

// better reports whether a comparison agrees further than another.
func (c *comparison) better(other *comparison) bool {
	if other == nil {
		return true
	}
	a, b := c.first(), other.first()
	switch {
	case a == nil || b == nil:
		return a == nil && b != nil
	case c.rank != other.rank:
		return c.rank > other.rank
	}
	return a.stage > b.stage
}

// words is an event in words.
func (c *comparison) words(i int32) string {
	e := &c.predicted.Events[i]
	return eventText(nameOf(c.predicted, e), e)
}

func (v *evidence) words(i int32) string {
	t := trace.Trace{Containers: v.o.Containers}
	e := &v.o.Seen[i].Event
	return eventText(nameOf(&t, e), e)
}

// add adds a length that may be unbounded.
func add(i trace.Instant, d time.Duration) trace.Instant {
	if d == trace.Unbounded || i == trace.Never {
		return trace.Never
	}
	return i.Add(d)
}
