package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Guide feeds what was observed into a run: when the runtime's calls returned and processes ended, as far as the mechanism
// allows it. It decides nothing else: what happens, and in what order, stays the mechanism's. A run without a Guide is not
// changed by any of this.
//
// A wait for a moment that was observed ends at that moment, if it lies ahead and not further away than Longest says. What the
// kubelet's tickers do is not observed; where such a moment could make a difference, the guided run has choice points: how much
// later than its period a relist comes, where in its range a wait of the work queue ends, when a full pass of the status comes. And it shows each
// version of the status that the kubelet has, where a nominal run shows those of one instant as one.
type Guide struct {
	// Moments are what was observed, sorted by instant.
	Moments []Moment
	// Removals says that every removal of a container's record is among the Moments.
	Removals bool
	// LateWaits has the last of several waits of the work queue be the longest; else they are alike where that can be.
	LateWaits bool
	// Longest is how much longer than nominal a call or a reaction may have taken, above 0.
	Longest time.Duration
	// Mount is how long the first sync waits for the Pod's volumes, before probing begins. kubelet.go: SyncPod: WaitForAttachAndMount, AddPod.
	Mount time.Duration
	// Drift is how much longer than its period a round of the relist may take.
	Drift time.Duration
}

// Moment is one observed event.
type Moment struct {
	At        trace.Instant
	Container int16 // or trace.NoContainer
	Run       int32 // the runtime's attempt
	Kind      trace.Kind
	ExitCode  int32  // of Exited
	Reason    string // of Exited: OOMKilled where the runtime was told of that
}

// The choice points of guided runs.
const (
	choiceDrift    = "relist drift"
	choiceWake     = "work queue wait"
	choicePass     = "status pass"
	choiceWorker   = "probe worker"
	choiceGarbage  = "garbage collection"
	choiceTearDown = "sandbox tear-down"
	choiceOOM      = "out-of-memory event"
)

// guideCuts is how many moments a relist may be put behind, at most.
const guideCuts = 4

// ahead yields the first observed moment of the kind that is not before from and not behind to.
func (g *Guide) ahead(container int16, kind trace.Kind, run int32, from, to trace.Instant) (trace.Instant, bool) {
	i, _ := slices.BinarySearchFunc(g.Moments, from, func(m Moment, at trace.Instant) int { return cmp.Compare(m.At, at) })
	for ; i < len(g.Moments) && g.Moments[i].At <= to; i++ {
		if m := &g.Moments[i]; m.Kind == kind && m.Container == container && m.Run == run {
			return m.At, true
		}
	}
	return 0, false
}

// observed is how long to wait for an event that would nominally come after a wait.
func (m *machine) observed(c *container, kind trace.Kind, run int32, nominal time.Duration) time.Duration {
	g := m.config.Guide
	if g == nil {
		return nominal
	}
	at, ok := g.ahead(int16(c.position), kind, c.attempt(run), m.now, m.now.Add(nominal).Add(g.Longest))
	if !ok {
		return nominal
	}
	return at.Sub(m.now)
}

// exit yields the first observed end of a run with an exit code, that is not before from and not behind to.
func (g *Guide) exit(container int16, run, code int32, from, to trace.Instant) (trace.Instant, bool) {
	at, ok := g.ahead(container, trace.Exited, run, from, to)
	return at, ok && slices.ContainsFunc(g.Moments, func(m Moment) bool {
		return m.At == at && m.Kind == trace.Exited && m.Container == container && m.Run == run && m.ExitCode == code
	})
}

// observedEnd is the instant at which a process ends with a code that would nominally end at another: the observed one, if it is not
// sooner than the script says by more than a moment, and not much later.
func (m *machine) observedEnd(c *container, run, code int32, nominal trace.Instant) trace.Instant {
	g := m.config.Guide
	if g == nil || nominal == trace.Never {
		return nominal
	}
	if at, ok := g.exit(int16(c.position), c.attempt(run), code, max(m.now, nominal.Add(-g.Longest)), nominal.Add(g.Longest)); ok {
		return at
	}
	return nominal
}

