package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The shutdown of the node. The kubelet holds a lock that delays it; told of it, it stops its Pods, in groups by priority, and lets go.
// Then everything on the node ends, the kubelet first. kubelet/nodeshutdown/nodeshutdown_manager.go (up to 1.31
// nodeshutdown_manager_linux.go): processShutdownEvent, killPods; systemd's inhibitor locks.

// nodeShutdown is a shutdown that is under way.
type nodeShutdown struct {
	begun   bool
	back    bool // the node comes back …
	down    time.Duration
	event   int32 // that told the kubelet, or by which it let go
	holding bool  // it waits for the Pod
	token   int32
}

// Words of the shutdown manager.
const (
	reasonShutdown  = "Terminated"
	messageShutdown = "Pod was terminated in response to imminent node shutdown."
	reasonRefused   = "NodeShutdown"
	messageRefused  = "Pod was rejected as the node is shutting down."
)

// shutdownNode announces the shutdown. It returns why it could not.
func (m *machine) shutdownNode(back bool, down time.Duration) (impossible string) {
	switch {
	case m.life.down:
		return "the kubelet is down at that moment"
	case m.shutdown.begun:
		return "the node shuts down already"
	}
	s := &m.shutdown
	*s = nodeShutdown{begun: true, back: back, down: down, token: s.token}
	s.event = m.emit(podEvent(trace.NodeShutdown), cause(m.object.event, "somebody shuts the node down", windowRuntime))
	period, manages := m.shutdownPeriod()
	w := &m.worker
	if !manages || !w.known || w.rejected || w.terminated {
		if m.owner == nil {
			m.releaseNode(s.event, "the kubelet has nothing to wait for", windowNow)
		}
		return ""
	}
	grace := min(period, m.scenario.Pod.TerminationGracePeriodSeconds)
	w.eviction = &eviction{reason: reasonShutdown, message: messageShutdown, grace: grace, shutdown: true}
	s.holding = true
	m.holdNode(m.now.Add(seconds(period)), holdOver)
	m.holdNode(m.now.Add(killTimeout(grace)), holdTimeout)
	m.updatePod(update{trigger: s.event, because: "the node shuts down", evicts: true})
	return ""
}

// refusesPods reports whether the kubelet takes no Pods any more. It does not say so in a shutdown that it does not manage.
func (m *machine) refusesPods() bool {
	_, manages := m.shutdownPeriod()
	return m.shutdown.begun && manages
}

// shutdownPeriod is what the Pod's group is given, in seconds, and whether the kubelet manages shutdowns at all. With the two numbers of the
// configuration there are two groups: critical Pods, and all others. migrateConfig, groupByPriority.
func (m *machine) shutdownPeriod() (period int64, manages bool) {
	n := &m.scenario.Node
	if !m.kubelet.GracefulShutdown || n.ShutdownGracePeriod == 0 {
		return 0, false
	}
	if m.scenario.Pod.Critical {
		return int64(n.ShutdownGracePeriodCriticalPods / time.Second), true
	}
	return int64((n.ShutdownGracePeriod - n.ShutdownGracePeriodCriticalPods) / time.Second), true
}

// killTimeout is how long the call that stops a Pod waits for its end. pod_workers.go: killPodNow.
func killTimeout(grace int64) time.Duration { return seconds(max(grace+grace/2, 10)) }

// holdEnd is how a wait of the shutdown manager may end.
type holdEnd int32

const (
	holdOver    holdEnd = iota // the group's time is over
	holdTimeout                // the call that stops the Pod gives up
	holdDone                   // the Pod has stopped, and what else is waited for
)

func (m *machine) holdNode(until trace.Instant, end holdEnd) {
	m.queue.push(until, inputShutdown, m.shutdown.token, int32(end), 0)
}

// holdEnds is the end of a wait.
func (m *machine) holdEnds(token int32, end holdEnd) {
	s := &m.shutdown
	if !s.holding || token != s.token {
		return
	}
	waited := windowExactly(m.now.Sub(m.trace.Events[s.event].At))
	switch {
	case end == holdDone:
		m.releaseNode(m.worker.lastEvent, "its Pods have stopped", windowRuntime)
	case end == holdOver:
		m.releaseNode(s.event, "its time is over", waited)
	case !m.awaitsUnmount():
		m.releaseNode(s.event, "the stop of its Pods takes too long", waited)
	}
}

// podStopped is the end of the Pod's stop. Its volumes are unmounted within two rounds of the volume manager, which are less than the wait
// between two looks. volumemanager/volume_manager.go: WaitForAllPodsUnmount, WaitForUnmount.
func (m *machine) podStopped() {
	if !m.shutdown.holding {
		return
	}
	done := m.now
	if m.awaitsUnmount() {
		done = done.Add(unmountLook)
	}
	m.holdNode(done, holdDone)
}

func (m *machine) awaitsUnmount() bool {
	return m.kubelet.ShutdownAwaitsUnmount && !m.scenario.Pod.NoVolumes
}

// unmountLook is volume_manager.go: podAttachAndMountRetryInterval.
const unmountLook = 300 * time.Millisecond

// releaseNode lets the node shut down, as far as this Pod is concerned.
func (m *machine) releaseNode(by int32, because string, window trace.Window) {
	s := &m.shutdown
	s.holding = false
	s.token++
	if m.owner != nil {
		m.owner.run.releaseNode()
		return
	}
	m.nodeReleased(cause(by, because, window))
	m.queue.push(m.now.Add(m.config.NodeHalt), inputHalt, 0, 0, 0)
}

func (m *machine) nodeReleased(because trace.Cause) {
	m.shutdown.event = m.emit(podEvent(trace.NodeReleased), because)
}

// haltNode is the end of everything on the node.
func (m *machine) haltNode() {
	s := &m.shutdown
	m.goDown(cause(s.event, "its node goes down", windowRuntime), s.down)
	if s.back {
		m.queue.push(m.now.Add(s.down), inputKubelet, 0, 0, 0)
	}
}
