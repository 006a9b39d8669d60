package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The Pod lifecycle event generator: once a second it lists the runtime, keeps a cache of what it saw, and wakes the
// Pod's worker if something changed. kubelet/pleg/generic.go: Relist; kubelet/container/cache.go.
//
// A relist that would see nothing new and that nobody waits for has no effect, so it is not stepped: needRelist puts
// the next one into the queue only when there is a reason.

type pleg struct {
	cache    snapshot
	modified trace.Instant // of the Pod's cache entry
	hasEntry bool
	observed trace.Instant // of the last on-demand relist of the Pod
	next     trace.Instant // the relist in the queue
	asked    trace.Instant // the last on-demand relist that was asked for
	late     trace.Instant // the periodic relist that was put off, the last one if there is none
	base     trace.Instant // a periodic relist from which the later ones count
	before   trace.Instant // the periodic relist before that
	stepped  trace.Instant // the last periodic relist that was stepped
	changed  bool          // the runtime has something that the cache has not
	removed  bool          // … lacks a record that the cache has
	died     bool          // the last one saw that something had ended
	inspect  int32         // the sync after which it looks at the Pod again, or none
	lost     int32         // the removal of a record that was never seen to run or end, or none
	news     []trace.Cause // scratch
	seen     []seenState   // what the last relist compared with
	sandbox  seenSandbox
}

// seenState is the newest states that a relist remembers for one container: the runs and their states.
type seenState struct {
	run   int32
	state recordState
	any   bool
}

// seenSandbox is what a relist remembers of the newest sandbox.
type seenSandbox struct {
	any, ready bool
	attempt    int32
}

// sandboxNow is what a relist sees of it now.
func (m *machine) sandboxNow() seenSandbox {
	if !m.sandbox.exists {
		return seenSandbox{}
	}
	return seenSandbox{true, m.sandbox.ready, m.sandbox.attempt}
}

// lastRelist is the instant of the last periodic relist at or before now, whether it was stepped or not.
func (m *machine) lastRelist() trace.Instant {
	p := &m.pleg
	if m.now < p.base {
		return p.before
	}
	period := trace.Instant(m.config.RelistPeriod)
	return p.base + (m.now-p.base)/period*period
}

// newerThan reports whether the cache has a status newer than an instant. Relists that were not stepped count, one of
// this very instant too: it comes first. container/cache.go: getIfNewerThan.
func (m *machine) newerThan(at trace.Instant) bool {
	p := &m.pleg
	return m.lastRelist() > at || p.hasEntry && (p.modified > at || p.observed > at)
}

// runtimeChanged notes that the next relist will find something.
func (m *machine) runtimeChanged() {
	p := &m.pleg
	p.changed = true
	if p.next == trace.Never && m.lastRelist() == m.now && p.stepped != m.now && m.choose(choiceTie, 2) == 1 {
		m.relistAt(m.now) // the relist of this instant comes behind the change
	}
	m.needRelist()
}

// needRelist puts the next periodic relist into the queue.
func (m *machine) needRelist() {
	if m.pleg.next == trace.Never {
		m.relistAt(m.driftRelist(m.nextRelist()))
	}
}

// nextRelist is the instant of the first periodic relist after now, whether it will be stepped or not.
func (m *machine) nextRelist() trace.Instant {
	return tickAfter(m.now, time.Duration(m.pleg.base), m.config.RelistPeriod)
}

// relistAt puts a periodic relist into the queue, in place of one that is there.
func (m *machine) relistAt(at trace.Instant) {
	m.pleg.next = at
	m.queue.push(at, inputRelist, 0, 0, 0)
}