// missesOOM chooses whether the runtime does not hear that a process ended for its memory: it hears of that by another way than of the end,
// and not at all when the container's cgroup is gone by then. Where its events were observed, what they told comes first.
// containerd: pkg/oom/v1/v1.go: process.
func (m *machine) missesOOM(c *container, r *record) bool {
	g := m.config.Guide
	if g == nil {
		return false
	}
	for i := range g.Moments {
		if end := &g.Moments[i]; end.Kind == trace.Exited && end.Container == int16(c.position) && end.Run == c.attempt(r.run) {
			return end.Reason != reasonOOM && m.choose(choiceOOM, 2) == 0
		}
	}
	return m.choose(choiceOOM, 2) == 1
}

// observedReaction is when a process ends on its stop signal: as long after it as was observed.
func (m *machine) observedReaction(c *container, run int32, does StopReaction) trace.Instant {
	g := m.config.Guide
	if g == nil {
		return m.now.Add(does.After)
	}
	attempt, position := c.attempt(run), int16(c.position)
	for i := range g.Moments {
		signal := &g.Moments[i]
		if signal.Kind != trace.StopSignal || signal.Container != position || signal.Run != attempt {
			continue
		}
		if end, ok := g.exit(position, attempt, does.ExitCode, signal.At, signal.At.Add(does.After).Add(g.Longest)); ok {
			return m.now.Add(end.Sub(signal.At))
		}
	}
	return m.observedEnd(c, run, does.ExitCode, m.now.Add(does.After))
}

// observedSandbox is how long the Pod's sandbox takes: until it was seen, or until the first container was made in it.
func (m *machine) observedSandbox(nominal time.Duration) time.Duration {
	g := m.config.Guide
	if g == nil {
		return nominal
	}
	if at, ok := g.ahead(trace.NoContainer, trace.SandboxReady, m.sandbox.attempt, m.now, trace.Never); ok {
		return at.Sub(m.now)
	}
	for i := range g.Moments {
		if first := &g.Moments[i]; first.Kind == trace.Created && first.At > m.now {
			if c := &m.containers[first.Container]; !m.imageOf(c).present || c.spec.AlwaysPull || len(c.spec.Behavior.Starts) > 0 {
				return nominal // something may have come between the two
			}
			return max(first.At.Sub(m.now)-m.config.Latency.Create, 0)
		}
	}
	return nominal
}

// observedBinding is when the Pod reaches the kubelet.
func (m *machine) observedBinding() trace.Instant {
	if g := m.config.Guide; g != nil {
		if at, ok := g.ahead(trace.NoContainer, trace.PodBound, 0, 0, trace.Never); ok {
			return at
		}
	}
	return 0
}

// observedGarbage has the garbage of a container collected whenever one of its records was seen to go within the next period. It
// returns false if removals were not observed.
func (m *machine) observedGarbage(c *container) bool {
	g := m.config.Guide
	if g == nil {
		return false
	}
	if !g.Removals {
		return m.guessedGarbage(c)
	}
	for i := range g.Moments {
		gone := &g.Moments[i]
		if gone.Kind != trace.Removed || gone.Container != int16(c.position) || gone.At <= m.now || gone.At > m.now.Add(garbagePeriod) {
			continue
		}
		at := g.listed(gone)
		if at > m.now && !slices.ContainsFunc(m.queue.items, func(in input) bool { return in.kind == inputGarbage && in.at == at && in.a == int32(c.position) }) {
			m.queue.push(at, inputGarbage, int32(c.position), 0, 0)
		}
	}
	return true
}

