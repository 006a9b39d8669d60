package sim

import (
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// smallPod is how many containers a Pod may have for its run to need two allocations: the machine, which is garbage
// after the run, and the trace. Most Pods are small, and memory is a good part of the time of a short run.
const smallPod = 4

// memory is a machine with its memory for a small Pod.
type memory struct {
	machine
	containers [smallPod]container
	records    [smallPod * recordsAhead]record
	statuses   [3 * smallPod]containerStatus
	views      [2 * smallPod * snapshotDepth]recordView
	counts     [2 * smallPod]int8
	inputs     [24]input
	killers    [smallPod]killer
	probes     [smallPod]probeWorker
	results    [smallPod]startResult
	starts     [2 * smallPod]start
	kills      [smallPod]kill
	seen       [smallPod]seenState
	news       [smallPod + 1]trace.Cause
}

// traceMemory is the memory of a trace that is not long.
type traceMemory struct {
	trace.Trace
	table      [smallPod]trace.Container
	events     [48]trace.Event
	causes     [72]trace.Cause
	statuses   [12]trace.Status
	containers [12 * (smallPod - 1)]trace.ContainerStatus
	conditions [40]trace.Condition
}

// Memory is memory for many short runs, one after the other: most of what a short run costs is memory. The zero value is ready.
type Memory struct {
	own    memory
	traces []*traceMemory
	used   int
}

// Reset takes back the memory of all traces that were made with Run. Nobody may look at them any more.
func (r *Memory) Reset() { r.used = 0 }

// Run is the function Run in memory that was used before. Its trace is valid until Reset.
func (r *Memory) Run(scenario *Scenario, target *gates.Resolved, config Config) (*trace.Trace, error) {
	if scenario.Job != nil {
		return Run(scenario, *target, config) // there is no telling how many Pods it will have
	}
	if err := valid(scenario, &config); err != nil {
		return nil, err
	}
	if r.used == len(r.traces) {
		r.traces = append(r.traces, &traceMemory{})
	}
	into := r.traces[r.used]
	r.used++
	r.own, *into = memory{}, traceMemory{}
	return runPod(scenario, target, config, &r.own, into), nil
}

// layOutTrace gives the trace its memory. What does not suffice grows.
func (m *machine) layOutTrace(count int, mem *traceMemory) {
	table := mem.table[:]
	m.trace = &mem.Trace
	m.trace.Containers = cut(&table, count)
	m.trace.Events, m.trace.Statuses = mem.events[:0], mem.statuses[:0]
	m.causes = mem.causes[:0]
	m.status.slab, m.status.conditions = mem.containers[:0], mem.conditions[:0]
}

// cut takes n elements off the front of a piece of memory, or makes new ones if it is too short. The rest is for the
// next cut.
func cut[T any](from *[]T, n int) []T {
	if n > len(*from) {
		return make([]T, n)
	}
	taken := (*from)[:n:n]
	*from = (*from)[n:]
	return taken
}

// layOut gives every part of the machine its memory.
func (m *machine) layOut(count int, mem *memory) {
	containers, records, statuses := mem.containers[:], mem.records[:], mem.statuses[:]
	views, counts, starts := mem.views[:], mem.counts[:], mem.starts[:]
	inputs, killers, probes := mem.inputs[:], mem.killers[:], mem.probes[:]
	results, kills, seen, news := mem.results[:], mem.kills[:], mem.seen[:], mem.news[:]

	m.containers = cut(&containers, count)
	for i := range m.containers {
		m.containers[i].records = cut(&records, recordsAhead)[:0]
	}
	m.queue.items = cut(&inputs, len(mem.inputs))[:0]
	m.killers = cut(&killers, count)[:0]
	m.probes = cut(&probes, count)[:0]
	m.status.layOut(&statuses, count)
	m.pleg.cache.layOut(&views, &counts, count)
	m.pleg.seen = cut(&seen, count)
	m.pleg.news = cut(&news, count+1)[:0]
	m.worker.snapshot.layOut(&views, &counts, count)
	m.worker.sync.results = cut(&results, count)
	a := &m.worker.sync.actions
	a.startInit, a.startMain, a.kills = cut(&starts, count)[:0], cut(&starts, count)[:0], cut(&kills, count)[:0]
}
