package judge

import (
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// span is when an event came, or may have come.
type span struct {
	lo, hi trace.Instant
	// after is the instant before which it cannot be, for its causes had not come; without the shortest delays.
	after trace.Instant
	// by is the position of the cause that after comes from, or nothing.
	by int32
}

// spans goes through the predicted graph and holds each event that was seen against its causes. What was not seen is passed
// through: its span follows from its causes, so that in the end every event is held against the causes that were seen, whatever
// lies between them. Delays count from when the causes were observed, so that they do not add up.
func (c *comparison) spans() {
	for i := range c.predicted.Events {
		s := c.spanOf(i)
		if j := c.matched[i]; j != nothing {
			seen := c.v.o.Seen[j].Interval
			if c.v.o.Seen[j].Source != SourceSteps { // what was done comes when it was done
				c.hold(i, seen, s)
			}
			s = span{seen.Earliest, seen.Latest, seen.Earliest, int32(i)}
		}
		c.when[i] = s
	}
}

// spanOf is the span that follows from the causes of an event: it comes no sooner than the shortest delay after each of them, and no
// later than the longest after the last.
func (c *comparison) spanOf(i int) span {
	e := &c.predicted.Events[i]
	s := span{by: nothing}
	if len(e.Causes) == 0 {
		s.hi = trace.Never // what was done from outside comes when it does
		return s
	}
	begun := trace.Instant(0)
	for _, cause := range e.Causes {
		w := c.when[cause.Event]
		begun = max(begun, w.lo)
		s.lo = max(s.lo, add(w.lo, cause.Window.Min))
		if w.after > s.after || s.by == nothing {
			s.after, s.by = w.after, w.by
		}
	}
	for _, cause := range e.Causes {
		if w := c.when[cause.Event]; w.hi >= begun {
			s.hi = max(s.hi, c.longest(i, cause, w.hi))
		}
	}
	s.hi = max(s.hi, s.lo)
	return s
}

// longest is when an event comes at the latest that a cause triggers.
func (c *comparison) longest(i int, cause trace.Cause, hi trace.Instant) trace.Instant {
	e := &c.predicted.Events[i]
	switch e.Kind {
	case trace.Sync, trace.SyncTerminating, trace.SyncTerminated:
		// It may have to wait for a relist that is newer than the last sync, in every release.
		return add(add(hi, cause.Window.Max), relistPeriod)
	case trace.Relist:
		return add(add(hi, cause.Window.Max), relistRound)
	case trace.StartupPassed, trace.StartupFailed, trace.ReadinessPassed, trace.ReadinessFailed, trace.LivenessPassed, trace.LivenessFailed:
		// Its worker may hear of the container a relist later.
		return add(add(hi, cause.Window.Max), relistPeriod)
	case trace.Exited:
		if c.predicted.Events[cause.Event].Kind == trace.KillSignal {
			return add(hi, c.v.how.Call)
		}
	case trace.PodRemoved:
		return add(add(hi, cause.Window.Max), unmount+c.v.how.Call)
	case trace.BackOff, trace.PullBegin, trace.Created, trace.CreateError, trace.Running, trace.StartError, trace.SandboxStopped, trace.Killing, trace.StopSignal, trace.TurnReached,
		trace.PostStartBegin, trace.PostStartEnd, trace.PostStartFailed, trace.PreStopBegin, trace.PreStopEnd, trace.PreStopFailed, trace.PreStopAbandoned:
		if cause.Window.Max == trace.Unbounded {
			return add(c.syncReached(cause.Event, i, hi), cause.Window.Min+c.v.how.Call)
		}
		switch e.Kind {
		case trace.PostStartEnd, trace.PostStartFailed, trace.PreStopEnd, trace.PreStopFailed, trace.PreStopAbandoned:
			return add(hi, cause.Window.Max+c.v.how.Call) // the hook's own length and a call
		}
	}
	return add(hi, cause.Window.Max)
}

// relistRound is what a round of the relist takes, and relistPeriod what lies between two: kubelet.go, genericPlegRelistPeriod.
const (
	relistRound  = 100 * time.Millisecond
	relistPeriod = time.Second + relistRound
)

// unmount is how long the kubelet may take to unmount the volumes of a Pod that has ended, before it lets its object go. kubelet.go:
// SyncTerminatedPod; volumemanager/volume_manager.go: WaitForUnmount, which the simulator leaves out.
const unmount = 2 * time.Second

// syncReached is how far a sync had come before an event: it does one thing after the other, which are no causes of each other.
func (c *comparison) syncReached(cause int32, i int, hi trace.Instant) trace.Instant {
	for j := cause + 1; j < int32(i); j++ {
		switch c.predicted.Events[j].Kind {
		case trace.Running, trace.PostStartEnd, trace.PostStartFailed, trace.CreateError, trace.StartError, trace.PullEnd, trace.PullFailed, trace.Exited,
			trace.SandboxReady:
			hi = max(hi, c.when[j].hi)
		}
	}
	return hi
}

// hold holds an observed event against what follows from its causes: stages order and windows.
func (c *comparison) hold(i int, seen Interval, s span) {
	d := difference{at: c.predicted.Events[i].At, event: int32(i), seen: c.matched[i], version: nothing}
	switch {
	case s.by != nothing && seen.Latest < s.after:
		d.stage = StageOrder
		d.text = fmt.Sprintf("%s came before %s, which it needs", c.words(int32(i)), c.words(s.by))
		d.legal = fmt.Sprintf("%s at %v or later", c.words(int32(i)), trace.Seconds(s.after))
	case seen.Latest < add(s.lo, -c.v.slack-early):
		d.stage = StageWindows
		d.text = fmt.Sprintf("%s came %v too early", c.words(int32(i)), s.lo.Sub(seen.Latest))
		d.legal = c.legal(i, s)
	case seen.Earliest > add(s.hi, c.v.slack):
		d.stage = StageWindows
		d.text = fmt.Sprintf("%s came %v too late", c.words(int32(i)), seen.Earliest.Sub(s.hi))
		d.legal = c.legal(i, s)
	case c.v.decides(&c.predicted.Events[i]) && c.apart(i, seen) > 0:
		d.stage, d.apart = StageWindows, true
		d.text = fmt.Sprintf("%s came %v from when it comes in any run that was guided by what was seen before", c.words(int32(i)), c.apart(i, seen))
		d.legal = fmt.Sprintf("%s at about %s", c.words(int32(i)), trace.Seconds(c.predicted.Events[i].At))
	default:
		return
	}
	c.fail(d)
}

// apart is how far an event was seen from when it comes in a run that was guided by everything seen before, where that is more than
// delays can explain; else 0.
func (c *comparison) apart(i int, seen Interval) time.Duration {
	at := c.predicted.Events[i].At
	off := max(at.Sub(seen.Latest), seen.Earliest.Sub(at))
	if off <= 2*relistPeriod+c.v.how.Call+c.v.slack {
		return 0
	}
	return off
}

// early is by how much a shortest delay may be missed: a process lives a little before the runtime says so.
const early = 50 * time.Millisecond

func (c *comparison) legal(i int, s span) string {
	to := "any time later"
	if s.hi != trace.Never {
		to = trace.Seconds(s.hi) + " (" + c.v.slack.String() + " of slack not counted)"
	}
	return fmt.Sprintf("%s from %s to %s", c.words(int32(i)), trace.Seconds(s.lo), to)
}
