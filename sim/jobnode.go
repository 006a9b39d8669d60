package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The node of a Job's Pods: one kubelet has them all, and those that are made while it is down or after it has started again find it so.

// jobNode is the life of the kubelet and of its node, as far as one Pod alone does not know it.
type jobNode struct {
	restarted bool
	until     trace.Instant // when the kubelet starts again, or did; Never if it does not

	shutdown nodeShutdown  // of the node, as a Pod that is made behind its announcement finds it
	halt     trace.Instant // when the node goes down, once the kubelet has let it; else Never
}

// disturbNode takes a step that stops the kubelet, crashes the node or shuts it down, for all Pods. It returns why it could not.
func (r *jobRun) disturbNode(s *Step) (impossible string) {
	switch n := &r.node; {
	case n.restarted && r.now < n.until:
		return "the kubelet is down at that moment"
	case n.shutdown.begun:
		return "the node shuts down at that moment"
	case s.ShutdownNode != nil:
		r.shutdownNode(false, 0)
	case s.RebootNode != nil && s.RebootNode.Orderly:
		r.shutdownNode(true, s.RebootNode.Down)
	case s.RebootNode != nil:
		r.kubeletStops(r.now.Add(s.RebootNode.Down), func(m *machine) { m.act(s) })
	case len(s.RestartKubelet.Gates) > 0:
		return "that Pods of a Job are made with one kubelet and run with another is not simulated"
	default:
		r.kubeletStops(r.now.Add(s.RestartKubelet.Down), func(m *machine) { m.act(s) })
	}
	return ""
}

// kubeletStops has the kubelet stop, in a way, for each Pod. Those that come later find when it starts again.
func (r *jobRun) kubeletStops(until trace.Instant, stop func(*machine)) {
	r.node = jobNode{restarted: true, until: until, halt: trace.Never}
	r.requests, r.pullRate = nil, pullRate{}
	if until != trace.Never {
		r.config.setPhasesFrom(until)
		r.config.RelistPhase = time.Duration(until) + r.config.KubeletRelist
	}
	for _, p := range r.pods {
		if p.machine.ended {
			p.machine.config.RelistPhase = r.config.RelistPhase
			p.machine.setPhases() // what the next Pod goes by
			continue
		}
		p.touch()
		stop(p.machine)
		r.agenda.mark(p)
	}
}

// shutdownNode has the kubelet stop its Pods, all at once, for they are of one priority. The node waits for the last of them.
func (r *jobRun) shutdownNode(back bool, down time.Duration) {
	r.node.shutdown = nodeShutdown{begun: true, back: back, down: down, event: none}
	for _, p := range r.pods {
		if !p.machine.ended {
			p.touch()
			p.machine.shutdownNode(back, down)
			r.agenda.mark(p)
		}
	}
	r.releaseNode()
}

// releaseNode lets the node go down once no Pod holds it. nodeshutdown_manager.go: killPods.
func (r *jobRun) releaseNode() {
	for _, p := range r.pods {
		if p.machine.shutdown.holding {
			return
		}
	}
	for _, p := range r.pods {
		if m := p.machine; !m.ended && m.shutdown.begun {
			p.touch()
			m.nodeReleased(cause(m.shutdown.event, "the kubelet waits for no Pod of the node any more", windowRuntime))
		}
	}
	r.node.halt = r.now.Add(r.config.NodeHalt)
}

// haltNode is the end of everything on the node.
func (r *jobRun) haltNode() {
	until := trace.Never
	if s := &r.node.shutdown; s.back {
		until = r.now.Add(s.down)
	}
	r.kubeletStops(until, (*machine).haltNode)
}

// found is what the machine of a new Pod finds of the kubelet and the node.
func (n *jobNode) found(m *machine) {
	m.shutdown = n.shutdown
	switch {
	case !n.restarted:
	case m.now < n.until:
		m.life.down, m.pleg.next = true, noRelist
		if n.until != trace.Never {
			m.queue.push(n.until, inputKubelet, 0, 0, 0)
		}
	default:
		m.life.since = n.until
		if ready := n.until.Add(m.config.KubeletStartup); m.now < ready {
			m.queue.push(ready, inputKubeletReady, 0, 0, 0)
		}
	}
}
