package trace

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Version names the JSON form. It changes when a reader of the old form would misread the new one.
const Version = "sidecar-conformance.dev/trace/v1alpha1"

// MaxContainers is the largest number of containers in one Pod that a trace can hold: a ContainerSet has one bit
// for each.
const MaxContainers = 64

// Instant is virtual time since the creation of the first Pod (for a Job: since the creation of the Job), in
// nanoseconds. It is never negative.
type Instant int64

// Add returns the instant d after i. It saturates at Never.
func (i Instant) Add(d time.Duration) Instant {
	if i >= Never-Instant(d) && d > 0 {
		return Never
	}
	return i + Instant(d)
}

// Sub returns the time from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Never is later than every instant that a simulation reaches.
const Never = Instant(1<<63 - 1)

// Role says what a container is in its Pod, as the node understands it.
type Role uint8

// The roles. A sidecar is an init container with restartPolicy Always; on a node or API server that drops the field
// it is a plain init container.
const (
	RoleNone Role = iota
	RoleNode
	RoleJob
	RolePod
	RoleInit
	RoleSidecar
	RoleMain
	RoleEphemeral
)

// PodRef names one Pod of a trace. A scenario without a Job has the zero PodRef only.
type PodRef struct {
	// Index is the completion index of an indexed Job, else the ordinal of the Pod.
	Index int32
	// Attempt counts the Pods that were made for that index before, from 0.
	Attempt int32
}

// String names the Pod in text: the index, a point, the attempt.
func (p PodRef) String() string {
	return strconv.Itoa(int(p.Index)) + "." + strconv.Itoa(int(p.Attempt))
}

// Container is one row of the table of containers that events and statuses refer to by position.
type Container struct {
	Name string
	Role Role
}

// NoContainer is the position of events that concern no container.
const NoContainer = -1

// Event is one thing that happened, at one instant, to the Pod or to one run of one of its containers.
type Event struct {
	At  Instant
	Pod PodRef
	// Container is the position in Trace.Containers, or NoContainer.
	Container int16
	// Run is the runtime's attempt number of the container, from 0. It equals the restart count.
	Run  int32
	Kind Kind
	// ExitCode is set for Exited only.
	ExitCode int32
	// Reason is one word in the field's spelling: a Pod or container reason (CrashLoopBackOff, Error, DeadlineExceeded),
	// or a detail of a mechanism event. Empty where nothing is to be said.
	Reason string
	// Span is the length that belongs to the event: the grace period of a stop, the back-off of BackOff, the length of a
	// hook, the wait of WakeUp. Zero where the kind has none.
	Span time.Duration
	// Causes are the earlier events that were all required. The latest of them triggered this one.
	Causes []Cause
}

// Cause links an event to an earlier one.
type Cause struct {
	// Event is the position of the cause in Trace.Events; always smaller than that of the event it belongs to.
	Event int32
	// Because says in a few words how the cause brings the event about ("seen by relist", "period 10s").
	Because string
	// Window is how long after the cause the event may come on a real node, by the mechanism alone: no sooner than Min after each
	// of the causes, and no later than Max after the last of them, which triggers it.
	Window Window
}

// Window is a closed interval of delays. Max may be Unbounded.
type Window struct{ Min, Max time.Duration }

// Unbounded is the Max of a window that the mechanism does not limit (how long a process runs).
const Unbounded = time.Duration(1<<63 - 1)

// Trace is everything that one run showed.
type Trace struct {
	// Target is the resolved target, with the patch release and gates spelled out.
	Target string
	// Scenario is the name of what was run.
	Scenario   string
	Containers []Container
	Events     []Event
	Statuses   []Status
	// JobStatuses are the versions of the Job's status, for a run of one.
	JobStatuses []JobStatus
	Choices     []Choice
	// Assumed says in words what the input left open and a loader filled in. Run does not set it.
	Assumed []string
	// Unknown lists what makes the prediction, or a part of it, unknown. Empty means: nothing set in the manifest is
	// outside the model.
	Unknown []Unknown
	Ending  Ending
	// EndedAt is the instant at which the run stopped.
	EndedAt Instant
}

// Ending says why a run stopped.
type Ending uint8

// The endings.
const (
	// EndingHorizon: the horizon was reached, the Pod is still changing.
	EndingHorizon Ending = iota
	// EndingSteady: nothing will change any more without a new step from outside.
	EndingSteady
	// EndingTerminal: the Pod reached phase Succeeded or Failed and nothing more will happen.
	EndingTerminal
	// EndingRemoved: the Pod object was removed from the API server.
	EndingRemoved
	// EndingRefused: the API server refused the Pod.
	EndingRefused
	// EndingTruncated: the limit of events was reached before the horizon.
	EndingTruncated
)

