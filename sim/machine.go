package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/internal/random"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Periods of the kubelet's tickers, the same in all releases. kubelet/kubelet.go: syncLoop, housekeepingPeriod,
// ContainerGCPeriod; kubelet/status/status_manager.go: syncPeriod.
const (
	syncTickPeriod     = time.Second
	housekeepingPeriod = 2 * time.Second
	statusPeriod       = 10 * time.Second
	garbagePeriod      = time.Minute
)

const none = int32(-1)

// machine is one run: the API server's Pod, one node's kubelet and runtime, and the queue of what comes next. Each of
// its parts has a file of its own.
type machine struct {
	scenario   *Scenario
	api        gates.APIServer
	kubelet    gates.Kubelet
	target     gates.Target
	life       kubeletLife
	shutdown   nodeShutdown
	allocation allocation
	config     Config
	random     random.Source
	queue      queue
	now        trace.Instant
	horizon    trace.Instant
	ended      bool
	keepAll    bool // no sync may be forgotten: a step may wait for one of the kubelet's inner events

	trace  *trace.Trace
	causes []trace.Cause // the slab that events' causes are cut from

	containers []container // init containers, then mains, then ephemeral ones, in the order of the manifest
	inits      int         // how many of them are init containers
	regular    int         // … or mains; the rest are ephemeral
	sidecars   bool        // whether one of them is a sidecar
	restartAll bool        // whether one of them has a rule that restarts all
	legacyInit bool
	pullRate   pullRate

	object  object
	sandbox sandbox
	pleg    pleg
	worker  worker
	status  statusManager
	probes  []probeWorker
	killers []killer
	steps   []step
	owner   *jobPod // of a Pod that a Job made
}

// container is what the kubelet and the runtime hold about one container of the Pod.
type container struct {
	spec      *Container
	position  int
	role      trace.Role
	policy    RestartPolicy // the container's own, as far as the API server kept it
	rules     []RestartRule // likewise
	changed   trace.Instant // the last change of its status that its probe workers look at
	latency   Latency
	records   []record // the runtime's, oldest first
	nextRun   int32
	numbers   []numbering // where the runtime's count of its runs began anew; most never do
	place     int32       // the attempt of the sandbox that its last record was made in
	logged    int32       // one more than the newest attempt whose log outlived its record
	creates   int32       // create attempts so far
	editions  []edition   // the images that it was given after the manifest's
	sizes     []sizing    // its resources, likewise
	resizable bool        // some step changes them
	// allocated and actuated are the size that the kubelet has taken, and the one that it has made.
	allocated, actuated size
	sized               bool  // it has made one
	added               int32 // the change of the Pod that brought an ephemeral one, 0 before
	backOff             backOff
	// imageOwner is the first container with the same image. What concerns the image is kept there: a node has an image once, and
	// the back-off of pulls is kept per Pod and image.
	imageOwner int
	image      image
	reason     startReason
	// lastBackOff is the position of the BackOff event that the container waits for, or none.
	lastBackOff int32
	// closed says, during an ordered stop, that nobody needs to wait for this container any more.
	closed bool
}

// image is what the node knows of an image.
type image struct {
	present bool
	pulls   int32 // pull attempts so far
	backOff backOff
}

// recordsAhead is how many records of a container get their memory at once; a restart needs two at a time.
const recordsAhead = 2

// recordState is the runtime's state of a container record.
type recordState uint8

const (
	recordNone recordState = iota
	recordCreated
	recordRunning
	recordExited
)

// record is one container in the runtime: one run of one container of the Pod.
type record struct {
	run        int32
	state      recordState
	sandbox    int32 // the attempt of the sandbox it lives in
	edition    int32 // of the image that it was made from
	exitCode   int32
	reason     string
	startedAt  trace.Instant
	finishedAt trace.Instant
	ends       trace.Instant // of its process by itself
	event      int32         // the last event of its life
	logged     bool          // its log was begun
	signalled  bool
	signal     Signal // the one that it reacts to, once signalled
	signalEv   int32
	killed     int32 // the SIGKILL from outside that ends it, or none
}

// sandbox is the Pod's sandbox in the runtime.
type sandbox struct {
	exists, ready bool
	attempt       int32
	event         int32
}

// object is the Pod in the API server.
type object struct {
	exists   bool
	deleting bool
	grace    int64 // deletionGracePeriodSeconds, once deleting
	// deletedFrom is deletionTimestamp less that.
	deletedFrom trace.Instant
	edits       int32 // changes of its images so far
	event       int32 // the event that last changed it
}

