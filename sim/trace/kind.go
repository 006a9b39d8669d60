package trace

// Kind says what happened. The words follow the runtime and the kubelet and are kept apart: Running is the runtime's
// start of a process, Started is the kubelet's verdict that it counts as started.
type Kind uint8

// The kinds, by who speaks.
const (
	KindNone Kind = iota

	// The API server and the Job controller, about a Job.

	JobCreated            // the API server stored the Job
	JobRefused            // the API server refused it; Reason is its message
	JobFieldDropped       // the API server silently removed a disabled field of the Job; Reason names it
	JobPatched            // a client changed its spec; Reason says what
	JobSync               // the Job controller begins syncJob
	JobSyncFailed         // syncJob ended with an error and is tried again; Span is the wait, Reason the error
	JobBackOff            // new Pods are put off; Span is what is left of the back-off
	JobCounts             // the numbers of Pods in its status changed; Reason spells them
	JobSuspended          // the condition Suspended became True
	JobResumed            // … False
	JobSuccessCriteriaMet // the Job will be complete; Reason is the condition's
	JobFailureTarget      // the Job will have failed; likewise
	JobComplete           // the Job is complete
	JobFailed             // the Job has failed
	JobRemoved            // the object is gone from the API server

	// The API server and the scheduler.

	PodCreated     // the API server stored the Pod
	FieldDropped   // the API server silently removed a disabled field; Reason names it
	PodRefused     // the API server refused the Pod; Reason is its message
	PodBound       // the scheduler chose the node
	PodUnscheduled // the scheduler finds no node; Reason is its message
	DeleteRequested
	PodRemoved // the object is gone from the API server
	PodCounted // the Job controller counts the Pod and lets go of it; Reason says as what

	// The kubelet, about the Pod.

	PodRejected      // admission refused the Pod; Reason is the Pod's reason
	Relist           // PLEG found something new, or the pod worker waited for its word
	WakeUp           // the work queue woke the pod worker; Span is how long it had waited, Reason why
	Sync             // the pod worker begins SyncPod
	SyncTerminating  // … SyncTerminatingPod
	SyncTerminated   // … SyncTerminatedPod
	SandboxReady     // the runtime made the Pod's sandbox
	SandboxStopped   // the runtime stopped it
	DeadlineExceeded // activeDeadlineSeconds ran out and the kubelet saw it
	EvictRequested   // the kubelet decided to evict the Pod, or the API was asked to; Reason says how, Span is the grace
	NodeShutdown     // the node is to shut down, and the kubelet hears of it
	NodeReleased     // the kubelet lets it shut down
	ManifestRemoved  // the manifest of a static Pod is gone from its node
	KubeletStopped   // the kubelet is gone, for a restart or with its node
	KubeletStarted   // … and is started again

	// The kubelet and the runtime, about one container.

	ImageChanged     // a client gave the container another image; Reason names it
	EphemeralAdded   // a client added it to the Pod
	ResourcesChanged // a client gave the container other resources

	BackOff     // a start was put off; Span is the length of the back-off, Reason is the API's word
	PullBegin   // an image pull begins
	PullEnd     // … ends well
	PullFailed  // … fails; Reason is the API's word
	Created     // the runtime made the container
	CreateError // it could not; Reason is the API's word
	Running     // the process runs
	StartError  // it could not be started; Reason is the API's word
	PostStartBegin
	PostStartEnd
	PostStartFailed
	Started         // the kubelet counts the container as started
	Ready           // … as ready
	NotReady        // … no longer as ready
	StartupPassed   // startup probe: the result became success
	StartupFailed   // … failure
	ReadinessPassed // readiness probe: the result became success
	ReadinessFailed
	LivenessPassed
	LivenessFailed
	Killing // the kubelet decided to stop the container; Span is the grace it begins with, Reason why
	PreStopBegin
	PreStopEnd
	PreStopFailed
	PreStopAbandoned // the hook outlived the grace period
	TurnReached      // the wait for containers that must stop earlier is over; Span is the grace left
	StopSignal       // the runtime sends the stop signal; Span is the time until SIGKILL, Reason the signal if the container says which
	KillSignal       // SIGKILL
	OutsideSignal    // somebody else than the kubelet signals the process; Reason names the signal
	Exited           // the process ended; ExitCode, and Reason as the runtime gives it
	Removed          // the runtime removed the container's record

	kindCount
)