// requestRelist is RequestRelist: the PLEG looks at the one Pod, at once. The same goroutine does the periodic relists: one that
// falls due meanwhile comes right behind, before a worker that was served gets to run, and the later ones count from there.
// pleg/generic.go: workerLoopIteration, 1.36 and later.
func (m *machine) requestRelist() {
	p := &m.pleg
	if m.lastRelist() == m.now {
		return // that one has served it
	}
	if m.owner != nil {
		m.owner.run.requestRelist(m.owner)
		return
	}
	if m.now < p.late {
		return // that one will
	}
	p.asked = max(p.asked, m.now).Add(m.config.RelistDelay)
	if g := m.config.Guide; g != nil {
		p.asked = m.laterBy(p.asked, g.Drift)
	}
	if due := m.nextRelist(); due <= p.asked {
		p.putOff(due, p.asked, m.config.RelistPeriod)
		p.next = p.asked
	}
	m.queue.push(p.asked, inputRelistPod, 0, 0, 0)
}

// putOff has the periodic relist that is due come later, and the later ones count from there.
func (p *pleg) putOff(due, until trace.Instant, period time.Duration) {
	p.before, p.base, p.late = due.Add(-period), until, until
}

// relist is the periodic relist.
func (m *machine) relist() {
	p := &m.pleg
	if m.now != p.next {
		return // it was put off
	}
	p.next, p.stepped = trace.Never, m.now
	m.reconcile(true)
	if p.changed || p.removed || m.worker.waiting {
		m.needRelist()
	}
}

// relistPod is the relist of one Pod that the last sync asked for, and the periodic one that it put off. pleg/generic.go: relistPod,
// 1.36 and later.
func (m *machine) relistPod() {
	if m.owner != nil {
		if m.now != m.pleg.asked || !m.owner.run.relistServed(m.owner) {
			return // it was put off, or another one has served it
		}
	}
	if m.pleg.next == m.now {
		m.relist()
		return
	}
	m.reconcile(false)
}

// reconcile compares the runtime with what the last relist saw, refreshes the cache, hands the fresh status to a worker
// that waits, and wakes the worker for what is new.
func (m *machine) reconcile(periodic bool) {
	p, w := &m.pleg, &m.worker
	news, wakes := m.plegEvents()
	fresh := none
	if wakes == 0 && w.waiting {
		m.markIdle()
	} else if wakes > 0 {
		w.idle.set = false // what it found stays
	}
	if wakes > 0 || w.waiting {
		fresh = m.emit(podEvent(trace.Relist), m.newsCauses()...)
	}
	if news > 0 || p.removed {
		p.cache.take(m)
		p.hasEntry, p.modified = true, m.now
		p.changed, p.removed, p.lost, p.inspect = false, false, none, none
		m.remember()
	}
	if !periodic {
		p.observed = m.now
	}
	first := 0
	if wakes > 0 && w.waiting && m.owner != nil {
		// One relist is of several Pods: the worker may be done before the sync loop, which has the events of all, comes to this one's; or
		// before what that has decided to remove is gone.
		first = m.choose(choiceTie, 3)
	}
	switch {
	case first == workerFirst:
		m.queue.push(m.now, inputEvents, fresh, 0, 0)
	case first == workerFaster:
		m.updatePod(update{trigger: fresh, because: wordsSeen})
		m.queue.push(m.now, inputEvents, fresh, workerFaster, 0)
	case wakes > 0:
		// The sync loop hears of it before the worker, which waits for the same relist, gets to run.
		again := wakes > 1 && !w.busy && m.wokenByTheFirst()
		m.hearOfRelist(fresh)
		if again {
			m.queue.push(m.now, inputNews, fresh, newsSeen, 0)
		}
	}
	if w.waiting {
		m.runSync(fresh) // also in the instant in which the worker began to wait: container/cache.go: notify
	}
}

// hearOfRelist is what the sync loop does with the events of a relist. kubelet.go: syncLoopIteration.
func (m *machine) hearOfRelist(relist int32) {
	m.updatePod(update{trigger: relist, because: wordsSeen})
	if m.pleg.died {
		m.collectGarbage(relist)
	}
}

