package sim

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Scenario is everything that a run depends on besides the target and the Config: one Pod, what its processes will
// do, and what happens to it from outside. Package fixtures lowers manifests and scenario files to it; the oracle
// takes its JSON form.
type Scenario struct {
	Name string
	Pod  Pod
	// Job, where set, makes Pods; Pod is its template then.
	Job *Job `json:",omitempty"`
	// Latency, where set, replaces Config.Latency.
	Latency *Latency `json:",omitempty"`
	Steps   []Step   `json:",omitempty"`
	Node    Node
	// Horizon is the virtual time after which the run stops; 0 means DefaultHorizon after the last timed step.
	Horizon time.Duration `json:",omitempty"`
	// Unmodelled lists fields that are set in the manifest and that the model does not know. They make the result unknown.
	Unmodelled []Unmodelled `json:",omitempty"`
}

// Unmodelled is one set field outside the model.
type Unmodelled struct{ Field, Why string }

// Node is what the kubelet's configuration decides.
type Node struct {
	// MaxContainerRestartPeriod caps the crash back-off (crashLoopBackOff.maxContainerRestartPeriod); 0 means unset.
	// It has an effect only where the gate KubeletCrashLoopBackOffMax is on. Range 1 s to 300 s.
	MaxContainerRestartPeriod time.Duration `json:",omitempty"`
	// EvictionMaxPodGracePeriod is the grace of soft evictions (evictionMaxPodGracePeriod), in whole seconds; the default is 0.
	EvictionMaxPodGracePeriod time.Duration `json:",omitempty"`
	// ShutdownGracePeriod is how long the kubelet delays a shutdown of its node at most, in whole seconds; 0 means not at all.
	// ShutdownGracePeriodCriticalPods is the part of it that is kept for critical Pods, not more than the whole.
	ShutdownGracePeriod, ShutdownGracePeriodCriticalPods time.Duration `json:",omitempty"`
}

// RestartPolicy is the Pod's, or a container's own. Empty on a container means: not set.
type RestartPolicy string

// The restart policies.
const (
	RestartAlways    RestartPolicy = "Always"
	RestartOnFailure RestartPolicy = "OnFailure"
	RestartNever     RestartPolicy = "Never"
)

// Pod is the part of a Pod that orders its containers, after the API server's defaulting.
type Pod struct {
	Name          string
	Namespace     string
	RestartPolicy RestartPolicy
	// TerminationGracePeriodSeconds is spec.terminationGracePeriodSeconds; the API server's default is 30.
	TerminationGracePeriodSeconds int64
	// ActiveDeadlineSeconds is spec.activeDeadlineSeconds; 0 means none.
	ActiveDeadlineSeconds int64 `json:",omitempty"`
	// OS is spec.os.name, without which the API server refuses stop signals.
	OS string `json:",omitempty"`
	// Static Pods come from a manifest on the node: the API server's dropping and validation do not apply.
	Static bool `json:",omitempty"`
	// Critical is true for a Pod whose priority is that of system-cluster-critical or above.
	Critical bool `json:",omitempty"`
	// NoVolumes is true for a Pod that mounts nothing, not even the token of a service account. Only such a Pod loses its directory
	// when it is deleted by force before anything of it runs.
	NoVolumes bool `json:",omitempty"`
	// Init and Main are the containers in the order of the manifest. Together, and with the ephemeral ones, at most trace.MaxContainers.
	Init []Container
	Main []Container
	// Ephemeral are those that steps add. They have neither probes nor hooks.
	Ephemeral []Container `json:",omitempty"`
}

// Names reports whether the Pod has, or will be given, a container of that name.
func (p *Pod) Names(container string) bool {
	return named(p.Init, container) || named(p.Main, container) || named(p.Ephemeral, container)
}

// Container is one entry of initContainers or containers.
type Container struct {
	Name  string
	Image string `json:",omitempty"`
	// RestartPolicy is the container's own policy as written. Always on an init container makes it a sidecar.
	RestartPolicy RestartPolicy `json:",omitempty"`
	// RestartRules are restartPolicyRules: the first that matches the exit code says what happens.
	RestartRules []RestartRule `json:",omitempty"`
	// StopSignal is lifecycle.stopSignal. Empty means the image's own, which is taken for SIGTERM.
	StopSignal Signal `json:",omitempty"`
	// AlwaysPull is true for imagePullPolicy Always: each start pulls.
	AlwaysPull                   bool   `json:",omitempty"`
	Startup, Readiness, Liveness *Probe `json:",omitempty"`
	PostStart, PreStop           *Hook  `json:",omitempty"`
	// EmptyLifecycle is true where lifecycle is written with nothing in it, which a plain init container may not have.
	EmptyLifecycle bool     `json:",omitempty"`
	Latency        *Latency `json:",omitempty"`
	Behavior       Behavior
}

// RestartRule is one rule of restartPolicyRules.
type RestartRule struct {
	Action RestartAction
	// NotIn: it matches the exit codes that are not among Values; else those that are.
	NotIn  bool    `json:",omitempty"`
	Values []int32 `json:",omitempty"`
}