// step is the state of one step of the scenario.
type step struct {
	fired   bool
	matches int32
	// impossible is why it could not be taken when its time came.
	impossible string
}

// undone is why the step was not taken, or nothing.
func (s *step) undone() string {
	if !s.fired {
		return "the event that it waits for did not come before the run ended"
	}
	return s.impossible
}

// Run predicts what happens to the scenario's Pod on the target. The same input gives the same trace. An error says
// that the input is outside its documented ranges; what the model does not know makes the trace's Unknown list instead.
func Run(scenario *Scenario, target gates.Resolved, config Config) (*trace.Trace, error) {
	if err := valid(scenario, &config); err != nil {
		return nil, err
	}
	if scenario.Job != nil {
		own := target // which the run keeps, so that a Pod's run need not
		return runJob(scenario, &own, config)
	}
	return runPod(scenario, &target, config, &memory{}, &traceMemory{}), nil
}

func valid(scenario *Scenario, config *Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	return scenario.Validate()
}

// runPod is a run of one Pod, in memory that is zero.
func runPod(scenario *Scenario, target *gates.Resolved, config Config, own *memory, into *traceMemory) *trace.Trace {
	m := &own.machine
	m.setUp(scenario, target, config, own, into)
	if m.createObject(target.Scheduler) {
		m.loop()
	}
	return m.trace
}

// setUp makes the machine ready for its run.
func (m *machine) setUp(scenario *Scenario, target *gates.Resolved, config Config, own *memory, into *traceMemory) {
	m.scenario, m.api, m.kubelet, m.random = scenario, target.API, target.Kubelet, random.Source{State: config.Seed}
	m.target, m.life = target.Target, kubeletLife{since: longAgo, event: none}
	m.config = config.resolve(&m.random)
	pod := &scenario.Pod
	m.inits, m.regular = len(pod.Init), len(pod.Init)+len(pod.Main)
	count := m.regular + len(pod.Ephemeral)
	m.layOutTrace(count, into)
	m.trace.Target, m.trace.Scenario = target.Name, scenario.Name
	for _, u := range scenario.Unmodelled {
		m.trace.Unknown = append(m.trace.Unknown, trace.Unknown{Field: u.Field, Why: u.Why})
	}
	m.steps = make([]step, len(scenario.Steps))
	m.layOut(count, own)
	m.setPhases()
	m.pleg.next, m.worker.queueTick, m.worker.deadlineTick = trace.Never, trace.Never, trace.Never
	m.worker.lastEvent, m.worker.deadline, m.pleg.lost, m.pleg.inspect = none, none, none, none
}

// setPhases says from when on the relists count.
func (m *machine) setPhases() {
	m.pleg.base = trace.Instant(m.config.RelistPhase)
	m.pleg.before = m.pleg.base.Add(-m.config.RelistPeriod)
	m.pleg.stepped = m.pleg.before
}

// setUpContainers fills the table of containers once the API server has had its say on their fields.
func (m *machine) setUpContainers(keepSidecars, keepRules bool) {
	pod := &m.scenario.Pod
	latency := m.config.Latency
	if m.scenario.Latency != nil {
		latency = *m.scenario.Latency
	}
	for i := range m.containers {
		c := &m.containers[i]
		c.position = i
		c.lastBackOff = none
		switch {
		case i >= m.regular:
			c.spec, c.role = &pod.Ephemeral[i-m.regular], trace.RoleEphemeral
		case i < m.inits:
			c.spec, c.role = m.keptOf(&pod.Init[i]), trace.RoleInit
			if keepSidecars && c.spec.RestartPolicy == RestartAlways {
				c.role, c.policy = trace.RoleSidecar, RestartAlways
				m.sidecars = true
			}
		default:
			c.spec, c.role = m.keptOf(&pod.Main[i-m.inits]), trace.RoleMain
		}
		m.keepRules(c, keepRules)
		c.latency = latency
		if c.spec.Latency != nil {
			c.latency = *c.spec.Latency
		}
		m.vary(&c.latency)
		c.image.present = len(c.spec.Behavior.Pulls) == 0
		c.imageOwner = i
		for j := 0; j < i && c.spec.Image != ""; j++ {
			if m.containers[j].spec.Image == c.spec.Image {
				c.imageOwner = j
				break
			}
		}
		m.trace.Containers[i] = trace.Container{Name: c.spec.Name, Role: c.role}
	}
	m.markResizable()
	m.legacyInit = m.kubelet.LegacyInit && !m.sidecars
}

