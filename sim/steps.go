package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// Steps from outside: when they come due, and what they do.

// scheduleSteps puts the timed steps into the queue and fixes the horizon.
func (m *machine) scheduleSteps() {
	last := trace.Instant(0)
	for i := range m.scenario.Steps {
		if s := &m.scenario.Steps[i]; s.After == nil {
			m.queue.push(trace.Instant(s.At), inputStep, int32(i), 0, 0)
			last = max(last, trace.Instant(s.At))
		}
	}
	m.keepAll = m.config.KeepIdle
	for i := range m.scenario.Steps {
		if s := m.scenario.Steps[i].After; s != nil {
			kind, _ := trace.ParseKind(s.Kind)
			m.keepAll = m.keepAll || kind.Mechanism()
		}
	}
	m.horizon = last.Add(DefaultHorizon)
	if m.scenario.Horizon > 0 {
		m.horizon = trace.Instant(m.scenario.Horizon)
	}
}

// wakeSteps schedules the steps that wait for the event at the given position.
func (m *machine) wakeSteps(position int32) {
	e := &m.trace.Events[position]
	for i := range m.scenario.Steps {
		s, state := &m.scenario.Steps[i], &m.steps[i]
		if s.After == nil || state.fired || !m.matches(s.After, e) {
			continue
		}
		state.matches++
		if state.matches < max(s.After.Nth, 1) {
			continue
		}
		state.fired = true
		m.queue.push(m.now.Add(s.At), inputStep, int32(i), position, 0)
		if m.scenario.Horizon == 0 {
			m.horizon = max(m.horizon, m.now.Add(s.At).Add(DefaultHorizon))
		}
	}
}

func (m *machine) matches(s *Selector, e *trace.Event) bool {
	if e.Kind.String() != s.Kind || s.Run >= 0 && e.Run != s.Run {
		return false
	}
	if s.Container == "" {
		return e.Container == trace.NoContainer
	}
	return e.Container != trace.NoContainer && m.trace.Containers[e.Container].Name == s.Container
}

func (m *machine) takeStep(i int) {
	m.steps[i].fired = true
	m.steps[i].impossible = m.act(&m.scenario.Steps[i])
}

// act takes the action of a step. It returns why it could not, or nothing.
func (m *machine) act(s *Step) (impossible string) {
	switch {
	case s.Delete != nil && m.scenario.Pod.Static:
		return wordsMirror
	case s.Delete != nil:
		m.deleteObject(s.Delete)
	case s.Kill != nil:
		return m.signalFromOutside(s.Kill)
	case s.LoseSandbox != nil:
		return m.loseSandbox()
	case s.RestartKubelet != nil:
		return m.restartKubelet(s.RestartKubelet)
	case s.AddEphemeral != nil:
		return m.addEphemeral(s.AddEphemeral)
	case s.Patch != nil:
		return m.patchPod(s.Patch)
	case s.Evict != nil:
		return m.evict(s.Evict)
	case s.RemoveManifest != nil:
		return m.removeManifest()
	case s.ShutdownNode != nil:
		return m.shutdownNode(false, 0)
	case s.RebootNode != nil:
		return m.rebootNode(s.RebootNode)
	}
	return ""
}