// RestartAction is what a rule that matches does.
type RestartAction string

// The actions.
const (
	ActionRestart              RestartAction = "Restart"
	ActionRestartAllContainers RestartAction = "RestartAllContainers"
)

// Probe is a probe after defaulting. All times are whole seconds, as in the API.
type Probe struct {
	InitialDelaySeconds int64 `json:",omitempty"`
	// PeriodSeconds, TimeoutSeconds, SuccessThreshold and FailureThreshold are at least 1.
	PeriodSeconds, TimeoutSeconds      int64
	SuccessThreshold, FailureThreshold int64
	// TerminationGracePeriodSeconds replaces the Pod's value for kills by this probe; 0 means not set.
	TerminationGracePeriodSeconds int64 `json:",omitempty"`
	Handler                       Handler
}

// Handler is how a probe or hook is carried out.
type Handler string

// The handlers.
const (
	HandlerExec  Handler = "exec"
	HandlerHTTP  Handler = "httpGet"
	HandlerTCP   Handler = "tcpSocket"
	HandlerGRPC  Handler = "grpc"
	HandlerSleep Handler = "sleep"
)

// Hook is a lifecycle hook. What it does is in the Behavior, except for sleep.
type Hook struct {
	Handler Handler
	// SleepSeconds is the length of a sleep hook.
	SleepSeconds int64 `json:",omitempty"`
}

// Latency holds how long the runtime takes. Zero is a legal value: no time.
type Latency struct {
	// Sandbox is the length of RunPodSandbox, Pull of an image pull, Create of CreateContainer, Start of StartContainer.
	Sandbox, Pull, Create, Start time.Duration
	// Stop is how long StopContainer takes to return once the process is gone.
	Stop time.Duration
	// Exec is added to every exec probe and exec hook.
	Exec time.Duration
}

// Forever as the length of a Process means that the process does not end by itself.
const Forever = time.Duration(-1)

// Behavior says what a container's processes will do. In every list the last entry repeats; an empty list is the
// zero entry of its type, for Runs one run that never ends by itself and exits 143 on the stop signal.
type Behavior struct {
	// Pulls: empty means that the image is on the node. Containers with one image share the Pulls, and the pull latency, of the first
	// of them.
	Pulls  []Pull    `json:",omitempty"`
	Starts []Start   `json:",omitempty"`
	Runs   []Process `json:",omitempty"`
}

// Pull is one attempt to pull the image.
type Pull struct {
	// Takes is added to Latency.Pull.
	Takes time.Duration
	// Result is empty for success, else the API's reason: ErrImagePull, InvalidImageName.
	Result string `json:",omitempty"`
}

// Start is one attempt to create and start the container.
type Start struct {
	// Create is empty for success, else ConfigError (CreateContainerConfigError) or Error (CreateContainerError).
	Create string `json:",omitempty"`
	// Start is empty for success, else Error (RunContainerError; the record stays in state Created).
	Start string `json:",omitempty"`
}

// Process is the life of one process: one run of its container.
type Process struct {
	// For is how long it runs by itself, from its start; Forever for no end.
	For      time.Duration
	ExitCode int32 `json:",omitempty"`
	// OOMKilled makes the runtime report reason OOMKilled.
	OOMKilled bool `json:",omitempty"`
	OnStop    StopReaction
	// Startup, Readiness and Liveness are the answers to the probes: the last entry whose From is not later than the time
	// since the start holds. Empty means success at once.
	Startup, Readiness, Liveness []Answer `json:",omitempty"`
	PostStart, PreStop           HookRun
}

// StopReaction is what a process does on the stop signal.
type StopReaction struct {
	// Ignore: it goes on until SIGKILL (exit code 137).
	Ignore bool `json:",omitempty"`
	// Only is the one signal that it reacts to, where the container may have more than one in its life; empty means any.
	Only Signal `json:",omitempty"`
	// After is the time from the signal to the exit.
	After    time.Duration `json:",omitempty"`
	ExitCode int32         `json:",omitempty"`
}

// Answer is what a probe finds from a moment of the process's life on.
type Answer struct {
	From time.Duration `json:",omitempty"`
	// Result is success, failure or error (the probe itself could not be carried out: the kubelet drops the result).
	Result AnswerResult
	// Takes is how long the answer takes; more than the probe's timeout is a failure at the timeout.
	Takes time.Duration `json:",omitempty"`
}

// AnswerResult is the outcome of one probe. The zero value is success.
type AnswerResult string

// The outcomes of a probe.
const (
	AnswerSuccess AnswerResult = "success"
	AnswerFailure AnswerResult = "failure"
	AnswerError   AnswerResult = "error"
)

// HookRun is what a hook does in one run. The zero value succeeds at once.
type HookRun struct {
	Takes time.Duration `json:",omitempty"`
	Fails bool          `json:",omitempty"`
	// EndsProcess: when the hook ends, the process ends too, as if by the stop signal.
	EndsProcess bool `json:",omitempty"`
}

