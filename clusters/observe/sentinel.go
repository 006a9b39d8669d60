package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

const (
	sentinelLife = 2 * time.Second
	// sentinelWait is how long a sentinel is waited for: many times what it takes on a node that works.
	sentinelWait = 2 * time.Minute
	// pulsePeriod is how often a sentinel runs on each node while scenarios play.
	pulsePeriod = 5 * time.Second
)

// sentinels runs one sentinel on each node and waits until all were heard.
func (r *Recorder) sentinels(ctx context.Context, before bool) error {
	errs := make([]error, len(r.nodes))
	var all sync.WaitGroup
	for i, node := range r.nodes {
		all.Go(func() { errs[i] = r.sentinel(ctx, node, before) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// pulses measures the nodes until the context ends.
func (r *Recorder) pulses(ctx context.Context) {
	for sleep(ctx, pulsePeriod) == nil {
		// One that is not heard is found when observations are put together.
		_ = r.sentinels(ctx, false)
	}
}

func (r *Recorder) sentinel(ctx context.Context, node string, before bool) error {
	ctx, cancel := context.WithTimeout(ctx, sentinelWait)
	defer cancel()
	p := &play{recorder: r, name: "sentinel", news: make(chan struct{}), node: node, sentinel: sentinelLife, before: before}
	pod := actor.Sentinel(actor.SentinelOptions{Options: r.options.Actor, Name: p.name, Node: node, Life: sentinelLife})
	p.table = tableOf(&pod.Spec, nil)
	if err := p.create(ctx, pod); err != nil {
		return err
	}
	defer p.end(ctx)
	for {
		news, ended := p.listen()
		if s := p.heardOf(); s.Started && s.Exited && ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w on node %s: %w", errNotHeard, node, ctx.Err())
		case <-news:
		}
	}
}

// heardOf says what was heard of a sentinel, by the runtime's source or, without one, by the status.
func (p *play) heardOf() judge.Sentinel {
	s := judge.Sentinel{Node: p.node, Before: p.before}
	if len(p.recorder.streams) == 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, v := range p.versions {
			c := p.table.status(v.pod, func(string) int32 { return -1 }).Containers[0].State
			s.Started = s.Started || c.Kind == trace.StateRunning || c.Kind == trace.StateTerminated
			s.Exited = s.Exited || c.Kind == trace.StateTerminated
		}
		return s
	}
	for _, e := range p.recorder.runtimeOf(p.uid) {
		if e.who.container != "" {
			s.Started = s.Started || e.what == runtimeStarted
			s.Exited = s.Exited || e.what == runtimeExited
		}
	}
	return s
}

// What a node without delay takes at the longest, as package judge has it: a call of the runtime, and a relist with what a
// round and a write of the status take.
const (
	promptCall   = time.Second
	promptStatus = 1400 * time.Millisecond
)

// delay is how much later than on a prompt node the steps of a sentinel's life came.
func (p *play) delay() time.Duration {
	last, late := p.zero, time.Duration(0)
	step := func(at time.Time, within time.Duration) {
		late = max(late, at.Sub(last)-within)
		last = at
	}
	for _, e := range p.recorder.runtimeOf(p.uid) {
		switch sandbox := e.who.container == ""; {
		case sandbox && e.what == runtimeStarted, !sandbox && (e.what == runtimeCreated || e.what == runtimeStarted):
			step(e.at, promptCall)
		case !sandbox && e.what == runtimeExited:
			step(e.at, p.sentinel)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range p.versions {
		if c := p.table.status(v.pod, func(string) int32 { return -1 }).Containers[0]; c.State.Kind == trace.StateTerminated {
			if len(p.recorder.streams) > 0 {
				step(v.arrived, promptStatus)
			} else {
				// Sandbox, creation, start, life and status are one span here.
				step(v.arrived, 3*promptCall+p.sentinel+promptStatus)
			}
			break
		}
	}
	return late
}

// lateness is the largest delay of the newest sentinels, those that still run among them.
func (r *Recorder) lateness() time.Duration {
	r.mu.Lock()
	newest := map[string]*play{}
	running := map[string]*play{}
	for _, p := range r.plays {
		switch {
		case p.sentinel == 0 || p.uid == "":
		case p.ended():
			newest[p.node] = p
		default:
			running[p.node] = p
		}
	}
	r.mu.Unlock()
	var late time.Duration
	for _, p := range newest {
		late = max(late, p.delay())
	}
	for _, p := range running {
		// All that a prompt node takes; what is beyond that is a delay.
		late = max(late, p.delay(), time.Since(p.zero)-(3*promptCall+p.sentinel+promptStatus))
	}
	return late
}

func (p *play) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.over.IsZero()
}

// slack is the largest delay of the play's time on its node: that of the sentinels that ran during it, of the nearest before and behind, and
// of every start that the runtime was asked for meanwhile.
func (r *Recorder) slack(p *play) time.Duration {
	late := r.slowestStart(p)
	var before, behind *play
	for _, s := range r.plays {
		if s.sentinel == 0 || s.uid == "" || p.node != "" && s.node != p.node {
			continue
		}
		switch {
		case s.over.Before(p.zero):
			if before == nil || s.over.After(before.over) {
				before = s
			}
		case s.zero.After(p.over):
			if behind == nil || s.zero.Before(behind.zero) {
				behind = s
			}
		default:
			late = max(late, s.delay())
		}
	}
	for _, s := range []*play{before, behind} {
		if s != nil {
			late = max(late, s.delay())
		}
	}
	return late.Truncate(time.Millisecond) + time.Millisecond // up, for a Pod may have had just this delay
}

// slowestStart is by how much the slowest start of a container took longer than on a prompt node, of all Pods on the play's node in its time.
// A start is the runtime's alone, from the container's creation on, so that nothing of the kubelet is taken for a delay.
func (r *Recorder) slowestStart(p *play) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var late time.Duration
	created := map[string]time.Time{}
	for _, heard := range r.runs {
		for _, e := range heard {
			switch {
			case p.node != "" && e.node != p.node || e.who.container == "":
			case e.what == runtimeCreated:
				created[e.id] = e.at
			case e.what == runtimeStarted && e.at.After(p.zero) && created[e.id].Before(p.over) && !created[e.id].IsZero():
				late = max(late, e.at.Sub(created[e.id])-promptCall)
			}
		}
	}
	return late
}

// proof are the sentinels before the first play and behind the last on the node of a play. What was not heard of one that ran meanwhile
// counts too.
func (r *Recorder) proof(p *play) []judge.Sentinel {
	var list []judge.Sentinel
	var behind *judge.Sentinel
	for _, s := range r.plays {
		if s.sentinel == 0 || p.node != "" && s.node != p.node {
			continue
		}
		heard := s.heardOf()
		switch {
		case s.before:
			list = append(list, heard)
		case s.zero.After(p.over) && behind == nil:
			behind = &heard
		}
	}
	if behind != nil {
		list = append(list, *behind)
	}
	return list
}