const wordsSeen = "the relist saw a change"

// How a worker that waits may come before the sync loop: with all that it does, or with less than the loop needs to remove records.
const (
	workerFirst  = 1
	workerFaster = 2
)

// removeDecided removes what the sync loop had decided on before the worker was done.
func (m *machine) removeDecided(relist int32) {
	if m.pleg.died {
		m.keepDead(1, cause(relist, "one dead record is kept", windowRuntime))
	}
}

// The kinds of news that come once the worker has begun, and their words.
const (
	newsSeen int32 = iota
	newsChanged
)

var newsWords = [...]string{newsSeen: wordsSeen, newsChanged: "the Pod was changed"}

// wokenByTheFirst reports whether an idle worker takes the first of a relist's events before the sync loop reads the second, which is then
// an update of its own: the worker syncs once more, after the next relist. With processors to spare either may happen, on a cluster of 1.29
// it did; the nominal run and the kubelet in virtual time, which has one, hand them over together. kubelet.go: syncLoopIteration.
func (m *machine) wokenByTheFirst() bool {
	return (m.config.Guide != nil || m.config.Seed != 0) && m.choose(choiceNews, 2) == 1
}

// plegEvents counts what a relist finds new, and how much of it wakes the worker: a run that appeared and runs or ended,
// or vanished without having been seen to end; the sandbox likewise. A record in state Created is news, but wakes nobody.
// A resize wakes it too, where the kubelet has it wait for that; else only if the relist finds nothing else, be it news that wakes nobody.
// pleg/generic.go: generateEvents, Relist, reconcilePodRecord; kubelet.go: isSyncPodWorthy.
func (m *machine) plegEvents() (news, wakes int) {
	p := &m.pleg
	p.died = p.lost != none
	if p.lost != none {
		news, wakes = 1, 1
	}
	if p.changed {
		more, waking := m.changesSeen()
		news, wakes = news+more, wakes+waking
	}
	if p.inspect != none {
		if !m.kubelet.ReinspectAlone || news == 0 && !p.removed {
			wakes++
		}
		news++
	}
	return news, wakes
}

// changesSeen counts the changes of the runtime for plegEvents.
func (m *machine) changesSeen() (news, wakes int) {
	p := &m.pleg
	if now := m.sandboxNow(); now.any && now != p.sandbox {
		news++
		wakes++
		p.died = p.died || !now.ready
	}
	for i := range m.containers {
		c, seen := &m.containers[i], p.seen[i]
		for j := len(c.records) - 1; j >= 0; j-- {
			r := &c.records[j]
			if seen.any && r.run < seen.run {
				break
			}
			if seen.any && r.run == seen.run && seen.state == r.state {
				continue
			}
			news++
			if r.state != recordCreated {
				wakes++
			}
			p.died = p.died || r.state == recordExited
		}
	}
	return news, wakes
}

// newsCauses are the events of the runtime that a relist finds.
func (m *machine) newsCauses() []trace.Cause {
	p := &m.pleg
	news := p.news[:0]
	window := windowUpTo(m.config.RelistPeriod)
	if now := m.sandboxNow(); now.any && now != p.sandbox {
		news = append(news, cause(m.sandbox.event, "seen by relist", window))
	}
	if p.inspect != none {
		news = append(news, cause(p.inspect, "the relist looks at what was resized", windowUpTo(m.now.Sub(m.trace.Events[p.inspect].At))))
	}
	if p.lost != none {
		news = append(news, cause(p.lost, "seen by relist", window))
	}
	for i := range m.containers {
		c, seen := &m.containers[i], p.seen[i]
		for j := range c.records {
			r := &c.records[j]
			if seen.any && (r.run < seen.run || r.run == seen.run && r.state == seen.state) {
				continue
			}
			news = append(news, cause(r.event, "seen by relist", window))
		}
	}
	if len(news) == 0 {
		// It counts from the end of the last sync, which has no event of its own.
		took := max(m.worker.lastSync.Sub(m.trace.Events[m.worker.lastEvent].At), 0)
		news = append(news, cause(m.worker.lastEvent, "the worker waits for a newer runtime status", windowUpTo(took+m.config.RelistPeriod)))
	}
	p.news = news
	return news
}

