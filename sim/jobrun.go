package sim

import (
	"errors"
	"math"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/internal/random"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// DefaultJobHorizon is how long the run of a Job lasts after its last timed step if the scenario does not say: a Job that fails six
// times is backed off for ten and a half minutes.
const DefaultJobHorizon = time.Hour

// jobControllerName is the value of managedBy for the controller that is simulated.
const jobControllerName = "kubernetes.io/job-controller"

// jobRun is one run of a Job: the Job's object, its controller, and a machine for each Pod, all by one clock. A machine keeps its own
// queue and its own trace, as if its Pod were alone; the run lets the machine go on whose next input is the earliest, and joins the
// traces at the end.
type jobRun struct {
	scenario *Scenario
	target   *gates.Resolved
	gate     *gates.JobController
	config   Config
	random   random.Source
	now      trace.Instant
	horizon  trace.Instant
	keepAll  bool
	steps    []step
	timed    []timedStep

	trace       *trace.Trace // its events and statuses are those of the Job until the traces are joined
	causes      []trace.Cause
	order       []int32 // of the Job's events
	counter     int32
	links       []podEventRef
	statusOrder []int // in which the controller looks at the containers of a Pod

	requests   []relistRequest // for relists, in the order in which they are served
	object     jobObject
	controller jobController
	pods       []*jobPod
	agenda     agenda
	watch      []delivery // on their way to the controller, in order
	expiry     trace.Instant
	inputs     int
	pullRate   pullRate
	node       jobNode
	pulled     []bool // by container: an image that a Pod pulled is on the node
}

// podEventRef is an event of a Pod's own trace.
type podEventRef struct {
	pod      *jobPod
	position int32
}

// timedStep is a step of the scenario whose time is known.
type timedStep struct {
	at   trace.Instant
	step int
}

// delivery is one message of the watch.
type delivery struct {
	at   trace.Instant
	pod  *jobPod // nil for the Job
	view *podView
	job  jobObject
}

// Events of other traces are named by numbers below none until the traces are joined: in a Pod's trace by the position in the Job's
// events, in those by the position in links.
func outside(position int32) int32 { return none - 1 - position }

func (r *jobRun) link(p *jobPod, position int32) int32 {
	r.links = append(r.links, podEventRef{p, position})
	return outside(int32(len(r.links) - 1))
}

// next numbers what happens, over all traces.
func (r *jobRun) next() int32 {
	r.counter++
	return r.counter - 1
}

// emit appends an event of the Job.
func (r *jobRun) emit(e trace.Event, causes ...trace.Cause) int32 {
	e.At, e.Container = r.now, trace.NoContainer
	first := len(r.causes)
	for _, c := range causes {
		if c.Event != none {
			r.causes = append(r.causes, c)
		}
	}
	e.Causes = r.causes[first:len(r.causes):len(r.causes)]
	r.trace.Events = append(r.trace.Events, e)
	r.order = append(r.order, r.next())
	if len(r.steps) > 0 {
		r.wakeSteps(&e)
	}
	return int32(len(r.trace.Events) - 1)
}

func (r *jobRun) spec() *jobSpec { return &r.controller.cached.spec }

func (r *jobRun) wholeSecond(at trace.Instant) trace.Instant {
	m := machine{config: Config{ClockPhase: r.config.ClockPhase}}
	return m.wholeSecond(at)
}

// runJob is Run for a scenario with a Job.
func runJob(scenario *Scenario, target *gates.Resolved, config Config) (*trace.Trace, error) {
	if config.Guide != nil {
		return nil, errors.New("a Job cannot be guided by an observation")
	}
	r := &jobRun{scenario: scenario, target: target, gate: &target.Job, random: random.Source{State: config.Seed}, trace: &trace.Trace{}}
	r.config = config.resolve(&r.random)
	if config.Seed != 0 {
		r.config.WatchDelay = r.random.Duration(50*time.Millisecond) + time.Millisecond
	}
	r.trace.Target, r.trace.Scenario = target.Name, scenario.Name
	for _, u := range scenario.Unmodelled {
		r.trace.Unknown = append(r.trace.Unknown, trace.Unknown{Field: u.Field, Why: u.Why})
	}
	r.controller.ready, r.controller.lastFailure, r.controller.putOff, r.expiry = trace.Never, trace.Never, trace.Never, trace.Never
	r.node.halt = trace.Never
	r.controller.trigger.Event, r.controller.later.Event = none, none
	if r.create() {
		r.scheduleSteps()
		r.loop()
	}
	r.join()
	return r.trace, nil
}

// create stores the Job, if the API server takes it: what its template says of containers is judged, and dropped, as in a Pod.
func (r *jobRun) create() bool {
	template := r.scenario.Pod
	own := &memory{}
	m := &own.machine
	m.setUp(&Scenario{Name: r.scenario.Name, Pod: template}, r.target, r.config, own, &traceMemory{})
	keepSidecars, keepRules := m.keeps()
	m.setUpContainers(keepSidecars, keepRules)
	r.trace.Containers = m.trace.Containers
	r.statusOrder = listStatuses(r.trace.Containers)
	r.pulled = make([]bool, len(r.trace.Containers))
	problems := m.problems(keepSidecars)
	for i := range problems {
		problems[i] = "spec.template." + problems[i]
	}
	if message := invalid("Job.batch", template.Name, problems); message != "" {
		r.emit(trace.Event{Kind: trace.JobRefused, Reason: message})
		r.trace.Ending = trace.EndingRefused
		return false
	}
	r.object = jobObject{exists: true, version: 1, status: jobStatus{ready: trace.Unset, terminating: trace.Unset}}
	r.object.event = r.emit(trace.Event{Kind: trace.JobCreated})
	r.defaultSpec()
	m.object.event = none
	m.reportDropped(keepSidecars, keepRules)
	for _, e := range m.trace.Events {
		e.Causes = nil
		r.emitAbout(e, cause(r.object.event, "the feature is off in the API server", windowNow))
	}
	r.watchJob()
	return true
}

// emitAbout appends an event of the Job that names a container of its template.
func (r *jobRun) emitAbout(e trace.Event, because trace.Cause) {
	position := r.emit(e, because)
	r.trace.Events[position].Container = e.Container
}

// defaultSpec sets what is not set, and drops the fields of the Job whose features are off. pkg/apis/batch/v1/defaults.go:
// SetDefaults_Job; pkg/registry/batch/job/strategy.go: PrepareForCreate.
func (r *jobRun) defaultSpec() {
	s := jobSpec{Job: *r.scenario.Job, generation: 1, parallelism: 1, backoffLimit: 6}
	drop := func(dropped bool, field string) bool {
		if dropped {
			r.emit(trace.Event{Kind: trace.JobFieldDropped, Reason: field}, cause(r.object.event, "the feature is off in the API server", windowNow))
		}
		return dropped
	}
	one := int32(1)
	if s.Completions == nil && s.Parallelism == nil {
		s.Completions = &one
	}
	if s.Parallelism != nil {
		s.parallelism = *s.Parallelism
	}
	switch {
	case s.BackoffLimit != nil:
		s.backoffLimit = *s.BackoffLimit
	case s.BackoffLimitPerIndex != nil: // defaults come first, so that the field leaves this behind where it is dropped
		s.backoffLimit = math.MaxInt32
	}
	if drop(s.BackoffLimitPerIndex != nil && !r.gate.LimitPerIndex, "backoffLimitPerIndex") {
		s.BackoffLimitPerIndex = nil
	}
	if drop(s.MaxFailedIndexes != nil && !r.gate.LimitPerIndex, "maxFailedIndexes") {
		s.MaxFailedIndexes = nil
	}
	if drop(len(s.PodFailurePolicy) > 0 && !r.gate.FailurePolicy, "podFailurePolicy") {
		s.PodFailurePolicy = nil
	}
	if drop(len(s.SuccessPolicy) > 0 && !r.gate.SuccessPolicy, "successPolicy") {
		s.SuccessPolicy = nil
	}
	if drop(s.PodReplacementPolicy != "" && !r.gate.ReplacementPolicy, "podReplacementPolicy") {
		s.PodReplacementPolicy = ""
	}
	if drop(s.ManagedBy != "" && !r.gate.ManagedBy, "managedBy") {
		s.ManagedBy = ""
	}
	s.failurePolicy = len(s.PodFailurePolicy) > 0
	s.replaceFailedOnly = s.failurePolicy || s.PodReplacementPolicy == ReplaceFailed
	r.object.spec = s
}

// createPod makes a Pod from the template. pkg/controller/controller_utils.go: RealPodControl.CreatePodsWithGenerateName.
func (r *jobRun) createPod(ref trace.PodRef, because trace.Cause) *jobPod {
	p := &jobPod{run: r, ref: ref, ordinal: int32(len(r.pods)), created: r.now, finalizer: true, readySince: trace.Never, deleteAt: trace.Never, counted: none, place: -1}
	p.scenario = Scenario{Name: r.scenario.Name, Pod: r.scenario.PodFor(ref), Node: r.scenario.Node, Latency: r.scenario.Latency}
	p.scenario.Pod.Name = r.scenario.Pod.Name + "-" + ref.String()
	own := &memory{}
	m := &own.machine
	p.machine, m.owner = m, p
	m.setUp(&p.scenario, r.target, r.config, own, &traceMemory{})
	m.config, m.now, m.horizon, m.keepAll = r.config, r.now, trace.Never, r.keepAll
	m.random.State = r.random.State + uint64(p.ordinal+1)*0x9e3779b97f4a7c15
	m.setPhases()
	if n := len(r.pods); n > 0 { // one kubelet relists for all
		last := &r.pods[n-1].machine.pleg
		m.pleg.base, m.pleg.before, m.pleg.late = last.base, last.before, last.late
	}
	r.node.found(m)
	keepSidecars, keepRules := m.keeps()
	m.setUpContainers(keepSidecars, keepRules)
	for i := range m.containers {
		m.containers[i].image.present = m.containers[i].image.present || r.pulled[i]
	}
	r.pods = append(r.pods, p)
	r.agenda.mark(p)
	r.controller.wrote = r.now
	m.object.exists = true
	because.Event = outside(because.Event)
	m.object.event = m.emit(podEvent(trace.PodCreated), because)
	m.life.event = m.object.event
	p.changed()
	m.schedule(r.target.Scheduler)
	return p
}

func (m *PodMatch) matches(ref trace.PodRef) bool {
	return m == nil || (m.Index == nil || *m.Index == ref.Index) && (m.Attempt == nil || *m.Attempt == ref.Attempt)
}

// deletePod is a DELETE request of the controller.
func (r *jobRun) deletePod(p *jobPod, because trace.Cause) {
	if !p.machine.object.exists {
		return
	}
	because.Event = outside(because.Event)
	p.touch()
	p.machine.deleteFor(&Delete{}, because)
}

// watchPod sends a version of a Pod to the controller; nil says that it is gone.
func (r *jobRun) watchPod(p *jobPod, v *podView) {
	r.watch = append(r.watch, delivery{at: r.now.Add(r.config.WatchDelay), pod: p, view: v})
}

func (r *jobRun) watchJob() {
	r.watch = append(r.watch, delivery{at: r.now.Add(r.config.WatchDelay), job: r.object})
}

// loop lets the earliest thing happen, until nothing is left. Of things at one instant steps come first, then the end of the node, then
// the Pods, then what the controller hears, then what it does; but see overtakes and hears.
func (r *jobRun) loop() {
	for {
		at := min(r.agenda.earliest(), r.controller.ready, r.expiry, r.node.halt)
		if len(r.timed) > 0 {
			at = min(at, r.timed[0].at)
		}
		if len(r.watch) > 0 {
			at = min(at, r.watch[0].at)
		}
		if at == trace.Never && !r.controller.dirty {
			r.finish(true)
			return
		}
		if r.controller.dirty {
			at = min(at, r.now)
		}
		if at > r.horizon {
			r.finish(false)
			return
		}
		r.now = max(at, r.now)
		switch {
		case len(r.timed) > 0 && r.timed[0].at <= r.now:
			step := r.timed[0].step
			r.timed = r.timed[1:]
			r.takeStep(step)
		case r.node.halt <= r.now:
			r.haltNode()
		case r.agenda.earliest() <= r.now && !r.overtakes():
			r.agenda.first().advance()
		case r.hears():
			d := r.watch[0]
			r.watch = r.watch[1:]
			if d.pod != nil {
				r.podSeen(d.pod, d.view)
			} else {
				r.jobSeen(d.job)
			}
		case r.expiry <= r.now:
			r.expire()
		default:
			r.syncDue()
		}
		r.inputs++
		if int(r.counter) > r.config.MaxEvents || r.inputs > inputsPerEvent*r.config.MaxEvents {
			r.trace.Ending, r.trace.EndedAt = trace.EndingTruncated, r.now
			return
		}
	}
}

// overtakes reports whether the controller does what is due before a Pod does what is due at the same instant. Nominally it does not.
func (r *jobRun) overtakes() bool {
	if c := &r.controller; !c.dirty && c.ready > r.now {
		return false
	}
	return choose(&r.config, &r.random, &r.trace.Choices, trace.Choice{At: r.now, Point: choiceTie, Options: 2}) > 0
}

// hears reports whether the controller hears of something now. When the work queue's timer ends at the same instant either may come
// first: the status of a Pod changes at relists, which are a second apart, and a sync waits for a second after it. Nominally the sync is
// first: the queue hands the key to the worker directly, while a change goes through the reflector and its queue into the cache. And the timer
// may have put the key into the queue, and the worker not taken it yet: what is heard then asks for one more sync.
func (r *jobRun) hears() bool {
	if len(r.watch) == 0 || r.watch[0].at > r.now {
		return false
	}
	c := &r.controller
	if c.dirty || c.ready > r.now {
		return true
	}
	way := choose(&r.config, &r.random, &r.trace.Choices, trace.Choice{At: r.now, Point: choiceTie, Options: 3})
	if way == 2 {
		c.ready, c.dirty = trace.Never, true
	}
	return way > 0
}

// advance handles the next input of the Pod's machine.
func (p *jobPod) advance() {
	m := p.machine
	m.now = p.run.now
	m.handle(m.queue.pop(m.choose(choiceTie, m.queue.ties())))
	for i := range m.containers {
		p.run.pulled[i] = p.run.pulled[i] || m.containers[i].image.present
	}
	p.run.agenda.mark(p)
}

// finish ends a run of which nothing is left, or only what lies beyond the horizon.
func (r *jobRun) finish(empty bool) {
	t := r.trace
	t.EndedAt = r.lastChange()
	switch {
	case !empty:
		t.Ending, t.EndedAt = trace.EndingHorizon, r.horizon
	case !r.object.exists:
		t.Ending = trace.EndingRemoved
	case r.object.status.finished():
		t.Ending = trace.EndingTerminal
	default:
		t.Ending = trace.EndingSteady
	}
	for i := range r.steps {
		if why := r.steps[i].undone(); why != "" {
			t.Unknown = append(t.Unknown, trace.Unknown{Field: stepField(i, &r.scenario.Steps[i]), Why: why})
		}
	}
}

// lastChange is the last instant at which anything is shown.
func (r *jobRun) lastChange() trace.Instant {
	last := trace.Instant(0)
	if n := len(r.trace.Events); n > 0 {
		last = r.trace.Events[n-1].At
	}
	if n := len(r.trace.JobStatuses); n > 0 {
		last = max(last, r.trace.JobStatuses[n-1].At)
	}
	for _, p := range r.pods {
		last = max(last, p.machine.lastChange())
	}
	return last
}

// settled reports that nothing will come but resyncs of Pods.
func (r *jobRun) settled() bool {
	c := &r.controller
	if c.dirty || c.ready != trace.Never || r.expiry != trace.Never || r.node.halt != trace.Never || len(r.timed) > 0 || len(r.watch) > 0 {
		return false
	}
	for _, p := range r.pods {
		if !p.machine.resting() {
			return false
		}
	}
	return true
}

// expire is the TTL controller and, after it, the garbage collector: the Job is deleted with its Pods.
// pkg/controller/ttlafterfinished: processTTL, all releases.
func (r *jobRun) expire() {
	r.expiry = trace.Never
	if !r.object.exists {
		return
	}
	last := cause(r.object.event, "ttlSecondsAfterFinished counts from the end of the Job", windowFrom(time.Duration(*r.object.spec.TTLSecondsAfterFinished)*time.Second))
	r.object.exists = false
	removed := r.emit(trace.Event{Kind: trace.JobRemoved}, last)
	r.object.event = removed
	for _, p := range r.pods {
		if p.machine.object.exists {
			p.release()
			r.deletePod(p, cause(removed, "the garbage collector follows the Job", windowNow))
		}
	}
}