// vary stretches latencies in a seeded run, each by its own factor between a half and three.
func (m *machine) vary(l *Latency) {
	if m.config.Seed == 0 {
		return
	}
	for _, d := range [...]*time.Duration{&l.Sandbox, &l.Pull, &l.Create, &l.Start, &l.Stop, &l.Exec} {
		*d = time.Duration(float64(*d) * (0.5 + 2.5*m.random.Fraction())).Truncate(time.Millisecond)
	}
}

// inputsPerEvent bounds the inputs of a run by its bound of events: most inputs leave no event, but no run is endless.
const inputsPerEvent = 100

// loop takes inputs off the queue until nothing is left to happen, or the horizon, or the limit of events.
func (m *machine) loop() {
	inputs := 0
	for !m.ended {
		if len(m.queue.items) == 0 || m.queue.items[0].at > m.horizon {
			m.finish(len(m.queue.items) == 0)
			return
		}
		m.now = m.queue.items[0].at
		in := m.queue.pop(m.choose(choiceTie, m.queue.ties()))
		m.handle(in)
		inputs++
		if len(m.trace.Events) > m.config.MaxEvents || inputs > inputsPerEvent*m.config.MaxEvents {
			m.trace.Ending = trace.EndingTruncated
			m.trace.EndedAt = m.now
			return
		}
	}
	m.trace.EndedAt = m.now
}

func (m *machine) handle(in input) {
	switch in.kind {
	case inputStep:
		m.takeStep(int(in.a))
	case inputBound:
		m.podArrives()
	case inputWake:
		m.beginSync()
	case inputEvents:
		if in.b == workerFaster {
			m.removeDecided(in.a)
		} else {
			m.hearOfRelist(in.a)
		}
	case inputNews:
		m.updatePod(update{trigger: in.a, because: newsWords[in.b]})
	case inputWorker:
		m.workerContinues(in.a)
	case inputExit:
		m.processEnds(int(in.a), in.b, false)
	case inputKillSignal:
		m.processEnds(int(in.a), in.b, true)
	case inputHookEndsRun:
		m.hookEndsRun(int(in.a), in.b)
	case inputRelist:
		m.relist()
	case inputRelistPod:
		m.relistPod()
	case inputSyncTick:
		m.syncTick()
	case inputStatus:
		m.sendStatus()
	case inputStatusAll:
		m.sendAllStatuses()
	case inputGarbage:
		m.garbageTick(int(in.a))
	case inputGarbagePod:
		m.garbagePod()
	case inputSandboxSeen:
		m.sandboxSeen()
	case inputHousekeeping:
		m.housekeeping()
	case inputOrphan:
		m.stopOrphan()
	case inputKubelet:
		m.startKubelet()
	case inputKubeletReady:
		m.kubeletReady()
	case inputShutdown:
		m.holdEnds(in.a, holdEnd(in.b))
	case inputHalt:
		m.haltNode()
	case inputResize:
		m.retryResizes(m.life.event, "a resize that was asked for before the kubelet started is made")
	case inputMirror:
		m.removeMirror()
	case inputProbeTick:
		m.probeTicks(int(in.a), in.b)
	case inputProbeDone:
		m.probeAnswers(int(in.a), in.b)
	case inputKiller:
		m.killerContinues(int(in.a), in.b)
	}
}

// finish ends a run whose queue is empty or holds only what lies beyond the horizon.
func (m *machine) finish(empty bool) {
	m.ended = true
	m.trace.EndedAt = m.lastChange()
	switch {
	case !m.object.exists:
		m.trace.Ending = trace.EndingRemoved
	case m.worker.finished, m.worker.rejected:
		m.trace.Ending = trace.EndingTerminal
	case empty:
		m.trace.Ending = trace.EndingSteady
	default:
		m.trace.Ending, m.trace.EndedAt = trace.EndingHorizon, m.horizon
	}
	for i := range m.steps {
		if why := m.steps[i].undone(); why != "" {
			m.trace.Unknown = append(m.trace.Unknown, trace.Unknown{Field: stepField(i, &m.scenario.Steps[i]), Why: why})
		}
	}
}

// lastChange is the last instant at which the trace shows anything.
func (m *machine) lastChange() trace.Instant {
	last := trace.Instant(0)
	if n := len(m.trace.Events); n > 0 {
		last = m.trace.Events[n-1].At
	}
	if n := len(m.trace.Statuses); n > 0 {
		last = max(last, m.trace.Statuses[n-1].At)
	}
	return last
}

// cause is a cause without its window's arithmetic.
func cause(event int32, because string, window trace.Window) trace.Cause {
	return trace.Cause{Event: event, Because: because, Window: window}
}