// Step is something that happens to the Pod from outside, once. Exactly one action is set.
type Step struct {
	Name string `json:",omitempty"`
	// At is the instant since the Pod's creation, for a step without After.
	At time.Duration `json:",omitempty"`
	// After, where set, makes the step wait for an event; At is then the delay after it.
	After *Selector `json:",omitempty"`
	// Pod picks, of a Job's Pods, the one that the action is about: the first that matches and exists.
	Pod *PodMatch `json:",omitempty"`

	Delete      *Delete      `json:",omitempty"`
	Kill        *Kill        `json:",omitempty"`
	LoseSandbox *LoseSandbox `json:",omitempty"`

	RestartKubelet *RestartKubelet `json:",omitempty"`
	RebootNode     *RebootNode     `json:",omitempty"`
	ShutdownNode   *ShutdownNode   `json:",omitempty"`
	RemoveManifest *RemoveManifest `json:",omitempty"`
	Evict          *Evict          `json:",omitempty"`
	Patch          *Patch          `json:",omitempty"`
	AddEphemeral   *AddEphemeral   `json:",omitempty"`

	PatchJob *JobPatch `json:",omitempty"`
}

// Delete is a deletion of the Pod through the API.
type Delete struct {
	// GracePeriodSeconds of the request; nil means the Pod's own.
	GracePeriodSeconds *int64 `json:",omitempty"`
	// Force removes the object from the API server at once (grace 0).
	Force bool `json:",omitempty"`
}

// Kill is a signal to the process of a container that comes from outside the kubelet. Without a process it does nothing, and the
// trace's Unknown list says so.
type Kill struct {
	Container string
	Signal    Signal
}

// Signal is a signal by its name.
type Signal string

// The signals that a step may send. SIGKILL ends the process at once; to SIGTERM it reacts as to the stop signal, once.
const (
	SignalKill Signal = "SIGKILL"
	SignalTerm Signal = "SIGTERM"
	// SignalStop as a stop signal holds the process up, so that it does not react; no step sends it.
	SignalStop Signal = "SIGSTOP"
)

// LoseSandbox ends the Pod's sandbox behind the kubelet's back, as the end of its pause process does. The containers' own processes
// go on until the kubelet stops them.
type LoseSandbox struct{}

// RestartKubelet stops the kubelet and starts it again.
type RestartKubelet struct {
	// Down is how long there is none, 0 or more. It takes the Pods Config.KubeletStartup later.
	Down time.Duration `json:",omitempty"`
	// Gates are set on top of those of the target from then on. With one that its release does not know or has locked the kubelet would not
	// start: the step then does nothing, and the trace's Unknown list says so.
	Gates []gates.Override `json:",omitempty"`
}

// RebootNode crashes the node: all processes end at once, the kubelet starts again when the node is back. The runtime shows the processes
// as ended, with exit code 255, when it is there again.
type RebootNode struct {
	// Down is how long the node is away, 0 or more.
	Down time.Duration `json:",omitempty"`
	// Orderly: the node shuts down first, and the crash is that of what still runs then.
	Orderly bool `json:",omitempty"`
}

// ShutdownNode shuts the node down, in order if its kubelet has time for that. It does not come back.
type ShutdownNode struct{}

// RemoveManifest takes the manifest of a static Pod away from the node.
type RemoveManifest struct{}

// Evict is an eviction of the Pod.
type Evict struct{ Mode EvictMode }

// EvictMode says who evicts, and with what grace.
type EvictMode string

// The modes.
const (
	// EvictAPI is the eviction subresource: a deletion with the Pod's own grace.
	EvictAPI EvictMode = "api"
	// EvictHard and EvictSoft come from the kubelet's eviction thresholds: without grace, and with the node's EvictionMaxPodGracePeriod.
	EvictHard EvictMode = "hard"
	EvictSoft EvictMode = "soft"
	// EvictPreempt makes room for a critical Pod, with the Pod's own grace.
	EvictPreempt EvictMode = "preempt"
)

// Patch is a change of the Pod through the API. New images are on the node.
type Patch struct {
	// Images are the containers that get another image, Resize those that get other resources; not both are empty.
	Images []ImageChange `json:",omitempty"`
	Resize []Resize      `json:",omitempty"`
}

// Resize gives a container resources that it never had. Restart is true where one of them has the resizePolicy RestartContainer.
type Resize struct {
	Container string
	Restart   bool `json:",omitempty"`
}

// ImageChange is the new image of one container.
type ImageChange struct{ Container, Image string }

// AddEphemeral adds one of the Pod's ephemeral containers through the API.
type AddEphemeral struct{ Container string }

// Selector picks one event of a trace.
type Selector struct {
	// Pod picks Pods of a Job; nil matches all. Events of the Job itself have no Pod.
	Pod *PodMatch `json:",omitempty"`
	// Container is a name, or empty for events of the Pod.
	Container string `json:",omitempty"`
	// Kind is a word of trace.Kind.
	Kind string
	// Run is the runtime's attempt; -1 means any.
	Run int32
	// Nth picks the n-th match, from 1; 0 means the first.
	Nth int32 `json:",omitempty"`
}
