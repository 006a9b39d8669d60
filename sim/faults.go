package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// What goes wrong from outside: processes are killed and sandboxes lost behind the kubelet's back. It learns of it as on a real node,
// from the next relist.

// signalFromOutside sends a signal to the process of a container. It returns why it could not.
func (m *machine) signalFromOutside(k *Kill) (impossible string) {
	c := m.named(k.Container)
	r := c.newest()
	if r == nil || r.state != recordRunning {
		return "the container has no process at that moment"
	}
	e := c.event(trace.OutsideSignal, r.run)
	e.Reason = string(k.Signal)
	sent := m.emit(e, cause(r.event, "somebody signals it from outside", windowRuntime))
	life := c.behaviour(r.run)
	if k.Signal == SignalKill {
		r.killed = sent
		m.queue.push(m.observedEnd(c, r.run, exitSIGKILL, m.now), inputExit, int32(c.position), r.run, 0)
		return ""
	}
	does := life.OnStop.On(k.Signal)
	reaction := m.observedEnd(c, r.run, does.ExitCode, m.now.Add(does.After))
	if r.signalled || does.Ignore || naturalEnd(r, life) <= reaction {
		return ""
	}
	r.signalled, r.signal, r.signalEv = true, k.Signal, sent
	m.queue.push(reaction, inputExit, int32(c.position), r.run, 0)
	return ""
}

func (m *machine) named(container string) *container {
	for i := range m.containers {
		if m.containers[i].spec.Name == container {
			return &m.containers[i]
		}
	}
	return nil // Validate has refused it
}

// loseSandbox ends the sandbox. A container cannot be made or started in it any more; those that run go on. It returns why there is
// nothing to lose. kuberuntime/util/util.go: PodSandboxChanged takes the Pod for one that needs a new sandbox.
func (m *machine) loseSandbox() (impossible string) {
	if !m.sandbox.ready {
		return "the Pod has no sandbox at that moment"
	}
	m.stopSandbox(cause(m.sandbox.event, "somebody ends it from outside", windowRuntime))
	return ""
}