// listed is when the garbage collection must have listed the containers to remove a record at some instant. While the run behind it runs,
// the record is the only one that does not: then the list is from before the start of that run. kuberuntime/kuberuntime_gc.go:
// evictableContainers.
func (g *Guide) listed(gone *Moment) trace.Instant {
	for i := range g.Moments {
		start := &g.Moments[i]
		if start.Kind == trace.Running && start.Container == gone.Container && start.Run == gone.Run+1 && start.At < gone.At && gone.At.Sub(start.At) <= g.Longest {
			if end, ok := g.ahead(gone.Container, trace.Exited, start.Run, start.At, gone.At); !ok || end > gone.At {
				return start.At - 1
			}
		}
	}
	return gone.At
}

// publishPassing shows a version that a guided run is about to replace before it was sent: the real manager may have sent it.
func (m *machine) publishPassing() {
	s := &m.status
	if m.config.Guide == nil || !s.queued || !m.object.exists {
		return
	}
	passing := podStatus{containers: make([]containerStatus, len(m.containers))}
	m.merge(&passing)
	if !s.api.equal(&passing) {
		s.api, passing = passing, s.api
		m.publish()
		s.api = passing
	}
}

// workerDelays are how long a probe worker may take to begin, as far as it can matter: it decides which of two ticks comes first.
var workerDelays = [...]time.Duration{0, 2 * time.Millisecond, 5 * time.Millisecond}

// guessedGarbage chooses when the garbage is collected next, where that was not observed: nominally, or so that a relist sees it before
// the next start that was observed. It returns false for the nominal instant.
func (m *machine) guessedGarbage(c *container) bool {
	for i := range m.config.Guide.Moments {
		start := &m.config.Guide.Moments[i]
		if start.Kind != trace.Created || start.Container != int16(c.position) || start.At <= m.now.Add(m.config.RelistPeriod) {
			continue
		}
		if start.At > m.now.Add(garbagePeriod) {
			return false
		}
		way := m.choose(choiceGarbage, 3)
		if way == 0 {
			return false
		}
		ahead := time.Duration(way) * m.config.RelistPeriod / 2
		m.queue.push(start.At.Add(-ahead), inputGarbage, int32(c.position), 0, 0)
		return true
	}
	return false
}

// awaitLastGarbage lets the garbage collection take everything of a deleted Pod that has stopped, if it comes before the last sync. In a
// guided run that is open.
func (m *machine) awaitLastGarbage() {
	at := nextTick(m.now, m.config.GarbagePhase, garbagePeriod)
	if m.config.Guide != nil {
		if m.choose(choiceGarbage, 2) == 0 {
			return
		}
		at = m.now.Add(time.Millisecond)
	}
	m.queue.push(at, inputGarbagePod, 0, 0, 0)
}

// stays reports whether a record was not seen to go, so that it was no garbage collection that was seen. Its records go one after the other.
func (m *machine) stays(c *container, run int32) bool {
	g := m.config.Guide
	if g == nil || !g.Removals {
		return false
	}
	_, goes := g.ahead(int16(c.position), trace.Removed, c.attempt(run), m.now, m.now.Add(g.Longest))
	return !goes
}

// passes are how soon a full pass of the status manager may come after what it is needed for, as far as it can matter: a Pod that has
// ended takes a relist or two to its last status.
var passes = [...]time.Duration{0, 500 * time.Millisecond, 1200 * time.Millisecond, 2500 * time.Millisecond, 5 * time.Second}

// passAfter chooses when the next full pass of the status manager comes, which is nominally at an instant.
func (m *machine) passAfter(nominal trace.Instant) trace.Instant {
	if m.config.Guide == nil {
		return nominal
	}
	if i := m.choose(choicePass, len(passes)); i > 0 {
		return m.now.Add(passes[i])
	}
	return nominal
}

