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
	return &runs[min(int(run-c.numbered(run).back), len(runs)-1)]
}

// numbering says that from one run on the attempt is so much less than the run, and the process so much further back in its script.
type numbering struct{ from, less, back int32 }

// attempt is the number under which the runtime knows a run. The machine counts the runs of a container's whole life, so that no
// two are taken for each other; the kubelet counts on from the newest record that it knows, and in a new sandbox an init
// container has none.
func (c *container) attempt(run int32) int32 {
	return run - c.numbered(run).less
}

func (c *container) numbered(run int32) numbering {
	for i := len(c.numbers) - 1; i >= 0; i-- {
		if n := c.numbers[i]; run >= n.from {
			return n
		}
	}
	return numbering{}
}

// numberNext fixes the attempt of the container's next run. kuberuntime_container.go: startContainer, which without a record looks
// at the log files; those are removed with their records, except by a restart of all containers. A process whose runtime counts anew
// in the same sandbox goes on in its script: what it keeps in the Pod's volumes tells it how often it was started.
func (m *machine) numberNext(c *container) {
	attempt := c.logged
	if r := m.worker.snapshot.newest(c.position); r != nil {
		attempt = c.attempt(r.run) + 1
	}
	before := c.numbered(c.nextRun)
	if attempt == c.nextRun-before.less {
		return
	}
	anew := numbering{c.nextRun, c.nextRun - attempt, before.back}
	if m.sandbox.attempt != c.place || c.nextRun == 0 {
		anew.back = anew.less
	}
	c.numbers = append(c.numbers, anew)
}

// create makes a record in state Created.
func (m *machine) create(c *container) *record {
	c.records = append(c.records, record{run: c.nextRun, state: recordCreated, sandbox: m.sandbox.attempt, edition: c.edition(&m.worker.copy), event: none, signalEv: none, killed: none})
	c.nextRun++
	c.place = m.sandbox.attempt
	m.runtimeChanged()
	if len(c.records) > 1 {
		m.awaitGarbage(c) // it matters only if it comes before the start does, or if the start fails
	}
	return c.newest()
}

// awaitGarbage lets the garbage collection of once a minute look at a container.
func (m *machine) awaitGarbage(c *container) {
	if m.life.down {
		return // the next kubelet looks when it starts
	}
	if !m.observedGarbage(c) {
		m.queue.push(nextTick(m.now, m.config.GarbagePhase, garbagePeriod), inputGarbage, int32(c.position), 0, 0)
	}
}

// startProcess turns the newest record Running and schedules its natural end.
func (m *machine) startProcess(c *container) {
	r := c.newest()
	r.state = recordRunning
	r.startedAt = m.now
	r.event = m.emit(c.event(trace.Running, r.run), cause(r.event, "the runtime starts it", windowRuntime))
	if life := c.behaviour(r.run); life.For != Forever {
		r.ends = m.observedEnd(c, r.run, life.ExitCode, m.now.Add(life.For))
		m.queue.push(r.ends, inputExit, int32(c.position), r.run, 0)
	}
	m.runtimeChanged()
}

// processEnds is the end of a process by itself, after its stop signal, or by SIGKILL.
func (m *machine) processEnds(position int, run int32, killed bool) {
	c := &m.containers[position]
	r := c.find(run)
	if r == nil || r.state != recordRunning {
		return
	}
	life := c.behaviour(run)
	code, why, window := life.ExitCode, "its process ends by itself", windowRuntime
	switch {
	case killed:
		code, why = exitSIGKILL, "killed"
		r.signalEv = m.emit(c.event(trace.KillSignal, run), cause(r.signalEv, "the grace period is over", windowExactly(m.trace.Events[r.signalEv].Span)))
	case r.killed != none:
		code, why = exitSIGKILL, "killed"
	case r.signalled:
		does := life.OnStop.On(r.signal)
		code, why = does.ExitCode, "it stops on the signal"
		window.Min = does.After
	default:
		window.Min = life.For
	}
	last := r.event
	switch {
	case r.killed != none && !killed:
		last = r.killed
	case r.signalled:
		last = r.signalEv
	}
	m.exit(c, r, code, life.OOMKilled && !r.signalled && r.killed == none && !m.missesOOM(c, r), cause(last, why, window))
	m.processGone(c, r, false)
}

// exit records the end of a process. processGone tells everything that watches it.
func (m *machine) exit(c *container, r *record, code int32, oom bool, because trace.Cause) {
	reason := "Error"
	switch {
	case oom:
		reason = reasonOOM
	case code == 0:
		reason = "Completed"
	}
	m.end(c, r, code, reason, because)
}

func (m *machine) end(c *container, r *record, code int32, reason string, because trace.Cause) {
	r.state = recordExited
	r.finishedAt = m.now
	r.exitCode, r.reason = code, reason
	e := c.event(trace.Exited, r.run)
	e.ExitCode, e.Reason = code, r.reason
	r.event = m.emit(e, because)
	m.runtimeChanged()
	for i := range c.records {
		if c.records[i].state == recordCreated {
			m.awaitGarbage(c) // the relists remove only records that were seen to end
			break
		}
	}
}

// stopProcess is the runtime's StopContainer: it sends the stop signal and schedules the end, by the process or by
// SIGKILL. It returns false if there is no process to stop.
func (m *machine) stopProcess(c *container, r *record, grace time.Duration, because trace.Cause, second trace.Cause) bool {
	if r == nil || r.state != recordRunning {
		return false
	}
	e := c.event(trace.StopSignal, r.run)
	e.Span = grace
	e.Reason = string(m.stopSignal(c))
	before, signal := r.signalled, r.signal
	r.signalled, r.signal = true, m.stopSignal(c)
	r.signalEv = m.emit(e, because, second)
	life := c.behaviour(r.run)
	position, kill, reaction := int32(c.position), m.now.Add(grace), trace.Never
	if does := life.OnStop.On(m.stopSignal(c)); !does.Ignore {
		reaction = m.observedReaction(c, r.run, does)
	}
	switch natural := naturalEnd(r, life); {
	case natural <= min(kill, reaction):
		// It ends by itself before the signal has an effect; that end is in the queue already.
		r.signalled, r.signal = before, signal
	case reaction <= kill:
		m.queue.push(reaction, inputExit, position, r.run, 0)
	default:
		m.queue.push(kill, inputKillSignal, position, r.run, 0)
	}
	return true
}

func naturalEnd(r *record, life *Process) trace.Instant {
	if life.For == Forever {
		return trace.Never
	}
	return r.ends
}

// hookEndsRun ends a process whose hook stops it.
func (m *machine) hookEndsRun(position int, run int32) {
	c := &m.containers[position]
	if r := c.find(run); r != nil && r.state == recordRunning {
		life := c.behaviour(run)
		m.exit(c, r, life.OnStop.ExitCode, false, cause(r.event, "its hook ends it", windowRuntime))
		m.processGone(c, r, true)
	}
}

// remove deletes a record.
func (m *machine) remove(c *container, run int32, because trace.Cause) {
	for i := range c.records {
		if c.records[i].run == run {
			seen := m.pleg.seen[c.position]
			unended := seen.any && (c.records[i].state == recordCreated && run <= seen.run || seen.state == recordRunning && run == seen.run)
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