// emit appends an event with its causes; causes by event none are left out. It returns the event's position and wakes
// the steps that wait for it.
func (m *machine) emit(e trace.Event, causes ...trace.Cause) int32 {
	e.At = m.now
	first := len(m.causes)
	for _, c := range causes {
		if c.Event != none {
			m.causes = append(m.causes, c)
		}
	}
	e.Causes = m.causes[first:len(m.causes):len(m.causes)]
	m.trace.Events = append(m.trace.Events, e)
	position := int32(len(m.trace.Events) - 1)
	if len(m.steps) > 0 {
		m.wakeSteps(position)
	}
	if m.owner != nil {
		m.owner.emitted(position)
	}
	return position
}

// podEvent is an event of the Pod as a whole.
func podEvent(kind trace.Kind) trace.Event {
	return trace.Event{Kind: kind, Container: trace.NoContainer}
}

// event is an event of one run of the container.
func (c *container) event(kind trace.Kind, run int32) trace.Event {
	return trace.Event{Kind: kind, Container: int16(c.position), Run: c.attempt(run)}
}

// newest returns the container's newest record, or nil.
func (c *container) newest() *record {
	if len(c.records) == 0 {
		return nil
	}
	return &c.records[len(c.records)-1]
}

// find returns the record of a run, or nil.
func (c *container) find(run int32) *record {
	for i := range c.records {
		if c.records[i].run == run {
			return &c.records[i]
		}
	}
	return nil
}

// nextTick returns the first tick at or after an instant of a ticker with the given first tick and period.
func nextTick(at trace.Instant, phase, period time.Duration) trace.Instant {
	first := trace.Instant(phase)
	if at <= first {
		return first
	}
	n := (int64(at-first) + int64(period) - 1) / int64(period)
	return first + trace.Instant(n*int64(period))
}

// tickAfter returns the first tick strictly after an instant.
func tickAfter(at trace.Instant, phase, period time.Duration) trace.Instant {
	return nextTick(at+1, phase, period)
}

// The choice points.
const (
	choiceTie       = "tie"                       // which of several inputs of one instant comes first
	choiceSurplus   = "surplus Pods"              // which Pods of one rank are deleted
	choiceKillOrder = "kill order"                // which of several listed containers is stopped first (a Go map's order)
	choiceTrigger   = "probe tick and manual run" // which of the two a probe worker sees first
	choiceNews      = "events of one relist"      // whether a worker takes the first before the others come
	choiceStop      = "probe tick and stop"       // likewise
)

// choose takes one of several ways that the real kubelet is free to take; the nominal run takes the first.
func (m *machine) choose(point string, options int) int {
	made := &m.trace.Choices
	if m.owner != nil {
		made = &m.owner.run.trace.Choices // one list for all Pods of a Job
	}
	return choose(&m.config, &m.random, made, trace.Choice{At: m.now, Point: point, Options: int32(options)})
}

// choose makes one choice, behind those that were made.
func choose(config *Config, random *random.Source, made *[]trace.Choice, c trace.Choice) int {
	if c.Options < 2 {
		return 0
	}
	switch n := len(*made); {
	case n < len(config.Choices):
		c.Taken = min(max(config.Choices[n], 0), c.Options-1)
	case config.Seed != 0:
		c.Taken = int32(random.Intn(int(c.Options)))
	}
	if config.Seed != 0 || config.Choices != nil {
		*made = append(*made, c)
	}
	return int(c.Taken)
}

// jitter is wait.Jitter with the factor 0.5 that all the kubelet's requeues use: base to one and a half times base.
func (m *machine) jitter(base time.Duration) time.Duration {
	if m.config.Guide != nil {
		return m.observedWait(base)
	}
	return base + time.Duration(m.fraction()*0.5*float64(base))
}

// randomPart is a random part of a period, by the same source as jitter.
func (m *machine) randomPart(period time.Duration) time.Duration {
	return time.Duration(m.fraction() * float64(period))
}

// fraction is where in its range a random wait lies.
func (m *machine) fraction() float64 {
	if m.config.Seed != 0 {
		return m.random.Fraction()
	}
	return m.config.Jitter
}

// Windows that many causes share.
var (
	windowNow     = trace.Window{}
	windowRuntime = trace.Window{Max: trace.Unbounded}
)

func windowUpTo(d time.Duration) trace.Window { return trace.Window{Max: d} }

func windowExactly(d time.Duration) trace.Window { return trace.Window{Min: d, Max: d} }

func windowFrom(d time.Duration) trace.Window { return trace.Window{Min: d, Max: trace.Unbounded} }
