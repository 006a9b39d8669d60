package oracle

import (
	"regexp"
	"strconv"
	"strings"

	v1 "k8s.io/api/core/v1"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var phases = map[v1.PodPhase]trace.Phase{
	v1.PodPending: trace.PhasePending, v1.PodRunning: trace.PhaseRunning,
	v1.PodSucceeded: trace.PhaseSucceeded, v1.PodFailed: trace.PhaseFailed,
}

var conditions = map[string]trace.ConditionType{
	"PodReadyToStartContainers": trace.PodReadyToStartContainers,
	"Initialized":               trace.PodInitialized,
	"Ready":                     trace.PodReady,
	"ContainersReady":           trace.ContainersReady,
	"PodScheduled":              trace.PodScheduled,
	"AllContainersRestarting":   trace.AllContainersRestarting,
	"DisruptionTarget":          trace.DisruptionTarget,
}

// named finds the containers in a condition's message.
var named = regexp.MustCompile(`\[([^\]]*)\]`)

// version turns an API status into the trace's form.
func (r *recording) version(pod *v1.Pod) trace.Status {
	s := &pod.Status
	out := trace.Status{
		Phase: phases[s.Phase], Reason: s.Reason, Message: s.Message, Deleting: pod.DeletionTimestamp != nil, Event: -1,
		Containers: make([]trace.ContainerStatus, len(r.trace.Containers)),
	}
	byType := map[trace.ConditionType]v1.PodCondition{}
	for _, c := range s.Conditions {
		if t, ok := conditions[string(c.Type)]; ok {
			byType[t] = c
		}
	}
	for t := trace.PodReadyToStartContainers; t <= trace.DisruptionTarget; t++ {
		c, ok := byType[t]
		if !ok {
			continue
		}
		condition := trace.Condition{Type: t, True: c.Status == v1.ConditionTrue, Reason: c.Reason}
		for _, group := range named.FindAllStringSubmatch(c.Message, -1) {
			for _, name := range strings.Fields(group[1]) {
				if i, ok := r.index[name]; ok {
					condition.Containers = condition.Containers.With(i)
				}
			}
		}
		out.Conditions = append(out.Conditions, condition)
	}
	for _, list := range [][]v1.ContainerStatus{s.InitContainerStatuses, s.ContainerStatuses, s.EphemeralContainerStatuses} {
		for _, c := range list {
			if i, ok := r.index[c.Name]; ok {
				out.Containers[i] = trace.ContainerStatus{
					Present: true, State: state(c.State, c.ContainerID), Last: state(c.LastTerminationState, ""),
					Started: c.Started != nil && *c.Started, Ready: c.Ready, Restarts: c.RestartCount,
				}
			}
		}
	}
	return out
}

// noteDisruption sets the condition DisruptionTarget. pkg/api/v1/pod/util.go: UpdatePodCondition.
func noteDisruption(s *v1.PodStatus, reason string) {
	podutil.UpdatePodCondition(s, &v1.PodCondition{Type: v1.DisruptionTarget, Status: v1.ConditionTrue, Reason: reason})
}

func state(s v1.ContainerState, id string) trace.ContainerState {
	switch {
	case s.Waiting != nil && s.Terminated == nil: // the last state of a record that never ran, and that is gone, is both
		return trace.ContainerState{Kind: trace.StateWaiting, Reason: s.Waiting.Reason, Run: -1}
	case s.Running != nil:
		return trace.ContainerState{Kind: trace.StateRunning, Run: attempt(id)}
	case s.Terminated != nil:
		return trace.ContainerState{
			Kind: trace.StateTerminated, Reason: s.Terminated.Reason, ExitCode: s.Terminated.ExitCode,
			Run: attempt(s.Terminated.ContainerID),
		}
	}
	return trace.ContainerState{Kind: trace.StateNone, Run: -1}
}

// attempt reads the attempt out of a container ID of package cri: TYPE://NAME-ATTEMPT-NUMBER.
func attempt(id string) int32 {
	parts := strings.Split(id, "-")
	if len(parts) < 3 {
		return -1
	}
	n, err := strconv.ParseInt(parts[len(parts)-2], 10, 32)
	if err != nil {
		return -1
	}
	return int32(n)
}