// driftRelist is when a relist comes that is due at an instant: then, or later by what the rounds since the last one took, or sooner if
// one of those before it can be so late that it is still to come. Only that matters what happens meanwhile.
func (m *machine) driftRelist(due trace.Instant) trace.Instant {
	g, p := m.config.Guide, &m.pleg
	if g == nil {
		return due
	}
	period := m.config.RelistPeriod
	rounds := int((due - p.stepped) / trace.Instant(period))
	from := due
	for n := rounds - 1; n > 0 && p.stepped.Add(time.Duration(n)*(period+g.Drift)) > m.now; n-- {
		from = m.now.Add(behind)
	}
	at := m.between(due, from, min(due.Add(time.Duration(rounds)*g.Drift), m.now.Add(period+g.Drift)))
	if at != due {
		p.before, p.base = min(m.lastRelist(), at.Add(-period)), at
	}
	return at
}

// tearDowns are how long it may take after the last container's end until the sandbox is stopped, its network above all, as far as it can
// matter: whether a relist comes first, or two.
var tearDowns = [...]time.Duration{0, 700 * time.Millisecond, 1400 * time.Millisecond}

// lastReturn is how long after a container's end the kubelet's call returns that stops it, of the last one with what follows: the stop of the
// sandbox, which is not observed.
func (m *machine) lastReturn(nominal time.Duration) time.Duration {
	if m.config.Guide == nil || m.worker.sync.stops != 1 {
		return nominal
	}
	return nominal + tearDowns[m.choose(choiceTearDown, len(tearDowns))]
}

// behind is how far behind what was observed something comes that is to see it.
const behind = time.Millisecond

// laterBy chooses among an instant and what follows it in a while.
func (m *machine) laterBy(due trace.Instant, reach time.Duration) trace.Instant {
	return m.between(due, due, due.Add(min(reach, m.config.RelistPeriod-behind)))
}

// between chooses among an instant, which is the nominal one, a first and a last one around it, and those right behind what was observed
// between these two.
func (m *machine) between(nominal, first, last trace.Instant) trace.Instant {
	g := m.config.Guide
	if last <= first.Add(behind) {
		return nominal
	}
	var options [guideCuts + 3]trace.Instant
	options[0] = nominal
	n := 1
	if first < nominal {
		options[n] = first
		n++
	}
	i, _ := slices.BinarySearchFunc(g.Moments, first, func(m Moment, at trace.Instant) int { return cmp.Compare(m.At, at) })
	for cuts := 0; i < len(g.Moments) && cuts < guideCuts && g.Moments[i].At < last; i++ {
		if at := g.Moments[i].At.Add(behind); at > first && at != nominal && at > options[n-1].Add(behind) {
			options[n] = at
			n++
			cuts++
		}
	}
	if options[n-1] != last {
		options[n] = last
		n++
	}
	return options[m.choose(choiceDrift, n)]
}

// observedWait is a wait of the work queue that lies between base and half of it more: such that the start that was observed next can
// come of it, at once or after some waits of the same kind; or anywhere.
func (m *machine) observedWait(base time.Duration) time.Duration {
	g := m.config.Guide
	longest := base + base/2
	var options [5]time.Duration
	n := 0
	add := func(d time.Duration) {
		options[n] = d
		n++
	}
	for i := range g.Moments {
		start := &g.Moments[i]
		if start.Kind != trace.Created || start.At <= m.now {
			continue
		}
		c := &m.containers[start.Container]
		d := start.At.Sub(m.now) - c.latency.Create - 2*time.Millisecond
		if !m.imageOf(c).present || c.spec.AlwaysPull {
			d -= c.latency.Pull + m.currentPull(c).Takes
		}
		if d < base || base == 0 {
			continue
		}
		// The wait ends with a tick, up to a second after it is over. Of several waits the last ones are long: only the last may end
		// behind the back-off.
		most := longest + syncTickPeriod
		if each := d / (d / base); each <= most && !g.LateWaits {
			add(each)
		}
		if rest := d - (d-1)/most*most; rest >= base {
			add(rest)
		} else if d >= 2*base {
			add(base)
		}
		break
	}
	add(base + time.Duration(m.config.Jitter*float64(base/2)))
	add(base)
	add(longest + syncTickPeriod)
	return options[m.choose(choiceWake, n)]
}