// remember keeps what this relist saw for the next one to compare with.
func (m *machine) remember() {
	m.pleg.sandbox = m.sandboxNow()
	for i := range m.containers {
		if r := m.containers[i].newest(); r != nil {
			m.pleg.seen[i] = seenState{r.run, r.state, true}
		}
	}
}

// collectGarbage keeps one dead record for each container when a relist has reported a death, and none of a Pod that is evicted, or
// that is deleted and has stopped.
// kubelet.go: cleanUpContainersInPod; pod_container_deletor.go: getContainersToDeleteInPod; pod_workers.go: ShouldPodContentBeRemoved.
func (m *machine) collectGarbage(because int32) {
	if w := &m.worker; w.evicted || w.deleted && w.terminated {
		m.keepDead(0, cause(because, "no dead record is kept of a Pod that is evicted, or deleted and stopped", windowRuntime))
		return
	}
	m.keepDead(1, cause(because, "one dead record is kept", windowRuntime))
}

// keepDead removes dead records of each container but for the newest ones.
func (m *machine) keepDead(keep int, because trace.Cause) {
	for i := range m.containers {
		c := &m.containers[i]
		dead := 0
		for j := len(c.records) - 1; j >= 0; j-- {
			r := &c.records[j]
			if r.state != recordExited {
				continue
			}
			if dead++; dead > keep {
				m.remove(c, r.run, because)
			}
		}
	}
}

// keepNone removes every record that does not run.
func (m *machine) keepNone(because trace.Cause) {
	for i := range m.containers {
		c := &m.containers[i]
		for j := len(c.records) - 1; j >= 0; j-- {
			if r := &c.records[j]; r.state != recordRunning {
				m.remove(c, r.run, because)
			}
		}
	}
}

// garbageTick is the collection of once a minute, for a container that got a record since the last one. It keeps the
// newest of the records that do not run. kuberuntime/kuberuntime_gc.go: evictContainers, enforceMaxContainersPerEvictUnit.
func (m *machine) garbageTick(position int) {
	c := &m.containers[position]
	idle := 0
	for i := range c.records {
		if c.records[i].state != recordRunning {
			idle++
		}
	}
	for ; idle > 1; idle-- {
		r := &c.records[0] // one that runs is the newest
		if m.stays(c, r.run) {
			return
		}
		m.remove(c, r.run, cause(c.newest().event, "garbage collection keeps one record that does not run", windowUpTo(garbagePeriod)))
	}
}

// garbagePod is that collection for a Pod that was deleted and whose containers are stopped: everything of it goes. If it comes
// before the last sync, that sync finds nothing. Of a Pod that is evicted everything goes that does not run, while it stops too.
// kuberuntime/kuberuntime_gc.go: evictContainers, evictSandboxes; pod_workers.go: ShouldPodContentBeRemoved.
func (m *machine) garbagePod() {
	w := &m.worker
	if w.finished || m.life.down {
		return
	}
	if w.evicted && !w.terminated {
		m.keepNone(cause(w.lastEvent, "garbage collection keeps nothing of an evicted Pod that does not run", windowUpTo(garbagePeriod)))
		m.queue.push(m.now.Add(garbagePeriod), inputGarbagePod, 0, 0, 0)
		return
	}
	for i := range m.containers {
		for c := &m.containers[i]; len(c.records) > 0; {
			m.remove(c, c.records[0].run, cause(m.worker.lastEvent, "garbage collection keeps nothing of a deleted Pod", windowUpTo(garbagePeriod)))
		}
	}
	m.sandbox.exists, m.pleg.removed = false, true
}