// Unknown says that something in the input is outside the model, and what depends on it.
type Unknown struct {
	// Field is the path of the field in the manifest or scenario, in kubectl's notation.
	Field string
	// Why names what is missing from the model.
	Why string
}

// Choice is one point at which a real kubelet is free (map order, ties of timers) and the way the run took.
type Choice struct {
	At Instant
	// Point names the choice point ("kill order", "deadline tie").
	Point string
	// Options is the number of ways; Taken is in [0, Options).
	Options, Taken int32
}

// Status is one version of the Pod's status as the API server has it.
type Status struct {
	At      Instant
	Pod     PodRef
	Phase   Phase
	Reason  string
	Message string
	// Deleting is true from the moment the object carries a deletion timestamp.
	Deleting   bool
	Conditions []Condition
	// Containers has one entry for each container of the trace, in the order of Trace.Containers. Entries that the
	// status of the API does not have are zero.
	Containers []ContainerStatus
	// Event is the position of the event that led to this version, or -1.
	Event int32
}

// Phase is the Pod's phase.
type Phase uint8

// The phases. PhaseNone is an object that the kubelet has not written yet and that shows no phase.
const (
	PhaseNone Phase = iota
	PhasePending
	PhaseRunning
	PhaseSucceeded
	PhaseFailed
)

// ConditionType names a condition that the kubelet writes.
type ConditionType uint8

// The conditions, in the order in which they are shown.
const (
	PodReadyToStartContainers ConditionType = iota
	PodInitialized
	PodReady
	ContainersReady
	PodScheduled
	AllContainersRestarting // of Pods with a rule that restarts all containers only
	// DisruptionTarget is not the kubelet's alone: whoever ends the Pod for others' sake says so in it.
	DisruptionTarget
)

// Condition is one Pod condition. Its message is derived from Containers.
type Condition struct {
	Type   ConditionType
	True   bool
	Reason string
	// Containers are the ones that the message names ("containers with unready status: [a b]").
	Containers ContainerSet
}

// ContainerSet is a set of positions in Trace.Containers.
type ContainerSet uint64

// Has reports whether position i is in the set.
func (s ContainerSet) Has(i int) bool { return s&(1<<uint(i)) != 0 }

// With returns the set with position i added.
func (s ContainerSet) With(i int) ContainerSet { return s | 1<<uint(i) }

// ContainerStatus is the API's status of one container.
type ContainerStatus struct {
	// Present is false where the API's list has no entry for the container.
	Present bool
	State   ContainerState
	// Last is the last termination state; its Kind is StateNone where there is none.
	Last     ContainerState
	Started  bool
	Ready    bool
	Restarts int32
}

// StateKind says which of the three container states holds.
type StateKind uint8

// The kinds of container states.
const (
	StateNone StateKind = iota
	StateWaiting
	StateRunning
	StateTerminated
)

// ContainerState is waiting, running or terminated, with the reason that kubectl shows.
type ContainerState struct {
	Kind     StateKind
	Reason   string
	ExitCode int32
	// Run is the runtime's attempt that the state tells of; -1 where it tells of none.
	Run int32
}

// Check reports what is wrong with the trace itself: a cause that does not come before its event, a container
// position outside the table, instants that go backwards. A trace made by sim.Run passes.
func (t *Trace) Check() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(t.Containers) > MaxContainers {
		bad("trace has %d containers, at most %d are possible", len(t.Containers), MaxContainers)
	}
	var last Instant
	for i := range t.Events {
		e := &t.Events[i]
		if e.At < last {
			bad("event %d is at %v, before its predecessor at %v", i, e.At, last)
		}
		last = e.At
		if e.Container < NoContainer || int(e.Container) >= len(t.Containers) {
			bad("event %d names container %d of %d", i, e.Container, len(t.Containers))
		}
		for _, c := range e.Causes {
			if c.Event < 0 || int(c.Event) >= i {
				bad("event %d names event %d as its cause", i, c.Event)
			}
		}
	}
	last = 0
	for i := range t.Statuses {
		s := &t.Statuses[i]
		if s.At < last {
			bad("status %d is at %v, before its predecessor at %v", i, s.At, last)
		}
		last = s.At
		if len(s.Containers) != 0 && len(s.Containers) != len(t.Containers) {
			bad("status %d has %d containers, the trace has %d", i, len(s.Containers), len(t.Containers))
		}
		if s.Event < -1 || int(s.Event) >= len(t.Events) {
			bad("status %d names event %d of %d", i, s.Event, len(t.Events))
		}
	}
	t.checkJob(bad)
	return errors.Join(problems...)
}
