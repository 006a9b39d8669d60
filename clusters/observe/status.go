package observe

import (
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var phases = map[corev1.PodPhase]trace.Phase{
	corev1.PodPending: trace.PhasePending, corev1.PodRunning: trace.PhaseRunning,
	corev1.PodSucceeded: trace.PhaseSucceeded, corev1.PodFailed: trace.PhaseFailed,
}

// conditionTypes are the conditions that the kubelet writes, in the order of a trace.
var conditionTypes = []corev1.PodConditionType{
	trace.PodReadyToStartContainers: "PodReadyToStartContainers",
	trace.PodInitialized:            corev1.PodInitialized,
	trace.PodReady:                  corev1.PodReady,
	trace.ContainersReady:           corev1.ContainersReady,
	trace.PodScheduled:              corev1.PodScheduled,
	trace.AllContainersRestarting:   corev1.AllContainersRestarting,
	trace.DisruptionTarget:          corev1.DisruptionTarget,
}

// table is a Pod's containers and their positions.
type table struct {
	containers []trace.Container
	index      map[string]int
}

func newTable(containers []trace.Container) table {
	t := table{containers: containers, index: make(map[string]int, len(containers))}
	for i, c := range containers {
		t.index[c.Name] = i
	}
	return t
}

// tableOf is the table of a Pod as the API server has it, and of the ephemeral containers that it has or is to have.
func tableOf(spec *corev1.PodSpec, ephemeral []corev1.EphemeralContainer) table {
	var list []trace.Container
	for _, c := range spec.InitContainers {
		role := trace.RoleInit
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			role = trace.RoleSidecar
		}
		list = append(list, trace.Container{Name: c.Name, Role: role})
	}
	for _, c := range spec.Containers {
		list = append(list, trace.Container{Name: c.Name, Role: trace.RoleMain})
	}
	for _, c := range ephemeral {
		list = append(list, trace.Container{Name: c.Name, Role: trace.RoleEphemeral})
	}
	return newTable(list)
}

// named finds the containers in a condition's message.
var named = regexp.MustCompile(`\[([^\]]*)\]`)

// status turns the API's status into a trace's. Attempt tells the run of a container's ID; -1 where it is not known.
func (t *table) status(pod *corev1.Pod, attempt func(id string) int32) trace.Status {
	s := &pod.Status
	out := trace.Status{
		Phase: phases[s.Phase], Reason: s.Reason, Message: s.Message, Deleting: pod.DeletionTimestamp != nil, Event: -1,
		Containers: make([]trace.ContainerStatus, len(t.containers)),
	}
	for kind, name := range conditionTypes {
		for i := range s.Conditions {
			if s.Conditions[i].Type == name {
				out.Conditions = append(out.Conditions, t.condition(trace.ConditionType(kind), &s.Conditions[i]))
			}
		}
	}
	for _, list := range [][]corev1.ContainerStatus{s.InitContainerStatuses, s.ContainerStatuses, s.EphemeralContainerStatuses} {
		for i := range list {
			if c, ok := t.index[list[i].Name]; ok {
				out.Containers[c] = containerStatus(&list[i], attempt)
			}
		}
	}
	return out
}

func (t *table) condition(kind trace.ConditionType, c *corev1.PodCondition) trace.Condition {
	out := trace.Condition{Type: kind, True: c.Status == corev1.ConditionTrue, Reason: c.Reason}
	for _, group := range named.FindAllStringSubmatch(c.Message, -1) {
		for _, name := range strings.Fields(group[1]) {
			if i, ok := t.index[name]; ok {
				out.Containers = out.Containers.With(i)
			}
		}
	}
	return out
}

func containerStatus(c *corev1.ContainerStatus, attempt func(string) int32) trace.ContainerStatus {
	return trace.ContainerStatus{
		Present: true, State: state(c.State, c.ContainerID, attempt), Last: state(c.LastTerminationState, "", attempt),
		Started: c.Started != nil && *c.Started, Ready: c.Ready, Restarts: c.RestartCount,
	}
}

func state(s corev1.ContainerState, id string, attempt func(string) int32) trace.ContainerState {
	switch {
	case s.Waiting != nil && s.Terminated == nil: // the last state of a record that never ran, and that is gone, is both
		return trace.ContainerState{Kind: trace.StateWaiting, Reason: s.Waiting.Reason, Run: -1}
	case s.Running != nil:
		return trace.ContainerState{Kind: trace.StateRunning, Run: attempt(bareID(id))}
	case s.Terminated != nil:
		return trace.ContainerState{
			Kind: trace.StateTerminated, Reason: s.Terminated.Reason, ExitCode: s.Terminated.ExitCode, Run: attempt(bareID(s.Terminated.ContainerID)),
		}
	}
	return trace.ContainerState{Kind: trace.StateNone, Run: -1}
}

// bareID cuts the runtime's name off a container's ID.
func bareID(id string) string {
	if _, bare, ok := strings.Cut(id, "://"); ok {
		return bare
	}
	return id
}
