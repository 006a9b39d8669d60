package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The node of a Job's Pods: one kubelet has them all, and those that are made while it is down or after it has started again find it so.

// jobNode is the life of the kubelet, as far as Pods that are made later need it.
type jobNode struct {
	restarted bool
	until     trace.Instant // when it starts again, or did
}

// disturbNode takes a step that stops the kubelet, or crashes the node, for all Pods. It returns why it could not.
func (r *jobRun) disturbNode(s *Step) (impossible string) {
	var down time.Duration
	switch {
	case s.ShutdownNode != nil || s.RebootNode != nil && s.RebootNode.Orderly:
		return "an orderly shutdown of the node of a Job's Pods is not simulated"
	case s.RebootNode != nil:
		down = s.RebootNode.Down
	case len(s.RestartKubelet.Gates) > 0:
		return "that Pods of a Job are made with one kubelet and run with another is not simulated"
	default:
		down = s.RestartKubelet.Down
	}
	if r.node.restarted && r.now < r.node.until {
		return "the kubelet is down at that moment"
	}
	r.node = jobNode{restarted: true, until: r.now.Add(down)}
	r.requests, r.pullRate = nil, pullRate{}
	r.config.setPhasesFrom(r.node.until)
	r.config.RelistPhase = time.Duration(r.node.until) + r.config.KubeletRelist
	for _, p := range r.pods {
		if p.machine.ended {
			p.machine.config.RelistPhase = r.config.RelistPhase
			p.machine.setPhases() // what the next Pod goes by
			continue
		}
		p.touch()
		p.machine.act(s)
		r.agenda.mark(p)
	}
	return ""
}

// found is what the machine of a new Pod finds of the kubelet.
func (n *jobNode) found(m *machine) {
	switch {
	case !n.restarted:
	case m.now < n.until:
		m.life.down, m.pleg.next = true, noRelist
		m.queue.push(n.until, inputKubelet, 0, 0, 0)
	default:
		m.life.since = n.until
		if ready := n.until.Add(m.config.KubeletStartup); m.now < ready {
			m.queue.push(ready, inputKubeletReady, 0, 0, 0)
		}
	}
}
