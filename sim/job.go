package sim

import (
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Job is the part of a Job that decides which Pods run, as written: what is not set is defaulted as the API server does.
// The Pod of the Scenario is its template.
type Job struct {
	// Parallelism is how many Pods may run at once. Nil means 1.
	Parallelism *int32 `json:",omitempty"`
	// Completions is how many Pods must succeed. Nil means 1 if Parallelism is nil too; else any success will do.
	Completions *int32 `json:",omitempty"`
	// Indexed is completionMode Indexed: each completion has an index. It needs Completions.
	Indexed bool `json:",omitempty"`
	// BackoffLimit is how many failed Pods are too many, less one. Nil means 6, and no limit with BackoffLimitPerIndex.
	BackoffLimit *int32 `json:",omitempty"`
	// BackoffLimitPerIndex and MaxFailedIndexes are for indexed Jobs.
	BackoffLimitPerIndex *int32 `json:",omitempty"`
	MaxFailedIndexes     *int32 `json:",omitempty"`
	// ActiveDeadlineSeconds counts from the Job's start, or from the last time it was resumed.
	ActiveDeadlineSeconds *int64 `json:",omitempty"`
	Suspend               bool   `json:",omitempty"`
	// TTLSecondsAfterFinished: so long after its end the Job is deleted, with its Pods.
	TTLSecondsAfterFinished *int32 `json:",omitempty"`
	// PodReplacementPolicy is TerminatingOrFailed or Failed; empty is Failed with a PodFailurePolicy, else TerminatingOrFailed.
	PodReplacementPolicy ReplacementPolicy `json:",omitempty"`
	PodFailurePolicy     []FailureRule     `json:",omitempty"`
	SuccessPolicy        []SuccessRule     `json:",omitempty"`
	// ManagedBy names a controller; a Job of another one than kubernetes.io/job-controller makes no Pods here.
	ManagedBy string `json:",omitempty"`
	// Pods says what the processes do in single Pods, where it is not what the Scenario's Pod says. The first entry that matches holds.
	Pods []PodScript `json:",omitempty"`
}

// ReplacementPolicy says which Pods are replaced.
type ReplacementPolicy string

// The replacement policies.
const (
	// ReplaceTerminatingOrFailed: a Pod is replaced as soon as it is being deleted.
	ReplaceTerminatingOrFailed ReplacementPolicy = "TerminatingOrFailed"
	// ReplaceFailed: a Pod is replaced once it has failed.
	ReplaceFailed ReplacementPolicy = "Failed"
)

// FailureRule is one rule of podFailurePolicy. Exactly one of OnExitCodes and OnPodConditions is set.
type FailureRule struct {
	Action          FailureAction
	OnExitCodes     *ExitCodeMatch     `json:",omitempty"`
	OnPodConditions []PodConditionRule `json:",omitempty"`
}

// FailureAction says what a failed Pod that a rule matches does to its Job.
type FailureAction string

// The actions.
const (
	FailureFailJob   FailureAction = "FailJob"
	FailureFailIndex FailureAction = "FailIndex"
	FailureIgnore    FailureAction = "Ignore"
	FailureCount     FailureAction = "Count"
)

// ExitCodeMatch matches a failed Pod by an exit code that is not zero of one of its containers, init containers included.
type ExitCodeMatch struct {
	// Container is the only container that counts; empty means any.
	Container string `json:",omitempty"`
	// NotIn matches codes that are not among Values; else those that are.
	NotIn  bool `json:",omitempty"`
	Values []int32
}

// PodConditionRule matches a condition of the Pod.
type PodConditionRule struct {
	Type string
	// Status is True, False or Unknown.
	Status string
}

// SuccessRule is one rule of successPolicy. At least one field is set.
type SuccessRule struct {
	// SucceededIndexes are the indexes that must succeed, spelled as in the API ("0-3,7").
	SucceededIndexes string `json:",omitempty"`
	// SucceededCount is how many of them, or of all if none are named, are enough.
	SucceededCount *int32 `json:",omitempty"`
}

// PodMatch picks Pods of a Job. What is nil matches all.
type PodMatch struct {
	// Index is the completion index in an indexed Job, else the ordinal of the Pod; Attempt counts the Pods of that index from 0.
	Index, Attempt *int32 `json:",omitempty"`
}

// PodScript is what the processes do in the Pods that it matches.
type PodScript struct {
	Match PodMatch
	// Containers has one entry for each container of the Pod, init containers first.
	Containers []ContainerScript
}

// ContainerScript is what a container's processes do, and how long the runtime takes for it.
type ContainerScript struct {
	Behavior Behavior
	// Latency is nil for the Pod's.
	Latency *Latency `json:",omitempty"`
}

// PodFor is the Pod of a scenario with a Job: the template, with the behaviour of the Pod of that name.
func (s *Scenario) PodFor(ref trace.PodRef) Pod {
	pod := s.Pod
	for i := range s.Job.Pods {
		script := &s.Job.Pods[i]
		if !script.Match.matches(ref) {
			continue
		}
		pod.Init, pod.Main = slices.Clone(pod.Init), slices.Clone(pod.Main)
		for j := range script.Containers {
			c := containerAt(&pod, j)
			c.Behavior = script.Containers[j].Behavior
			if l := script.Containers[j].Latency; l != nil {
				c.Latency = l
			}
		}
		break
	}
	return pod
}

// containerAt is the n-th container of a Pod, init containers first.
func containerAt(pod *Pod, n int) *Container {
	if n < len(pod.Init) {
		return &pod.Init[n]
	}
	return &pod.Main[n-len(pod.Init)]
}

// JobPatch is a change of a Job's spec through the API. What is nil stays.
type JobPatch struct {
	Suspend               *bool  `json:",omitempty"`
	Parallelism           *int32 `json:",omitempty"`
	Completions           *int32 `json:",omitempty"`
	BackoffLimit          *int32 `json:",omitempty"`
	ActiveDeadlineSeconds *int64 `json:",omitempty"`
}

// jobSpec is a Job's spec after defaulting and dropping, which patches change.
type jobSpec struct {
	Job
	parallelism, backoffLimit int32
	generation                int32
	failurePolicy             bool // a policy is set, even if no rule of it is left
	replaceFailedOnly         bool
}

func (s *jobSpec) perIndex() bool { return s.BackoffLimitPerIndex != nil }