// kindNames are the words of the JSON form, of scenario selectors and of `--why`. Never rename one: recordings use them.
var kindNames = [kindCount]string{
	KindNone: "none",

	JobCreated:            "jobCreated",
	JobRefused:            "jobRefused",
	JobFieldDropped:       "jobFieldDropped",
	JobPatched:            "jobPatched",
	JobSync:               "jobSync",
	JobSyncFailed:         "jobSyncFailed",
	JobBackOff:            "jobBackOff",
	JobCounts:             "jobCounts",
	JobSuspended:          "jobSuspended",
	JobResumed:            "jobResumed",
	JobSuccessCriteriaMet: "jobSuccessCriteriaMet",
	JobFailureTarget:      "jobFailureTarget",
	JobComplete:           "jobComplete",
	JobFailed:             "jobFailed",
	JobRemoved:            "jobRemoved",

	PodCreated:       "podCreated",
	FieldDropped:     "fieldDropped",
	PodRefused:       "podRefused",
	PodBound:         "podBound",
	PodUnscheduled:   "podUnscheduled",
	DeleteRequested:  "deleteRequested",
	PodRemoved:       "podRemoved",
	PodCounted:       "podCounted",
	PodRejected:      "podRejected",
	Relist:           "relist",
	WakeUp:           "wakeUp",
	Sync:             "sync",
	SyncTerminating:  "syncTerminating",
	SyncTerminated:   "syncTerminated",
	SandboxReady:     "sandboxReady",
	SandboxStopped:   "sandboxStopped",
	DeadlineExceeded: "deadlineExceeded",
	EvictRequested:   "evictRequested",
	NodeShutdown:     "nodeShutdown",
	NodeReleased:     "nodeReleased",
	ManifestRemoved:  "manifestRemoved",
	KubeletStopped:   "kubeletStopped",
	KubeletStarted:   "kubeletStarted",
	ImageChanged:     "imageChanged",
	EphemeralAdded:   "ephemeralAdded",
	ResourcesChanged: "resourcesChanged",
	BackOff:          "backOff",
	PullBegin:        "pullBegin",
	PullEnd:          "pullEnd",
	PullFailed:       "pullFailed",
	Created:          "created",
	CreateError:      "createError",
	Running:          "running",
	StartError:       "startError",
	PostStartBegin:   "postStartBegin",
	PostStartEnd:     "postStartEnd",
	PostStartFailed:  "postStartFailed",
	Started:          "started",
	Ready:            "ready",
	NotReady:         "notReady",
	StartupPassed:    "startupPassed",
	StartupFailed:    "startupFailed",
	ReadinessPassed:  "readinessPassed",
	ReadinessFailed:  "readinessFailed",
	LivenessPassed:   "livenessPassed",
	LivenessFailed:   "livenessFailed",
	Killing:          "killing",
	PreStopBegin:     "preStopBegin",
	PreStopEnd:       "preStopEnd",
	PreStopFailed:    "preStopFailed",
	PreStopAbandoned: "preStopAbandoned",
	TurnReached:      "turnReached",
	StopSignal:       "stopSignal",
	KillSignal:       "killSignal",
	OutsideSignal:    "outsideSignal",
	Exited:           "exited",
	Removed:          "removed",
}

// String returns the word of the JSON form.
func (k Kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return "invalid"
}

// ParseKind returns the kind with the given word.
func ParseKind(word string) (Kind, bool) {
	for k, name := range kindNames {
		if name == word && Kind(k) != KindNone {
			return Kind(k), true
		}
	}
	return KindNone, false
}

// Kinds returns all kinds in their order.
func Kinds() []Kind {
	kinds := make([]Kind, 0, kindCount-1)
	for k := KindNone + 1; k < kindCount; k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

// Mechanism reports whether the kind tells of the kubelet's inner steps, which a person reading a timeline usually
// does not want to see.
func (k Kind) Mechanism() bool {
	switch k {
	case JobSync, Relist, WakeUp, Sync, SyncTerminating, SyncTerminated, TurnReached, Removed:
		return true
	}
	return false
}
