package judge

import (
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// settles is how long before the horizon a version of the status must have been due for it to count as missing.
const settles = 4 * time.Second

// compareStatus wants the observed versions in the predicted sequence, the final one included. Their times are not compared: a status
// is written at the begin of a sync, and lags. A version may be missing if the next one came so soon that the two were sent as one.
func (c *comparison) compareStatus() {
	if !c.v.sees(SourceWatch) {
		return
	}
	var last *trace.Status
	for i := range c.predicted.Statuses {
		if now := &c.predicted.Statuses[i]; showsNews(last, now) {
			c.versions, last = append(c.versions, now), now
		}
	}
	next := 0
	for j, seen := range c.v.versions {
		at := c.find(seen, next)
		if at < 0 {
			c.failStatus(j, next)
			return
		}
		next = at + 1
		c.found = append(c.found, at)
	}
	c.final(next)
}

func (v *evidence) sees(s Source) bool {
	for _, own := range v.o.Sources {
		if own == s {
			return true
		}
	}
	return false
}

// find returns the position of the version that an observed one is, from a position on, or -1.
func (c *comparison) find(seen *trace.Status, from int) int {
	for i := from; i < len(c.versions); i++ {
		if sameStatus(seen, c.versions[i]) {
			return i
		}
		if !c.skippable(i) {
			return -1
		}
	}
	return -1
}

// skippable reports whether a version may not have been sent, for the next one came at once.
func (c *comparison) skippable(i int) bool {
	if i+1 >= len(c.versions) {
		return false
	}
	lasted := c.versions[i+1].At.Sub(c.versions[i].At) - c.v.slack
	if lasted > c.v.how.Coalesce && lasted <= relistPeriod && c.spare > 0 {
		c.spare--
		return true
	}
	return lasted <= c.v.how.Coalesce
}

func (c *comparison) failStatus(j, next int) {
	d := difference{stage: StageStatus, event: nothing, seen: nothing, version: int32(j)}
	d.text = fmt.Sprintf("version %d of the status does not come here: %s", j, c.v.text(j))
	d.at, d.legal = c.predicted.EndedAt, "no version more"
	if next < len(c.versions) {
		d.at, d.legal = c.versions[next].At, c.news(next)
	}
	c.fail(d)
}

// text is what is new in an observed version.
func (v *evidence) text(j int) string { return newsOf(v.o.Containers, v.versions, j) }

// news is what is new in a predicted version.
func (c *comparison) news(i int) string { return newsOf(c.predicted.Containers, c.versions, i) }

func newsOf(containers []trace.Container, versions []*trace.Status, i int) string {
	var before *trace.Status
	if i > 0 {
		before = versions[i-1]
	}
	return statusNews(&trace.Trace{Containers: containers}, before, versions[i])
}

// final wants the last observed version to be the last that was due.
func (c *comparison) final(next int) {
	end := c.v.o.Horizon.Add(-settles - c.v.slack)
	for i := next; i < len(c.versions); i++ {
		now := c.versions[i]
		if now.At > end {
			return
		}
		if c.skippable(i) {
			if c.versions[i+1].At > end {
				return
			}
			continue
		}
		c.fail(difference{stage: StageStatus, at: now.At, event: nothing, seen: nothing, version: int32(len(c.v.versions)),
			text: "a version of the status was not seen: " + c.news(i), legal: c.news(i)})
		return
	}
}
