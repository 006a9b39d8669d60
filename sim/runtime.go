package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The scripted container runtime. It knows records and processes, and nothing of the kubelet.

// defaultRun is the life of a process whose behaviour is not given.
var defaultRun = Process{For: Forever, OnStop: StopReaction{ExitCode: exitSIGTERM}}

// Exit codes of processes ended by a signal: 128 and the signal's number.
const (
	exitSIGKILL = 137
	exitSIGTERM = 143
)

// behaviour returns what the given run of the container does.
func (c *container) behaviour(run int32) *Process {
	runs := c.spec.Behavior.Runs
	if len(runs) == 0 {
		return &defaultRun
	}
	return &runs[min(int(run), len(runs)-1)]
}

// create makes a record in state Created.
func (m *machine) create(c *container) *record {
	c.records = append(c.records, record{run: c.nextRun, state: recordCreated, sandbox: m.sandbox.attempt, event: none, signalEv: none})
	c.nextRun++
	m.runtimeChanged()
	if len(c.records) > 1 {
		// The collection matters only if it comes before the start does, or if the start fails.
		m.queue.push(nextTick(m.now, m.config.GarbagePhase, garbagePeriod), inputGarbage, int32(c.position), 0, 0)
	}
	return c.newest()
}

// startProcess turns the newest record Running and schedules its natural end.
func (m *machine) startProcess(c *container) {
	r := c.newest()
	r.state = recordRunning
	r.startedAt = m.now
	r.event = m.emit(c.event(trace.Running, r.run), cause(r.event, "the runtime starts it", windowRuntime))
	if life := c.behaviour(r.run); life.For != Forever {
		r.token++
		m.queue.push(m.now.Add(life.For), inputExit, int32(c.position), r.run, r.token)
	}
	m.runtimeChanged()
}

// processEnds is the end of a process by itself, after its stop signal, or by SIGKILL.
func (m *machine) processEnds(position int, run, token int32, killed bool) {
	c := &m.containers[position]
	r := c.find(run)
	if r == nil || r.state != recordRunning || r.token != token {
		return
	}
	life := c.behaviour(run)
	code, why := life.ExitCode, "its process ends by itself"
	switch {
	case killed:
		code, why = exitSIGKILL, "killed"
		r.signalEv = m.emit(c.event(trace.KillSignal, run), cause(r.signalEv, "the grace period is over", windowNow))
	case r.signalled:
		code, why = life.OnStop.ExitCode, "it stops on the signal"
	}
	last := r.event
	if r.signalled || killed {
		last = r.signalEv
	}
	m.exit(c, r, code, life.OOMKilled && !r.signalled && !killed, cause(last, why, windowRuntime))
}

// exit records the end of a process and tells everything that watches it.
func (m *machine) exit(c *container, r *record, code int32, oom bool, because trace.Cause) {
	r.state = recordExited
	r.finishedAt = m.now
	r.exitCode = code
	switch {
	case oom:
		r.reason = "OOMKilled"
	case code == 0:
		r.reason = "Completed"
	default:
		r.reason = "Error"
	}
	e := c.event(trace.Exited, r.run)
	e.ExitCode, e.Reason = code, r.reason
	r.event = m.emit(e, because)
	m.runtimeChanged()
	m.processGone(c, r)
}

// stopProcess is the runtime's StopContainer: it sends the stop signal and schedules the end, by the process or by
// SIGKILL. It returns false if there is no process to stop.
func (m *machine) stopProcess(c *container, r *record, grace time.Duration, because trace.Cause, second trace.Cause) bool {
	if r == nil || r.state != recordRunning {
		return false
	}
	e := c.event(trace.StopSignal, r.run)
	e.Span = grace
	r.signalled = true
	r.signalEv = m.emit(e, because, second)
	life := c.behaviour(r.run)
	position, kill, reaction := int32(c.position), m.now.Add(grace), trace.Never
	if !life.OnStop.Ignore {
		reaction = m.now.Add(life.OnStop.After)
	}
	switch natural := naturalEnd(r, life); {
	case natural <= min(kill, reaction):
		// It ends by itself before the signal has an effect; that end is in the queue already.
		r.signalled = false
	case reaction <= kill:
		r.token++
		m.queue.push(reaction, inputExit, position, r.run, r.token)
	default:
		r.token++
		m.queue.push(kill, inputKillSignal, position, r.run, r.token)
	}
	return true
}

func naturalEnd(r *record, life *Process) trace.Instant {
	if life.For == Forever {
		return trace.Never
	}
	return r.startedAt.Add(life.For)
}

// hookEndsRun ends a process whose preStop hook stops it.
func (m *machine) hookEndsRun(position int, run int32) {
	c := &m.containers[position]
	if r := c.find(run); r != nil && r.state == recordRunning {
		life := c.behaviour(run)
		m.exit(c, r, life.OnStop.ExitCode, false, cause(r.event, "its hook ends it", windowRuntime))
	}
}

// remove deletes a record.
func (m *machine) remove(c *container, run int32, because trace.Cause) {
	for i := range c.records {
		if c.records[i].run == run {
			seen := m.pleg.seen[c.position]
			unended := c.records[i].state == recordCreated && seen.any && run <= seen.run
			c.records = append(c.records[:i], c.records[i+1:]...)
			removed := m.emit(c.event(trace.Removed, run), because)
			m.pleg.removed = true
			if unended {
				m.pleg.lost = removed
			}
			m.needRelist()
			return
		}
	}
}

// stopSandbox stops the Pod's sandbox.
func (m *machine) stopSandbox(because trace.Cause) {
	if !m.sandbox.ready {
		return
	}
	m.sandbox.ready = false
	m.sandbox.event = m.emit(podEvent(trace.SandboxStopped), because)
	m.runtimeChanged()
}
